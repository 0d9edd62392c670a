package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/audit"
)

func entry() audit.Entry {
	return audit.Entry{
		Event: audit.CodeIssued, Reason: "level-too-low", At: time.Date(2026, time.November, 22, 9, 30, 0, 250e6, time.UTC),
		Issuer: "https://plus.example/api/v2", Transaction: "t-1", Client: "client é", Account: "a-1",
		Details: map[string]string{"level": "eidas3", "evidence": "card-key-pin"},
	}
}

func TestEntryRoundTrip(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]audit.Entry{
		"full":     entry(),
		"smallest": {Event: audit.EpochStarted, At: time.UnixMilli(1).UTC()},
		"largest":  largest(),
	} {
		raw, err := e.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := audit.ParseEntry(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func largest() audit.Entry {
	e := audit.Entry{
		Event: audit.Event(strings.Repeat("e", 64)), Reason: strings.Repeat("r", 64), At: time.UnixMilli(253402300799999).UTC(),
		Issuer: strings.Repeat("i", 512), Transaction: strings.Repeat("t", 128), Client: strings.Repeat("c", 256),
		Account: strings.Repeat("a", 128),
	}
	for i := range 16 {
		e = e.With("key-"+strconv.Itoa(i)+strings.Repeat("k", 26), strings.Repeat("v", 512))
	}
	return e
}

// TestEntryEncoding pins the form that is on disks: it was written down by hand from the comment of Encode.
func TestEntryEncoding(t *testing.T) {
	t.Parallel()
	e := audit.Entry{
		Event: "a-b", At: time.UnixMilli(0x0102030405).UTC(), Client: "c", Details: map[string]string{"y": "2", "x": "1"},
	}
	const want = "01" + "0000000102030405" + "0003612d62" + "0000" + "0000" + "0000" + "000163" + "0000" +
		"02" + "000178" + "000131" + "000179" + "000132"
	raw, err := e.Encode()
	if err != nil || hex.EncodeToString(raw) != want {
		t.Errorf("%x, %v\nwant %s", raw, err, want)
	}
}

func TestEntryKeepsMilliseconds(t *testing.T) {
	t.Parallel()
	e := entry()
	e.At = time.Date(2026, time.November, 22, 10, 30, 0, 250_999_999, time.FixedZone("CET", 3600))
	raw, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := audit.ParseEntry(raw); err != nil || !got.At.Equal(entry().At) || got.At.Location() != time.UTC {
		t.Errorf("%v, %v", got.At, err)
	}
}

// TestEntryBounds changes one field of an entry that is valid.
func TestEntryBounds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*audit.Entry)
	}{
		{"no event", func(e *audit.Entry) { e.Event = "" }},
		{"an event that is no word", func(e *audit.Entry) { e.Event = "Code issued" }},
		{"a long event", func(e *audit.Entry) { e.Event = audit.Event(strings.Repeat("e", 65)) }},
		{"a reason that is no word", func(e *audit.Entry) { e.Reason = "because\nof" }},
		{"a long reason", func(e *audit.Entry) { e.Reason = strings.Repeat("r", 65) }},
		{"no time", func(e *audit.Entry) { e.At = time.Time{} }},
		{"the epoch", func(e *audit.Entry) { e.At = time.UnixMilli(0) }},
		{"after the year 9999", func(e *audit.Entry) { e.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"a long issuer", func(e *audit.Entry) { e.Issuer = strings.Repeat("i", 513) }},
		{"a long transaction", func(e *audit.Entry) { e.Transaction = strings.Repeat("t", 129) }},
		{"a long client", func(e *audit.Entry) { e.Client = strings.Repeat("c", 257) }},
		{"a long account", func(e *audit.Entry) { e.Account = strings.Repeat("a", 129) }},
		{"a line break", func(e *audit.Entry) { e.Client = "client\nevent=code-issued" }},
		{"an escape sequence", func(e *audit.Entry) { e.Client = "client\x1b[2J" }},
		{"text that turns the line around", func(e *audit.Entry) { e.Client = "client\u202e" }},
		{"not UTF-8", func(e *audit.Entry) { e.Account = "\xff" }},
		{"too many details", func(e *audit.Entry) {
			for i := range 15 {
				*e = e.With("k"+strconv.Itoa(i), "")
			}
		}},
		{"a detail without key", func(e *audit.Entry) { e.Details[""] = "v" }},
		{"a key that is no word", func(e *audit.Entry) { e.Details["Key"] = "v" }},
		{"a long key", func(e *audit.Entry) { e.Details[strings.Repeat("k", 33)] = "v" }},
		{"a long value", func(e *audit.Entry) { e.Details["level"] = strings.Repeat("v", 513) }},
		{"a value over two lines", func(e *audit.Entry) { e.Details["level"] = "a\r\nb" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := entry()
			tc.change(&e)
			if raw, err := e.Encode(); err == nil {
				t.Errorf("encoded as %x", raw)
			} else if strings.ContainsAny(err.Error(), "\n\x1b") || !utf8.ValidString(err.Error()) || strings.Contains(err.Error(), "vvv") {
				t.Errorf("the error quotes the value: %q", err)
			}
		})
	}
}

func TestWithLeavesTheOriginal(t *testing.T) {
	t.Parallel()
	e := entry()
	more := e.With("level", "eidas1").With("page", "consent")
	if e.Details["level"] != "eidas3" || len(e.Details) != 2 {
		t.Errorf("the original became %v", e.Details)
	}
	want := map[string]string{"level": "eidas1", "evidence": "card-key-pin", "page": "consent"}
	if diff := cmp.Diff(want, more.Details); diff != "" {
		t.Error(diff)
	}
	if got := (audit.Entry{}).With("k", "v").Details; got["k"] != "v" {
		t.Errorf("details of an entry that had none: %v", got)
	}
}

// TestParseEntryRefuses changes one thing in a valid encoding.
func TestParseEntryRefuses(t *testing.T) {
	t.Parallel()
	raw, err := entry().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.ParseEntry(raw); err != nil {
		t.Fatal(err)
	}
	for cut := range raw {
		if _, err := audit.ParseEntry(raw[:cut]); err == nil {
			t.Errorf("cut at %d was accepted", cut)
		}
	}
	evidence, level := text("evidence")+text("card-key-pin"), text("level")+text("eidas3")
	for _, tc := range []struct{ name, old, new string }{
		{"another version", "\x01", "\x02"},
		{"a time beyond the year 9999", string(raw[:9]), "\x01\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"no event", text("code-issued"), text("")},
		{"details out of order", evidence + level, level + evidence},
		{"a detail twice", evidence + level, level + level},
		{"a control character", text("a-1"), text("a\n1")},
		{"one detail announced too many", "\x02" + evidence, "\x03" + evidence},
		{"one detail announced too few", "\x02" + evidence, "\x01" + evidence},
	} {
		changed := strings.Replace(string(raw), tc.old, tc.new, 1)
		if changed == string(raw) {
			t.Fatalf("%s: nothing changed", tc.name)
		}
		if e, err := audit.ParseEntry([]byte(changed)); err == nil {
			t.Errorf("%s: read as %+v", tc.name, e)
		}
	}
	if _, err := audit.ParseEntry(append(raw, 0)); err == nil {
		t.Error("an octet behind the end was accepted")
	}
}

// text is a text as the encoding has it.
func text(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

// FuzzParseEntry: what is read is what would be written, octet by octet.
func FuzzParseEntry(f *testing.F) {
	for _, e := range []audit.Entry{entry(), largest(), {Event: audit.KeyRotated, At: time.UnixMilli(1)}} {
		raw, err := e.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := audit.ParseEntry(raw)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("read %x, wrote %x (%v)", raw, again, err)
		}
	})
}

func TestLeaf(t *testing.T) {
	t.Parallel()
	salt := [32]byte{1, 2, 3}
	want := sha256.Sum256(append(append([]byte(nil), salt[:]...), "sealed"...))
	if got := audit.Leaf(salt, []byte("sealed")); got != want {
		t.Errorf("%x, want %x", got, want)
	}
	if audit.Leaf([32]byte{1}, []byte("sealed")) == want || audit.Leaf(salt, []byte("sealee")) == want {
		t.Error("another salt or payload gives the same leaf")
	}
}
