
/*
 * Copyright (C) Keepers
 *
 * What the programs for headless Chromium share.  They print "ok NAME",
 * "not ok NAME" and "# detail" for Keepers::Browser, and "ok the end" last.
 *
 * Environment: KEEPERS_PACKAGES (where npm put the packages), KEEPERS_SCREENS,
 * and KEEPERS_URL, which no request may leave.
 */

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const env = process.env;
const require = createRequire(path.join(env.KEEPERS_PACKAGES, "/"));
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
];

export const PHONE = { width: 390, height: 844 };
const WIDTHS = [360, 768, 1440];
const WAIT_MS = 10000;

export const URL_ = env.KEEPERS_URL.replace(/\/$/, "");


export function ok(good, name, detail = "") {
    process.stdout.write(`${good ? "ok" : "not ok"} ${name}\n`);

    if (!good && detail) {
        process.stdout.write(`${detail}`.replace(/^/gm, "# ") + "\n");
    }
}


/* A page that tells of every broken promise of its policy. */
export async function open(browser, options) {
    const context = await browser.newContext({ locale: "en-GB", ...options });
    const page = await context.newPage();

    page.broken = [];
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (fault) => page.broken.push(fault.message));
    page.on("console", (line) => {
        if (/content security policy|trusted ?type/i.test(line.text())) {
            page.broken.push(line.text());
        }
    });
    page.on("request", (one) => {
        if (!/^data:/.test(one.url()) && !one.url().startsWith(`${URL_}/`)) {
            page.broken.push(`a third party: ${one.url()}`);
        }
    });

    return page;
}


export function kept(page, name) {
    ok(page.broken.length === 0, `${name}: nothing against its policy`,
       page.broken.join("\n"));
}


export async function look(page, name) {
    await page.screenshot({ path: path.join(env.KEEPERS_SCREENS,
                                            `${name}.png`), fullPage: true });
}


export async function accessible(page, name) {
    const result = await page.evaluate(`${axe};axe.run({
        resultTypes: ["violations"],
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
                  "best-practice"],
    })`);

    const wide = await page.evaluate(
        "document.documentElement.scrollWidth - innerWidth");

    ok(result.violations.length === 0, `${name}: axe finds nothing`,
       result.violations.map((v) => `${v.id}: ${v.nodes
           .map((n) => n.html.slice(0, 160)).join(" | ")}`).join("\n"));
    ok(wide <= 0, `${name}: nothing sticks out`, `${wide} px`);
}


/* Each look that a page has: light and dark, narrow to wide. */
export async function everyWay(page, name, more = () => {}) {
    for (const scheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: scheme });

        for (const width of WIDTHS) {
            await page.setViewportSize({ width, height: 900 });
            await accessible(page, `${name} ${width} ${scheme}`);
            await more(`${name} ${width} ${scheme}`);
            await look(page, `${name}-${width}-${scheme}`);
        }
    }

    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(PHONE);
}


/* Who is quick is asked for one more tap; the test is quick. */
export async function join(page) {
    await page.locator("form > button:not([name])").last().click();

    const tap = page.locator(".tap button");

    if (await tap.count()) {
        await look(page, "link-tap");
        await tap.click();
    }
}


/* Runs a program to its end, or says where it broke. */
export async function run(program) {
    const browser = await chromium.launch({
        executablePath: "/usr/bin/chromium", args: FLAGS });

    try {
        await program(browser);
        ok(true, "the end");

    } catch (fault) {
        ok(false, "it goes on", fault.stack);
        process.exitCode = 1;

    } finally {
        await browser.close();
    }
}
