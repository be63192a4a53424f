// Signs people in through a real provider, as a browser without scripts does: it follows what it is sent to, keeps cookies for each
// host, and fills in the forms that it is shown. node check.mjs MASK FOLDER KIND
import { readFileSync, writeFileSync } from "node:fs";

const [mask, folder, kind] = process.argv.slice(2);
const issuer = JSON.parse(readFileSync(`${folder}/issuers.json`, "utf8"))[kind];

let checks = 0;
function check(what, is, ...expected) {
  const wanted = expected.length ? expected[0] : true; // nothing may be what is wanted
  if (is !== wanted) throw new Error(`${kind}: ${what}: ${JSON.stringify(is)} in place of ${JSON.stringify(wanted)}`);
  checks += 1;
}

function setPeople(people) {
  writeFileSync(`${folder}/people.json`, JSON.stringify(people));
}
const ada = { email: "ada@example.com", email_verified: true, name: "Ada Lovelace", groups: ["designers"] };

class Browser {
  cookies = {};

  async ask(url, form) {
    const host = new URL(url).host;
    const headers = { cookie: Object.entries(this.cookies[host] ?? {}).map(([name, value]) => `${name}=${value}`).join("; ") };
    const body = form && new URLSearchParams(form);
    const answer = await fetch(url, { method: form ? "POST" : "GET", headers, body, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split("; ");
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      const kept = (this.cookies[host] ??= {});
      if (value === "" || attributes.some((one) => /^expires=.*1970/i.test(one) || one === "Max-Age=0")) delete kept[name];
      else kept[name] = value;
    }
    const location = answer.headers.get("location");
    return { url, status: answer.status, text: await answer.text(), to: location && new URL(location, url).href };
  }

  // Goes on until a page is shown, or until it is sent to where `until` says.
  async go(url, until = () => false) {
    let answer = await this.ask(url);
    for (let steps = 0; answer.to && !until(answer.to); steps += 1) {
      if (steps > 20) throw new Error(`it goes in a circle at ${answer.to}`);
      answer = await this.ask(answer.to);
    }
    return answer;
  }

  // Fills in the form that is shown, and goes on.
  async fill(page, fields, until) {
    const action = page.text.match(/<form[^>]*action="([^"]*)"/)?.[1];
    if (!action) throw new Error(`there is no form at ${page.url}: ${page.text}`);
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const form = { ...Object.fromEntries(hidden.map(([, name, value]) => [name, value])), ...fields };
    const answer = await this.ask(new URL(action, page.url).href, form);
    return answer.to && !until?.(answer.to) ? this.go(answer.to, until) : answer;
  }

  get session() {
    return this.cookies[new URL(mask).host]?.mask_session;
  }

  async account() {
    const answer = await this.ask(`${mask}/api/v1/account`);
    return answer.status === 200 ? JSON.parse(answer.text) : undefined;
  }
}

const isCallback = (url) => url.startsWith(`${mask}/auth/oidc/callback`);

// From the button of our page to the address that the provider sends the browser back to.
async function toTheDoor(browser, who) {
  const page = await browser.go(`${mask}/sign-in`);
  const button = page.text.match(/href="(\/auth\/oidc\/start[^"]*)"/)?.[1];
  check("the page has a button", Boolean(button));
  const left = await browser.ask(new URL(button, mask).href);
  const asked = new URL(left.to);
  check("it leads to the provider", asked.origin, issuer);
  check("with a challenge", asked.searchParams.get("code_challenge_method"), "S256");
  check("and a nonce", asked.searchParams.get("nonce")?.length >= 32);
  let page_there = await browser.go(left.to, isCallback);
  if (page_there.to) return page_there.to;
  page_there = await browser.fill(page_there, { login: who, password: "any" }, isCallback);
  // What this server may know of them is asked for once.
  while (!page_there.to) page_there = await browser.fill(page_there, {}, isCallback);
  return page_there.to;
}

async function signIn(who) {
  const browser = new Browser();
  const back = await toTheDoor(browser, who);
  return { browser, page: await browser.go(back) };
}

const roleOf = (account) => account?.workspaces.find((place) => place.slug === "default")?.role;

async function comesIn(who, role) {
  const { browser, page } = await signIn(who);
  check(`${who} is shown the account`, new URL(page.url).pathname, "/account");
  const account = await browser.account();
  check(`${who} is ${role}`, roleOf(account), role);
  return account;
}

async function staysOut(who, words) {
  const { browser, page } = await signIn(who);
  check(`${who} stays out`, page.status, 403);
  check(`${who} is told why: ${page.text}`, page.text.includes(words));
  check(`${who} has no session`, browser.session, undefined);
}

// Groups make and take places, and the provider's own name for somebody is what they are known by.
setPeople({ ada });
const first = await comesIn("ada", "member");
check("the address is the provider's", first.email, ada.email);
check("and so is the name", first.name, ada.name);
setPeople({ ada: { ...ada, groups: ["designers", "bosses"] } });
await comesIn("ada", "admin");
setPeople({ ada: { ...ada, groups: [], email: "countess@example.com" } });
check("it is the same account", (await comesIn("ada", undefined)).id, first.id);

// Whoever is not vouched for stays out.
const eve = { email: "eve@example.com", email_verified: false, name: "Eve", groups: ["bosses"] };
setPeople({ ada, eve, mallory: { ...ada, email: "mallory@evil.example" }, nobody: {} });
await staysOut("eve", "does not say that your address of mail is yours");
await staysOut("nobody", "does not say that your address of mail is yours");
await staysOut("mallory", "domain");

// Somebody says no there.
const shy = new Browser();
const login = await shy.go(`${mask}/auth/oidc/start`);
const abort = login.text.match(/href="([^"]*\/abort)"/)?.[1];
const refused = await shy.go(new URL(abort, login.url).href);
check("who goes back stays out", refused.status, 403);
check("without a session", shy.session, undefined);

// An answer is for the browser that asked, once: the code of one in the place of another's is refused by the provider, which
// compares the challenge.
const [mine, theirs] = [new Browser(), new Browser()];
const [myBack, theirBack] = [new URL(await toTheDoor(mine, "ada")), new URL(await toTheDoor(theirs, "ada"))];
const injected = new URL(theirBack);
injected.searchParams.set("code", myBack.searchParams.get("code"));
check("a code of another browser is no good", (await theirs.go(injected.href)).status, 403);
check("nor does it begin a session", theirs.session, undefined);
const foreign = await new Browser().go(myBack.href);
check("nor is it in a browser that never asked", foreign.status, 403);
const again = new Browser();
again.cookies = structuredClone(mine.cookies);
const used = new Browser();
const usedBack = await toTheDoor(used, "ada");
again.cookies = structuredClone(used.cookies);
check("a code is good once", new URL((await used.go(usedBack)).url).pathname, "/account");
check("and no more", (await again.go(usedBack)).status, 403);
check("not with the same ticket either", again.session, undefined);

// The provider saw what it has to see.
const asked = readFileSync(`${folder}/asked.jsonl`, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const ours = asked.filter((one) => one.issuer === issuer);
check("it has granted", ours.some((one) => one.event === "grant.success"));
check("and refused what was injected", ours.some((one) => one.event === "grant.error"));
check("it broke nowhere", ours.filter((one) => one.event === "server_error").length, 0);
console.log(`${kind}: ${checks} checks`);
