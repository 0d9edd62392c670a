package csca

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxCRL bounds a list; those of country signing authorities stay under 100 KiB.
// An entry takes at least 18 octets there and 24 in memory.
const maxCRL = 4 << 20

// clockSlack is how far ahead of us a signer's clock may be: signing times and
// updates are written in local time here and there.
const clockSlack = 24 * time.Hour

// Freshness is what the revocation lists given are worth for a path. Revocation
// itself is not a matter of policy, and is refused.
type Freshness uint8

// Freshness, from nothing to best.
const (
	Absent Freshness = iota // no list of the issuer
	Stale                   // only lists whose next update is past
	Fresh                   // a list of the issuer that is current
)

// String returns the stable name, as reports print it.
func (f Freshness) String() string {
	switch f {
	case Absent:
		return "absent"
	case Stale:
		return "stale"
	case Fresh:
		return "fresh"
	}
	return "unknown"
}

// CRL is a complete X.509 revocation list, version 2 (ICAO 9303-12 §7). It is
// immutable. Reading it says nothing about who signed it: [NewAnchors] does.
type CRL struct {
	id             [sha256.Size]byte
	tbs            []byte
	algorithm      []byte
	signature      []byte
	issuer         name
	thisUpdate     time.Time
	nextUpdate     time.Time
	authorityKeyID []byte
	serials        [][]byte // sorted
}

// ParseCRL reads one list of at most 4 MiB in DER. A delta, indirect or partial
// list is [UnsupportedCRL], any other critical extension [UnknownCritical]; the
// rest is [Malformed].
func ParseCRL(der []byte) (*CRL, error) {
	if len(der) > maxCRL {
		return nil, refuse(Malformed, fmt.Errorf("crl of %d octets", len(der)))
	}
	c := &CRL{id: sha256.Sum256(der)}
	var s signed
	if !readSigned(bytes.Clone(der), &s) {
		return nil, malformed("crl: frame")
	}
	c.tbs, c.algorithm, c.signature = s.tbs, s.algorithm, s.signature
	if err := c.readBody(s.body); err != nil {
		return nil, err
	}
	return c, nil
}

// readBody reads a TBSCertList, RFC 5280 §5.1:
//
//	version INTEGER v2, signature AlgorithmIdentifier, issuer Name, thisUpdate Time,
//	nextUpdate Time, revokedCertificates SEQUENCE OF Entry OPTIONAL,
//	crlExtensions [0] SEQUENCE OF Extension
func (c *CRL) readBody(s cryptobyte.String) error {
	var version int
	var alg, list cryptobyte.String
	if !s.ReadASN1Integer(&version) || version != 1 {
		return malformed("crl: version")
	}
	if !s.ReadASN1Element(&alg, asn1.SEQUENCE) || !bytes.Equal(alg, c.algorithm) {
		return malformed("crl: signature algorithm")
	}
	if !readName(&s, &c.issuer) {
		return malformed("crl: issuer")
	}
	// RFC 5280 §5.1.2.5 requires nextUpdate: without it nothing would ever be stale.
	if !readTime(&s, &c.thisUpdate) || !readTime(&s, &c.nextUpdate) || c.nextUpdate.Before(c.thisUpdate) {
		return malformed("crl: updates")
	}
	var present bool
	if !s.ReadOptionalASN1(&list, &present, asn1.SEQUENCE) {
		return malformed("crl: entries")
	}
	for !list.Empty() {
		if err := c.readEntry(&list); err != nil {
			return err
		}
	}
	slices.SortFunc(c.serials, bytes.Compare)
	if !s.ReadOptionalASN1(&list, &present, explicitTag(0)) || !s.Empty() {
		return malformed("crl: end")
	}
	if !present {
		return nil
	}
	return readExtensions(list, c.take)
}

// readEntry: SEQUENCE { userCertificate INTEGER, revocationDate Time,
// crlEntryExtensions SEQUENCE OF Extension OPTIONAL }. Whatever the date or the
// reason says, a serial on the list is revoked.
func (c *CRL) readEntry(s *cryptobyte.String) error {
	var seq cryptobyte.String
	var serial []byte
	var date time.Time
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !readSerial(&seq, &serial) || !readTime(&seq, &date) {
		return malformed("crl: entry")
	}
	c.serials = append(c.serials, serial)
	if seq.Empty() {
		return nil
	}
	return readExtensions(seq, func(e extension) error {
		// certificateIssuer is critical: it makes the list an indirect one (RFC 5280
		// §5.3.3).
		if e.critical {
			return refuse(UnsupportedCRL, fmt.Errorf("critical entry extension %x", string(e.id)))
		}
		return nil
	})
}

func (c *CRL) take(e extension) error {
	switch e.id {
	case oidDeltaCRL, oidIssuingPoint:
		return refuse(UnsupportedCRL, fmt.Errorf("extension %x", string(e.id)))
	case oidAuthorityKeyID:
		var x extensions
		if !x.takeAuthorityKeyID(e.value) {
			return malformed("crl: authority key identifier")
		}
		c.authorityKeyID = x.authorityKeyID
	case oidCRLNumber, oidIssuerAltName:
		// In the ICAO profile; no verdict needs them.
	default:
		if e.critical {
			return refuse(UnknownCritical, fmt.Errorf("crl: extension %x", string(e.id)))
		}
	}
	return nil
}

// ID returns the SHA-256 of the DER encoding.
func (c *CRL) ID() [sha256.Size]byte { return c.id }

// Issuer returns the issuer for people.
func (c *CRL) Issuer() string { return c.issuer.text }

// ThisUpdate returns when the list was issued.
func (c *CRL) ThisUpdate() time.Time { return c.thisUpdate }

// NextUpdate returns when the next list is due at the latest.
func (c *CRL) NextUpdate() time.Time { return c.nextUpdate }

// Len returns the number of entries.
func (c *CRL) Len() int { return len(c.serials) }

// Revoked reports whether the list has an entry for a serial number, given as the
// content octets of its INTEGER.
func (c *CRL) Revoked(serial []byte) bool {
	_, found := slices.BinarySearchFunc(c.serials, serial, bytes.Compare)
	return found
}

// String names the list for reports.
func (c *CRL) String() string {
	return fmt.Sprintf("crl of %s (%s, sha256 %x)", c.issuer.text, c.thisUpdate.UTC().Format(time.DateOnly), c.id[:4])
}

// current reports whether the list may be relied upon at now.
func (c *CRL) current(now time.Time) bool {
	return !c.thisUpdate.After(now.Add(clockSlack)) && !c.nextUpdate.Before(now)
}

// signedBy verifies the list under key.
func (c *CRL) signedBy(key PublicKey) error {
	alg, err := ParseSignatureAlgorithm(c.algorithm, 0)
	if err != nil {
		return err
	}
	return key.Verify(alg, c.tbs, c.signature)
}
