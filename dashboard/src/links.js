
/*
 * Copyright (C) Keepers
 */

import { get } from "./api.js";
import { body, card, h, say } from "./dom.js";
import { count } from "./words.js";


async function copy(address, shown, button) {
    try {
        await navigator.clipboard.writeText(address);
        button.textContent = "Copied";
        say("The address is copied");
        setTimeout(() => { button.textContent = "Copy address"; }, 2000);

    } catch {
        /* Plain HTTP has no clipboard: mark it, so that a key can copy it. */
        getSelection().selectAllChildren(shown);
        say("The address is marked, copy it with your keyboard");
    }
}


function item(link) {
    const address = `${location.origin}/l/${link.slug}`;
    const code = `/api/v1/links/${encodeURIComponent(link.slug)}/qr.svg`
                 + `?url=${encodeURIComponent(address)}`;
    const shown = h("a", { href: address, class: "address" },
                    location.host, h("wbr"), `/l/${link.slug}`);
    const button = h("button", { type: "button", class: "quiet",
                                 onclick: () => copy(address, shown, button) },
                     "Copy address");

    return h("li", {},
             h("img", { src: code, width: "136", height: "136",
                        loading: "lazy", class: "code",
                        alt: `QR code of the link ${link.slug}` }),
             h("div", { class: "about" },
               h("h3", { dir: "auto" }, link.offer || link.slug),
               h("p", { class: "soft" },
                 count(link.signups, "signup", "signups"),
                 link.state === "open" ? null : " ",
                 link.state === "open"
                     ? null : h("span", { class: "mark" }, link.state)),
               h("p", {}, shown)),
             h("div", { class: "acts" }, button,
               h("a", { href: code, download: `${link.slug}.svg`,
                        class: "button quiet" }, "Save QR code")));
}


export function showLinks() {
    return card(body("links"), () => get("links"), ({ items }) =>
        items.length
            ? h("ul", { class: "plain links" }, items.map(item))
            : h("p", { class: "soft" },
                "No link yet. Yours appears here, with its code to print, "
                + "as soon as it is set up."));
}
