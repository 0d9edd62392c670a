package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pivot/shared/wire"
)

func request() wire.Request {
	return wire.Request{
		Iss: "https://broker.example/api/v2", Aud: "device-1", Iat: 1, Exp: 121, Jti: "j", Ceremony: "ceremony-1", Nonce: octets(2), Hop: "h",
		Service: wire.Service{ClientID: "sp-1", Name: "Impôts"}, Level: "eidas3", Card: true,
		Claims:   []wire.ClaimGroup{{Provider: "DGFIP", Labels: []string{"Revenu fiscal", "Parts"}}},
		Language: "fr", Browser: "Firefox, Linux", Place: "192.0.2.7",
	}
}

func pinParts() wire.PINParts {
	return wire.PINParts{
		Issuer: "https://broker.example/api/v2", Device: "device-1", Ceremony: "ceremony-1",
		Nonce: octets(64)[32:], Blinded: append([]byte{2}, make([]byte, 32)...),
	}
}

// TestTranscripts compares with values computed by a script that shares no code with the package (Python's hashlib and
// hmac over struct.pack('>I', length) and each part).
func TestTranscripts(t *testing.T) {
	t.Parallel()
	digest := func(d [32]byte) string { return hex.EncodeToString(d[:]) }
	point := append([]byte{4}, make([]byte, 64)...)
	nonce := octets(64)[32:]
	leading := append(make([]byte, 30), 0x02, 0xe0) // the first of its kind whose number has leading zeros
	for _, tc := range []struct{ name, got, want string }{
		{"nothing", digest(wire.Transcript("x")), "e742abc7c8651d42db9d6572cba14b1ce6b7d7f21229cdb399d1f8bdc09ebf65"},
		{"short string", wire.ShortString("ceremony-1", octets(32), nonce), "906 715"},
		{"short string with zeros", wire.ShortString("ceremony-1", octets(32), leading), "000 063"},
		{
			"hop", hex.EncodeToString(wire.HopProof(octets(32), "ceremony-1", "a-1", "device-1", 50123)),
			"80f1e03896d97d00a9a6cc1c8ab106e5faaaa0048ba79071c98a5c959bac885b",
		},
		{"hop id", wire.HopID("a-1"), "Q5sHlEeNuyohi3LvTJ6yqL4QiPuyzgyAi47hOZyVNQ8"},
		{
			"card", digest(wire.CardDigest("opening-1", point, [][]byte{{0x90, 0x00}, {0x62, 0x82}})),
			"96fb37f5fe51fa5365aa5bb27a8ff825dd3684e370d9d7fdde8d6a440ccab0a5",
		},
		{"no card", digest(wire.CardDigest("", nil, nil)), "ee29cf8ba835cc470035e36642474fc533551337ad66bcc9f6290bfed0fd3594"},
		{"PIN", digest(sha256.Sum256(wire.PINTranscript(pinParts()))), "c50df57a7cae38a7d7d016ab728c2da500376a38f23d02451998cc1a63f2f4b3"},
		{"display", digest(wire.DisplayOf(request()).Digest()), "093869c88622902dab125163d398a4ac7f905370ceed85a1faa0a9c8038bab96"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, tc.got, tc.want)
		}
	}
	d := wire.DisplayOf(request())
	if want := []string{"DGFIP: Revenu fiscal", "DGFIP: Parts"}; !slices.Equal(d.Claims, want) || d.Service != "Impôts" {
		t.Errorf("shows %v of %s", d.Claims, d.Service)
	}
}

// TestTranscriptsTellApart: parts that run together are still other parts.
func TestTranscriptsTellApart(t *testing.T) {
	t.Parallel()
	lists := [][]string{
		{"d"},
		{"d", ""},
		{"d", "", ""},
		{"d", "ab"},
		{"d", "a", "b"},
		{"d", "b", "a"},
		{"d", "ab", ""},
		{"d", "", "ab"},
		{"da", "b"},
		{"dab"},
		{"d\x00\x00\x00\x02ab"},
		{"d", "\x00\x00\x00\x00"},
		{"d", strings.Repeat("a", 256)},
		{"d", strings.Repeat("a", 257)},
	}
	seen := make(map[[32]byte][]string)
	for _, list := range lists {
		var parts [][]byte
		for _, p := range list[1:] {
			parts = append(parts, []byte(p))
		}
		d := wire.Transcript(list[0], parts...)
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %q are one", list, other)
		}
		seen[d] = list
	}
}

// TestEveryPartCounts changes one part of each transcript.
func TestEveryPartCounts(t *testing.T) {
	t.Parallel()
	pin := func(change func(*wire.PINParts)) string {
		p := pinParts()
		change(&p)
		return string(wire.PINTranscript(p))
	}
	display := func(change func(*wire.Request)) string {
		r := request()
		change(&r)
		d := wire.DisplayOf(r).Digest()
		return string(d[:])
	}
	hop := func(secret []byte, ceremony, a, device string, port int) string {
		return string(wire.HopProof(secret, ceremony, a, device, port))
	}
	card := func(opening string, public []byte, responses ...[]byte) string {
		d := wire.CardDigest(opening, public, responses)
		return string(d[:])
	}
	for name, forms := range map[string][]string{
		"PIN": {
			pin(func(*wire.PINParts) {}), pin(func(p *wire.PINParts) { p.Issuer += "x" }), pin(func(p *wire.PINParts) { p.Device += "x" }),
			pin(func(p *wire.PINParts) { p.Ceremony += "x" }), pin(func(p *wire.PINParts) { p.Nonce = octets(32) }),
			pin(func(p *wire.PINParts) { p.Blinded = octets(33) }), pin(func(p *wire.PINParts) { p.PublicKey = octets(65) }),
		},
		"display": {
			display(func(*wire.Request) {}), display(func(r *wire.Request) { r.Language = "en" }),
			display(func(r *wire.Request) { r.Service.Name = "Impots" }), display(func(r *wire.Request) { r.Level = "eidas2" }),
			display(func(r *wire.Request) { r.Claims = nil }), display(func(r *wire.Request) { r.Claims[0].Labels = []string{"Revenu fiscal"} }),
			display(func(r *wire.Request) { r.Claims[0].Labels = []string{"Parts", "Revenu fiscal"} }),
			display(func(r *wire.Request) { r.Claims[0].Provider = "CNAF" }),
			display(func(r *wire.Request) { r.Browser = "Firefox, Windows" }), display(func(r *wire.Request) { r.Place = "192.0.2.8" }),
			display(func(r *wire.Request) { r.Browser, r.Place = r.Place, r.Browser }),
		},
		"hop": {
			hop(octets(32), "c", "a", "d", 50123), hop(octets(33), "c", "a", "d", 50123), hop(octets(32), "ca", "", "d", 50123),
			hop(octets(32), "c", "ad", "", 50123), hop(octets(32), "c", "a", "d5", 123), hop(octets(32), "c", "a", "d", 50124),
		},
		"card": {
			card("o", octets(65), octets(2), octets(3)), card("p", octets(65), octets(2), octets(3)), card("o", octets(64), octets(2), octets(3)),
			card("o", octets(65), octets(3), octets(2)), card("o", octets(65), octets(2)), card("o", octets(65), octets(2), octets(3), nil),
		},
	} {
		for i, form := range forms {
			if slices.Index(forms, form) != i {
				t.Errorf("%s: form %d is another one", name, i)
			}
		}
	}
	// What is shown says nothing of what is not: identifiers may differ.
	r := request()
	r.Jti, r.Hop, r.Service.ClientID = "other", "other", "other"
	if wire.DisplayOf(r).Digest() != wire.DisplayOf(request()).Digest() {
		t.Error("what is not shown counts")
	}
}

// FuzzTranscript: two lists share a digest only where they are the same.
func FuzzTranscript(f *testing.F) {
	f.Add("d", []byte("ab"), []byte(""), []byte("a"), []byte("b"))
	f.Add("d", []byte("\x00\x00\x00\x01a"), []byte{}, []byte("a"), []byte{})
	f.Fuzz(func(t *testing.T, domain string, a1, a2, b1, b2 []byte) {
		same := bytes.Equal(a1, b1) && bytes.Equal(a2, b2)
		if (wire.Transcript(domain, a1, a2) == wire.Transcript(domain, b1, b2)) != same {
			t.Errorf("%q: %q %q and %q %q", domain, a1, a2, b1, b2)
		}
		if wire.Transcript(domain, a1) == wire.Transcript(domain, a1, a2) {
			t.Errorf("%q: %q counts for nothing", domain, a2)
		}
	})
}
