
/*
 * Copyright (C) Keepers
 */

import { get, post } from "./api.js";
import { body, card, h, say, twice } from "./dom.js";
import { date, reason } from "./words.js";


function act(entry, one, what, done) {
    return async () => {
        const acts = entry.querySelectorAll("button");

        acts.forEach((button) => { button.disabled = true; });

        try {
            await post(`held/${encodeURIComponent(one.id)}/${what}`);

        } catch (fault) {
            entry.querySelector(".fault").textContent = fault.message;
            acts.forEach((button) => { button.disabled = false; });

            return;
        }

        say(what === "accept" ? "Accepted" : "Discarded");
        document.getElementById("held-title").focus();
        done();
    };
}


function item(one, done) {
    const entry = h("li", {});

    entry.append(
        h("h3", { dir: "auto" }, one.name || "No name"),
        h("p", {}, h("bdi", {}, one.email)),
        h("p", { class: "soft" },
          `${reason(one.reason)}. Came ${date(one.received)} through `
          + `${one.link}, kept until ${date(one.expires)}.`),
        h("p", { class: "fault", role: "alert" }),
        h("div", { class: "acts" },
          h("button", { type: "button", class: "quiet",
                        onclick: act(entry, one, "accept", done) }, "Accept"),
          twice("Discard", "Discard for good",
                act(entry, one, "discard", done))));

    return entry;
}


export function showHeld(changed) {
    const again = () => {
        showHeld(changed);
        changed();
    };

    return card(body("held"), () => get("held"), ({ items }) =>
        items.length
            ? h("ul", { class: "plain" },
                items.map((one) => item(one, again)))
            : h("p", { class: "soft" }, "Nothing is held."));
}
