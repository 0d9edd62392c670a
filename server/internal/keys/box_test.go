package keys_test

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"testing"

	"pivot/server/internal/keys"
)

// TestXAESVectors: the two vectors of the C2SP specification XAES-256-GCM, which
// cover both branches of the CMAC subkey.
func TestXAESVectors(t *testing.T) {
	t.Parallel()
	nonce, plaintext := []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM")
	for _, row := range []struct {
		key       byte
		aad, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		key := bytes.Repeat([]byte{row.key}, 32)
		sealed, err := keys.XAESSeal(key, nonce, plaintext, []byte(row.aad))
		if got := hex.EncodeToString(sealed); err != nil || got != row.want {
			t.Errorf("sealed %s, %v; want %s", got, err, row.want)
		}
		opened, err := keys.XAESOpen(key, append(nonce[:24:24], sealed...), []byte(row.aad))
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Errorf("opened %q, %v", opened, err)
		}
	}
}

// TestXAESAccumulated: 10,000 random inputs drawn from SHAKE128 of nothing, all
// outputs hashed by SHAKE128; the result is the one published with the
// specification.
func TestXAESAccumulated(t *testing.T) {
	t.Parallel()
	source, sink := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	draw := func(n int) []byte {
		b := make([]byte, n)
		source.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := draw(32), draw(24)
		plaintext := draw(int(draw(1)[0]))
		aad := draw(int(draw(1)[0]))
		sealed, err := keys.XAESSeal(key, nonce, plaintext, aad)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := keys.XAESOpen(key, append(nonce, sealed...), aad)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("opened %x, %v; want %x", opened, err, plaintext)
		}
		sink.Write(sealed)
	}
	sum := make([]byte, 32)
	sink.Read(sum)
	if got, want := hex.EncodeToString(sum), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"; got != want {
		t.Errorf("accumulated %s, want %s", got, want)
	}
}

func TestXAESOpenRefuses(t *testing.T) {
	t.Parallel()
	key, nonce := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 24)
	ciphertext, err := keys.XAESSeal(key, nonce, []byte("text"), []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	sealed := append(nonce, ciphertext...)
	if _, err := keys.XAESOpen(key, sealed, []byte("aad")); err != nil {
		t.Fatalf("control: %v", err)
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 0x80
		if _, err := keys.XAESOpen(key, altered, []byte("aad")); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("byte %d altered: %v", i, err)
		}
		if _, err := keys.XAESOpen(key, sealed[:i], []byte("aad")); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := keys.XAESOpen(key, sealed, []byte("dad")); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("other associated data: %v", err)
	}
	if _, err := keys.XAESOpen(bytes.Repeat([]byte{3}, 32), sealed, []byte("aad")); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("another key: %v", err)
	}
}
