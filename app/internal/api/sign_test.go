package api_test

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/app/internal/api"
	"pivot/shared/wire"
)

func TestApproval(t *testing.T) {
	t.Parallel()
	device, pin := newKey(t), newKey(t)
	c, err := api.New(api.Options{Origin: "https://broker.example", Key: device, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	want := wire.ApprovalClaims{
		Iss: "D", Aud: "I", Iat: 1, Exp: 61, Ceremony: "T", Nonce: make([]byte, 32), Hop: "H", Request: make([]byte, 32),
		Display: make([]byte, 32), Language: "fr", Decision: "approve", Card: make([]byte, 32),
	}
	raw, err := c.Approve(want, pin.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var form map[string]json.RawMessage
	if err := json.Unmarshal(raw, &form); err != nil || len(form) != 2 {
		t.Fatalf("%s: %v", raw, err)
	}
	signed, err := jose.ParseSignedJSON(string(raw), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(signed.Signatures) != 2 {
		t.Fatalf("%s: %v", raw, err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: device.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if got := api.Thumbprint(device.Public()); string(got[:]) != string(thumbprint) {
		t.Error("the thumbprint is not RFC 7638's")
	}
	for i, by := range []struct {
		key  *ecdsa.PublicKey
		kid  string
		name string
	}{{device.Public(), base64.RawURLEncoding.EncodeToString(thumbprint), "device"}, {pin.Public(), "pin", "PIN"}} {
		header := signed.Signatures[i].Protected
		if header.KeyID != by.kid || header.ExtraHeaders["typ"] != "pivot-approval+jwt" || len(header.ExtraHeaders) != 1 {
			t.Errorf("%s: header %+v", by.name, header)
		}
		at, _, payload, err := signed.VerifyMulti(by.key)
		var got wire.ApprovalClaims
		if err != nil || at != i || wire.Decode(payload, &got) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: signature %d, %v", by.name, at, err)
		}
	}
}

// broken is a key that does not sign, or signs badly.
type broken struct {
	key

	signature []byte
	err       error
}

func (b broken) Sign([]byte) ([]byte, error) { return b.signature, b.err }

func TestKeysThatDoNotSign(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]broken{
		"an error":  {err: errors.New("the TPM is gone")},
		"nothing":   {},
		"no DER":    {signature: []byte("signature")},
		"zero":      {signature: []byte{0x30, 6, 2, 1, 0, 2, 1, 0}},
		"behind it": {signature: []byte{0x30, 6, 2, 1, 1, 2, 1, 1, 0}},
	} {
		k.key = newKey(t)
		c, err := api.New(api.Options{Origin: "http://127.0.0.1:1", Key: k})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Device(t.Context()); err == nil || errors.Is(err, api.ErrOffline) || c.RoundTrips() != 0 {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.Approve(wire.ApprovalClaims{}, newKey(t).PrivateKey); err == nil {
			t.Errorf("%s: approved", name)
		}
	}
}

// keySet is a broker's, with one key.
func keySet(tb testing.TB, id string, k key) string {
	tb.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.Public(), KeyID: id, Use: "sig", Algorithm: "ES256"}}})
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}
