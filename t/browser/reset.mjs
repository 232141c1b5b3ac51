
/*
 * Copyright (C) Keepers
 *
 * The pages of who has forgotten a password, for t/487-reset.t.
 *
 * Environment: KEEPERS_EMAIL, KEEPERS_MAIL, the folder of mails, and that of
 * page.mjs.
 */

import fs from "node:fs";
import path from "node:path";

import { PHONE, URL_, everyWay, kept, ok, open, run } from "./page.mjs";

const env = process.env;
const NEW = "canary-galao-5Jk";
const WAIT_MS = 10000;


/* The link of the n-th mail, as a person would open it. */
async function link(n) {
    const end = Date.now() + WAIT_MS;

    while (Date.now() < end) {
        const names = fs.readdirSync(env.KEEPERS_MAIL)
            .filter((name) => name.endsWith(".eml")).sort();

        if (names.length >= n) {
            return fs.readFileSync(path.join(env.KEEPERS_MAIL, names[n - 1]),
                                   "utf8")
                .match(/\n(http\S+\/reset\?token=\S+)\r/)[1];
        }

        await new Promise((wake) => setTimeout(wake, 50));
    }

    throw new Error("no mail came");
}


const focused = (page, selector) => page.evaluate(
    (one) => document.activeElement.matches(one), selector);


/* By the link of the sign-in page, up to the mail. */
async function asks(page) {
    await page.goto(`${URL_}/signin`);
    await page.getByRole("link", { name: "Forgot your password?" }).click();
    await page.waitForURL(`${URL_}/forgot`);
    await everyWay(page, "forgot");

    await page.fill("#email", "lena@");
    await page.keyboard.press("Enter");
    await page.locator(".summary").waitFor();
    ok(await focused(page, ".summary"), "forgot: a fault has the focus");
    await everyWay(page, "forgot-bad");

    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
    ok(await focused(page, ".card"), "forgot: what happened has the focus");
    await everyWay(page, "forgot-sent");
}


async function sets(page, address) {
    const referrers = [];

    page.on("request", (one) => {
        referrers.push(one.headers().referer ?? "");
    });

    await page.goto(address);
    await everyWay(page, "reset");

    await page.fill("#new", "Sunshine2026");
    await page.keyboard.press("Enter");
    await page.locator(".summary").waitFor();
    ok(await focused(page, ".summary"), "reset: a fault has the focus");
    ok(!(await page.inputValue("#new")), "reset: and is not shown again");
    ok(!page.url().includes("token"), "reset: nor is the token in the address",
       page.url());
    await everyWay(page, "reset-bad");

    await page.fill("#new", NEW);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Password changed" }).waitFor();
    await everyWay(page, "reset-done");
    await page.getByRole("link", { name: "sign in" }).click();
    await page.waitForURL(`${URL_}/signin`);
    ok(referrers.every((one) => !one.includes("token")),
       "reset: no request told another of the token", referrers.join("\n"));

    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.fill("#password", NEW);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${URL_}/dashboard/`);
    ok(true, "reset: the new password opens the dashboard");
}


async function comesAgain(page, address) {
    await page.goto(address);
    await page.fill("#new", `${NEW}-2`);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "This link does not work" })
        .waitFor();
    await everyWay(page, "reset-ended");
    await page.getByRole("link", { name: "Ask for another one" }).click();
    await page.waitForURL(`${URL_}/forgot`);
    ok(true, "again: leads to another link");
}


/* The same without JavaScript, as far as a mail and back. */
async function plain(browser) {
    const page = await open(browser, { viewport: PHONE,
                                       javaScriptEnabled: false });

    await page.goto(`${URL_}/forgot`);
    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.locator("form > button").click();
    await page.getByRole("heading", { name: "Look into your mail" }).waitFor();

    /* the first was the link, the second said that it was used */
    await page.goto(await link(3));
    await page.fill("#new", `${NEW}-3`);
    await page.locator("form > button").click();
    await page.getByRole("heading", { name: "Password changed" }).waitFor();
    ok(true, "without JavaScript: a password is set");
    kept(page, "without JavaScript");
    await page.context().close();
}


await run(async (browser) => {
    const page = await open(browser, { viewport: PHONE });

    await asks(page);

    const address = await link(1);

    await sets(page, address);
    await comesAgain(page, address);
    kept(page, "reset");
    await plain(browser);
});
