//go:build !pkcs11

package hsm_test

import (
	"errors"
	"testing"

	"pivot/server/internal/keys/internal/hsm"
)

// TestNotBuilt: without the tag every operation says so.
func TestNotBuilt(t *testing.T) {
	t.Parallel()
	v, err := hsm.Open(hsm.Options{})
	_, _, made := v.Generate(t.Context(), "pivot a")
	_, signed := v.Sign(t.Context(), hsm.Key{}, nil)
	for _, err := range []error{err, made, signed, v.Destroy(t.Context(), hsm.Key{})} {
		if !errors.Is(err, hsm.ErrNotBuilt) {
			t.Errorf("%v", err)
		}
	}
	v.Doubt()
	if err := v.Close(); err != nil || hsm.Built {
		t.Errorf("%v, built %v", err, hsm.Built)
	}
}
