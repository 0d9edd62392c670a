package keystore

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// emulator starts a TPM of software, new each time.
func emulator(tb testing.TB) tpmMaker {
	tb.Helper()
	program, err := exec.LookPath("swtpm")
	if err != nil {
		tb.Skip("swtpm is not installed: keys in a TPM are not tested (Debian package swtpm)")
	}
	dir, err := os.MkdirTemp("", "tpm") // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "tpm.sock")
	ctx, cancel := context.WithCancel(context.Background())
	process := exec.CommandContext(ctx, program, "socket", "--tpm2", "--tpmstate", "dir="+dir, "--server", "type=unixio,path="+path,
		"--flags", "not-need-init,startup-clear")
	if err := process.Start(); err != nil {
		cancel()
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = process.Wait()
		close(ended)
	}()
	tb.Cleanup(func() {
		cancel()
		<-ended
	})
	for { // until it answers
		if conn, err := new(net.Dialer).DialContext(tb.Context(), "unix", path); err == nil {
			conn.Close()
			break
		}
		select {
		case <-ended:
			tb.Fatal("swtpm ended at once")
		case <-tb.Context().Done():
			tb.Fatal("swtpm did not start")
		default:
		}
	}
	return tpmMaker{device: func() (transport.TPMCloser, error) { return linuxudstpm.Open(path) }}
}

func TestTPM(t *testing.T) {
	t.Parallel()
	one := emulator(t)
	key, wrapped, err := one.create()
	if err != nil {
		t.Fatal(err)
	}
	if key.Protection() != "tpm" {
		t.Errorf("protection %q", key.Protection())
	}
	digest := sha256.Sum256([]byte("a call"))
	found, err := one.open(bytes.Clone(wrapped))
	if err != nil || !found.Public().Equal(key.Public()) {
		t.Fatalf("found again: %v", err)
	}
	// More often than a TPM has room: nothing may stay in it.
	for range 8 {
		signature, err := found.Sign(digest[:])
		if err != nil || !ecdsa.VerifyASN1(key.Public(), digest[:], signature) {
			t.Fatalf("signature: %v", err)
		}
	}
	if _, err := found.Sign(digest[:31]); err == nil {
		t.Error("signed something that is no digest")
	}
	second, _, err := one.create()
	if err != nil || second.Public().Equal(key.Public()) {
		t.Errorf("a second key: %v", err)
	}
	// What is wrapped is of no use elsewhere.
	stolen, err := emulator(t).open(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stolen.Sign(digest[:]); err == nil {
		t.Error("another TPM signed with the key")
	}
	edited := bytes.Clone(wrapped)
	edited[len(edited)-1] ^= 1
	if damaged, err := one.open(edited); err == nil {
		if _, err := damaged.Sign(digest[:]); err == nil {
			t.Error("an edited key signed")
		}
	}
	if err := one.drop(wrapped); err != nil {
		t.Error(err)
	}
}

// TestTPMKeepsAKeyLoaded: as long as the program runs the key stays in the TPM, and is loaded again when it is not there.
func TestTPMKeepsAKeyLoaded(t *testing.T) {
	t.Parallel()
	m := emulator(t)
	opened, device := 0, m.device
	m.keep, m.device = true, func() (transport.TPMCloser, error) {
		opened++
		return device()
	}
	made, wrapped, err := m.create()
	if err != nil {
		t.Fatal(err)
	}
	key, ok := made.(*tpmKey)
	if !ok || key.loaded == nil {
		t.Fatalf("after its first signature the key is not loaded: %T", made)
	}
	digest := sha256.Sum256([]byte("a call"))
	before := opened
	for range 3 {
		if signature, err := key.Sign(digest[:]); err != nil || !ecdsa.VerifyASN1(key.Public(), digest[:], signature) {
			t.Fatal(err)
		}
	}
	if opened != before {
		t.Error("the TPM was opened again for each signature")
	}
	flush(key.loaded.device, key.loaded.key.Handle) // as a sleep of the machine does
	if signature, err := key.Sign(digest[:]); err != nil || !ecdsa.VerifyASN1(key.Public(), digest[:], signature) || opened != before+1 {
		t.Errorf("after the TPM forgot it: opened %d times, %v", opened-before, err)
	}
	if found, err := m.open(wrapped); err != nil || !found.Public().Equal(key.Public()) {
		t.Error(err)
	}
}

func TestStoreWithTPM(t *testing.T) {
	t.Parallel()
	s, err := OpenAs(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	s.makers[0] = emulator(t)
	made, err := s.Create()
	if err != nil || made.Ref.Protection != "tpm" || len(made.Passed) != 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	if err := made.Ref.check(); err != nil {
		t.Error(err)
	}
	if key, err := s.Key(made.Ref); err != nil || !key.Public().Equal(made.Key.Public()) {
		t.Errorf("found again: %v", err)
	}
}

func TestWrappedKeysThatAreNone(t *testing.T) {
	t.Parallel()
	m := tpmMaker{device: func() (transport.TPMCloser, error) { return nil, os.ErrNotExist }}
	for _, bad := range []Secret{nil, {0}, {0, 9, 1}, {0, 0}, bytes.Repeat([]byte{1}, 600), pack([]byte{0, 1, 0}, []byte{0, 1, 0})} {
		if _, err := m.open(bad); err == nil {
			t.Errorf("% x was taken for a key", []byte(bad[:min(len(bad), 8)]))
		}
	}
	if _, _, err := m.create(); err == nil {
		t.Error("a key came from no TPM")
	}
}
