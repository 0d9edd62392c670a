package apdu_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/shared/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCommand checks the seven cases of ISO 7816-4 §5.1 both ways.
func TestCommand(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{0x5A}, 256)
	tests := []struct {
		name     string
		command  apdu.Command
		short    string // empty when it does not fit
		extended string
	}{
		{"case 1", apdu.Command{INS: 0x84}, "00840000", "00840000"},
		{"case 2S", apdu.Command{INS: 0xB0, P1: 0x9C, Ne: 1}, "00B09C0001", "00B09C0001"},
		{"case 2S, 256", apdu.Command{INS: 0xB0, P1: 0x9C, Ne: 256}, "00B09C0000", "00B09C0000"},
		{"case 2E", apdu.Command{INS: 0xB0, Ne: 257}, "", "00B00000 000101"},
		{"case 2E, 65536", apdu.Command{INS: 0xB0, Ne: 65536}, "", "00B00000 000000"},
		{"case 3S", apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: []byte{1, 0x1C}}, "00A4020C02011C", "00A4020C02011C"},
		{"case 3E", apdu.Command{INS: 0xDB, Data: long}, "", "00DB0000 000100" + strings.Repeat("5A", 256)},
		{"case 4S", apdu.Command{CLA: 0x10, INS: 0x86, Data: []byte{0x7C, 0}, Ne: 256}, "10860000 02 7C00 00", "10860000 02 7C00 00"},
		{"case 4E by Ne", apdu.Command{INS: 0x86, Data: []byte{0x7C, 0}, Ne: 4096}, "", "00860000 000002 7C00 1000"},
		{"case 4E by data", apdu.Command{INS: 0x86, Data: long, Ne: 256}, "", "00860000 000100" + strings.Repeat("5A", 256) + "0100"},
		{"case 4E, 65536", apdu.Command{INS: 0x86, Data: long, Ne: 65536}, "", "00860000 000100" + strings.Repeat("5A", 256) + "0000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			short, err := tt.command.Short()
			if fits := tt.short != ""; fits != (err == nil) || !bytes.Equal(short, unhex(t, tt.short)) {
				t.Errorf("short: %X %v", short, err)
			}
			extended, err := tt.command.Extended()
			if err != nil || !bytes.Equal(extended, unhex(t, tt.extended)) {
				t.Fatalf("extended: %X %v", extended, err)
			}
			back, err := apdu.ParseCommand(extended)
			if err != nil {
				t.Fatal(err)
			}
			if back.INS != tt.command.INS || back.P1 != tt.command.P1 || back.Ne != tt.command.Ne || !bytes.Equal(back.Data, tt.command.Data) {
				t.Errorf("parsed back: %v", back)
			}
		})
	}
}

func TestCommandRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]apdu.Command{
		"data over 65535": {Data: make([]byte, 65536)},
		"Ne over 65536":   {Ne: 65537},
		"negative Ne":     {Ne: -1},
	} {
		if b, err := c.Short(); err == nil {
			t.Errorf("%s: short %d bytes", name, len(b))
		}
		if b, err := c.Extended(); err == nil {
			t.Errorf("%s: extended %d bytes", name, len(b))
		}
	}
	for name, s := range map[string]string{
		"nothing":                   "",
		"three bytes":               "00A404",
		"Lc without data":           "00A4040C 0000",
		"short data missing":        "00A4020C 02 01",
		"byte after Le":             "00A4020C 02 011C 00 00",
		"extended Lc zero":          "00A4020C 000000 00",
		"extended data missing":     "00A4020C 000002 01",
		"half an extended Le":       "00A4020C 000002 011C 00",
		"byte after an extended Le": "00A4020C 000002 011C 0000 00",
	} {
		if c, err := apdu.ParseCommand(unhex(t, s)); err == nil {
			t.Errorf("%s: %v", name, c)
		}
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	command := apdu.Command{INS: 0x86, P1: 1, Data: []byte("abcdefgh"), Ne: 256}
	tests := []struct {
		name string
		size int
		want []apdu.Command
	}{
		{"fits", 8, []apdu.Command{command}},
		{"default size", 0, []apdu.Command{command}},
		{"three links", 3, []apdu.Command{
			{CLA: 0x10, INS: 0x86, P1: 1, Data: []byte("abc")},
			{CLA: 0x10, INS: 0x86, P1: 1, Data: []byte("def")},
			{INS: 0x86, P1: 1, Data: []byte("gh"), Ne: 256},
		}},
		{"exact links", 4, []apdu.Command{
			{CLA: 0x10, INS: 0x86, P1: 1, Data: []byte("abcd")},
			{INS: 0x86, P1: 1, Data: []byte("efgh"), Ne: 256},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, command.Chain(tt.size)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResponse(t *testing.T) {
	t.Parallel()
	r, err := apdu.ParseResponse(unhex(t, "7C00 9000"))
	if err != nil || r.SW != apdu.OK || !bytes.Equal(r.Data, []byte{0x7C, 0}) {
		t.Fatalf("%v %v", r, err)
	}
	if !bytes.Equal(r.Bytes(), unhex(t, "7C009000")) {
		t.Errorf("encoded: %X", r.Bytes())
	}
	if r, err := apdu.ParseResponse(unhex(t, "6A82")); err != nil || r.SW != apdu.NotFound || len(r.Data) != 0 {
		t.Errorf("status alone: %v %v", r, err)
	}
	for _, b := range [][]byte{nil, {}, {0x90}} {
		if _, err := apdu.ParseResponse(b); !errors.Is(err, apdu.ErrRemoved) {
			t.Errorf("%X: %v", b, err)
		}
	}
	if _, err := apdu.ParseResponse(make([]byte, 65538)); err != nil {
		t.Errorf("largest response: %v", err)
	}
	if _, err := apdu.ParseResponse(make([]byte, 65539)); err == nil {
		t.Error("a response over 65538 bytes is accepted")
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[apdu.Status]string{
		apdu.OK:                   "9000 (success)",
		apdu.EndOfFile:            "6282 (end of file reached)",
		apdu.SecurityNotSatisfied: "6982 (security status not satisfied)",
		apdu.MethodBlocked:        "6983 (authentication method blocked)",
		0x63C2:                    "63C2 (2 tries left)",
		0x6110:                    "6110 (more data available)",
		0x6CF0:                    "6CF0 (wrong Le)",
		0x6281:                    "6281 (warning)",
		0x6581:                    "6581 (execution error)",
		0x1234:                    "1234 (unknown status)",
	} {
		if got := status.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for status, want := range map[apdu.Status]int{0x63C0: 0, 0x63C2: 2, 0x63CF: 15, 0x6300: -1, 0x9000: -1, 0x64C2: -1} {
		n, ok := status.TriesLeft()
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%v: %d tries", status, n)
		}
	}
}

// TestPrinting checks that no verb and no logger shows the data.
func TestPrinting(t *testing.T) {
	t.Parallel()
	secret := []byte("123456")
	c := apdu.Command{INS: 0x86, Data: secret, Ne: 256}
	r := apdu.Response{Data: secret, SW: apdu.OK}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, c, &c, r, &r)
	}
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("sent", "command", c, "response", r)
	slog.New(slog.NewTextHandler(&out, nil)).Info("sent", "command", c, "response", r)
	for _, leak := range []string{"123456", "313233", "49 50 51", "0x31"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is printed", leak)
		}
	}
	if got, want := fmt.Sprint(c), "00860000 (6 bytes, Ne 256)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// script is a card that expects exact commands and gives prepared answers.
type script []struct{ command, response string }

func (s *script) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if len(*s) == 0 {
		return nil, fmt.Errorf("unexpected command %X", command)
	}
	step := (*s)[0]
	*s = (*s)[1:]
	if want := strings.ReplaceAll(step.command, " ", ""); fmt.Sprintf("%X", command) != want {
		return nil, fmt.Errorf("command %X, want %s", command, want)
	}
	return hex.DecodeString(strings.ReplaceAll(step.response, " ", ""))
}

func TestExchange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		script script
		want   string
		err    error
	}{
		{"direct", script{{"00B09C0000", "AABB 9000"}}, "AABB9000", nil},
		{"error status", script{{"00B09C0000", "6A82"}}, "6A82", nil},
		{"61 then data", script{{"00B09C0000", "6102"}, {"00C0000002", "AABB 9000"}}, "AABB9000", nil},
		{"data with 61", script{{"00B09C0000", "AA 6101"}, {"00C0000001", "BB 6100"}, {"00C0000000", "CC 6282"}}, "AABBCC6282", nil},
		{"6C", script{{"00B09C0000", "6C02"}, {"00B09C0002", "AABB 9000"}}, "AABB9000", nil},
		{"6C then 61", script{{"00B09C0000", "6C02"}, {"00B09C0002", "6102"}, {"00C0000002", "AABB 9000"}}, "AABB9000", nil},
		{"6C once only", script{{"00B09C0000", "6C02"}, {"00B09C0002", "6C03"}}, "6C03", nil},
		{"6C within GET RESPONSE", script{{"00B09C0000", "6100"}, {"00C0000000", "6C02"}, {"00C0000002", "AABB 9000"}}, "AABB9000", nil},
		{"removed", script{{"00B09C0000", ""}}, "", apdu.ErrRemoved},
		{"removed in GET RESPONSE", script{{"00B09C0000", "6102"}, {"00C0000002", "90"}}, "", apdu.ErrRemoved},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := apdu.Exchange(t.Context(), &tt.script, unhex(t, "00B09C0000"))
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && !bytes.Equal(r.Bytes(), unhex(t, tt.want)) {
				t.Errorf("got %X", r.Bytes())
			}
			if len(tt.script) != 0 {
				t.Errorf("%d steps not played", len(tt.script))
			}
		})
	}
}

// TestExchangeProtected checks that a protected command is never changed, and
// that its answer is still fetched in clear.
func TestExchangeProtected(t *testing.T) {
	t.Parallel()
	const command = "0CB08E00 0D 970100 8E08 0102030405060708 00"
	for _, tt := range []struct {
		script script
		want   string
	}{
		{script{{command, "6CF0"}}, "6CF0"},
		{script{{command, "6102"}, {"00C0000002", "AABB 9000"}}, "AABB9000"},
	} {
		r, err := apdu.Exchange(t.Context(), &tt.script, unhex(t, command))
		if err != nil || !bytes.Equal(r.Bytes(), unhex(t, tt.want)) || len(tt.script) != 0 {
			t.Errorf("%X %v", r.Bytes(), err)
		}
	}
}

type card func(command []byte) ([]byte, error)

func (c card) Transmit(_ context.Context, command []byte) ([]byte, error) { return c(command) }

// TestExchangeBounds plays a card that never ends its response.
func TestExchangeBounds(t *testing.T) {
	t.Parallel()
	for name, response := range map[string][]byte{
		"no data":        {0x61, 0x00},
		"256 bytes":      append(make([]byte, 256), 0x61, 0x00),
		"65536 bytes":    append(make([]byte, 65536), 0x61, 0x00),
		"6C without end": {0x6C, 0x01},
	} {
		rounds := 0
		endless := card(func([]byte) ([]byte, error) {
			if rounds++; rounds == 1 && name == "6C without end" {
				return []byte{0x61, 0x00}, nil
			}
			return response, nil
		})
		if r, err := apdu.Exchange(t.Context(), endless, unhex(t, "00B09C0000")); err == nil {
			t.Errorf("%s: %v", name, r)
		}
		if rounds > 302 {
			t.Errorf("%s: %d rounds", name, rounds)
		}
	}
}

func TestExchangeTransportError(t *testing.T) {
	t.Parallel()
	cause := errors.New("sharing violation")
	for _, good := range [][]byte{nil, {0x6C, 0x02}, {0x61, 0x02}} {
		broken := card(func([]byte) ([]byte, error) {
			if good != nil {
				b := good
				good = nil
				return b, nil
			}
			return nil, cause
		})
		if _, err := apdu.Exchange(t.Context(), broken, unhex(t, "00B09C0000")); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	}
}

// FuzzParseCommand checks that an accepted command encodes back to itself, or
// to its short form when it was written longer than needed.
func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{"00840000", "00B09C0000", "00A4020C02011C", "10860000027C0000", "00B00000000000", "00860000000002 7C00 1000", "00A4020C0000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := apdu.ParseCommand(b)
		if err != nil {
			return
		}
		again, err := c.Extended()
		if err != nil {
			t.Fatalf("%X is read and cannot be written: %v", b, err)
		}
		if len(again) == len(b) && !bytes.Equal(again, b) || len(again) > len(b) {
			t.Fatalf("%X is written %X", b, again)
		}
		back, err := apdu.ParseCommand(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzParseResponse checks that an accepted response encodes back to itself.
func FuzzParseResponse(f *testing.F) {
	for _, s := range []string{"9000", "7C009000", "90", ""} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := apdu.ParseResponse(b)
		if err == nil && !bytes.Equal(r.Bytes(), b) {
			t.Fatalf("%X is written %X", b, r.Bytes())
		}
		_ = r.SW.String()
	})
}
