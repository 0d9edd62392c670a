package claims_test

import (
	"fmt"
	"strings"

	"pivot/server/internal/claims"
	"pivot/server/internal/identity"
)

// A request is resolved once; the consent page, the ID token and the userinfo
// answer say the same.
func ExampleSelect() {
	who, err := identity.New(identity.Fields{
		GivenName: "Angela Claire Louise", FamilyName: "DUBOIS", Gender: "female",
		Birthdate: "1962-08-24", Birthcountry: "99100", Birthplace: "75107", Email: "angela@example.org",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := claims.Select(claims.Request{
		Profile: claims.Plus, Scopes: strings.Fields("openid birth email a_scope_that_nobody_knows"),
		Claims: claims.Requested([]string{"amr"}, nil), Entitled: []string{"amr"},
	})
	fmt.Println("scope:", s.Scopes())
	for _, g := range s.Groups() {
		fmt.Println(g.French)
		for _, l := range g.Labels {
			fmt.Println(" -", l.French)
		}
	}
	p := claims.Person{Identity: who, Methods: []string{"fc", "pop", "hwk", "pin", "mfa"}}
	for _, c := range s.IDToken(p) {
		fmt.Println("id_token:", c.Name, c.List)
	}
	for _, c := range s.Userinfo(p) {
		fmt.Println("userinfo:", c.Name, c.Text)
	}
	// Output:
	// scope: [openid birth email]
	// Votre identité
	//  - Pays de naissance
	//  - Lieu de naissance
	//  - Adresse électronique
	//  - Moyens d’authentification utilisés
	// id_token: amr [fc pop hwk pin mfa]
	// userinfo: birthcountry 99100
	// userinfo: birthplace 75107
	// userinfo: email angela@example.org
}

// With openid alone, the service provider learns a subject and nothing else.
func ExampleSelection_Anonymous() {
	s := claims.Select(claims.Request{Profile: claims.Plus, Scopes: []string{"openid"}})
	fmt.Println(s.Anonymous(), len(s.Groups()))
	// Output: true 0
}
