import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";

const TOLERANCE_SECONDS = 300;

/** The event, or an Error. `headers` are in lower case; `body` is the Buffer that came, before any parsing. */
export function verify(secret, headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) {
    throw new Error("too old, or from the future");
  }
  const mac = createHmac("sha256", key(secret)).update(`${id}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${mac.digest("base64")}`);
  // While a secret is being changed there are several signatures, separated by spaces.
  const given = signatures.split(" ").map((signature) => Buffer.from(signature));
  if (!given.some((one) => one.length === expected.length && timingSafeEqual(one, expected))) {
    throw new Error("not signed with this secret");
  }
  return JSON.parse(body);
}

function key(secret) {
  const part = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : "";
  const decoded = Buffer.from(part, "base64");
  return part && decoded.toString("base64") === part ? decoded : Buffer.from(secret);
}

if (process.argv.length === 5) {
  const [secret, headersFile, bodyFile] = process.argv.slice(2);
  const event = verify(secret, JSON.parse(readFileSync(headersFile)), readFileSync(bodyFile));
  console.log(event.id, event.type);
}
