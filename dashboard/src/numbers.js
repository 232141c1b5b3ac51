
/*
 * Copyright (C) Keepers
 */

import { get } from "./api.js";
import { body, card, h, s } from "./dom.js";
import { count, day, number } from "./words.js";

const HIGH = 100;
const STEP = 10;
const WEEK = 7;


function figure(name, value, href) {
    return h("div", { class: value && href ? "call" : false },
             h("dt", {}, name),
             h("dd", {}, href && value ? h("a", { href }, number(value))
                                       : number(value)));
}


function figures(summary) {
    const week = summary.days.slice(-WEEK)
                             .reduce((sum, one) => sum + one.signups, 0);

    return h("dl", {},
             figure("Today", summary.today),
             figure("Last 7 days", week),
             figure("All customers", summary.total),
             figure("Held", summary.held, "#held"));
}


function bars(days, most, point) {
    return days.map((one, i) => {
        const tall = one.signups && Math.max(2, one.signups / most * HIGH);

        return s("g", { class: "bar", onpointerenter: () => point(one) },
                 s("rect", { class: "reach", x: i * STEP, y: 0,
                             width: STEP, height: HIGH }),
                 s("rect", { x: i * STEP + 1, y: HIGH - tall,
                             width: STEP - 2, height: tall }));
    });
}


function table(days) {
    const rows = days.toReversed().map((one) => h("tr", {},
        h("th", { scope: "row" }, day(one.day)),
        h("td", {}, number(one.signups))));

    return h("details", {},
             h("summary", {}, "Show as a table"),
             h("table", { class: "days" },
               h("thead", {}, h("tr", {},
                 h("th", { scope: "col" }, "Day"),
                 h("th", { scope: "col" }, "Signups"))),
               h("tbody", {}, rows)));
}


function chart({ days }) {
    const best = days.reduce((top, one) =>
                             one.signups > top.signups ? one : top);
    const most = Math.max(best.signups, 1);
    const still = best.signups
                  ? `Best day: ${day(best.day)} with ${number(best.signups)}`
                  : "No signups in these 30 days yet";
    const line = h("p", { class: "soft" }, still);
    const point = (one) => {
        line.textContent = `${day(one.day)}: `
                           + count(one.signups, "signup", "signups");
    };

    return [
        line,
        s("svg", {
            class: "bars", role: "img", preserveAspectRatio: "none",
            viewBox: `0 0 ${days.length * STEP} ${HIGH}`,
            "aria-label": `Signups a day. ${still}. The table below has all.`,
            onpointerleave: () => { line.textContent = still; },
        }, bars(days, most, point)),
        h("p", { class: "ends soft", "aria-hidden": "true" },
          h("span", {}, day(days[0].day)), h("span", {}, "Today")),
        table(days),
    ];
}


function heading(summary) {
    document.getElementById("business").textContent = summary.business.name;
    document.getElementById("user").textContent = summary.user.email;
    document.title = `${summary.business.name} - Keepers Loyalty`;
}


/* One answer feeds the heading, the figures and the chart. */
export function showNumbers() {
    let answer = get("summary");
    const once = () => {
        const now = answer ?? get("summary");

        answer = null;

        return now;
    };

    return card(document.getElementById("numbers"), once, (summary) => {
        heading(summary);
        card(body("chart"), async () => summary, chart);

        return figures(summary);
    });
}
