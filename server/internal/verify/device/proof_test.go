package device_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/pace"
	"pivot/cardreader/session"
	"pivot/server/internal/assurance"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
	"pivot/server/internal/verify/device"
	"pivot/shared/wire"
)

// reading is a genuine card read through the broker, as the app and the broker each saw it.
type reading struct {
	pki       *cardsim.PKI
	policy    card.Policy
	sealed    []byte
	public    []byte
	responses [][]byte
	verdict   *card.Verdict
}

func read(tb testing.TB) *reading {
	tb.Helper()
	pki := simtest.PKI(tb)
	files := csca.AnchorFiles{
		Roots: all(tb, pki.Roots(), csca.ParseCertificate), Links: all(tb, pki.Links(), csca.ParseCertificate),
		CRLs: all(tb, pki.CRLs(), csca.ParseCRL),
	}
	anchors, err := csca.NewAnchors(files)
	if err != nil {
		tb.Fatal(err)
	}
	r := &reading{pki: pki, policy: card.Policy{
		Anchors: anchors, Issuers: []card.Issuer{{State: "FRA", Country: "FR", Codes: []string{"ID"}}},
	}}
	persona, err := cardsim.FindPersona("genuine")
	if err != nil {
		tb.Fatal(err)
	}
	chip, err := cardsim.New(pki, persona)
	if err != nil {
		tb.Fatal(err)
	}
	chip.Wait = func(context.Context, time.Duration) error { return nil }
	can, err := pace.CAN([]byte(persona.CAN))
	if err != nil {
		tb.Fatal(err)
	}
	if err := session.Prove(tb.Context(), inProcess{chip}, session.Request{Password: can}, r); err != nil {
		tb.Fatal(err)
	}
	return r
}

func all[T any](tb testing.TB, ders [][]byte, parse func([]byte) (T, error)) []T {
	tb.Helper()
	var out []T
	for _, der := range ders {
		v, err := parse(der)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

type inProcess struct{ *cardsim.Card }

func (c inProcess) Reset(context.Context) error {
	c.Power(true)
	return nil
}

func (r *reading) Challenge(_ context.Context, e session.Evidence, _ session.Reach) (session.Challenge, error) {
	chip, err := card.Examine(card.Evidence(e), r.policy, r.pki.Made())
	if err != nil {
		return session.Challenge{}, err
	}
	open, challenge, err := chip.Challenge(card.Plan{Opening: "opening-1", Groups: []card.Group{{Number: 1}}})
	if err != nil {
		return session.Challenge{}, err
	}
	r.sealed, r.public = open.Marshal(), challenge.EphemeralPublic
	return session.Challenge(challenge), nil
}

func (r *reading) Answer(_ context.Context, responses [][]byte) error {
	resumed, err := card.Resume(r.sealed)
	if err != nil {
		return err
	}
	judged, err := resumed.Judge(responses, r.policy, r.pki.Made())
	if err != nil {
		return err
	}
	r.responses = responses
	r.verdict, err = judged.Conclude(card.NotReported, nil)
	return err
}

// approved is an approval that the citizen gave with the card whose digest is given; a zero digest is none.
func approved(tb testing.TB, digest [32]byte, hop string) *device.Approval {
	tb.Helper()
	a, e := newApproval(tb), expect(tb)
	a.claims["hop"], a.claims["card"], e.Hop, e.Card = hop, digest[:], hop, digest
	if digest == [32]byte{} {
		delete(a.claims, "card")
	}
	out, err := device.VerifyApproval(a.encode(tb), e)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func bound(means ...string) verify.Binding {
	b := verify.Binding{Transaction: "ceremony-1", Account: "account-1", Means: means}
	for range len(means) + 1 { // and the PIN's
		b.Activations = append(b.Activations, assurance.CardDesk)
	}
	return b
}

// TestProofWithCard walks from a card on the reader to eidas3: the app digests what it relayed, the broker what it judged.
func TestProofWithCard(t *testing.T) {
	t.Parallel()
	r := read(t)
	relayed := wire.CardDigest("opening-1", r.public, r.responses)
	for _, tc := range []struct {
		name string
		hop  bool
		want assurance.Level
	}{{"with the hop", true, assurance.High}, {"without", false, assurance.Substantial}} {
		p, err := approved(t, relayed, "hop-1").ProofWithCard(r.verdict, bound("device-1", "card-1"), tc.hop)
		if err != nil {
			t.Fatal(err)
		}
		if level, err := assurance.Default().Level(p.Contribution()); err != nil || level != tc.want {
			t.Errorf("%s: %s, %v", tc.name, level, err)
		}
		if p.Transaction() != "ceremony-1" || p.Account() != "account-1" || !slices.Equal(p.Means(), []string{"device-1", "card-1"}) ||
			p.Contribution().Evidence != assurance.CardWithKey {
			t.Errorf("%s: proof %v of %v", tc.name, p, p.Means())
		}
	}
}

func TestProofWithoutCard(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		standing device.Standing
		want     assurance.Evidence
		level    assurance.Level
	}{
		{"guarded", device.Standing{Hop: true, Guarded: true}, assurance.GuardedKey, assurance.Substantial},
		{"guarded, without hop", device.Standing{Guarded: true}, assurance.GuardedKey, assurance.Substantial},
		{"software", device.Standing{Hop: true}, assurance.SoftwareKey, assurance.Low},
	} {
		p, err := approved(t, [32]byte{}, "hop-1").Proof(bound("device-1"), tc.standing)
		if err != nil {
			t.Fatal(err)
		}
		level, err := assurance.Default().Level(p.Contribution())
		if err != nil || level != tc.level || p.Contribution().Evidence != tc.want || p.Contribution().Hop != tc.standing.Hop {
			t.Errorf("%s: %s by %v, %v", tc.name, level, p, err)
		}
	}
}

// TestNoProof changes one thing of what makes a proof.
func TestNoProof(t *testing.T) {
	t.Parallel()
	r := read(t)
	digest := r.verdict.Transcript()
	plain := func(a *device.Approval, b verify.Binding, hop bool) error {
		p, err := a.Proof(b, device.Standing{Hop: hop})
		if p.IsZero() != (err != nil) {
			t.Errorf("%v with error %v", p, err)
		}
		return err
	}
	carded := func(a *device.Approval, v *card.Verdict, b verify.Binding, hop bool) error {
		p, err := a.ProofWithCard(v, b, hop)
		if p.IsZero() != (err != nil) {
			t.Errorf("%v with error %v", p, err)
		}
		return err
	}
	transaction, account, means := bound("device-1", "card-1"), bound("device-1", "card-1"), bound("device-2", "card-1")
	transaction.Transaction, account.Account = "ceremony-2", ""
	spent := approved(t, digest, "hop-1")
	if err := carded(spent, r.verdict, bound("device-1", "card-1"), true); err != nil {
		t.Fatal(err)
	}
	if err := plain(approved(t, [32]byte{}, ""), bound("device-1"), false); err != nil {
		t.Fatal(err)
	}
	other := digest
	other[0] ^= 1
	for name, err := range map[string]error{
		"a second proof":                       carded(spent, r.verdict, bound("device-1", "card-1"), true),
		"no approval":                          carded(nil, r.verdict, bound("device-1", "card-1"), true),
		"the zero approval":                    carded(&device.Approval{}, r.verdict, bound("device-1", "card-1"), true),
		"no verdict":                           carded(approved(t, digest, "hop-1"), nil, bound("device-1", "card-1"), true),
		"the zero verdict":                     carded(approved(t, digest, "hop-1"), &card.Verdict{}, bound("device-1", "card-1"), true),
		"another card than was approved":       carded(approved(t, other, "hop-1"), r.verdict, bound("device-1", "card-1"), true),
		"another reading of the same card":     carded(approved(t, digest, "hop-1"), read(t).verdict, bound("device-1", "card-1"), true),
		"a card that was not approved":         carded(approved(t, [32]byte{}, "hop-1"), r.verdict, bound("device-1", "card-1"), true),
		"another transaction":                  carded(approved(t, digest, "hop-1"), r.verdict, transaction, true),
		"no account":                           carded(approved(t, digest, "hop-1"), r.verdict, account, true),
		"another device":                       carded(approved(t, digest, "hop-1"), r.verdict, means, true),
		"no card among the means":              carded(approved(t, digest, "hop-1"), r.verdict, bound("device-1"), true),
		"a hop that was not approved":          carded(approved(t, digest, ""), r.verdict, bound("device-1", "card-1"), true),
		"without the card that was approved":   plain(approved(t, digest, "hop-1"), bound("device-1"), true),
		"no means":                             plain(approved(t, [32]byte{}, "hop-1"), bound(), true),
		"no card, a hop that was not approved": plain(approved(t, [32]byte{}, ""), bound("device-1"), true),
		"no card, another transaction":         plain(approved(t, [32]byte{}, "hop-1"), transaction, true),
	} {
		if err == nil {
			t.Errorf("%s: proved", name)
		}
	}
	// A refused binding spends nothing.
	again := approved(t, digest, "hop-1")
	if carded(again, r.verdict, account, true) == nil || carded(again, r.verdict, bound("device-1", "card-1"), true) != nil {
		t.Error("a refused binding spent the approval")
	}
}

// TestProofDigest: the digest is of this evidence in this transaction of this account.
func TestProofDigest(t *testing.T) {
	t.Parallel()
	digest := func(change func(*approval, *device.Expect), b verify.Binding) [32]byte {
		a, e := newApproval(t), expect(t)
		delete(a.claims, "card")
		e.Card = [32]byte{}
		change(a, &e)
		approval, err := device.VerifyApproval(a.encode(t), e)
		if err != nil {
			t.Fatal(err)
		}
		p, err := approval.Proof(b, device.Standing{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest()
	}
	same := func(*approval, *device.Expect) {}
	account, transaction := bound("device-1"), bound("device-1")
	account.Account, transaction.Transaction = "account-2", "ceremony-2"
	want := digest(same, bound("device-1"))
	if digest(same, bound("device-1")) != want { // signed anew: ECDSA is random
		t.Error("the digest is of the signature, which nobody keeps")
	}
	for name, got := range map[string][32]byte{
		"another account": digest(same, account),
		"another transaction": digest(func(a *approval, e *device.Expect) {
			a.claims["ceremony"], e.Ceremony = "ceremony-2", "ceremony-2"
		}, transaction),
		"another device": digest(func(a *approval, e *device.Expect) {
			a.claims["iss"], e.Device = "device-2", "device-2"
		}, bound("device-2")),
		"another second": digest(func(a *approval, _ *device.Expect) { a.claims["iat"] = now().Unix() + 1 }, bound("device-1")),
	} {
		if got == want {
			t.Errorf("%s has the same digest", name)
		}
	}
}
