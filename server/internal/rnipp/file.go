package rnipp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/identity"
)

// The bounds of a file and of an answer.
const (
	mostPeople  = 2000
	mostAnswers = 16
)

// anybody stands where an identity must have an address of electronic mail: the register holds none.
const anybody = "nobody@register.invalid"

// document is the register as it is written; its tags are its reference.
type document struct {
	People []person `toml:"person" help:"the people of the register"`
}

type person struct {
	GivenNames  []string `toml:"given_names" help:"one element a given name, in order; left out for a person without any"`
	FamilyName  string   `toml:"family_name" required:"" help:"name at birth"`
	Gender      string   `toml:"gender" required:"" oneof:"male female unspecified" help:"as the register has it"`
	Birthdate   string   `toml:"birthdate" required:"" help:"YYYY-MM-DD, YYYY-MM or YYYY"`
	Place       string   `toml:"birthplace" help:"INSEE code of the municipality, for a birth in France"`
	PlaceName   string   `toml:"birthplace_name" required:"" help:"name of the town of birth"`
	Country     string   `toml:"birthcountry" required:"" help:"INSEE code of the country of birth: 99100 for France"`
	CountryName string   `toml:"birthcountry_name" required:"" help:"name of the country of birth"`
}

// File is a register in a file. It is safe for concurrent use.
type File struct {
	path    string
	reload  sync.Mutex // one at a time, so that the last one read is the last one served
	current atomic.Pointer[people]
}

// people are those of one reading, by the birth date that every document gives: all but the century.
type people map[string][]known

type known struct {
	person   Person
	identity identity.Identity
}

// Open reads a register. Errors: the file cannot be read; all that is wrong with it, as [stricttoml.Problems] by file and
// line.
func Open(path string) (*File, error) {
	f := &File{path: path}
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload reads the file again, whole or not at all: with an error the people of before go on being served.
func (f *File) Reload() error {
	f.reload.Lock()
	defer f.reload.Unlock()
	src, err := read(f.path)
	if err != nil {
		return fmt.Errorf("rnipp: %w", err)
	}
	all, err := parse(f.path, src)
	if err != nil {
		return err
	}
	f.current.Store(&all)
	return nil
}

// read reads a regular file of bounded size.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path) // before opening it: a pipe would wait for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, stricttoml.MaxSize+1)) // one more, so that the reader says that it is too long
}

// parse checks a register whole.
func parse(name string, src []byte) (people, error) {
	raw, report, err := stricttoml.Decode[document](name, src)
	if err != nil {
		return nil, err
	}
	if len(raw.People) > mostPeople {
		report.Refuse("person", fmt.Sprintf("want at most %d", mostPeople))
	}
	all := make(people)
	for i, p := range raw.People {
		one, err := p.known()
		if field, ok := errors.AsType[*identity.FieldError](err); ok {
			key := fmt.Sprintf("person[%d]", i)
			report.Refuse(key+"."+strings.TrimPrefix(fieldKey(field.Field), "rnipp_"), "want "+field.Rule)
			continue
		}
		key := birthKey(p.Birthdate)
		all[key] = append(all[key], one)
	}
	return all, report.Err()
}

// fieldKey is where a value of an identity is written.
func fieldKey(field string) string {
	if strings.HasSuffix(field, "given_name") {
		return "given_names"
	}
	return field
}

func (p person) known() (known, error) {
	r := identity.Record{
		GivenNames: p.GivenNames, FamilyName: p.FamilyName, Gender: p.Gender, Birthdate: p.Birthdate,
		Birthcountry: p.Country, Birthplace: p.Place,
	}
	given := r.GivenName()
	if given == "" {
		given = "-"
	}
	i, err := identity.New(identity.Fields{
		GivenName: given, FamilyName: p.FamilyName, Gender: p.Gender, Birthdate: day(p.Birthdate),
		Birthcountry: p.Country, Birthplace: p.Place, Email: anybody, Register: &r,
	})
	return known{Person{Record: r, PlaceName: p.PlaceName, CountryName: p.CountryName}, i}, err
}

// day writes a month or a year as identities have them. Anything else stays, and is refused as it is.
func day(birthdate string) string {
	switch len(birthdate) {
	case len("YYYY-MM"):
		return birthdate + "-00"
	case len("YYYY"):
		return birthdate + "-00-00"
	}
	return birthdate
}

// birthKey leaves the century out: a document has none.
func birthKey(date string) string {
	key := strings.ReplaceAll(date, "??", "")
	key = strings.TrimRight(key, "-")
	if len(key) >= 4 && len(key)%3 == 1 { // a year in four digits
		return key[2:]
	}
	return key
}

// Find implements [Register].
func (f *File) Find(ctx context.Context, q Query) ([]Person, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// As if the names were cut: whoever may be meant is an answer, and who is meant is not decided here.
	zone := identity.Zone{Surname: q.Surname, GivenNames: q.GivenNames, Birth: q.Birth, Sex: q.Sex, Truncated: true}
	var out []Person
	for _, k := range (*f.current.Load())[birthKey(q.Birth)] {
		if k.identity.Match(zone) == identity.No {
			continue
		}
		if len(out) == mostAnswers {
			return nil, ErrTooMany
		}
		out = append(out, k.person)
	}
	return out, nil
}
