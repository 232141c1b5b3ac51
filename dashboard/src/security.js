
/*
 * Copyright (C) Keepers
 *
 * The second factors of one's own account.  Each step carries its own proof:
 * a session that somebody left open on the counter changes nothing here.
 */

import { get, post, prove, remove } from "./api.js";
import { body, card, h, say } from "./dom.js";
import { draw } from "./passkeys.js";
import { code, form, password, proven } from "./proving.js";
import { count, date } from "./words.js";

const WRONG = "That code does not fit. Is your phone's clock right?";


/* Where something new has come, those who use no mouse go on. */
function show(...nodes) {
    body("factor").replaceChildren(...nodes);
    document.getElementById("factor-title").focus();
}


function codes({ recovery_codes: list }) {
    show(h("p", {}, h("strong", {}, "Keep these recovery codes now. "),
           "They are shown this once. Each of them signs you in one time, "
           + "without your phone. Print them, or write them down."),
         h("ul", { class: "codes", "aria-label": "Recovery codes" },
           list.map((one) => h("li", {}, h("code", {}, one)))),
         h("div", { class: "acts" },
           h("button", { type: "button", class: "quiet",
                         onclick: () => print() }, "Print"),
           h("button", { type: "button", class: "quiet",
                         onclick: () => start() }, "I have kept them")));
    say("Recovery codes are shown");
}


async function confirm({ code: typed }) {
    const answer = await post("factors/totp/confirm", { code: typed });

    /* Whoever was signed in with the password alone is not any more. */
    await remove("sessions").catch(() => {});
    codes(answer);
}


function scan({ secret, qr }) {
    show(h("ol", { class: "steps" },
           h("li", {}, "Scan this with an authenticator app.",
             h("img", { class: "code", width: "200", height: "200",
                        alt: "QR code for an authenticator app; the key "
                             + "below is the same",
                        src: `data:image/svg+xml,${encodeURIComponent(qr)}` }),
             h("p", { class: "soft" }, "Or type this key: ",
               h("code", { id: "secret" },
                 secret.match(/.{4}/g).join(" ")))),
           h("li", {}, "Type the six digits that it shows.",
             form([code("They change every half minute.")],
                  [{ name: "Switch on", kind: "main", act: confirm }],
                  WRONG))));
}


const scanNew = async () => scan(await post("factors/totp"));


async function setUp({ password: typed }) {
    await prove({ password: typed });
    await scanNew();
}


const renew = proven(async () => codes(await post("factors/codes")));

const switchOff = proven(async () => {
    await post("factors/totp/remove");
    say("Sign-in codes are switched off");
    await start();
});


const left = (n) => n ? `${count(n, "recovery code is",
                                 "recovery codes are")} left.`
                      : "No recovery code is left: make new ones.";

const renewal = { name: "New recovery codes", kind: "quiet", act: renew };


/* Beside a passkey: what proves who it is, is that. */
function beside({ recovery_codes: n }) {
    return [
        h("p", {}, left(n)),
        h("p", {}, "A code from an app on your phone is a second way in, "
                   + "where there is no passkey."),
        form([code("A recovery code. Leave it empty to use a passkey.",
                   { required: false })],
             [{ name: "Set up", kind: "main", act: proven(scanNew) },
              renewal], WRONG),
    ];
}


function off() {
    return [
        h("p", {}, "Somebody who learns your password can sign in as you, "
                   + "and see your customers. With a code from an app on "
                   + "your phone they cannot."),
        form([password()], [{ name: "Set up", kind: "main", act: setUp }],
             WRONG),
    ];
}


function on({ since, recovery_codes: n }, passkeys) {
    return [
        h("p", {}, h("span", { class: "mark" }, "On"),
          ` since ${date(since)}. `, left(n)),
        form([code("Six digits from your app, or a recovery code, for what "
                   + "follows."
                   + (passkeys ? " Leave it empty to use a passkey." : ""),
                   { required: !passkeys })],
             [renewal,
              { name: "Switch off", kind: "danger", act: switchOff }], WRONG),
    ];
}


function factor(items) {
    const totp = items.find(({ kind }) => kind === "totp");

    if (totp) {
        return on(totp, items.length > 1);
    }

    return items.length ? beside(items[0]) : off();
}


/* What has changed: the codes that came with it first, if there are any. */
async function changed(made) {
    if (made.recovery_codes) {
        codes(made);
        await passkeys();

        return;
    }

    await start(false);
    document.getElementById("passkeys-title").focus();
}


const passkeys = () => card(body("passkeys"), () => get("factors"),
                            ({ items }) => draw(items, changed));


async function start(focus = true) {
    const factors = get("factors");

    await Promise.all([
        card(body("factor"), () => factors, ({ items }) => factor(items)),
        card(body("passkeys"), () => factors,
             ({ items }) => draw(items, changed)),
    ]);

    if (focus) {
        document.getElementById("factor-title").focus();
    }
}


start(false);
