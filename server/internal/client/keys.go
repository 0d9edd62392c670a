package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/oauth"
)

// Bounds of a key set: what an operator reads, and what an assertion without kid may make us try.
const (
	mostJWKS      = 32 << 10
	mostJWKSDepth = 4
	mostKeys      = 8 // of each use
	leastRSA      = 2048
	mostRSA       = 4096
)

// parseKeys splits a JWKS by use: one key, one purpose. Private and symmetric keys are refused: they are somebody's
// secret, published.
func parseKeys(raw []byte) (sign, seal []jose.JSONWebKey, err error) {
	if len(raw) == 0 {
		return nil, nil, nil
	}
	if len(raw) > mostJWKS {
		return nil, nil, fmt.Errorf("has %d bytes, at most %d", len(raw), mostJWKS)
	}
	members, err := oauth.ParseObject(raw, mostJWKSDepth)
	if err != nil {
		return nil, nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(members["keys"], &list); err != nil {
		return nil, nil, errors.New(`has no list "keys"`)
	}
	seen := make(map[string]bool)
	for i, item := range list {
		k, err := parseKey(item)
		if err == nil && seen[k.KeyID] {
			err = errors.New("kid is used twice")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		seen[k.KeyID] = true
		if k.Use == "sig" {
			sign = append(sign, k)
		} else {
			seal = append(seal, k)
		}
	}
	if len(sign) > mostKeys || len(seal) > mostKeys {
		return nil, nil, fmt.Errorf("has more than %d keys of one use", mostKeys)
	}
	return sign, seal, nil
}

func parseKey(raw []byte) (jose.JSONWebKey, error) {
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(raw); err != nil {
		return k, errors.New("not a JSON Web Key of a known type")
	}
	if !k.IsPublic() {
		return k, errors.New("is private or symmetric: a client gives public keys alone")
	}
	if !k.Valid() {
		return k, errors.New("is no valid key")
	}
	if k.KeyID == "" || len(k.KeyID) > 256 {
		return k, errors.New("has no kid of 1 to 256 bytes")
	}
	if len(k.Certificates) > 0 || k.CertificatesURL != nil {
		return k, errors.New("has x5c or x5u: keys are trusted by being in the record, not by a certificate")
	}
	return k, checkUse(k)
}

// checkUse wants a key of a type that serves its use.
func checkUse(k jose.JSONWebKey) error {
	switch k.Use {
	case "sig":
		p, ok := k.Key.(*ecdsa.PublicKey)
		if !ok || p.Curve != elliptic.P256() || k.Algorithm != "" && k.Algorithm != string(jose.ES256) {
			return errors.New("use sig: not a P-256 key for ES256")
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
		p, ok := k.Key.(*rsa.PublicKey)
		return ok && p.N.BitLen() >= leastRSA && p.N.BitLen() <= mostRSA && p.E >= 65537 && p.E%2 == 1
	}
	return false
}
