// A service provider on openid-client. It speaks with its test by lines of JSON:
//   in   {"issuer", "client_id", "client_secret", "redirect_uri", "level", "key", "through"}
//        key: private JWK of the encryption key; through: origin that is called in the issuer's place, may be absent
//   out  {"url"}                                                                   where the browser begins
//   in   {"callback"}                                                              where the browser came back to
//   out  {"claims", "userinfo"} or {"refused"}
import { createInterface } from 'node:readline';
import { webcrypto } from 'node:crypto';
import * as client from 'openid-client';

globalThis.crypto ??= webcrypto; // node 18

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (message) => process.stdout.write(JSON.stringify(message) + '\n');

const asked = await read();
const key = await crypto.subtle.importKey('jwk', asked.key, { name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits']);
const config = await client.discovery(
  new URL(asked.issuer), asked.client_id,
  {
    client_secret: asked.client_secret, id_token_signed_response_alg: 'ES256', userinfo_signed_response_alg: 'ES256',
  },
  client.ClientSecretPost(asked.client_secret),
  {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks], // http: the issuer is on loopback
    [client.customFetch]: (url, options) => fetch(asked.through ? url.replace(new URL(url).origin, asked.through) : url, options),
  },
);
client.enableDecryptingResponses(config, ['A256GCM'], { key, alg: 'ECDH-ES', kid: asked.key.kid });

const verifier = client.randomPKCECodeVerifier();
const nonce = client.randomNonce();
const state = client.randomState();
write({
  url: client.buildAuthorizationUrl(config, {
    redirect_uri: asked.redirect_uri, response_type: 'code', state, nonce, acr_values: asked.level,
    scope: 'openid given_name family_name birthdate gender birthplace birthcountry rnipp_identite_pivot',
    claims: JSON.stringify({ id_token: { amr: { essential: true } } }),
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }).href,
});

try {
  const { callback } = await read();
  const tokens = await client.authorizationCodeGrant(config, new URL(callback), {
    expectedNonce: nonce, expectedState: state, pkceCodeVerifier: verifier, idTokenExpected: true,
  });
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  write({ claims, userinfo });
} catch (e) {
  write({ refused: `${e.code ?? e.name}: ${e.message}${e.error ? ` (${e.error})` : ''}` });
}
process.exit(0);
