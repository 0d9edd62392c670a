package identity_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pivot/server/internal/identity"
)

// joelle is a valid identity as an identity provider gives it, with what the
// register answered. Tests change one field.
func joelle() identity.Fields {
	return identity.Fields{
		GivenName: "Joëlle Françoise", FamilyName: "DUBINÔRE", PreferredUsername: "DUBINÔRE-L'ÉCUYER", Gender: "female",
		Birthdate: "1992-08-15", Birthcountry: "99100", Birthplace: "75117", Email: "joelle@example.org",
		Register: &identity.Record{
			GivenNames: []string{"Joëlle", "Françoise"}, FamilyName: "DUBINÔRE", Gender: "female",
			Birthdate: "1992-08-15", Birthcountry: "99100", Birthplace: "75117",
		},
	}
}

func must(tb testing.TB, f identity.Fields) identity.Identity {
	tb.Helper()
	i, err := identity.New(f)
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

func alter(change func(f *identity.Fields)) identity.Fields {
	f := joelle()
	change(&f)
	return f
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(f *identity.Fields)
	}{
		{"as given", func(*identity.Fields) {}},
		{"register not asked", func(f *identity.Fields) { f.Register = nil }},
		{"no usage name", func(f *identity.Fields) { f.PreferredUsername = "" }},
		{"one letter", func(f *identity.Fields) { f.GivenName, f.FamilyName = "Y", "O" }},
		{"256 characters, two octets each", func(f *identity.Fields) { f.GivenName = strings.Repeat("é", 256) }},
		{"another script", func(f *identity.Fields) { f.FamilyName = "Папандопуло" }},
		{"joiner of a script that needs it", func(f *identity.Fields) { f.FamilyName = "क्\u200dष" }},
		{"accents apart", func(f *identity.Fields) { f.GivenName = "Joe\u0308lle" }},
		{"no given name, as providers write it", func(f *identity.Fields) { f.GivenName = "-" }},
		{"no given name in the register", func(f *identity.Fields) { f.Register.GivenNames = nil }},
		{"a given name with a space", func(f *identity.Fields) { f.Register.GivenNames = []string{"Anne Lise", "Paule"} }},
		{"male", func(f *identity.Fields) { f.Gender = "male" }},
		{"unspecified", func(f *identity.Fields) { f.Gender = "unspecified" }},
		{"day unknown", func(f *identity.Fields) { f.Birthdate = "1992-08-00" }},
		{"day and month unknown", func(f *identity.Fields) { f.Birthdate = "1992-00-00" }},
		{"leap day", func(f *identity.Fields) { f.Birthdate = "1992-02-29" }},
		{"day unknown to the register", func(f *identity.Fields) { f.Register.Birthdate = "1992-08" }},
		{"month unknown to the register", func(f *identity.Fields) { f.Register.Birthdate = "1992" }},
		{"Corse-du-Sud", func(f *identity.Fields) { f.Birthplace = "2A004" }},
		{"Haute-Corse", func(f *identity.Fields) { f.Birthplace = "2B033" }},
		{"La Réunion", func(f *identity.Fields) { f.Birthplace = "97411" }},
		{"Nouvelle-Calédonie", func(f *identity.Fields) { f.Birthplace = "98818" }},
		{"Ain", func(f *identity.Fields) { f.Birthplace = "01001" }},
		{"born abroad", func(f *identity.Fields) { f.Birthcountry, f.Birthplace = "99352", "" }},
		{"born abroad, town said", func(f *identity.Fields) { f.Birthcountry, f.Birthplace = "99352", "ALGER" }},
		{"shortest address", func(f *identity.Fields) { f.Email = "a@b.c" }},
		{"address with a tag and dots", func(f *identity.Fields) { f.Email = "a.b+c_d@sub.example-1.org" }},
		{"international address", func(f *identity.Fields) { f.Email = "éloïse@exämple.fr" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i, err := identity.New(alter(tt.change))
			if err != nil || i.IsZero() {
				t.Fatalf("refused: %v", err)
			}
			back, err := identity.Parse(i.Encode())
			if err != nil {
				t.Fatalf("its own encoding refused: %v", err)
			}
			if !back.Equal(i) || !bytes.Equal(back.Encode(), i.Encode()) {
				t.Error("another identity after encoding")
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	must(t, joelle())
	tests := []struct {
		name, field string
		change      func(f *identity.Fields)
	}{
		{"no given name", "given_name", func(f *identity.Fields) { f.GivenName = "" }},
		{"blank given name", "given_name", func(f *identity.Fields) { f.GivenName = " \u00a0" }},
		{"257 characters", "given_name", func(f *identity.Fields) { f.GivenName = strings.Repeat("e", 257) }},
		{"a megabyte", "given_name", func(f *identity.Fields) { f.GivenName = strings.Repeat("e", 1<<20) }},
		{"line break", "given_name", func(f *identity.Fields) { f.GivenName = "Jo\nëlle" }},
		{"line separator", "given_name", func(f *identity.Fields) { f.GivenName = "Jo\u2028elle" }},
		{"NUL", "given_name", func(f *identity.Fields) { f.GivenName = "Jo\x00elle" }},
		{"not UTF-8", "given_name", func(f *identity.Fields) { f.GivenName = "Jo\xeblle" }},
		{"text turned around", "family_name", func(f *identity.Fields) { f.FamilyName = "DUB\u202eERON" }},
		{"invisible space", "family_name", func(f *identity.Fields) { f.FamilyName = "DUB\ufeffINORE" }},
		{"private use", "family_name", func(f *identity.Fields) { f.FamilyName = "DUB\ue000" }},
		{"no family name", "family_name", func(f *identity.Fields) { f.FamilyName = "" }},
		{"usage name with a tab", "preferred_username", func(f *identity.Fields) { f.PreferredUsername = "A\tB" }},
		{"no gender", "gender", func(f *identity.Fields) { f.Gender = "" }},
		{"gender of the register's interface", "gender", func(f *identity.Fields) { f.Gender = "F" }},
		{"gender in capitals", "gender", func(f *identity.Fields) { f.Gender = "Female" }},
		{"no birthdate", "birthdate", func(f *identity.Fields) { f.Birthdate = "" }},
		{"day without its month", "birthdate", func(f *identity.Fields) { f.Birthdate = "1992-00-15" }},
		{"year unknown", "birthdate", func(f *identity.Fields) { f.Birthdate = "0000-08-15" }},
		{"not in the calendar", "birthdate", func(f *identity.Fields) { f.Birthdate = "1993-02-29" }},
		{"thirteenth month", "birthdate", func(f *identity.Fields) { f.Birthdate = "1992-13-00" }},
		{"register's form", "birthdate", func(f *identity.Fields) { f.Birthdate = "1992-08" }},
		{"day first", "birthdate", func(f *identity.Fields) { f.Birthdate = "15-08-1992" }},
		{"slashes", "birthdate", func(f *identity.Fields) { f.Birthdate = "1992/08/15" }},
		{"other digits", "birthdate", func(f *identity.Fields) { f.Birthdate = "1992-08-1٥" }},
		{"no country", "birthcountry", func(f *identity.Fields) { f.Birthcountry = "" }},
		{"ISO country", "birthcountry", func(f *identity.Fields) { f.Birthcountry = "FR" }},
		{"municipality as country", "birthcountry", func(f *identity.Fields) { f.Birthcountry = "75117" }},
		{"long country", "birthcountry", func(f *identity.Fields) { f.Birthcountry = "991000" }},
		{"no place in France", "birthplace", func(f *identity.Fields) { f.Birthplace = "" }},
		{"town's name in France", "birthplace", func(f *identity.Fields) { f.Birthplace = "PARIS" }},
		{"Corsica in small letters", "birthplace", func(f *identity.Fields) { f.Birthplace = "2a004" }},
		{"a third of Corsica", "birthplace", func(f *identity.Fields) { f.Birthplace = "2C004" }},
		{"no department", "birthplace", func(f *identity.Fields) { f.Birthplace = "00001" }},
		{"country as municipality", "birthplace", func(f *identity.Fields) { f.Birthplace = "99352" }},
		{"no municipality", "birthplace", func(f *identity.Fields) { f.Birthplace = "75000" }},
		{"control in a place abroad", "birthplace", func(f *identity.Fields) { f.Birthcountry, f.Birthplace = "99352", "AL\rGER" }},
		{"long place abroad", "birthplace", func(f *identity.Fields) { f.Birthcountry, f.Birthplace = "99352", strings.Repeat("A", 257) }},
		{"no address", "email", func(f *identity.Fields) { f.Email = "" }},
		{"no at sign", "email", func(f *identity.Fields) { f.Email = "joelle.example.org" }},
		{"two at signs", "email", func(f *identity.Fields) { f.Email = "a@b@example.org" }},
		{"one label", "email", func(f *identity.Fields) { f.Email = "a@localhost" }},
		{"address of a host", "email", func(f *identity.Fields) { f.Email = "a@127.0.0.1" }},
		{"address literal", "email", func(f *identity.Fields) { f.Email = "a@[127.0.0.1]" }},
		{"empty label", "email", func(f *identity.Fields) { f.Email = "a@example..org" }},
		{"label with a hyphen at its end", "email", func(f *identity.Fields) { f.Email = "a@example-.org" }},
		{"label with a hyphen at its start", "email", func(f *identity.Fields) { f.Email = "a@-example.org" }},
		{"month of one digit", "birthdate", func(f *identity.Fields) { f.Birthdate = "1992-8-015" }},
		{"signed year", "rnipp_birthdate", func(f *identity.Fields) { f.Register.Birthdate = "+992" }},
		{"dot at the end", "email", func(f *identity.Fields) { f.Email = "a.@example.org" }},
		{"header injection", "email", func(f *identity.Fields) { f.Email = "a\r\nBcc:b@example.org" }},
		{"markup", "email", func(f *identity.Fields) { f.Email = "<a>@example.org" }},
		{"quoted part", "email", func(f *identity.Fields) { f.Email = `"a b"@example.org` }},
		{"long local part", "email", func(f *identity.Fields) { f.Email = strings.Repeat("a", 65) + "@example.org" }},
		{"long address", "email", func(f *identity.Fields) { f.Email = "a@" + strings.Repeat("a.", 127) + "org" }},
		{"long label", "email", func(f *identity.Fields) { f.Email = "a@" + strings.Repeat("a", 64) + ".org" }},
		{"not UTF-8 in an address", "email", func(f *identity.Fields) { f.Email = "jo\xeblle@example.org" }},
		{"empty given name in the register", "rnipp_given_name", func(f *identity.Fields) { f.Register.GivenNames = []string{"Joëlle", ""} }},
		{"65 given names", "rnipp_given_name", func(f *identity.Fields) { f.Register.GivenNames = strings.Fields(strings.Repeat("a ", 65)) }},
		{"given names too long together", "rnipp_given_name", func(f *identity.Fields) {
			f.Register.GivenNames = []string{strings.Repeat("a", 200), strings.Repeat("b", 200)}
		}},
		{"register without a name", "rnipp_family_name", func(f *identity.Fields) { f.Register.FamilyName = "" }},
		{"register's gender", "rnipp_gender", func(f *identity.Fields) { f.Register.Gender = "M" }},
		{"zeros in the register's date", "rnipp_birthdate", func(f *identity.Fields) { f.Register.Birthdate = "1992-08-00" }},
		{"register's date without hyphens", "rnipp_birthdate", func(f *identity.Fields) { f.Register.Birthdate = "19920815" }},
		{"register's country", "rnipp_birthcountry", func(f *identity.Fields) { f.Register.Birthcountry = "99" }},
		{"register's place", "rnipp_birthplace", func(f *identity.Fields) { f.Register.Birthplace = "" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i, err := identity.New(alter(tt.change))
			var refusal *identity.FieldError
			if !errors.As(err, &refusal) || refusal.Field != tt.field || refusal.Rule == "" {
				t.Fatalf("got %v, want a refusal of %s", err, tt.field)
			}
			if !i.IsZero() || i.Encode() != nil {
				t.Error("an identity beside the refusal")
			}
		})
	}
}

func TestZero(t *testing.T) {
	t.Parallel()
	var nobody identity.Identity
	if !nobody.IsZero() || nobody.Encode() != nil || !nobody.Hash().IsZero() {
		t.Error("the zero Identity is somebody")
	}
	if _, err := identity.Parse(nobody.Encode()); err == nil {
		t.Error("nothing parses as an identity")
	}
	if nobody.Equal(must(t, joelle())) || !must(t, joelle()).Equal(must(t, joelle())) {
		t.Error("Equal is wrong about nobody or about one person")
	}
}

func TestImmutable(t *testing.T) {
	t.Parallel()
	f := joelle()
	i := must(t, f)
	want := i.Encode()
	f.Register.FamilyName = "ANOTHER"
	f.Register.GivenNames[0] = "Another"
	out := i.Fields()
	out.FamilyName = "ANOTHER"
	out.Register.FamilyName = "ANOTHER"
	out.Register.GivenNames[1] = "Another"
	if !bytes.Equal(i.Encode(), want) {
		t.Error("an identity changed from outside")
	}
}

// No way to print an identity says anything of the person.
func TestRedacted(t *testing.T) {
	t.Parallel()
	f := joelle()
	i := must(t, f)
	key, err := identity.ParseSubjectKey(strings.Repeat("secret", 8))
	if err != nil {
		t.Fatal(err)
	}
	lookup, err := identity.NewLookupKey(bytes.Repeat([]byte{'k'}, 32))
	if err != nil {
		t.Fatal(err)
	}
	zone := identity.Zone{Surname: "DUBINORE", GivenNames: "JOELLE", Birth: "??92-08-15", Sex: "F"}
	leaks := []string{
		"Jo", "DUBIN", "1992", "75117", "example", "JOELLE", "92-08", "secret", "kkk", "107 107", "J2Wd", "female",
		fmt.Sprintf("%x", "DUBIN"), fmt.Sprintf("%X", "DUBIN"), fmt.Sprintf("%x", "secret"),
	}
	for _, v := range []any{i, &i, f, &f, *f.Register, f.Register, i.Hash(), key, lookup, zone, struct{ A any }{i}, []any{f, i, zone}} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "v", v)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10v"} {
			fmt.Fprintf(&log, verb, v)
		}
		if s, ok := v.(fmt.Stringer); ok {
			log.WriteString(s.String())
		}
		if m, ok := v.(encoding.TextMarshaler); ok {
			text, err := m.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			log.Write(text)
		}
		for _, leak := range leaks {
			if strings.Contains(log.String(), leak) {
				t.Errorf("%T says %q", v, leak)
			}
		}
	}
	encoded, err := json.Marshal(struct{ F identity.Fields }{f})
	if err != nil || strings.Contains(string(encoded), "DUBIN") {
		t.Errorf("JSON: %s, %v", encoded, err)
	}
	_, err = identity.New(alter(func(f *identity.Fields) { f.Birthdate = "1992-13-15" }))
	if err == nil || strings.Contains(err.Error(), "1992") {
		t.Errorf("the refusal quotes: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := must(t, joelle()).Encode()
	if _, err := identity.Parse(good); err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := identity.Parse(good[:n]); err == nil {
			t.Errorf("accepted %d octets of %d", n, len(good))
		}
	}
	edit := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(good)) }
	tests := map[string][]byte{
		"nothing":         nil,
		"something after": append(bytes.Clone(good), 0),
		"no version":      edit(func(b []byte) []byte { b[0] = 0; return b }),
		"another version": edit(func(b []byte) []byte { b[0] = 2; return b }),
		"a longer length": edit(func(b []byte) []byte { b[2]++; return b }),
		"a value changed": bytes.Replace(good, []byte("1992-08-15"), []byte("1992-13-15"), 1),
		"register neither there nor not": bytes.Replace(good,
			[]byte("joelle@example.org\x01"), []byte("joelle@example.org\x02"), 1),
		"register said not to be there": bytes.Replace(good,
			[]byte("joelle@example.org\x01"), []byte("joelle@example.org\x00"), 1),
		"all lengths at their most": append([]byte{1}, bytes.Repeat([]byte{0xff}, 600)...),
		"oversized":                 append(bytes.Clone(good), make([]byte, 1<<20)...),
	}
	for name, b := range tests {
		if i, err := identity.Parse(b); err == nil || !i.IsZero() {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "1992") {
			t.Errorf("%s: %v quotes", name, err)
		}
	}
}

// FuzzParse: what parses is the encoding of what it parsed to, and nothing else
// is.
func FuzzParse(f *testing.F) {
	f.Add(must(f, joelle()).Encode())
	f.Add(must(f, alter(func(f *identity.Fields) { f.Register = nil })).Encode())
	f.Add(must(f, alter(func(f *identity.Fields) { f.Register.GivenNames = nil })).Encode())
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := identity.Parse(b)
		if err != nil {
			if !i.IsZero() {
				t.Fatal("an identity beside the refusal")
			}
			return
		}
		if !bytes.Equal(i.Encode(), b) {
			t.Fatal("two encodings of one identity")
		}
		if again, err := identity.New(i.Fields()); err != nil || !again.Equal(i) {
			t.Fatalf("its fields are refused: %v", err)
		}
	})
}
