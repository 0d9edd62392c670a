//go:build pkcs11 && cgo

package hsm_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/pkcs11"

	"pivot/server/internal/keys/internal/hsm"
)

// TestKeysStay asks the library itself, with the user logged in: the private
// half does not come out, by no way that PKCS#11 has.
func TestKeysStay(t *testing.T) {
	s := newScene(t)
	k := s.key(t, "pivot a")
	s.mustSign(t, k)
	ctx := raw(t)
	slot, _ := s.slot(t)
	session, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ctx.CloseSession(session); err != nil {
			t.Error(err)
		}
	}()
	object := find(t, ctx, session, k.Key)
	if _, err := ctx.GetAttributeValue(session, object, attribute(pkcs11.CKA_VALUE, nil)); !errors.Is(err, pkcs11.Error(pkcs11.CKR_ATTRIBUTE_SENSITIVE)) {
		t.Errorf("the private key was read: %v", err)
	}
	for name, weaker := range map[string][]*pkcs11.Attribute{
		"extractable": attribute(pkcs11.CKA_EXTRACTABLE, true), "in clear": attribute(pkcs11.CKA_SENSITIVE, false),
		"derives": attribute(pkcs11.CKA_DERIVE, true), "decrypts": attribute(pkcs11.CKA_DECRYPT, true),
	} {
		if err := ctx.SetAttributeValue(session, object, weaker); err == nil {
			t.Errorf("made %s", name)
		}
		if _, err := ctx.CopyObject(session, object, weaker); err == nil {
			t.Errorf("copied, %s", name)
		}
	}
	wrapping, err := ctx.GenerateKey(session, mechanism(pkcs11.CKM_AES_KEY_GEN), append(
		attribute(pkcs11.CKA_VALUE_LEN, 32), pkcs11.NewAttribute(pkcs11.CKA_WRAP, true), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ctx.WrapKey(session, mechanism(pkcs11.CKM_AES_KEY_WRAP), wrapping, object); err == nil {
		t.Error("wrapped")
	}
	peer := append([]byte{4, 65}, point(t, k.public)...)
	if _, err := ctx.DeriveKey(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDH1_DERIVE, pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, peer))},
		object, append(attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false))); err == nil {
		t.Error("agreed on a key with a key that signs")
	}
}

func attribute(kind uint, value any) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(kind, value)}
}

func mechanism(kind uint) []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(kind, nil)}
}

func point(t *testing.T, public *ecdsa.PublicKey) []byte {
	t.Helper()
	b, err := public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func find(t *testing.T, ctx *pkcs11.Ctx, session pkcs11.SessionHandle, k hsm.Key) pkcs11.ObjectHandle {
	t.Helper()
	if err := ctx.FindObjectsInit(session, append(attribute(pkcs11.CKA_ID, k.ID), pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY))); err != nil {
		t.Fatal(err)
	}
	found, _, err := ctx.FindObjects(session, 2)
	if err := errors.Join(err, ctx.FindObjectsFinal(session)); err != nil || len(found) != 1 {
		t.Fatalf("%d keys, %v", len(found), err)
	}
	return found[0]
}

// TestNames: a key is found by the name of its set and its own, and is gone once
// it is destroyed.
func TestNames(t *testing.T) {
	s := newScene(t)
	a, b := s.key(t, "pivot a"), s.key(t, "pivot b")
	s.mustSign(t, a)
	s.mustSign(t, b)
	for name, k := range map[string]hsm.Key{
		"another set's": {Label: "pivot b", ID: a.ID}, "unknown": {Label: "pivot a", ID: []byte("0123456789abcdef")},
		"no identifier": {Label: "pivot a"}, "no label": {ID: a.ID},
	} {
		if _, err := s.Sign(t.Context(), k, digest[:]); !errors.Is(err, hsm.ErrAbsent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Sign(t.Context(), a.Key, digest[:31]); err == nil {
		t.Error("signed what is no digest")
	}
	for range 2 { // what is not there is no error
		if err := s.Destroy(t.Context(), a.Key); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Sign(t.Context(), a.Key, digest[:]); !errors.Is(err, hsm.ErrAbsent) {
		t.Errorf("a key that was destroyed: %v", err)
	}
	s.mustSign(t, b)
}

// TestWeakKeyRefused: a key that somebody else put there under our name is not
// used, unless its token holds it as it holds ours.
func TestWeakKeyRefused(t *testing.T) {
	s := newScene(t)
	ctx := raw(t)
	slot, _ := s.slot(t)
	session, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	p256 := []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}
	plant := func(id string, other ...*pkcs11.Attribute) hsm.Key {
		name := func() []*pkcs11.Attribute {
			return append(attribute(pkcs11.CKA_ID, id), pkcs11.NewAttribute(pkcs11.CKA_LABEL, "pivot a"), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))
		}
		held := append(name(), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
			pkcs11.NewAttribute(pkcs11.CKA_MODIFIABLE, false))
		for kind, value := range map[uint]bool{
			pkcs11.CKA_SENSITIVE: true, pkcs11.CKA_EXTRACTABLE: false, pkcs11.CKA_DECRYPT: false, pkcs11.CKA_UNWRAP: false,
			pkcs11.CKA_DERIVE: false, pkcs11.CKA_SIGN_RECOVER: false,
		} {
			for _, o := range other {
				if o.Type == kind {
					value = !value
				}
			}
			held = append(held, pkcs11.NewAttribute(kind, value))
		}
		if _, _, err := ctx.GenerateKeyPair(session, mechanism(pkcs11.CKM_EC_KEY_PAIR_GEN), append(name(), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256)), held); err != nil {
			t.Fatal(err)
		}
		return hsm.Key{Label: "pivot a", ID: []byte(id)}
	}
	if _, err := s.Sign(t.Context(), plant("valid"), digest[:]); err != nil {
		t.Errorf("control: %v", err)
	}
	for name, kind := range map[string]uint{
		"SENSITIVE": pkcs11.CKA_SENSITIVE, "EXTRACTABLE": pkcs11.CKA_EXTRACTABLE, "DECRYPT": pkcs11.CKA_DECRYPT,
		"UNWRAP": pkcs11.CKA_UNWRAP, "DERIVE": pkcs11.CKA_DERIVE, "SIGN_RECOVER": pkcs11.CKA_SIGN_RECOVER,
	} {
		_, err := s.Sign(t.Context(), plant(name, attribute(kind, nil)...), digest[:])
		if err == nil || !strings.Contains(err.Error(), "CKA_"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plant("twin")
	if _, err := s.Sign(t.Context(), plant("twin"), digest[:]); err == nil || !strings.Contains(err.Error(), "several keys") {
		t.Errorf("two keys of one name: %v", err)
	}
}

// TestSessionsAreBounded: however many sign at once, the token sees a few
// sessions, and they are used again.
func TestSessionsAreBounded(t *testing.T) {
	s := newScene(t)
	k := s.key(t, "pivot a")
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			for range 10 {
				if good, err := s.signs(t, k); !good || err != nil {
					t.Errorf("signature good: %v, %v", good, err)
				}
			}
		})
	}
	group.Wait()
	if n := s.Sessions(); n < 1 || n > hsm.AtOnce {
		t.Errorf("%d sessions, %d at most", n, hsm.AtOnce)
	}
}

// TestTurns: who cannot be served in time is told so, and what comes too late is
// handed to whoever cleans up.
func TestTurns(t *testing.T) {
	s := newScene(t)
	k := s.key(t, "pivot a")
	held, release, late := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range hsm.AtOnce {
		group.Go(func() {
			err := s.Hold(ctx, func() { held <- struct{}{}; <-release }, func() { late <- struct{}{} })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("held: %v", err)
			}
		})
		<-held
	}
	waiting, give := context.WithCancel(t.Context())
	group.Go(func() {
		if _, err := s.Sign(waiting, k.Key, digest[:]); !errors.Is(err, context.Canceled) {
			t.Errorf("signed out of turn: %v", err)
		}
	})
	give()
	cancel()
	group.Wait()
	close(release)
	for range hsm.AtOnce {
		<-late
	}
	s.mustSign(t, k)
}

// TestLostAndFound: whatever another part of the process does to our sessions,
// the next signature is ours.
func TestLostAndFound(t *testing.T) {
	for name, lose := range map[string]func(*scene, *pkcs11.Ctx) error{
		"sessions closed": func(s *scene, ctx *pkcs11.Ctx) error { slot, _ := s.slot(t); return ctx.CloseAllSessions(slot) },
		"logged out": func(s *scene, ctx *pkcs11.Ctx) error {
			slot, _ := s.slot(t)
			session, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
			if err != nil {
				return err
			}
			return ctx.Logout(session)
		},
		"library ended": func(_ *scene, ctx *pkcs11.Ctx) error { return ctx.Finalize() },
		"library restarted": func(_ *scene, ctx *pkcs11.Ctx) error {
			if err := ctx.Finalize(); err != nil {
				return err
			}
			return ctx.Initialize()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			a, b := s.key(t, "pivot a"), s.key(t, "pivot b")
			for range 2 {
				s.mustSign(t, a)
				s.mustSign(t, b)
				if err := lose(s, raw(t)); err != nil {
					t.Fatal(err)
				}
				s.mustSign(t, b) // b first: handles are given out in another order
				s.mustSign(t, a)
				if err := lose(s, raw(t)); err != nil {
					t.Fatal(err)
				}
				s.mustSign(t, s.key(t, "pivot c"))
				if err := lose(s, raw(t)); err != nil {
					t.Fatal(err)
				}
				gone := s.key(t, "pivot d")
				if err := lose(s, raw(t)); err != nil {
					t.Fatal(err)
				}
				if err := s.Destroy(t.Context(), gone.Key); err != nil {
					t.Error(err)
				}
				if _, err := s.signs(t, gone); !errors.Is(err, hsm.ErrAbsent) {
					t.Errorf("half a key was destroyed: %v", err)
				}
			}
		})
	}
}

// TestSignWhileLost: signatures that are asked for while sessions go and the
// library restarts are good or refused, never wrong. (Sessions are not closed
// here behind our back while they work: SoftHSM 2.6.1 does not survive it.)
func TestSignWhileLost(t *testing.T) {
	s := newScene(t)
	keys := []key{s.key(t, "pivot a"), s.key(t, "pivot b")}
	var group sync.WaitGroup
	var good, refused atomic.Int32
	done := make(chan struct{})
	for i := range 8 {
		group.Go(func() {
			for range 40 {
				switch right, err := s.signs(t, keys[i%2]); {
				case err != nil:
					refused.Add(1)
				case !right:
					t.Error("a wrong signature")
				default:
					good.Add(1)
				}
			}
		})
	}
	go func() { group.Wait(); close(done) }()
	for ended, n := false, 0; !ended; n++ {
		if n%4 == 0 {
			if err := s.Restart(); err != nil {
				t.Error(err)
			}
		}
		s.Doubt()
		s.mustSign(t, keys[n%2])
		select {
		case <-done:
			ended = true
		default:
		}
	}
	s.Move(hsm.Pause)
	s.mustSign(t, keys[0])
	s.mustSign(t, keys[1])
	t.Logf("%d good, %d refused", good.Load(), refused.Load())
}

// TestTokenTakenAway: without its token nothing is signed, the library is left
// alone for a moment, and the token's return is noticed.
func TestTokenTakenAway(t *testing.T) {
	s := newScene(t)
	k := s.key(t, "pivot a")
	s.mustSign(t, k)
	place := s.folder(t)
	aside := filepath.Join(t.TempDir(), "token")
	if err := os.Rename(place, aside); err != nil {
		t.Fatal(err)
	}
	if err := raw(t).Finalize(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.signs(t, k); err == nil || !strings.Contains(err.Error(), "the token is lost: 0 tokens are labelled") {
			t.Errorf("signed: %v", err)
		}
	}
	if err := os.Rename(aside, place); err != nil {
		t.Fatal(err)
	}
	if _, err := s.signs(t, k); err == nil {
		t.Error("the library is asked again and again")
	}
	s.Move(hsm.Pause)
	s.mustSign(t, k)
	if n := s.reads.Load(); n != 2 {
		t.Errorf("the PIN was read %d times", n)
	}
}

// TestTokenReplaced: another token of the same name has not our keys, and says
// so.
func TestTokenReplaced(t *testing.T) {
	s := newScene(t)
	k := s.key(t, "pivot a")
	if err := os.RemoveAll(s.folder(t)); err != nil {
		t.Fatal(err)
	}
	if err := initToken(s.label); err != nil {
		t.Fatal(err)
	}
	if err := raw(t).Finalize(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.signs(t, k); !errors.Is(err, hsm.ErrAbsent) {
		t.Errorf("signed: %v", err)
	}
	if err := initToken(s.label); err != nil {
		t.Fatal(err)
	}
	if err := raw(t).Finalize(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.signs(t, k); err == nil || !strings.Contains(err.Error(), "2 tokens are labelled") {
		t.Errorf("chose between two: %v", err)
	}
}

// TestDoubt: handles that mean something else give signatures that do not
// verify; after a doubt they are looked up anew.
func TestDoubt(t *testing.T) {
	s := newScene(t)
	a, b := s.key(t, "pivot a"), s.key(t, "pivot b")
	s.mustSign(t, a)
	s.mustSign(t, b)
	s.Confuse()
	if good, err := s.signs(t, a); good || err != nil {
		t.Fatalf("the handles are not confused: %v", err)
	}
	s.Doubt()
	s.mustSign(t, a)
	s.mustSign(t, b)
}

// TestPIN: a PIN that is refused is not tried again.
func TestPIN(t *testing.T) {
	s := newScene(t)
	k := s.key(t, "pivot a")
	wrong := "4321"
	s.pin.Store(&wrong)
	slot, _ := s.slot(t)
	if err := raw(t).CloseAllSessions(slot); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.signs(t, k); err == nil || !strings.Contains(err.Error(), "the token refuses the PIN") || strings.Contains(err.Error(), wrong) {
			t.Errorf("signed: %v", err)
		}
		s.Move(hsm.Pause)
	}
	if n := s.reads.Load(); n != 2 {
		t.Errorf("the PIN was read %d times", n)
	}
	if _, err := hsm.Open(s.options()); err == nil || !strings.Contains(err.Error(), "the token refuses the PIN") {
		t.Errorf("opened: %v", err)
	}
	right := pin
	s.pin.Store(&right)
	again, err := hsm.Open(s.options())
	if err != nil {
		t.Fatalf("control: %v", err)
	}
	if _, err := again.Sign(t.Context(), k.Key, digest[:]); err != nil {
		t.Errorf("control: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := again.Sign(t.Context(), k.Key, digest[:]); err == nil || !strings.Contains(err.Error(), "is closed") {
		t.Errorf("signed after the end: %v", err)
	}
}

func TestMayLogin(t *testing.T) {
	for flags, want := range map[uint]string{
		0: "", pkcs11.CKF_USER_PIN_COUNT_LOW: "", pkcs11.CKF_USER_PIN_FINAL_TRY: "one more wrong PIN locks it", pkcs11.CKF_USER_PIN_LOCKED: "it is locked",
	} {
		if err := hsm.MayLogin(flags); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%#x: %v", flags, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	s := newScene(t)
	for name, row := range map[string]struct {
		change func(*hsm.Options)
		want   string
	}{
		"no library":      {func(o *hsm.Options) { o.Module = "/nonexistent.so" }, "is not a PKCS#11 library"},
		"another library": {func(o *hsm.Options) { o.Module = "/lib/x86_64-linux-gnu/libm.so.6" }, "is not a PKCS#11 library"},
		"no token":        {func(o *hsm.Options) { o.Token = "none" }, "0 tokens are labelled"},
		"no PIN":          {func(o *hsm.Options) { o.PIN = func() ([]byte, error) { return nil, os.ErrNotExist } }, "file does not exist"},
	} {
		o := s.options()
		row.change(&o)
		if _, err := hsm.Open(o); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.mustSign(t, s.key(t, "pivot a"))
}

func TestParsePoint(t *testing.T) {
	g := elliptic.P256().Params()
	plain := append([]byte{4}, append(g.Gx.FillBytes(make([]byte, 32)), g.Gy.FillBytes(make([]byte, 32))...)...)
	wrapped := append([]byte{4, 65}, plain...)
	off := append([]byte{}, plain...)
	off[64]++
	for name, row := range map[string]struct {
		value []byte
		good  bool
	}{
		"wrapped": {wrapped, true}, "plain": {plain, true},
		"empty": {nil, false}, "short": {wrapped[:66], false}, "long": {append(wrapped, 0), false}, "another type": {append([]byte{3, 65}, plain...), false},
		"another length": {append([]byte{4, 64}, plain...), false}, "off the curve": {off, false}, "off the curve, wrapped": {append([]byte{4, 65}, off...), false},
		"infinity": {[]byte{0}, false}, "compressed": {append([]byte{2}, plain[1:33]...), false},
	} {
		if public, err := hsm.ParsePoint(row.value); (err == nil) != row.good || row.good && !bytes.Equal(point(t, public), plain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLost(t *testing.T) {
	for code, want := range map[uint]bool{
		pkcs11.CKR_SESSION_HANDLE_INVALID: true, pkcs11.CKR_SESSION_CLOSED: true, pkcs11.CKR_DEVICE_REMOVED: true, pkcs11.CKR_DEVICE_ERROR: true,
		pkcs11.CKR_TOKEN_NOT_PRESENT: true, pkcs11.CKR_USER_NOT_LOGGED_IN: true, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED: true,
		pkcs11.CKR_KEY_HANDLE_INVALID: true, pkcs11.CKR_OBJECT_HANDLE_INVALID: true, pkcs11.CKR_GENERAL_ERROR: true, pkcs11.CKR_FUNCTION_FAILED: true,
		pkcs11.CKR_VENDOR_DEFINED + 7: true, pkcs11.CKR_OPERATION_ACTIVE: true,
		pkcs11.CKR_MECHANISM_INVALID: false, pkcs11.CKR_TEMPLATE_INCONSISTENT: false, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED: false,
		pkcs11.CKR_TOKEN_WRITE_PROTECTED: false, pkcs11.CKR_DEVICE_MEMORY: false,
	} {
		if got := hsm.Lost(fmt.Errorf("sign: %w", pkcs11.Error(code))); got != want {
			t.Errorf("%v: %v", pkcs11.Error(code), got)
		}
	}
	if hsm.Lost(hsm.ErrAbsent) || hsm.Lost(context.Canceled) {
		t.Error("an answer of the token is taken for its loss")
	}
}
