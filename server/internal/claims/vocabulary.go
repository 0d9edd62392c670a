package claims

import "slices"

// source is who holds the values of some claims.
type source struct {
	id, french, english string
}

// Sources of identity; the others are data providers.
const (
	fromIdentity = "identity"
	fromRegister = "rnipp"
)

// sources in the order in which people read them.
func sources() []source {
	return []source{
		{fromIdentity, "Votre identité", "Your identity"},
		{fromRegister, "Registre national d’identification (RNIPP)", "National civil register (RNIPP)"},
		{"dgfip", "Direction générale des Finances publiques", "Tax administration (DGFiP)"},
		{"cnam", "Assurance maladie", "Health insurance (CNAM)"},
		{"cnous", "Bourses étudiantes (Cnous)", "Student grants (Cnous)"},
		{"cnaf", "Allocations familiales et MSA", "Family benefits (CNAF and MSA)"},
		{"mesri", "Enseignement supérieur et recherche", "Higher education and research"},
		{"mi", "Ministère de l’Intérieur", "Ministry of the Interior"},
		{"ft", "France Travail", "France Travail (employment)"},
		{"dss", "Direction de la Sécurité sociale", "Social security administration"},
		{"dsnj", "Direction du service national et de la jeunesse", "National service administration"},
		{"ants", "France Titres (ANTS)", "France Titres (ANTS)"},
		{"asc", "Agence du service civique", "Civic service agency"},
	}
}

// claim is one row of the vocabulary.
type claim struct {
	name, source    string
	french, english string
	profiles        []Profile
}

func (c claim) in(p Profile) bool { return slices.Contains(c.profiles, p) }

// data reports whether a data provider holds the value: such a claim is a scope
// of its own name too, and is never in an answer of ours.
func (c claim) data() bool { return c.source != fromIdentity && c.source != fromRegister }

// vocabulary is every claim, in the order in which answers and pages list them.
// It is a table: nothing writes to it.
var vocabulary = slices.Concat(
	identityClaims(), registerClaims(),
	from("dgfip", taxClaims(), Plus, Standard),
	from("cnam", healthClaims(), Plus, Standard),
	from("cnous", grantClaims(), Plus, Standard),
	from("cnaf", benefitClaims(), Standard),
	from("mesri", studyClaims(), Standard),
	otherClaims(),
)

// from says whose a list of claims is.
func from(source string, rows []claim, profiles ...Profile) []claim {
	for i := range rows {
		rows[i].source, rows[i].profiles = source, profiles
	}
	return rows
}

func identityClaims() []claim {
	both := []Profile{Plus, Standard}
	low := []Profile{Standard}
	return []claim{
		{"given_name", fromIdentity, "Prénoms", "Given names", both},
		{"given_name_array", fromIdentity, "Prénoms", "Given names", low},
		{"family_name", fromIdentity, "Nom de naissance", "Name at birth", both},
		{"birthdate", fromIdentity, "Date de naissance", "Date of birth", both},
		{"gender", fromIdentity, "Sexe", "Sex", both},
		{"preferred_username", fromIdentity, "Nom d’usage", "Name in use", both},
		{"birthcountry", fromIdentity, "Pays de naissance", "Country of birth", both},
		{"birthplace", fromIdentity, "Lieu de naissance", "Place of birth", both},
		{"email", fromIdentity, "Adresse électronique", "Email address", both},
		{"amr", fromIdentity, "Moyens d’authentification utilisés", "How you signed in", both},
		{"idp_id", fromIdentity, "Compte utilisé pour vous connecter", "Account used to sign in", low},
		{"idp_birthdate", fromIdentity, "Date de naissance selon le compte utilisé", "Date of birth as your account has it", low},
	}
}

func registerClaims() []claim {
	return from(fromRegister, []claim{
		{name: "rnipp_given_name", french: "Prénoms", english: "Given names"},
		{name: "rnipp_given_name_array", french: "Prénoms", english: "Given names"},
		{name: "rnipp_family_name", french: "Nom de naissance", english: "Name at birth"},
		{name: "rnipp_birthdate", french: "Date de naissance", english: "Date of birth"},
		{name: "rnipp_gender", french: "Sexe", english: "Sex"},
		{name: "rnipp_birthcountry", french: "Pays de naissance", english: "Country of birth"},
		{name: "rnipp_birthplace", french: "Lieu de naissance", english: "Place of birth"},
	}, Plus)
}

// taxClaims keeps the spelling of the tax administration, capitals included.
func taxClaims() []claim {
	return []claim{
		{name: "dgfip_rfr", french: "Revenu fiscal de référence", english: "Reference tax income"},
		{name: "dgfip_annee_n_moins_1", french: "Données fiscales de la dernière année", english: "Tax data of last year"},
		{name: "dgfip_annee_n_moins_2", french: "Données fiscales de l’avant-dernière année", english: "Tax data of the year before last"},
		{name: "dgfip_annee_n_moins_3", french: "Données fiscales d’il y a trois ans", english: "Tax data of three years ago"},
		{name: "dgfip_nbpart", french: "Nombre de parts du foyer fiscal", english: "Number of shares of the tax household"},
		{name: "dgfip_sitfam", french: "Situation familiale", english: "Family situation"},
		{name: "dgfip_aft", french: "Adresse fiscale de taxation", english: "Address for taxation"},
		{name: "dgfip_nbpac", french: "Nombre de personnes à charge", english: "Number of dependants"},
		{name: "dgfip_inddeficit", french: "Existence d’un déficit", english: "Whether there is a deficit"},
		{name: "dgfip_pariso", french: "Situation de parent isolé", english: "Lone parent"},
		{name: "dgfip_decl", french: "Déclarants du foyer fiscal", english: "Declarants of the tax household"},
		{name: "dgfip_pac", french: "Détail des personnes à charge", english: "Dependants in detail"},
		{name: "dgfip_pac_nbPac", french: "Nombre de personnes à charge par catégorie", english: "Number of dependants by category"},
		{name: "dgfip_locaux_th", french: "Locaux soumis à la taxe d’habitation", english: "Premises under housing tax"},
		{name: "dgfip_locaux_th_ident", french: "Identification des locaux", english: "Premises: identification"},
		{name: "dgfip_locaux_th_Nat", french: "Nature des locaux", english: "Premises: nature"},
		{name: "dgfip_locaux_th_Tax", french: "Régime d’imposition des locaux", english: "Premises: taxation"},
		{name: "dgfip_locaux_th_Aff", french: "Affectation des locaux", english: "Premises: use"},
		{name: "dgfip_nmUsaDec1", french: "Nom d’usage du déclarant 1", english: "Name in use of declarant 1"},
		{name: "dgfip_nmNaiDec1", french: "Nom de naissance du déclarant 1", english: "Name at birth of declarant 1"},
		{name: "dgfip_prnmDec1", french: "Prénoms du déclarant 1", english: "Given names of declarant 1"},
		{name: "dgfip_dateNaisDec1", french: "Date de naissance du déclarant 1", english: "Date of birth of declarant 1"},
		{name: "dgfip_nmUsaDec2", french: "Nom d’usage du déclarant 2", english: "Name in use of declarant 2"},
		{name: "dgfip_nmNaiDec2", french: "Nom de naissance du déclarant 2", english: "Name at birth of declarant 2"},
		{name: "dgfip_prnmDec2", french: "Prénoms du déclarant 2", english: "Given names of declarant 2"},
		{name: "dgfip_dateNaisDec2", french: "Date de naissance du déclarant 2", english: "Date of birth of declarant 2"},
		{name: "dgfip_mntRevbareme", french: "Revenus soumis au barème", english: "Income taxed by brackets"},
		{name: "dgfip_indiIFI", french: "Assujettissement à l’impôt sur la fortune immobilière", english: "Liability to the property wealth tax"},
		{name: "dgfip_RevDecl_Cat1_Tspr", french: "Traitements, salaires et pensions déclarés", english: "Declared wages and pensions"},
		{name: "dgfip_RevDecl_Cat1_RentOn", french: "Rentes viagères déclarées", english: "Declared life annuities"},
		{name: "dgfip_RevDecl_Cat2_Rcm", french: "Revenus de capitaux mobiliers déclarés", english: "Declared investment income"},
		{name: "dgfip_RevDecl_Cat3_PMV", french: "Plus-values et moins-values déclarées", english: "Declared capital gains and losses"},
		{name: "dgfip_RevDecl_Cat4_Ref", french: "Revenus fonciers déclarés", english: "Declared property income"},
		{name: "dgfip_RevDecl_Cat5_NonSal", french: "Revenus non salariés déclarés", english: "Declared self-employment income"},
		{name: "dgfip_RevNets_Cat1_Tspr", french: "Traitements, salaires et pensions nets", english: "Net wages and pensions"},
		{name: "dgfip_RevNets_Cat1_RentOn", french: "Rentes viagères nettes", english: "Net life annuities"},
		{name: "dgfip_RevNets_Cat2_Rcm", french: "Revenus de capitaux mobiliers nets", english: "Net investment income"},
		{name: "dgfip_RevNets_Cat3_PMV", french: "Plus-values et moins-values nettes", english: "Net capital gains and losses"},
		{name: "dgfip_RevNets_Cat4_Ref", french: "Revenus fonciers nets", english: "Net property income"},
		{name: "dgfip_RevNets_Cat5_NonSal", french: "Revenus non salariés nets", english: "Net self-employment income"},
		{name: "dgfip_PaDeduc_EnfMaj", french: "Pensions versées à des enfants majeurs", english: "Support paid to adult children"},
		{name: "dgfip_PaDeduc_Autres", french: "Autres pensions alimentaires versées", english: "Other support paid"},
		{name: "dgfip_EpargRetrDeduc", french: "Épargne retraite déduite", english: "Deducted retirement savings"},
	}
}

func healthClaims() []claim {
	return []claim{
		{name: "droits_assurance_maladie", french: "Droits à l’assurance maladie", english: "Health insurance rights"},
		{name: "cnam_beneficiaires", french: "Bénéficiaires rattachés", english: "Persons covered"},
		{name: "cnam_contrats", french: "Contrats de complémentaire santé", english: "Supplementary contracts"},
		{name: "cnam_caisse", french: "Caisse de rattachement", english: "Insurance office"},
		{name: "cnam_exonerations", french: "Exonérations", english: "Exemptions"},
		{name: "cnam_medecin_traitant", french: "Médecin traitant", english: "Attending physician"},
		{name: "cnam_presence_medecin_traitant", french: "Existence d’un médecin traitant déclaré", english: "Whether an attending physician is declared"},
		{name: "cnam_paiements_ij", french: "Paiements d’indemnités journalières", english: "Daily allowance payments"},
	}
}

func grantClaims() []claim {
	return []claim{
		{name: "cnous_statut_boursier", french: "Statut de boursier", english: "Grant holder status"},
		{name: "cnous_echelon_bourse", french: "Échelon de la bourse", english: "Grant step"},
		{name: "cnous_email", french: "Adresse électronique d’étudiant", english: "Student email address"},
		{name: "cnous_periode_versement", french: "Période de versement", english: "Payment period"},
		{name: "cnous_statut_bourse", french: "Statut de la bourse", english: "State of the grant"},
		{name: "cnous_ville_etudes", french: "Ville et établissement d’études", english: "City and institution of study"},
		{name: "cnous_identite", french: "Identité d’étudiant", english: "Student identity"},
	}
}

func benefitClaims() []claim {
	return []claim{
		{name: "allocation_adulte_handicape", french: "Allocation aux adultes handicapés", english: "Disabled adult allowance"},
		{name: "allocation_soutien_familial", french: "Allocation de soutien familial", english: "Family support allowance"},
		{name: "prime_activite", french: "Prime d’activité", english: "Activity bonus"},
		{name: "prime_activite_majoration", french: "Majoration de la prime d’activité", english: "Increased activity bonus"},
		{name: "revenu_solidarite_active", french: "Revenu de solidarité active", english: "Solidarity income"},
		{name: "revenu_solidarite_active_majoration", french: "Majoration du revenu de solidarité active", english: "Increased solidarity income"},
		{name: "cnaf_quotient_familial", french: "Quotient familial", english: "Family quotient"},
		{name: "cnaf_allocataires", french: "Allocataires", english: "Benefit recipients"},
		{name: "cnaf_enfants", french: "Enfants à charge", english: "Dependent children"},
		{name: "cnaf_adresse", french: "Adresse connue de la caisse", english: "Address known to the office"},
	}
}

func studyClaims() []claim {
	return []claim{
		{name: "mesri_identite", french: "Identité d’étudiant", english: "Student identity"},
		{name: "mesri_admissions", french: "Admissions et inscriptions", english: "Admissions and enrolments"},
		{name: "mesri_admission_inscrit", french: "État de l’inscription", english: "State of the enrolment"},
		{name: "mesri_admission_regime_formation", french: "Régime de formation", english: "Kind of training"},
		{name: "mesri_admission_commune_etudes", french: "Commune d’études", english: "Town of study"},
		{name: "mesri_admission_etablissement_etude", french: "Établissement d’études", english: "Institution of study"},
	}
}

// otherClaims are those of the data providers that have few.
func otherClaims() []claim {
	const vehicle = "ants_extrait_immatriculation_vehicule_"
	return slices.Concat(
		from("mi", []claim{{name: "mi_siv_carte_grise", french: "Certificat d’immatriculation", english: "Vehicle registration certificate"}}, Standard),
		from("ft", []claim{
			{name: "api_fc-liste-paiementsv1", french: "Paiements de France Travail", english: "Payments by France Travail"},
			{name: "api_fc-statutaugmentev1", french: "Situation de demandeur d’emploi", english: "Job seeker status"},
		}, Standard),
		from("dss", []claim{{name: "complementaire_sante_solidaire", french: "Complémentaire santé solidaire", english: "Solidarity supplementary health cover"}}, Standard),
		from("dsnj", []claim{{name: "dsnj_statut_service_national", french: "Situation au regard du service national", english: "National service status"}}, Standard),
		from("ants", []claim{
			{name: vehicle + "identite_particulier", french: "Identité du titulaire du véhicule", english: "Identity of the vehicle’s holder"},
			{name: vehicle + "adresse_particulier", french: "Adresse du titulaire du véhicule", english: "Address of the vehicle’s holder"},
			{name: vehicle + "statut_rattachement", french: "Lien du titulaire avec le véhicule", english: "The holder’s link to the vehicle"},
			{name: vehicle + "donnees_immatriculation_vehicule", french: "Immatriculation du véhicule", english: "Vehicle registration"},
			{name: vehicle + "caracteristiques_techniques_vehicule", french: "Caractéristiques techniques du véhicule", english: "Technical features of the vehicle"},
		}, Standard),
		from("asc", []claim{
			{name: "gip_mds_service_civique_statut_passe", french: "Service civique accompli", english: "Past civic service"},
			{name: "gip_mds_service_civique_dates", french: "Dates du service civique", english: "Dates of the civic service"},
		}, Standard),
	)
}
