package demo

import (
	"fmt"
	"strings"

	"pivot/cardreader/cardsim"
)

// france is the INSEE code of the country of those who were born in a French town.
const france = "99100"

// register writes the civil register of the simulated citizens. Whoever has no INSEE code, a citizen of another State, is
// not in it.
func register() string {
	var b strings.Builder
	b.WriteString("# The civil register of the demonstration: people who do not exist.\n")
	for _, c := range cardsim.Citizens() {
		if c.BirthPlace.Code == "" {
			continue
		}
		country, place := france, c.BirthPlace.Code
		if strings.HasPrefix(place, "99") {
			country, place = place, ""
		}
		b.WriteString("\n[[person]]\n")
		names := make([]string, 0, 4)
		for name := range strings.FieldsSeq(c.GivenNames) {
			names = append(names, fmt.Sprintf("%q", name))
		}
		line := func(key, value string) {
			if value != "" {
				fmt.Fprintf(&b, "%s = %q\n", key, value)
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(&b, "given_names = [%s]\n", strings.Join(names, ", "))
		}
		line("family_name", c.Surname)
		line("gender", map[string]string{"M": "male", "F": "female", "": "unspecified"}[c.Sex])
		line("birthdate", strings.TrimRight(c.Birth, "-?"))
		line("birthplace", place)
		line("birthplace_name", c.BirthPlace.Town)
		line("birthcountry", country)
		line("birthcountry_name", c.BirthPlace.Country)
	}
	return b.String()
}
