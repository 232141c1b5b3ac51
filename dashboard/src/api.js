
/*
 * Copyright (C) Keepers
 */

const WAIT_MS = 15000;

const WORDS = {
    403: "Your role does not allow this.",
    404: "That is no longer there.",
    409: "There are as many as there can be. Please end one first.",
    422: "Please look at what you filled in.",
    429: "That was a lot at once. Please wait a moment.",
    503: "This is not available right now. Nothing is lost.",
};


export class Fault extends Error {
    constructor(status) {
        super(WORDS[status] ?? (status === 0
              ? "No answer came. Please check your connection."
              : "This did not work."));
        this.status = status;
    }
}


/*
 * The mode stays the default one: with "same-origin" and a no-referrer page a
 * browser would send "Origin: null", and be refused as a stranger.
 */
async function ask(path, options, signal) {
    const signals = [AbortSignal.timeout(WAIT_MS)];
    let answer;

    if (signal) {
        signals.push(signal);
    }

    try {
        answer = await fetch(`/api/v1/${path}`, {
            headers: { Accept: "application/json" },
            cache: "no-store",
            signal: AbortSignal.any(signals),
            ...options,
        });

    } catch (fault) {
        if (signal?.aborted) {
            throw fault;
        }

        throw new Fault(0);
    }

    if (answer.status === 401) {
        location.assign("/signin");

        /* Nothing more to show: the page is leaving. */
        return new Promise(() => {});
    }

    if (!answer.ok) {
        throw new Fault(answer.status);
    }

    return answer.status === 204 ? null : answer.json();
}


export function get(path, query = {}, signal = undefined) {
    const words = new URLSearchParams();

    for (const [name, value] of Object.entries(query)) {
        if (value) {
            words.set(name, value);
        }
    }

    return ask(words.size ? `${path}?${words}` : path, {}, signal);
}


export function post(path, data = undefined) {
    return ask(path, data === undefined ? { method: "POST" } : {
        method: "POST",
        headers: { Accept: "application/json",
                   "Content-Type": "application/json" },
        body: JSON.stringify(data),
    });
}


export function remove(path) {
    return ask(path, { method: "DELETE" });
}
