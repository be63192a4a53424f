// Providers of identities for scripts/oidc.sh, made of `oidc-provider` of npm: three in one process, each on a port of its own, and
// each as strict as it can be made in another way. Who there is to sign in stands in FOLDER/people.json, which is read anew each
// time. Where they are is written to FOLDER/issuers.json, and what they were asked to FOLDER/asked.jsonl.
import { createRequire } from "node:module";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";

const [tools, callback, folder] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(createRequire(`${tools}/`).resolve("oidc-provider")));

const client = {
  client_id: "mask", client_secret: "s3cr3t/ +:&%", redirect_uris: [callback],
  grant_types: ["authorization_code"], response_types: ["code"],
};
const KINDS = {
  // Nothing but who it is stands in the token; all else is told to whoever asks with the other one.
  strict: { key: ["rsa", { modulusLength: 2048 }], alg: "RS256", method: "client_secret_basic", conforms: true },
  plain: { key: ["ec", { namedCurve: "P-256" }], alg: "ES256", method: "client_secret_post", conforms: false },
  open: { key: ["ed25519", {}], alg: "EdDSA", method: "none", conforms: false },
};

const people = () => JSON.parse(readFileSync(`${folder}/people.json`, "utf8"));
const findAccount = (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people()[id] }) });

function start({ key: [kind, options], alg, method, conforms }) {
  const jwk = { ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }), use: "sig", alg, kid: alg };
  const of_client = { ...client, id_token_signed_response_alg: alg, token_endpoint_auth_method: method };
  if (method === "none") delete of_client.client_secret;
  const server = createServer();
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const provider = new Provider(issuer, {
      clients: [of_client], jwks: { keys: [jwk] }, findAccount, conformIdTokenClaims: conforms, clientAuthMethods: [method],
      enabledJWA: { idTokenSigningAlgValues: [alg] }, pkce: { methods: ["S256"], required: () => true },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
      cookies: { keys: ["only for tests"] },
    });
    for (const event of ["authorization.accepted", "grant.success", "grant.error", "userinfo.error", "server_error"]) {
      provider.on(event, (ctx, error) => {
        const { code_challenge_method, nonce } = ctx.oidc?.params ?? {};
        const said = { issuer, event, code_challenge_method, nonce, error: error?.error_description ?? error?.message };
        appendFileSync(`${folder}/asked.jsonl`, `${JSON.stringify(said)}\n`);
      });
    }
    server.on("request", provider.callback());
    resolve(issuer);
  }));
}

const issuers = {};
for (const [name, kind] of Object.entries(KINDS)) issuers[name] = await start(kind);
writeFileSync(`${folder}/issuers.part`, JSON.stringify(issuers));
renameSync(`${folder}/issuers.part`, `${folder}/issuers.json`);
