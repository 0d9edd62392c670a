package brainpool_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pivot/shared/brainpool"
)

func TestParseScalar(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		size, n := r.curve.ByteLen(), r.oracle.Params().N
		number := func(v *big.Int) []byte { return v.FillBytes(make([]byte, size)) }
		one := big.NewInt(1)
		cases := []struct {
			name string
			b    []byte
			ok   bool
		}{
			{"1", number(one), true},
			{"n-1", number(new(big.Int).Sub(n, one)), true},
			{"half", number(new(big.Int).Rsh(n, 1)), true},
			{"n-256", number(new(big.Int).Sub(n, big.NewInt(256))), true},
			{"0", number(new(big.Int)), false},
			{"n", number(n), false},
			{"n+1", number(new(big.Int).Add(n, one)), false},
			{"n+256", number(new(big.Int).Add(n, big.NewInt(256))), false},
			{"all ones", bytes.Repeat([]byte{0xff}, size), false},
			{"empty", nil, false},
			{"one octet less", number(one)[1:], false},
			{"one octet more", append([]byte{0}, number(one)...), false},
		}
		for _, c := range cases {
			k, err := r.curve.ParseScalar(c.b)
			if (err == nil) != c.ok {
				t.Errorf("%s: error %v, want ok %t", c.name, err, c.ok)
				continue
			}
			if err != nil {
				if len(c.b) > 0 && strings.Contains(err.Error(), hex.EncodeToString(c.b)) {
					t.Errorf("%s: the error shows the number", c.name)
				}
				continue
			}
			want := bytes.Clone(c.b)
			c.b[0] ^= 1
			k.Bytes()[0] ^= 1
			if !bytes.Equal(k.Bytes(), want) {
				t.Errorf("%s: parsed as %x, or aliased", c.name, k.Bytes())
			}
		}
	})
}

func TestRandomScalar(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		seen := map[string]bool{}
		high := false
		for range 64 {
			k, err := r.curve.RandomScalar()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.curve.ParseScalar(k.Bytes()); err != nil {
				t.Error(err)
			}
			seen[string(k.Bytes())] = true
			high = high || new(big.Int).SetBytes(k.Bytes()).BitLen() == r.curve.BitLen()
		}
		if len(seen) != 64 {
			t.Errorf("%d different scalars of 64", len(seen))
		}
		if !high {
			t.Error("the top bit is never set")
		}
	})
}

func TestScalarPrintsRedacted(t *testing.T) {
	t.Parallel()
	k, err := brainpool.P256r1().RandomScalar()
	if err != nil {
		t.Fatal(err)
	}
	const want = "brainpoolP256r1 scalar (redacted)"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		for _, v := range []any{k, *k} {
			if got := fmt.Sprintf(verb, v); got != want {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	}
	if got := k.String(); got != want {
		t.Errorf("String = %q", got)
	}
	if got := logged(k); !strings.Contains(got, want) {
		t.Errorf("logged as %q", got)
	}
	if got, err := json.Marshal(map[string]any{"k": k}); err != nil || string(got) != `{"k":{}}` {
		t.Errorf("as JSON %s, %v", got, err)
	}
}
