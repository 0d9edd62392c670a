// Package keyset owns the key sets of other parties: what a service provider puts into its record or publishes at its
// jwks_uri (RFC 7517). One key, one purpose: signature or encryption. Nothing here asks for a set: whoever can is a
// [Source].
package keyset

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/oauth"
)

var errPrivate = errors.New("is private or symmetric: a client gives public keys alone")

// Bounds of a key set: what an operator reads, and what an assertion without kid may make us try.
const (
	mostJWKS      = 32 << 10
	mostJWKSDepth = 4
	mostKeys      = 8 // of each use
	mostPublished = 64
	leastRSA      = 2048
	mostRSA       = 4096
)

// Set is what a party publishes, by use. The zero Set has no keys.
type Set struct {
	sign []jose.JSONWebKey // P-256 and RSA public keys for what the party signs
	seal []jose.JSONWebKey // public keys for what is encrypted to it
}

// Source gives the key sets that parties publish at an address.
type Source interface {
	// Keys gives the set of an address as it is known, or asks for it again where has finds something missing; what
	// comes back may lack it still. Errors: ErrUnavailable, wrapped or not.
	Keys(ctx context.Context, address string, has func(Set) bool) (Set, error)
}

// ErrUnavailable says that a key set cannot be had now.
var ErrUnavailable = errors.New("keyset: cannot be had")

// ParsePublished reads a key set that a party publishes. Keys for others than us may be in it: what we could not use is
// passed over (RFC 7517 §5), and a key without use has that of its alg. Errors: not a key set; a private key, which is
// somebody's secret, published; too much.
func ParsePublished(raw []byte) (Set, error) {
	list, err := listKeys(raw)
	if err != nil {
		return Set{}, err
	}
	if len(list) > mostPublished {
		return Set{}, fmt.Errorf("has more than %d keys", mostPublished)
	}
	var set Set
	seen := make(map[string]bool)
	for _, item := range list {
		if private(item) {
			return Set{}, errPrivate
		}
		k, err := readKey(item)
		if k.Use == "" {
			k.Use = useOf(k.Algorithm)
		}
		if err != nil || checkUse(k) != nil || seen[k.KeyID] {
			continue
		}
		seen[k.KeyID] = true
		set.add(k)
	}
	if len(set.sign) > mostKeys || len(set.seal) > mostKeys {
		return Set{}, fmt.Errorf("has more than %d keys of one use", mostKeys)
	}
	return set, nil
}

func (s *Set) add(k jose.JSONWebKey) {
	if k.Use == "sig" {
		s.sign = append(s.sign, k)
	} else {
		s.seal = append(s.seal, k)
	}
}

// private reports whether a key has a member that only private and symmetric keys have (RFC 7518 §6).
func private(raw []byte) bool {
	members, err := oauth.ParseObject(raw, mostJWKSDepth)
	if err != nil {
		return false
	}
	for _, name := range []string{"d", "k", "p", "q"} {
		if _, ok := members[name]; ok {
			return true
		}
	}
	return false
}

// useOf is the use that an algorithm of ours leaves to a key.
func useOf(alg string) string {
	switch jose.KeyAlgorithm(alg) {
	case jose.ECDH_ES, jose.RSA_OAEP, jose.RSA_OAEP_256:
		return "enc"
	case jose.KeyAlgorithm(jose.ES256), jose.KeyAlgorithm(jose.RS256):
		return "sig"
	}
	return ""
}

// ForSealing is the set without the keys that may have signed.
func (s Set) ForSealing() Set { return Set{seal: s.seal} }

// Signing gives the keys that may have signed: the one named, or each where none is.
func (s Set) Signing(keyID string) []jose.JSONWebKey {
	if keyID == "" {
		return slices.Clone(s.sign)
	}
	return slices.DeleteFunc(slices.Clone(s.sign), func(k jose.JSONWebKey) bool { return k.KeyID != keyID })
}

// Verifies reports whether a key may have signed by an algorithm.
func (s Set) Verifies(alg string) bool {
	return slices.ContainsFunc(s.sign, func(k jose.JSONWebKey) bool { return signs(k, alg) })
}

// signs reports whether a key verifies an algorithm: by its type, and by its own alg when it has one.
func signs(k jose.JSONWebKey, alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	switch jose.SignatureAlgorithm(alg) {
	case jose.ES256:
		p, ok := k.Key.(*ecdsa.PublicKey)
		return ok && p.Curve == elliptic.P256()
	case jose.RS256:
		return sized(k.Key)
	}
	return false
}

// sized reports whether a key is of RSA, neither too short to be safe nor too long to be cheap.
func sized(key any) bool {
	p, ok := key.(*rsa.PublicKey)
	return ok && p.N.BitLen() >= leastRSA && p.N.BitLen() <= mostRSA && p.E >= 65537 && p.E%2 == 1
}

// Sealing gives the first key that serves an algorithm; false for none.
func (s Set) Sealing(alg string) (jose.JSONWebKey, bool) {
	i := slices.IndexFunc(s.seal, func(k jose.JSONWebKey) bool { return fits(k, alg) })
	if i < 0 {
		return jose.JSONWebKey{}, false
	}
	return s.seal[i], true
}

// Parse reads a key set that an operator wrote into a record, where every key must be one that we can use; nothing is an
// empty set. Errors: the first key at fault, by its place.
func Parse(raw []byte) (Set, error) {
	if len(raw) == 0 {
		return Set{}, nil
	}
	list, err := listKeys(raw)
	if err != nil {
		return Set{}, err
	}
	var set Set
	seen := make(map[string]bool)
	for i, item := range list {
		k, err := parseKey(item)
		if err == nil && seen[k.KeyID] {
			err = errors.New("kid is used twice")
		}
		if err != nil {
			return Set{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		seen[k.KeyID] = true
		set.add(k)
	}
	if len(set.sign) > mostKeys || len(set.seal) > mostKeys {
		return Set{}, fmt.Errorf("has more than %d keys of one use", mostKeys)
	}
	return set, nil
}

// listKeys reads the list of a key set, key by key still as text.
func listKeys(raw []byte) ([]json.RawMessage, error) {
	if len(raw) > mostJWKS {
		return nil, fmt.Errorf("has %d bytes, at most %d", len(raw), mostJWKS)
	}
	members, err := oauth.ParseObject(raw, mostJWKSDepth)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(members["keys"], &list); err != nil {
		return nil, errors.New(`has no list "keys"`)
	}
	return list, nil
}

func parseKey(raw []byte) (jose.JSONWebKey, error) {
	k, err := readKey(raw)
	if err != nil {
		return k, err
	}
	if len(k.Certificates) > 0 || k.CertificatesURL != nil {
		return k, errors.New("has x5c or x5u: keys are trusted by being in the record, not by a certificate")
	}
	return k, checkUse(k)
}

func readKey(raw []byte) (jose.JSONWebKey, error) {
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(raw); err != nil {
		return k, errors.New("not a JSON Web Key of a known type")
	}
	if !k.IsPublic() {
		return k, errPrivate
	}
	if !k.Valid() {
		return k, errors.New("is no valid key")
	}
	if k.KeyID == "" || len(k.KeyID) > 256 {
		return k, errors.New("has no kid of 1 to 256 bytes")
	}
	return k, nil
}

// checkUse wants a key of a type that serves its use.
func checkUse(k jose.JSONWebKey) error {
	switch k.Use {
	case "sig":
		if !signs(k, string(jose.ES256)) && !signs(k, string(jose.RS256)) {
			return errors.New("use sig: not a P-256 key for ES256, nor one of RSA (2048 to 4096 bits) for RS256")
		}
	case "enc":
		if !fits(k, string(jose.ECDH_ES)) && !fits(k, string(jose.RSA_OAEP)) && !fits(k, string(jose.RSA_OAEP_256)) {
			return errors.New("use enc: not a key for ECDH-ES (P-256, P-384, P-521), RSA-OAEP or RSA-OAEP-256 (2048 to 4096 bits)")
		}
	default:
		return errors.New("use is neither sig nor enc")
	}
	return nil
}

// fits reports whether an encryption key serves an algorithm: by its type, and by its own alg when it has one.
func fits(k jose.JSONWebKey, alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	switch jose.KeyAlgorithm(alg) {
	case jose.ECDH_ES:
		_, ok := k.Key.(*ecdsa.PublicKey)
		return ok
	case jose.RSA_OAEP, jose.RSA_OAEP_256:
		return sized(k.Key)
	}
	return false
}
