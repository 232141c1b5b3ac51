
/*
 * Copyright (C) Keepers
 */

import { get, remove } from "./api.js";
import { body, card, h, say, twice } from "./dom.js";
import { moment } from "./words.js";


/* Whoever ends what the focus was on is led back to the heading. */
async function end(path, words, place) {
    const acts = body("sessions").querySelectorAll("button");

    acts.forEach((button) => { button.disabled = true; });

    try {
        await remove(path);

    } catch (fault) {
        place.querySelector(".fault").textContent = fault.message;
        acts.forEach((button) => { button.disabled = false; });

        return;
    }

    if (path === "sessions/all") {
        location.assign("/signin");

        return;
    }

    say(words);
    document.getElementById("sessions-title").focus();
    showSessions();
}


function item(one) {
    const entry = h("li", {});
    const name = one.agent === "other" ? "A browser or program" : one.agent;

    entry.append(
        h("h3", {}, name, one.current && " ",
          one.current && h("span", { class: "mark" }, "Here"),
          one.remembered && " ",
          one.remembered && h("span", { class: "mark" }, "Stays signed in")),
        h("p", { class: "soft" },
          `Since ${moment(one.created)}, last seen ${moment(one.seen)}, `
          + `from the network ${one.network}.`));

    if (!one.current) {
        entry.append(
            h("p", { class: "fault", role: "alert" }),
            h("div", { class: "acts" },
              h("button", {
                  type: "button", class: "quiet",
                  "aria-label": `End: ${name}, since ${moment(one.created)}`,
                  onclick: () => end(`sessions/${encodeURIComponent(one.id)}`,
                                     "It is signed out", entry),
              }, "End")));
    }

    return entry;
}


function all(items) {
    const place = h("div", { class: "all" });

    place.append(
        h("p", { class: "fault", role: "alert" }),
        h("div", { class: "acts" },
          items.length > 1 && h("button", {
              type: "button", class: "quiet",
              onclick: () => end("sessions", "All others are signed out",
                                 place),
          }, "End the others"),
          twice("Sign out everywhere", "Sign out, here too",
                () => end("sessions/all", "", place))));

    return place;
}


export function showSessions() {
    return card(body("sessions"), () => get("sessions"), ({ items }) => [
        h("ul", { class: "plain" }, items.toSorted(
            (a, b) => b.current - a.current).map(item)),
        all(items),
    ]);
}
