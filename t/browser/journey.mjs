
/*
 * Copyright (C) Keepers
 *
 * What people do: a customer joins through a link, on a phone without
 * JavaScript; the business signs in and sees the row.
 *
 * Environment: KEEPERS_LINK_URL, KEEPERS_EMAIL, KEEPERS_PASSWORD, and that of
 * page.mjs.
 */

import { PHONE, URL_, accessible, everyWay, join, kept, look, ok, open, run }
    from "./page.mjs";

const env = process.env;

const PAGE_MAX = 14 * 1024;
const LINK = env.KEEPERS_LINK_URL;
const MINE = `Zoë Kőszegi ${process.pid}`;
const ADDRESS = `canary-zoe.${process.pid}@example.com`;


async function joins(browser) {
    const page = await open(browser, { viewport: PHONE,
                                       javaScriptEnabled: false });
    const asked = [];

    page.on("request", (one) => asked.push(one.url()));

    let answer = await page.goto(LINK);
    const size = await answer.request().sizes();

    ok(answer.status() === 200, "link: the page comes");
    ok(asked.length === 1, "link: in one request", asked.join("\n"));
    ok(size.responseHeadersSize + size.responseBodySize <= PAGE_MAX,
       "link: in at most 14 KB", JSON.stringify(size));
    ok(await page.locator(":checked").count() === 0,
       "link: no box is ticked beforehand");
    await look(page, "link-fresh");

    await page.fill("#email", "zoe@");
    await page.locator("input[type=checkbox]").first().check();

    [answer] = await Promise.all([
        page.waitForResponse((one) => one.request().method() === "POST"),
        page.locator("form > button:not([name])").last().click(),
    ]);

    ok(answer.status() === 422, "faults: 422", `${answer.status()}`);
    ok(await page.locator(".summary a").count() === 2,
       "faults: the summary leads to both fields");
    ok(await page.inputValue("#email") === "zoe@",
       "faults: the typed address is kept");
    ok(await page.locator("input[type=checkbox]").first().isChecked(),
       "faults: the ticked box is kept");
    ok(await page.getAttribute("#email", "aria-describedby")
       .then((ids) => ids.includes("email-fault")),
       "faults: the field is described by its fault");
    await look(page, "link-faults");

    await page.fill("#name", MINE);
    await page.fill("#email", ADDRESS);
    await join(page);
    await page.waitForURL(/\/thanks$/);

    ok(true, "join: arrives at the thanks");
    ok(!page.url().includes("@") && !page.url().includes("?"),
       "join: no personal data in the address");
    await look(page, "thanks");
    kept(page, "link without JavaScript");
    await page.context().close();
}


/* She has joined, is asked, and may or may not do it again. */
async function slips(browser) {
    const page = await open(browser, { viewport: PHONE,
                                       javaScriptEnabled: false });

    await page.goto(LINK);
    await page.fill("#name", "Ola");
    await page.fill("#email", `canary-ola.${process.pid}@gmial.com`);
    await join(page);
    await page.waitForURL(/\/thanks\?mail=gmail\.com$/);
    ok(await page.locator("h1").textContent() === "Thank you for joining",
       "slip: has joined");
    ok((await page.locator(".ask").textContent())
        .includes("Did you mean gmail.com?"), "slip: is asked");
    await look(page, "thanks-asked");
    await page.click(".ask a");
    await page.waitForURL(LINK);
    ok(await page.inputValue("#email") === "",
       "slip: the way back is a form that knows nobody");
    kept(page, "slip");
    await page.context().close();
}


/* axe needs JavaScript; the pages do not. */
async function signInPage(browser) {
    const page = await open(browser, { viewport: PHONE });

    await page.goto(`${URL_}/signin`);
    await everyWay(page, "signin");
    kept(page, "sign-in");

    /* A name that carries an address is held, not lost. */
    for (const [name, who] of [["Win http://prize.example", "win"],
                               ["Bea www.bea.example", "bea"]])
    {
        await page.goto(LINK);
        await page.fill("#name", name);
        await page.fill("#email", `canary-${who}.${process.pid}@example.com`);
        await join(page);
        await page.waitForURL(/\/thanks$/);
        ok(true, `held: ${who} looks like any other signup`);
    }
    await page.context().close();
}


async function signsIn(page) {
    await page.goto(`${URL_}/dashboard/`);
    ok(new URL(page.url()).pathname === "/signin",
       "sign-in: is asked for first", page.url());

    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.fill("#password", "not the password");
    await page.keyboard.press("Enter");
    await page.locator(".summary").waitFor();
    ok(!(await page.inputValue("#password")),
       "sign-in: a wrong password is not shown again");
    await accessible(page, "signin-bad");
    await look(page, "signin-bad");

    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.fill("#password", env.KEEPERS_PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${URL_}/dashboard/`);
    ok(true, "sign-in: arrives at the dashboard");
}


const rows = (page, words) =>
    page.locator(".people tbody tr", { hasText: words });


async function seesTheRow(page) {
    await rows(page, MINE).first().waitFor();
    ok(await rows(page, MINE).count() === 1,
       "dashboard: the customer is there");
    ok(await rows(page, ADDRESS).count() === 1, "dashboard: with the address");
    ok(await rows(page, "gmial.com").locator(".mark").textContent()
       === "Is it spelled right?", "dashboard: a slip is marked");
    ok(await page.locator("#business").textContent() !== "Dashboard",
       "dashboard: the business is named");
    ok(Number(await page.locator("#numbers dd").first().textContent()) >= 1,
       "dashboard: today counts");

    const code = page.locator("#links img").first();

    await code.scrollIntoViewIfNeeded();
    await code.evaluate((image) => image.decode());
    ok(true, "dashboard: the QR code is a picture");
    await everyWay(page, "dashboard");

    await page.fill("#search", "kőszegi");
    await page.locator(".shown", { hasText: "found" }).waitFor();
    ok(await rows(page, MINE).count() === 1, "search: finds the customer");

    await page.fill("#search", "nobody of that name");
    await page.getByRole("button", { name: "Clear the search" }).waitFor();
    await accessible(page, "search-none");
    await look(page, "dashboard-none");
    ok(page.url() === `${URL_}/dashboard/`,
       "search: the words stay out of the address", page.url());


    /* The picture has left the page scrolled elsewhere: a key does not miss. */
    await page.getByRole("button", { name: "Clear the search" })
              .press("Enter");
    await rows(page, MINE).first().waitFor();
    ok(true, "search: cleared, all are back");
}


async function judgesTheHeld(page) {
    const held = page.locator("#held li", { hasText: "prize.example" });

    await held.waitFor();
    await held.getByRole("button", { name: "Discard" }).click();
    await held.getByRole("button", { name: "Discard for good" }).click();
    await held.waitFor({ state: "detached" });
    ok(await rows(page, "prize.example").count() === 0,
       "held: discarded, and never a customer");

    const bea = page.locator("#held li", { hasText: "www.bea.example" });

    await bea.getByRole("button", { name: "Accept" }).click();
    await bea.waitFor({ state: "detached" });
    await rows(page, "www.bea.example").first().waitFor();
    ok(await rows(page, "www.bea.example").count() === 1,
       "held: accepted, and a customer");
}


/* The page's own session makes a link and closes it. */
async function seesAClosedLink(page) {
    const slug = `old-corner-${process.pid}`;
    const made = await page.evaluate(async (name) => {
        const post = (where, body) => fetch(`/api/v1/links${where}`, {
            method: "POST", body: body && JSON.stringify(body),
            headers: body ? { "Content-Type": "application/json" } : {},
        });

        return [(await post("", { slug: name, offer: "A free cake" })).status,
                (await post(`/${name}/close`)).status];
    }, slug);

    ok(made[0] === 201 && made[1] < 300, "link: made and closed", `${made}`);

    /* The edges hear of it within a moment. */
    const other = await open(page.context().browser(), { viewport: PHONE });
    let answer;

    for (let i = 0; i < 50; i++) {
        answer = await other.goto(`${URL_}/l/${slug}`);

        if (answer.status() === 410) {
            break;
        }

        await other.waitForTimeout(200);
    }

    ok(answer.status() === 410, "closed: 410", `${answer.status()}`);
    ok(await other.locator("form").count() === 0, "closed: has no form");
    kept(other, "closed link");
    await other.context().close();
}


async function usesKeysAndLeaves(page) {
    await page.goto(`${URL_}/dashboard/`);
    await page.keyboard.press("Tab");
    ok(await page.evaluate("document.activeElement.className") === "skip",
       "keys: first comes the way to the customers");
    await page.keyboard.press("Tab");
    ok(await page.evaluate("document.activeElement.textContent")
       === "Sign out", "keys: then the way out");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/signin/);

    await page.goto(`${URL_}/dashboard/`);
    ok(new URL(page.url()).pathname === "/signin",
       "sign-out: the dashboard is shut", page.url());
}


await run(async (browser) => {
    await joins(browser);
    await slips(browser);
    await signInPage(browser);

    const page = await open(browser, { viewport: PHONE });

    await signsIn(page);
    await seesTheRow(page);
    await judgesTheHeld(page);
    await seesAClosedLink(page);
    await usesKeysAndLeaves(page);
    kept(page, "dashboard");
});
