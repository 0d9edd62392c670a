package enrolment_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pivot/cardreader/cardsim"
	"pivot/server/internal/enrolment"
	"pivot/server/internal/identity"
)

// helene is the evidence of a card, in the letters of its zone.
func helene() enrolment.Evidence {
	return enrolment.Evidence{
		Zone:       identity.Zone{Surname: "DUPONT", GivenNames: "HELENE FRANCOISE", Birth: "??85-03-14", Sex: "F"},
		Birthplace: []string{"LYON 3E ARRONDISSEMENT", "69"},
	}
}

// registered is the same person in the register.
func registered() enrolment.Candidate {
	return enrolment.Candidate{
		Record: identity.Record{
			GivenNames: []string{"Hélène", "Françoise"}, FamilyName: "DUPONT", Gender: "female", Birthdate: "1985-03-14",
			Birthcountry: "99100", Birthplace: "69383",
		},
		PlaceName: "Lyon 3e Arrondissement", CountryName: "France",
	}
}

// antoinette is a card whose zone cut the name, and the same person in the register.
func antoinette() (enrolment.Evidence, enrolment.Candidate) {
	e := enrolment.Evidence{
		Zone: identity.Zone{
			Surname: "DE LA ROCHEFOUCAULD MONTBEL", GivenNames: "M", Truncated: true, Birth: "??68-07-01", Sex: "F",
		},
		Full: identity.Zone{
			Surname: "DE LA ROCHEFOUCAULD-MONTBEL D'ESTISSAC", GivenNames: "Marie-Antoinette Apolline", Birth: "??68-07-01", Sex: "F",
		},
		Birthplace: []string{"PARIS 8E ARRONDISSEMENT", "75"},
	}
	c := enrolment.Candidate{
		Record: identity.Record{
			GivenNames: []string{"Marie-Antoinette", "Apolline"}, FamilyName: "DE LA ROCHEFOUCAULD-MONTBEL D'ESTISSAC", Gender: "female",
			Birthdate: "1968-07-01", Birthcountry: "99100", Birthplace: "75108",
		},
		PlaceName: "PARIS 8E ARRONDISSEMENT", CountryName: "FRANCE",
	}
	return e, c
}

const email = "helene@example.org"

func TestEnrol(t *testing.T) {
	t.Parallel()
	h, err := enrolment.Enrol(helene(), []enrolment.Candidate{registered()}, email)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Confirmed {
		t.Error("names in full, and not confirmed")
	}
	f := h.Identity.Fields()
	if f.GivenName != "Hélène Françoise" || f.FamilyName != "DUPONT" || f.Birthdate != "1985-03-14" || f.Birthplace != "69383" ||
		f.Birthcountry != "99100" || f.Gender != "female" || f.Email != email || f.PreferredUsername != "" {
		t.Error("the identity is not the register's")
	}
	if f.Register == nil || f.Register.GivenName() != "Hélène Françoise" || f.Register.Birthplace != "69383" {
		t.Error("the register's record is not there")
	}
}

// TestRefusals changes one thing of a valid base; the reason says which. An empty reason is a change that must not matter.
func TestRefusals(t *testing.T) {
	t.Parallel()
	type scene struct {
		e      enrolment.Evidence
		people []enrolment.Candidate
	}
	namesake := func(place, name string) enrolment.Candidate {
		c := registered()
		c.Record.Birthplace, c.PlaceName = place, name
		return c
	}
	for _, test := range []struct {
		name   string
		change func(s *scene)
		want   enrolment.Reason
	}{
		{"nothing changed", func(*scene) {}, ""},
		{"nobody in the register", func(s *scene) { s.people = nil }, enrolment.ReasonUnknown},
		{"other surname", func(s *scene) { s.e.Zone.Surname = "DURAND" }, enrolment.ReasonUnknown},
		{"a given name is missing", func(s *scene) { s.e.Zone.GivenNames = "HELENE" }, enrolment.ReasonUnknown},
		{"a given name too many", func(s *scene) { s.e.Zone.GivenNames += " MARIE" }, enrolment.ReasonUnknown},
		{"other day of birth", func(s *scene) { s.e.Zone.Birth = "??85-03-15" }, enrolment.ReasonUnknown},
		{"day of birth not known to the card", func(s *scene) { s.e.Zone.Birth = "??85-03-??" }, enrolment.ReasonUnknown},
		{"other century by the chip", func(s *scene) { s.e.Zone.Birth = "1885-03-14" }, enrolment.ReasonUnknown},
		{"the century by the chip", func(s *scene) { s.e.Zone.Birth = "1985-03-14" }, ""},
		{"other sex", func(s *scene) { s.e.Zone.Sex = "M" }, enrolment.ReasonUnknown},
		{"sex not on the card", func(s *scene) { s.e.Zone.Sex = "" }, ""},
		{"no birth place on the card", func(s *scene) { s.e.Birthplace = nil }, enrolment.ReasonNoPlace},
		{"other town", func(s *scene) { s.e.Birthplace[0] = "BREST" }, enrolment.ReasonBirthplace},
		{"part of the town", func(s *scene) { s.e.Birthplace[0] = "LYON" }, enrolment.ReasonBirthplace},
		{"the register has no place", func(s *scene) { s.people[0].PlaceName = "" }, enrolment.ReasonBirthplace},
		{"department of before", func(s *scene) { s.e.Birthplace[1] = "01" }, ""},
		{"department of Corsica", func(s *scene) { s.e.Birthplace[1] = "2B" }, ""},
		{"no department", func(s *scene) { s.e.Birthplace = s.e.Birthplace[:1] }, ""},
		{"the country beside it", func(s *scene) { s.e.Birthplace = append(s.e.Birthplace, "FRANCE") }, ""},
		{"other country beside it", func(s *scene) { s.e.Birthplace = append(s.e.Birthplace, "BELGIQUE") }, enrolment.ReasonBirthplace},
		{"twice the town", func(s *scene) { s.e.Birthplace[1] = s.e.Birthplace[0] }, enrolment.ReasonBirthplace},
		{"accents and hyphens", func(s *scene) {
			s.e.Birthplace = []string{"L'HAY LES ROSES", "94"}
			s.people[0].PlaceName = "L’Haÿ-les-Roses"
		}, ""},
		{"ligature", func(s *scene) { s.e.Birthplace, s.people[0].PlaceName = []string{"COEUVRES"}, "Cœuvres" }, ""},
		{"a namesake born elsewhere", func(s *scene) { s.people = append(s.people, namesake("29019", "BREST")) }, ""},
		{"a namesake born there", func(s *scene) { s.people = append(s.people, registered()) }, enrolment.ReasonAmbiguous},
		{"a namesake born abroad", func(s *scene) { s.people = append(s.people, abroad(registered())) }, ""},
		{"abroad, a namesake in another town", func(s *scene) {
			s.people = []enrolment.Candidate{abroad(registered()), abroad(registered())}
			s.people[0].PlaceName = "ORAN"
			s.e.Birthplace = []string{"ALGER", "ALGERIE"}
		}, enrolment.ReasonAmbiguous}, // an account would not keep them apart
		{"abroad, a namesake in another country", func(s *scene) {
			s.people = []enrolment.Candidate{abroad(registered()), abroad(registered())}
			s.people[0].Record.Birthcountry, s.people[0].CountryName = "99350", "MAROC"
			s.e.Birthplace = []string{"ALGER", "ALGERIE"}
		}, ""},
		{"born abroad", func(s *scene) {
			s.people[0] = abroad(s.people[0])
			s.e.Birthplace = []string{"ALGER", "ALGERIE"}
		}, ""},
		{"abroad, the country is not said", func(s *scene) {
			s.people[0] = abroad(s.people[0])
			s.e.Birthplace = []string{"ALGER"}
		}, enrolment.ReasonBirthplace},
		{"abroad, a department", func(s *scene) {
			s.people[0] = abroad(s.people[0])
			s.e.Birthplace = []string{"ALGER", "ALGERIE", "75"}
		}, enrolment.ReasonBirthplace},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := scene{helene(), []enrolment.Candidate{registered()}}
			test.change(&s)
			h, err := enrolment.Enrol(s.e, s.people, email)
			expect(t, err, test.want)
			if h.Identity.IsZero() == (test.want == "") || h.Confirmed != (test.want == "") {
				t.Error("an identity beside a refusal, or none without")
			}
		})
	}
}

func abroad(c enrolment.Candidate) enrolment.Candidate {
	c.Record.Birthplace, c.Record.Birthcountry, c.PlaceName, c.CountryName = "", "99352", "ALGER", "ALGÉRIE"
	return c
}

func expect(t *testing.T, err error, want enrolment.Reason) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	r, ok := errors.AsType[*enrolment.Refusal](err)
	if !ok || r.Reason != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestTruncated: a zone that cut the name is confirmed by the names of data group 11, and both must agree with the register.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(e *enrolment.Evidence)
		want   enrolment.Reason
	}{
		{"nothing changed", func(*enrolment.Evidence) {}, ""},
		{"another name in data group 11", func(e *enrolment.Evidence) { e.Full.GivenNames = "Marie-Antoinette" }, enrolment.ReasonUnknown},
		{"another beginning in the zone", func(e *enrolment.Evidence) { e.Zone.Surname = "DE LA TOUR" }, enrolment.ReasonUnknown},
		{"a name that was not cut", func(e *enrolment.Evidence) { e.Zone.Truncated = false }, enrolment.ReasonUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, c := antoinette()
			test.change(&e)
			h, err := enrolment.Enrol(e, []enrolment.Candidate{c}, email)
			expect(t, err, test.want)
			if h.Confirmed != (test.want == "") {
				t.Errorf("confirmed: %v", h.Confirmed)
			}
		})
	}
}

// TestForms: an address that is none, and a record that is none, are no refusals of the person.
func TestForms(t *testing.T) {
	t.Parallel()
	broken, short, none := registered(), registered(), registered()
	broken.Record.Birthcountry = "FRANCE"
	short.Record.Birthdate, none.Record.Birthdate = "198", ""
	for name, err := range map[string]error{
		"address": second(enrolment.Enrol(helene(), []enrolment.Candidate{registered()}, "helene")),
		"record":  second(enrolment.Enrol(helene(), []enrolment.Candidate{broken}, email)),
		"birth":   second(enrolment.Enrol(helene(), []enrolment.Candidate{short}, email)),
		"none":    second(enrolment.Enrol(helene(), []enrolment.Candidate{none}, email)),
	} {
		if _, ok := errors.AsType[*identity.FieldError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestNoGivenName: a person without given names is written as identity providers write it.
func TestNoGivenName(t *testing.T) {
	t.Parallel()
	e, c := helene(), registered()
	e.Zone.GivenNames, c.Record.GivenNames, c.Record.Birthdate, e.Zone.Birth = "", nil, "1985", "??85-??-??"
	h, err := enrolment.Enrol(e, []enrolment.Candidate{c}, email)
	if err != nil {
		t.Fatal(err)
	}
	if f := h.Identity.Fields(); f.GivenName != "-" || f.Birthdate != "1985-00-00" || f.Register.Birthdate != "1985" {
		t.Error("given name or birth date")
	}
}

func TestAgain(t *testing.T) {
	t.Parallel()
	h, err := enrolment.Enrol(helene(), []enrolment.Candidate{registered()}, email)
	if err != nil {
		t.Fatal(err)
	}
	enrolled := h.Identity
	rectified := registered()
	rectified.Record.GivenNames = []string{"Hélène Françoise"}
	f := enrolled.Fields()
	f.Register = nil
	unasked, err := identity.New(f)
	if err != nil {
		t.Fatal(err)
	}
	other := helene()
	other.Zone.Surname = "DURAND"
	bare := helene() // a login reads the zone alone
	bare.Birthplace = nil
	for _, test := range []struct {
		name   string
		person identity.Identity
		e      enrolment.Evidence
		people []enrolment.Candidate
		want   enrolment.Reason
	}{
		{"the same", enrolled, bare, []enrolment.Candidate{registered()}, ""},
		{"one among several", enrolled, bare, []enrolment.Candidate{abroad(registered()), registered()}, ""},
		{"the card of another", enrolled, other, []enrolment.Candidate{registered()}, enrolment.ReasonOther},
		{"not in the register any more", enrolled, bare, nil, enrolment.ReasonUnknown},
		{"rectified since", enrolled, bare, []enrolment.Candidate{rectified}, enrolment.ReasonChanged},
		{"the register was never asked", unasked, bare, nil, ""},
		{"nobody", identity.Identity{}, bare, []enrolment.Candidate{registered()}, enrolment.ReasonOther},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expect(t, enrolment.Again(test.person, test.e, test.people), test.want)
		})
	}
}

// TestAgainTruncated: at a login the zone is enough, for the document is the one that was enrolled.
func TestAgainTruncated(t *testing.T) {
	t.Parallel()
	e, c := antoinette()
	h, err := enrolment.Enrol(e, []enrolment.Candidate{c}, email)
	if err != nil {
		t.Fatal(err)
	}
	e.Full, e.Birthplace = identity.Zone{}, nil
	if err := enrolment.Again(h.Identity, e, []enrolment.Candidate{c}); err != nil {
		t.Error(err)
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	h, err := enrolment.Enrol(helene(), []enrolment.Candidate{registered()}, email)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{helene(), registered(), h} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", v, v, v, v), string(raw), log.String()} {
			if strings.Contains(strings.ToUpper(text), "DUPONT") || strings.Contains(text, "LYON") {
				t.Errorf("%T prints %s", v, text)
			}
		}
	}
}

// TestCitizens: every simulated citizen with a French card is in the register as the card says.
func TestCitizens(t *testing.T) {
	t.Parallel()
	for _, c := range cardsim.Citizens() {
		if c.BirthPlace.Code == "" {
			continue
		}
		t.Run(c.Key, func(t *testing.T) {
			t.Parallel()
			country, place := "99100", c.BirthPlace.Code
			parts := []string{c.BirthPlace.Town, c.BirthPlace.Department}
			if strings.HasPrefix(place, "99") {
				country, place, parts[1] = place, "", c.BirthPlace.Country
			}
			gender := map[string]string{"M": "male", "F": "female", "": "unspecified"}[c.Sex]
			person := enrolment.Candidate{
				Record: identity.Record{
					GivenNames: strings.Fields(c.GivenNames), FamilyName: c.Surname, Gender: gender, Birthdate: strings.TrimRight(c.Birth, "-?"),
					Birthcountry: country, Birthplace: place,
				},
				PlaceName: c.BirthPlace.Town, CountryName: c.BirthPlace.Country,
			}
			e := enrolment.Evidence{
				Zone:       identity.Zone{Surname: c.Surname, GivenNames: c.GivenNames, Birth: "??" + c.Birth[2:], Sex: c.Sex},
				Birthplace: parts,
			}
			if _, err := enrolment.Enrol(e, []enrolment.Candidate{person}, email); err != nil {
				t.Error(err)
			}
		})
	}
}
