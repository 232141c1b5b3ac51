
/*
 * Copyright (C) Keepers
 *
 * Forms that carry the proof of who fills them in: the password, a code, or a
 * passkey.
 */

import { get, prove } from "./api.js";
import { h } from "./dom.js";
import { answer } from "./passkey.js";


function field(id, name, hint, props) {
    return h("div", { class: "field" },
             h("label", { for: id }, name),
             h("p", { class: "soft", id: `${id}-hint` }, hint),
             h("input", { id, "aria-describedby": `${id}-hint`,
                          required: true, ...props }));
}


export const password = (id = "password") => field(id, "Your password",
    "Again, so that nobody else does this on your device.",
    { type: "password", dir: "ltr", autocomplete: "current-password" });

export const code = (hint, props = {}, id = "code") => field(id, "Code", hint,
    { type: "text", dir: "ltr", autocomplete: "one-time-code",
      autocapitalize: "none", spellcheck: "false", ...props });

export const named = () => field("name", "Name of the new passkey",
    "So that you know it again: your phone, the laptop in the office.",
    { type: "text", autocomplete: "off", maxlength: "60" });


/* With the code that was typed, or, where none was, with a passkey. */
export const proven = (act, id = "code") => async (typed) => {
    await prove(typed[id]
        ? { code: typed[id] }
        : { passkey: await answer(await get("factors/passkeys/challenge")) });
    await act(typed);
};


function words(reason, wrong) {
    if (reason.code === "passkeys_off") {
        return "Passkeys are not in use here.";
    }

    return reason.status === 422 ? wrong : reason.message;
}


/*
 * A form with a way to do something, or several.  What goes wrong is said at
 * the field, which has the focus and what was typed.
 */
export function form(fields, ways, wrong) {
    const fault = h("p", { class: "fault", role: "alert" });
    const boxes = fields.map((one) => one.querySelector("input"));
    const buttons = ways.map(({ name, kind, act, needs }) =>
        h("button", { type: "submit", class: kind, onclick: (event) => {
            event.preventDefault();
            go(act, needs);
        } }, name));

    async function go(act, needs = boxes.map((box) => box.id)) {
        const empty = boxes.find((box) => box.required && !box.value.trim()
                                          && needs.includes(box.id));

        if (empty) {
            fault.textContent = "This is needed first.";
            empty.focus();

            return;
        }

        fault.textContent = "";
        buttons.forEach((one) => { one.disabled = true; });

        try {
            await act(Object.fromEntries(boxes.map((box) =>
                [box.id, box.type === "password" ? box.value
                                                 : box.value.trim()])));

        } catch (reason) {
            fault.textContent = words(reason, wrong);
            boxes.at(-1).select();
        }

        buttons.forEach((one) => { one.disabled = false; });
    }

    return h("form", { class: "proof", novalidate: true }, ...fields, fault,
             h("div", { class: "acts" }, buttons));
}
