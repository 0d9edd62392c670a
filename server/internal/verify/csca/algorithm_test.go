package csca_test

import (
	"bytes"
	"crypto"
	"errors"
	"testing"

	"pivot/server/internal/verify/csca"
)

func TestParseSignatureAlgorithm(t *testing.T) {
	t.Parallel()
	pssParams := func(parts ...[]byte) []byte { return algorithm(rsaOID(10), seq(parts...)) }
	hash := func(id []byte) []byte { return explicit(0, seq(id, null)) }
	mask := func(id []byte) []byte { return explicit(1, seq(rsaOID(8), seq(id, null))) }
	ecKey := oid(1, 2, 840, 10045, 2, 1)
	tests := []struct {
		name string
		der  []byte
		hint crypto.Hash
		want string // String() of the algorithm, or the reason
	}{
		{"PKCS#1 SHA-256", algorithm(rsaOID(11), null), 0, "RSA PKCS#1 v1.5 SHA-256"},
		{"PKCS#1 SHA-256, no parameters", algorithm(rsaOID(11)), 0, "RSA PKCS#1 v1.5 SHA-256"},
		{"PKCS#1 SHA-384", algorithm(rsaOID(12), null), 0, "RSA PKCS#1 v1.5 SHA-384"},
		{"PKCS#1 SHA-512", algorithm(rsaOID(13), null), 0, "RSA PKCS#1 v1.5 SHA-512"},
		{"PKCS#1 SHA-224", algorithm(rsaOID(14), null), 0, "weak-digest"},
		{"PKCS#1 SHA-1", algorithm(rsaOID(5), null), 0, "weak-digest"},
		{"PKCS#1 MD5", algorithm(rsaOID(4), null), 0, "weak-digest"},
		{"PKCS#1 MD2", algorithm(rsaOID(2), null), 0, "unsupported-algorithm"},
		{"PKCS#1, parameters of another kind", algorithm(rsaOID(11), integer(1)), 0, "malformed"},
		{"PKCS#1, two NULLs", algorithm(rsaOID(11), null, null), 0, "malformed"},
		{"PKCS#1, NULL with content", algorithm(rsaOID(11), []byte{5, 1, 0}), 0, "malformed"},
		{"PKCS#1 SHA-256, hint ignored", algorithm(rsaOID(11), null), crypto.SHA1, "RSA PKCS#1 v1.5 SHA-256"},
		{"RSA key type", algorithm(rsaOID(1), null), crypto.SHA384, "RSA PKCS#1 v1.5 SHA-384"},
		{"RSA key type, weak hint", algorithm(rsaOID(1), null), crypto.SHA1, "weak-digest"},
		{"RSA key type, no hint", algorithm(rsaOID(1), null), 0, "unsupported-algorithm"},
		{"RSA key type, unknown hint", algorithm(rsaOID(1), null), crypto.SHA3_256, "unsupported-algorithm"},
		{"ECDSA SHA-256", algorithm(ecdsaOID(2)), 0, "ECDSA SHA-256"},
		{"ECDSA SHA-384", algorithm(ecdsaOID(3)), 0, "ECDSA SHA-384"},
		{"ECDSA SHA-512", algorithm(ecdsaOID(4)), 0, "ECDSA SHA-512"},
		{"ECDSA SHA-224", algorithm(ecdsaOID(1)), 0, "weak-digest"},
		{"ECDSA SHA-1", algorithm(oid(1, 2, 840, 10045, 4, 1)), 0, "weak-digest"},
		{"ECDSA with NULL", algorithm(ecdsaOID(2), null), 0, "ECDSA SHA-256"},
		{"ECDSA with its curve", algorithm(ecdsaOID(2), namedP256()), 0, "malformed"},
		{"EC key type", algorithm(ecKey), crypto.SHA256, "ECDSA SHA-256"},
		{"EC key type, no hint", algorithm(ecKey), 0, "unsupported-algorithm"},
		{"EC key type with its curve", algorithm(ecKey, namedP256()), crypto.SHA256, "malformed"},
		{"ECDSA plain (TR-03111)", algorithm(oid(0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 3)), 0, "unsupported-algorithm"},
		{"DSA", algorithm(oid(1, 2, 840, 10040, 4, 3)), 0, "unsupported-algorithm"},
		{"Ed25519", algorithm(oid(1, 3, 101, 112)), 0, "unsupported-algorithm"},
		{"PSS SHA-256", pssAlgorithm(shaOID(1), shaOID(1), 32, 1), 0, "RSASSA-PSS SHA-256"},
		{"PSS SHA-512", pssAlgorithm(shaOID(3), shaOID(3), 64, 1), 0, "RSASSA-PSS SHA-512"},
		{"PSS, salt by default", pssParams(hash(shaOID(1)), mask(shaOID(1))), 0, "RSASSA-PSS SHA-256"},
		{"PSS, digest without NULL", pssParams(explicit(0, seq(shaOID(1))), mask(shaOID(1))), 0, "RSASSA-PSS SHA-256"},
		{"PSS, trailer said", pssParams(hash(shaOID(1)), mask(shaOID(1)), explicit(3, integer(1))), 0, "RSASSA-PSS SHA-256"},
		{"PSS, another trailer", pssAlgorithm(shaOID(1), shaOID(1), 32, 2), 0, "unsupported-algorithm"},
		{"PSS, another mask digest", pssAlgorithm(shaOID(1), shaOID(2), 32, 1), 0, "unsupported-algorithm"},
		{"PSS, mask by default", pssParams(hash(shaOID(1))), 0, "unsupported-algorithm"},
		{"PSS, mask of another kind", pssParams(hash(shaOID(1)), explicit(1, seq(rsaOID(9), seq(shaOID(1), null)))), 0, "malformed"},
		{"PSS, all by default", pssParams(), 0, "weak-digest"},
		{"PSS, parameters missing", algorithm(rsaOID(10)), 0, "malformed"},
		{"PSS, NULL parameters", algorithm(rsaOID(10), null), 0, "malformed"},
		{"PSS SHA-1", pssAlgorithm(oid(1, 3, 14, 3, 2, 26), oid(1, 3, 14, 3, 2, 26), 20, 1), 0, "weak-digest"},
		{"PSS MD5", pssAlgorithm(oid(1, 2, 840, 113549, 2, 5), oid(1, 2, 840, 113549, 2, 5), 20, 1), 0, "weak-digest"},
		{"PSS SHA-224", pssAlgorithm(shaOID(4), shaOID(4), 28, 1), 0, "weak-digest"},
		{"PSS unknown digest", pssAlgorithm(shaOID(8), shaOID(8), 32, 1), 0, "unsupported-algorithm"},
		{"PSS, no salt", pssAlgorithm(shaOID(1), shaOID(1), 0, 1), 0, "unsupported-algorithm"},
		{"PSS, salt to be found out", pssAlgorithm(shaOID(1), shaOID(1), -1, 1), 0, "unsupported-algorithm"},
		{"PSS, short salt", pssAlgorithm(shaOID(1), shaOID(1), 19, 1), 0, "unsupported-algorithm"},
		{"PSS, long salt", pssAlgorithm(shaOID(1), shaOID(1), 65, 1), 0, "unsupported-algorithm"},
		{"PSS, fields in another order", pssParams(mask(shaOID(1)), hash(shaOID(1))), 0, "malformed"},
		{"PSS, a field more", pssParams(hash(shaOID(1)), mask(shaOID(1)), explicit(4, null)), 0, "malformed"},
		{"PSS, two values in a field", pssParams(explicit(0, seq(shaOID(1), null), null), mask(shaOID(1))), 0, "malformed"},
		{"nothing", nil, 0, "malformed"},
		{"empty", seq(), 0, "malformed"},
		{"no identifier", seq(null), 0, "malformed"},
		{"something after", append(algorithm(rsaOID(11), null), 0), 0, "malformed"},
		{"long form of a short length", append([]byte{0x30, 0x81, 13}, algorithm(rsaOID(11), null)[2:]...), 0, "malformed"},
		{"arc not in the fewest octets", algorithm([]byte{6, 4, 0x2a, 0x80, 0x03, 0x04}), 0, "malformed"},
		{"arc without end", algorithm([]byte{6, 2, 0x2a, 0x83}), 0, "malformed"},
		{"out of bounds", algorithm(rsaOID(11), octets(make([]byte, 300))), 0, "malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			alg, err := csca.ParseSignatureAlgorithm(tt.der, tt.hint)
			if err != nil {
				if !errors.Is(err, csca.Reason(tt.want)) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if alg.Hash() != 0 {
					t.Error("an algorithm beside the refusal")
				}
				return
			}
			if alg.String() != tt.want {
				t.Errorf("got %q, want %q", alg, tt.want)
			}
			if !bytes.HasSuffix([]byte(alg.String()), []byte(alg.Hash().String())) {
				t.Errorf("%q with digest %v", alg, alg.Hash())
			}
		})
	}
}

func TestZeroSignatureAlgorithm(t *testing.T) {
	t.Parallel()
	var none csca.SignatureAlgorithm
	if none.String() != "none" {
		t.Errorf("got %q", none)
	}
	s := newScene()
	if err := s.ds.parse(t).PublicKey().Verify(none, nil, nil); !errors.Is(err, csca.UnsupportedAlgorithm) {
		t.Errorf("zero algorithm: %v", err)
	}
	var key csca.PublicKey
	alg, err := csca.ParseSignatureAlgorithm(algorithm(rsaOID(11), null), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Verify(alg, nil, nil); err == nil || key.String() != "unsupported" {
		t.Errorf("zero key: %v, %q", err, key)
	}
}
