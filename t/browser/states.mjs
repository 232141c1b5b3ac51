
/*
 * Copyright (C) Keepers
 *
 * The pages of a link in each state, for t/485-page-states.t.
 *
 * Environment: KEEPERS_STATES, a JSON array of { name, url, status, act };
 * KEEPERS_COLORS, of addresses of links; and that of page.mjs.
 */

import { PHONE, everyWay, kept, ok, open, run } from "./page.mjs";

const STATES = JSON.parse(process.env.KEEPERS_STATES);
const COLORS = JSON.parse(process.env.KEEPERS_COLORS ?? "[]");
const LANGUAGES = { "en-GB": ["en", "ltr"], ar: ["ar", "rtl"] };
const TARGET_PX = 44;
const CONTRAST = 4.5;
const TOO_FAST_MS = 2500;


const submit = (page) => Promise.all([
    page.waitForResponse((one) => one.request().method() === "POST"),
    page.locator("form > button:not([name])").last().click(),
]).then(([answer]) => answer);


/* What somebody does on the form, up to the answer. */
const acts = {
    async faults(page) {
        await page.fill("#email", "zoe@");
        await page.fill("#phone", "12");
        await page.check("#consent_email");

        return submit(page);
    },

    async join(page) {
        await page.fill("#name", "Zoë");
        await page.fill("#email", "canary-states@example.com");

        return submit(page);
    },

    /* There and back, by the switch; and Enter in a field is no switch. */
    async language(page) {
        await acts.faults(page);

        const own = await page.getAttribute("html", "lang");
        const other = own === "fr" ? "de" : "fr";

        for (const lang of [other, own]) {
            await page.click(`nav button[value=${lang}]`);
            await page.waitForSelector(`html[lang=${lang}]`);
            ok(await page.inputValue("#email") === "zoe@"
               && await page.inputValue("#phone") === "12"
               && await page.isChecked("#consent_email"),
               `${own}: ${lang} keeps what was typed`);
        }

        const [answer] = await Promise.all([
            page.waitForResponse((one) => one.request().method() === "POST"),
            page.press("#email", "Enter"),
        ]);

        return answer;
    },

    async late(page) {
        await page.waitForTimeout(TOO_FAST_MS);

        return acts.join(page);
    },
};


/* What a finger must hit: a box goes with its label. */
async function targets(page, name) {
    const small = await page.evaluate((least) => [
        ...document.querySelectorAll("a[href], button, input"),
    ].filter((one) => one.type !== "hidden" && !one.closest(".trap"))
        .map((one) => {
            const goal = one.type === "checkbox"
                ? document.querySelector(`label[for=${one.id}]`) : one;
            const whole = goal.getBoundingClientRect();
            const { width, height } = whole;
            const mark = one.getBoundingClientRect();
            const covered = whole.left <= mark.left + 1
                && whole.right >= mark.right - 1
                && whole.top <= mark.top && whole.bottom >= mark.bottom;

            return width < least || height < least || !covered
                ? `${one.outerHTML.slice(0, 80)}: ${width} x ${height}` : "";
        }).filter(Boolean), TARGET_PX);

    ok(small.length === 0, `${name}: targets of 44 px`, small.join("\n"));
}


/* A box in one direction, its text in another: the mark stays free. */
async function marks(page, name) {
    const hidden = await page.evaluate(() => [
        ...document.querySelectorAll("input[type=checkbox]"),
    ].filter((box) => {
        const label = document.querySelector(`label[for=${box.id}]`);
        const { paddingLeft, paddingRight } = getComputedStyle(label);
        const mark = box.getBoundingClientRect();
        const { left, right } = label.getBoundingClientRect();

        return left + parseFloat(paddingLeft) < mark.right
            && right - parseFloat(paddingRight) > mark.left;
    }).map((box) => box.id));

    ok(hidden.length === 0, `${name}: no words over a box`,
       hidden.join("\n"));
}


/* The letters of a button are on a picture, which axe cannot judge. */
async function legible(page, name) {
    const worst = await page.evaluate(() => {
        const light = (css) => css.match(/[\d.]+/g).slice(0, 3)
            .map((c) => c / 255)
            .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0.05);

        return Math.min(21, ...[...document.querySelectorAll(".join")].map(
            (button) => {
                const of = [
                    getComputedStyle(button.querySelector("span")).color,
                    getComputedStyle(button.querySelector("rect")).fill,
                ].map(light);

                return Math.max(...of) / Math.min(...of);
            }));
    });

    ok(worst >= CONTRAST, `${name}: letters are legible`, `${worst}`);
}


/* Where a page says what went wrong, one is at it at once. */
async function focused(page, name) {
    const [wanted, found] = await page.evaluate(() => [
        document.querySelector(".summary, .tap button"),
        document.activeElement,
    ].map((one) => one?.outerHTML.slice(0, 80)));

    ok(wanted === undefined || wanted === found,
       `${name}: has the focus where it matters`, found);
}


async function state(browser, { name, url, status, act }, locale) {
    const page = await open(browser, { viewport: PHONE, locale });
    const [lang, dir] = LANGUAGES[locale];
    const title = `${name} ${lang}`;

    let answer = await page.goto(url);

    /* the second visit is the one that meets a limit */
    if (status === 429 && !act) {
        answer = await page.goto(url);
    }

    if (act) {
        answer = await acts[act](page);
        await page.waitForLoadState();
    }

    ok(answer.status() === status, `${title}: ${status}`,
       `${answer.status()}`);
    ok(await page.locator(`html[lang=${lang}][dir=${dir}]`).count() === 1,
       `${title}: says its language and direction`);

    if (act) {
        await focused(page, title);
        ok((await page.inputValue("#email")).startsWith(
            act === "faults" || act === "language" ? "zoe@"
                                                   : "canary-states"),
           `${title}: what was typed is kept`);
    }

    await everyWay(page, title.replace(" ", "-"), async (way) => {
        await targets(page, way);
        await marks(page, way);
        await legible(page, way);
    });

    kept(page, title);
    await page.context().close();
}


await run(async (browser) => {
    for (const one of STATES) {
        for (const locale of Object.keys(LANGUAGES)) {
            await state(browser, one, locale);
        }
    }

    const page = await open(browser, { viewport: PHONE });

    for (const url of COLORS) {
        for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            await page.goto(url);
            await legible(page, `${url.split("/").pop()} ${colorScheme}`);
        }
    }
});
