package cardcheck

import (
	"fmt"
	"strings"
	"time"

	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
	"pivot/shared/mrtd"
)

// State is what became of one step of the judgement.
type State string

// The states.
const (
	Held       State = "ok"
	Refused    State = "refused"
	NotReached State = "not-reached"
)

// Step is one guarantee and what became of it.
type Step struct {
	Name  string `json:"name"`
	State State  `json:"state"`
}

// Certificate is a signer or an authority, for people.
type Certificate struct {
	Subject   string    `json:"subject"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
}

func certificateOf(c *csca.Certificate) Certificate {
	return Certificate{
		Subject: c.Subject(), Serial: fmt.Sprintf("%x", c.Serial()), NotBefore: c.NotBefore(), NotAfter: c.NotAfter(),
		SHA256: fmt.Sprintf("%x", c.ID()),
	}
}

// Holder is the person, as the document's State signed it. The fields after Nationality come from DG13 or DG11, and are
// empty when those were not read.
type Holder struct {
	Surname       string `json:"surname"`
	GivenNames    string `json:"given_names"`
	NameTruncated bool   `json:"name_truncated"`
	Birth         string `json:"birth"` // YYYY-MM-DD, with ? for what the document does not say
	Sex           string `json:"sex"`
	Nationality   string `json:"nationality"`
	BirthPlace    string `json:"birth_place,omitempty"`
	Address       string `json:"address,omitempty"`
}

// Document is the document itself.
type Document struct {
	State  string `json:"state"`
	Code   string `json:"code"`
	Number string `json:"number"`
	Expiry string `json:"expiry"` // YYYY-MM-DD, its last day
}

// Report is what a check found. It holds personal data, and is for the eyes of whoever holds the card.
type Report struct {
	Genuine  bool
	Step     string // where the judgement ended, when not genuine
	Reason   string // why, stable; empty when genuine or when nothing was judged
	Detail   string // for an operator
	Steps    []Step
	Protocol string        // how the chip proved itself
	CRL      string        // fresh, stale or absent
	Path     []Certificate // that was accepted: the signer first, the pinned root last
	Holder   Holder
	Document Document
	Portrait mrtd.Portrait // when DG2 was among the groups
	Memory   []byte        // to recognise the card later: see [Check.Recall]
}

// Report tells what became of the check, at any time.
func (c *Check) Report() Report {
	r := Report{Path: c.path, Protocol: c.protocol, CRL: c.crl}
	var refused card.Step
	switch {
	case c.verdict != nil:
		r.Genuine = true
		r.fill(c.verdict, c.v.now())
	case c.refusal != nil:
		refused = c.refusal.Step
		r.Step, r.Reason = refused.String(), string(c.refusal.Reason)
		if c.refusal.Err != nil {
			r.Detail = c.refusal.Err.Error()
		}
	}
	for s := card.StepStructure; s <= card.StepStanding; s++ {
		r.Steps = append(r.Steps, Step{Name: s.String(), State: state(s, refused, r.Genuine)})
	}
	return r
}

// state tells what became of a step: all before the refused one held.
func state(s, refused card.Step, genuine bool) State {
	switch {
	case genuine, s < refused:
		return Held
	case s == refused:
		return Refused
	}
	return NotReached
}

func (r *Report) fill(v *card.Verdict, now time.Time) {
	m := v.MRZ()
	r.Memory = v.Memory()
	expiry, _ := m.ExpiryDay(now) // known, or the document would have been refused
	r.Holder = Holder{
		Surname: m.Surname, GivenNames: m.GivenNames, NameTruncated: m.NameTruncated,
		Birth: m.DateOfBirth(now).String(), Sex: m.Sex, Nationality: m.Nationality,
	}
	r.Document = Document{State: m.Issuer, Code: m.DocumentCode, Number: m.Number, Expiry: expiry.Format(time.DateOnly)}
	// What follows is signed as well, but for people only: a group that does not parse is left out.
	if d, err := mrtd.ParseDG13(v.File(13)); err == nil {
		r.Holder.BirthPlace = strings.Join(d.BirthPlace, ", ")
		r.Holder.Address = strings.Join(d.Address, ", ")
	}
	if p, err := mrtd.ParseDG2(v.File(2)); err == nil {
		r.Portrait = p
	}
}

// signersOf lists a path from the signer up to the root.
func signersOf(path csca.Path) []Certificate {
	certificates := []*csca.Certificate{path.Signer}
	if path.Intermediate != nil {
		certificates = append(certificates, path.Intermediate)
	}
	certificates = append(append(certificates, path.Links...), path.Root)
	out := make([]Certificate, 0, len(certificates))
	for _, c := range certificates {
		out = append(out, certificateOf(c))
	}
	return out
}
