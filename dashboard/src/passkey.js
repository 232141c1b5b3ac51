
/*
 * Copyright (C) Keepers
 *
 * What the browser does for a passkey, as the text that the writer reads; see
 * writer/writer_passkey.h.  For the dashboard, and for the pages on which one
 * signs in: nothing is imported here.
 */

const WAIT_MS = 120000;

/* ES256, EdDSA, RS256 */
const ALGORITHMS = [-7, -8, -257];

const WORDS = {
    InvalidStateError: "This device has a passkey for you already.",
    NotAllowedError: "Your device did not confirm it. Please try again.",
    SecurityError: "Passkeys do not work at this address.",
};


export const usable = () =>
    Boolean(window.PublicKeyCredential && navigator.credentials);


function bytes(text) {
    const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));

    return Uint8Array.from(raw, (one) => one.charCodeAt(0));
}


function text(buffer) {
    return btoa(String.fromCharCode(...new Uint8Array(buffer ?? [])))
        .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}


const keys = (ids) =>
    (ids ?? []).map((id) => ({ type: "public-key", id: bytes(id) }));


async function told(ask) {
    try {
        return await ask;

    } catch (fault) {
        throw new Error(WORDS[fault.name] ?? "Your browser could not do it.");
    }
}


/* Which of the passkeys here, the person says; the page does not know. */
export async function answer(asked) {
    const { rawId, response } = await told(navigator.credentials.get({
        publicKey: {
            challenge: bytes(asked.challenge),
            rpId: asked.rp_id,
            allowCredentials: keys(asked.credentials),
            userVerification: "required",
            timeout: WAIT_MS,
        },
    }));

    return [asked.state, text(response.clientDataJSON), text(rawId),
            text(response.authenticatorData), text(response.signature),
            text(response.userHandle)].join(".");
}


export async function make(asked) {
    const { response } = await told(navigator.credentials.create({
        publicKey: {
            challenge: bytes(asked.challenge),
            rp: { id: asked.rp_id, name: "Keepers Loyalty" },
            user: { id: bytes(asked.user.id), name: asked.user.name,
                    displayName: asked.user.name },
            pubKeyCredParams: ALGORITHMS.map((alg) =>
                ({ type: "public-key", alg })),
            excludeCredentials: keys(asked.credentials),
            authenticatorSelection: {
                residentKey: "required",
                requireResidentKey: true,
                userVerification: "required",
            },
            attestation: "none",
            timeout: WAIT_MS,
        },
    }));

    return [asked.state, text(response.clientDataJSON),
            text(response.attestationObject)].join(".");
}
