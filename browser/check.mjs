// Bio pages in a real browser: what they look like, who can use them, and what they refuse to do. Called by scripts/browser.sh
// with the folder of the packages, the server's address, a key, and a second host that it serves.
import assert from "node:assert/strict";
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { all, client, form, hostile, page as make, PRESETS } from "./pages.mjs";

const [tools, base, key, domain, artefacts] = process.argv.slice(2);
const require = createRequire(`${tools}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const payloads = readFileSync(new URL("../crates/server/tests/payloads/markup.txt", import.meta.url), "utf8").trim().split("\n");
const WIDTHS = [320, 768, 1440];
// What of a page's outline and of its colours axe has to say, and what WCAG has beside it at levels A and AA.
const AXE = { resultTypes: ["violations"] };
// Nobody but this machine can be found, whatever a page asks for.
const ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1";
const FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

mkdirSync(artefacts, { recursive: true });
const api = client(base, key);
const pages = await all(api, domain);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...FLAGS.split(" "), ALONE] });
let checks = 0;

/** A window, with a list of all that went wrong in it and all that was asked of others. */
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 768, height: 900 }, ...options });
  const seen = { strangers: [], wrong: [] };
  const own = new URL(pages.paper).host;
  await context.route((url) => url.host !== own, (route) => {
    seen.strangers.push(route.request().url());
    return route.fulfill({ status: 200, contentType: "text/html", body: "<!doctype html><title>a stranger</title>" });
  });
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
    for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => window.violations.push(`${name} was called`);
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => seen.wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && seen.wrong.push(message.text()));
  page.on("dialog", (dialog) => seen.wrong.push(`a dialog: ${dialog.message()}`) && dialog.dismiss());
  return { context, page, seen };
}

async function check(what, run) {
  try {
    await run();
    checks += 1;
  } catch (error) {
    error.message = `${what}: ${error.message}`;
    throw error;
  }
}

async function quiet({ page, seen }, scripted = true) {
  if (scripted) assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(seen.wrong, []);
  assert.deepEqual(seen.strangers, [], "nobody else is asked for anything");
}

/** Presses a button that sends a form, and waits for the page that answers: a click alone does not wait for it. */
async function send(page, button) {
  const [answered] = await Promise.all([page.waitForNavigation(), button.click()]);
  return answered;
}

/** Waits for something that a page brings about without saying when it is done. */
async function until(what, holds) {
  for (const end = Date.now() + 30_000; !holds(); await new Promise((resolve) => setTimeout(resolve, 20))) {
    assert.ok(Date.now() < end, `${what}: not within half a minute`);
  }
}

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Everything that axe finds to be wrong. */
async function wrong(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((options) => window.axe.run(document, options), AXE);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
}

for (const [name, url] of Object.entries(pages)) {
  for (const colorScheme of PRESETS.includes(name) ? ["light", "dark"] : ["light"]) {
    const window = await open({ colorScheme });
    const { page } = window;
    for (const width of WIDTHS) {
      await check(`${name}, ${colorScheme}, ${width} px`, async () => {
        await page.setViewportSize({ width, height: 900 });
        const answer = await page.goto(url);
        assert.equal(answer.status(), 200);
        assert.equal(await overflow(page), 0, "it scrolls sideways");
        for (const picture of await page.locator("img").all()) await picture.scrollIntoViewIfNeeded();
        await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: `${artefacts}/${name}-${colorScheme}-${width}.png`, fullPage: true });
        const small = await page.evaluate(() => [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea")]
          .filter((element) => !element.closest(".text") && !element.closest(".trap"))
          .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
          .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html));
        assert.deepEqual(small, [], "too small to hit");
        await quiet(window);
        assert.deepEqual(await wrong(page), [], "axe");
      });
    }
    await window.context.close();
  }
}

await check("it runs from right to left", async () => {
  const { context, page } = await open();
  await page.goto(pages.rtl);
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("main")).direction), "rtl");
  const title = await page.locator("h1").boundingBox();
  assert.ok(title.width > 0);
  assert.equal(await page.locator("html").getAttribute("lang"), "ar");
  const languages = (texts) => page.evaluate((texts) => texts.map((text) => {
    const all = [...document.querySelectorAll("main *")].filter((element) => element.textContent.trim() === text);
    return all.at(-1)?.closest("[lang]").lang;
  }), texts);
  const ours = ["الاسم (اختياري)", "البريد الإلكتروني", "الرسالة", "تشغيل الفيديو على Vimeo", "تشغيل على Spotify", "أغنية"];
  assert.deepEqual(await languages(ours), ours.map(() => "ar"), "words of ours are in the language of the page");
  assert.equal(await page.locator("main [lang]").count(), 0);
  assert.deepEqual(await languages(["احجز موعدًا", "أرسل", "فيلم قصير عن الضوء"]), ["ar", "ar", "ar"]);
  await context.close();
});

await check("an untitled player is named in the language of the page, or says that it is named in English", async () => {
  const videos = ["A", null].map((title, place) => ({ type: "video", data: { url: `https://vimeo.com/7697987${place}`, title } }));
  const swedish = await make(api, domain, "in-swedish", { title: "Ada", language: "sv", blocks: [...videos, form("contact")] });
  for (const [url, named] of [[pages.rtl, [["فيلم قصير عن الضوء", ""], ["فيديو على Vimeo", ""]]], [swedish, [["A", ""], ["Vimeo video", "en"]]]]) {
    const { context, page } = await open();
    await page.goto(url);
    assert.deepEqual(await wrong(page), []);
    // One that is clicked is a still no more, so it is always the first that comes next.
    const stills = page.locator(".video .still");
    while (await stills.count()) await stills.first().evaluate((element) => element.click());
    const frames = await page.locator(".video iframe").evaluateAll((all) => all.map(({ title, lang }) => [title, lang]));
    assert.deepEqual(frames, named);
    await context.close();
  }
  const { context, page } = await open();
  await page.goto(swedish);
  assert.equal(await page.getByText("Your message").getAttribute("lang"), "en", "words in another language are marked");
  await context.close();
});

for (const preset of PRESETS) await check(`${preset}: the keyboard alone reaches everything, and shows where it is`, async () => {
  const window = await open();
  const { page, context } = window;
  await page.goto(pages[preset]);
  const wanted = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), textarea")];
    return all.filter((element) => element.tabIndex >= 0).map((element, place) => ((element.dataset.place = place), place));
  });
  assert.ok(wanted.length > 18, `${wanted.length}`);
  const reached = [];
  for (const _ of wanted) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return { place: Number(document.activeElement.dataset.place), outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, html: document.activeElement.outerHTML.slice(0, 80) };
    });
    assert.ok(at.outline, `no outline: ${at.html}`);
    reached.push(at.place);
  }
  assert.deepEqual(reached, wanted);
  assert.equal(await page.locator("[name=website]").first().evaluate((field) => field.tabIndex), -1);
  await context.close();
});

await check("a player comes when it is clicked, and not before", async () => {
  const window = await open();
  const { page, context, seen } = window;
  await page.goto(pages.dusk);
  await page.waitForLoadState("networkidle");
  await quiet(window);
  assert.equal(await page.locator("iframe").count(), 0);
  const noted = [];
  page.on("request", (request) => request.url().includes("?to=blk_") && noted.push(request.url()));
  await page.locator(".video .still").focus();
  await page.keyboard.press("Enter");
  const video = page.locator(".video iframe");
  await video.waitFor();
  assert.equal(await video.getAttribute("src"), "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?autoplay=1&rel=0");
  assert.equal(await video.getAttribute("title"), "How the analytical engine would have counted, card by card");
  await page.locator(".spotify .still").click();
  await page.locator(".spotify iframe").waitFor();
  const hosts = () => [...new Set(seen.strangers.map((url) => new URL(url).host))].sort();
  await until("both clicks are noted, and both players asked for", () => noted.length >= 2 && hosts().length >= 2);
  await page.waitForLoadState("networkidle");
  assert.equal(new Set(noted).size, 2, "each is counted as a click on its block");
  assert.deepEqual(hosts(), ["open.spotify.com", "www.youtube-nocookie.com"]);
  assert.deepEqual(seen.wrong, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.equal(await overflow(page), 0);
  await context.close();
});

for (const preset of PRESETS) for (const width of WIDTHS) await check(`${preset}, ${width} px: without a script it is all there`, async () => {
  const window = await open({ javaScriptEnabled: false, viewport: { width, height: 800 } });
  const { page, context } = window;
  await page.goto(pages[preset]);
  await page.screenshot({ path: `${artefacts}/${preset}-no-script-${width}.png`, fullPage: true });
  for (const text of ["Ada Lovelace", "Book a consultation", "From the shop", "€1,249.50", "Poetical science", "Play the video on YouTube", "Play on Spotify", "The loom at the museum, 1843", "Letters from the engine room", "Write to me"]) {
    assert.ok(await page.getByText(text).first().isVisible(), text);
  }
  const links = await page.locator("main a").all();
  assert.ok(links.length >= 14, `${links.length}`);
  for (const link of links) {
    const href = await link.getAttribute("href");
    assert.ok(await link.isVisible() && /^(\?to=blk_|mailto:|tel:)/.test(href), href);
  }
  const letter = page.locator("section", { hasText: "Write to me" });
  for (const label of ["Your name", "Your email", "Your message"]) assert.ok(await letter.getByLabel(label).isVisible(), label);
  const email = page.locator("section", { hasText: "Letters from the engine room" });
  await email.getByLabel("Your email").fill(`ada${width}@example.com`);
  await send(page, email.getByRole("button"));
  assert.ok(await page.getByText("Thank you! The next letter is yours.").isVisible(), "it is sent");
  await quiet(window, false);
  await context.close();
});

for (const [named, place, url] of [
  ["the still", ".video .still", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"],
  ["a link", ".link", "https://example.com/somewhere"],
  ["a link within a text", ".text a", "https://example.com/talks"],
]) {
  await check(`without a script ${named} leads on by way of the page`, async () => {
    const { page, context } = await open({ javaScriptEnabled: false });
    await page.goto(pages.meadow);
    const asked = page.waitForRequest(url);
    await page.locator(place).first().click({ noWaitAfter: true });
    const from = (await asked).redirectedFrom();
    assert.ok(from.url().startsWith(`${pages.meadow}?to=blk_`), from.url());
    await context.close();
  });
}

await check("a form says what is wrong, keeps what was typed, and thanks", async () => {
  for (const javaScriptEnabled of [false, true]) {
    const { page, context } = await open({ javaScriptEnabled });
    await page.goto(pages.blossom);
    const form = page.locator("section", { hasText: "Write to me" });
    // The browser's own check is out of the way: another may have none.
    if (javaScriptEnabled) await page.evaluate(() => document.querySelectorAll("form").forEach((form) => (form.noValidate = true)));
    else await page.goto(`${pages.blossom}`);
    await form.getByLabel("Your name").fill("Charles");
    await form.getByLabel("Your message").fill("About <the> engine");
    if (javaScriptEnabled) {
      await form.getByLabel("Your email").fill("nobody");
      await send(page, form.getByRole("button"));
      const field = page.getByLabel("Your email").nth(1);
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      assert.equal(await field.inputValue(), "nobody");
      assert.equal(await page.getByLabel("Your message").inputValue(), "About <the> engine");
      assert.equal(await page.evaluate(() => document.activeElement.name), "email", "the field at fault has the focus");
      await page.screenshot({ path: `${artefacts}/blossom-fault-768.png`, fullPage: true });
      assert.deepEqual(await wrong(page), []);
    }
    await page.getByLabel("Your email").nth(1).fill("charles@example.com");
    await send(page, page.locator("section", { hasText: "Write to me" }).getByRole("button"));
    assert.ok(await page.getByText("Thank you, I will answer.").isVisible());
    assert.equal(await page.getByLabel("Your message").isVisible(), false, "the thanks stand in the form's place");
    assert.ok(page.url().includes("?done="));
    if (javaScriptEnabled) assert.deepEqual(await wrong(page), []);
    await context.close();
  }
});

await check("what was written into a form that is gone comes back", async () => {
  const url = await make(api, domain, "a-form-that-goes", { title: "Ada", blocks: [form("contact")] });
  const { page, context, seen } = await open();
  await page.goto(url);
  await page.getByLabel("Your email").fill("charles@example.com");
  await page.getByLabel("Your message").fill("About <the> engine\nand more");
  const [{ id }] = (await api("GET", "/bio-pages?limit=1")).data;
  await api("PATCH", `/bio-pages/${id}`, { blocks: [] });
  await send(page, page.getByRole("button"));
  assert.ok(await page.getByRole("alert").getByText("This form is no longer on the page").isVisible());
  assert.equal(await page.getByLabel("Your message").inputValue(), "About <the> engine\nand more");
  assert.equal(await page.getByRole("button").count(), 0);
  assert.deepEqual(await wrong(page), []);
  await page.screenshot({ path: `${artefacts}/form-gone-768.png`, fullPage: true });
  assert.deepEqual(seen.strangers, []);
  await context.close();
});

await check("who prefers less motion gets none", async () => {
  const { page, context } = await open({ reducedMotion: "reduce" });
  await page.goto(pages.paper);
  const moving = await page.evaluate(() => [...document.querySelectorAll("*")].filter((element) => parseFloat(getComputedStyle(element).transitionDuration) > 0).length);
  assert.equal(moving, 0);
  await context.close();
});

await check("nothing that is typed runs", async () => {
  const { page, context, seen } = await open();
  const read = (selector, name) => page.locator(selector).evaluateAll((all, name) => all.map((element) => (name ? element.getAttribute(name) : element.textContent)), name);
  for (const { url, title, description, shown } of await hostile(api, domain, payloads, 3)) {
    await page.goto(url);
    assert.deepEqual(await read("head title"), [title]);
    assert.deepEqual(await read("h1"), [title]);
    assert.deepEqual(await read(".about"), [description]);
    for (const [selector, name, texts] of shown) assert.deepEqual(await read(selector, name), texts, `${selector} ${name}: each is shown as the text that it is`);
    const strange = await page.evaluate(() => {
      const all = [...document.querySelectorAll("*")];
      const handlers = all.filter((element) => [...element.attributes].some(({ name }) => name.startsWith("on") || name === "style"));
      const tags = all.filter((element) => element.matches("script:not([type='application/ld+json']), iframe, object, embed, base, form[action^='javascript'], main img, [href^='javascript' i], [href^='data' i]:not([rel=icon])")).filter((element) => !element.matches("main img[src^='/-/img/'], head script[src^='/-/']"));
      return [...handlers, ...tags].map((element) => element.outerHTML.slice(0, 120));
    });
    assert.deepEqual(strange, []);
    for (const element of await page.locator("main a, main h2").all()) {
      await element.dispatchEvent("mouseover");
      await element.dispatchEvent("focus");
    }
    assert.deepEqual(await page.evaluate(() => window.violations), []);
  }
  assert.deepEqual(seen.wrong, []);
  assert.deepEqual(seen.strangers, []);
  await context.close();
});

await check("nothing that is typed into a form runs", async () => {
  const url = await make(api, domain, "typed-markup", { title: "Ada", blocks: [form("contact")] });
  const { page, context, seen } = await open();
  await page.goto(url);
  for (const payload of payloads) {
    const done = page.waitForNavigation();
    await page.evaluate((payload) => {
      const form = document.forms[0];
      for (const name of ["name", "email", "message"]) form.elements[name].value = payload;
      form.submit();
    }, payload);
    assert.equal((await done).status(), 422, payload);
    const back = await page.evaluate(() => {
      const { name, email, message } = document.forms[0].elements;
      return [name.value, email.getAttribute("value"), message.value];
    });
    assert.deepEqual([back[0], back[2]], [payload, payload]);
    assert.equal(back[1].trim(), payload.trim());
    assert.equal(await page.locator("main :is(img, svg, script, iframe, object, embed), main [style]").count(), 0, payload);
    assert.deepEqual(await page.evaluate(() => window.violations), []);
  }
  // A browser says in its console that an answer was a 422, and nothing else.
  assert.deepEqual(seen.wrong.filter((text) => !text.includes("422")), []);
  assert.deepEqual(seen.strangers, []);
  await context.close();
});

await browser.close();
console.log(`${checks} checks in Chromium; pictures in ${artefacts}`);
