// Opens answers as a service provider does, with `jose` of npm, and says what it
// found. Standard input: one JSON array of cases
//   {id, answer, alg, client (private JWK, absent for an answer that is only
//    signed), broker (JWK set), issuer, audience, now (seconds)}
// Standard output: one JSON array of {id, outer, header, payload} or {id, refused}.
import { compactDecrypt, createLocalJWKSet, importJWK, jwtVerify } from 'jose'
import { webcrypto } from 'node:crypto'
import { text } from 'node:stream/consumers'

// Debian's node has it under another name.
globalThis.crypto ??= webcrypto

async function open(c) {
  let signed = c.answer
  let outer
  if (c.client) {
    const result = await compactDecrypt(c.answer, await importJWK(c.client, c.alg), {
      keyManagementAlgorithms: [c.alg],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    outer = result.protectedHeader
    signed = new TextDecoder('utf-8', { fatal: true }).decode(result.plaintext)
  }
  const { payload, protectedHeader } = await jwtVerify(signed, createLocalJWKSet(c.broker), {
    algorithms: ['ES256'],
    issuer: c.issuer,
    audience: c.audience,
    currentDate: new Date(c.now * 1000),
    requiredClaims: ['sub', 'exp', 'iat'],
  })
  return { outer, header: protectedHeader, payload }
}

const results = []
for (const c of JSON.parse(await text(process.stdin))) {
  try {
    results.push({ id: c.id, ...(await open(c)) })
  } catch (e) {
    // A fault of this script is not a refusal: errors of jose are, and those of
    // Web Cryptography for a point that is none, which node 18 words in its own way.
    const code = e instanceof DOMException ? e.name : String(e.code)
    if (!(e instanceof DOMException) && !code.startsWith('ERR_J') && !code.startsWith('ERR_CRYPTO_')) throw e
    results.push({ id: c.id, refused: code })
  }
}
process.stdout.write(JSON.stringify(results))
