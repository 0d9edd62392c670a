// npm's jose as the reader of what service providers sign. Standard input: one JSON array of
//   {id, kind, token, keys (JWK set), issuer, audience, now (seconds), method, url, access}
// Standard output: one JSON array of {id} or {id, refused}.
import { createHash, webcrypto } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { compactVerify, createLocalJWKSet, EmbeddedJWK, jwtVerify } from 'jose';

globalThis.crypto ??= webcrypto; // node 18

const must = (good, what) => {
  if (!good) throw Object.assign(new Error(what), { code: `ERR_JUDGE: ${what}` });
};
const kinds = {
  // private_key_jwt: RFC 7523 §3
  async assertion(c, common) {
    const { payload } = await jwtVerify(c.token, createLocalJWKSet(c.keys), {
      ...common, issuer: c.issuer, subject: c.issuer, audience: c.audience, requiredClaims: ['exp', 'jti'],
    });
    must(typeof payload.jti === 'string', 'jti');
  },
  // a signed request: RFC 9101 §6
  async object(c, common) {
    await jwtVerify(c.token, createLocalJWKSet(c.keys), {
      ...common, typ: 'oauth-authz-req+jwt', issuer: c.issuer, audience: c.audience, requiredClaims: ['exp'],
    });
  },
  // an ID token that comes back: only its signature and its sense count, however old it is
  async hint(c) {
    const { payload } = await compactVerify(c.token, createLocalJWKSet(c.keys), { algorithms: ['ES256'] });
    const claims = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    must(claims.iss === c.issuer, 'iss');
    for (const name of ['aud', 'sub', 'acr']) must(typeof claims[name] === 'string', name);
    must(['string', 'undefined'].includes(typeof claims.nonce), 'nonce');
    must(Number.isInteger(claims.auth_time), 'auth_time');
  },
  // RFC 9449 §4.3
  async proof(c, common) {
    const { payload } = await jwtVerify(c.token, EmbeddedJWK, { ...common, typ: 'dpop+jwt', maxTokenAge: 60, requiredClaims: ['jti', 'htm', 'htu', 'iat'] });
    must(typeof payload.jti === 'string', 'jti');
    must(payload.htm === c.method, 'htm');
    const [got, want] = [new URL(payload.htu), new URL(c.url)];
    must(got.origin === want.origin && got.pathname === want.pathname, 'htu');
    must(!c.access || payload.ath === createHash('sha256').update(c.access).digest('base64url'), 'ath');
  },
};

const out = [];
for (const c of JSON.parse(await text(process.stdin))) {
  try {
    await kinds[c.kind](c, { algorithms: ['ES256'], clockTolerance: 10, currentDate: new Date(c.now * 1000) });
    out.push({ id: c.id });
  } catch (e) {
    out.push({ id: c.id, refused: String(e.code ?? e.name) });
  }
}
process.stdout.write(JSON.stringify(out));
