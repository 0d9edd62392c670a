package pki

import (
	"crypto"
	_ "crypto/md5" // for a signature that no one may accept
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // likewise
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	"pivot/cardreader/cardsim/internal/der"
	"pivot/cardreader/cardsim/internal/ec"
	"pivot/shared/tlv"
)

// key is the signing key of an authority or of a document signer: RSA, or ECDSA when curve is set.
type key struct {
	rsa      *rsa.PrivateKey
	curve    *ec.Curve
	d        *big.Int
	explicit bool // the curve is written by its parameters
	exponent int  // an RSA public exponent other than the key's; 0: the key's
}

func newRSA(bits int) (key, error) {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	return key{rsa: k}, err
}

func newEC(curve *ec.Curve) key {
	b := make([]byte, curve.Size+16)
	rand.Read(b) // never fails (crypto/rand)
	return key{curve: curve, d: curve.Scalar(b)}
}

// spki is the key's SubjectPublicKeyInfo.
func (k key) spki() []byte {
	if k.curve != nil {
		return k.curve.PublicKeyInfo(k.curve.Encode(k.curve.Mul(k.d, k.curve.G)), k.explicit)
	}
	e := k.rsa.E
	if k.exponent != 0 {
		e = k.exponent
	}
	public := der.Sequence(der.Integer(k.rsa.N), der.Int(int64(e)))
	return der.Sequence(der.Sequence(der.OID("1.2.840.113549.1.1.1"), der.Null()), der.Bits(public))
}

// id is the key identifier: SHA-1 in RFC 5280 §4.2.1.2, here SHA-256 cut to its length (RFC 7093 §2).
func (k key) id() []byte {
	sum := sha256.Sum256(k.spki())
	return sum[:20]
}

// algorithm is the AlgorithmIdentifier of the key's signatures over a digest.
func (k key) algorithm(h crypto.Hash) []byte {
	if k.curve != nil {
		return der.Sequence(der.OID(map[crypto.Hash]string{
			crypto.SHA1: "1.2.840.10045.4.1", crypto.SHA256: "1.2.840.10045.4.3.2", crypto.SHA384: "1.2.840.10045.4.3.3",
		}[h]))
	}
	return der.Sequence(der.OID(map[crypto.Hash]string{
		crypto.MD5: "1.2.840.113549.1.1.4", crypto.SHA1: "1.2.840.113549.1.1.5",
		crypto.SHA256: "1.2.840.113549.1.1.11", crypto.SHA384: "1.2.840.113549.1.1.12",
	}[h]), der.Null())
}

// sign signs a message: PKCS#1 v1.5, or ECDSA as SEQUENCE of r and s.
func (k key) sign(h crypto.Hash, message []byte) ([]byte, error) {
	digest := sum(h, message)
	if k.curve != nil {
		r, s := k.curve.Sign(k.d, digest)
		return der.Sequence(der.Integer(r), der.Integer(s)), nil
	}
	return rsa.SignPKCS1v15(nil, k.rsa, h, digest)
}

func sum(h crypto.Hash, message []byte) []byte {
	w := h.New()
	w.Write(message)
	return w.Sum(nil)
}

const (
	pemRSA = "RSA PRIVATE KEY"
	pemEC  = "EC PRIVATE KEY"
)

// marshal returns the key as PEM: PKCS#1, or the ECPrivateKey of RFC 5915.
func (k key) marshal() []byte {
	if k.curve == nil {
		return pem.EncodeToMemory(&pem.Block{Type: pemRSA, Bytes: x509.MarshalPKCS1PrivateKey(k.rsa)})
	}
	b := der.Sequence(der.Int(1), der.Octets(k.curve.FieldBytes(k.d)))
	return pem.EncodeToMemory(&pem.Block{Type: pemEC, Bytes: b})
}

var errKey = errors.New("pki: unreadable TEST key")

// parseKey reads what marshal wrote. The curve comes from the table of keys: one of them has no name.
func parseKey(b []byte, curve *ec.Curve) (key, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return key{}, errKey
	}
	if block.Type == pemRSA {
		k, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return key{}, fmt.Errorf("%w: %w", errKey, err)
		}
		return key{rsa: k}, nil
	}
	outer := tlv.DER(block.Bytes)
	body, err := outer.Read(0x30)
	if err != nil || curve == nil {
		return key{}, errKey
	}
	inner := tlv.DER(body)
	if _, err := inner.Read(0x02); err != nil {
		return key{}, errKey
	}
	d, err := inner.Read(0x04)
	if err != nil {
		return key{}, errKey
	}
	return key{curve: curve, d: new(big.Int).SetBytes(d)}, nil
}
