package proof_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/internal/proof"
	"pivot/server/internal/verify/prooftest"
)

func binding() proof.Binding {
	return proof.Binding{
		Transaction: "transaction-1", Account: "account-1",
		Activations: []assurance.Activation{assurance.CardDesk, assurance.CardPost, assurance.LoginHigh},
		Means:       []string{"device-1", "card-1"},
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	b := binding()
	p, err := proof.New(b, assurance.CardWithKey, true, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	c := p.Contribution()
	if p.IsZero() || p.Transaction() != b.Transaction || p.Account() != b.Account || p.Digest() != [32]byte{1} ||
		c.Evidence != assurance.CardWithKey || !c.Hop || c.Upstream != 0 || len(c.Activations) != 3 {
		t.Errorf("proof of %+v", c)
	}
	// Neither the caller's slice nor the one given out reaches into the proof.
	means := p.Means()
	b.Means[0], means[1] = "device-2", "card-2"
	if got := p.Means(); !slices.Equal(got, []string{"device-1", "card-1"}) {
		t.Errorf("means became %v", got)
	}
	b.Activations[0], c.Activations[1] = assurance.LoginLow, assurance.LoginLow
	if got := p.Contribution().Activations; got[0] != assurance.CardDesk || got[1] != assurance.CardPost {
		t.Errorf("activations became %v", got)
	}
}

func TestNewUpstream(t *testing.T) {
	t.Parallel()
	b := binding()
	b.Activations, b.Means = nil, nil
	p, err := proof.NewUpstream(b, assurance.Substantial, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Contribution(); c.Evidence != assurance.Upstream || c.Upstream != assurance.Substantial || c.Hop {
		t.Errorf("proof of %+v", c)
	}
	if p, err := proof.NewUpstream(b, 0, [32]byte{1}); err == nil || !p.IsZero() {
		t.Error("an answer without a level was accepted")
	}
	b.Activations = binding().Activations
	if p, err := proof.NewUpstream(b, assurance.High, [32]byte{1}); err == nil || !p.IsZero() {
		t.Error("an activation beside an upstream answer was accepted")
	}
	b.Activations, b.Means = nil, []string{"device-1"}
	if p, err := proof.NewUpstream(b, assurance.High, [32]byte{1}); err == nil || !p.IsZero() {
		t.Error("a means beside an upstream answer was accepted")
	}
}

// TestNewRefuses changes one thing of a proof that can be made.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		change   func(*proof.Binding)
		evidence assurance.Evidence
		digest   [32]byte
	}{
		{"no transaction", func(b *proof.Binding) { b.Transaction = "" }, assurance.CardWithKey, [32]byte{1}},
		{"a long transaction", func(b *proof.Binding) { b.Transaction = strings.Repeat("t", 129) }, assurance.CardWithKey, [32]byte{1}},
		{"no account", func(b *proof.Binding) { b.Account = "" }, assurance.CardWithKey, [32]byte{1}},
		{"a long account", func(b *proof.Binding) { b.Account = strings.Repeat("a", 129) }, assurance.CardWithKey, [32]byte{1}},
		{"the zero activation", func(b *proof.Binding) { b.Activations[2] = 0 }, assurance.CardWithKey, [32]byte{1}},
		{"a means without a name", func(b *proof.Binding) { b.Means[1] = "" }, assurance.CardWithKey, [32]byte{1}},
		{"a means with a long name", func(b *proof.Binding) { b.Means[1] = strings.Repeat("m", 65) }, assurance.CardWithKey, [32]byte{1}},
		{"a means with a space", func(b *proof.Binding) { b.Means[1] = "card 1" }, assurance.CardWithKey, [32]byte{1}},
		{"a means that is not ASCII", func(b *proof.Binding) { b.Means[1] = "cardé" }, assurance.CardWithKey, [32]byte{1}},
		{"a means twice", func(b *proof.Binding) { b.Means[1] = b.Means[0] }, assurance.CardWithKey, [32]byte{1}},
		{"five means", func(b *proof.Binding) { b.Means = []string{"1", "2", "3", "4", "5"} }, assurance.CardWithKey, [32]byte{1}},
		{"no evidence", func(*proof.Binding) {}, 0, [32]byte{1}},
		{"unknown evidence", func(*proof.Binding) {}, assurance.WebAuthnPresence + 1, [32]byte{1}},
		{"upstream without its level", func(*proof.Binding) {}, assurance.Upstream, [32]byte{1}},
		{"no digest", func(*proof.Binding) {}, assurance.CardWithKey, [32]byte{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := binding()
			tc.change(&b)
			if p, err := proof.New(b, tc.evidence, true, tc.digest); err == nil || !p.IsZero() {
				t.Errorf("made %v, error %v", p, err)
			}
		})
	}
}

func TestZeroProvesNothing(t *testing.T) {
	t.Parallel()
	var p verify.Proof
	if !p.IsZero() || p.Transaction() != "" || p.Account() != "" || p.Digest() != [32]byte{} {
		t.Error("the zero proof proves something")
	}
	if level, err := assurance.Default().Level(p.Contribution()); err == nil {
		t.Errorf("the zero proof reaches %s", level)
	}
}

// TestRedacted: whatever prints a proof, the account it names does not show.
func TestRedacted(t *testing.T) {
	t.Parallel()
	p := prooftest.Bound(t, verify.Binding{
		Transaction: "secret-transaction", Account: "secret-account", Means: []string{"secret-means"},
		Activations: []assurance.Activation{assurance.CardDesk},
	}, assurance.Contribution{Evidence: assurance.CardAlone})
	type holder struct{ Proof verify.Proof }
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, format, p)
		fmt.Fprintf(&out, format, &p)
		fmt.Fprintf(&out, format, holder{p})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("made", "proof", p, "holder", holder{p})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("made", "proof", p)
	fmt.Fprint(&out, p.String(), p.GoString())
	digest := p.Digest()
	for _, secret := range []string{"secret-", fmt.Sprintf("%x", digest[:4]), fmt.Sprintf("%d", digest[:4])} {
		if strings.Contains(out.String(), strings.Trim(secret, "[]")) {
			t.Errorf("%q shows in\n%s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "card-alone") {
		t.Error("the evidence does not show, so nothing was printed")
	}
}

// TestNoEncoding: a proof cannot be stored by accident.
func TestNoEncoding(t *testing.T) {
	t.Parallel()
	p := prooftest.New(t, "transaction", "account", assurance.Contribution{Evidence: assurance.Upstream, Upstream: assurance.Low})
	if raw, err := json.Marshal(p); err == nil {
		t.Errorf("as JSON: %s", raw)
	}
	if raw, err := json.Marshal(map[string]any{"proof": &p}); err == nil {
		t.Errorf("inside JSON: %s", raw)
	}
	if err := gob.NewEncoder(&bytes.Buffer{}).Encode(p); err == nil {
		t.Error("as gob")
	}
}
