package cmac_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"pivot/shared/cmac"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message is the text of RFC 4493 §4 and of the examples of NIST SP 800-38B,
// of which each example takes the first bytes.
const message = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51" +
	"30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710"

func TestSum(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		key  string
		n    int // bytes of message
		want string
	}{
		// RFC 4493 §4.
		{"AES-128 empty", "2b7e151628aed2a6abf7158809cf4f3c", 0, "bb1d6929e95937287fa37d129b756746"},
		{"AES-128 one block", "2b7e151628aed2a6abf7158809cf4f3c", 16, "070a16b46b4d4144f79bdd9dd04a287c"},
		{"AES-128 partial block", "2b7e151628aed2a6abf7158809cf4f3c", 40, "dfa66747de9ae63030ca32611497c827"},
		{"AES-128 four blocks", "2b7e151628aed2a6abf7158809cf4f3c", 64, "51f0bebf7e3b9d92fc49741779363cfe"},
		// NIST SP 800-38B, appendix D.2 of the 2005 edition.
		{"AES-192 empty", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", 0, "d17ddf46adaacde531cac483de7a9367"},
		{"AES-192 one block", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", 16, "9e99a7bf31e710900662f65e617c5184"},
		{"AES-192 partial block", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", 40, "8a1de5be2eb31aad089a82e6ee908b0e"},
		{"AES-192 four blocks", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", 64, "a1d5df0eed790f794d77589659f39a11"},
		// NIST SP 800-38B, appendix D.3 of the 2005 edition.
		{"AES-256 empty", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 0, "028962f61b7bf89efc6b551f4667d983"},
		{"AES-256 one block", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 16, "28a7023f452e8f82bd4bf28d8c37c35c"},
		{"AES-256 partial block", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 40, "aaf3d8f1de5640c232f5b169b9c911e6"},
		{"AES-256 four blocks", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 64, "e1992190549f6ed5696a2c056c315410"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := cmac.New(unhex(t, tt.key))
			if err != nil {
				t.Fatal(err)
			}
			text := unhex(t, message)[:tt.n]
			want := unhex(t, tt.want)
			if got := m.Sum(text); !bytes.Equal(got[:], want) {
				t.Errorf("got %x", got)
			}
			for cut := range tt.n {
				if got := m.Sum(text[:cut], nil, text[cut:]); !bytes.Equal(got[:], want) {
					t.Fatalf("cut at %d: got %x", cut, got)
				}
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 8, 15, 17, 33} {
		if _, err := cmac.New(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes is accepted", n)
		}
	}
}

// TestConcurrent lets the race detector see that a MAC has no state.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	m, err := cmac.New(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	want := m.Sum([]byte("text"))
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if got := m.Sum([]byte("te"), []byte("xt")); got != want {
				t.Errorf("got %x", got)
			}
		})
	}
}

func TestPrinting(t *testing.T) {
	t.Parallel()
	m, err := cmac.New(bytes.Repeat([]byte{0xA5}, 16))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d"} {
		if got := fmt.Sprintf(verb, m); got != "[redacted]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func BenchmarkSum(b *testing.B) {
	m, err := cmac.New(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, 256)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		m.Sum(text)
	}
}
