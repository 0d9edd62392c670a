package claims

import "slices"

// Profile is the kind of issuer that answers. The zero Profile has no scope.
type Profile uint8

// The profiles: FranceConnect+ and FranceConnect.
const (
	Plus     Profile = iota + 1 // the identity provider's values, the register's beside them under their own names
	Standard                    // the register's values in place of the identity provider's
)

// openid is the scope of every request. Alone, it makes an anonymous connection.
const openid = "openid"

// Has reports whether the profile knows a scope. Unknown scopes are ignored, not
// refused (OpenID Connect Core 1.0 §3.1.2.1).
func (p Profile) Has(scope string) bool {
	return scope == openid && p.valid() || len(p.carried(scope)) > 0
}

// Scopes returns every scope of the profile, openid first, as discovery lists them.
func (p Profile) Scopes() []string {
	if !p.valid() {
		return nil
	}
	list := []string{openid}
	for _, s := range identityScopes {
		if len(s.carries(p)) > 0 {
			list = append(list, s.name)
		}
	}
	for _, c := range vocabulary {
		if c.data() && c.in(p) {
			list = append(list, c.name)
		}
	}
	return list
}

// Claims returns every claim that the profile may release, sub first, as
// discovery lists them. The protocol's own, such as acr, are not among them.
func (p Profile) Claims() []string {
	if !p.valid() {
		return nil
	}
	list := []string{"sub"}
	for _, c := range vocabulary {
		if c.in(p) {
			list = append(list, c.name)
		}
	}
	return list
}

func (p Profile) valid() bool { return p == Plus || p == Standard }

// carried returns the claims that a scope carries, sub aside; none when the
// profile does not know it.
func (p Profile) carried(scope string) []string { return catalogue[p][scope] }

// catalogue says what each scope carries in each profile. It is a table: nothing
// writes to it.
var catalogue = map[Profile]map[string][]string{Plus: carriedIn(Plus), Standard: carriedIn(Standard)}

func carriedIn(p Profile) map[string][]string {
	carried := make(map[string][]string)
	for _, s := range identityScopes {
		if claims := s.carries(p); len(claims) > 0 {
			carried[s.name] = claims
		}
	}
	for _, c := range vocabulary {
		if c.data() && c.in(p) {
			carried[c.name] = []string{c.name}
		}
	}
	return carried
}

// scope is an identity scope and the claims that it carries in each profile.
type scope struct {
	name           string
	plus, standard []string
}

func (s scope) carries(p Profile) []string {
	switch p {
	case Plus:
		return s.plus
	case Standard:
		return s.standard
	}
	return nil
}

// identityScopes is the table of scopes that carry identity: those of
// FranceConnect+ and of FranceConnect v2. A scope rnipp_x carries what x does and
// the register's value beside each.
var identityScopes = []scope{
	{"given_name", []string{"given_name"}, []string{"given_name", "given_name_array"}},
	both("family_name", "family_name"),
	both("birthdate", "birthdate"),
	both("gender", "gender"),
	both("preferred_username", "preferred_username"),
	both("birthplace", "birthplace"),
	both("birthcountry", "birthcountry"),
	both("email", "email"),
	{
		"profile",
		[]string{"given_name", "family_name", "birthdate", "gender", "preferred_username"},
		[]string{"given_name", "given_name_array", "family_name", "birthdate", "gender", "preferred_username"},
	},
	both("birth", "birthplace", "birthcountry"),
	{
		"identite_pivot",
		[]string{"given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry"},
		[]string{"given_name", "given_name_array", "family_name", "birthdate", "gender", "birthplace", "birthcountry"},
	},
	both("amr", "amr"),
	{"idp_id", nil, []string{"idp_id"}},
	{"idp_birthdate", nil, []string{"idp_birthdate"}},
	confirmed("rnipp_given_name", "given_name"),
	confirmed("rnipp_family_name", "family_name"),
	confirmed("rnipp_gender", "gender"),
	confirmed("rnipp_birthdate", "birthdate"),
	confirmed("rnipp_birthplace", "birthplace"),
	confirmed("rnipp_birthcountry", "birthcountry"),
	confirmed("rnipp_profile", "given_name", "family_name", "birthdate", "gender", "preferred_username"),
	confirmed("rnipp_birth", "birthplace", "birthcountry"),
	confirmed("rnipp_identite_pivot", "given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry"),
}

func both(name string, claims ...string) scope { return scope{name, claims, claims} }

// confirmed is a scope of FranceConnect+ alone that puts the register's value
// beside each claim that the register has.
func confirmed(name string, claims ...string) scope {
	var carried []string
	for _, c := range claims {
		carried = append(carried, c)
		switch c {
		case "preferred_username":
		case "given_name":
			carried = append(carried, "rnipp_given_name", "rnipp_given_name_array")
		default:
			carried = append(carried, "rnipp_"+c)
		}
	}
	return scope{name: name, plus: slices.Clip(carried)}
}
