
/*
 * Copyright (C) Keepers
 */

const NUMBER = new Intl.NumberFormat("en-GB");

const DAY = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", timeZone: "UTC",
});

const MOMENT = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit",
});

const DATE = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric",
});

const STATUS = {
    active: "",
    phone_unread: "Phone unclear",
};

const SCOPE = {
    "customers.read": "sees customers",
    "customers.write": "deletes customers and judges held signups",
    "links.read": "sees links",
    "links.write": "changes links",
    "audit.read": "reads the log",
};

const REASON = {
    markup: "The name has code in it",
    url_in_name: "The name has a web address in it",
    honeypot: "A field that people do not see was filled in",
    budget: "This address was signed up at many businesses today",
};

/* Of an address; what a name in another script needs is no news to a person. */
const FLAG = {
    disposable: "Throw-away address",
    typo: "Is it spelled right?",
};


export function number(n) {
    return NUMBER.format(n);
}


export function count(n, one, many) {
    return `${number(n)} ${n === 1 ? one : many}`;
}


export function day(text) {
    return DAY.format(new Date(`${text}T00:00:00Z`));
}


export function moment(text) {
    return MOMENT.format(new Date(text));
}


export function date(text) {
    return DATE.format(new Date(text));
}


export function scope(code) {
    return SCOPE[code] ?? code;
}


/* A code that this page does not know yet is shown, not hidden. */
function plain(code) {
    return code.replaceAll("_", " ");
}


export function status(code) {
    return STATUS[code] ?? plain(code);
}


export function reason(code) {
    return REASON[code] ?? plain(code);
}


/* Null: nothing that a person has to know. */
export function flag(code) {
    return FLAG[code] ?? null;
}
