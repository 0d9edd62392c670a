// What the judges of whole logins share. A judge speaks with its test by lines of JSON, one login after the other:
//   in   {"issuer", "client_id", "redirect_uri", "level", "scope", "signed", "client_secret" or "assertion", ...}
//          signed: JWS algorithm of answers; assertion: private JWK that authenticates the client; decrypt: private JWK
//          that answers are encrypted to; through: origin that is called in the issuer's place; pushed, bound: by a pushed
//          request, with DPoP; object: private JWK that signs the request; provider: a data provider, likewise described;
//          left: where the browser goes after logout; revoke: whether to take the token back
//   out  {"url"}                                             where the browser begins
//   in   {"callback"}                                        where it came back to
//   out  {"claims", "userinfo", "type", ...} or {"refused"}
// The first line may be {"refused"} as well.
import { createInterface } from 'node:readline';
import { webcrypto } from 'node:crypto';
import { compactDecrypt, importJWK } from 'jose';

globalThis.crypto ??= webcrypto; // node 18

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => {
  const { value, done } = await lines.next();
  return done ? undefined : JSON.parse(value);
};
const write = (message) => process.stdout.write(JSON.stringify(message) + '\n');

// serve has a judge do every login that it is told to. What it throws is its refusal.
export async function serve(login) {
  for (let asked; (asked = await read()) !== undefined;) {
    try {
      write(await login(asked, async (url) => {
        write({ url });
        return new URL((await read()).callback);
      }));
    } catch (e) {
      write({ refused: [e.code ?? e.name, e.message, e.error, e.cause?.message].filter(Boolean).join(': ') });
    }
  }
  process.exit(0);
}

// reach calls the issuer by another origin, if one is given.
export const reach = (origin) => (url, options) => fetch(origin ? String(url).replace(new URL(url).origin, origin) : url, options);

// own is a private key as the libraries want it.
export const own = async (jwk) => ({ key: await importJWK(jwk, jwk.alg), alg: jwk.alg, kid: jwk.kid });

// inner is the JWS in an answer, which is what goes back as id_token_hint (RP-Initiated Logout 1.0 §2).
export async function inner(answer, jwk) {
  if (!jwk) return answer;
  const { plaintext } = await compactDecrypt(answer, await importJWK(jwk, jwk.alg));
  return new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
}

// parameters of an authorization request that neither library makes by itself.
export const parameters = (asked) => ({
  redirect_uri: asked.redirect_uri, response_type: 'code', scope: asked.scope, acr_values: asked.level,
  claims: JSON.stringify({ id_token: { amr: { essential: true } } }),
});
