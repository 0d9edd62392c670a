package txn_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/identity"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/prooftest"
)

// What must not show anywhere.
const (
	secretName  = "Secretname"
	secretNonce = "secret-nonce-0123456789"
	secretState = "secret-state"
	verifier    = "secret-verifier-0123456789-0123456789-0123456789"
)

var start = time.Date(2026, time.November, 22, 9, 30, 0, 0, time.UTC)

func hash(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func challenge() string {
	digest := hash(verifier)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// params are those of a valid request at the plus issuer.
func params() txn.Params {
	return txn.Params{
		Profile: txn.Plus, Issuer: "https://plus.example/api/v2", Client: "client-1", RedirectURI: "https://sp.example/callback",
		State: secretState, Nonce: secretNonce, Scopes: []string{"openid", "given_name"}, Claims: []string{"id_token.amr"},
		Level: assurance.Substantial, Prompt: "login consent", Challenge: challenge(), Locale: "fr",
	}
}

func person(tb testing.TB) identity.Identity {
	tb.Helper()
	who, err := identity.New(identity.Fields{
		GivenName: "Angela Claire", FamilyName: secretName, Gender: "female", Birthdate: "1962-08-24",
		Birthcountry: "99100", Birthplace: "75107", Email: "angela@example.test",
	})
	if err != nil {
		tb.Fatal(err)
	}
	return who
}

// login is one that succeeds; a test stops it where it needs, or changes one thing.
type login struct {
	tb           testing.TB
	params       txn.Params
	id           txn.ID
	contribution assurance.Contribution
	means        []string // that gave the proof
	policy       assurance.Policy
	person       identity.Identity
	now          time.Time // moves on by one second at each step
	entries      []audit.Entry
}

func newLogin(tb testing.TB) *login {
	tb.Helper()
	return &login{
		tb: tb, params: params(), id: txn.NewID(), policy: assurance.Default(), person: person(tb), now: start,
		contribution: strong(), means: []string{"device-1", "card-1"},
	}
}

// strong is evidence that reaches eidas3.
func strong() assurance.Contribution {
	return assurance.Contribution{
		Evidence: assurance.CardWithKey, Hop: true,
		Activations: slices.Repeat([]assurance.Activation{assurance.CardDesk}, 3),
	}
}

// browser is the hash of the cookie of the browser that began.
func browser() [32]byte { return hash("browser") }

func (l *login) step(e audit.Entry, err error) {
	l.tb.Helper()
	if err != nil {
		l.tb.Fatal(err)
	}
	l.entries = append(l.entries, e)
	l.now = l.now.Add(time.Second)
}

func (l *login) request() txn.Request {
	l.tb.Helper()
	r, err := txn.NewRequest(l.params)
	if err != nil {
		l.tb.Fatal(err)
	}
	return r
}

func (l *login) waiting() txn.Waiting {
	l.tb.Helper()
	s, e, err := l.request().Begin(l.id, browser(), l.now)
	l.step(e, err)
	return s
}

func (l *login) proof() verify.Proof {
	l.tb.Helper()
	return prooftest.Bound(l.tb, verify.Binding{
		Transaction: l.id.String(), Account: "account-1", Activations: l.contribution.Activations, Means: l.means,
	}, l.contribution)
}

func (l *login) proven() txn.Proven {
	l.tb.Helper()
	s, e, err := l.waiting().Prove(l.proof(), l.policy, l.person, l.now)
	l.step(e, err)
	return s
}

func (l *login) consented() txn.Consented {
	l.tb.Helper()
	s, e, err := l.proven().Consent(txn.NoticeConsented, browser(), l.now)
	l.step(e, err)
	return s
}

func (l *login) granted() txn.Granted {
	l.tb.Helper()
	s, e, err := l.consented().Grant(hash("code"), browser(), l.now)
	l.step(e, err)
	return s
}

func redemption() txn.Redemption {
	return txn.Redemption{
		Client: "client-1", RedirectURI: "https://sp.example/callback", Verifier: verifier, Token: hash("token"),
	}
}

func (l *login) redeemed() txn.Redeemed {
	l.tb.Helper()
	s, e, err := l.granted().Redeem(redemption(), l.now)
	l.step(e, err)
	return s
}

func (l *login) ended() txn.Ended {
	l.tb.Helper()
	s, e, err := l.redeemed().Replay(l.now)
	l.step(e, err)
	return s
}

// states gives one state of each kind, of the same login, in order.
func states(tb testing.TB) []txn.State {
	tb.Helper()
	id := txn.NewID()
	at := func() *login {
		l := newLogin(tb)
		l.id = id
		return l
	}
	return []txn.State{
		at().waiting(), at().proven(), at().consented(), at().granted(), at().redeemed(), at().ended(),
	}
}

// live is what every state can do that is not over.
type live interface {
	txn.State
	Refuse(reason txn.Reason, now time.Time) (txn.Ended, audit.Entry, error)
	Expire(now time.Time) (txn.Ended, audit.Entry, error)
}
