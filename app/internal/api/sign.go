package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"

	"pivot/shared/wire"
)

var b64 = base64.RawURLEncoding

// JWK gives the public JWK of a P-256 key: kty, crv, x and y in the order of RFC 7638 3.2, without white space.
func JWK(public *ecdsa.PublicKey) json.RawMessage {
	point, err := public.Bytes()
	if err != nil || len(point) != 65 {
		panic("api: internal error: not a key of P-256") // keys come from keystore and pin, which make no others
	}
	return json.RawMessage(`{"crv":"P-256","kty":"EC","x":"` + b64.EncodeToString(point[1:33]) +
		`","y":"` + b64.EncodeToString(point[33:]) + `"}`)
}

// Thumbprint gives the SHA-256 thumbprint of a P-256 key (RFC 7638), which names a device to a broker.
func Thumbprint(public *ecdsa.PublicKey) [32]byte { return sha256.Sum256(JWK(public)) }

// signer signs a digest in ASN.1, as [keystore.Key] does.
type signer func(digest []byte) ([]byte, error)

// proof signs a call in the form of RFC 9449, with the hash of its body.
func (c *Client) proof(k call, body []byte) (string, error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	hash := sha256.Sum256(body)
	header, err := json.Marshal(struct {
		Type      string          `json:"typ"`
		Algorithm string          `json:"alg"`
		Key       json.RawMessage `json:"jwk"`
	}{"dpop+jwt", "ES256", JWK(c.key.Public())})
	if err != nil {
		return "", err
	}
	payload, err := wire.Encode(struct {
		ID     string `json:"jti"`
		Method string `json:"htm"`
		URL    string `json:"htu"`
		Issued int64  `json:"iat"`
		Body   string `json:"bh"`
	}{b64.EncodeToString(id), k.method, c.address(k.path), c.Now().Unix(), b64.EncodeToString(hash[:])})
	if err != nil {
		return "", err
	}
	input := b64.EncodeToString(header) + "." + b64.EncodeToString(payload)
	signature, err := sign(c.key.Sign, input)
	if err != nil {
		return "", err
	}
	return input + "." + signature, nil
}

// signature is one of a JWS in general JSON serialization (RFC 7515 7.2.1).
type signature struct {
	Protected string `json:"protected"`
	Signature string `json:"signature"`
}

// Approve signs the citizen's yes with the device's key and with the key that the PIN gave: a JWS in general JSON
// serialization with exactly these two signatures, in this order.
func (c *Client) Approve(claims wire.ApprovalClaims, pin *ecdsa.PrivateKey) (json.RawMessage, error) {
	payload, err := wire.Encode(claims)
	if err != nil {
		return nil, err
	}
	thumbprint := Thumbprint(c.key.Public())
	byPIN := func(digest []byte) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, pin, digest) }
	out := struct {
		Payload    string      `json:"payload"`
		Signatures []signature `json:"signatures"`
	}{Payload: b64.EncodeToString(payload)}
	for _, by := range []struct {
		id   string
		sign signer
	}{{b64.EncodeToString(thumbprint[:]), c.key.Sign}, {"pin", byPIN}} {
		header, err := json.Marshal(struct {
			Algorithm string `json:"alg"`
			ID        string `json:"kid"`
			Type      string `json:"typ"`
		}{"ES256", by.id, "pivot-approval+jwt"})
		if err != nil {
			return nil, err
		}
		protected := b64.EncodeToString(header)
		value, err := sign(by.sign, protected+"."+out.Payload)
		if err != nil {
			return nil, err
		}
		out.Signatures = append(out.Signatures, signature{Protected: protected, Signature: value})
	}
	return wire.Encode(out)
}

// sign signs a JWS input with ES256 and gives the signature as RFC 7518 3.4 writes it: r and s, 32 octets each.
func sign(by signer, input string) (string, error) {
	digest := sha256.Sum256([]byte(input))
	der, err := by(digest[:])
	if err != nil {
		return "", err
	}
	var parts struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &parts)
	n := elliptic.P256().Params().N
	if err != nil || len(rest) > 0 || parts.R.Sign() <= 0 || parts.S.Sign() <= 0 || parts.R.Cmp(n) >= 0 || parts.S.Cmp(n) >= 0 {
		return "", errors.New("api: the key gave no signature")
	}
	raw := make([]byte, 64)
	parts.R.FillBytes(raw[:32])
	parts.S.FillBytes(raw[32:])
	return b64.EncodeToString(raw), nil
}
