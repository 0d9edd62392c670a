package claims

import (
	"slices"
	"strings"

	"pivot/server/internal/identity"
)

// A Request is what a service provider asked for and may have.
type Request struct {
	Profile Profile
	Scopes  []string // asked and entitled; those that the profile does not know count for nothing
	Claims  []string // asked one by one, as Requested writes them
	// Entitled names the claims that the provider's record lets it ask for one by
	// one. It bounds Claims, and amr however it is asked for.
	Entitled []string
}

// Answers in which a claim may be asked for by the claims parameter.
const (
	inIDToken  = "id_token."
	inUserinfo = "userinfo."
)

// Requested writes the two members of the claims parameter (OpenID Connect Core
// 1.0 §5.5) as one list, such as "id_token.amr".
func Requested(idToken, userinfo []string) []string {
	var list []string
	for _, name := range idToken {
		list = append(list, inIDToken+name)
	}
	for _, name := range userinfo {
		list = append(list, inUserinfo+name)
	}
	return list
}

// Selection is the claims that a request comes to. The zero Selection is none.
type Selection struct {
	profile   Profile
	scopes    []string // known to the profile, in the order asked, openid first
	userinfo  []string // in the order of the vocabulary
	methods   bool     // amr in the ID token
	anonymous bool
}

// amr is the claim that tells how the person was authenticated (RFC 8176).
const amr = "amr"

// Select finds what a request comes to. Without the scope openid it comes to
// nothing.
func Select(r Request) Selection {
	if !r.Profile.valid() || !slices.Contains(r.Scopes, openid) {
		return Selection{}
	}
	s := Selection{profile: r.Profile, scopes: r.known()}
	chosen := r.chosen(s.scopes)
	for _, c := range vocabulary {
		if chosen[c.name] && c.in(r.Profile) {
			s.userinfo = append(s.userinfo, c.name)
		}
	}
	s.methods = slices.Contains(r.Entitled, amr) && slices.Contains(r.Claims, inIDToken+amr)
	s.anonymous = len(s.scopes) == 1 && len(s.userinfo) == 0
	return s
}

// known returns the scopes that the profile knows, each once, openid first.
func (r Request) known() []string {
	list := []string{openid}
	for _, scope := range r.Scopes {
		if r.Profile.Has(scope) && !slices.Contains(list, scope) {
			list = append(list, scope)
		}
	}
	return list
}

// chosen returns the claims of some scopes, and those asked for one by one in
// userinfo, as far as the request is entitled.
func (r Request) chosen(scopes []string) map[string]bool {
	chosen := make(map[string]bool)
	for _, scope := range scopes {
		for _, claim := range r.Profile.carried(scope) {
			chosen[claim] = claim != amr || slices.Contains(r.Entitled, amr)
		}
	}
	for _, asked := range r.Claims {
		if claim, found := strings.CutPrefix(asked, inUserinfo); found && slices.Contains(r.Entitled, claim) {
			chosen[claim] = true
		}
	}
	return chosen
}

// Scopes returns the scopes that count, openid first, as the token answer states
// them.
func (s Selection) Scopes() []string { return slices.Clone(s.scopes) }

// Anonymous reports whether the service provider learns the subject alone.
func (s Selection) Anonymous() bool { return s.anonymous }

// Person is the person of one login.
type Person struct {
	Identity identity.Identity
	Methods  []string // how they were authenticated, for amr
	Provider string   // identifier of the identity provider, for idp_id; may be empty
}

// A Claim is one claim with its value: a text, or a list when List is not nil.
type Claim struct {
	Name string
	Text string
	List []string
}

// IDToken returns what the ID token adds to the protocol's claims: amr or
// nothing.
func (s Selection) IDToken(p Person) []Claim {
	if !s.methods || len(p.Methods) == 0 {
		return nil
	}
	return []Claim{{Name: amr, List: slices.Clone(p.Methods)}}
}

// Userinfo returns the claims of the userinfo answer, sub aside, in the order of
// the vocabulary. What is not known of the person is left out; what a data
// provider holds is not here at all, the access token is the right to it there.
// The birth place of a person born abroad is an empty text, as service providers
// are told to expect.
func (s Selection) Userinfo(p Person) []Claim {
	if p.Identity.IsZero() {
		return nil
	}
	v := s.profile.values(p)
	var list []Claim
	for _, name := range s.userinfo {
		c, known := v[name]
		if known {
			c.Name = name
			list = append(list, c)
		}
	}
	return list
}

// values returns every claim about a person that the profile can release. It
// gives a map to choose from, and never leaves the package.
func (p Profile) values(person Person) map[string]Claim {
	f := person.Identity.Fields()
	v := map[string]Claim{
		"given_name": {Text: f.GivenName}, "family_name": {Text: f.FamilyName},
		"birthdate": {Text: f.Birthdate}, "gender": {Text: f.Gender},
		"birthplace": {Text: f.Birthplace}, "birthcountry": {Text: f.Birthcountry},
		"email": {Text: f.Email}, "idp_birthdate": {Text: f.Birthdate},
	}
	if f.PreferredUsername != "" {
		v["preferred_username"] = Claim{Text: f.PreferredUsername}
	}
	if person.Provider != "" {
		v["idp_id"] = Claim{Text: person.Provider}
	}
	if len(person.Methods) > 0 {
		v[amr] = Claim{List: slices.Clone(person.Methods)}
	}
	if f.Register != nil {
		p.register(v, *f.Register)
	}
	if p == Standard {
		v["birthdate"] = Claim{Text: completed(v["birthdate"].Text)}
	}
	return v
}

// register puts the register's values beside the identity provider's, or in
// their place.
func (p Profile) register(v map[string]Claim, r identity.Record) {
	values := map[string]Claim{
		"given_name": {Text: r.GivenName()}, "given_name_array": {List: append([]string{}, r.GivenNames...)},
		"family_name": {Text: r.FamilyName}, "birthdate": {Text: r.Birthdate}, "gender": {Text: r.Gender},
		"birthplace": {Text: r.Birthplace}, "birthcountry": {Text: r.Birthcountry},
	}
	prefix := "rnipp_"
	if p == Standard {
		prefix = ""
	}
	for name, value := range values {
		v[prefix+name] = value
	}
}

// completed writes a birth date of which parts are unknown as a day of the
// calendar, the first that it may be: FranceConnect does, for clients that know
// no other form. The date as it was given is idp_birthdate.
func completed(date string) string {
	date = strings.ReplaceAll(date, "-00", "")
	return date + "-01-01"[:10-len(date)]
}
