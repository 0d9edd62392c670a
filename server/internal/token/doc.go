// Package token owns the signed and encrypted answers that a service provider
// receives: which members the ID token and the userinfo answer have, which
// members their headers have, and how one is wrapped in the other.
//
// A payload is built first ([IDToken.Payload], [UserInfo.Payload]): exactly the
// members of the profile, in a fixed order, or an error. [Seal] then has it
// signed by a [Signer], checks what came back, and encrypts it to the
// [Recipient]: a JWS inside a JWE, or the JWS alone for a client that registered
// no encryption. What has a type beside these two, as [Introspection] does, is
// sealed by [SealAs]. An ID token that comes back is read by [ReadHint], with the
// published keys. Nothing here reads a clock or knows a private key: time is a
// parameter, and keys belong to the signer and to the client.
package token
