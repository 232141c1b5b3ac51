
/*
 * Copyright (C) Keepers
 */

/*
 * Nodes are built, never parsed: the page's policy demands Trusted Types, and
 * what customers typed must stay text.
 */

const SVG = "http://www.w3.org/2000/svg";


function fill(node, props, children) {
    for (const [name, value] of Object.entries(props)) {
        if (value === undefined || value === false) {
            continue;
        }

        if (name.startsWith("on")) {
            node.addEventListener(name.slice(2), value);

        } else {
            node.setAttribute(name, value === true ? "" : value);
        }
    }

    node.append(...children.flat().filter((child) => child));

    return node;
}


export function h(tag, props = {}, ...children) {
    return fill(document.createElement(tag), props, children);
}


export function s(tag, props = {}, ...children) {
    return fill(document.createElementNS(SVG, tag), props, children);
}


export function body(id) {
    return document.querySelector(`#${id} .body`);
}


/* Tells those who listen instead of look. */
export function say(words) {
    document.getElementById("said").textContent = words;
}


/* What cannot be undone takes a second press, in the same place. */
export function twice(words, sure, act, of = undefined) {
    const label = (text) => of && `${text}: ${of}`;
    const first = h("button", { type: "button", class: "quiet",
        "aria-label": label(words),
        onclick: () => {
            first.replaceWith(second);
            second.focus();
        } }, words);
    const second = h("button", { type: "button", class: "danger",
        "aria-label": label(sure),
        onclick: () => act(second),
        onblur: () => {
            if (second.isConnected && !second.disabled) {
                second.replaceWith(first);
            }
        } }, sure);

    return first;
}


/*
 * A card shows that it waits, then what came, or why nothing came: one that
 * fails leaves the others alone.
 */
export async function card(place, load, draw) {
    place.setAttribute("aria-busy", "true");

    if (!place.hasChildNodes()) {
        place.append(h("p", { class: "soft" }, "Loading…"));
    }

    try {
        const data = await load();

        place.replaceChildren(...[draw(data)].flat());

    } catch (fault) {
        place.replaceChildren(failed(fault, () => card(place, load, draw)));
    }

    place.removeAttribute("aria-busy");
}


export function failed(fault, retry) {
    return h("div", { class: "failed", role: "alert" },
             h("p", {}, fault.message),
             h("button", { type: "button", class: "quiet", onclick: retry },
               "Try again"));
}
