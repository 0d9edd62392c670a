package cardsim

import (
	"fmt"
	"slices"
	"strings"
)

// Persona is a row of the table of cards: who holds it, what is wrong with it, and how it has to end.
type Persona struct {
	Name    string
	Profile string // one of Profiles
	Citizen string // key of one of Citizens
	CAN     string // what the holder types: six digits
	Fault   Fault
	// Expect is the reason for which the card is refused, empty when it is accepted. The server's reasons are those
	// of its verifier; the reader's are can-wrong, can-blocked, card-removed, card-mute, not-identity-card and
	// card-fault.
	Expect string
	Doc    string // one line
}

// The reader's reasons.
const (
	canWrong   = "can-wrong"
	canBlocked = "can-blocked"
	removed    = "card-removed"
	mute       = "card-mute"
	notOurs    = "not-identity-card"
	cardFault  = "card-fault"
)

// The reasons of the server's verifier.
const (
	malformed       = "malformed-evidence"
	noSigner        = "no-signer-certificate"
	dg14Hidden      = "chip-authentication-hidden"
	hashMismatch    = "dg-hash-mismatch"
	notGenuine      = "chip-not-genuine"
	accessMismatch  = "card-access-mismatch"
	badChipKey      = "bad-chip-key"
	unknownIssuer   = "unknown-issuer"
	countryMismatch = "country-mismatch"
	dsExpired       = "ds-expired-at-signing"
	dsNotYetValid   = "ds-not-yet-valid"
	dsRevoked       = "ds-revoked"
	weakDigest      = "weak-digest"
	weakKey         = "weak-key"
	unsupportedKey  = "unsupported-key"
	documentExpired = "document-expired"
)

// Personas returns the table of cards: first the genuine ones, the default named "genuine" (CAN 123456) before all
// others, then the bad ones by kind.
func Personas() []Persona {
	return slices.Concat(
		genuinePersonas(), forgedPersonas(), signedPersonas(), objectPersonas(), accessPersonas(), transportPersonas(),
		malformedPersonas(), pointPersonas(),
	)
}

// FindPersona returns the persona of a name. The error for one that is not in the table lists those that are.
func FindPersona(name string) (Persona, error) {
	var names []string
	for _, p := range Personas() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Persona{}, fmt.Errorf("cardsim: unknown persona %q; known: %s", name, strings.Join(names, ", "))
}

func effectOf(f Fault) (effect, error) {
	all := effects()
	if e, ok := all[f]; ok {
		return e, nil
	}
	return effect{}, fmt.Errorf("cardsim: unknown fault %q", f)
}

// faulty is Hélène Dupont's card of 2021 with a fault of the persona's name.
func faulty(name, expect, doc string) Persona {
	return Persona{
		Name: name, Profile: "cnie-2021", Citizen: "helene", CAN: "123456", Fault: Fault(name), Expect: expect, Doc: doc,
	}
}

// held is a genuine card of 2021 of another citizen.
func held(name, citizenKey, doc string) Persona {
	p := Persona{Name: name, Profile: "cnie-2021", Citizen: citizenKey, Doc: doc}
	for _, c := range Citizens() {
		if c.Key == citizenKey {
			p.CAN = c.CAN
		}
	}
	return p
}

func genuinePersonas() []Persona {
	gm := held("cnie-gm", "jean-baptiste", "a genuine card that speaks the generic mapping alone and has a master file")
	gm.Profile = "cnie-gm"
	foreign := held("foreign", "anna", "a genuine card of another State: brainpoolP384r1, signed by ECDSA")
	foreign.Profile = "foreign-p384"
	return []Persona{
		held("genuine", "helene", "a genuine French card, the default: CAN 123456"),
		gm,
		foreign,
		held("compound-name", "jean-baptiste", "compound surname and compound first name"),
		held("apostrophes", "noel", "apostrophes, diaeresis and cedilla in the name"),
		held("truncated-name", "antoinette", "a name longer than the MRZ holds"),
		held("ligatures", "laetitia", "ligatures in the name, a y with diaeresis in the place of birth"),
		held("minor-valid-5y", "zoe", "a minor, whose card is valid for five years"),
		held("unknown-sex", "alix", "sex not specified"),
		held("one-letter-name", "ange-o", "a surname of one letter"),
		held("corsica-2a", "ange", "born in Ajaccio: department 2A"),
		held("corsica-2b", "letizia", "born in Bastia: department 2B"),
		held("reunion", "marie-therese", "born in Saint-Denis: department 974"),
		held("polynesia", "teva", "born in Papeete: 987"),
		held("guiana", "loic", "born in Cayenne: 973; apostrophe and hyphens"),
		held("new-caledonia", "jeanne", "born in Nouméa: 988"),
		held("born-abroad", "nadia", "born in Alger before its independence was a year old"),
		held("no-first-name", "suhartati", "a surname and no given name"),
		held("partial-birth-date", "amadou", "only the year of birth is known"),
		held("unknown-birth-day", "thi-hoa", "the day of birth is not known"),
	}
}
