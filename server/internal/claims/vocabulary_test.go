package claims_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/claims"
)

var profiles = []claims.Profile{claims.Plus, claims.Standard}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	token := regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	for _, p := range profiles {
		scopes, names := p.Scopes(), p.Claims()
		if scopes[0] != "openid" || names[0] != "sub" {
			t.Errorf("profile %d begins with %s and %s", p, scopes[0], names[0])
		}
		for _, list := range [][]string{scopes, names} {
			if sorted := slices.Compact(slices.Sorted(slices.Values(list))); len(sorted) != len(list) {
				t.Errorf("profile %d lists something twice", p)
			}
			for _, name := range list {
				if !token.MatchString(name) {
					t.Errorf("profile %d: %q", p, name)
				}
			}
		}
		for _, s := range scopes {
			if !p.Has(s) {
				t.Errorf("profile %d lists %s and does not know it", p, s)
			}
		}
		for _, gone := range []string{"address", "phone", "phone_number", "offline_access", "", "sub", "openid "} {
			if slices.Contains(scopes, gone) || p.Has(gone) {
				t.Errorf("profile %d knows %q", p, gone)
			}
		}
	}
}

// Every claim that a profile knows can be asked for by a scope, and is named to
// people in both languages.
func TestVocabularyIsWhole(t *testing.T) {
	t.Parallel()
	for _, p := range profiles {
		s := claims.Select(claims.Request{Profile: p, Scopes: p.Scopes(), Entitled: []string{"amr"}})
		var shown []string
		for _, g := range s.Groups() {
			if g.Source == "" || g.French == "" || g.English == "" {
				t.Errorf("a source without a name: %+v", g)
			}
			var labels []string
			for _, l := range g.Labels {
				shown = append(shown, l.Claim)
				labels = append(labels, l.French, l.English)
				if l.French == "" || l.English == "" || strings.HasSuffix(l.French+l.English, ".") {
					t.Errorf("%s: %q, %q", l.Claim, l.French, l.English)
				}
				if strings.ContainsRune(l.French, '\'') || strings.ContainsRune(l.English, '\'') {
					t.Errorf("%s: a typewriter's apostrophe", l.Claim)
				}
			}
			french := make(map[string]bool)
			for i := 0; i < len(labels); i += 2 {
				if french[labels[i]] {
					t.Errorf("%s: %q twice", g.Source, labels[i])
				}
				french[labels[i]] = true
			}
		}
		for _, name := range p.Claims()[1:] {
			if !slices.Contains(shown, name) && !strings.HasSuffix(name, "given_name_array") {
				t.Errorf("profile %d: no scope leads to %s", p, name)
			}
		}
		if len(shown) != len(p.Claims())-2 { // sub, and a list that goes by the name of its text
			t.Errorf("profile %d: %d labels for %d claims", p, len(shown), len(p.Claims()))
		}
	}
}

// Who has which data: the providers of each product.
func TestDataProviders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source         string
		plus, standard int
		sample         string
	}{
		{"dgfip", 43, 43, "dgfip_RevNets_Cat5_NonSal"},
		{"cnam", 8, 8, "droits_assurance_maladie"},
		{"cnous", 7, 7, "cnous_ville_etudes"},
		{"cnaf", 0, 10, "revenu_solidarite_active_majoration"},
		{"mesri", 0, 6, "mesri_admission_etablissement_etude"},
		{"mi", 0, 1, "mi_siv_carte_grise"},
		{"ft", 0, 2, "api_fc-liste-paiementsv1"},
		{"dss", 0, 1, "complementaire_sante_solidaire"},
		{"dsnj", 0, 1, "dsnj_statut_service_national"},
		{"ants", 0, 5, "ants_extrait_immatriculation_vehicule_adresse_particulier"},
		{"asc", 0, 2, "gip_mds_service_civique_dates"},
	}
	for _, tt := range tests {
		for profile, want := range map[claims.Profile]int{claims.Plus: tt.plus, claims.Standard: tt.standard} {
			s := claims.Select(claims.Request{Profile: profile, Scopes: profile.Scopes()})
			got := 0
			for _, g := range s.Groups() {
				if g.Source == tt.source {
					got = len(g.Labels)
				}
			}
			if got != want || profile.Has(tt.sample) != (want > 0) {
				t.Errorf("%s, profile %d: %d claims, want %d; knows %s: %v", tt.source, profile, got, want, tt.sample, profile.Has(tt.sample))
			}
		}
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	s := claims.Select(claims.Request{
		Profile: claims.Plus, Scopes: []string{"openid", "cnam_caisse", "rnipp_given_name", "email", "dgfip_rfr"},
	})
	want := []claims.Group{
		{Source: "identity", French: "Votre identité", English: "Your identity", Labels: []claims.Label{
			{Claim: "given_name", French: "Prénoms", English: "Given names"},
			{Claim: "email", French: "Adresse électronique", English: "Email address"},
		}},
		{
			Source: "rnipp", French: "Registre national d’identification (RNIPP)", English: "National civil register (RNIPP)",
			Labels: []claims.Label{{Claim: "rnipp_given_name", French: "Prénoms", English: "Given names"}},
		},
		{
			Source: "dgfip", French: "Direction générale des Finances publiques", English: "Tax administration (DGFiP)",
			Labels: []claims.Label{{Claim: "dgfip_rfr", French: "Revenu fiscal de référence", English: "Reference tax income"}},
		},
		{
			Source: "cnam", French: "Assurance maladie", English: "Health insurance (CNAM)",
			Labels: []claims.Label{{Claim: "cnam_caisse", French: "Caisse de rattachement", English: "Insurance office"}},
		},
	}
	if got := s.Groups(); !slices.EqualFunc(got, want, equalGroups) {
		t.Errorf("got %+v", got)
	}
}

func equalGroups(a, b claims.Group) bool {
	return a.Source == b.Source && a.French == b.French && a.English == b.English && slices.Equal(a.Labels, b.Labels)
}

// FuzzSelect: whatever is asked, nothing comes out that no known scope and no
// right explains.
func FuzzSelect(f *testing.F) {
	f.Add("openid profile birth email", "id_token.amr userinfo.email", "amr email", true)
	f.Add("openid rnipp_identite_pivot", "", "", true)
	f.Add("openid openid unknown dgfip_rfr", "amr", "amr", false)
	f.Add("openid", "userinfo.sub userinfo.amr", "sub amr", false)
	f.Fuzz(func(t *testing.T, scopes, requested, entitled string, plus bool) {
		profile := claims.Standard
		if plus {
			profile = claims.Plus
		}
		r := claims.Request{
			Profile: profile, Scopes: strings.Fields(scopes), Claims: strings.Fields(requested), Entitled: strings.Fields(entitled),
		}
		s := claims.Select(r)
		explained := make(map[string]bool)
		for _, scope := range r.Scopes {
			alone := claims.Select(claims.Request{Profile: profile, Scopes: []string{"openid", scope}, Entitled: r.Entitled})
			for _, c := range alone.Userinfo(person(t)) {
				explained[c.Name] = true
			}
		}
		for _, c := range s.Userinfo(person(t)) {
			asked := slices.Contains(r.Claims, "userinfo."+c.Name) && slices.Contains(r.Entitled, c.Name)
			if !explained[c.Name] && !asked {
				t.Fatalf("%s, which nobody asked for", c.Name)
			}
			if c.Name == "sub" || c.Name == "amr" && !slices.Contains(r.Entitled, "amr") || !slices.Contains(profile.Claims(), c.Name) {
				t.Fatalf("%s, which is nobody's to have", c.Name)
			}
		}
		if (s.Anonymous() || !slices.Contains(r.Scopes, "openid")) && s.Userinfo(person(t)) != nil {
			t.Fatal("a value in an anonymous connection, or without openid")
		}
		for _, scope := range s.Scopes() {
			if !slices.Contains(r.Scopes, scope) || !profile.Has(scope) {
				t.Fatalf("scope %s granted", scope)
			}
		}
	})
}

func BenchmarkSelect(b *testing.B) {
	r := claims.Request{Profile: claims.Plus, Scopes: strings.Fields("openid profile birth email rnipp_identite_pivot dgfip_rfr"), Entitled: []string{"amr"}}
	who := person(b)
	for b.Loop() {
		claims.Select(r).Userinfo(who)
	}
}
