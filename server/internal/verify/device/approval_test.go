package device_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/verify/device"
)

func TestGoldenApproval(t *testing.T) {
	t.Parallel()
	if a, err := device.VerifyApproval([]byte(golden(t, "approval.json")), expect(t)); err != nil || a == nil {
		t.Error(err)
	}
}

// TestVerifyApproval changes one thing of an approval that is good.
func TestVerifyApproval(t *testing.T) {
	t.Parallel()
	type scene struct {
		*approval
		expect device.Expect
		edit   func([]byte) []byte
	}
	set := func(name string, v any) func(*scene) { return func(s *scene) { s.claims[name] = v } }
	head := func(i int, name string, v any) func(*scene) { return func(s *scene) { s.headers[i][name] = v } }
	edit := func(f func(map[string]any)) func(*scene) {
		return func(s *scene) {
			s.edit = func(raw []byte) []byte {
				var m map[string]any
				if err := json.Unmarshal(raw, &m); err != nil {
					t.Fatal(err)
				}
				f(m)
				raw, err := json.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				return raw
			}
		}
	}
	signatures := func(m map[string]any) []any { return m["signatures"].([]any) }
	signature := func(m map[string]any, i int) map[string]any { return signatures(m)[i].(map[string]any) }
	life := func(iat, exp time.Duration) func(*scene) {
		return func(s *scene) { s.claims["iat"], s.claims["exp"] = now().Add(iat).Unix(), now().Add(exp).Unix() }
	}
	wrong := octets(32)
	for _, tc := range []struct {
		name   string
		change func(*scene)
		want   device.Reason
	}{
		{"nothing changed", func(*scene) {}, ""},
		{"no card", func(s *scene) { delete(s.claims, "card"); s.expect.Card = [32]byte{} }, ""},
		{"no hop", func(s *scene) { s.claims["hop"], s.expect.Hop = "", "" }, ""},
		{"another language", set("language", "en"), ""}, // the display's digest covers it
		{"a clock two minutes ahead", life(2*time.Minute, 3*time.Minute), ""},
		{"a clock two minutes behind", life(-2*time.Minute, -time.Minute), ""},

		{"no signature", func(s *scene) { s.by = nil }, device.ReasonSignatures},
		{"the device's alone", func(s *scene) { s.by = s.by[:1] }, device.ReasonSignatures},
		{"the PIN's alone", func(s *scene) { s.by, s.headers = s.by[1:], s.headers[1:] }, device.ReasonSignatures},
		{"three", func(s *scene) { s.by, s.headers = append(s.by, otherKey(t)), append(s.headers, s.headers[1]) }, device.ReasonSignatures},
		{"the device twice", func(s *scene) { s.by[1] = s.by[0] }, device.ReasonSignatures},
		{"the PIN twice", func(s *scene) { s.by[0] = s.by[1] }, device.ReasonSignatures},
		{"one key for both", func(s *scene) { s.by[1], s.expect.Keys.PIN = s.by[0], s.by[0].Key }, device.ReasonKeys},
		{"another PIN", func(s *scene) { s.by[1] = otherKey(t) }, device.ReasonSignatures},
		{"another device's signature", func(s *scene) { s.by[0] = otherKey(t) }, device.ReasonSignatures},
		{"another device", func(s *scene) { s.by[0], s.headers[0]["kid"] = otherKey(t), otherKey(t).ID() }, device.ReasonDevice},
		{"the two exchanged", func(s *scene) { slices.Reverse(s.by); slices.Reverse(s.headers) }, device.ReasonDevice},
		{"the keys exchanged", func(s *scene) { slices.Reverse(s.by) }, device.ReasonSignatures},
		{"no name of the device", head(0, "kid", ""), device.ReasonDevice},
		{"the PIN under another name", head(1, "kid", thumbprintPIN), device.ReasonKeys},
		{"both named as the device", head(1, "kid", thumbprintDevice), device.ReasonKeys},
		{"signatures exchanged", edit(func(m map[string]any) {
			a, b := signature(m, 0), signature(m, 1)
			a["signature"], b["signature"] = b["signature"], a["signature"]
		}), device.ReasonSignatures},
		{"the payload edited", edit(func(m map[string]any) { m["payload"] = m["payload"].(string) + "AAAA" }), device.ReasonSignatures},

		{"another type", head(0, "typ", "JWT"), device.ReasonType},
		{"the PIN's of another type", head(1, "typ", "pivot-request+jwt"), device.ReasonType},
		{"no algorithm", head(0, "alg", "none"), device.ReasonType},
		{"another algorithm", head(1, "alg", "ES384"), device.ReasonType},
		{"a key in the header", head(0, "jwk", map[string]string{"kty": "EC"}), device.ReasonMalformed},
		{"a critical extension", head(1, "crit", []string{"b64"}), device.ReasonMalformed},
		{"no kid", func(s *scene) { delete(s.headers[0], "kid") }, device.ReasonMalformed},

		{"another device says it", set("iss", "device-2"), device.ReasonIssuer},
		{"of another device", func(s *scene) { s.expect.Device = "device-2" }, device.ReasonIssuer},
		{"to another broker", set("aud", "https://other.example/api/v2"), device.ReasonAudience},
		{"of another ceremony", set("ceremony", "ceremony-2"), device.ReasonTransaction},
		{"for another ceremony", func(s *scene) { s.expect.Ceremony = "ceremony-2" }, device.ReasonTransaction},
		{"another nonce", set("nonce", bytes.Repeat([]byte{1}, 32)), device.ReasonNonce},
		{"a nonce cut", set("nonce", octets(31)), device.ReasonNonce},
		{"another hop", set("hop", "hop-2"), device.ReasonHop},
		{"no hop where there was one", set("hop", ""), device.ReasonHop},
		{"a hop where there was none", func(s *scene) { s.expect.Hop = "" }, device.ReasonHop},
		{"another request", set("request", wrong), device.ReasonRequest},
		{"no request", set("request", []byte{}), device.ReasonRequest},
		{"another display", set("display", wrong), device.ReasonDisplay},
		{"another card", set("card", wrong), device.ReasonCard},
		{"the card left out", func(s *scene) { delete(s.claims, "card") }, device.ReasonCard},
		{"no card, in octets", func(s *scene) { s.claims["card"], s.expect.Card = make([]byte, 32), [32]byte{} }, device.ReasonCard},
		{"a card where there was none", func(s *scene) { s.expect.Card = [32]byte{} }, device.ReasonCard},
		{"a no", set("decision", "refuse"), device.ReasonDecision},
		{"no decision", set("decision", ""), device.ReasonDecision},
		{"a yes in another case", set("decision", "Approve"), device.ReasonDecision},
		{"a life of a second more", life(0, 61*time.Second), device.ReasonExpired},
		{"a life of none", life(0, 0), device.ReasonExpired},
		{"a life backwards", life(60*time.Second, 0), device.ReasonExpired},
		{"over, whatever the clock", life(-4*time.Minute, -3*time.Minute), device.ReasonExpired},
		{"not begun, whatever the clock", life(3*time.Minute, 4*time.Minute), device.ReasonExpired},
		{"a life that overflows", func(s *scene) { s.claims["iat"], s.claims["exp"] = -1<<62, int64(1)<<62 }, device.ReasonExpired},

		{"a claim more", set("level", "eidas3"), device.ReasonMalformed},
		{"a claim missing", func(s *scene) { delete(s.claims, "display") }, device.ReasonMalformed},
		{"a claim of another type", set("exp", "1"), device.ReasonMalformed},
		{"a payload that is no object", func(s *scene) { s.payload = b64([]byte(`"approve"`)) }, device.ReasonMalformed},
		{"a claim twice", func(s *scene) {
			raw, _ := json.Marshal(s.claims)
			s.payload = b64(bytes.Replace(raw, []byte("{"), []byte(`{"decision":"refuse",`), 1))
		}, device.ReasonMalformed},
		{"an unprotected header", edit(func(m map[string]any) { signature(m, 1)["header"] = map[string]any{"kid": "pin"} }), device.ReasonMalformed},
		{"a member beside", func(s *scene) { s.more = map[string]any{"signature": "AA"} }, device.ReasonMalformed},
		{"flattened", edit(func(m map[string]any) {
			m["protected"], m["signature"] = signature(m, 0)["protected"], signature(m, 0)["signature"]
			delete(m, "signatures")
		}), device.ReasonMalformed},
		{"no payload", edit(func(m map[string]any) { m["payload"] = "" }), device.ReasonMalformed},
		{"a padded payload", edit(func(m map[string]any) { m["payload"] = m["payload"].(string) + "=" }), device.ReasonMalformed},
		{"a signature left empty", edit(func(m map[string]any) { signature(m, 0)["signature"] = "" }), device.ReasonMalformed},
		{"half a signature", edit(func(m map[string]any) { signature(m, 0)["signature"] = b64(octets(32)) }), device.ReasonSignatures},
		{"a signature over two lines", edit(func(m map[string]any) {
			s := signature(m, 0)["signature"].(string)
			signature(m, 0)["signature"] = s[:40] + "\n" + s[40:]
		}), device.ReasonMalformed},
		{"a byte behind", func(s *scene) { s.edit = func(raw []byte) []byte { return append(raw, 'x') } }, device.ReasonMalformed},
		{"as compact", func(s *scene) { s.edit = func([]byte) []byte { return []byte("e30.e30.AA") } }, device.ReasonMalformed},
		{"nothing", func(s *scene) { s.edit = func([]byte) []byte { return nil } }, device.ReasonMalformed},
		{"too long", func(s *scene) {
			s.edit = func(raw []byte) []byte { return append(raw, bytes.Repeat([]byte(" "), 16<<10)...) }
		}, device.ReasonMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &scene{approval: newApproval(t), expect: expect(t), edit: func(raw []byte) []byte { return raw }}
			tc.change(s)
			got, err := device.VerifyApproval(s.edit(s.encode(t)), s.expect)
			if why := reason(t, err); why != tc.want || (got == nil) == (err == nil) {
				t.Errorf("refused for %q, want %q: %v", why, tc.want, err)
			}
		})
	}
}

// TestExpectIsWhole: a caller that forgets a part is told so, and nothing is approved.
func TestExpectIsWhole(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*device.Expect){
		"issuer": func(e *device.Expect) { e.Issuer = "" }, "device": func(e *device.Expect) { e.Device = "" },
		"ceremony": func(e *device.Expect) { e.Ceremony = "" }, "nonce": func(e *device.Expect) { e.Nonce = nil },
		"request": func(e *device.Expect) { e.Request = [32]byte{} }, "display": func(e *device.Expect) { e.Display = [32]byte{} },
		"device key": func(e *device.Expect) { e.Keys.Device = device.Key{} }, "PIN key": func(e *device.Expect) { e.Keys.PIN = device.Key{} },
		"time": func(e *device.Expect) { e.Now = time.Time{} },
	} {
		e := expect(t)
		change(&e)
		a, err := device.VerifyApproval([]byte(golden(t, "approval.json")), e)
		if _, refused := errors.AsType[*device.Refusal](err); a != nil || err == nil || refused {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestApprovalIsRedacted(t *testing.T) {
	t.Parallel()
	a, err := device.VerifyApproval(newApproval(t).encode(t), expect(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, format, a)
		fmt.Fprintf(&out, format, *a)
		fmt.Fprintf(&out, format, struct{ Field any }{a})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("approved", "a", a)
	if s := out.String(); strings.Contains(s, "device-1") || strings.Contains(s, "ceremony") || !strings.Contains(s, "redacted") {
		t.Errorf("prints %s", s)
	}
}

// FuzzVerifyApproval: nothing but what both keys signed for this ceremony is taken for an approval.
func FuzzVerifyApproval(f *testing.F) {
	want := golden(f, "approval.json")
	f.Add([]byte(want))
	f.Add(newApproval(f).encode(f))
	f.Add([]byte(`{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"},{"protected":"e30","signature":"AA"}]}`))
	e := expect(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := device.VerifyApproval(raw, e)
		if (a == nil) == (err == nil) {
			t.Fatalf("%v, %v", a, err)
		}
		if err != nil {
			_ = reason(t, err)
		}
	})
}

func BenchmarkVerifyApproval(b *testing.B) {
	raw, e := []byte(golden(b, "approval.json")), expect(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := device.VerifyApproval(raw, e); err != nil {
			b.Fatal(err)
		}
	}
}
