package keystore_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pivot/app/internal/keystore"
)

const origin = "https://broker.example"

func open(tb testing.TB, dir string) *keystore.Store {
	tb.Helper()
	s, err := keystore.OpenAs(dir, "file")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func fill(b byte, n int) keystore.Secret { return bytes.Repeat([]byte{b}, n) }

// whole is a profile with everything in it.
func whole(tb testing.TB, s *keystore.Store) keystore.Profile {
	tb.Helper()
	made, err := s.Create()
	if err != nil {
		tb.Fatal(err)
	}
	return keystore.Profile{
		Origin: origin, Issuer: origin + "/api/v2", Device: "device-1", Name: "Ordinateur de Zoë",
		Keys: json.RawMessage(`{"keys":[]}`), Ratchet: fill(0xA1, 32),
		PIN:       keystore.PIN{Masked: fill(0xB2, 32), Salt: fill(0xC3, 32)},
		PINBefore: keystore.PIN{Masked: fill(0xB4, 32), Salt: fill(0xC5, 32)},
		Cards:     []keystore.Card{{Handle: fill(0xD4, 32), Label: "Carte bleue"}}, Key: made.Ref,
	}
}

func acquire(tb testing.TB, s *keystore.Store) *keystore.Lease {
	tb.Helper()
	l, err := s.Acquire(origin)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func save(tb testing.TB, s *keystore.Store, p keystore.Profile) {
	tb.Helper()
	l := acquire(tb, s)
	if err := errors.Join(l.Save(p), l.Release()); err != nil {
		tb.Fatal(err)
	}
}

// files gives the profiles' files of a folder.
func files(tb testing.TB, dir string) []string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "broker-*.json"))
	if err != nil {
		tb.Fatal(err)
	}
	return names
}

func same(a, b keystore.Profile) bool {
	text := func(p keystore.Profile) string {
		return fmt.Sprintf("%s %s %s %s %s %x %x %x %x %x %x %s %x %q", p.Origin, p.Issuer, p.Device, p.Name, p.Keys, []byte(p.Ratchet),
			[]byte(p.Roll), []byte(p.PIN.Masked), []byte(p.PIN.Salt), []byte(p.PINBefore.Masked), []byte(p.PINBefore.Salt),
			p.Key.Protection, []byte(p.Key.Material), cards(p))
	}
	return text(a) == text(b)
}

func cards(p keystore.Profile) (out []string) {
	for _, c := range p.Cards {
		out = append(out, fmt.Sprintf("%x %s", []byte(c.Handle), c.Label))
	}
	return out
}

func TestProfileIsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir)
	want := whole(t, s)
	if _, err := s.Find(origin); !errors.Is(err, keystore.ErrUnpaired) {
		t.Errorf("before: %v", err)
	}
	save(t, s, want)
	got, err := open(t, dir).Find(origin)
	if err != nil || !same(got, want) {
		t.Fatalf("found %v, want the one saved", err)
	}
	key, err := s.Key(got.Key)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a call"))
	signature, err := key.Sign(digest[:])
	if err != nil || !ecdsa.VerifyASN1(key.Public(), digest[:], signature) || key.Protection() != "file" {
		t.Errorf("the key: %v", err)
	}
	if _, err := key.Sign([]byte("not a digest")); err == nil {
		t.Error("something that is no digest was signed")
	}
	all, err := s.Profiles()
	if err != nil || len(all) != 1 || !same(all[0], want) {
		t.Errorf("all profiles: %d, %v", len(all), err)
	}
	if runtime.GOOS != "windows" {
		for path, want := range map[string]os.FileMode{dir: 0o700, files(t, dir)[0]: 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s is open to others: %v, %v", path, info.Mode(), err)
			}
		}
	}
}

func TestFolderOfOthersIsClosed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestProfilesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(*keystore.Profile)
		ok     bool
	}{
		{"whole", func(*keystore.Profile) {}, true},
		{"without PIN and card", func(p *keystore.Profile) { p.PIN, p.PINBefore, p.Cards = keystore.PIN{}, keystore.PIN{}, nil }, true},
		{"with a roll", func(p *keystore.Profile) { p.Roll = fill(1, 16) }, true},
		{"origin of another", func(p *keystore.Profile) { p.Origin = "https://other.example" }, false},
		{"no issuer", func(p *keystore.Profile) { p.Issuer = "" }, false},
		{"no device", func(p *keystore.Profile) { p.Device = "" }, false},
		{"device that ends a line", func(p *keystore.Profile) { p.Device = "a\nb" }, false},
		{"name too long", func(p *keystore.Profile) { p.Name = strings.Repeat("x", 300) }, false},
		{"keys that are no JSON", func(p *keystore.Profile) { p.Keys = json.RawMessage("{") }, false},
		{"no keys", func(p *keystore.Profile) { p.Keys = nil }, false},
		{"short ratchet", func(p *keystore.Profile) { p.Ratchet = fill(1, 31) }, false},
		{"long roll", func(p *keystore.Profile) { p.Roll = fill(1, 17) }, false},
		{"half a PIN", func(p *keystore.Profile) { p.PIN.Salt = nil }, false},
		{"half a PIN before", func(p *keystore.Profile) { p.PINBefore.Masked = nil }, false},
		{"short PIN", func(p *keystore.Profile) { p.PIN = keystore.PIN{Masked: fill(1, 16), Salt: fill(1, 16)} }, false},
		{"short handle", func(p *keystore.Profile) { p.Cards[0].Handle = fill(1, 16) }, false},
		{"too many cards", func(p *keystore.Profile) { p.Cards = slices.Repeat(p.Cards, 17) }, false},
		{"key nowhere", func(p *keystore.Profile) { p.Key.Protection = "cloud" }, false},
		{"no key", func(p *keystore.Profile) { p.Key.Material = nil }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			p := whole(t, s)
			row.change(&p)
			l := acquire(t, s)
			defer l.Release()
			if err := l.Save(p); (err == nil) != row.ok {
				t.Errorf("saved: %v", err)
			}
			if _, err := s.Find(origin); (err == nil) != row.ok {
				t.Errorf("found: %v", err)
			}
		})
	}
}

func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, old, new string
		ok             bool
	}{
		{"as written", "", "", true},
		{"a member that is not known", `"version":1`, `"version":1,"extra":true`, false},
		{"a member twice", `"version":1`, `"version":1,"version":1`, false},
		{"of a later version", `"version":1`, `"version":2`, false},
		{"of another broker", origin + `"`, `https://other.example"`, false},
		{"an address that is none", `"origin":"https://broker.example"`, `"origin":"https://broker.example/x"`, false},
		{"an address without secrecy", `"origin":"https://broker.example"`, `"origin":"ftp://broker.example"`, false},
		{"cut", `}`, ``, false},
		{"something behind", `{"version"`, `{}{"version"`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := open(t, dir)
			save(t, s, whole(t, s))
			path := files(t, dir)[0]
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(raw), row.old, row.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Find(origin); (err == nil) != row.ok || !row.ok && errors.Is(err, keystore.ErrUnpaired) {
				t.Errorf("found: %v", err)
			}
			l, err := s.Acquire(origin)
			if (err == nil) != row.ok {
				t.Errorf("acquired: %v", err)
			}
			if err == nil {
				_ = l.Release()
			} else if again, err := s.Acquire(origin); errors.Is(err, keystore.ErrBusy) {
				t.Error("the lock was kept after an error")
			} else if err == nil {
				_ = again.Release()
			}
		})
	}
}

func TestOriginsThatAreNone(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, bad := range []string{
		"", "broker.example", "https://", "https://broker.example/", "https://broker.example?x", "https://u@broker.example",
		"HTTPS://broker.example", "https://Broker.example", "file:///etc", "https://broker.example#x", "http://broker.example",
	} {
		if l, err := s.Acquire(bad); err == nil {
			_ = l.Release()
			t.Errorf("%q was accepted", bad)
		}
	}
	for _, good := range []string{origin, "https://broker.example:8443", "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:80"} {
		l, err := s.Acquire(good)
		if err != nil {
			t.Errorf("%q: %v", good, err)
			continue
		}
		_ = l.Release()
	}
}

func TestRatchet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	l := acquire(t, s)
	if _, _, err := l.Roll(); !errors.Is(err, keystore.ErrUnpaired) {
		t.Errorf("before the pairing: %v", err)
	}
	if err := errors.Join(l.Save(whole(t, s)), l.Release()); err != nil {
		t.Fatal(err)
	}
	l = acquire(t, s)
	ratchet, roll, err := l.Roll()
	if err != nil || !bytes.Equal(ratchet, fill(0xA1, 32)) || len(roll) != 16 {
		t.Fatalf("%x %x %v", ratchet, roll, err)
	}
	if onDisk, err := s.Find(origin); err != nil || !bytes.Equal(onDisk.Roll, roll) {
		t.Fatal("the roll is not on disk before it is used")
	}
	_ = l.Release() // as a crash does
	l = acquire(t, open(t, dir))
	again, same, err := l.Roll()
	if err != nil || !bytes.Equal(again, ratchet) || !bytes.Equal(same, roll) {
		t.Error("a repetition presents something else")
	}
	if err := l.Rolled(fill(0xEE, 31)); err == nil {
		t.Error("a short ratchet was kept")
	}
	if err := l.Rolled(fill(0xEE, 32)); err != nil {
		t.Fatal(err)
	}
	next, fresh, err := l.Roll()
	if err != nil || !bytes.Equal(next, fill(0xEE, 32)) || bytes.Equal(fresh, roll) {
		t.Error("the next use is not the next")
	}
	_ = l.Release()
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var won atomic.Int32
	var mu sync.Mutex
	var held []*keystore.Lease
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			l, err := open(t, dir).Acquire(origin)
			if err == nil {
				won.Add(1)
				mu.Lock()
				held = append(held, l)
				mu.Unlock()
			} else if !errors.Is(err, keystore.ErrBusy) {
				t.Errorf("refused with %v", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d have the lease", won.Load())
	}
	if err := held[0].Release(); err != nil {
		t.Fatal(err)
	}
	_ = acquire(t, open(t, dir)).Release()
}

// TestReadersSeeWholeProfiles: who only looks never sees half of a change.
func TestReadersSeeWholeProfiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	p := whole(t, s)
	save(t, s, p)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			if _, err := s.Find(origin); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	l := acquire(t, s)
	for i := range 40 {
		p.Name = strings.Repeat("x", 1+i)
		if err := l.Save(p); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
	_ = l.Release()
}

func TestLeavingsAreSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	save(t, s, whole(t, s))
	left := files(t, dir)[0] + ".tmp-123"
	if err := os.WriteFile(left, []byte("half a profile"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Profiles(); err != nil || len(all) != 1 {
		t.Errorf("%d profiles, %v", len(all), err)
	}
	_ = acquire(t, s).Release()
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Error("half a profile is still there")
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	l := acquire(t, s)
	if err := errors.Join(l.Forget(), l.Save(whole(t, s)), l.Forget(), l.Forget()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Profile(); !errors.Is(err, keystore.ErrUnpaired) {
		t.Error(err)
	}
	if _, err := s.Find(origin); !errors.Is(err, keystore.ErrUnpaired) {
		t.Error(err)
	}
	_ = l.Release()
}

func TestSecretsPrintNothing(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	p := whole(t, s)
	p.Roll = fill(0xF6, 16)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("a profile", "p", p, "s", p.Ratchet)
	asJSON, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x %d %s %s", p, p, p, p.Ratchet, p.PIN.Salt, p.Cards[0].Handle, log.String(), asJSON)
	for _, trace := range []string{"a1a1", "161, 161", "161 161", "b2b2", "c3c3", "d4d4", "f6f6", "oaGh", "srKy", "w8PD", fmt.Sprintf("%x", []byte(p.Key.Material))} {
		if strings.Contains(strings.ToLower(printed), strings.ToLower(trace)) {
			t.Errorf("a secret was printed: %s", trace)
		}
	}
	if !strings.Contains(printed, "redacted") || !strings.Contains(printed, "device-1") {
		t.Error("the rest of the profile does not print")
	}
}
