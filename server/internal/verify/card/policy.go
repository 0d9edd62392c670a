package card

import (
	"errors"
	"slices"

	"pivot/server/internal/verify/csca"
)

// Policy is what a deployment accepts. Its zero value accepts nothing.
type Policy struct {
	// Anchors are the pinned country signing authorities and their revocation lists.
	Anchors *csca.Anchors
	// Issuers are the documents accepted; none other is, whoever signed it.
	Issuers []Issuer
	// InsecureWithoutFreshCRL accepts a signer for which no current revocation list is at hand. A list that is
	// there and names the signer refuses it all the same. Defensible for a diagnosis on one's own computer, or
	// for days in which the State publishes none.
	InsecureWithoutFreshCRL bool
}

// Issuer is one row of the documents accepted: the State as the MRZ writes it, the country of its signers'
// certificates, and the document codes.
type Issuer struct {
	State   string   // issuing State of the MRZ, ICAO 9303-3 §5, e.g. "FRA"
	Country string   // countryName of CSCA and signer, ISO 3166-1 alpha-2, e.g. "FR"
	Codes   []string // document codes of the MRZ without fillers, e.g. "ID"
}

var errNoAnchors = errors.New("card: a policy without trust anchors judges nothing")

func (p Policy) valid() error {
	if p.Anchors == nil {
		return errNoAnchors
	}
	return nil
}

// accepts finds the row of a document. The second result tells a document of no accepted kind from one whose
// signer belongs to another State.
func accepts(issuers []Issuer, state, code, country string) (Reason, bool) {
	reason := ReasonNotAccepted
	for _, row := range issuers {
		if row.State != state || !slices.Contains(row.Codes, code) {
			continue
		}
		if row.Country == country {
			return "", true
		}
		reason = ReasonIssuerMismatch
	}
	return reason, false
}
