package wire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/shared/wire"
)

func octets(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i)
	}
	return out
}

func b64(n int) string { return base64.StdEncoding.EncodeToString(octets(n)) }

// whole gives one message of each type with every member set, and what it is on the wire.
func whole() []struct {
	message any
	json    string
} {
	seven, reach := 7, wire.Reach{Extended: true, MaxResponse: 65536, Block: 231, Sizes: map[string]int{"1": 95}}
	opening := &wire.Opening{ID: "o", OID: octets(3), KeyID: &seven, EphemeralPublic: octets(4), Batch: [][]byte{octets(2), octets(1)}}
	reachJSON := `{"extended":true,"max_response":65536,"block":231,"sizes":{"1":95}}`
	openingJSON := `{"id":"o","oid":"` + b64(3) + `","key_id":7,"ephemeral_public":"` + b64(4) + `","batch":["` + b64(2) + `","` + b64(1) + `"]}`
	return []struct {
		message any
		json    string
	}{
		{
			&wire.PairRequest{Code: "c", Key: json.RawMessage(`{"kty":"EC"}`), Protection: "tpm", Name: "n", Platform: "p"},
			`{"code":"c","key":{"kty":"EC"},"protection":"tpm","name":"n","platform":"p"}`,
		},
		{
			&wire.PairAnswer{Ceremony: "c", Device: "d", Issuer: "i", Nonce: octets(2), Keys: json.RawMessage(`{"keys":[]}`), Ratchet: octets(3), Expires: 9},
			`{"ceremony":"c","device":"d","issuer":"i","nonce":"` + b64(2) + `","keys":{"keys":[]},"ratchet":"` + b64(3) + `","expires":9}`,
		},
		{
			&wire.AttachRequest{Start: "s", Ratchet: octets(2), Roll: octets(3)},
			`{"start":"s","ratchet":"` + b64(2) + `","roll":"` + b64(3) + `"}`,
		},
		{
			&wire.ChangeRequest{Ratchet: octets(2), Roll: octets(3)},
			`{"ratchet":"` + b64(2) + `","roll":"` + b64(3) + `"}`,
		},
		{
			&wire.AttachAnswer{Ceremony: "c", Nonce: octets(2), Ratchet: octets(3), Expires: 9},
			`{"ceremony":"c","nonce":"` + b64(2) + `","ratchet":"` + b64(3) + `","expires":9}`,
		},
		{&wire.HopRequest{Port: 50123}, `{"port":50123}`},
		{&wire.HopAnswer{Hop: "h", Secret: octets(2)}, `{"hop":"h","secret":"` + b64(2) + `"}`},
		{&wire.Event{Stage: "ended", Reason: "expired", Version: 4}, `{"stage":"ended","reason":"expired","version":4}`},
		{
			&wire.AskRequest{Language: "fr", Card: octets(2), Reach: &reach},
			`{"language":"fr","card":"` + b64(2) + `","reach":` + reachJSON + `}`,
		},
		{&wire.AskAnswer{Request: "r", Opening: opening}, `{"request":"r","opening":` + openingJSON + `}`},
		{
			&wire.OpenRequest{CardAccess: octets(1), DG14: octets(2), SOD: octets(3), Card: octets(4), Reach: reach},
			`{"card_access":"` + b64(1) + `","dg14":"` + b64(2) + `","sod":"` + b64(3) + `","card":"` + b64(4) + `","reach":` + reachJSON + `}`,
		},
		{opening, openingJSON},
		{&wire.PINRequest{Blinded: octets(2), New: true}, `{"blinded":"` + b64(2) + `","new":true}`},
		{&wire.PINAnswer{Evaluated: octets(2), TriesLeft: 0}, `{"evaluated":"` + b64(2) + `","tries_left":0}`},
		{&wire.PINProof{Signature: octets(2), PublicKey: octets(3)}, `{"signature":"` + b64(2) + `","public_key":"` + b64(3) + `"}`},
		{
			&wire.ResultRequest{Opening: "o", Responses: [][]byte{octets(1), {}}, Approval: json.RawMessage(`{"payload":"p"}`)},
			`{"opening":"o","responses":["` + b64(1) + `",""],"approval":{"payload":"p"}}`,
		},
		{&wire.ResultAnswer{Card: octets(2), Reference: "r", Level: "eidas3"}, `{"card":"` + b64(2) + `","reference":"r","level":"eidas3"}`},
		{&wire.Refusal{Reason: "not-mine"}, `{"reason":"not-mine"}`},
		{&wire.DeskCode{Code: "c"}, `{"code":"c"}`},
		{
			&wire.DeviceStatus{Device: "d", Name: "n", State: "active", Level: "none", PIN: "set", TriesLeft: 5, Cards: 0, Desk: "r"},
			`{"device":"d","name":"n","state":"active","level":"none","pin":"set","tries_left":5,"cards":0,"desk":"r"}`,
		},
		{&wire.Empty{}, `{}`},
		{
			&wire.Problem{Code: wire.CodePINWrong, Reason: "r", Again: "files", ID: "i", TriesLeft: new(0), Now: 9},
			`{"error":"pin-wrong","reason":"r","again":"files","id":"i","tries_left":0,"now":9}`,
		},
		{
			new(request()),
			`{"iss":"https://broker.example/api/v2","aud":"device-1","iat":1,"exp":121,"jti":"j","ceremony":"ceremony-1","nonce":"` + b64(2) +
				`","hop":"h","service":{"client_id":"sp-1","name":"Impôts"},"level":"eidas3","card":true,"claims":[{"provider":"DGFIP","labels":["Revenu fiscal","Parts"]}],` +
				`"language":"fr","browser":"Firefox, Linux","place":"192.0.2.7"}`,
		},
		{
			&wire.ApprovalClaims{
				Iss: "d", Aud: "i", Iat: 1, Exp: 61, Ceremony: "c", Nonce: octets(1), Hop: "h", Request: octets(2), Display: octets(3),
				Language: "fr", Decision: "approve", Card: octets(4),
			},
			`{"iss":"d","aud":"i","iat":1,"exp":61,"ceremony":"c","nonce":"` + b64(1) + `","hop":"h","request":"` + b64(2) + `","display":"` + b64(3) +
				`","language":"fr","decision":"approve","card":"` + b64(4) + `"}`,
		},
	}
}

// TestMessages pins each message on the wire: the other side may be of another version of this program.
func TestMessages(t *testing.T) {
	t.Parallel()
	for _, tc := range whole() {
		raw, err := wire.Encode(tc.message)
		if err != nil || string(raw) != tc.json {
			t.Errorf("%T is written\n%s, error %v, want\n%s", tc.message, raw, err, tc.json)
			continue
		}
		got := fresh(tc.message)
		if err := wire.Decode(raw, got); err != nil {
			t.Errorf("%T: %v", tc.message, err)
		} else if diff := cmp.Diff(tc.message, got); diff != "" {
			t.Errorf("%T (-want +got):\n%s", tc.message, diff)
		}
	}
}

// fresh makes an empty message of the same type.
func fresh(message any) any {
	switch message.(type) {
	case *wire.PairRequest:
		return new(wire.PairRequest)
	case *wire.PairAnswer:
		return new(wire.PairAnswer)
	case *wire.AttachRequest:
		return new(wire.AttachRequest)
	case *wire.ChangeRequest:
		return new(wire.ChangeRequest)
	case *wire.AttachAnswer:
		return new(wire.AttachAnswer)
	case *wire.HopRequest:
		return new(wire.HopRequest)
	case *wire.HopAnswer:
		return new(wire.HopAnswer)
	case *wire.Event:
		return new(wire.Event)
	case *wire.AskRequest:
		return new(wire.AskRequest)
	case *wire.AskAnswer:
		return new(wire.AskAnswer)
	case *wire.OpenRequest:
		return new(wire.OpenRequest)
	case *wire.Opening:
		return new(wire.Opening)
	case *wire.PINRequest:
		return new(wire.PINRequest)
	case *wire.PINAnswer:
		return new(wire.PINAnswer)
	case *wire.PINProof:
		return new(wire.PINProof)
	case *wire.ResultRequest:
		return new(wire.ResultRequest)
	case *wire.ResultAnswer:
		return new(wire.ResultAnswer)
	case *wire.Refusal:
		return new(wire.Refusal)
	case *wire.DeskCode:
		return new(wire.DeskCode)
	case *wire.DeviceStatus:
		return new(wire.DeviceStatus)
	case *wire.Empty:
		return new(wire.Empty)
	case *wire.Problem:
		return new(wire.Problem)
	case *wire.Request:
		return new(wire.Request)
	}
	return new(wire.ApprovalClaims)
}

// TestLeastMessages: what is optional may be left out, and is left out.
func TestLeastMessages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		message any
		json    string
	}{
		{&wire.Event{Stage: "offered", Version: 1}, `{"stage":"offered","version":1}`},
		{&wire.AskRequest{Language: "en"}, `{"language":"en"}`},
		{&wire.AskAnswer{Request: "r"}, `{"request":"r"}`},
		{&wire.OpenRequest{}, `{"reach":{"extended":false,"max_response":0,"block":0}}`},
		{&wire.PINRequest{Blinded: octets(1)}, `{"blinded":"AA=="}`},
		{&wire.ResultRequest{}, `{}`},
		{&wire.ResultAnswer{Level: "none"}, `{"level":"none"}`},
		{&wire.Problem{Code: wire.CodeBusy}, `{"error":"busy"}`},
	} {
		raw, err := wire.Encode(tc.message)
		got := fresh(tc.message)
		if err != nil || string(raw) != tc.json || wire.Decode(raw, got) != nil || cmp.Diff(tc.message, got) != "" {
			t.Errorf("%T is written %s, error %v, read %v", tc.message, raw, err, got)
		}
	}
}

// TestDecodeRefuses changes one thing of a message that is read.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const base = `{"ceremony":"c","nonce":"AAEC","ratchet":"AA==","expires":9}`
	for _, tc := range []struct {
		name, old, new string
		ok             bool
	}{
		{"nothing changed", `9`, `9`, true},
		{"spaces and lines", `,"nonce"`, " ,\r\n\t\"nonce\" ", true},
		{"members in another order", `{"ceremony":"c","nonce":"AAEC",`, `{"nonce":"AAEC","ceremony":"c",`, true},
		{"an escaped name", `"nonce"`, `"\u006eonce"`, true},
		{"empty octets", `"AAEC"`, `""`, true},
		{"an unknown member", `9}`, `9,"more":1}`, false},
		{"an unknown member below", `9}`, `9,"more":{}}`, false},
		{"a name in another case", `"nonce"`, `"Nonce"`, false},
		{"a member twice", `9}`, `9,"expires":9}`, false},
		{"a member twice, in another case", `9}`, `9,"Expires":9}`, false},
		{"a member twice, escaped", `9}`, `9,"\u0065xpires":9}`, false},
		{"a member left out", `,"expires":9`, ``, false},
		{"a null", `9`, `null`, false},
		{"octets that are null", `"AAEC"`, `null`, false},
		{"another type", `9`, `"9"`, false},
		{"a fraction", `9`, `9.5`, false},
		{"an exponent", `9`, `9e0`, false},
		{"a number too large", `9`, `9223372036854775808`, false},
		{"octets as a list", `"AAEC"`, `[0,1,2]`, false},
		{"octets without padding", `"AA=="`, `"AA"`, false},
		{"octets of the other alphabet", `"AAEC"`, `"AA_-"`, false},
		{"octets that are not canonical", `"AA=="`, `"AB=="`, false},
		{"octets over two lines", `"AAEC"`, `"AA\nEC"`, false},
		{"text as an object", `"c"`, `{"a":"b"}`, false},
		{"text as a list", `"c"`, `["c"]`, false},
		{"a second value", `}`, `}{}`, false},
		{"a byte behind", `}`, `}x`, false},
		{"a comma behind", `9}`, `9,}`, false},
		{"a comment", `{"ceremony"`, `{/**/"ceremony"`, false},
		{"not closed", `}`, ``, false},
		{"not UTF-8", `"c"`, "\"\xff\"", false},
		{"a control character", `"c"`, "\"\x01\"", false},
		{"a byte order mark", `{"cer`, "\ufeff{\"cer", false},
		{"a list around", base, `[` + base + `]`, false},
		{"nothing", base, ``, false},
		{"null", base, `null`, false},
		{"too long", `9}`, `9}` + strings.Repeat(" ", wire.MostBody), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			before := wire.AttachAnswer{Ceremony: "before"}
			got := before
			err := wire.Decode([]byte(strings.Replace(base, tc.old, tc.new, 1)), &got)
			if (err == nil) != tc.ok {
				t.Fatalf("accepted %t: %v", err == nil, err)
			}
			if err != nil && cmp.Diff(before, got) != "" {
				t.Errorf("a refused message left %v", got)
			}
		})
	}
}

// TestDecodeWithin: the rules hold in what is nested, and duplicates are refused even where the content is raw.
func TestDecodeWithin(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, 14) + strings.Repeat(`]`, 14)
	for _, tc := range []struct {
		into any
		json string
		ok   bool
	}{
		{new(wire.ResultRequest), `{"approval":{"a":[1,{"b":"x"}],"B":false,"b":0.5}}`, true},
		{new(wire.ResultRequest), `{"approval":{"a":1,"a":1}}`, false},
		{new(wire.ResultRequest), `{"approval":{"a":[{"b":1,"b":1}]}}`, false},
		{new(wire.ResultRequest), `{"approval":{"a":null}}`, false},
		{new(wire.ResultRequest), `{"approval":` + deep + `}`, true},
		{new(wire.ResultRequest), `{"approval":[[[` + deep + `]]]}`, false},
		{new(wire.ResultRequest), `{"responses":["AA==","AB=="]}`, false},
		{new(wire.ResultRequest), `{"responses":["AA==",null]}`, false},
		{new(wire.ResultRequest), `{"responses":"AA=="}`, false},
		{new(wire.ResultRequest), `{"responses":[["AA=="]]}`, false},
		{new(wire.AskRequest), `{"language":"fr","reach":{"extended":true,"max_response":1,"block":0}}`, true},
		{new(wire.AskRequest), `{"language":"fr","reach":{"extended":true,"max_response":1}}`, false},
		{new(wire.AskRequest), `{"language":"fr","reach":{"extended":true,"max_response":1,"block":0,"Block":1}}`, false},
		{new(wire.AskRequest), `{"language":"fr","reach":{"extended":true,"max_response":1,"block":0,"sizes":{"1":95,"13":7}}}`, true},
		{new(wire.AskRequest), `{"language":"fr","reach":{"extended":true,"max_response":1,"block":0,"sizes":{"1":95,"1":7}}}`, false},
		{new(wire.AskRequest), `{"language":"fr","reach":{"extended":true,"max_response":1,"block":0,"sizes":{"1":"95"}}}`, false},
		{new(wire.AskRequest), `{"language":"fr","reach":[]}`, false},
		{new(wire.Empty), `{}`, true},
		{new(wire.Empty), `{"a":1}`, false},
		{new(wire.Empty), `""`, false},
		{wire.Empty{}, `{}`, false},
		{(*wire.Empty)(nil), `{}`, false},
		{nil, `{}`, false},
	} {
		if err := wire.Decode([]byte(tc.json), tc.into); (err == nil) != tc.ok {
			t.Errorf("%s into %T: accepted %t: %v", tc.json, tc.into, err == nil, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"no number": math.NaN(), "a function": func() {}, "raw text that is no JSON": &wire.ResultRequest{Approval: json.RawMessage(`{`)},
		"too long": &wire.PINProof{Signature: make([]byte, wire.MostBody)},
	} {
		if raw, err := wire.Encode(v); err == nil {
			t.Errorf("%s: %d octets", name, len(raw))
		}
	}
	if raw, err := wire.Encode(&wire.DeskCode{Code: "<&>\u2028"}); err != nil || string(raw) != "{\"code\":\"<&>\\u2028\"}" {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestRedacted: whatever prints a message, its secret does not show; on the wire it does.
func TestRedacted(t *testing.T) {
	t.Parallel()
	secret := "Secret0123"
	raw := []byte(secret)
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	for _, m := range []any{
		wire.PairRequest{Code: secret},
		wire.PairAnswer{Ratchet: raw},
		wire.AttachRequest{Start: secret, Ratchet: raw},
		wire.ChangeRequest{Ratchet: raw, Roll: raw},
		wire.AttachAnswer{Ratchet: raw},
		wire.HopAnswer{Secret: raw},
		wire.AskRequest{Card: raw},
		wire.OpenRequest{Card: raw},
		wire.ResultAnswer{Card: raw},
		wire.DeskCode{Code: secret},
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, format, m)
			fmt.Fprintf(&out, format, struct{ Field any }{m})
		}
		logger.Info("message", "m", m)
	}
	for _, form := range []string{secret, fmt.Sprintf("%x", raw), strings.Trim(fmt.Sprint(raw), "[]"), base64.StdEncoding.EncodeToString(raw)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("shows as %s", form)
		}
	}
	if !strings.Contains(out.String(), "wire.HopAnswer(redacted)") {
		t.Error("nothing was printed")
	}
}

// FuzzDecode: what is read is written back to the same value, and no spelling but the one written says otherwise.
func FuzzDecode(f *testing.F) {
	for i, tc := range whole() {
		f.Add(uint8(i), []byte(tc.json))
	}
	f.Add(uint8(0), []byte(`{"code":"c","key":{"a":1,"a":2},"protection":"","name":"","platform":""}`))
	all := whole()
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		into := fresh(all[int(kind)%len(all)].message)
		if wire.Decode(raw, into) != nil {
			return
		}
		again, err := wire.Encode(into)
		if err != nil {
			if len(raw) < wire.MostBody/8 { // escapes may grow
				t.Fatalf("read %q, not written: %v", raw, err)
			}
			return
		}
		other := fresh(into)
		if err := wire.Decode(again, other); err != nil {
			t.Fatalf("read %q, wrote %q: %v", raw, again, err)
		}
		if once, err := wire.Encode(other); err != nil || !bytes.Equal(once, again) {
			t.Errorf("wrote %q, then %q", again, once)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw, err := wire.Encode(&wire.ResultRequest{Opening: "o", Responses: [][]byte{octets(256), make([]byte, 20<<10)}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var m wire.ResultRequest
		if err := wire.Decode(raw, &m); err != nil {
			b.Fatal(err)
		}
	}
}
