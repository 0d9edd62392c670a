package wire_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pivot/shared/wire"
)

func TestNewCode(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){1,2}$`)
	seen := make(map[string]bool)
	characters := make(map[rune]bool)
	for range 500 {
		for code, length := range map[string]int{wire.NewCode(): 9, wire.NewStart(): 14} {
			if !form.MatchString(code) || len(code) != length || seen[code] {
				t.Fatalf("code %q", code)
			}
			seen[code] = true
			for _, r := range code {
				characters[r] = true
			}
			for _, typed := range []string{
				code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " "), " " + code + "\t",
				strings.ReplaceAll(code, "0", "o"), strings.ReplaceAll(code, "1", "l"), strings.ReplaceAll(code, "1", "I"),
				strings.Join(strings.Split(code, ""), "\u00a0"),
			} {
				if got, err := wire.ParseCode(typed); err != nil || got != code {
					t.Fatalf("%q read as %q, %v", typed, got, err)
				}
			}
		}
	}
	if len(characters) != 33 { // 32 and the hyphen: each of 10,000 draws misses one with a chance of e^-300
		t.Errorf("%d characters in use", len(characters))
	}
}

func TestParseCodeRefuses(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{
		"", "-", "ABCD-EFG", "ABCD-EFGHJ", "ABCD-EFGH-JKM", "ABCD-EFGH-JKMNP", "ABCD-EFGU", "ABCD-EFG!", "ABCD-EFG\n", "ABCD_EFGH", "ABCD.EFGH",
		"ABCD-EFGé", "ＡBCD-EFGH", "ABCD-EFG\xff", "ABCD-EFGſ", "ABCD\x00EFGH", "ABCD-EFGH" + strings.Repeat(" ", 60),
	} {
		if got, err := wire.ParseCode(typed); !errors.Is(err, wire.ErrCode) || got != "" {
			t.Errorf("%q read as %q, %v", typed, got, err)
		}
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wire.Link{
		"pivot:approve?start=ABCDEFGHJKMN&issuer=https://broker.example":        {Action: "approve", Value: "ABCD-EFGH-JKMN", Origin: "https://broker.example"},
		"pivot:pair?code=ABCDEFGH&issuer=https://broker.example:8443":           {Action: "pair", Value: "ABCD-EFGH", Origin: "https://broker.example:8443"},
		"pivot:pair?code=ABCDEFGH&issuer=http://localhost:8080":                 {Action: "pair", Value: "ABCD-EFGH", Origin: "http://localhost:8080"},
		"pivot:pair?code=ABCDEFGH&issuer=http://127.0.0.1:8080":                 {Action: "pair", Value: "ABCD-EFGH", Origin: "http://127.0.0.1:8080"},
		"pivot:pair?code=ABCDEFGH&issuer=http://[::1]:8080":                     {Action: "pair", Value: "ABCD-EFGH", Origin: "http://[::1]:8080"},
		"pivot:approve?start=ABCDEFGHJKMN&issuer=https://xn--brker-jua.example": {Action: "approve", Value: "ABCD-EFGH-JKMN", Origin: "https://xn--brker-jua.example"},
	} {
		got, err := wire.ParseLink(text)
		if err != nil || got != want {
			t.Errorf("%s read as %+v, %v", text, got, err)
		}
		if want.String() != text {
			t.Errorf("%+v is written %s", want, want)
		}
	}
	// Browsers and desktops may encode, and a citizen may paste.
	for _, text := range []string{
		"pivot:pair?code=abcd-efgh&issuer=https%3A%2F%2Fbroker.example", "pivot:pair?issuer=https://broker.example&code=ABCD-EFGH",
		"pivot:pair?code=ABCD+EFGH&issuer=https://broker.example",
	} {
		if got, err := wire.ParseLink(text); err != nil || got != (wire.Link{Action: "pair", Value: "ABCD-EFGH", Origin: "https://broker.example"}) {
			t.Errorf("%s read as %+v, %v", text, got, err)
		}
	}
}

// TestParseLinkRefuses changes one thing of a link that is read.
func TestParseLinkRefuses(t *testing.T) {
	t.Parallel()
	const base = "pivot:approve?start=ABCDEFGHJKMN&issuer=https://broker.example"
	if _, err := wire.ParseLink(base); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, old, new string }{
		{"another scheme", "pivot:", "pivoT:"},
		{"an authority", "pivot:", "pivot://"},
		{"no scheme", "pivot:", ""},
		{"another action", "approve", "delete"},
		{"the other action's code", "approve?start=ABCDEFGHJKMN", "pair?code=ABCDEFGHJKMN"},
		{"a short start", "JKMN", ""},
		{"no start", "start=ABCDEFGHJKMN&", ""},
		{"a code in place of it", "start=", "code="},
		{"two starts", "start=", "start=ABCDEFGHJKMN&start="},
		{"two issuers", "&issuer=", "&issuer=https://broker.example&issuer="},
		{"a member more", "&issuer", "&pin=1&issuer"},
		{"a semicolon", "&issuer", ";issuer"},
		{"no issuer", "&issuer=https://broker.example", ""},
		{"an empty issuer", "https://broker.example", ""},
		{"http", "https://", "http://"},
		{"another protocol", "https://", "ftp://"},
		{"a script", "https://broker.example", "javascript:alert(1)"},
		{"a path", "broker.example", "broker.example/"},
		{"a query", "broker.example", "broker.example?x"},
		{"a fragment", "broker.example", "broker.example#x"},
		{"an encoded path", "broker.example", "broker.example%2Fx"},
		{"a user", "broker.example", "broker.example@evil.example"},
		{"upper case", "broker.example", "Broker.example"},
		{"letters that are not ASCII", "broker.example", "brøker.example"},
		{"an empty port", "broker.example", "broker.example:"},
		{"no host", "broker.example", ":443"},
		{"a host that looks like this machine", "https://broker.example", "http://localhost.example"},
		{"an address that looks like this machine", "https://broker.example", "http://127.0.0.1.example"},
		{"a bad escape", "broker.example", "broker%zz.example"},
		{"a line break", "broker.example", "broker.example%0a"},
		{"a space", "broker.example", "broker example"},
		{"too long", "broker", strings.Repeat("b", 500)},
		{"a long origin", "broker", strings.Repeat("b", 300)},
		{"nothing", base, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(base, tc.old, tc.new, 1)
			if got, err := wire.ParseLink(changed); !errors.Is(err, wire.ErrLink) || got != (wire.Link{}) {
				t.Errorf("%s read as %+v, %v", changed, got, err)
			}
		})
	}
}

func TestFor(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		wire.For(wire.PathHop, "AbC-_9"):    "/companion/v1/ceremonies/AbC-_9/hop",
		wire.For(wire.PathPINProof, "x"):    "/companion/v1/ceremonies/x/pin/proof",
		wire.For(wire.PathEvents, "../a?b"): "/companion/v1/ceremonies/..%2Fa%3Fb/events",
		wire.For(wire.PathDevice, "x"):      "/companion/v1/device",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestStatuses pins what HTTP says beside each code.
func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, codes := range map[int][]wire.Code{
		http.StatusBadRequest:   {"bad-request"},
		http.StatusUnauthorized: {"clock", "signature", "replayed", "device-unknown"},
		http.StatusForbidden: {
			"device-suspended", "device-cloned", "other-device", "pin-wrong", "pin-locked", "card-refused", "too-many-openings",
			"approval-refused", "level-too-low", "identity-unknown", "identity-ambiguous", "identity-mismatch", "desk-code-wrong",
		},
		http.StatusNotFound:           {"code-unknown", "start-unknown", "ceremony-unknown"},
		http.StatusConflict:           {"not-ready", "pin-unset", "pin-used", "busy"},
		http.StatusGone:               {"ended", "expired"},
		http.StatusServiceUnavailable: {"unavailable"},
	} {
		for _, code := range codes {
			if code.Status() != status || !code.Valid() {
				t.Errorf("%s: %d, want %d", code, code.Status(), status)
			}
		}
	}
	if unknown := wire.Code("surprise"); unknown.Valid() || unknown.Status() != http.StatusServiceUnavailable {
		t.Error("an unknown code is known")
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]*wire.Problem{
		"refused: busy": {Code: wire.CodeBusy}, "refused: ended (not-mine)": {Code: wire.CodeEnded, Reason: "not-mine"},
		"refused: a%0Ab (%1B)": {Code: "a\nb", Reason: "\x1b"},
	} {
		if got := error(p).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzParseCode: what is read is one of ours, whatever was typed, and reads as itself.
func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"ABCD-EFGH", "abcd efgh", "oO1lI0ZZ", "ABCD-EFGH-JKMN", "ABCDEFGU", "\u212aBCD-EFGH"} {
		f.Add(s)
	}
	form := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){1,2}$`)
	f.Fuzz(func(t *testing.T, s string) {
		code, err := wire.ParseCode(s)
		if err != nil {
			return
		}
		if again, err := wire.ParseCode(code); err != nil || again != code || !form.MatchString(code) {
			t.Errorf("%q read as %q, then %q, %v", s, code, again, err)
		}
	})
}

// FuzzParseLink: what is read is written to a link that reads the same, and leads to an origin alone.
func FuzzParseLink(f *testing.F) {
	f.Add("pivot:approve?start=ABCDEFGHJKMN&issuer=https://broker.example")
	f.Add("pivot:pair?code=ABCD-EFGH&issuer=http%3A%2F%2Flocalhost%3A8080")
	f.Add("pivot:pair?code=ABCDEFGH&issuer=http://[::1]")
	form := regexp.MustCompile(`^https?://[a-z0-9.:\[\]-]+$`)
	f.Fuzz(func(t *testing.T, s string) {
		link, err := wire.ParseLink(s)
		if err != nil {
			return
		}
		if again, err := wire.ParseLink(link.String()); err != nil || again != link || !form.MatchString(link.Origin) {
			t.Errorf("%q read as %+v, then %+v, %v", s, link, again, err)
		}
	})
}
