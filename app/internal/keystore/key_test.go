package keystore_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"pivot/app/internal/keystore"
)

// The keychain and the environment belong to the whole process: these tests run one after the other.
func TestPlacesForKeys(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
	digest := sha256.Sum256([]byte("a call"))
	t.Run("keychain", func(t *testing.T) {
		keyring.MockInit()
		s, err := keystore.OpenAs(t.TempDir(), "keychain")
		if err != nil {
			t.Fatal(err)
		}
		made, err := s.Create()
		if err != nil || made.Key.Protection() != "keychain" || made.Ref.Protection != "keychain" {
			t.Fatalf("%+v, %v", made, err)
		}
		key, err := s.Key(made.Ref)
		if err != nil || !key.Public().Equal(made.Key.Public()) {
			t.Fatal(err)
		}
		signature, err := key.Sign(digest[:])
		if err != nil || !ecdsa.VerifyASN1(made.Key.Public(), digest[:], signature) {
			t.Error(err)
		}
		if err := errors.Join(s.Drop(made.Ref), s.Drop(made.Ref)); err != nil {
			t.Error(err)
		}
		if _, err := s.Key(made.Ref); !errors.Is(err, keyring.ErrNotFound) {
			t.Errorf("after its removal: %v", err)
		}
	})
	t.Run("a pairing anew removes the old key", func(t *testing.T) {
		keyring.MockInit()
		s, err := keystore.OpenAs(t.TempDir(), "keychain")
		if err != nil {
			t.Fatal(err)
		}
		old := whole(t, s)
		save(t, s, old)
		renewed := whole(t, s)
		save(t, s, renewed)
		if _, err := s.Key(old.Key); !errors.Is(err, keyring.ErrNotFound) {
			t.Errorf("the old key: %v", err)
		}
		if _, err := s.Key(renewed.Key); err != nil {
			t.Errorf("the new key: %v", err)
		}
	})
	t.Run("a keychain that fails is passed over", func(t *testing.T) {
		keyring.MockInitWithError(errors.New("locked"))
		s, err := keystore.OpenAs(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		made, err := s.Create()
		if err != nil {
			t.Fatal(err)
		}
		if made.Ref.Protection == "tpm" {
			t.Skip("this machine has a TPM")
		}
		if made.Ref.Protection != "file" || len(made.Passed) != 2 || !strings.HasPrefix(made.Passed[0].Error(), "tpm: ") || !strings.HasPrefix(made.Passed[1].Error(), "keychain: ") {
			t.Errorf("%+v", made)
		}
	})
	t.Run("a place that was forced is the only one", func(t *testing.T) {
		keyring.MockInitWithError(errors.New("locked"))
		s, err := keystore.OpenAs(t.TempDir(), "keychain")
		if err != nil {
			t.Fatal(err)
		}
		if made, err := s.Create(); err == nil {
			t.Errorf("a key was made by way of %s", made.Ref.Protection)
		}
	})
	t.Run("no session, no keychain", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("the keychain is a part of the system")
		}
		keyring.MockInit()
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
		t.Setenv("XDG_RUNTIME_DIR", "")
		s, err := keystore.OpenAs(t.TempDir(), "keychain")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(); err == nil {
			t.Error("a keychain was asked for where there is none")
		}
	})
}

func TestEnvironment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	t.Setenv("PIVOT_HOME", dir)
	t.Setenv("PIVOT_KEYSTORE", "file")
	s, err := keystore.Open("")
	if err != nil || s.Dir() != dir {
		t.Fatalf("%v", err)
	}
	if made, err := s.Create(); err != nil || made.Ref.Protection != "file" || made.Passed != nil {
		t.Errorf("%+v, %v", made, err)
	}
	t.Setenv("PIVOT_KEYSTORE", "File")
	if _, err := keystore.Open(""); err == nil || !strings.Contains(err.Error(), "PIVOT_KEYSTORE") {
		t.Errorf("a mistyped place: %v", err)
	}
	t.Setenv("PIVOT_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "/config")
	if got, err := keystore.DefaultDir(); runtime.GOOS == "linux" && (err != nil || got != "/config/pivot") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, bad := range []keystore.KeyRef{
		{},
		{Protection: "cloud", Material: fill(1, 32)},
		{Protection: "file"},
		{Protection: "file", Material: fill(0, 32)},
		{Protection: "file", Material: fill(0xff, 32)},
		{Protection: "file", Material: fill(1, 31)},
	} {
		if _, err := s.Key(bad); err == nil {
			t.Errorf("%s with %d bytes was taken for a key", bad.Protection, len(bad.Material))
		}
	}
	if _, err := s.Key(keystore.KeyRef{Protection: "file", Material: fill(1, 32)}); err != nil {
		t.Errorf("a key: %v", err)
	}
}
