package card_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"pivot/cardreader/cardsim/simtest"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
)

// remembered reads a card once and returns its memory.
func remembered(tb testing.TB, s *scene) []byte {
	tb.Helper()
	v, err := s.play(tb)
	if err != nil {
		tb.Fatal(err)
	}
	return v.Memory()
}

func TestKnownCard(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.memory = remembered(t, s)
	s.evidence = func(*card.Evidence) { t.Error("a known card was asked for its files") }
	v, err := s.play(t)
	if err != nil {
		t.Fatal(err)
	}
	if v.MRZ().Surname == "" || !slices.Equal(v.Memory(), s.memory) {
		t.Error("the second reading differs from the first")
	}
}

func TestAnotherCardThanTheKnownOne(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.memory = remembered(t, s)
	s.persona = "born-abroad"
	examined := false
	s.evidence = func(*card.Evidence) { examined = true }
	v, err := s.play(t)
	if err != nil {
		t.Fatal(err)
	}
	if !examined {
		t.Error("another card was accepted without its files")
	}
	if slices.Equal(v.Memory(), s.memory) {
		t.Error("another card has the same memory")
	}
	// Where the login expects the known document, the other one is refused though genuine.
	s.enrolled = &card.Document{State: "FRA", Code: "ID", Number: "not this one"}
	_, err = s.play(t)
	if r := refusal(t, err); r.Reason != card.ReasonNotEnrolled {
		t.Errorf("refused for %s", r.Reason)
	}
}

// TestKnownClone has a copy of the known card's files on another chip: the word clone is said after the full path.
func TestKnownClone(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.memory = remembered(t, s)
	s.persona = "clone"
	_, err := s.play(t)
	if r := refusal(t, err); r.Reason != card.ReasonChipNotGenuine {
		t.Errorf("refused for %s", r.Reason)
	}
}

// TestKnownCardIsJudgedAnew withdraws trust between two readings.
func TestKnownCardIsJudgedAnew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		persona string
		before  func(testing.TB, *scene)
		after   func(testing.TB, *scene)
		reason  card.Reason
	}{
		{"root no longer pinned", "genuine", unchanged, anchors(func(f *csca.AnchorFiles) { f.Roots, f.Links, f.CRLs = nil, nil, nil }), "unknown-issuer"},
		{"signer revoked since", "ds-revoked", withoutCRL, withCRL, "ds-revoked"},
		{"revocation list gone", "genuine", unchanged, anchors(func(f *csca.AnchorFiles) { f.CRLs = nil }), "crl-absent"},
		{"State struck off", "genuine", unchanged, func(_ testing.TB, s *scene) { s.policy.Issuers = nil }, card.ReasonNotAccepted},
		{"document expired since", "genuine", unchanged, func(tb testing.TB, s *scene) {
			withoutCRL(tb, s)
			s.at = s.at.AddDate(11, 0, 0)
		}, card.ReasonExpired},
		{"reported since", "genuine", unchanged, func(_ testing.TB, s *scene) { s.standing = card.Reported }, card.ReasonReported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := genuine(t)
			s.persona = tc.persona
			tc.before(t, s)
			s.memory = remembered(t, s)
			if _, err := s.play(t); err != nil {
				t.Fatalf("positive control: %v", err)
			}
			tc.after(t, s)
			_, err := s.play(t)
			if r := refusal(t, err); r.Reason != tc.reason {
				t.Errorf("refused for %s, want %s", r.Reason, tc.reason)
			}
		})
	}
}

func unchanged(testing.TB, *scene) {}

func withoutCRL(tb testing.TB, s *scene) {
	anchors(func(f *csca.AnchorFiles) { f.CRLs = nil })(tb, s)
	s.policy.InsecureWithoutFreshCRL = true
}

func withCRL(tb testing.TB, s *scene) { s.policy.Anchors = anchorsOf(tb, simtest.PKI(tb)) }

// TestMemoryHoldsNoIdentity looks for what the chip says of its holder.
func TestMemoryHoldsNoIdentity(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	v, err := s.play(t)
	if err != nil {
		t.Fatal(err)
	}
	m := v.MRZ()
	for _, word := range []string{m.Surname, strings.Fields(m.GivenNames)[0], m.Number} {
		if strings.Contains(string(v.Memory()), word) {
			t.Errorf("the memory holds a name or a number")
		}
	}
}

func TestMemoryIsReadStrictly(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	memory := remembered(t, s)
	if _, err := card.Recall(memory, s.policy, s.at); err != nil {
		t.Fatalf("positive control: %v", err)
	}
	for _, bad := range [][]byte{nil, memory[:len(memory)-1], append(slices.Clone(memory), 0), {2}, memory[1:]} {
		if _, err := card.Recall(bad, s.policy, s.at); err == nil {
			t.Errorf("a memory of %d bytes is accepted", len(bad))
		}
	}
}

// TestSessionIsSpentOnItsOwnResponses gives the responses of one reading to the session of another.
func TestSessionIsSpentOnItsOwnResponses(t *testing.T) {
	t.Parallel()
	var sealed []byte
	var answers [][]byte
	first := genuine(t)
	first.sealed = func(b []byte) []byte { sealed = slices.Clone(b); return b }
	first.responses = func(r [][]byte) [][]byte { answers = clone(r); return r }
	if _, err := first.play(t); err != nil {
		t.Fatalf("positive control: %v", err)
	}
	for name, change := range map[string]func(*scene){
		"answers of an earlier reading": func(s *scene) { s.responses = func([][]byte) [][]byte { return answers } },
		"session of an earlier reading": func(s *scene) { s.sealed = func([]byte) []byte { return sealed } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := genuine(t)
			change(s)
			_, err := s.play(t)
			if r := refusal(t, err); r.Reason != card.ReasonChipNotGenuine {
				t.Errorf("refused for %s", r.Reason)
			}
		})
	}
}

func TestSessionIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"empty":          func([]byte) []byte { return nil },
		"truncated":      func(b []byte) []byte { return b[:len(b)-1] },
		"trailing byte":  func(b []byte) []byte { return append(b, 0) },
		"other version":  func(b []byte) []byte { b[0]++; return b },
		"flag out of it": func(b []byte) []byte { b[1] = 2; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := genuine(t)
			s.sealed = change
			_, err := s.play(t)
			if err == nil {
				t.Fatal("accepted")
			}
			if _, refused := errors.AsType[*card.Refusal](err); refused {
				t.Errorf("a broken store is no refusal of the card: %v", err)
			}
		})
	}
}

// TestSecretsPrintAsRedacted prints what holds keys or personal data in every way that a log may.
func TestSecretsPrintAsRedacted(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	var session *card.Session
	s.sealed = func(b []byte) []byte {
		var err error
		if session, err = card.Resume(b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	v, err := s.play(t)
	if err != nil {
		t.Fatal(err)
	}
	d := card.Document{State: "FRA", Code: "ID", Number: "T7X62TZ79"}
	reading := new(card.Reading)
	for name, value := range map[string]any{
		"session": session, "session value": *session, "document": d, "nested document": struct{ D card.Document }{d},
		"verdict": v, "verdict value": *v, "reading": reading, "chip": new(card.Chip), "challenge": card.Challenge{Batch: [][]byte{{0xAB}}},
	} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
		for _, secret := range []string{d.Number, v.MRZ().Surname, v.MRZ().Number, "[]byte{", "map["} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s prints a name, a number or bytes", name)
			}
		}
		if n := strings.Count(out.String(), "redacted"); n < 9 {
			t.Errorf("%s is said to be redacted %d times of 9", name, n)
		}
	}
}

// TestUploadIsNotKept has a server reuse the buffers of an upload after it was examined.
func TestUploadIsNotKept(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	e := s.record(t).evidence
	chip, err := card.Examine(e, s.policy, s.at)
	if err != nil {
		t.Fatal(err)
	}
	plan := card.Plan{Groups: []card.Group{{Number: 1}}}
	_, before, err := chip.Challenge(plan)
	if err != nil {
		t.Fatal(err)
	}
	oid := slices.Clone(before.OID)
	for _, file := range [][]byte{e.SOD, e.DG14, e.CardAccess} {
		for i := range file {
			file[i] = 0xAA
		}
	}
	open, after, err := chip.Challenge(plan)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(after.OID, oid) || strings.Contains(string(open.Marshal()), strings.Repeat("\xAA", 16)) {
		t.Error("what was examined changes with the upload")
	}
}

// TestStrangersInTheSODAreForgotten holds that what is remembered of a card is what its State vouched for.
func TestStrangersInTheSODAreForgotten(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.persona = "intermediate-path"
	with := remembered(t, s)
	s.persona = "genuine"
	without := remembered(t, s)
	if len(with) <= len(without) {
		t.Errorf("memory of %d bytes with an intermediate authority, %d without", len(with), len(without))
	}
	s.persona, s.memory = "intermediate-path", with
	if _, err := s.play(t); err != nil {
		t.Errorf("known by an intermediate authority: %v", err)
	}
}
