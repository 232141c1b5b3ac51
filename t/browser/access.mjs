
/*
 * Copyright (C) Keepers
 *
 * An owner sees where she is signed in and ends it there, makes a token, which
 * works, and ends it, with the keyboard alone where it matters; for
 * t/482-access.t.
 *
 * Environment: KEEPERS_EMAIL, KEEPERS_PASSWORD, KEEPERS_STAFF_EMAIL, whose
 * password is the same, and that of page.mjs.
 */

import { PHONE, URL_, accessible, everyWay, kept, look, ok, open, run }
    from "./page.mjs";

const env = process.env;


async function signsIn(browser, email = env.KEEPERS_EMAIL) {
    const page = await open(browser, { viewport: PHONE });

    await page.goto(`${URL_}/signin`);
    await page.fill("#email", email);
    await page.fill("#password", env.KEEPERS_PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${URL_}/dashboard/`);

    return page;
}


async function comes(page) {
    await page.goto(`${URL_}/dashboard/`);
    await page.getByRole("link", { name: "Access" }).click();
    await page.locator("#sessions li").first().waitFor();
}


/* Is this page's session still one? */
const inside = (page) => page.evaluate(async () =>
    (await fetch("/api/v1/sessions")).status === 200);


async function endsOne(page, other) {
    const items = page.locator("#sessions li");

    await comes(page);
    ok(await items.count() === 3, "sessions: all three are there",
       `${await items.count()}`);
    ok(await items.first().locator(".mark").textContent() === "Here",
       "sessions: this one first");
    ok(await items.first().getByRole("button").count() === 0,
       "sessions: and it is not ended by a slip");

    await page.evaluate("document.getElementById('sessions-title').focus()");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await items.nth(2).waitFor({ state: "detached" });
    ok(await items.count() === 2, "sessions: one is ended by the keyboard");
    ok(await page.evaluate("document.activeElement.id") === "sessions-title",
       "sessions: the focus is led back");

    await page.getByRole("button", { name: "End the others" }).click();
    await items.nth(1).waitFor({ state: "detached" });
    ok(await inside(page), "sessions: this one goes on");

    for (const one of other) {
        ok(!await inside(one), "sessions: the other is ended");
    }
}


async function makesAToken(page) {
    await page.getByLabel("What is it for?").waitFor();
    await everyWay(page, "access");

    await page.getByLabel("What is it for?").fill("Till <b>at the bar</b>");
    await page.getByRole("button", { name: "Make the token" }).click();
    ok(await page.locator("#make .fault").textContent() !== "",
       "token: one that may do nothing is not made");
    await accessible(page, "access-fault");

    await page.keyboard.press("Space");
    ok(await page.getByLabel("See your customers").isChecked(),
       "token: the focus is at what is missing");
    await page.getByLabel("What is it for?").focus();
    await page.keyboard.press("Enter");

    const text = page.locator("#token");

    await text.waitFor();
    ok(await page.evaluate("document.activeElement.id") === "token",
       "token: it has the focus");
    ok(/^kp_[0-9A-Za-z]{60}$/.test(await text.inputValue()),
       "token: it is shown");

    const item = page.locator("#tokens li");

    await item.waitFor();
    ok((await item.textContent()).includes("Till <b>at the bar</b>"),
       "token: its name is text");
    ok((await item.textContent()).includes("never used"),
       "token: nobody used it yet");
    await everyWay(page, "access-made");

    return text.inputValue();
}


async function uses(page, token) {
    const ask = (path) => page.evaluate(async ([where, bearer]) =>
        (await fetch(where, { credentials: "omit",
            headers: { Authorization: `Bearer ${bearer}` } })).status,
        [path, token]);

    for (let i = 0; i < 50 && await ask("/api/v1/customers") !== 200; i++) {
        await page.waitForTimeout(100);
    }

    ok(await ask("/api/v1/customers") === 200, "token: it reads customers");
    ok(await ask("/api/v1/links") === 403, "token: and nothing else");

    await page.getByRole("button", { name: "I have it" }).click();
    ok(await page.locator("#token").count() === 0, "token: it is hidden");
    await page.reload();

    const item = page.locator("#tokens li");

    await item.waitFor();
    ok(!(await page.content()).includes(token.slice(11)),
       "token: it is shown once");

    await item.getByRole("button", { name: /^End/ }).focus();
    await page.keyboard.press("Enter");
    await accessible(page, "access-sure");
    await look(page, "access-sure");
    await page.keyboard.press("Tab");
    ok(await item.getByRole("button", { name: /^End: / }).count() === 1,
       "token: whoever goes on has not ended it");
    await item.getByRole("button", { name: /^End/ }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await item.waitFor({ state: "detached" });

    for (let i = 0; i < 50 && await ask("/api/v1/customers") !== 401; i++) {
        await page.waitForTimeout(100);
    }

    ok(await ask("/api/v1/customers") === 401, "token: ended");
    ok(await page.evaluate("document.activeElement.id") === "tokens-title",
       "token: the focus is led back");
}


async function seesNone(browser) {
    const page = await signsIn(browser, env.KEEPERS_STAFF_EMAIL);

    await comes(page);
    await page.getByText("Only an owner makes tokens.").waitFor();
    ok(!await page.locator("#make").isVisible(),
       "staff: no form that would fail");
    await accessible(page, "access-staff");
    kept(page, "staff");
    await page.context().close();
}


async function leavesEverywhere(page, browser) {
    const other = await signsIn(browser);

    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.getByRole("button", { name: "Sign out, here too" }).click();
    await page.waitForURL(/\/signin/);
    await page.goto(`${URL_}/dashboard/`);
    ok(new URL(page.url()).pathname === "/signin", "everywhere: here",
       page.url());
    ok(!await inside(other), "everywhere: and there");
}


await run(async (browser) => {
    const page = await signsIn(browser);
    const other = [await signsIn(browser), await signsIn(browser)];

    await endsOne(page, other);
    await uses(page, await makesAToken(page));
    await seesNone(browser);
    await leavesEverywhere(page, browser);
    kept(page, "access");
});
