
/*
 * Copyright (C) Keepers
 *
 * The button of a page on which one signs in, or proves it again.  It is not
 * there without this script, and then a code does the same.
 */

import { answer, usable } from "./passkey.js";

const button = document.getElementById("use-passkey");
const fault = document.getElementById("passkey-fault");
const { form } = button;


function missing() {
    return [...form.querySelectorAll("input[required]")]
        .find((input) => !input.value.trim());
}


async function asked() {
    const reply = await fetch(button.dataset.challenge, {
        headers: { Accept: "application/json" }, cache: "no-store",
    });

    if (reply.status === 404) {
        throw new Error("Passkeys are not in use here.");
    }

    if (!reply.ok) {
        throw new Error("It is busy here. Please try again in a minute.");
    }

    return reply.json();
}


async function go() {
    const first = missing();

    fault.textContent = "";

    if (first) {
        fault.textContent = "Fill in what is above first.";
        first.focus();

        return;
    }

    button.disabled = true;

    try {
        form.elements.passkey.value = await answer(await asked());
        form.submit();

    } catch (reason) {
        fault.textContent = reason.message;
        button.disabled = false;
        button.focus();
    }
}


if (usable()) {
    button.addEventListener("click", go);
    button.hidden = false;
}
