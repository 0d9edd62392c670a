package txn_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/assurance"
	"pivot/server/internal/txn"
)

// describe lists all that a state tells, so that two states can be compared.
func describe(s txn.State) map[string]any {
	code, hasCode := s.CodeHash()
	token, hasToken := s.TokenHash()
	out := map[string]any{
		"type": reflect.TypeOf(s).String(), "id": s.ID().String(), "name": s.Name(), "version": s.Version(), "expires": s.Expires(),
		"code": code, "hasCode": hasCode, "token": token, "hasToken": hasToken, "request": s.Request().Params(),
		"browser": s.Began(browser()),
	}
	if a, ok := s.(interface {
		Account() string
		Level() assurance.Level
		Evidence() assurance.Evidence
		AuthTime() time.Time
		Means() []string
	}); ok {
		out["account"], out["level"], out["evidence"], out["auth"] = a.Account(), a.Level(), a.Evidence(), a.AuthTime()
		out["means"] = a.Means()
	}
	if p, ok := s.(txn.Redeemed); ok {
		out["person"] = hex.EncodeToString(p.Identity().Encode())
	}
	if e, ok := s.(txn.Ended); ok {
		out["reason"] = e.Reason()
	}
	return out
}

// bare are the smallest values of a request.
func bare() txn.Params {
	return txn.Params{
		Profile: txn.Standard, Issuer: "i", Client: "c", RedirectURI: "r", Nonce: strings.Repeat("n", 22),
		Scopes: []string{"openid"}, Level: assurance.Low,
	}
}

// widest are the largest.
func widest() txn.Params {
	p := params()
	p.Issuer, p.Client, p.RedirectURI = strings.Repeat("i", 512), strings.Repeat("c", 256), strings.Repeat("r", 2048)
	p.State, p.Nonce, p.Locale = strings.Repeat("\xff", 4096), strings.Repeat("n", 4096), strings.Repeat("l", 128)
	p.Scopes, p.Claims = []string{"openid"}, nil
	for i := range 63 {
		p.Scopes = append(p.Scopes, strings.Repeat("s", 126)+strconv.Itoa(10+i))
		p.Claims = append(p.Claims, strings.Repeat("s", 126)+strconv.Itoa(10+i))
	}
	return p
}

// codable gives states of every kind, and with extreme requests.
func codable(tb testing.TB) []txn.State {
	tb.Helper()
	all := states(tb)
	for _, p := range []txn.Params{bare(), widest()} {
		l := newLogin(tb)
		l.params = p
		all = append(all, l.consented())
	}
	early := newLogin(tb)
	ended, _, err := early.waiting().Refuse(txn.ReasonCancelled, start.Add(48*time.Hour))
	if err != nil {
		tb.Fatal(err)
	}
	l := newLogin(tb)
	used, _, err := l.redeemed().Use(l.now)
	if err != nil {
		tb.Fatal(err)
	}
	return append(all, ended, used)
}

func TestEncodeRoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range codable(t) {
		raw := txn.Encode(s)
		got, err := txn.Decode(raw)
		if err != nil {
			t.Errorf("%s: %v", s.Name(), err)
			continue
		}
		if diff := cmp.Diff(describe(s), describe(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.Name(), diff)
		}
		if !bytes.Equal(txn.Encode(got), raw) {
			t.Errorf("%s encodes otherwise the second time", s.Name())
		}
	}
}

// TestDecodedStateGoesOn: what a ledger gives back takes the same transitions.
func TestDecodedStateGoesOn(t *testing.T) {
	t.Parallel()
	for _, s := range states(t) {
		decoded, err := txn.Decode(txn.Encode(s))
		if err != nil {
			t.Fatal(err)
		}
		l := newLogin(t)
		l.id = s.ID()
		for _, name := range []string{"Prove", "Consent", "Grant", "Redeem", "Use", "Replay", "Refuse", "Expire"} {
			now := s.Expires().Add(-time.Millisecond)
			want, wantEntry, wantErr, wantExists := l.take(s, name, now)
			got, gotEntry, gotErr, exists := l.take(decoded, name, now)
			if exists != wantExists || (gotErr == nil) != (wantErr == nil) {
				t.Errorf("%s from %s: %v, want %v", name, s.Name(), gotErr, wantErr)
				continue
			}
			delete(gotEntry.Details, "digest") // of two proofs
			delete(wantEntry.Details, "digest")
			if diff := cmp.Diff(wantEntry, gotEntry); diff != "" || !bytes.Equal(txn.Encode(got), txn.Encode(want)) {
				t.Errorf("%s from %s leads elsewhere:\n%s", name, s.Name(), diff)
			}
		}
	}
}

// TestEncoding pins the form that is on disks: another form needs another version, and to read this one.
func TestEncoding(t *testing.T) {
	t.Parallel()
	id, err := txn.ParseID("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA")
	if err != nil {
		t.Fatal(err)
	}
	l := newLogin(t)
	l.id = id
	waiting := l.waiting()
	ended, _, err := waiting.Refuse(txn.ReasonCancelled, l.now)
	if err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]txn.State{"6fff05c693af5587": waiting, "5b8626d7d1f272cc": ended} {
		raw := txn.Encode(s)
		digest := sha256.Sum256(raw)
		if got := hex.EncodeToString(digest[:8]); got != want {
			t.Errorf("%s: %d octets, digest %s, want %s", s.Name(), len(raw), got, want)
		}
	}
	// The head, by hand: version 2, Waiting, identifier, cookie hash, no code, version 1, begun, expires, plus, an issuer
	// of 27 octets.
	b := browser()
	want := "0201" + "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20" + hex.EncodeToString(b[:]) +
		strings.Repeat("00", 32) + "00000001" + fmt.Sprintf("%016x%016x", start.UnixMilli(), start.UnixMilli()+600_000) +
		"01" + "001b"
	if got := hex.EncodeToString(txn.Encode(waiting)); !strings.HasPrefix(got, want) {
		t.Errorf("begins %s\nwant   %s", got[:len(want)], want)
	}
}

// The places in an encoding, from the comment of the writer.
const (
	placeVersion = 0
	placeKind    = 1
	placeID      = 2
	placeBrowser = placeID + 32
	placeCode    = placeBrowser + 32
	placeCount   = placeCode + 32
	placeAt      = placeCount + 4
	placeExpires = placeAt + 8
	placeProfile = placeExpires + 8
)

// TestDecodeRefuses changes one thing in the encoding of a state.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	all := states(t)
	const waiting, proven, consented, granted, redeemed, ended = 0, 1, 2, 3, 4, 5
	set := func(at int, value ...byte) func([]byte) []byte {
		return func(raw []byte) []byte { copy(raw[at:], value); return raw }
	}
	shift := func(at int, by time.Duration) func([]byte) []byte {
		return func(raw []byte) []byte {
			ms := int64(binary.BigEndian.Uint64(raw[at:])) + by.Milliseconds()
			binary.BigEndian.PutUint64(raw[at:], uint64(ms))
			return raw
		}
	}
	swap := func(old, new string) func([]byte) []byte {
		return func(raw []byte) []byte { return bytes.Replace(raw, []byte(old), []byte(new), 1) }
	}
	zeros := make([]byte, 32)
	for _, tc := range []struct {
		name   string
		state  int
		change func([]byte) []byte
	}{
		{"no version", waiting, set(placeVersion, 0)},
		{"another version", waiting, set(placeVersion, 3)},
		{"the means of a version that had none", proven, set(placeVersion, 1)},
		{"a means without a name", proven, swap(text("device-1"), text(""))},
		{"a means with a space", proven, swap("device-1", "device 1")},
		{"a means twice", proven, swap(text("device-1")+text("card-1"), text("card-1")+text("card-1"))},
		{"a long means", proven, swap(text("device-1"), text(strings.Repeat("d", 65)))},
		{"a means left out", proven, swap("\x02"+text("device-1")+text("card-1"), "\x02"+text("device-1"))},
		{"too many means", proven, swap("\x02"+text("device-1"), "\x05"+text("d")+text("e")+text("f")+text("device-1"))},
		{"no kind", waiting, set(placeKind, 0)},
		{"an unknown kind", waiting, set(placeKind, 7)},
		{"waiting as proven", waiting, set(placeKind, 2)},
		{"proven as consented", proven, set(placeKind, 3)},
		{"proven as granted", proven, set(placeKind, 4)},
		{"consented as granted", consented, set(placeKind, 4)},
		{"granted as redeemed", granted, set(placeKind, 5)},
		{"ended as waiting", ended, set(placeKind, 1)},
		{"no identifier", waiting, set(placeID, zeros...)},
		{"no browser", waiting, set(placeBrowser, zeros...)},
		{"waiting with a code", waiting, set(placeCode, 1)},
		{"consented with a code", consented, set(placeCode, 1)},
		{"granted without code", granted, set(placeCode, zeros...)},
		{"redeemed without code", redeemed, set(placeCode, zeros...)},
		{"waiting at version 2", waiting, set(placeCount, 0, 0, 0, 2)},
		{"proven at version 3", proven, set(placeCount, 0, 0, 0, 3)},
		{"redeemed at version 4", redeemed, set(placeCount, 0, 0, 0, 4)},
		{"ended at version 1", ended, set(placeCount, 0, 0, 0, 1)},
		{"a version that overflows", redeemed, set(placeCount, 0x80, 0, 0, 0)},
		{"no time", waiting, set(placeAt, zeros[:8]...)},
		{"a time before 1970", waiting, set(placeAt, 0xff)},
		{"a time after the year 9999", ended, set(placeAt, 0, 0, 0xff)},
		{"waiting longer", waiting, shift(placeExpires, time.Millisecond)},
		{"proven longer", proven, shift(placeExpires, 2*time.Second)},
		{"proven after its life", proven, shift(placeExpires, -time.Hour)},
		{"a code that lives longer", granted, shift(placeExpires, time.Millisecond)},
		{"a token that lives longer", redeemed, shift(placeExpires, time.Millisecond)},
		{"an end that lives longer", ended, shift(placeExpires, time.Hour)},
		{"no profile", waiting, set(placeProfile, 0)},
		{"an unknown profile", waiting, set(placeProfile, 3)},
		{"a level that the profile does not serve", waiting, set(placeProfile, 2)},
		{"a short nonce", waiting, swap(text(secretNonce), text(secretNonce[:21]))},
		{"no openid", waiting, swap("openid", "openix")},
		{"a scope twice", waiting, swap("\x02"+text("openid"), "\x03"+text("openid")+text("openid"))},
		{"a line break in the client", waiting, swap("client-1", "client\n1")},
		{"no account", proven, swap(text("account-1"), text(""))},
		{"no level", proven, swap(text("account-1")+"\x03", text("account-1")+"\x00")},
		{"a level below the one asked", proven, swap(text("account-1")+"\x03", text("account-1")+"\x01")},
		{"a level above the highest", proven, swap(text("account-1")+"\x03", text("account-1")+"\x04")},
		{"no evidence", proven, swap(text("account-1")+"\x03\x05", text("account-1")+"\x03\x00")},
		{"unknown evidence", proven, swap(text("account-1")+"\x03\x05", text("account-1")+"\x03\x0b")},
		{"authenticated at another moment than proven", proven, shiftAuth(-time.Second)},
		{"authenticated after it was redeemed", redeemed, shiftAuth(time.Hour)},
		{"an identity that is none", redeemed, swap("99100", "9910x")},
		{"no token", redeemed, func(raw []byte) []byte { copy(raw[len(raw)-32:], zeros); return raw }},
		{"no reason", ended, swap(text("code-replayed"), text(""))},
		{"a reason that is no word", ended, swap("code-replayed", "Code-replayed")},
		{"an octet behind the end", redeemed, func(raw []byte) []byte { return append(raw, 0) }},
		{"too long", ended, func(raw []byte) []byte { return append(raw, make([]byte, 64<<10)...) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			raw := txn.Encode(all[tc.state])
			if _, err := txn.Decode(raw); err != nil {
				t.Fatal(err)
			}
			changed := tc.change(bytes.Clone(raw))
			if bytes.Equal(changed, raw) {
				t.Fatal("nothing changed")
			}
			if s, err := txn.Decode(changed); err == nil || s != nil {
				t.Errorf("read as %s, version %d", s.Name(), s.Version())
			}
		})
	}
}

func text(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

// shiftAuth moves the moment of authentication, which stands behind account, level and evidence.
func shiftAuth(by time.Duration) func([]byte) []byte {
	return func(raw []byte) []byte {
		head := []byte(text("account-1") + "\x03\x05")
		at := bytes.Index(raw, head) + len(head)
		ms := int64(binary.BigEndian.Uint64(raw[at:])) + by.Milliseconds()
		binary.BigEndian.PutUint64(raw[at:], uint64(ms))
		return raw
	}
}

// former is the state as the first version of the encoding has it: without means.
func former(s txn.State) []byte {
	raw := txn.Encode(s)
	raw[placeVersion] = 1
	return bytes.Replace(raw, []byte("\x02"+text("device-1")+text("card-1")), nil, 1)
}

// TestDecodeFormer: what was on disks before the means were kept is read, with none.
func TestDecodeFormer(t *testing.T) {
	t.Parallel()
	for _, s := range states(t) {
		got, err := txn.Decode(former(s))
		if err != nil {
			t.Errorf("%s: %v", s.Name(), err)
			continue
		}
		want := describe(s)
		if _, ok := want["means"]; ok {
			want["means"] = []string(nil)
		}
		if diff := cmp.Diff(want, describe(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.Name(), diff)
		}
		if again, err := txn.Decode(txn.Encode(got)); err != nil || txn.Encode(got)[placeVersion] != 2 ||
			cmp.Diff(describe(got), describe(again)) != "" {
			t.Errorf("%s is not written in the present version: %v", s.Name(), err)
		}
	}
}

func TestDecodeRefusesTruncation(t *testing.T) {
	t.Parallel()
	for _, s := range states(t) {
		raw := txn.Encode(s)
		for cut := range raw {
			if got, err := txn.Decode(raw[:cut]); err == nil {
				t.Errorf("%s cut at %d was read as %s", s.Name(), cut, got.Name())
			}
		}
	}
}

// TestEncodeRefuses: only a state that a transition made has an encoding.
func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	w := newLogin(t).waiting()
	type renamed struct{ txn.Waiting }
	for name, s := range map[string]txn.State{
		"nil": nil, "a zero state": txn.Granted{}, "a pointer": &w, "a type around a state": renamed{w},
		"a state's interface": struct{ txn.State }{w},
	} {
		if raw := txn.Encode(s); raw != nil {
			t.Errorf("%s: %d octets", name, len(raw))
		}
	}
	if txn.Encode(w) == nil {
		t.Error("a true state has no encoding")
	}
}

// FuzzDecode: what is read is what would be written, octet by octet, and it is in good order.
func FuzzDecode(f *testing.F) {
	for _, s := range codable(f) {
		f.Add(txn.Encode(s))
		f.Add(former(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := txn.Decode(raw)
		if err != nil {
			return
		}
		again := txn.Encode(s)
		if raw[placeVersion] == 1 { // read, but no longer written
			if s, err = txn.Decode(again); err != nil {
				t.Errorf("read %x, wrote what is none: %v", raw, err)
			}
			raw = txn.Encode(s)
		}
		if !bytes.Equal(again, raw) {
			t.Errorf("read %x, wrote %x", raw, again)
		}
		if _, ok := s.TokenHash(); s.ID().IsZero() || s.Version() < 1 || ok != (s.Name() == txn.NameRedeemed) {
			t.Errorf("read as %s, version %d", s.Name(), s.Version())
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	s := newLogin(b).redeemed()
	b.ReportMetric(float64(len(txn.Encode(s))), "B/state")
	for b.Loop() {
		_ = txn.Encode(s)
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := txn.Encode(newLogin(b).redeemed())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := txn.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
