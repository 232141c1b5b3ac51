
/*
 * Copyright (C) Keepers
 */

import { get } from "./api.js";
import { body, failed, h, say } from "./dom.js";
import { count, date, flag, moment, number, status } from "./words.js";

const PAGE = 25;
const PAUSE_MS = 250;

/*
 * A search opens a bounded number of rows a time, so that an answer may be
 * empty and yet not the last: so many are asked before the person is.
 */
const ROUNDS = 8;

const COLUMNS = ["Name", "E-mail", "Phone", "Link", "Joined"];

/* A narrow screen shows rows as blocks; the roles keep it a table. */
const cell = (name, ...children) =>
    h("td", { role: "cell", class: name }, ...children);


function row(one) {
    const mark = status(one.status);

    return h("tr", { role: "row", tabindex: "-1" },
             cell("name", h("span", { dir: "auto" }, one.name || "No name"),
                  mark && h("span", { class: "mark" }, mark)),
             cell("email", h("bdi", {}, one.email),
                  (one.flags ?? []).map(flag).filter(Boolean)
                      .map((words) => h("span", { class: "mark" }, words))),
             cell("phone", h("bdi", {}, one.phone)),
             cell("link", one.link),
             cell("joined", h("time", { datetime: one.joined,
                                        title: moment(one.joined) },
                              date(one.joined))));
}


function table(rows) {
    return h("table", { role: "table", class: "people",
                        "aria-labelledby": "customers-title" },
             h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
               COLUMNS.map((name) =>
                   h("th", { role: "columnheader", scope: "col" }, name)))),
             rows);
}


function first() {
    return h("div", { class: "first" },
             h("p", {}, h("strong", {}, "No customers yet.")),
             h("ol", {},
               h("li", {}, "Print the code of one of ",
                 h("a", { href: "#links" }, "your links"), "."),
               h("li", {}, "Put it where people wait: at the till, "
                           + "on the tables."),
               h("li", {}, "Try it with your own phone. "
                           + "You will appear here.")));
}


class List {
    constructor(place) {
        this.place = place;
        this.words = "";
        this.going = null;
        this.timer = 0;

        this.box = h("input", {
            type: "search", id: "search", autocomplete: "off",
            spellcheck: "false", oninput: () => this.later(),
        });
        this.shown = h("p", { class: "soft shown" });
        this.out = h("div", { class: "out" });

        place.replaceChildren(
            h("form", { role: "search", onsubmit: (e) => this.now(e) },
              h("label", { for: "search" }, "Search name, e-mail or phone"),
              this.box),
            this.shown, this.out);
    }


    later() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.now(), PAUSE_MS);
    }


    now(event) {
        event?.preventDefault();
        clearTimeout(this.timer);

        const words = this.box.value.trim();

        if (event || words !== this.words) {
            this.words = words;
            this.start();
        }
    }


    clear() {
        this.box.value = "";
        this.box.focus();
        this.now();
    }


    /* Each start ends the one before: answers cannot overtake each other. */
    async start() {
        this.going?.abort();
        this.going = new AbortController();
        this.rows = h("tbody", { role: "rowgroup" });
        this.n = 0;

        this.place.setAttribute("aria-busy", "true");

        if (!this.out.hasChildNodes()) {
            this.out.append(h("p", { class: "soft" }, "Loading…"));
        }

        await this.fetch(null);
    }


    async fetch(after) {
        const signal = this.going.signal;

        try {
            const page = await this.page(after, signal);

            this.draw(page);

        } catch (fault) {
            if (signal.aborted) {
                return;
            }

            this.shown.textContent = "";
            this.out.replaceChildren(
                ...(this.n ? [table(this.rows)] : []),
                failed(fault, () => this.fetch(after)));
        }

        this.place.removeAttribute("aria-busy");
    }


    async page(after, signal) {
        let page;

        for (let round = 0; round < ROUNDS; round++) {
            page = await get("customers",
                             { q: this.words, after, limit: PAGE }, signal);

            if (page.items.length || !page.next) {
                break;
            }

            after = page.next;
        }

        return page;
    }


    draw({ items, next }) {
        const rows = items.map(row);
        const more = this.n > 0;

        this.rows.append(...rows);
        this.n += rows.length;
        this.out.replaceChildren(...this.state(next));
        this.tell(next);

        /* The button that was pressed is gone: go on where the news is. */
        if (more) {
            (rows[0] ?? this.out.lastElementChild).focus?.();
        }
    }


    state(next) {
        if (this.n === 0 && !next) {
            return this.words ? [this.none()] : [first()];
        }

        return [
            this.n ? table(this.rows)
                   : h("p", {}, "Nothing found among the newest so far."),
            next && h("button", { type: "button", class: "quiet more",
                                  onclick: () => this.fetch(next) },
                      this.n ? "Load more" : "Search further back"),
        ].filter(Boolean);
    }


    none() {
        return h("div", { class: "first" },
                 h("p", {}, "No customer matches ",
                   h("strong", { dir: "auto" }, `“${this.words}”`), "."),
                 h("button", { type: "button", class: "quiet",
                               onclick: () => this.clear() },
                   "Clear the search"));
    }


    tell(next) {
        const found = this.words ? " found" : "";
        const words = next
            ? `Showing the newest ${number(this.n)}${found}`
            : this.words ? `${number(this.n)} found`
                         : count(this.n, "customer", "customers");

        this.shown.textContent = this.n ? words : "";
        say(this.n ? words : "No customers found");
    }
}


let list;


export function showCustomers() {
    list ??= new List(body("customers"));

    return list.start();
}
