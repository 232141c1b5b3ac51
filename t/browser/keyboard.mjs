
/*
 * Copyright (C) Keepers
 *
 * Somebody joins with the keyboard alone and without JavaScript, in German by
 * the switch, for t/485-page-states.t.
 *
 * Environment: KEEPERS_LINK_URL, and that of page.mjs.
 */

import { PHONE, kept, ok, open, run } from "./page.mjs";

const LINK = process.env.KEEPERS_LINK_URL;
const TOO_FAST_MS = 2500;
const TABS_MAX = 20;


const at = (page) => page.evaluate(() => {
    const one = document.activeElement;

    return { id: one.id, lang: one.lang, text: one.textContent.trim(),
             ring: parseFloat(getComputedStyle(one).outlineWidth) };
});


/* Tabs to what is wanted; each stop on the way shows where one is. */
async function tabTo(page, name, wanted) {
    for (let i = 0; i < TABS_MAX; i++) {
        await page.keyboard.press("Tab");

        const here = await at(page);

        if (here.ring < 2) {
            ok(false, `keys: the focus can be seen, to ${name}`,
               JSON.stringify(here));
        }

        if (wanted(here)) {
            ok(true, `keys: come to ${name}`);
            return;
        }
    }

    ok(false, `keys: come to ${name}`, JSON.stringify(await at(page)));
}


await run(async (browser) => {
    const page = await open(browser, { viewport: PHONE,
                                       javaScriptEnabled: false });

    await page.goto(LINK);
    await tabTo(page, "German", ({ lang }) => lang === "de");
    await page.keyboard.press("Enter");
    await page.waitForURL(/lang=de/);

    await tabTo(page, "the name", ({ id }) => id === "name");
    await page.keyboard.type("Zoë");
    await tabTo(page, "the address", ({ id }) => id === "email");
    await page.keyboard.type("canary-keys");
    await tabTo(page, "the box", ({ id }) => id === "consent_email");
    await page.keyboard.press("Space");
    ok(await page.isChecked("#consent_email"), "keys: tick it");
    await tabTo(page, "the button", ({ text }) => text === "Mitmachen");
    await page.keyboard.press("Enter");

    /* the focus is at the summary, and its link leads to the field */
    await page.locator(".summary").waitFor();
    ok((await at(page)).text.includes("Noch nicht angemeldet"),
       "keys: are at the summary", JSON.stringify(await at(page)));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    ok((await at(page)).id === "email", "keys: go on to the field at fault",
       JSON.stringify(await at(page)));
    await page.keyboard.press("End");
    await page.keyboard.type("@example.com");
    ok(await page.isChecked("#consent_email"), "keys: the tick is kept");

    await page.waitForTimeout(TOO_FAST_MS);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/thanks\?lang=de$/);
    ok(await page.locator("h1", { hasText: "Danke" }).count() === 1,
       "keys: have joined, and are thanked in German");
    kept(page, "keys");
});
