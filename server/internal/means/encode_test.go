package means_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
)

// kinds gives a record of each kind, as rich as they come, and what reads it.
func kinds(tb testing.TB) map[record.Kind]struct {
	r     record.Record
	parse func(r record.Record) (record.Change, error)
} {
	tb.Helper()
	d, first := newDevice(tb)
	d = must[means.Device](tb)(d.Hopped().SetPIN(octets(32, 4), octets(65, 5)))
	d = must[means.Device](tb)(d.Enrol("account-1", assurance.CardMatch))
	d = must[means.Device](tb)(d.Await("ABCD-EFGH"))
	d, _, err := d.Roll(first, octets(16, 1))
	if err != nil {
		tb.Fatal(err)
	}
	d, _, err = d.Attempt("ceremony", []byte("guess"))
	if err != nil {
		tb.Fatal(err)
	}
	type one = struct {
		r     record.Record
		parse func(r record.Record) (record.Change, error)
	}
	return map[record.Kind]one{
		record.Account:  {newAccount(tb).Change().Next, parser(means.ParseAccount)},
		record.Device:   {d.Change().Next, parser(means.ParseDevice)},
		record.Card:     {newCard(tb).Change().Next, parser(means.ParseCard)},
		record.DeskCase: {approved(tb).Change().Next, parser(means.ParseDeskCase)},
	}
}

func parser[T interface{ Change() record.Change }](parse func(record.Record) (T, error)) func(record.Record) (record.Change, error) {
	return func(r record.Record) (record.Change, error) {
		value, err := parse(r)
		if err != nil {
			return record.Change{}, err
		}
		return value.Change(), nil
	}
}

// TestParseRefuses: a record with one thing changed is read by nothing.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(r *record.Record)
	}{
		{"another kind", func(r *record.Record) { r.Kind = record.Ceremony }},
		{"another identifier", func(r *record.Record) { r.ID = "not a name" }},
		{"no identifier", func(r *record.Record) { r.ID = "" }},
		{"no version", func(r *record.Record) { r.Version = 0 }},
		{"another state", func(r *record.Record) { r.State = "other" }},
		{"another owner", func(r *record.Record) { r.Owner = "somebody" }},
		{"no alias", func(r *record.Record) { r.Alias = [32]byte{} }},
		{"an expiry, or none", func(r *record.Record) {
			if r.Expires.IsZero() {
				r.Expires = start
			} else {
				r.Expires = time.Time{}
			}
		}},
		{"no body", func(r *record.Record) { r.Body = nil }},
		{"a body of nothing", func(r *record.Record) { r.Body = []byte("{}") }},
		{"null", func(r *record.Record) { r.Body = []byte("null") }},
		{"a body that is cut", func(r *record.Record) { r.Body = r.Body[:len(r.Body)-1] }},
		{"a space behind", func(r *record.Record) { r.Body = append(bytes.Clone(r.Body), ' ') }},
		{"something behind", func(r *record.Record) { r.Body = append(bytes.Clone(r.Body), "{}"...) }},
		{"an unknown member", replacing(`{"v":1,`, `{"v":1,"more":1,`)},
		{"a member twice", replacing(`{"v":1,`, `{"v":1,"v":1,`)},
		{"a member in capitals", replacing(`{"v":1,`, `{"V":1,`)},
		{"another version of the body", replacing(`{"v":1,`, `{"v":2,`)},
		{"a number as a text", replacing(`{"v":1,`, `{"v":"1",`)},
		{"another spelling of a number", replacing(`{"v":1,`, `{"v":1.0,`)},
		{"a space within", replacing(`{"v":1,`, `{"v": 1,`)},
	} {
		for kind, one := range kinds(t) {
			if _, err := one.parse(one.r); err != nil {
				t.Fatalf("%s, as it is: %v", kind, err)
			}
			r := one.r
			row.change(&r)
			if _, err := one.parse(r); err == nil {
				t.Errorf("%s, %s: read", kind, row.name)
			} else if strings.Contains(strings.ToLower(err.Error()), "secret") {
				t.Errorf("%s, %s: the error quotes: %v", kind, row.name, err)
			}
		}
	}
}

// replacing changes the first place in the body where before stands.
func replacing(before, after string) func(r *record.Record) {
	return func(r *record.Record) { r.Body = bytes.Replace(r.Body, []byte(before), []byte(after), 1) }
}

// TestBodyRefuses: what no transition makes is not read, even where it is well formed.
func TestBodyRefuses(t *testing.T) {
	t.Parallel()
	base := func(n int, value byte) string { return base64.StdEncoding.EncodeToString(octets(n, value)) }
	for _, row := range []struct {
		kind                record.Kind
		name, before, after string
	}{
		{record.Device, "an unknown protection", `"protection":"file"`, `"protection":"hope"`},
		{record.Device, "a grade that is none", `"activation":4`, `"activation":99`},
		{record.Device, "an owner and a pairing", `"desk":"ABCD-EFGH",`, `"desk":"ABCD-EFGH","pairing":"pairing-1",`},
		{record.Device, "a turn that is short", base(16, 1), base(16, 1) + `","held":"AAAA`},
		{record.Device, "an owner without a grade", `"desk":"ABCD-EFGH","activation":4`, `"desk":"ABCD-EFGH","activation":0`},
		{record.Device, "a reason for what is active", `{"state":"active"}`, `{"state":"active","reason":"lost"}`},
		{record.Device, "an unknown standing", `{"state":"active"}`, `{"state":"happy"}`},
		{record.Device, "a roll that is short", base(16, 1), base(15, 1)},
		{record.Device, "a secret that is short", base(32, 4), base(31, 4)},
		{record.Device, "a public key that is short", base(65, 5), base(64, 5)},
		{record.Device, "tries below nothing", `"in_a_row":1`, `"in_a_row":-1`},
		{record.Device, "more in a row than in all", `"in_a_row":1`, `"in_a_row":2`},
		{record.Device, "more pending than failed", `"in_a_row":1,"in_all":1`, `"in_a_row":0,"in_all":0`},
		{record.Device, "more than thirty", `"in_all":1`, `"in_all":31`},
		{record.Card, "a negative block", `"block":223`, `"block":-1`},
		{record.Card, "no number", `"number":"SECRETNUM1"`, `"number":""`},
		{record.Card, "no grade", `"activation":4`, `"activation":0`},
		{record.DeskCase, "no code", `"code":"`, `"code":"AAAA`},
		{record.DeskCase, "no end of the code", `"until":1`, `"until":-1`},
		{record.DeskCase, "another reference", `"reference":"ABCD-EFGH"`, `"reference":"ABCD-EFGJ"`},
		{record.DeskCase, "no try left", `"tries":0`, `"tries":5`},
		{record.DeskCase, "tries below nothing", `"tries":0`, `"tries":-1`},
		{record.DeskCase, "opened never", `"opened":1`, `"opened":-1`},
	} {
		one := kinds(t)[row.kind]
		r := one.r
		replacing(row.before, row.after)(&r)
		if bytes.Equal(r.Body, one.r.Body) {
			t.Fatalf("%s: nothing to replace in %s", row.name, r.Body)
		}
		if _, err := one.parse(r); err == nil {
			t.Errorf("%s, %s: read", row.kind, row.name)
		}
	}
}

// golden bodies, written by the first version of this program: whatever comes after it reads them.
var golden = map[record.Kind]string{
	record.Device: `{"v":1,"key":"eyJrdHkiOiJFQyJ9","name":"Angela","platform":"Linux","protection":"tpm","account":"account-1",` +
		`"hop":true,"activation":6,"standing":{"state":"suspended","reason":"device-cloned"},` +
		`"ratchet":{"current":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},` +
		`"pin":{"activation":0,"in_a_row":0,"in_all":0}}`,
	record.Card: `{"v":1,"account":"account-1","device":"device-1","issuing_state":"FRA","code":"ID","number":"X1","memory":"AQ==",` +
		`"reach":{"extended":true,"max_response":256,"block":0,"sizes":{"1":95}},"activation":6,"standing":{"state":"active"}}`,
	record.DeskCase: `{"v":1,"reference":"ABCD-EFGH","account":"account-1","device":"device-1","card":"card-1",` +
		`"portrait":"AQ==","holder":["Angela"],"opened":1772366400000,"tries":0}`,
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for kind, body := range golden {
		r := record.Record{Kind: kind, ID: "one", Version: 3, State: record.StateActive, Owner: "account-1", Alias: [32]byte{1}, Body: []byte(body)}
		switch kind {
		case record.Device:
			r.State = "suspended"
		case record.DeskCase:
			r.State, r.Owner, r.Alias, r.Expires = "open", means.DeskOwner, means.Alias([]byte("ABCD-EFGH")), start
		}
		change, err := kinds(t)[kind].parse(r)
		if err != nil || string(change.Next.Body) != body || change.From != 3 {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, one := range kinds(f) {
		f.Add(one.r.Body)
	}
	all := kinds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for kind, one := range all {
			r := one.r
			r.Body = body
			change, err := one.parse(r)
			if err == nil && !bytes.Equal(change.Next.Body, body) {
				t.Errorf("%s: read %q, wrote %q", kind, body, change.Next.Body)
			}
		}
	})
}

// TestRedacted: no way of printing a value shows what it holds.
func TestRedacted(t *testing.T) {
	t.Parallel()
	d := must[means.Device](t)(enrolled(t).ChangePIN([]byte("secret-secret-secret-secret-1234"), octets(65, 5)))
	var out bytes.Buffer
	text, lines := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range []any{newAccount(t), d, newCard(t), newCase(t)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
			fmt.Fprintf(&out, verb, struct{ V any }{v})
		}
		text.Info("one", "value", v, "nested", struct{ V any }{v})
		lines.Info("one", "value", v, "nested", struct{ V any }{v})
		raw, err := json.Marshal(v)
		fmt.Fprintf(&out, "%s %v", raw, err)
	}
	for _, secret := range []string{"secret", "Secret", "SECRET", fmt.Sprintf("%x", "secret"), fmt.Sprintf("%x", "Secret"), "115 101 99"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed", secret)
		}
	}
	if !strings.Contains(out.String(), "device(device-1 redacted)") {
		t.Error("a device is not told from another")
	}
	if means.ErrLocked.Error() != "means: pin-locked" {
		t.Errorf("an error says %q", means.ErrLocked)
	}
}
