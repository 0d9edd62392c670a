package device_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/verify/device"
)

const callURL = "https://broker.example/companion/v1/ceremonies/ceremony-1/hop"

var callBody = []byte(`{"port":50123}`)

func asked() device.CallRequest {
	return device.CallRequest{Method: http.MethodPost, URL: callURL, Body: callBody, Now: now()}
}

func TestGoldenCall(t *testing.T) {
	t.Parallel()
	call, err := device.ParseCall(golden(t, "call.jws"), asked())
	if err != nil || !call.Key.Equal(deviceKey(t).Key) || call.ID != b64(octets(16)) {
		t.Errorf("%+v, %v", call, err)
	}
}

// call is one as an app signs it, valid as it is drafted.
type call struct {
	header, claims map[string]any
	by             signer
	edit           func(string) string // the compact form
}

func newCall(tb testing.TB) *call {
	tb.Helper()
	digest := sha256.Sum256(callBody)
	return &call{
		header: map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": json.RawMessage(deviceKey(tb).JWK())},
		claims: map[string]any{
			"jti": b64(octets(16)), "htm": "POST", "htu": callURL, "iat": now().Unix(), "bh": b64(digest[:]),
		},
		by: deviceKey(tb), edit: func(s string) string { return s },
	}
}

func (c *call) encode(tb testing.TB) string {
	tb.Helper()
	header, claims := encoded(tb, c.header), encoded(tb, c.claims)
	return c.edit(header + "." + claims + "." + c.by.sign(tb, header, claims))
}

// TestParseCall changes one thing of a call that is good.
func TestParseCall(t *testing.T) {
	t.Parallel()
	set := func(name string, v any) func(*call, *device.CallRequest) {
		return func(c *call, _ *device.CallRequest) { c.claims[name] = v }
	}
	head := func(name string, v any) func(*call, *device.CallRequest) {
		return func(c *call, _ *device.CallRequest) { c.header[name] = v }
	}
	edit := func(f func(string) string) func(*call, *device.CallRequest) {
		return func(c *call, _ *device.CallRequest) { c.edit = f }
	}
	at := func(d time.Duration) func(*call, *device.CallRequest) {
		return func(_ *call, r *device.CallRequest) { r.Now = r.Now.Add(d) }
	}
	empty := sha256.Sum256(nil)
	for _, tc := range []struct {
		name   string
		change func(*call, *device.CallRequest)
		want   device.Reason
	}{
		{"nothing changed", func(*call, *device.CallRequest) {}, ""},
		{"a GET without body", func(c *call, r *device.CallRequest) {
			c.claims["htm"], c.claims["bh"], r.Method, r.Body = "GET", b64(empty[:]), "GET", nil
		}, ""},
		{"two minutes late", at(2 * time.Minute), ""},
		{"two minutes early", at(-2 * time.Minute), ""},
		{"a jti of the longest", set("jti", b64(octets(64))), ""},

		{"signed by another", func(c *call, _ *device.CallRequest) { c.by = otherKey(t) }, device.ReasonSignature},
		{"the key of another", head("jwk", json.RawMessage(otherKey(t).JWK())), device.ReasonSignature},
		{"claims edited", edit(func(s string) string {
			parts := strings.Split(s, ".")
			return parts[0] + "." + b64([]byte(`{"jti":"`+b64(octets(17))+`"}`)) + "." + parts[2]
		}), device.ReasonSignature},
		{"another method", func(_ *call, r *device.CallRequest) { r.Method = http.MethodPut }, device.ReasonMethod},
		{"a method in lower case", set("htm", "post"), device.ReasonMethod},
		{"no method", func(c *call, r *device.CallRequest) { c.claims["htm"], r.Method = "", "" }, device.ReasonMethod},
		{"another path", func(_ *call, r *device.CallRequest) { r.URL += "/" }, device.ReasonURL},
		{"a query", set("htu", callURL+"?x"), device.ReasonURL},
		{"another host", set("htu", strings.Replace(callURL, "broker", "evil", 1)), device.ReasonURL},
		{"no address", func(c *call, r *device.CallRequest) { c.claims["htu"], r.URL = "", "" }, device.ReasonURL},
		{"another body", func(_ *call, r *device.CallRequest) { r.Body = []byte(`{"port":50124}`) }, device.ReasonBody},
		{"no body", func(_ *call, r *device.CallRequest) { r.Body = nil }, device.ReasonBody},
		{"a body where none was signed", set("bh", b64(empty[:])), device.ReasonBody},
		{"no hash of the body", set("bh", ""), device.ReasonBody},
		{"a second too late", at(2*time.Minute + time.Second), device.ReasonClock},
		{"a second too early", at(-2*time.Minute - time.Second), device.ReasonClock},
		{"before there was time", set("iat", -1), device.ReasonClock},
		{"another method, and late", func(_ *call, r *device.CallRequest) {
			r.Method, r.Now = "PUT", r.Now.Add(time.Hour)
		}, device.ReasonMethod},

		{"a short jti", set("jti", b64(octets(15))), device.ReasonMalformed},
		{"a long jti", set("jti", b64(octets(65))), device.ReasonMalformed},
		{"a jti with a padding", set("jti", b64(octets(16))+"=="), device.ReasonMalformed},
		{"a jti that is not canonical", set("jti", b64(octets(16))[:21]+"x"), device.ReasonMalformed},
		{"a jti that is a number", set("jti", 1), device.ReasonMalformed},
		{"an iat with a fraction", set("iat", 1795340000.5), device.ReasonMalformed},
		{"an iat that is text", set("iat", "1795340000"), device.ReasonMalformed},
		{"a claim more", set("ath", "x"), device.ReasonMalformed},
		{"a nonce", set("nonce", "x"), device.ReasonMalformed},
		{"no jti", func(c *call, _ *device.CallRequest) { delete(c.claims, "jti") }, device.ReasonMalformed},
		{"no iat", func(c *call, _ *device.CallRequest) { delete(c.claims, "iat") }, device.ReasonMalformed},
		{"another type", head("typ", "JWT"), device.ReasonMalformed},
		{"the type in another case", head("typ", "DPoP+JWT"), device.ReasonMalformed},
		{"no type", func(c *call, _ *device.CallRequest) { delete(c.header, "typ") }, device.ReasonMalformed},
		{"no algorithm", head("alg", "none"), device.ReasonMalformed},
		{"another algorithm", head("alg", "HS256"), device.ReasonMalformed},
		{"a name of the key", head("kid", "1"), device.ReasonMalformed},
		{"a critical extension", head("crit", []string{"b64"}), device.ReasonMalformed},
		{"a private key", func(c *call, _ *device.CallRequest) {
			c.header["jwk"] = json.RawMessage(strings.Replace(string(c.by.JWK()), "}", `,"d":"AA"}`, 1))
		}, device.ReasonMalformed},
		{"no key", func(c *call, _ *device.CallRequest) { delete(c.header, "jwk") }, device.ReasonMalformed},
		{"a key that is text", head("jwk", "x"), device.ReasonMalformed},
		{"no signature", edit(func(s string) string { return s[:strings.LastIndex(s, ".")+1] }), device.ReasonMalformed},
		{"half a signature", edit(func(s string) string { return s[:strings.LastIndex(s, ".")+1] + b64(octets(32)) }), device.ReasonSignature},
		{"two parts", edit(func(s string) string { return s[:strings.LastIndex(s, ".")] }), device.ReasonMalformed},
		{"four parts", edit(func(s string) string { return s + ".AA" }), device.ReasonMalformed},
		{"padded", edit(func(s string) string { return s + "==" }), device.ReasonMalformed},
		{"a line break", edit(func(s string) string { return s + "\n" }), device.ReasonMalformed},
		{"a space before", edit(func(s string) string { return " " + s }), device.ReasonMalformed},
		{"two of them", edit(func(s string) string { return s + ", " + s }), device.ReasonMalformed},
		{"as JSON", edit(func(s string) string { return `{"payload":"AA"}` }), device.ReasonMalformed},
		{"nothing", edit(func(string) string { return "" }), device.ReasonMalformed},
		{"too long", set("htu", strings.Repeat("h", 4096)), device.ReasonMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, want := newCall(t), asked()
			tc.change(c, &want)
			got, err := device.ParseCall(c.encode(t), want)
			if why := reason(t, err); why != tc.want {
				t.Fatalf("refused for %q, want %q: %v", why, tc.want, err)
			}
			if (err == nil) == (got == device.Call{}) {
				t.Errorf("call %+v with error %v", got, err)
			}
		})
	}
}

// TestVerifyHop changes one part of a hop that holds.
func TestVerifyHop(t *testing.T) {
	t.Parallel()
	h := device.HopParts{Ceremony: "ceremony-1", A: "a-1", Device: "device-1", Port: 50123}
	// As computed by Python's hmac: see the transcripts of package wire.
	proof := unhex(t, "80f1e03896d97d00a9a6cc1c8ab106e5faaaa0048ba79071c98a5c959bac885b")
	if !device.VerifyHop(octets(32), h, proof) {
		t.Fatal("the golden hop does not hold")
	}
	for name, change := range map[string]func(*device.HopParts){
		"another ceremony": func(h *device.HopParts) { h.Ceremony = "ceremony-2" },
		"another address":  func(h *device.HopParts) { h.A = "a-2" },
		"another device":   func(h *device.HopParts) { h.Device = "device-2" },
		"another port":     func(h *device.HopParts) { h.Port = 50124 },
		"no ceremony":      func(h *device.HopParts) { h.Ceremony = "" },
		"no address":       func(h *device.HopParts) { h.A = "" },
		"no device":        func(h *device.HopParts) { h.Device = "" },
		"no port":          func(h *device.HopParts) { h.Port = 0 },
		"a port too high":  func(h *device.HopParts) { h.Port = 65536 },
	} {
		other := h
		change(&other)
		if device.VerifyHop(octets(32), other, proof) {
			t.Errorf("%s: holds", name)
		}
	}
	for name, ok := range map[string]bool{
		"another secret": device.VerifyHop(append(octets(31), 0), h, proof), "a short secret": device.VerifyHop(octets(31), h, proof),
		"no secret": device.VerifyHop(nil, h, proof), "nothing": device.VerifyHop(octets(32), h, nil),
		"cut": device.VerifyHop(octets(32), h, proof[:31]), "longer": device.VerifyHop(octets(32), h, append(proof, 0)),
	} {
		if ok {
			t.Errorf("%s: holds", name)
		}
	}
}

// FuzzParseCall: nothing but what the device signed for this call is taken for one.
func FuzzParseCall(f *testing.F) {
	f.Add(golden(f, "call.jws"))
	f.Add(newCall(f).encode(f))
	f.Add("..")
	f.Add("e30.e30.AA")
	f.Fuzz(func(t *testing.T, proof string) {
		c, err := device.ParseCall(proof, asked())
		if c.Key.IsZero() != (err != nil) {
			t.Fatalf("%+v, %v", c, err)
		}
		if err != nil {
			_ = reason(t, err)
		}
	})
}

func BenchmarkParseCall(b *testing.B) {
	proof := golden(b, "call.jws")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := device.ParseCall(proof, asked()); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRefusalSaysWhy: the word first, then the detail when there is one.
func TestRefusalSaysWhy(t *testing.T) {
	t.Parallel()
	detail := errors.New("jti")
	for want, r := range map[string]*device.Refusal{
		"device refused: clock":          {Reason: device.ReasonClock},
		"device refused: malformed: jti": {Reason: device.ReasonMalformed, Err: detail},
	} {
		if r.Error() != want || errors.Is(r, detail) != (r.Err != nil) {
			t.Errorf("%q, want %q", r, want)
		}
	}
}
