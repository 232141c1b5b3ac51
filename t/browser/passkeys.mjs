
/*
 * Copyright (C) Keepers
 *
 * Passkeys in the dashboard, at the sign-in and at the step-up, for
 * t/481-passkeys-browser.t.  The authenticator is Chromium's, in software, and
 * confirms what it is asked unless it is told not to.
 *
 * Environment: KEEPERS_EMAIL, KEEPERS_PASSWORD, and that of page.mjs.
 */

import { PHONE, URL_, accessible, everyWay, kept, look, ok, open, run }
    from "./page.mjs";

const env = process.env;
const CODES = 10;
const TABS = 40;


async function authenticator(page) {
    const cdp = await page.context().newCDPSession(page);

    await cdp.send("WebAuthn.enable");

    const { authenticatorId } = await cdp.send(
        "WebAuthn.addVirtualAuthenticator", {
            options: {
                protocol: "ctap2", transport: "internal",
                hasResidentKey: true, hasUserVerification: true,
                isUserVerified: true, automaticPresenceSimulation: true,
            },
        });

    return {
        proves: (isUserVerified) => cdp.send("WebAuthn.setUserVerified",
            { authenticatorId, isUserVerified }),
        credentials: async () => (await cdp.send("WebAuthn.getCredentials",
            { authenticatorId })).credentials,
        forgets: (credentialId) => cdp.send("WebAuthn.removeCredential",
            { authenticatorId, credentialId }),
    };
}


async function fill(page) {
    await page.goto(`${URL_}/signin`);
    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.fill("#password", env.KEEPERS_PASSWORD);
}


async function signIn(page) {
    await fill(page);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${URL_}/dashboard/`);
}


/* By Tab alone, as who uses no mouse. */
async function reach(page, selector) {
    for (let i = 0; i < TABS; i++) {
        await page.keyboard.press("Tab");

        if (await page.evaluate((one) => document.activeElement.matches(one),
                                selector))
        {
            return;
        }
    }

    throw new Error(`no Tab leads to ${selector}`);
}


const inside = (page) => page.evaluate(async () =>
    (await fetch("/api/v1/sessions")).status === 200);


async function adds(page, key) {
    const card = page.locator("#passkeys");

    await page.goto(`${URL_}/dashboard/security.html`);
    await page.locator("#passkeys-password").waitFor();
    await everyWay(page, "passkeys-none");

    await reach(page, "#name");
    await page.keyboard.type("Lena's <b>phone</b>");
    await page.keyboard.press("Enter");
    ok(await page.evaluate(() => document.activeElement.id)
       === "passkeys-password", "add: what is missing has the focus");

    await page.keyboard.type("not the password");
    await page.keyboard.press("Enter");
    await card.locator(".fault:not(:empty)").first().waitFor();
    ok((await key.credentials()).length === 0,
       "add: a wrong password makes no passkey");
    await accessible(page, "passkeys-fault");

    await key.proves(false);
    await page.fill("#passkeys-password", env.KEEPERS_PASSWORD);
    await page.keyboard.press("Enter");
    await card.getByText("did not confirm").waitFor();
    ok((await key.credentials()).length === 0,
       "add: nor one of who does not prove who they are");
    await key.proves(true);

    await page.keyboard.press("Enter");
    await page.locator(".codes").waitFor();
    ok(await page.locator(".codes code").count() === CODES,
       "add: ten recovery codes come with the first");
    ok((await key.credentials()).length === 1, "add: the device has it");
    ok((await key.credentials())[0].isResidentCredential,
       "add: ... and finds it by itself");
    await page.locator("#passkeys h3").waitFor();
    ok((await page.locator("#passkeys h3").textContent())
       === "Lena's <b>phone</b>", "add: it is listed, its name is text");
    ok((await card.textContent()).includes("never used"),
       "add: nobody used it yet");
    await everyWay(page, "passkeys-added");

    const first = await page.locator(".codes code").first().textContent();

    await page.getByRole("button", { name: "I have kept them" }).click();
    await page.locator("#factor .proof").waitFor();
    await everyWay(page, "passkeys-one");

    return first;
}


/* Signed in with the password alone, on another device, before. */
async function endsTheOther(other) {
    await other.goto(`${URL_}/dashboard/`);
    await other.waitForURL(/\/signin/);
    ok(true, "other: is signed out");
}


async function signsIn(page, key) {
    const use = page.getByRole("button", { name: "Use a passkey" });

    await page.context().clearCookies();
    await fill(page);
    await page.keyboard.press("Enter");
    await page.locator(".summary").waitFor();
    ok(!await inside(page), "sign-in: the password is not enough");

    await page.goto(`${URL_}/signin`);
    await use.waitFor();
    await everyWay(page, "signin-passkey");
    await use.click();
    ok(await page.evaluate(() => document.activeElement.id) === "email",
       "sign-in: what is missing has the focus");
    await look(page, "signin-passkey-missing");

    await key.proves(false);
    await fill(page);
    await use.click();
    await page.locator("#passkey-fault:not(:empty)").waitFor();
    await accessible(page, "signin-passkey-fault");
    ok(await page.inputValue("#password") === env.KEEPERS_PASSWORD,
       "sign-in: who does not confirm loses nothing that was typed");
    await key.proves(true);

    await reach(page, "#use-passkey");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${URL_}/dashboard/`);
    ok(await inside(page), "sign-in: with the passkey, by the keyboard");
}


async function wrongPassword(page) {
    await page.context().clearCookies();
    await fill(page);
    await page.fill("#password", "not the password");
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.locator(".summary").waitFor();
    ok(!await inside(page), "sign-in: the passkey alone is not enough");
}


/* An app and new codes, both proved by the passkey: nothing is typed. */
async function goesOn(page) {
    const factor = page.locator("#factor");

    await page.goto(`${URL_}/dashboard/security.html`);
    await page.locator("#passkeys li").first().waitFor();
    ok((await page.locator("#passkeys li").first().textContent())
       .includes("last used"), "list: says that it was used");
    await factor.getByRole("button", { name: "Set up" }).click();
    await page.locator("#secret").waitFor();
    ok(true, "beside: an app can be set up with the passkey");

    await page.reload();
    await factor.getByRole("button", { name: "New recovery codes" }).click();
    await page.locator(".codes").waitFor();
    ok(await page.locator(".codes code").count() === CODES,
       "beside: so are new recovery codes");
}


/* With a code of the app or for recovery, where the device is not at hand. */
async function removesByCode(page, key) {
    const codes = await page.locator(".codes code").allTextContents();

    await page.goto(`${URL_}/dashboard/security.html`);
    await page.locator("#passkeys li").first().waitFor();

    for (const { credentialId } of await key.credentials()) {
        await key.forgets(credentialId);
    }

    await page.fill("#name", "The laptop");
    await page.fill("#passkeys-code", codes[0]);
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.locator("#passkeys li").nth(1).waitFor();
    ok(true, "add: a second, with a recovery code");
    await everyWay(page, "passkeys-two");

    const first = page.locator("#passkeys li").first();

    await page.fill("#passkeys-code", codes[1]);
    await first.getByRole("button", { name: /^Remove/ }).click();
    await first.getByRole("button", { name: /^Remove for good/ }).click();
    await page.locator("#passkeys li").nth(1).waitFor({ state: "detached" });
    ok(await page.locator("#passkeys h3").textContent() === "The laptop",
       "remove: the one that was lost, with another code");
}


/* A page that wants two factors, of somebody who has given them a while ago. */
async function proves(page) {
    const use = page.getByRole("button", { name: "Use a passkey" });

    await page.goto(`${URL_}/step-up`);
    await use.waitFor();
    await everyWay(page, "step-up-passkey");

    const before = (await page.context().cookies())
        .find(({ name }) => name === "keepers").value;

    await use.click();
    await page.waitForURL(`${URL_}/dashboard/`);

    const after = (await page.context().cookies())
        .find(({ name }) => name === "keepers").value;

    ok(before !== after, "step-up: the session is a new one");
    ok(await page.evaluate(async () => (await fetch("/api/v1/factors/codes",
           { method: "POST" })).status === 200),
       "step-up: of two factors, just proved");
}


async function withoutScript(browser, code) {
    const page = await open(browser, { viewport: PHONE,
                                       javaScriptEnabled: false });

    await page.goto(`${URL_}/signin`);
    ok(!await page.locator("#use-passkey").isVisible(),
       "without JavaScript: no button that does nothing");
    await page.fill("#email", env.KEEPERS_EMAIL);
    await page.fill("#password", env.KEEPERS_PASSWORD);
    await page.locator("summary").click();
    await page.fill("#code", code);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${URL_}/dashboard/`);
    ok(true, "without JavaScript: a recovery code opens");
    kept(page, "without JavaScript");
    await page.context().close();
}


async function removes(page) {
    const items = page.locator("#passkeys li");

    await page.goto(`${URL_}/dashboard/security.html`);
    await items.first().waitFor();
    await page.fill("#name", "The laptop");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.locator("#passkeys .fault:not(:empty)").waitFor();
    ok((await page.locator("#passkeys").textContent())
       .includes("has a passkey for you already"),
       "add: a device that has one makes no second");

    await items.first().getByRole("button", { name: /^Remove/ }).focus();
    await page.keyboard.press("Enter");
    await accessible(page, "passkeys-sure");
    await page.keyboard.press("Enter");
    await page.locator("#passkeys-password").waitFor();
    ok(await page.evaluate(() => document.activeElement.id)
       === "passkeys-title", "remove: the focus is led back");
    ok(await page.locator("#factor #password").isVisible(),
       "remove: with the last one all is as it was");
}


await run(async (browser) => {
    const page = await open(browser, { viewport: PHONE });
    const other = await open(browser, { viewport: PHONE });
    const key = await authenticator(page);

    await signIn(page);
    await signIn(other);

    const code = await adds(page, key);

    await endsTheOther(other);
    await withoutScript(browser, code);
    await wrongPassword(page);
    await signsIn(page, key);
    await proves(page);
    await goesOn(page);
    await removesByCode(page, key);
    await removes(page);
    kept(page, "passkeys");
});
