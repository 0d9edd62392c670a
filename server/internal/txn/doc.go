// Package txn owns the transaction: one login in progress, from a valid authorize request to the access token that its
// code was redeemed for. A state is a type, and the transition is its only constructor:
//
//	Request.Begin      a valid request, a fresh identifier, the browser that began         -> Waiting
//	Waiting.Prove      a proof for this very transaction reaching the level asked for      -> Proven
//	Proven.Consent     the citizen went on, in the browser that began                      -> Consented
//	Consented.Grant    a code is issued, to the browser that began                         -> Granted
//	Granted.Redeem     the code comes back from the right client, once                     -> Redeemed
//	Redeemed.Use       the access token is presented                                       -> Redeemed
//	Refuse, Expire     of every live state; Redeemed.Replay                                -> Ended
//
// A login cannot skip a step, because what skips one does not compile; it cannot take a step twice, because the
// [Ledger] applies each transition by one guarded statement. Nothing is carried from one transaction to another: there
// is no single sign-on. Transitions are pure: each returns the next state and the audit entry that the ledger stores
// with it, time is an argument, and of secrets a state holds hashes.
//
// A transition that is refused returns a [*Refusal], which brings the state that the transaction ends in. Any other
// error leaves the transaction as it was.
//
// Sources: OpenID Connect Core 1.0 §3.1, RFC 6749 §4.1, RFC 7636 §4.6, RFC 9700 §2.1 and §4.8, the FranceConnect+
// profile for lifetimes.
package txn
