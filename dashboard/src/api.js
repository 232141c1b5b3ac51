
/*
 * Copyright (C) Keepers
 */

const WAIT_MS = 15000;

/* How long after a rotation of the session a request may come too early. */
const ROTATED_MS = 300;

const WORDS = {
    401: "That does not fit. A code works once: wait for the next one.",
    403: "Your role does not allow this.",
    404: "That is no longer there.",
    409: "There are as many as there can be. Please end one first.",
    422: "Please look at what you filled in.",
    429: "That was a lot at once. Please wait a moment.",
    503: "This is not available right now. Nothing is lost.",
};


export class Fault extends Error {
    constructor(status, code = undefined) {
        super(WORDS[status] ?? (status === 0
              ? "No answer came. Please check your connection."
              : "This did not work."));
        this.status = status;
        this.code = code;
    }
}


/* The word by which a problem document says what it is. */
async function codeOf(answer) {
    try {
        return (await answer.json()).code;

    } catch {
        return undefined;
    }
}


/*
 * The mode stays the default one: with "same-origin" and a no-referrer page a
 * browser would send "Origin: null", and be refused as a stranger.
 */
async function ask(url, options, signal = undefined, again = true) {
    const signals = [AbortSignal.timeout(WAIT_MS)];
    let answer;

    if (signal) {
        signals.push(signal);
    }

    try {
        answer = await fetch(url, {
            headers: {
                Accept: "application/json",
                ...options.body && { "Content-Type": "application/json" },
            },
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

    if (!answer.ok) {
        return refused(answer, () => ask(url, options, signal, false), again);
    }

    return answer.status === 204 ? null : answer.json();
}


async function refused(answer, retry, again) {
    const code = await codeOf(answer);

    if (code === "rotated" && again) {
        await new Promise((done) => { setTimeout(done, ROTATED_MS); });

        return retry();
    }

    if (answer.status === 401 && code !== "credentials"
        && code !== "step_up")
    {
        location.assign("/signin");

        /* Nothing more to show: the page is leaving. */
        return new Promise(() => {});
    }

    throw new Fault(answer.status, code);
}


export function get(path, query = {}, signal = undefined) {
    const words = new URLSearchParams();

    for (const [name, value] of Object.entries(query)) {
        if (value) {
            words.set(name, value);
        }
    }

    return ask(`/api/v1/${words.size ? `${path}?${words}` : path}`, {},
               signal);
}


export function post(path, data = undefined) {
    return ask(`/api/v1/${path}`, {
        method: "POST",
        ...data && { body: JSON.stringify(data) },
    });
}


export function remove(path) {
    return ask(`/api/v1/${path}`, { method: "DELETE" });
}


/* The password or a code, again: what comes next asks for it. */
export function prove(proof) {
    return ask("/step-up", { method: "POST", body: JSON.stringify(proof) });
}
