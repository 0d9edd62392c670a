//go:build !pkcs11

package keys_test

import (
	"testing"

	"pivot/server/internal/keys"
)

// TestUseTokenNotBuilt: a program without PKCS#11 says what to do about it.
func TestUseTokenNotBuilt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	where := keys.Token{Module: "/usr/lib/softhsm/libsofthsm2.so", Label: "pivot", PIN: "pin"}
	expect(t, s.folder.UseToken(where), "built without PKCS#11: build it with CGO_ENABLED=1 and -tags pkcs11")
	expect(t, where.Supported(), "built without PKCS#11")
	if err := s.folder.Close(); err != nil {
		t.Errorf("control: %v", err)
	}
	if s.signing(t).Keys()[1].InToken {
		t.Error("a key in no token")
	}
}
