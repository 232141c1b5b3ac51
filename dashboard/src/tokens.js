
/*
 * Copyright (C) Keepers
 */

import { Fault, get, post, remove } from "./api.js";
import { body, card, h, say, twice } from "./dom.js";
import { date, moment, scope } from "./words.js";

const form = document.getElementById("make");
const made = document.getElementById("made");


/* It is shown this once: whoever leaves the page has to make another. */
function show(one) {
    const text = h("input", { type: "text", id: "token", readonly: true,
                              value: one.token, spellcheck: "false",
                              autocomplete: "off" });
    const button = h("button", { type: "button", onclick: async () => {
        text.select();

        try {
            await navigator.clipboard.writeText(one.token);
            say("The token is copied");
            button.textContent = "Copied";

        } catch {
            /* Plain HTTP has no clipboard: it is marked, a key copies it. */
            say("The token is marked, copy it with your keyboard");
            text.focus();
        }
    } }, "Copy the token");

    made.replaceChildren(h("div", { class: "once" },
        h("label", { for: "token" }, "Copy it now, it is not shown again"),
        text,
        h("div", { class: "acts" }, button,
          h("button", { type: "button", class: "quiet", onclick: () => {
              made.replaceChildren();
              document.getElementById("tokens-title").focus();
          } }, "I have it"))));

    text.focus();
    text.select();
}


form.addEventListener("submit", async (event) => {
    const fault = form.querySelector(".fault");
    const button = form.querySelector("button");
    const scopes = [...form.querySelectorAll("[name=scope]:checked")]
                   .map((box) => box.value);

    event.preventDefault();
    fault.textContent = "";

    if (scopes.length === 0) {
        fault.textContent = "Tick what it may do.";
        form.querySelector("[name=scope]").focus();

        return;
    }

    button.disabled = true;

    try {
        show(await post("tokens", {
            name: form.querySelector("#name").value,
            scopes: scopes.join(" "),
            days: form.querySelector("#days").value,
        }));
        form.reset();
        say("The token is made");
        showTokens();

    } catch (what) {
        fault.textContent = what.message;
    }

    button.disabled = false;
});


function end(entry, one) {
    return async (button) => {
        button.disabled = true;

        try {
            await remove(`tokens/${encodeURIComponent(one.id)}`);

        } catch (fault) {
            entry.querySelector(".fault").textContent = fault.message;
            button.disabled = false;

            return;
        }

        say(`${one.name} has no access any more`);
        made.replaceChildren();
        document.getElementById("tokens-title").focus();
        showTokens();
    };
}


function item(one) {
    const entry = h("li", {});
    const over = new Date(one.expires) <= new Date();

    entry.append(
        h("h3", {}, h("bdi", {}, one.name), over && " ",
          over && h("span", { class: "mark" }, "Expired")),
        h("p", {}, h("code", {}, `${one.prefix}…`)),
        h("p", { class: "soft" },
          `It ${one.scopes.split(" ").map(scope).join(", ")}. `
          + `Made ${date(one.created)}, ends ${date(one.expires)}, `
          + (one.used ? `last used in the hour from ${moment(one.used)}.` : "never used yet.")),
        h("p", { class: "fault", role: "alert" }),
        h("div", { class: "acts" },
          twice("End", "End for good", end(entry, one), one.name)));

    return entry;
}


/* Only an owner sees tokens; nobody else is shown a form that fails. */
async function load() {
    try {
        return await get("tokens");

    } catch (fault) {
        if (fault instanceof Fault && fault.status === 403) {
            return null;
        }

        throw fault;
    }
}


export function showTokens() {
    return card(body("tokens"), load, (answer) => {
        form.hidden = answer === null;

        if (answer === null) {
            return h("p", { class: "soft" }, "Only an owner makes tokens.");
        }

        return answer.items.length
               ? h("ul", { class: "plain" }, answer.items.map(item))
               : h("p", { class: "soft" }, "No token yet.");
    });
}
