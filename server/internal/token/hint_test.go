package token_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/token"
)

// published is a key set with the signer's key among others.
func published(tb testing.TB, s signer) []byte {
	tb.Helper()
	other := newSigner(tb)
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: other.key.Public(), KeyID: "next", Use: "sig", Algorithm: "ES256"},
		{Key: s.key.Public(), KeyID: s.kid, Use: "sig", Algorithm: "ES256"},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// What Seal made is read again, with its session and without, however long ago that was.
func TestReadHint(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, sid := range []string{"", "session-1"} {
		it := idToken()
		it.Session = sid
		payload, err := it.Payload(frame())
		if err != nil {
			t.Fatal(err)
		}
		compact, err := token.Seal(t.Context(), s, token.SignedAlone(), payload)
		if err != nil {
			t.Fatal(err)
		}
		got, err := token.ReadHint(compact, issuer, published(t, s))
		want := token.Hint{Audience: clientID, Subject: subject, Nonce: nonce, AuthTime: it.AuthTime.UTC().Truncate(time.Second), Session: sid}
		if err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// Each row changes one thing in an ID token that is read.
func TestReadHintRefusals(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t), newSigner(t)
	set := published(t, s)
	base := map[string]any{
		"sub": subject, "acr": "eidas3", "auth_time": 1772600727, "nonce": nonce, "aud": clientID, "exp": 1772600827, "iat": 1772600767, "iss": issuer,
	}
	header := `{"alg":"ES256","kid":"` + s.kid + `"}`
	sign := func(by signer, header string, change map[string]any) string {
		t.Helper()
		claims := maps.Clone(base)
		maps.Copy(claims, change)
		for name, value := range claims {
			if value == nil {
				delete(claims, name)
			}
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := by.jws(header, payload)
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	good := sign(s, header, nil)
	parts := strings.Split(good, ".")
	rows := map[string]string{
		"empty": "", "no token": "a.b.c", "two parts": parts[0] + "." + parts[1], "four parts": good + ".x",
		"a byte more": good + "A", "a byte less": good[:len(good)-1], "padded": good + "==", "a line end": parts[0] + "." + parts[1] + ".\n" + parts[2],
		"no signature":              parts[0] + "." + parts[1] + ".",
		"another payload":           parts[0] + "." + strings.Split(sign(s, header, map[string]any{"sub": "x"}), ".")[1] + "." + parts[2],
		"another key":               sign(other, header, nil),
		"a name not published":      sign(s, `{"alg":"ES256","kid":"x"}`, nil),
		"no name":                   sign(s, `{"alg":"ES256"}`, nil),
		"another key's name":        sign(s, `{"alg":"ES256","kid":"next"}`, nil),
		"a type":                    sign(s, `{"alg":"ES256","kid":"`+s.kid+`","typ":"logout+jwt"}`, nil),
		"another order":             sign(s, `{"kid":"`+s.kid+`","alg":"ES256"}`, nil),
		"no algorithm":              sign(s, `{"alg":"none","kid":"`+s.kid+`"}`, nil),
		"another issuer":            sign(s, header, map[string]any{"iss": issuer + "/"}),
		"no issuer":                 sign(s, header, map[string]any{"iss": nil}),
		"no audience":               sign(s, header, map[string]any{"aud": ""}),
		"a list of audiences":       sign(s, header, map[string]any{"aud": []string{clientID}}),
		"no subject":                sign(s, header, map[string]any{"sub": nil}),
		"an empty nonce":            sign(s, header, map[string]any{"nonce": ""}),
		"no level, as userinfo":     sign(s, header, map[string]any{"acr": nil}),
		"no time":                   sign(s, header, map[string]any{"auth_time": nil}),
		"a fraction":                sign(s, header, map[string]any{"auth_time": 1.5}),
		"before all":                sign(s, header, map[string]any{"auth_time": -1}),
		"after all":                 sign(s, header, map[string]any{"auth_time": 1e15}),
		"a time in quotes":          sign(s, header, map[string]any{"auth_time": "1772600727"}),
		"an empty session":          sign(s, header, map[string]any{"sid": ""}),
		"a session that is no text": sign(s, header, map[string]any{"sid": 1}),
		"oversized":                 sign(s, header, map[string]any{"x": strings.Repeat("a", token.MostHint)}),
	}
	for name, compact := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := token.ReadHint(compact, issuer, set); err == nil {
				t.Errorf("read as %+v", got)
			}
		})
	}
	if _, err := token.ReadHint(good, issuer, set); err != nil {
		t.Errorf("the base: %v", err)
	}
	if _, err := token.ReadHint(good, issuer, []byte("{")); err == nil {
		t.Error("read by no key set")
	}
	if _, err := token.ReadHint(good, issuer, []byte(`{"keys":[]}`)); err == nil {
		t.Error("read by no key")
	}
}

// FuzzReadHint has what is read be what was signed.
func FuzzReadHint(f *testing.F) {
	s := newSigner(f)
	set := published(f, s)
	good, err := s.jws(`{"alg":"ES256","kid":"`+s.kid+`"}`, []byte(`{"sub":"s","acr":"eidas1","auth_time":1,"nonce":"n","aud":"a","iss":"`+issuer+`"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, compact string) {
		if h, err := token.ReadHint(compact, issuer, set); err == nil && (h.Audience != "a" || !strings.HasPrefix(compact, good[:strings.LastIndex(good, ".")])) {
			t.Errorf("read %+v of %q", h, compact)
		}
	})
}

func TestLogoutPayload(t *testing.T) {
	t.Parallel()
	f := frame()
	got, err := token.Logout{Subject: subject, Session: "session-1", ID: "jti-1"}.Payload(f)
	const want = `{"sub":"` + subject + `","sid":"session-1","events":{"http://schemas.openid.net/event/backchannel-logout":{}},"jti":"jti-1","aud":"` +
		clientID + `","exp":1772600827,"iat":1772600767,"iss":"` + issuer + `"}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	for name, l := range map[string]token.Logout{
		"subject": {Session: "s", ID: "j"}, "a whole session": {Subject: subject, Session: "\xff", ID: "j"}, "identifier": {Subject: subject, Session: "s"},
		"not UTF-8": {Subject: subject, Session: "\xff", ID: "j"},
	} {
		if _, err := l.Payload(f); err == nil {
			t.Errorf("made without %s", name)
		}
	}
	got, err = token.Logout{Subject: subject, ID: "jti-1"}.Payload(f)
	if without := strings.Replace(want, `"sid":"session-1",`, "", 1); err != nil || string(got) != without {
		t.Errorf("%v\n%s\n%s", err, got, without)
	}
	if _, err := (token.Logout{Subject: subject, Session: "s", ID: "j"}).Payload(token.Frame{}); err == nil {
		t.Error("made without a frame")
	}
}

// The session stands behind the nonce, and only where there is one.
func TestSessionInIDToken(t *testing.T) {
	t.Parallel()
	it := idToken()
	plain, err := it.Payload(frame())
	if err != nil || strings.Contains(string(plain), "sid") {
		t.Fatalf("%s, %v", plain, err)
	}
	it.Session = "session-1"
	named, err := it.Payload(frame())
	if want := strings.Replace(string(plain), `"nonce":"`+nonce+`",`, `"nonce":"`+nonce+`","sid":"session-1",`, 1); err != nil || string(named) != want {
		t.Errorf("%s, %v", named, err)
	}
	it.Session = "\xff"
	if _, err := it.Payload(frame()); err == nil {
		t.Error("a session that is not UTF-8")
	}
}
