package token_test

import (
	"crypto/elliptic"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/assurance"
	"pivot/server/internal/claims"
	"pivot/server/internal/token"
)

// FuzzIDToken: what is accepted reads back as what was meant.
func FuzzIDToken(f *testing.F) {
	f.Add(subject, uint8(3), "pin", nonce, int64(1772600727), int64(1772600767), int64(60))
	f.Add("x", uint8(1), "", "\u2028<\x00", int64(0), int64(0), int64(1))
	f.Fuzz(func(t *testing.T, sub string, level uint8, method, nonce string, auth, at, life int64) {
		id := token.IDToken{Subject: sub, Level: assurance.Level(level), AuthTime: time.Unix(auth, 0), Nonce: nonce}
		if method != "" {
			id.Methods = []string{method}
		}
		frame := token.Frame{Issuer: issuer, Audience: clientID, At: time.Unix(at, 0), Life: time.Duration(life) * time.Second}
		payload, err := id.Payload(frame)
		if err != nil {
			return
		}
		var got struct {
			Sub, ACR, Nonce, Aud, Iss string
			AMR                       []string
			AuthTime                  int64 `json:"auth_time"`
			Exp, Iat                  int64
		}
		if err := json.Unmarshal(payload, &got); err != nil || !utf8.Valid(payload) {
			t.Fatalf("%v: %s", err, payload)
		}
		if got.Sub != sub || got.ACR != id.Level.String() || got.Nonce != nonce || got.Aud != clientID || got.Iss != issuer ||
			got.AuthTime != auth || got.Iat != at || got.Exp != at+life || len(got.AMR) != len(id.Methods) ||
			len(got.AMR) == 1 && got.AMR[0] != method {
			t.Errorf("%+v in %+v became %s", id, frame, payload)
		}
		if got.AuthTime > got.Iat || got.Exp <= got.Iat {
			t.Errorf("times out of order: %s", payload)
		}
	})
}

// FuzzUserInfo: what is accepted reads back as what was meant, and states
// nothing about itself but the frame.
func FuzzUserInfo(f *testing.F) {
	f.Add("given_name", "Joëlle", "given_name_array", "Joëlle", "Françoise")
	f.Add("iss", "https://evil.test", "x", "\xff", "\u2028")
	f.Fuzz(func(t *testing.T, name, text, listName, first, second string) {
		u := token.UserInfo{Subject: subject, Claims: []claims.Claim{{Name: name, Text: text}, {Name: listName, List: []string{first, second}}}}
		payload, err := u.Payload(frame())
		if err != nil {
			return
		}
		got := decode(t, payload)
		list, ok := got[listName].([]any)
		if got[name] != text || !ok || len(list) != 2 || list[0] != first || list[1] != second || len(got) != 7 ||
			got["sub"] != subject || got["iss"] != issuer || got["aud"] != clientID {
			t.Errorf("%q became %s", u.Claims, payload)
		}
	})
}

// FuzzRecipient: a client's key set is outside input. Whatever is accepted can
// be sealed to, and nothing panics.
func FuzzRecipient(f *testing.F) {
	f.Add("ECDH-ES", `{"kty":"EC","crv":"P-256","kid":"1","use":"enc","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}`)
	f.Add("ECDH-ES+A128KW", `{"kty":"EC","crv":"P-256","kid":"1","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}`)
	f.Add("RSA-OAEP", `{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB"}`)
	f.Add("dir", `{"kty":"oct","kid":"1","k":"AAAA"}`)
	s := newSigner(f)
	for name, k := range map[string]any{"ECDH-ES": &curveKey(f, elliptic.P521()).PublicKey, "RSA-OAEP-256": &rsaKey().PublicKey} {
		b, err := json.Marshal(public(k))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, string(b))
	}
	f.Fuzz(func(t *testing.T, alg, text string) {
		var key jose.JSONWebKey
		if err := json.Unmarshal([]byte(text), &key); err != nil {
			return
		}
		to, err := token.NewRecipient(issuer, clientID, alg, key)
		if err != nil {
			return
		}
		if _, err := token.Seal(t.Context(), s, to, []byte(`{"sub":"x"}`)); err != nil {
			t.Errorf("accepted, but: %v", err)
		}
	})
}
