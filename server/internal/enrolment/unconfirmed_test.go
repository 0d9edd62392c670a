package enrolment_test

import (
	"testing"

	"pivot/server/internal/enrolment"
	"pivot/server/internal/identity"
)

// cut is a French card whose zone cut the name: there is no data group 11. The register has the person alone.
func cut() (enrolment.Evidence, enrolment.Candidate) {
	e, c := antoinette()
	e.Full = identity.Zone{}
	return e, c
}

// TestUnconfirmed: one person whose names begin as the zone has them, born where the card says, is found and not confirmed.
// Each row changes one thing of it; an empty reason is a change that must not matter.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	type scene struct {
		e      enrolment.Evidence
		people []enrolment.Candidate
	}
	sister := func(change func(c *enrolment.Candidate)) func(s *scene) {
		return func(s *scene) {
			_, c := cut()
			c.Record.GivenNames = []string{"Mathilde"}
			change(&c)
			s.people = append(s.people, c)
		}
	}
	for _, test := range []struct {
		name   string
		change func(s *scene)
		want   enrolment.Reason
	}{
		{"nothing changed", func(*scene) {}, ""},
		{"nobody in the register", func(s *scene) { s.people = nil }, enrolment.ReasonUnknown},
		{"another beginning of the surname", func(s *scene) { s.e.Zone.Surname = "DE LA TOUR" }, enrolment.ReasonUnknown},
		{"another beginning of the given names", func(s *scene) { s.e.Zone.GivenNames = "A" }, enrolment.ReasonUnknown},
		{"a name that was not cut", func(s *scene) { s.e.Zone.Truncated = false }, enrolment.ReasonUnknown},
		{"other day of birth", func(s *scene) { s.e.Zone.Birth = "??68-07-02" }, enrolment.ReasonUnknown},
		{"other century by the chip", func(s *scene) { s.e.Zone.Birth = "1868-07-01" }, enrolment.ReasonUnknown},
		{"other sex", func(s *scene) { s.e.Zone.Sex = "M" }, enrolment.ReasonUnknown},
		{"no birth place on the card", func(s *scene) { s.e.Birthplace = nil }, enrolment.ReasonNoPlace},
		{"other town", func(s *scene) { s.e.Birthplace[0] = "BREST" }, enrolment.ReasonBirthplace},
		{"a sister who fits as well", sister(func(*enrolment.Candidate) {}), enrolment.ReasonAmbiguous},
		{"a sister who was born elsewhere", sister(func(c *enrolment.Candidate) {
			c.Record.Birthplace, c.PlaceName = "29019", "BREST"
		}), enrolment.ReasonAmbiguous},
		{"a sister born a hundred years before", sister(func(c *enrolment.Candidate) {
			c.Record.Birthdate = "1868-07-01"
		}), enrolment.ReasonAmbiguous},
		{"a sister of another day", sister(func(c *enrolment.Candidate) { c.Record.Birthdate = "1968-07-02" }), ""},
		{"a sister of another initial", sister(func(c *enrolment.Candidate) { c.Record.GivenNames[0] = "Apolline" }), ""},
		{"a brother", sister(func(c *enrolment.Candidate) { c.Record.Gender = "male" }), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, c := cut()
			s := scene{e, []enrolment.Candidate{c}}
			test.change(&s)
			h, err := enrolment.Enrol(s.e, s.people, email)
			expect(t, err, test.want)
			if h.Confirmed {
				t.Error("confirmed by what the card does not say")
			}
			if test.want != "" {
				if !h.Identity.IsZero() {
					t.Error("an identity beside a refusal")
				}
				return
			}
			if f := h.Identity.Fields(); f.FamilyName != c.Record.FamilyName || f.GivenName != c.Record.GivenName() || f.Email != email {
				t.Error("the identity is not the register's")
			}
		})
	}
}

// TestUnconfirmedAgain: later logins take the zone, cut as it is, for the person who was enrolled, and for nobody else.
func TestUnconfirmedAgain(t *testing.T) {
	t.Parallel()
	e, c := cut()
	h, err := enrolment.Enrol(e, []enrolment.Candidate{c}, email)
	if err != nil {
		t.Fatal(err)
	}
	renamed := c
	renamed.Record.GivenNames = []string{"Marie"}
	other := e
	other.Zone.GivenNames = "P"
	e.Birthplace = nil // a login reads the zone alone
	for _, test := range []struct {
		name   string
		e      enrolment.Evidence
		people []enrolment.Candidate
		want   enrolment.Reason
	}{
		{"the same", e, []enrolment.Candidate{c}, ""},
		{"a namesake in the register since", e, []enrolment.Candidate{renamed, c}, ""},
		{"rectified since", e, []enrolment.Candidate{renamed}, enrolment.ReasonChanged},
		{"not in the register any more", e, nil, enrolment.ReasonUnknown},
		{"the card of another", other, []enrolment.Candidate{c}, enrolment.ReasonOther},
	} {
		expect(t, enrolment.Again(h.Identity, test.e, test.people), test.want)
	}
}
