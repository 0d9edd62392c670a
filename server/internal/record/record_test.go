package record_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/record"
)

// change is a change that can be written.
func change() record.Change {
	return record.Change{From: 3, Next: record.Record{
		Kind: record.Device, ID: "device-1", Version: 4, State: record.StateActive, Owner: "account-1", Alias: [32]byte{1},
		Expires: time.UnixMilli(1_772_366_400_123), Body: []byte("body"),
	}}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(c *record.Change)
		ok     bool
	}{
		{"as it should be", func(*record.Change) {}, true},
		{"a new record", func(c *record.Change) { c.From, c.Next.Version = 0, 1 }, true},
		{"no owner", func(c *record.Change) { c.Next.Owner = "" }, true},
		{"no alias", func(c *record.Change) { c.Next.Alias = [32]byte{} }, true},
		{"no expiry", func(c *record.Change) { c.Next.Expires = time.Time{} }, true},
		{"an expiry that is past", func(c *record.Change) { c.Next.Expires = time.UnixMilli(1) }, true},
		{"an account", func(c *record.Change) { c.Next.Kind = record.Account }, true},
		{"a card", func(c *record.Change) { c.Next.Kind = record.Card }, true},
		{"a ceremony", func(c *record.Change) { c.Next.Kind = record.Ceremony }, true},
		{"a desk case", func(c *record.Change) { c.Next.Kind = record.DeskCase }, true},
		{"the longest identifier", func(c *record.Change) { c.Next.ID = strings.Repeat("i", 128) }, true},
		{"the longest state", func(c *record.Change) { c.Next.State = strings.Repeat("s", 32) }, true},
		{"the longest body", func(c *record.Change) { c.Next.Body = make([]byte, 256<<10) }, true},

		{"no kind", func(c *record.Change) { c.Next.Kind = "" }, false},
		{"an unknown kind", func(c *record.Change) { c.Next.Kind = "passport" }, false},
		{"no identifier", func(c *record.Change) { c.Next.ID = "" }, false},
		{"a long identifier", func(c *record.Change) { c.Next.ID = strings.Repeat("i", 129) }, false},
		{"an identifier with a space", func(c *record.Change) { c.Next.ID = "device 1" }, false},
		{"an identifier with a line's end", func(c *record.Change) { c.Next.ID = "device\n" }, false},
		{"an identifier with a zero octet", func(c *record.Change) { c.Next.ID = "device\x00" }, false},
		{"an identifier beyond ASCII", func(c *record.Change) { c.Next.ID = "é" }, false},
		{"the version before", func(c *record.Change) { c.Next.Version = 3 }, false},
		{"a version too far", func(c *record.Change) { c.Next.Version = 5 }, false},
		{"from below nothing", func(c *record.Change) { c.From, c.Next.Version = -1, 0 }, false},
		{"no state", func(c *record.Change) { c.Next.State = "" }, false},
		{"a state in capitals", func(c *record.Change) { c.Next.State = "Active" }, false},
		{"a long state", func(c *record.Change) { c.Next.State = strings.Repeat("s", 33) }, false},
		{"an owner with a space", func(c *record.Change) { c.Next.Owner = "account 1" }, false},
		{"a long owner", func(c *record.Change) { c.Next.Owner = strings.Repeat("o", 129) }, false},
		{"an expiry before all", func(c *record.Change) { c.Next.Expires = time.UnixMilli(0) }, false},
		{"an expiry between two milliseconds", func(c *record.Change) { c.Next.Expires = c.Next.Expires.Add(1) }, false},
		{"an expiry after the year 9999", func(c *record.Change) { c.Next.Expires = time.UnixMilli(253402300800000) }, false},
		{"no body", func(c *record.Change) { c.Next.Body = nil }, false},
		{"a long body", func(c *record.Change) { c.Next.Body = make([]byte, 256<<10+1) }, false},
	} {
		c := change()
		row.change(&c)
		if err := c.Check(); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// TestRedacted: no way of printing a record shows what it holds, nor does a refusal.
func TestRedacted(t *testing.T) {
	t.Parallel()
	c := change()
	c.Next.Body, c.Next.Owner = []byte("secret-body"), "secret owner"
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, c.Next)
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, []*record.Record{&c.Next})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("one", "record", c.Next)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("one", "record", c.Next, "nested", struct{ R record.Record }{c.Next})
	text, err := json.Marshal(c.Next)
	out.Write(text)
	fmt.Fprint(&out, err, c.Check())
	for _, secret := range []string{"secret", fmt.Sprintf("%x", "secret"), "115 101 99"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed: %s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "device version 4") {
		t.Errorf("a record is not told from another: %s", out.String())
	}
}
