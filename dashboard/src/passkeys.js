
/*
 * Copyright (C) Keepers
 *
 * The passkeys of one's own account.
 */

import { get, post, prove, remove } from "./api.js";
import { h, say, twice } from "./dom.js";
import { make, usable } from "./passkey.js";
import { code, form, named, password, proven } from "./proving.js";
import { date } from "./words.js";

const MAX = 5;
const CODE = "passkeys-code";
const WRONG = "That did not work. Please try again.";


/* "shown" is told of what came: recovery codes, or that something changed. */
async function add({ name }, shown) {
    const passkey = await make(await post("factors/passkeys/options"));
    const made = await post("factors/passkeys", { name, passkey });

    say("The passkey is added");

    if (made.recovery_codes) {
        /* Whoever was signed in with the password alone is not any more. */
        await remove("sessions").catch(() => {});
    }

    shown(made);
}


/* The proof for it is the code in the form below, or a passkey. */
function row({ id, name, since, used }, shown) {
    const fault = h("p", { class: "fault", role: "alert" });

    async function end(button) {
        const typed = document.getElementById(CODE).value.trim();

        fault.textContent = "";
        button.disabled = true;

        try {
            await proven(() => post(`factors/passkeys/${id}/remove`), CODE)(
                { [CODE]: typed });

        } catch (reason) {
            fault.textContent = reason.message;
            button.disabled = false;
            button.focus();

            return;
        }

        say("The passkey is removed");
        shown({});
    }

    return h("li", {},
             h("h3", {}, h("bdi", {}, name)),
             h("p", { class: "soft" }, `Since ${date(since)}, `
               + (used ? `last used ${date(used)}.` : "never used.")),
             fault,
             h("div", { class: "acts" },
               twice("Remove", "Remove for good", end, name)));
}


function first(shown) {
    const secret = "passkeys-password";

    return [
        h("p", {}, "Your phone or laptop proves that it is you, with your "
                   + "finger, your face or its code. A false page gets "
                   + "nothing from it."),
        form([named(), password(secret)],
             [{ name: "Add a passkey", kind: "main", act: async (typed) => {
                 await prove({ password: typed[secret] });
                 await add(typed, shown);
             } }], WRONG),
    ];
}


function more(items, shown) {
    const hint = items.length
        ? "From your app, or a recovery code, for what is on this card. Leave "
          + "it empty to use a passkey."
        : "Six digits from your app, or a recovery code.";
    const full = items.length >= MAX;
    const typed = code(hint, { required: !items.length }, CODE);

    return [
        items.length > 0 && h("ul", { class: "plain" },
                              items.map((one) => row(one, shown))),
        full && h("p", {}, "There are as many as there can be."),
        full ? typed
             : form([named(), typed],
                    [{ name: "Add a passkey", kind: "main",
                       act: proven((what) => add(what, shown), CODE) }],
                    WRONG),
    ].filter(Boolean);
}


export function draw(all, shown) {
    const items = all.filter(({ kind }) => kind === "passkey");

    if (!usable() && !items.length) {
        return h("p", {}, "This browser has no passkeys.");
    }

    return all.length ? more(items, shown) : first(shown);
}
