package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/app/internal/api"
	"pivot/shared/wire"
)

// baseRequest is a request that is as expected.
func baseRequest() wire.Request {
	return wire.Request{
		Iss: "I", Aud: "D", Iat: pinned.Unix(), Exp: pinned.Unix() + 120, Jti: "j", Ceremony: "T", Nonce: bytes.Repeat([]byte{1}, 32),
		Hop: "H", Service: wire.Service{ClientID: "sp", Name: "Impôts"}, Level: "eidas3", Card: true,
		Claims:   []wire.ClaimGroup{{Provider: "État civil", Labels: []string{"Nom"}}},
		Language: "fr", Browser: "Firefox, Linux", Place: "192.0.2.1",
	}
}

// jws signs a payload as a broker does.
func jws(tb testing.TB, k key, kid, typ string, payload any) string {
	tb.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		tb.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.PrivateKey, KeyID: kid}}, options)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		tb.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return compact
}

func TestVerifyRequest(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.answer = func(http.ResponseWriter, *http.Request, []byte) { t.Error("the keys were asked for") }
	signing := newKey(t)
	expect := api.Expect{
		Issuer: "I", Device: "D", Keys: json.RawMessage(keySet(t, "k1", signing)), Ceremony: "T", Nonce: bytes.Repeat([]byte{1}, 32), Hop: "H",
	}
	const typ = "pivot-request+jwt"
	good := jws(t, signing, "k1", typ, baseRequest())
	for _, row := range []struct {
		name   string
		change func(*wire.Request)
		jws    string
		ok     bool
	}{
		{name: "as expected", ok: true},
		{name: "a minute old", ok: true, change: func(r *wire.Request) { r.Iat, r.Exp = r.Iat-60, r.Exp-60 }},
		{name: "another issuer", change: func(r *wire.Request) { r.Iss = "J" }},
		{name: "another device", change: func(r *wire.Request) { r.Aud = "E" }},
		{name: "another ceremony", change: func(r *wire.Request) { r.Ceremony = "U" }},
		{name: "another nonce", change: func(r *wire.Request) { r.Nonce = make([]byte, 32) }},
		{name: "another hop", change: func(r *wire.Request) { r.Hop = "" }},
		{name: "without id", change: func(r *wire.Request) { r.Jti = "" }},
		{name: "expired", change: func(r *wire.Request) { r.Iat, r.Exp = r.Iat-600, r.Exp-600 }},
		{name: "not yet", change: func(r *wire.Request) { r.Iat, r.Exp = r.Iat+600, r.Exp+600 }},
		{name: "too long-lived", change: func(r *wire.Request) { r.Exp++ }},
		{name: "ends before it begins", change: func(r *wire.Request) { r.Exp = r.Iat - 1 }},
		{name: "another key of that name", jws: jws(t, newKey(t), "k1", typ, baseRequest())},
		{name: "another type", jws: jws(t, signing, "k1", "JWT", baseRequest())},
		{name: "no key named", jws: jws(t, signing, "", typ, baseRequest())},
		{name: "a member more", jws: jws(t, signing, "k1", typ, map[string]any{"iss": "I"})},
		{name: "edited", jws: strings.Replace(good, ".", ".A", 1)},
		{name: "cut", jws: good[:len(good)-4]},
		{name: "nothing", jws: " "},
		{name: "two parts", jws: good[:strings.LastIndex(good, ".")]},
		{name: "without end", jws: strings.Repeat("a", 70_000)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			compact := row.jws
			if compact == "" {
				r := baseRequest()
				if row.change != nil {
					row.change(&r)
				}
				compact = jws(t, signing, "k1", typ, r)
			}
			got, keys, err := b.client.VerifyRequest(t.Context(), compact, expect)
			if !row.ok {
				if !errors.Is(err, api.ErrRequest) || keys != nil || got.Service.Name != "" {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil || got.Service.Name != "Impôts" || !bytes.Equal(keys, expect.Keys) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// TestNewKeys: a broker that changed its keys is asked once, by way of TLS.
func TestNewKeys(t *testing.T) {
	t.Parallel()
	old, renewed := newKey(t), newKey(t)
	compact := jws(t, renewed, "k2", "pivot-request+jwt", baseRequest())
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: renewed.PrivateKey, KeyID: "k2"}}})
	if err != nil {
		t.Fatal(err)
	}
	set := keySet(t, "k2", renewed)
	twice := strings.Replace(set, `{"keys":[`, `{"keys":[`+set[len(`{"keys":[`):len(set)-2]+",", 1)
	for _, row := range []struct {
		name, set string
		ok        bool
	}{
		{"with that key", set, true},
		{"without it", keySet(t, "k1", old), false},
		{"another key of that name", keySet(t, "k2", old), false},
		{"that key twice", twice, false},
		{"a private key", string(private), false},
		{"none", `{"keys":[]}`, false},
		{"no set", `[]`, false},
		{"without end", `{"keys":[],"x":"` + strings.Repeat("x", 40_000) + `"}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t)
			asked := 0
			b.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
				asked++
				if r.URL.Path != wire.PathKeys || r.Method != http.MethodGet {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(row.set))
			}
			expect := api.Expect{
				Issuer: "I", Device: "D", Keys: json.RawMessage(keySet(t, "k1", old)), Ceremony: "T",
				Nonce: bytes.Repeat([]byte{1}, 32), Hop: "H",
			}
			_, keys, err := b.client.VerifyRequest(t.Context(), compact, expect)
			if (err == nil) != row.ok || asked != 1 {
				t.Errorf("asked %d times: %v", asked, err)
			}
			if row.ok && string(keys) != row.set {
				t.Error("the keys to pin are not those that were given")
			}
		})
	}
}

func FuzzVerifyRequest(f *testing.F) {
	k := newKey(f)
	c, err := api.New(api.Options{Origin: "https://broker.example", Key: k, Now: now, Transport: transport(
		func(*http.Request) (*http.Response, error) { return answered(404, "text/plain", ""), nil })})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(jws(f, k, "k1", "pivot-request+jwt", baseRequest()))
	f.Add("a.b.c")
	expect := api.Expect{Issuer: "other", Keys: json.RawMessage(keySet(f, "k1", k))}
	f.Fuzz(func(t *testing.T, compact string) {
		if _, _, err := c.VerifyRequest(t.Context(), compact, expect); err == nil {
			t.Error("accepted")
		}
	})
}
