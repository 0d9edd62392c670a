package card_test

import (
	"strings"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

func binding() verify.Binding {
	return verify.Binding{
		Transaction: "transaction-1", Account: "account-1", Activations: []assurance.Activation{assurance.CardDesk},
	}
}

func TestCardAloneProvesPossession(t *testing.T) {
	t.Parallel()
	v, err := genuine(t).play(t)
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Proof(binding())
	if err != nil {
		t.Fatal(err)
	}
	if p.IsZero() || p.Transaction() != "transaction-1" || p.Account() != "account-1" {
		t.Errorf("proof of %q for %q", p.Account(), p.Transaction())
	}
	if c := p.Contribution(); c.Evidence != assurance.CardAlone || c.Hop || c.Upstream != 0 {
		t.Errorf("contribution %+v", c)
	}
	// Activated at a desk, at eidas3: still possession only.
	if level, err := assurance.Default().Level(p.Contribution()); err != nil || level != assurance.Low {
		t.Errorf("level %s, %v", level, err)
	}
}

// TestProofDigest: the digest is of this evidence in this transaction, and of nothing else.
func TestProofDigest(t *testing.T) {
	t.Parallel()
	digest := func(s *scene, b verify.Binding) [32]byte {
		v, err := s.play(t)
		if err != nil {
			t.Fatal(err)
		}
		p, err := v.Proof(b)
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest()
	}
	want := digest(genuine(t), binding())
	if again := digest(genuine(t), binding()); again != want {
		t.Error("the same evidence in the same transaction has another digest")
	}
	otherTransaction, otherAccount, moreRead, otherCard := binding(), binding(), genuine(t), genuine(t)
	otherTransaction.Transaction, otherAccount.Account = "transaction-2", "account-2"
	moreRead.groups, otherCard.persona = []int{13}, "ligatures"
	for name, got := range map[string][32]byte{
		"another transaction": digest(genuine(t), otherTransaction),
		"another account":     digest(genuine(t), otherAccount),
		"another file read":   digest(moreRead, binding()),
		"another card":        digest(otherCard, binding()),
	} {
		if got == want {
			t.Errorf("%s has the same digest", name)
		}
	}
}

func TestNoProofWithoutVerdict(t *testing.T) {
	t.Parallel()
	v, err := genuine(t).play(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		verdict *card.Verdict
		change  func(*verify.Binding)
		want    string
	}{
		{"nil verdict", nil, nil, "without a verdict"},
		{"zero verdict", &card.Verdict{}, nil, "without a verdict"},
		{"no transaction", v, func(b *verify.Binding) { b.Transaction = "" }, "identifier of 0 bytes"},
		{"no account", v, func(b *verify.Binding) { b.Account = "" }, "identifier of 0 bytes"},
		{"an unknown activation", v, func(b *verify.Binding) { b.Activations[0] = 99 }, "unknown activation"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := binding()
			if tc.change != nil {
				tc.change(&b)
			}
			p, err := tc.verdict.Proof(b)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if !p.IsZero() {
				t.Error("a proof came with the error")
			}
		})
	}
}

// TestTranscript: a verdict tells of its own evidence, as the companion that relayed it can digest it too.
func TestTranscript(t *testing.T) {
	t.Parallel()
	for _, opening := range []string{"", "opening-1", strings.Repeat("o", 64)} {
		s := genuine(t)
		s.plan = func(p *card.Plan) { p.Opening = opening }
		var answered [][]byte
		s.responses = func(responses [][]byte) [][]byte { answered = responses; return responses }
		j := &judge{scene: s}
		if err := s.read(t, j); err != nil {
			t.Fatal(err)
		}
		want := wire.CardDigest(opening, j.challenge.EphemeralPublic, answered)
		if j.verdict.Transcript() != want {
			t.Errorf("opening %q: another digest than that of what passed", opening)
		}
		edited := clone(answered)
		edited[0][0] ^= 1
		for name, other := range map[string][32]byte{
			"another opening":     wire.CardDigest(opening+"x", j.challenge.EphemeralPublic, answered),
			"another key":         wire.CardDigest(opening, edited[0], answered),
			"an edited response":  wire.CardDigest(opening, j.challenge.EphemeralPublic, edited),
			"a response left out": wire.CardDigest(opening, j.challenge.EphemeralPublic, answered[1:]),
		} {
			if other == want {
				t.Errorf("%s has the same digest", name)
			}
		}
	}
	if (&card.Verdict{}).Transcript() != [32]byte{} {
		t.Error("the zero verdict has a transcript")
	}
}

// TestOpeningIsNamedShortly: what names a challenge is bounded where it is made.
func TestOpeningIsNamedShortly(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.plan = func(p *card.Plan) { p.Opening = strings.Repeat("o", 65) }
	_, err := s.play(t)
	if r := refusal(t, err); r.Reason != card.ReasonPlan {
		t.Errorf("refused for %s", r.Reason)
	}
}

// TestRefusedCardHasNoVerdict: a refused reading gives no verdict to make a proof of.
func TestRefusedCardHasNoVerdict(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.standing = card.Reported
	if v, err := s.play(t); err == nil || v != nil {
		t.Fatalf("verdict %v, error %v", v, err)
	}
}
