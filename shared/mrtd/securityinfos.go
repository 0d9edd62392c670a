package mrtd

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"pivot/shared/brainpool"
	"pivot/shared/sm"
)

// Bounds of EF.CardAccess and DG14. Issued files stay under 1 KiB and ten infos.
const (
	maxSecurityInfosFile = 8 << 10
	maxSecurityInfos     = 64
	maxInfoParts         = 8
	tagDG14              = 0x6E
)

// Object identifiers under bsi-de (TR-03110-3 A.1.1) and icao-mrtd-security.
const (
	oidChipKey    = "0.4.0.127.0.7.2.2.1."
	oidTerminal   = "0.4.0.127.0.7.2.2.2"
	oidChipAuth   = "0.4.0.127.0.7.2.2.3."
	oidPACE       = "0.4.0.127.0.7.2.2.4."
	oidActiveAuth = "2.23.136.1.1.5"
)

// errInfo says that a SecurityInfo of a kind that is read here has not its
// structure.
var errInfo = errors.New("malformed security info")

// SecurityInfos are the security options of a chip, in the order of the file
// (ICAO 9303-11 §9.2). Infos of a kind that is not named here are kept for
// [SecurityInfos.Contains] and otherwise ignored.
type SecurityInfos struct {
	PACE         []PACEInfo
	ChipAuth     []ChipAuthInfo
	ChipKeys     []ChipKey
	ActiveAuth   string // signature algorithm OID of an ActiveAuthenticationInfo, or empty
	TerminalAuth int    // version of a TerminalAuthenticationInfo, or zero
	raw          []securityInfo
}

type securityInfo struct {
	oid string
	der []byte
}

// Mapping is the way in which PACE maps its nonce (ICAO 9303-11 §4.4.3.3).
type Mapping uint8

// The mappings of PACE.
const (
	GenericMapping Mapping = iota + 1
	IntegratedMapping
	ChipAuthenticationMapping
)

// String returns the mapping's usual abbreviation.
func (m Mapping) String() string {
	switch m {
	case GenericMapping:
		return "GM"
	case IntegratedMapping:
		return "IM"
	case ChipAuthenticationMapping:
		return "CAM"
	}
	return "unknown mapping"
}

// Agreement is the group in which PACE agrees on keys.
type Agreement uint8

// The key agreements of PACE.
const (
	DH Agreement = iota + 1
	ECDH
)

// PACEInfo is one protocol offered for access (ICAO 9303-11 §9.2.1).
type PACEInfo struct {
	OID         string           // dotted
	OIDBytes    []byte           // content octets, for MSE:Set AT and the token
	Mapping     Mapping          // how the nonce is mapped
	Agreement   Agreement        // DH or ECDH
	Suite       sm.Suite         // zero when not spoken here: 3DES, or a version other than 2
	Version     int              // 2
	ParameterID int              // standardized domain parameters, or -1 when not given
	Curve       *brainpool.Curve // nil for DH and for parameters that are unknown or the card's own
}

// ChipAuthInfo is one protocol by which the chip proves its key
// (ICAO 9303-11 §9.2.5).
type ChipAuthInfo struct {
	OID      string   // dotted
	OIDBytes []byte   // content octets, for MSE:Set AT
	ECDH     bool     // else DH
	Suite    sm.Suite // zero for 3DES
	Version  int      // 1 or 2
	KeyID    *int     // which ChipKey, nil when the info does not say
}

// ChipKey is a public key that the chip can prove (ICAO 9303-11 §9.2.6). Its
// point is not validated: [brainpool.Curve.ParsePoint] does, once the file is
// known to be the State's.
type ChipKey struct {
	KeyID *int             // nil when the info does not say
	ECDH  bool             // else DH
	Curve *brainpool.Curve // nil for DH and for a curve that is not supported
	Point []byte           // content of the key's BIT STRING, not validated
}

// ParseCardAccess reads EF.CardAccess, a DER SET OF SecurityInfo
// (ICAO 9303-10 §3.11.3). The file is read in clear and is not signed: what it
// says about PACE must be found in DG14 as well, see [SecurityInfos.Contains].
func ParseCardAccess(b []byte) (SecurityInfos, error) {
	if len(b) > maxSecurityInfosFile {
		return SecurityInfos{}, fmt.Errorf("mrtd: card access of %d bytes, at most %d", len(b), maxSecurityInfosFile)
	}
	return parseSecurityInfos(b)
}

// ParseDG14 reads EF.DG14, a SET OF SecurityInfo under tag 6E
// (ICAO 9303-10 §4.7.14).
func ParseDG14(b []byte) (SecurityInfos, error) {
	value, err := unwrap(b, tagDG14, maxSecurityInfosFile)
	if err != nil {
		return SecurityInfos{}, err
	}
	return parseSecurityInfos(value)
}

// Contains reports whether each SecurityInfo of sub that concerns PACE is in s,
// byte for byte. With DG14 as s and EF.CardAccess as sub it says that nobody
// added to what the chip offers (ICAO 9303-11 §9.2.11); it does not say that
// nobody took something away. Other infos of sub are not looked at, as nothing
// is decided on them. An empty sub is contained.
func (s SecurityInfos) Contains(sub SecurityInfos) bool {
	for _, info := range sub.raw {
		if !strings.HasPrefix(info.oid, oidPACE) {
			continue
		}
		if !slices.ContainsFunc(s.raw, func(own securityInfo) bool { return bytes.Equal(own.der, info.der) }) {
			return false
		}
	}
	return true
}

// parseSecurityInfos reads SecurityInfos ::= SET OF SecurityInfo. The order of
// the set is not checked: issued files do not keep the one of DER.
func parseSecurityInfos(b []byte) (SecurityInfos, error) {
	in := cryptobyte.String(b)
	var set cryptobyte.String
	if !in.ReadASN1(&set, asn1.SET) || !in.Empty() || set.Empty() {
		return SecurityInfos{}, errors.New("mrtd: security infos are not one set in der")
	}
	var infos SecurityInfos
	for !set.Empty() {
		var element cryptobyte.String
		if len(infos.raw) == maxSecurityInfos || !set.ReadASN1Element(&element, asn1.SEQUENCE) {
			return SecurityInfos{}, fmt.Errorf("mrtd: %w: number %d", errInfo, len(infos.raw)+1)
		}
		if err := infos.add(element); err != nil {
			return SecurityInfos{}, fmt.Errorf("mrtd: %w", err)
		}
	}
	return infos, nil
}

// add reads SecurityInfo ::= SEQUENCE { protocol OBJECT IDENTIFIER,
// requiredData ANY, optionalData ANY OPTIONAL } (ICAO 9303-11 §9.2).
func (s *SecurityInfos) add(element cryptobyte.String) error {
	der := []byte(element)
	var body cryptobyte.String
	if !element.ReadASN1(&body, asn1.SEQUENCE) {
		return errInfo
	}
	oid, octets, ok := readOID(&body)
	if !ok || !wellFormed(body, maxInfoParts) {
		return errInfo
	}
	s.raw = append(s.raw, securityInfo{oid: oid, der: der})
	switch {
	case strings.HasPrefix(oid, oidPACE):
		ok = s.addPACE(oid, octets, body)
	case strings.HasPrefix(oid, oidChipAuth):
		ok = s.addChipAuth(oid, octets, body)
	case strings.HasPrefix(oid, oidChipKey):
		ok = s.addChipKey(oid, body)
	case oid == oidTerminal:
		ok = body.ReadASN1Integer(&s.TerminalAuth) && s.TerminalAuth > 0
	case oid == oidActiveAuth:
		ok = s.addActiveAuth(body)
	}
	if !ok {
		return fmt.Errorf("%w: %s", errInfo, oid)
	}
	return nil
}

// addPACE reads the rest of PACEInfo: version INTEGER, parameterId INTEGER
// OPTIONAL. The card's own domain parameters (id-PACE-ECDH-GM and so on, one
// arc shorter) are kept only.
func (s *SecurityInfos) addPACE(oid string, octets []byte, body cryptobyte.String) bool {
	kind, cipher, found := strings.Cut(strings.TrimPrefix(oid, oidPACE), ".")
	info := PACEInfo{OID: oid, OIDBytes: octets, ParameterID: -1}
	info.Mapping, info.Agreement = paceKind(kind)
	suite, known := suiteOf(cipher)
	if !found || !known || info.Mapping == 0 {
		return true
	}
	if !body.ReadASN1Integer(&info.Version) || info.Version < 1 {
		return false
	}
	id, ok := readOptionalSmall(&body)
	if !ok || !body.Empty() {
		return false
	}
	if id != nil {
		info.ParameterID = *id
		if curve, ok := brainpool.ByParameterID(*id); ok && info.Agreement == ECDH {
			info.Curve = curve
		}
	}
	if info.Version == 2 {
		info.Suite = suite
	}
	s.PACE = append(s.PACE, info)
	return true
}

// addChipAuth reads the rest of ChipAuthenticationInfo: version INTEGER, keyId
// INTEGER OPTIONAL. Domain parameters of version 2 (one arc shorter) are kept
// only.
func (s *SecurityInfos) addChipAuth(oid string, octets []byte, body cryptobyte.String) bool {
	kind, cipher, found := strings.Cut(strings.TrimPrefix(oid, oidChipAuth), ".")
	suite, known := suiteOf(cipher)
	if !found || !known || kind != "1" && kind != "2" {
		return true
	}
	info := ChipAuthInfo{OID: oid, OIDBytes: octets, ECDH: kind == "2", Suite: suite}
	if !body.ReadASN1Integer(&info.Version) || info.Version < 1 {
		return false
	}
	var ok bool
	if info.KeyID, ok = readOptionalSmall(&body); !ok || !body.Empty() {
		return false
	}
	s.ChipAuth = append(s.ChipAuth, info)
	return true
}

// addChipKey reads the rest of ChipAuthenticationPublicKeyInfo:
// SubjectPublicKeyInfo, keyId INTEGER OPTIONAL.
func (s *SecurityInfos) addChipKey(oid string, body cryptobyte.String) bool {
	kind := strings.TrimPrefix(oid, oidChipKey)
	if kind != "1" && kind != "2" {
		return true
	}
	key, ok := readPublicKey(&body)
	if !ok {
		return false
	}
	id, ok := readOptionalSmall(&body)
	if !ok || !body.Empty() {
		return false
	}
	chip := ChipKey{KeyID: id, ECDH: kind == "2", Point: key.Key}
	if chip.ECDH {
		chip.Curve = key.Curve
	}
	s.ChipKeys = append(s.ChipKeys, chip)
	return true
}

// addActiveAuth reads the rest of ActiveAuthenticationInfo: version INTEGER,
// signatureAlgorithm OBJECT IDENTIFIER (ICAO 9303-11 §9.2.8).
func (s *SecurityInfos) addActiveAuth(body cryptobyte.String) bool {
	var version int
	if !body.ReadASN1Integer(&version) || version < 1 {
		return false
	}
	oid, _, ok := readOID(&body)
	s.ActiveAuth = oid
	return ok && body.Empty()
}

// paceKind reads the arc after id-PACE (ICAO 9303-11 §9.2.1).
func paceKind(arc string) (Mapping, Agreement) {
	switch arc {
	case "1":
		return GenericMapping, DH
	case "2":
		return GenericMapping, ECDH
	case "3":
		return IntegratedMapping, DH
	case "4":
		return IntegratedMapping, ECDH
	case "6":
		return ChipAuthenticationMapping, ECDH
	}
	return 0, 0
}

// suiteOf reads the last arc of a PACE or Chip Authentication protocol; 3DES is
// known and has no suite.
func suiteOf(arc string) (sm.Suite, bool) {
	switch arc {
	case "1":
		return 0, true
	case "2":
		return sm.AES128, true
	case "3":
		return sm.AES192, true
	case "4":
		return sm.AES256, true
	}
	return 0, false
}
