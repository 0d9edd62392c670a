package card_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
	"pivot/shared/mrtd"
	"pivot/shared/tlv"
)

func TestGenuineCard(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.groups = []int{13}
	v, err := s.play(t)
	if err != nil {
		t.Fatal(err)
	}
	m := v.MRZ()
	if m.Issuer != "FRA" || m.DocumentCode != "ID" || m.Surname == "" {
		t.Errorf("read %s %s", m.Issuer, m.DocumentCode)
	}
	if _, err := mrtd.ParseDG13(v.File(13)); err != nil {
		t.Errorf("DG13: %v", err)
	}
	if v.File(2) != nil {
		t.Error("DG2 was not asked for")
	}
}

// TestEveryGuarantee removes one guarantee a row from a valid reading, and only that one.
func TestEveryGuarantee(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(testing.TB, *scene)
		step   card.Step
		reason card.Reason
	}{
		{"SOD over its bound", evidence(func(_ testing.TB, e *card.Evidence) { e.SOD = make([]byte, 1<<15) }), card.StepStructure, card.ReasonMalformed},
		{"DG14 over its bound", evidence(func(_ testing.TB, e *card.Evidence) { e.DG14 = make([]byte, 1<<13) }), card.StepStructure, card.ReasonMalformed},
		{"CardAccess over its bound", evidence(func(_ testing.TB, e *card.Evidence) { e.CardAccess = make([]byte, 1<<12) }), card.StepStructure, card.ReasonMalformed},
		{"a byte after the SOD", evidence(func(_ testing.TB, e *card.Evidence) { e.SOD = append(e.SOD, 0) }), card.StepStructure, card.ReasonMalformed},
		{"a byte after DG14", evidence(func(_ testing.TB, e *card.Evidence) { e.DG14 = append(e.DG14, 0) }), card.StepStructure, card.ReasonMalformed},
		{"a byte after CardAccess", evidence(func(_ testing.TB, e *card.Evidence) { e.CardAccess = append(e.CardAccess, 0) }), card.StepStructure, card.ReasonMalformed},
		{"no evidence at all", evidence(func(_ testing.TB, e *card.Evidence) { *e = card.Evidence{} }), card.StepStructure, card.ReasonMalformed},
		{"DG14 left out", evidence(func(_ testing.TB, e *card.Evidence) { e.DG14 = nil }), card.StepStructure, card.ReasonDG14Missing},
		{"SOD of another person's card", otherCard(func(e, o *card.Evidence) { e.SOD = o.SOD }), card.StepChipKey, card.ReasonHashMismatch},
		{"DG14 of another person's card", otherCard(func(e, o *card.Evidence) { e.DG14 = o.DG14 }), card.StepChipKey, card.ReasonHashMismatch},
		{"all files of another person's card", otherCard(func(e, o *card.Evidence) { *e = *o }), card.StepChip, card.ReasonChipNotGenuine},
		{"signed content altered", evidence(alterContent), card.StepSignature, card.ReasonBadSignature},
		{"signature altered", evidence(alterSignature), card.StepSignature, card.ReasonBadSignature},
		{"a protocol added to CardAccess", evidence(addProtocol), card.StepCardAccess, card.ReasonCardAccess},
		{"no root pinned", anchors(func(f *csca.AnchorFiles) { f.Roots, f.Links, f.CRLs = nil, nil, nil }), card.StepSigner, "unknown-issuer"},
		{"another State's root alone", anchors(func(f *csca.AnchorFiles) {
			f.Roots = slices.DeleteFunc(f.Roots, func(c *csca.Certificate) bool { return c.Country() == "FR" })
		}), card.StepSigner, "unknown-issuer"},
		{"no revocation list", anchors(func(f *csca.AnchorFiles) { f.CRLs = nil }), card.StepSigner, "crl-absent"},
		{"revocation list out of date", func(tb testing.TB, s *scene) {
			anchors(func(f *csca.AnchorFiles) { f.CRLs = parsed(tb, simtest.PKI(tb).StaleCRLs(), csca.ParseCRL) })(tb, s)
		}, card.StepSigner, "crl-stale"},
		{"revocation list by another authority", func(tb testing.TB, s *scene) {
			anchors(func(f *csca.AnchorFiles) { f.CRLs = parsed(tb, simtest.PKI(tb).ForeignCRLs(), csca.ParseCRL) })(tb, s)
		}, card.StepSigner, "crl-absent"},
		{"before it was signed", func(_ testing.TB, s *scene) { s.at = s.at.AddDate(-2, 0, 0) }, card.StepSigner, "signed-in-future"},
		{"no response", responses(func([][]byte) [][]byte { return nil }), card.StepChip, card.ReasonIncomplete},
		{"last response missing", responses(func(r [][]byte) [][]byte { return r[:len(r)-1] }), card.StepChip, card.ReasonIncomplete},
		{"a response too many", responses(func(r [][]byte) [][]byte { return append(r, r[0]) }), card.StepChip, card.ReasonIncomplete},
		{"responses in another order", responses(func(r [][]byte) [][]byte { slices.Reverse(r); return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"first response twice", responses(func(r [][]byte) [][]byte { r[1] = r[0]; return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"a bit of the data", responses(func(r [][]byte) [][]byte { r[0][8] ^= 1; return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"a bit of the MAC", responses(func(r [][]byte) [][]byte { r[0][len(r[0])-3] ^= 1; return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"another outer status", responses(func(r [][]byte) [][]byte { r[0][len(r[0])-2] = 0x6A; return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"empty response", responses(func(r [][]byte) [][]byte { r[0] = nil; return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"success in clear", responses(func(r [][]byte) [][]byte { r[0] = []byte{0x90, 0}; return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"refusal in clear", responses(func(r [][]byte) [][]byte { return [][]byte{{0x69, 0x88}} }), card.StepChip, card.ReasonChipNotGenuine},
		{"length refused in clear", responses(func(r [][]byte) [][]byte { return [][]byte{{0x67, 0x00}} }), card.StepChip, card.ReasonLengthRefused},
		{"oversized response", responses(func(r [][]byte) [][]byte { r[0] = make([]byte, 1<<17); return r }), card.StepChip, card.ReasonChipNotGenuine},
		{"DG1 believed shorter than it is", func(_ testing.TB, s *scene) {
			s.plan = func(p *card.Plan) { p.Groups[0].Size = 40 }
		}, card.StepDataGroups, card.ReasonReadFailed},
		{"a State that is not on the list", func(_ testing.TB, s *scene) { s.policy.Issuers[0].State = "D" }, card.StepDocument, card.ReasonNotAccepted},
		{"a kind of document not on the list", func(_ testing.TB, s *scene) { s.policy.Issuers[0].Codes = []string{"P", "IR"} }, card.StepDocument, card.ReasonNotAccepted},
		{"a signer of another country", func(_ testing.TB, s *scene) { s.policy.Issuers[0].Country = "DE" }, card.StepDocument, card.ReasonIssuerMismatch},
		{"State struck off between challenge and answer", func(_ testing.TB, s *scene) {
			s.later = func(p *card.Policy) time.Duration { p.Issuers = nil; return 0 }
		}, card.StepDocument, card.ReasonNotAccepted},
		{"expired between challenge and answer", func(_ testing.TB, s *scene) {
			s.later = func(*card.Policy) time.Duration { return 10 * 366 * 24 * time.Hour }
		}, card.StepDocument, card.ReasonExpired},
		{"register not asked and not said", func(_ testing.TB, s *scene) { s.standing = 0 }, card.StepStanding, card.ReasonReported},
		{"reported lost", func(_ testing.TB, s *scene) { s.standing = card.Reported }, card.StepStanding, card.ReasonReported},
		{"another document enrolled", func(_ testing.TB, s *scene) {
			s.enrolled = &card.Document{State: "FRA", Code: "ID", Number: "T7X62TZ79"}
		}, card.StepStanding, card.ReasonNotEnrolled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := genuine(t)
			s.groups = []int{13}
			tc.change(t, s)
			v, err := s.play(t)
			r := refusal(t, err)
			if r.Step != tc.step || r.Reason != tc.reason {
				t.Errorf("refused at %s for %s, want %s, %s: %v", r.Step, r.Reason, tc.step, tc.reason, err)
			}
			if v != nil {
				t.Error("a refusal comes with a verdict")
			}
		})
	}
}

// TestAccepted holds the positive controls of the rows above: what looks alike and is accepted.
func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(testing.TB, *scene)
	}{
		{"nothing changed", func(testing.TB, *scene) {}},
		{"short commands alone", func(_ testing.TB, s *scene) { s.short = true }},
		{"no revocation list, by choice", func(tb testing.TB, s *scene) {
			anchors(func(f *csca.AnchorFiles) { f.CRLs = nil })(tb, s)
			s.policy.InsecureWithoutFreshCRL = true
		}},
		{"revocation list out of date, by choice", func(tb testing.TB, s *scene) {
			anchors(func(f *csca.AnchorFiles) { f.CRLs = parsed(tb, simtest.PKI(tb).StaleCRLs(), csca.ParseCRL) })(tb, s)
			s.policy.InsecureWithoutFreshCRL = true
		}},
		{"register not there, by choice", func(_ testing.TB, s *scene) { s.standing = card.NotAsked }},
		{"DG1 of the very size", func(_ testing.TB, s *scene) { s.plan = func(p *card.Plan) { p.Groups[0].Size = 95 } }},
		{"DG1 believed longer than it is", func(_ testing.TB, s *scene) { s.plan = func(p *card.Plan) { p.Groups[0].Size = 1 << 20 } }},
		{"a reach of nothing", func(_ testing.TB, s *scene) { s.plan = func(p *card.Plan) { p.Extended, p.MaxResponse = true, -1 } }},
		{"small blocks", func(_ testing.TB, s *scene) { s.plan = func(p *card.Plan) { p.Block = 40 } }},
		{"the portrait too", func(_ testing.TB, s *scene) { s.groups = append(s.groups, 2) }},
		{"the portrait too, short", func(_ testing.TB, s *scene) { s.groups, s.short = append(s.groups, 2), true }},
		{"the last day", func(_ testing.TB, s *scene) {
			s.later = func(*card.Policy) time.Duration {
				return s.at.AddDate(9, 0, -1).Truncate(24 * time.Hour).Add(23*time.Hour + 59*time.Minute).Sub(s.at)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := genuine(t)
			s.groups = []int{13}
			tc.change(t, s)
			if _, err := s.play(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEnrolledDocument(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	v, err := s.play(t)
	if err != nil {
		t.Fatal(err)
	}
	m := v.MRZ()
	s.enrolled = &card.Document{State: m.Issuer, Code: m.DocumentCode, Number: m.Number}
	if _, err := s.play(t); err != nil {
		t.Errorf("the document enrolled: %v", err)
	}
}

// TestEveryPersona plays the whole table of simulated cards, slow and mute ones on a clock that does not wait.
func TestEveryPersona(t *testing.T) {
	t.Parallel()
	for _, p := range cardsim.Personas() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			simtest.PKI(t) // read before the clock stops
			synctest.Test(t, func(t *testing.T) {
				s := genuine(t)
				s.persona, s.groups = p.Name, []int{13}
				s.policy.Issuers = append(s.policy.Issuers, card.Issuer{State: "UTO", Country: "UT", Codes: []string{"ID", "I"}})
				_, err := s.play(t)
				if got := reasonOf(err); got != p.Expect {
					t.Errorf("%s: ends with %q, want %q: %v", p.Doc, got, p.Expect, err)
				}
			})
		})
	}
}

// reasonOf is the verifier's reason, else the reader's problem, else the error itself.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	if r, ok := errors.AsType[*card.Refusal](err); ok {
		return string(r.Reason)
	}
	if problem, ok := cardreader.Explain(err); ok {
		return string(problem)
	}
	return err.Error()
}

func evidence(change func(testing.TB, *card.Evidence)) func(testing.TB, *scene) {
	return func(tb testing.TB, s *scene) {
		s.evidence = func(e *card.Evidence) { change(tb, e) }
	}
}

func responses(change func([][]byte) [][]byte) func(testing.TB, *scene) {
	return func(_ testing.TB, s *scene) { s.responses = change }
}

func anchors(change func(*csca.AnchorFiles)) func(testing.TB, *scene) {
	return func(tb testing.TB, s *scene) {
		pki := simtest.PKI(tb)
		files := csca.AnchorFiles{
			Roots: parsed(tb, pki.Roots(), csca.ParseCertificate), Links: parsed(tb, pki.Links(), csca.ParseCertificate),
			CRLs: parsed(tb, pki.CRLs(), csca.ParseCRL),
		}
		change(&files)
		a, err := csca.NewAnchors(files)
		if err != nil {
			tb.Fatal(err)
		}
		s.policy.Anchors = a
	}
}

// otherCard mixes in the files of a second genuine card of the same State.
func otherCard(mix func(e, other *card.Evidence)) func(testing.TB, *scene) {
	return func(tb testing.TB, s *scene) {
		var other card.Evidence
		o := genuine(tb)
		o.persona = "born-abroad"
		o.evidence = func(e *card.Evidence) { other = *e }
		if _, err := o.play(tb); err != nil {
			tb.Fatal(err)
		}
		s.evidence = func(e *card.Evidence) { mix(e, &other) }
	}
}

// alterWhere flips the last bit of a part of the SOD.
func alterWhere(tb testing.TB, e *card.Evidence, part func(mrtd.SOD) []byte) {
	tb.Helper()
	sod, err := mrtd.ParseSOD(e.SOD)
	if err != nil {
		tb.Fatal(err)
	}
	e.SOD = slices.Clone(e.SOD)
	at := bytes.Index(e.SOD, part(sod))
	if at < 0 {
		tb.Fatal("part not found")
	}
	e.SOD[at+len(part(sod))-1] ^= 1
}

func alterContent(tb testing.TB, e *card.Evidence) {
	alterWhere(tb, e, func(s mrtd.SOD) []byte { return s.Content })
}

func alterSignature(tb testing.TB, e *card.Evidence) {
	alterWhere(tb, e, func(s mrtd.SOD) []byte { return s.Signer.Signature })
}

// addProtocol announces PACE with 3DES (0.4.0.127.0.7.2.2.4.2.1, parameters 13) beside what the card has.
func addProtocol(tb testing.TB, e *card.Evidence) {
	tb.Helper()
	c := tlv.DER(e.CardAccess)
	set, err := c.Read(0x31)
	if err != nil {
		tb.Fatal(err)
	}
	weak := tlv.Append(nil, 0x06, []byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x01})
	weak = tlv.Append(tlv.Append(weak, 0x02, []byte{2}), 0x02, []byte{13})
	e.CardAccess = tlv.Append(nil, 0x31, append(tlv.Append(nil, 0x30, weak), set...))
}
