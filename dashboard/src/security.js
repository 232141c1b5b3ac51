
/*
 * Copyright (C) Keepers
 *
 * The second factor of one's own account.  Each step carries its own proof:
 * a session that somebody left open on the counter changes nothing here.
 */

import { get, post, prove, remove } from "./api.js";
import { body, card, h, say } from "./dom.js";
import { count, date } from "./words.js";


/* Where something new has come, those who use no mouse go on. */
function show(...nodes) {
    body("factor").replaceChildren(...nodes);
    document.getElementById("factor-title").focus();
}


function field(id, name, hint, props) {
    return h("div", { class: "field" },
             h("label", { for: id }, name),
             h("p", { class: "soft", id: `${id}-hint` }, hint),
             h("input", { id, "aria-describedby": `${id}-hint`,
                          required: true, dir: "ltr", ...props }));
}


const password = () => field("password", "Your password",
    "Again, so that nobody else does this on your device.",
    { type: "password", autocomplete: "current-password" });

const code = (hint) => field("code", "Code", hint,
    { type: "text", autocomplete: "one-time-code", autocapitalize: "none",
      spellcheck: "false" });


/*
 * A form with a way to do something, or several.  What goes wrong is said at
 * the field, which has the focus and what was typed.
 */
function form(input, ways) {
    const fault = h("p", { class: "fault", role: "alert" });
    const box = input.querySelector("input");
    const buttons = ways.map(({ name, kind, act }) =>
        h("button", { type: "submit", class: kind, onclick: (event) => {
            event.preventDefault();
            go(act);
        } }, name));

    async function go(act) {
        if (!box.value.trim()) {
            fault.textContent = "This is needed first.";
            box.focus();

            return;
        }

        fault.textContent = "";
        buttons.forEach((one) => { one.disabled = true; });

        try {
            await act(box.value);

        } catch (reason) {
            fault.textContent = reason.status === 422
                ? "That code does not fit. Is your phone's clock right?"
                : reason.message;
            box.select();
        }

        buttons.forEach((one) => { one.disabled = false; });
    }

    return h("form", { class: "proof", novalidate: true }, input, fault,
             h("div", { class: "acts" }, buttons));
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


async function confirm(typed) {
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
             form(code("They change every half minute."),
                  [{ name: "Switch on", kind: "main", act: confirm }]))));
}


async function setUp(typed) {
    await prove({ password: typed });
    scan(await post("factors/totp"));
}


const withCode = (act) => async (typed) => {
    await prove({ code: typed });
    await act();
};

const renew = withCode(async () => codes(await post("factors/totp/codes")));

const switchOff = withCode(async () => {
    await post("factors/totp/remove");
    say("Sign-in codes are switched off");
    await start();
});


function off() {
    return [
        h("p", {}, "Somebody who learns your password can sign in as you, "
                   + "and see your customers. With a code from an app on "
                   + "your phone they cannot."),
        form(password(), [{ name: "Set up", kind: "main", act: setUp }]),
    ];
}


function on({ since, recovery_codes: left }) {
    return [
        h("p", {}, h("span", { class: "mark" }, "On"),
          ` since ${date(since)}. `,
          left ? `${count(left, "recovery code is", "recovery codes are")}`
                 + " left."
               : "No recovery code is left: make new ones."),
        form(code("Six digits from your app, or a recovery code, for what "
                  + "follows."),
             [{ name: "New recovery codes", kind: "quiet", act: renew },
              { name: "Switch off", kind: "danger", act: switchOff }]),
    ];
}


async function start(focus = true) {
    await card(body("factor"), () => get("factors"), ({ items }) =>
        items.length ? on(items[0]) : off());

    if (focus) {
        document.getElementById("factor-title").focus();
    }
}


start(false);
