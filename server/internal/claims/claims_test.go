package claims_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/claims"
	"pivot/server/internal/identity"
)

// amadou is a person whose values differ by source, so that a test sees which
// was released.
func amadou() identity.Fields {
	return identity.Fields{
		GivenName: "Amadou Idrissa", FamilyName: "TRAORE", PreferredUsername: "TRAORE-DURAND", Gender: "male",
		Birthdate: "1958-00-00", Birthcountry: "99335", Birthplace: "", Email: "amadou@example.org",
		Register: &identity.Record{
			GivenNames: []string{"Amadou", "Idrissa Ali"}, FamilyName: "TRAORÉ", Gender: "male",
			Birthdate: "1958", Birthcountry: "99335", Birthplace: "",
		},
	}
}

func person(tb testing.TB, change ...func(f *identity.Fields)) claims.Person {
	tb.Helper()
	f := amadou()
	for _, c := range change {
		c(&f)
	}
	i, err := identity.New(f)
	if err != nil {
		tb.Fatal(err)
	}
	return claims.Person{Identity: i, Methods: []string{"fc", "pop", "pin"}, Provider: "fip1"}
}

// plain writes claims as "name=text" or "name=[list]".
func plain(list []claims.Claim) []string {
	var out []string
	for _, c := range list {
		if c.List != nil {
			out = append(out, fmt.Sprintf("%s=%q", c.Name, c.List))
		} else {
			out = append(out, c.Name+"="+c.Text)
		}
	}
	return out
}

func names(list []claims.Claim) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Name)
	}
	return out
}

// One row a scope (row B5), beside openid; the claims that each profile releases, in any
// order, or nothing where the profile does not know the scope.
func TestIdentityScopes(t *testing.T) {
	t.Parallel()
	tests := []struct{ scope, plus, standard string }{
		{"openid", "", ""},
		{"given_name", "given_name", "given_name given_name_array"},
		{"family_name", "family_name", "family_name"},
		{"birthdate", "birthdate", "birthdate"},
		{"gender", "gender", "gender"},
		{"birthplace", "birthplace", "birthplace"},
		{"birthcountry", "birthcountry", "birthcountry"},
		{"email", "email", "email"},
		{"preferred_username", "preferred_username", "preferred_username"},
		{
			"profile", "given_name family_name birthdate gender preferred_username",
			"given_name given_name_array family_name birthdate gender preferred_username",
		},
		{"birth", "birthplace birthcountry", "birthplace birthcountry"},
		{
			"identite_pivot", "given_name family_name birthdate gender birthplace birthcountry",
			"given_name given_name_array family_name birthdate gender birthplace birthcountry",
		},
		{"amr", "amr", "amr"},
		{"idp_id", "", "idp_id"},
		{"idp_birthdate", "", "idp_birthdate"},
		{"rnipp_given_name", "given_name rnipp_given_name rnipp_given_name_array", ""},
		{"rnipp_family_name", "family_name rnipp_family_name", ""},
		{"rnipp_gender", "gender rnipp_gender", ""},
		{"rnipp_birthdate", "birthdate rnipp_birthdate", ""},
		{"rnipp_birthplace", "birthplace rnipp_birthplace", ""},
		{"rnipp_birthcountry", "birthcountry rnipp_birthcountry", ""},
		{
			"rnipp_profile", "given_name rnipp_given_name rnipp_given_name_array family_name rnipp_family_name birthdate rnipp_birthdate " +
				"gender rnipp_gender preferred_username", "",
		},
		{"rnipp_birth", "birthplace rnipp_birthplace birthcountry rnipp_birthcountry", ""},
		{
			"rnipp_identite_pivot", "given_name rnipp_given_name rnipp_given_name_array family_name rnipp_family_name birthdate rnipp_birthdate " +
				"gender rnipp_gender birthplace rnipp_birthplace birthcountry rnipp_birthcountry", "",
		},
		{"address", "", ""},
		{"phone", "", ""},
		{"offline_access", "", ""},
		{"dgfip_rfr", "", ""}, // a right to ask the data provider: no value of ours
	}
	who := person(t)
	for _, tt := range tests {
		for profile, want := range map[claims.Profile]string{claims.Plus: tt.plus, claims.Standard: tt.standard} {
			s := claims.Select(claims.Request{Profile: profile, Scopes: []string{"openid", tt.scope}, Entitled: []string{"amr"}})
			got := names(s.Userinfo(who))
			slices.Sort(got)
			wanted := strings.Fields(want)
			slices.Sort(wanted)
			if !slices.Equal(got, wanted) {
				t.Errorf("%s, profile %d: got %v, want %v", tt.scope, profile, got, wanted)
			}
			if known := want != "" || tt.scope == "openid" || tt.scope == "dgfip_rfr"; profile.Has(tt.scope) != known {
				t.Errorf("%s, profile %d: known is %v", tt.scope, profile, !known)
			}
		}
	}
}

// Whose value, and in what form.
func TestValues(t *testing.T) {
	t.Parallel()
	all := func(p claims.Profile) claims.Selection {
		return claims.Select(claims.Request{Profile: p, Scopes: p.Scopes(), Entitled: []string{"amr"}})
	}
	alone := func(f *identity.Fields) { f.Register = nil }
	tests := []struct {
		name    string
		profile claims.Profile
		who     claims.Person
		want    []string
	}{
		{"plus: the provider's, the register's beside", claims.Plus, person(t), []string{
			"given_name=Amadou Idrissa", "family_name=TRAORE", "birthdate=1958-00-00", "gender=male",
			"preferred_username=TRAORE-DURAND", "birthcountry=99335", "birthplace=", "email=amadou@example.org",
			`amr=["fc" "pop" "pin"]`, "rnipp_given_name=Amadou Idrissa Ali", `rnipp_given_name_array=["Amadou" "Idrissa Ali"]`,
			"rnipp_family_name=TRAORÉ", "rnipp_birthdate=1958", "rnipp_gender=male", "rnipp_birthcountry=99335", "rnipp_birthplace=",
		}},
		{"standard: the register's", claims.Standard, person(t), []string{
			"given_name=Amadou Idrissa Ali", `given_name_array=["Amadou" "Idrissa Ali"]`, "family_name=TRAORÉ", "birthdate=1958-01-01",
			"gender=male", "preferred_username=TRAORE-DURAND", "birthcountry=99335", "birthplace=", "email=amadou@example.org",
			`amr=["fc" "pop" "pin"]`, "idp_id=fip1", "idp_birthdate=1958-00-00",
		}},
		{"plus, register not asked", claims.Plus, person(t, alone), []string{
			"given_name=Amadou Idrissa", "family_name=TRAORE", "birthdate=1958-00-00", "gender=male",
			"preferred_username=TRAORE-DURAND", "birthcountry=99335", "birthplace=", "email=amadou@example.org",
			`amr=["fc" "pop" "pin"]`,
		}},
		{"standard, register not asked", claims.Standard, person(t, alone), []string{
			"given_name=Amadou Idrissa", "family_name=TRAORE", "birthdate=1958-01-01", "gender=male",
			"preferred_username=TRAORE-DURAND", "birthcountry=99335", "birthplace=", "email=amadou@example.org",
			`amr=["fc" "pop" "pin"]`, "idp_id=fip1", "idp_birthdate=1958-00-00",
		}},
		{
			"standard, day unknown, little known of the login", claims.Standard,
			claims.Person{Identity: person(t, alone, func(f *identity.Fields) { f.Birthdate, f.PreferredUsername = "1958-07-00", "" }).Identity},
			[]string{
				"given_name=Amadou Idrissa", "family_name=TRAORE", "birthdate=1958-07-01", "gender=male",
				"birthcountry=99335", "birthplace=", "email=amadou@example.org", "idp_birthdate=1958-07-00",
			},
		},
		{"nobody", claims.Plus, claims.Person{Methods: []string{"pin"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, plain(all(tt.profile).Userinfo(tt.who))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The order of the answer is the vocabulary's, whatever the order of the scopes.
func TestOrder(t *testing.T) {
	t.Parallel()
	// What FranceConnect+ answers to all basic scopes, sub and the protocol's own aside.
	want := []string{"given_name", "family_name", "birthdate", "gender", "preferred_username", "birthcountry", "birthplace", "email"}
	for _, scopes := range []string{
		"openid given_name family_name birthdate gender preferred_username birthcountry birthplace email",
		"email birthplace openid profile birthcountry", "openid email identite_pivot profile birth gender gender",
	} {
		s := claims.Select(claims.Request{Profile: claims.Plus, Scopes: strings.Fields(scopes)})
		if got := names(s.Userinfo(person(t))); !slices.Equal(got, want) {
			t.Errorf("%s: got %v", scopes, got)
		}
	}
}

func TestScopesGranted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		asked, want string
		anonymous   bool
	}{
		{"openid", "openid", true},
		{"openid openid", "openid", true},
		{"openid unknown", "openid", true},
		{"openid gender", "openid gender", false},
		{"gender openid gender", "openid gender", false},
		{"openid unknown gender address", "openid gender", false},
		{"openid dgfip_rfr", "openid dgfip_rfr", false},
		{"gender", "", false},
		{"", "", false},
		{"OPENID gender", "", false},
	}
	for _, tt := range tests {
		s := claims.Select(claims.Request{Profile: claims.Plus, Scopes: strings.Fields(tt.asked)})
		if got := strings.Join(s.Scopes(), " "); got != tt.want || s.Anonymous() != tt.anonymous {
			t.Errorf("%q: got %q, anonymous %v", tt.asked, got, s.Anonymous())
		}
		if tt.want == "openid" || tt.want == "" {
			if got := s.Userinfo(person(t)); got != nil || s.Groups() != nil {
				t.Errorf("%q: releases %v", tt.asked, plain(got))
			}
		}
	}
	none := claims.Select(claims.Request{Scopes: []string{"openid", "gender"}, Entitled: []string{"amr"}})
	if none.Scopes() != nil || none.Userinfo(person(t)) != nil || claims.Profile(0).Has("openid") || claims.Profile(9).Scopes() != nil {
		t.Error("a profile that is none releases something")
	}
}

// amr needs both: to be asked for, and the right to.
func TestMethods(t *testing.T) {
	t.Parallel()
	amr := []string{"amr"}
	tests := []struct {
		name              string
		scopes            string
		requested         []string
		entitled          []string
		idToken, userinfo bool
	}{
		{"asked in the ID token, entitled", "openid", claims.Requested(amr, nil), amr, true, false},
		{"asked in userinfo, entitled", "openid", claims.Requested(nil, amr), amr, false, true},
		{"asked by its scope, entitled", "openid amr", nil, amr, false, true},
		{"asked everywhere, entitled", "openid amr", claims.Requested(amr, amr), amr, true, true},
		{"asked everywhere, not entitled", "openid amr", claims.Requested(amr, amr), nil, false, false},
		{"asked everywhere, entitled to another", "openid amr", claims.Requested(amr, amr), []string{"email"}, false, false},
		{"entitled, not asked", "openid profile", nil, amr, false, false},
		{"without openid", "amr", claims.Requested(amr, amr), amr, false, false},
		{"without saying where", "openid", amr, amr, false, false},
	}
	who := person(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := claims.Select(claims.Request{
				Profile: claims.Plus, Scopes: strings.Fields(tt.scopes), Claims: tt.requested, Entitled: tt.entitled,
			})
			idToken := s.IDToken(who)
			if got := slices.Equal(plain(idToken), []string{`amr=["fc" "pop" "pin"]`}); got != tt.idToken || !got && idToken != nil {
				t.Errorf("ID token: %v", plain(idToken))
			}
			if got := slices.Contains(names(s.Userinfo(who)), "amr"); got != tt.userinfo {
				t.Errorf("userinfo: %v", plain(s.Userinfo(who)))
			}
			if got := strings.Contains(fmt.Sprint(s.Groups()), "amr"); got != (tt.idToken || tt.userinfo) {
				t.Errorf("the page says: %v", s.Groups())
			}
		})
	}
	s := claims.Select(claims.Request{Profile: claims.Plus, Scopes: []string{"openid", "amr"}, Claims: claims.Requested(amr, nil), Entitled: amr})
	if got := s.IDToken(claims.Person{Identity: who.Identity}); got != nil {
		t.Errorf("methods that are not known: %v", plain(got))
	}
}

func TestClaimsAskedOneByOne(t *testing.T) {
	t.Parallel()
	ask := func(entitled ...string) []string {
		s := claims.Select(claims.Request{
			Profile: claims.Plus, Scopes: []string{"openid", "gender"}, Entitled: entitled,
			Claims: claims.Requested([]string{"family_name"}, []string{"email", "idp_id", "sub", "iss", "unknown"}),
		})
		if s.Anonymous() || s.IDToken(person(t)) != nil {
			t.Error("anonymous, or identity in the ID token")
		}
		return names(s.Userinfo(person(t)))
	}
	if got := ask("email", "idp_id", "sub", "iss", "unknown", "family_name"); !slices.Equal(got, []string{"gender", "email"}) {
		t.Errorf("entitled: %v", got)
	}
	if got := ask(); !slices.Equal(got, []string{"gender"}) {
		t.Errorf("not entitled: %v", got)
	}
	one := claims.Select(claims.Request{
		Profile: claims.Plus, Scopes: []string{"openid"}, Claims: claims.Requested(nil, []string{"email"}), Entitled: []string{"email"},
	})
	if one.Anonymous() {
		t.Error("anonymous with an address")
	}
}

// What a caller changes in a result does not reach the tables, nor the person.
func TestImmutable(t *testing.T) {
	t.Parallel()
	request := claims.Request{
		Profile: claims.Standard, Scopes: []string{"openid", "given_name", "amr"},
		Claims: claims.Requested([]string{"amr"}, nil), Entitled: []string{"amr"},
	}
	s, who := claims.Select(request), person(t)
	before := plain(s.Userinfo(who))
	for _, c := range append(s.Userinfo(who), s.IDToken(who)...) {
		if c.List != nil {
			c.List[0] = "changed"
		}
	}
	s.Scopes()[0] = "changed"
	claims.Standard.Scopes()[1] = "changed"
	if got := plain(claims.Select(request).Userinfo(who)); !slices.Equal(got, before) || who.Methods[0] != "fc" {
		t.Errorf("got %v", got)
	}
}
