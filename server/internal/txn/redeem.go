package txn

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pivot/server/internal/audit"
)

// Redemption is what a token request brings to redeem a code, once its client was authenticated.
type Redemption struct {
	Client      string   // client_id that was authenticated
	RedirectURI string   // redirect_uri of the token request
	Verifier    string   // code_verifier; empty when there is none
	Token       [32]byte // hash of the access token about to be issued
	Thumbprint  string   // of the key that the client proved to have (RFC 7638); empty for none, and a bearer token
}

// String redacts: a verifier is a secret.
func (r Redemption) String() string { return "redemption(redacted)" }

// Format implements [fmt.Formatter], redacted whatever the verb.
func (r Redemption) Format(s fmt.State, _ rune) { fmt.Fprint(s, r.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (r Redemption) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText redacts, for a log that nests the redemption.
func (r Redemption) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Redeemed is a transaction whose code was redeemed; its access token is good for sixty seconds.
type Redeemed struct {
	attested
	token      [32]byte
	thumbprint string // of the key that the access token is bound to
}

// Thumbprint is that of the key that the access token is bound to (RFC 9449 §6), in base64url; empty for a bearer token.
func (r Redeemed) Thumbprint() string { return r.thumbprint }

// Name implements [State].
func (r Redeemed) Name() StateName { return NameRedeemed }

// TokenHash implements [State].
func (r Redeemed) TokenHash() ([32]byte, bool) { return r.token, true }

// Redeem spends the code for an access token. Refused, which spends it too: another client than the one that asked,
// another address, a verifier that does not answer the challenge, one that is missing, one where there was no
// challenge (RFC 9700 §4.8.2), or another key than the one announced. Whoever presents a code wrongly holds a code that leaked. Errors: no token.
func (g Granted) Redeem(r Redemption, now time.Time) (Redeemed, audit.Entry, error) {
	at, err := g.open(now)
	if err != nil {
		return Redeemed{}, audit.Entry{}, err
	}
	if r.Token == [32]byte{} || r.Thumbprint != "" && !challenge(r.Thumbprint) {
		return Redeemed{}, audit.Entry{}, errors.New("txn: redemption without a token, or by a key that is none")
	}
	asked := g.request.params
	switch {
	case r.Client != asked.Client:
		return Redeemed{}, audit.Entry{}, g.refusal(ReasonOtherClient, at)
	case r.RedirectURI != asked.RedirectURI:
		return Redeemed{}, audit.Entry{}, g.refusal(ReasonOtherRedirect, at)
	case !answers(r.Verifier, asked.Challenge):
		return Redeemed{}, audit.Entry{}, g.refusal(ReasonVerifier, at)
	case asked.Thumbprint != "" && r.Thumbprint != asked.Thumbprint:
		return Redeemed{}, audit.Entry{}, g.refusal(ReasonOtherKey, at)
	}
	next := Redeemed{attested: g.follow(at), token: r.Token, thumbprint: r.Thumbprint}
	next.expires = at.Add(tokenLifetime)
	return next, next.entry(audit.CodeRedeemed, at, nil), nil
}

// answers reports whether a verifier answers a challenge by S256 (RFC 7636 §4.6), in constant time; none answers none.
// The verifier's form (§4.1) is bounded where the request is parsed.
func answers(verifier, challenge string) bool {
	if verifier == "" || challenge == "" {
		return verifier == challenge
	}
	digest := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(digest[:])), []byte(challenge)) == 1
}

// Use presents the access token. The token may be used again until it expires; a ledger that answers [ErrSpent] says
// that another use came between, or that the token was revoked: load the transaction again.
func (r Redeemed) Use(now time.Time) (Redeemed, audit.Entry, error) {
	at, err := r.open(now)
	if err != nil {
		return Redeemed{}, audit.Entry{}, err
	}
	next := r
	next.attested = r.follow(at)
	return next, next.entry(audit.TokenUsed, at, nil), nil
}

// Replay ends a transaction whose spent code came again, by whomever: the access token is revoked (RFC 6749 §4.1.2).
func (r Redeemed) Replay(now time.Time) (Ended, audit.Entry, error) {
	return r.Refuse(ReasonReplay, now)
}
