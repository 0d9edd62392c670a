package claims_test

import (
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/claims"
)

// dataScopes is the table of franceconnect.md 2.2, written once more: a scope, and a claim of the same name.
func dataScopes() map[string][]string {
	with := func(prefix string, names ...string) []string {
		for i := range names {
			names[i] = prefix + names[i]
		}
		return names
	}
	categories := []string{"Cat1_Tspr", "Cat1_RentOn", "Cat2_Rcm", "Cat3_PMV", "Cat4_Ref", "Cat5_NonSal"}
	return map[string][]string{
		"dgfip": slices.Concat(
			with("dgfip_", "rfr", "annee_n_moins_1", "annee_n_moins_2", "annee_n_moins_3", "nbpart", "sitfam", "aft", "nbpac", "inddeficit",
				"pariso", "decl", "pac", "pac_nbPac", "locaux_th", "locaux_th_ident", "locaux_th_Nat", "locaux_th_Tax", "locaux_th_Aff",
				"nmUsaDec1", "nmNaiDec1", "prnmDec1", "dateNaisDec1", "nmUsaDec2", "nmNaiDec2", "prnmDec2", "dateNaisDec2",
				"mntRevbareme", "indiIFI", "PaDeduc_EnfMaj", "PaDeduc_Autres", "EpargRetrDeduc"),
			with("dgfip_RevDecl_", slices.Clone(categories)...), with("dgfip_RevNets_", slices.Clone(categories)...)),
		"cnam": append([]string{"droits_assurance_maladie"}, with("cnam_", "beneficiaires", "contrats", "caisse", "exonerations", "medecin_traitant",
			"presence_medecin_traitant", "paiements_ij")...),
		"cnous": with("cnous_", "statut_boursier", "echelon_bourse", "email", "periode_versement", "statut_bourse", "ville_etudes", "identite"),
		"cnaf": {
			"allocation_adulte_handicape", "allocation_soutien_familial", "prime_activite", "prime_activite_majoration", "revenu_solidarite_active",
			"revenu_solidarite_active_majoration", "cnaf_quotient_familial", "cnaf_allocataires", "cnaf_enfants", "cnaf_adresse",
		},
		"mesri": with("mesri_", "identite", "admissions", "admission_inscrit", "admission_regime_formation", "admission_commune_etudes", "admission_etablissement_etude"),
		"mi":    {"mi_siv_carte_grise"},
		"ft":    {"api_fc-liste-paiementsv1", "api_fc-statutaugmentev1"},
		"dss":   {"complementaire_sante_solidaire"},
		"dsnj":  {"dsnj_statut_service_national"},
		"asc":   {"gip_mds_service_civique_statut_passe", "gip_mds_service_civique_dates"},
	}
}

// TestB5DataScopes: each data scope of section 2.2 is a right that the page names under its provider, and that userinfo has no
// value for; it carries nothing of the identity. What FranceConnect+ does not have counts for nothing there.
func TestB5DataScopes(t *testing.T) {
	t.Parallel()
	high := []string{"dgfip", "cnam", "cnous"}
	for source, scopes := range dataScopes() {
		for _, scope := range scopes {
			for _, profile := range []claims.Profile{claims.Plus, claims.Standard} {
				known := profile == claims.Standard || slices.Contains(high, source)
				s := claims.Select(claims.Request{Profile: profile, Scopes: []string{"openid", scope}})
				if profile.Has(scope) != known || slices.Contains(s.Scopes(), scope) != known || slices.Contains(profile.Claims(), scope) != known || s.Anonymous() == known {
					t.Errorf("profile %d knows %s: %v", profile, scope, !known)
				}
				if released := s.Userinfo(person(t)); len(released) != 0 {
					t.Errorf("%s releases %v", scope, names(released))
				}
				groups := s.Groups()
				if known && (len(groups) != 1 || groups[0].Source != source || len(groups[0].Labels) != 1 || groups[0].Labels[0].Claim != scope) {
					t.Errorf("%s is shown as %+v", scope, groups)
				}
				if !known && len(groups) != 0 {
					t.Errorf("%s, which does not exist, is shown as %+v", scope, groups)
				}
			}
		}
	}
	for _, scope := range claims.Standard.Scopes() { // and there is no other
		if strings.HasPrefix(scope, "dgfip_") && !slices.Contains(dataScopes()["dgfip"], scope) {
			t.Errorf("%s is in no table", scope)
		}
	}
}
