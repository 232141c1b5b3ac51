
/*
 * Copyright (C) Keepers
 *
 * The page of security and that of a step-up, for t/486-security.t.
 *
 * Environment: KEEPERS_EMAIL, KEEPERS_PASSWORD, and that of page.mjs.
 */

import { execFileSync } from "node:child_process";

import { PHONE, URL_, everyWay, kept, ok, open, run } from "./page.mjs";

const env = process.env;
const STEP_MS = 30000;
const CODES = 10;
const RECOVERY = /^(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}$/;
const SOON_MS = 10000;

let last = 0;


/* Each later than the one before, and one that is good for ten seconds yet. */
function code(secret) {
    last = Math.max(last + 1,
                    Math.floor((Date.now() + SOON_MS) / STEP_MS) - 1);

    const now = new Date(last * STEP_MS).toISOString()
        .replace("T", " ").replace(/\..*/, " UTC");

    return execFileSync("oathtool", ["--totp", "-b", secret, "--now", now])
        .toString().trim();
}


async function signIn(page, typed = "") {
    await page.goto(`${URL_}/signin`);
    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.fill("#password", env.KEEPERS_PASSWORD);

    if (typed) {
        await page.locator("summary").click();
        await page.fill("#code", typed);
    }

    await page.keyboard.press("Enter");
    await page.waitForURL(`${URL_}/dashboard/`);
}


/* By Tab alone, as who uses no mouse. */
async function reach(page, selector) {
    for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");

        if (await page.evaluate((one) => document.activeElement.matches(one),
                                selector))
        {
            return;
        }
    }

    throw new Error(`no Tab leads to ${selector}`);
}


const focused = (page) =>
    page.evaluate(() => document.activeElement.id);


async function setsUp(page) {
    await reach(page, ".who a[href='security.html']");
    await page.keyboard.press("Enter");
    await page.locator("#password").waitFor();
    await everyWay(page, "security-off");

    await reach(page, "#password");
    await page.keyboard.type("not the password");
    await page.keyboard.press("Enter");
    await page.locator(".fault:not(:empty)").waitFor();
    ok(await focused(page) === "password", "off: a fault keeps the place");
    ok(page.url().endsWith("/dashboard/security.html"),
       "off: and signs nobody out", page.url());
    await everyWay(page, "security-fault");

    await page.keyboard.type(env.KEEPERS_PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator("#secret").waitFor();
    ok(await focused(page) === "factor-title", "scan: the focus goes along");
    await page.locator(".steps img").evaluate((image) => image.decode());
    ok(true, "scan: the code is a picture");

    return (await page.locator("#secret").textContent()).replaceAll(" ", "");
}


async function recovery(page, name) {
    await page.locator(".codes").waitFor();

    const list = await page.locator(".codes code").allTextContents();

    ok(list.length === CODES && list.every((one) => RECOVERY.test(one)),
       `${name}: ten recovery codes`, list.length);
    ok(await focused(page) === "factor-title", `${name}: the focus goes along`);

    return list;
}


async function confirms(page, secret) {
    await everyWay(page, "security-scan");
    await reach(page, "#code");
    await page.keyboard.type("12345");
    await page.keyboard.press("Enter");
    await page.locator(".fault:not(:empty)").waitFor();
    ok(await focused(page) === "code", "scan: a fault keeps the place");

    await page.keyboard.type(code(secret));
    await page.keyboard.press("Enter");

    const list = await recovery(page, "confirmed");

    await everyWay(page, "security-codes");
    await reach(page, ".acts button:last-child");
    await page.keyboard.press("Enter");
    await page.locator("#code").waitFor();
    ok(/10 recovery codes/.test(await page.locator("#factor").textContent()),
       "on: says how many are left");
    await everyWay(page, "security-on");

    return list;
}


/* Two devices: the other one was signed in with the password alone. */
async function endsTheOther(page) {
    await page.goto(`${URL_}/dashboard/`);
    await page.waitForURL(/\/signin/);
    ok(true, "other: is signed out");
}


async function proves(page) {
    await page.goto(`${URL_}/step-up`);
    await everyWay(page, "step-up");
    await page.fill("#password", env.KEEPERS_PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator(".summary").waitFor();
    ok(await page.evaluate(() =>
           document.activeElement.matches(".summary")),
       "step-up: what went wrong has the focus");
    await everyWay(page, "step-up-bad");
}


async function goesOn(page, secret, old) {
    await page.goto(`${URL_}/dashboard/security.html`);
    await reach(page, "#code");
    await page.keyboard.type(code(secret));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");

    const list = await recovery(page, "renewed");

    ok(!list.some((one) => old.includes(one)), "renewed: others");

    await page.context().clearCookies();
    await signIn(page, list[0]);
    ok(true, "sign-in: a recovery code opens");
    await page.goto(`${URL_}/dashboard/security.html`);
    await page.locator("#code").fill(list[1]);
    await page.getByRole("button", { name: "Switch off" }).click();
    await page.locator("#password").waitFor();
    ok(await focused(page) === "factor-title", "off: the focus goes along");
}


await run(async (browser) => {
    const page = await open(browser, { viewport: PHONE });
    const other = await open(browser, { viewport: PHONE });

    await signIn(page);
    await signIn(other);

    const secret = await setsUp(page);
    const list = await confirms(page, secret);

    await endsTheOther(other);
    await proves(page);
    await goesOn(page, secret, list);
    kept(page, "security");
});
