//go:build pkcs11 && cgo

package hsm_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"pivot/server/internal/keys/internal/hsm"
)

const (
	pin = "1234"
	// Tests share one library, and so one state: each has its own token, and
	// none runs beside another.
	spare = "pivot-spare"
)

// soft is SoftHSM with its tokens in a folder of our own; library is empty where
// it is not installed.
var soft struct{ library, folder string }

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "SoftHSM:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	for _, path := range []string{
		"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib64/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so",
	} {
		if _, err := os.Stat(path); err == nil && soft.library == "" {
			soft.library = path
		}
	}
	if soft.library == "" {
		return m.Run(), nil
	}
	folder, err := os.MkdirTemp("", "softhsm-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	soft.folder = filepath.Join(folder, "tokens")
	conf := filepath.Join(folder, "softhsm2.conf")
	text := "directories.tokendir = " + soft.folder + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return 0, err
	}
	if err := os.Mkdir(soft.folder, 0o700); err != nil {
		return 0, err
	}
	// The library reads it when it starts.
	if err := os.Setenv("SOFTHSM2_CONF", conf); err != nil {
		return 0, err
	}
	if err := initToken(spare); err != nil { // a slot without a token is none
		return 0, err
	}
	return m.Run(), nil
}

// initToken makes a token; whoever uses the library already sees it once it is
// started again.
func initToken(label string) error {
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "56789").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// scene is a token and what its login read.
type scene struct {
	*hsm.Token
	label string
	pin   atomic.Pointer[string]
	reads atomic.Int32
}

func (s *scene) options() hsm.Options {
	read := func() ([]byte, error) {
		s.reads.Add(1)
		return []byte(*s.pin.Load()), nil
	}
	return hsm.Options{Module: soft.library, Token: s.label, PIN: read, Now: time.Now}
}

// newScene makes a token of its own and logs in to it.
func newScene(tb testing.TB) *scene {
	tb.Helper()
	if soft.library == "" {
		tb.Skip("SoftHSM is not installed (Debian package softhsm2)")
	}
	// A label has 32 characters.
	s := &scene{label: fmt.Sprintf("%.23s-%d", strings.TrimPrefix(tb.Name(), "Test"), time.Now().UnixNano()%1e8)}
	s.label = strings.ReplaceAll(s.label, "/", "-")
	right := pin
	s.pin.Store(&right)
	if err := initToken(s.label); err != nil {
		tb.Fatal(err)
	}
	var err error
	if s.Token, err = hsm.Open(s.options()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// key is a key and its public half.
type key struct {
	hsm.Key
	public *ecdsa.PublicKey
}

func (s *scene) key(tb testing.TB, label string) key {
	tb.Helper()
	k, public, err := s.Generate(tb.Context(), label)
	if err != nil {
		tb.Fatal(err)
	}
	return key{k, public}
}

var digest = sha256.Sum256([]byte("x"))

// signs reports whether the token signs with this key, and with no other.
func (s *scene) signs(tb testing.TB, k key) (bool, error) {
	tb.Helper()
	signature, err := s.Sign(tb.Context(), k.Key, digest[:])
	if err != nil {
		if signature != nil {
			tb.Error("a signature and an error")
		}
		return false, err
	}
	return len(signature) == 64 &&
		ecdsa.Verify(k.public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])), nil
}

func (s *scene) mustSign(tb testing.TB, k key) {
	tb.Helper()
	if good, err := s.signs(tb, k); !good || err != nil {
		tb.Errorf("signature good: %v, %v", good, err)
	}
}

// raw is the library as another part of the process sees it: no code of ours.
func raw(tb testing.TB) *pkcs11.Ctx {
	tb.Helper()
	ctx := pkcs11.New(soft.library)
	if ctx == nil {
		tb.Fatal("not loaded")
	}
	return ctx
}

// slot finds the scene's token.
func (s *scene) slot(tb testing.TB) (uint, pkcs11.TokenInfo) {
	tb.Helper()
	slots, err := raw(tb).GetSlotList(true)
	if err != nil {
		tb.Fatal(err)
	}
	for _, slot := range slots {
		if info, err := raw(tb).GetTokenInfo(slot); err == nil && info.Label == s.label {
			return slot, info
		}
	}
	tb.Fatalf("no token %q", s.label)
	return 0, pkcs11.TokenInfo{}
}

// folder is where the scene's token rests.
func (s *scene) folder(tb testing.TB) string {
	tb.Helper()
	folders, err := filepath.Glob(filepath.Join(soft.folder, "*"))
	if err != nil {
		tb.Fatal(err)
	}
	at := slices.IndexFunc(folders, func(folder string) bool {
		b, err := os.ReadFile(filepath.Join(folder, "token.object"))
		return err == nil && strings.Contains(string(b), s.label)
	})
	if at < 0 {
		tb.Fatalf("no folder of %q", s.label)
	}
	return folders[at]
}
