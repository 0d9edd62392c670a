package device_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"pivot/server/internal/verify/device"
)

// TestThumbprint compares with the key and the thumbprint printed in RFC 9449 §4.1 and §6.1.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	key, err := device.ParseJWK([]byte(`{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",` +
		`"y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := key.ID(); got != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("thumbprint %s", got)
	}
	if digest := key.Thumbprint(); b64(digest[:]) != key.ID() {
		t.Error("two thumbprints")
	}
	again, err := device.ParseJWK(key.JWK())
	if err != nil || !again.Equal(key) {
		t.Errorf("the JWK written is read as another key: %v", err)
	}
	if deviceKey(t).ID() != thumbprintDevice || pinKey(t).ID() != thumbprintPIN {
		t.Error("other thumbprints than those computed elsewhere")
	}
}

// TestParseJWK changes one thing of a key that is read.
func TestParseJWK(t *testing.T) {
	t.Parallel()
	base := string(deviceKey(t).JWK())
	point := deviceKey(t).Point()
	x, y := b64(point[1:33]), b64(point[33:])
	for _, tc := range []struct {
		name, old, new string
		ok             bool
	}{
		{"nothing changed", "", "", true},
		{"another order", `"crv":"P-256","kty":"EC"`, `"kty":"EC","crv":"P-256"`, true},
		{"spaces", `,`, ` , `, true},
		{"another type", `"EC"`, `"OKP"`, false},
		{"another curve", `P-256`, `P-384`, false},
		{"the curve in lower case", `P-256`, `p-256`, false},
		{"a private key", `}`, `,"d":"` + x + `"}`, false},
		{"a name", `}`, `,"kid":"1"}`, false},
		{"a use", `}`, `,"use":"sig"}`, false},
		{"an algorithm", `}`, `,"alg":"ES256"}`, false},
		{"a certificate", `}`, `,"x5c":[]}`, false},
		{"a member twice", `}`, `,"kty":"EC"}`, false},
		{"a name in another case", `"kty"`, `"Kty"`, false},
		{"no ordinate", `,"y":"` + y + `"`, ``, false},
		{"padded", x, x + "=", false},
		{"the other alphabet", x, strings.NewReplacer("-", "+", "_", "/").Replace(x), false},
		{"not canonical", y, y[:42] + "F", false},
		{"over two lines", x, x[:20] + `\n` + x[20:], false},
		{"a zero before", x, b64(append([]byte{0}, point[1:33]...)), false},
		{"a byte short", x, b64(point[2:33]), false},
		{"off the curve", y, x, false},
		{"the origin", `"x":"` + x + `","y":"` + y + `"`, `"x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"`, false},
		{"a coordinate beyond the field", x, b64(bytes.Repeat([]byte{0xff}, 32)), false},
		{"too long", `}`, strings.Repeat(" ", 512) + `}`, false},
		{"a byte behind", `}`, `}x`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			raw := base
			if tc.old != "" {
				if raw = strings.Replace(base, tc.old, tc.new, 1); raw == base {
					t.Fatal("nothing changed")
				}
			}
			key, err := device.ParseJWK([]byte(raw))
			if (err == nil) != tc.ok || key.IsZero() == tc.ok || tc.ok && !key.Equal(deviceKey(t).Key) {
				t.Errorf("%s: accepted %t: %v", raw, err == nil, err)
			}
		})
	}
}

func TestParsePoint(t *testing.T) {
	t.Parallel()
	point := deviceKey(t).Point()
	compressed := append([]byte{2 + point[64]&1}, point[1:33]...)
	off := bytes.Clone(point)
	off[64] ^= 1
	for name, raw := range map[string][]byte{
		"nothing": nil, "infinity": {0}, "compressed": compressed, "hybrid": append([]byte{6}, point[1:]...), "off the curve": off,
		"short": point[:64], "long": append(bytes.Clone(point), 0), "zeros": append([]byte{4}, make([]byte, 64)...),
	} {
		if key, err := device.ParsePoint(raw); err == nil || !key.IsZero() {
			t.Errorf("%s was read", name)
		}
	}
	key, err := device.ParsePoint(point)
	if err != nil || !bytes.Equal(key.Point(), point) || !key.Equal(deviceKey(t).Key) || key.Equal(pinKey(t).Key) {
		t.Errorf("a point is read otherwise: %v", err)
	}
}

func TestZeroKey(t *testing.T) {
	t.Parallel()
	var k device.Key
	if !k.IsZero() || k.Point() != nil || k.JWK() != nil || k.ID() != "" || k.Thumbprint() != [32]byte{} || k.Equal(k) || k.Equal(deviceKey(t).Key) {
		t.Error("the zero key is a key")
	}
}

// TestPIN compares with the vectors of RFC 9497 A.3.1 (P256-SHA256, OPRF mode).
func TestPIN(t *testing.T) {
	t.Parallel()
	secret := unhex(t, "159749d750713afe245d2d39ccfaae8381c53ce92d098a9375ee70739c7ac0bf")
	for blinded, want := range map[string]string{
		"03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d": "030de02ffec47a1fd53efcdd1c6faf5bdc270912b8749e783c7ca75bb412958832",
		"03cc1df781f1c2240a64d1c297b3f3d16262ef5d4cf102734882675c26231b0838": "03a0395fe3828f2476ffcd1f4fe540e5a8489322d398be3c4e5a869db7fcb7c52c",
	} {
		got, err := device.EvaluatePIN(secret, unhex(t, blinded))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, %v", blinded, got, err)
		}
	}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	raw, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

func TestEvaluatePINRefuses(t *testing.T) {
	t.Parallel()
	secret, point := device.NewPINSecret(), deviceKey(t).Point()
	blinded := append([]byte{2 + point[64]&1}, point[1:33]...)
	if _, err := device.EvaluatePIN(secret, blinded); err != nil {
		t.Fatal(err)
	}
	x := bytes.Clone(blinded)
	for x[32]++; ; x[32]++ { // half of all abscissas are of no point
		if _, err := device.EvaluatePIN(secret, x); err != nil {
			break
		}
	}
	for name, pair := range map[string][2][]byte{
		"no element":               {secret, nil},
		"infinity":                 {secret, {0}},
		"infinity in full length":  {secret, make([]byte, 33)},
		"uncompressed":             {secret, point},
		"another form":             {secret, append([]byte{4}, blinded[1:]...)},
		"beyond the field":         {secret, append([]byte{2}, bytes.Repeat([]byte{0xff}, 32)...)},
		"of no point":              {secret, x},
		"no secret":                {nil, blinded},
		"zero":                     {make([]byte, 32), blinded},
		"the order":                {unhex(t, order), blinded},
		"beyond the order":         {bytes.Repeat([]byte{0xff}, 32), blinded},
		"a secret that is shorter": {secret[1:], blinded},
		"a secret that is longer":  {append([]byte{0}, secret...), blinded},
	} {
		if got, err := device.EvaluatePIN(pair[0], pair[1]); err == nil {
			t.Errorf("%s: %x", name, got)
		} else if strings.Contains(err.Error(), fmt.Sprintf("%x", secret[:4])) {
			t.Errorf("%s: the error shows the secret", name)
		}
	}
	other := device.NewPINSecret()
	if bytes.Equal(other, secret) || len(other) != 32 {
		t.Error("secrets are not random")
	}
	first, _ := device.EvaluatePIN(secret, blinded)
	second, _ := device.EvaluatePIN(secret, blinded)
	third, _ := device.EvaluatePIN(other, blinded)
	if !bytes.Equal(first, second) || bytes.Equal(first, third) || len(first) != 33 {
		t.Error("an evaluation is not a function of secret and element")
	}
}

// TestVerifyPIN changes one thing of a signature that holds.
func TestVerifyPIN(t *testing.T) {
	t.Parallel()
	key, signature := pinKey(t).Key, unhex(t, signaturePIN)
	if !device.VerifyPIN(key, pinParts(), signature) {
		t.Fatal("the golden signature does not hold")
	}
	other := pinParts()
	other.Ceremony = "ceremony-2"
	nonce := pinParts()
	nonce.Nonce = octets(31)
	named := pinParts()
	named.PublicKey = key.Point()
	edited := bytes.Clone(signature)
	edited[20] ^= 1
	for name, ok := range map[string]bool{
		"another key":           device.VerifyPIN(deviceKey(t).Key, pinParts(), signature),
		"no key":                device.VerifyPIN(device.Key{}, pinParts(), signature),
		"another ceremony":      device.VerifyPIN(key, other, signature),
		"another nonce":         device.VerifyPIN(key, nonce, signature),
		"as if the PIN was set": device.VerifyPIN(key, named, signature),
		"edited":                device.VerifyPIN(key, pinParts(), edited),
		"a byte more":           device.VerifyPIN(key, pinParts(), append(bytes.Clone(signature), 0)),
		"nothing":               device.VerifyPIN(key, pinParts(), nil),
	} {
		if ok {
			t.Errorf("%s: holds", name)
		}
	}
}

// TestVerifyPINWhenSet: the key that is set is the one that signs.
func TestVerifyPINWhenSet(t *testing.T) {
	t.Parallel()
	key, other := pinKey(t), otherKey(t)
	for _, tc := range []struct {
		name      string
		named, by signer
		verified  device.Key
		want      bool
	}{
		{"its own", key, key, key.Key, true},
		{"another key named", other, key, key.Key, false},
		{"signed by another", key, other, key.Key, false},
		{"the other's, verified with ours", other, other, key.Key, false},
	} {
		p := pinParts()
		p.PublicKey = tc.named.Point()
		if got := device.VerifyPIN(tc.verified, p, tc.by.signASN1(t, p)); got != tc.want {
			t.Errorf("%s: holds %t", tc.name, got)
		}
	}
}

func FuzzParseJWK(f *testing.F) {
	f.Add([]byte(`{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"","y":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, err := device.ParseJWK(raw)
		if key.IsZero() != (err != nil) {
			t.Fatalf("key %t, error %v", !key.IsZero(), err)
		}
		if err != nil {
			return
		}
		if again, err := device.ParseJWK(key.JWK()); err != nil || !again.Equal(key) || again.Thumbprint() != key.Thumbprint() {
			t.Errorf("%q is read as one key and written as another: %v", raw, err)
		}
	})
}

func FuzzEvaluatePIN(f *testing.F) {
	f.Add(unhex(f, order), append([]byte{2}, make([]byte, 32)...))
	f.Add(octets(32), unhex(f, "03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d"))
	f.Fuzz(func(t *testing.T, secret, blinded []byte) {
		got, err := device.EvaluatePIN(secret, blinded)
		if err != nil {
			return
		}
		if _, err := device.EvaluatePIN(secret, got); err != nil || len(got) != 33 {
			t.Errorf("%x of %x: %x is no element: %v", secret, blinded, got, err)
		}
	})
}
