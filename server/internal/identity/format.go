package identity

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The bounds of FranceConnect's identity, in characters; of an address of
// electronic mail, in octets (RFC 5321 §4.5.3.1).
const (
	maxName       = 256
	maxGivenNames = 64
	maxEmail      = 254
	maxLocalPart  = 64
	maxLabel      = 63
)

// france is the INSEE code of the country where a birth place is a municipality.
const france = "99100"

// FieldError says which value has not its form. It never quotes the value.
type FieldError struct {
	Field string // the claim's name, such as "birthdate" or "rnipp_birthdate"
	Rule  string // what it should be
}

// Error names the field and the rule.
func (e *FieldError) Error() string { return fmt.Sprintf("identity: %s: %s", e.Field, e.Rule) }

// form is one rule over one value.
type form struct {
	field string
	valid bool
	rule  string
}

// check applies the formats that FranceConnect gives to an identity provider's
// answer, and those of the civil register's.
func check(f Fields) error {
	forms := []form{
		{"given_name", name(f.GivenName), ruleName},
		{"family_name", name(f.FamilyName), ruleName},
		{"preferred_username", f.PreferredUsername == "" || name(f.PreferredUsername), ruleName},
		{"gender", gender(f.Gender), ruleGender},
		{"birthdate", birthdate(f.Birthdate), ruleBirthdate},
		{"birthcountry", country(f.Birthcountry), ruleCountry},
		{"birthplace", place(f.Birthcountry, f.Birthplace), rulePlace},
		{"email", email(f.Email), ruleEmail},
	}
	if r := f.Register; r != nil {
		forms = append(
			forms,
			form{"rnipp_given_name", givenNames(r.GivenNames), ruleName},
			form{"rnipp_family_name", name(r.FamilyName), ruleName},
			form{"rnipp_gender", gender(r.Gender), ruleGender},
			form{"rnipp_birthdate", registerBirthdate(r.Birthdate), ruleRegisterBirthdate},
			form{"rnipp_birthcountry", country(r.Birthcountry), ruleCountry},
			form{"rnipp_birthplace", place(r.Birthcountry, r.Birthplace), rulePlace},
		)
	}
	for _, f := range forms {
		if !f.valid {
			return &FieldError{Field: f.field, Rule: f.rule}
		}
	}
	return nil
}

const (
	ruleName              = "1 to 256 printable characters"
	ruleGender            = "male, female or unspecified"
	ruleBirthdate         = "YYYY-MM-DD, YYYY-MM-00 or YYYY-00-00"
	ruleRegisterBirthdate = "YYYY-MM-DD, YYYY-MM or YYYY"
	ruleCountry           = "an INSEE country code, 99 and three digits"
	rulePlace             = "an INSEE municipality code where the country is 99100, else empty or free"
	ruleEmail             = "an address of electronic mail"
)

// name reports whether s is a name: 1 to 256 characters, none of which a page, a
// log or a screen reader could stumble on, and one at least that leaves ink. It
// need not be a letter: a person without given names has "-" from providers.
func name(s string) bool {
	ink := []*unicode.RangeTable{unicode.L, unicode.N, unicode.P, unicode.S}
	return printable(s) && strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, ink...) })
}

// printable bounds a text and refuses what is not UTF-8, controls, line breaks,
// and the invisible characters that reorder or hide text.
func printable(s string) bool {
	if len(s) > maxName*utf8.UTFMax || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxName {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		joiner := r == '\u200c' || r == '\u200d' // they have a meaning in some scripts
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Co) || unicode.Is(unicode.Cf, r) && !joiner
	})
}

// givenNames reports whether the list is what a register gives: none to 64 names
// that joined are a name.
func givenNames(list []string) bool {
	for _, n := range list {
		if !name(n) {
			return false
		}
	}
	return len(list) <= maxGivenNames && (len(list) == 0 || name(strings.Join(list, " ")))
}

func gender(s string) bool { return s == "male" || s == "female" || s == "unspecified" }

// birthdate accepts a day of the calendar, or zeros for a day, or for a month and
// a day, that are not known. A day without its month is not a date.
func birthdate(s string) bool {
	if len(s) != len("2006-01-02") {
		return false
	}
	if month, found := strings.CutSuffix(s, "-00"); found {
		s = strings.TrimSuffix(month, "-00")
	}
	return registerBirthdate(s)
}

// registerBirthdate accepts a day, a month or a year of the calendar.
func registerBirthdate(s string) bool {
	layouts := map[int]string{4: "2006", 7: "2006-01", 10: "2006-01-02"}
	layout, known := layouts[len(s)]
	if !known {
		return false
	}
	t, err := time.Parse(layout, s)
	return err == nil && t.Year() > 0
}

// country accepts the form of an INSEE code of a country (COG): 99 and three
// digits. Which exist is the register's to say.
func country(s string) bool { return len(s) == 5 && s[:2] == "99" && digits(s[2:]) }

// place accepts the form of an INSEE code of a municipality (COG) for a birth in
// France, and nothing or a free text for one elsewhere.
func place(country, s string) bool {
	if country != france {
		return printable(s)
	}
	if len(s) != 5 || !digits(s[2:]) || s[2:] == "000" {
		return false
	}
	switch department := s[:2]; department {
	case "2A", "2B":
		return true
	case "00", "96", "99":
		return false
	default:
		return digits(department)
	}
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// email accepts a dot-atom at a domain of two labels at least (RFC 5321 §4.1.2),
// letters beyond ASCII included (RFC 6531 §3.3); no quoted part, no address
// literal, nothing that would need escaping in a page or a mail header.
func email(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	if !found || len(s) > maxEmail || len(local) > maxLocalPart || !utf8.ValidString(s) {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtom) {
			return false
		}
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxLabel || strings.ContainsFunc(label, notLabel) ||
			label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return len(labels) > 1 && !digits(labels[len(labels)-1])
}

func notAtom(r rune) bool { return notLabel(r) && !strings.ContainsRune("!#$%&'*+/=?^_`{|}~", r) }

func notLabel(r rune) bool {
	if r < utf8.RuneSelf {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.N)
}
