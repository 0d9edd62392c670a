package identity_test

import (
	"fmt"

	"pivot/server/internal/identity"
)

// A card's zone has neither accents nor hyphens, and no century.
func ExampleIdentity_Match() {
	i, err := identity.New(identity.Fields{
		GivenName: "Hélène Françoise", FamilyName: "L'HÉRITIER-D'ARÇON", Gender: "female",
		Birthdate: "1985-03-14", Birthcountry: "99100", Birthplace: "69383", Email: "helene@example.org",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	zone := identity.Zone{Surname: "LHERITIER DARCON", GivenNames: "HELENE FRANCOISE", Birth: "??85-03-14", Sex: "F"}
	fmt.Println(i.Match(zone))
	zone.GivenNames, zone.Truncated = "HELENE FRANC", true
	fmt.Println(i.Match(zone))
	zone.Birth = "??85-03-15"
	fmt.Println(i.Match(zone))
	fmt.Println(i, zone)
	// Output:
	// exact
	// truncated
	// no
	// identity(redacted) identity(redacted)
}

// What is wrong is said, what was given is not.
func ExampleNew() {
	_, err := identity.New(identity.Fields{
		GivenName: "Jeanne", FamilyName: "DURAND", Gender: "female",
		Birthdate: "1962-00-24", Birthcountry: "99100", Birthplace: "75107", Email: "jeanne@example.org",
	})
	fmt.Println(err)
	// Output: identity: birthdate: YYYY-MM-DD, YYYY-MM-00 or YYYY-00-00
}
