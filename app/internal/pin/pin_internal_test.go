package pin

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/cloudflare/circl/oprf"

	"pivot/shared/wire"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	out, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// RFC 9497 A.3.1: P256-SHA256, mode OPRF.
var vectors = []struct{ input, blind, blinded, evaluated, output string }{
	{
		"00", "3338fa65ec36e0290022b48eb562889d89dbfa691d1cde91517fa222ed7ad364",
		"03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d",
		"030de02ffec47a1fd53efcdd1c6faf5bdc270912b8749e783c7ca75bb412958832",
		"a0b34de5fa4c5b6da07e72af73cc507cceeb48981b97b7285fc375345fe495dd",
	},
	{
		"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a", "3338fa65ec36e0290022b48eb562889d89dbfa691d1cde91517fa222ed7ad364",
		"03cc1df781f1c2240a64d1c297b3f3d16262ef5d4cf102734882675c26231b0838",
		"03a0395fe3828f2476ffcd1f4fe540e5a8489322d398be3c4e5a869db7fcb7c52c",
		"c748ca6dd327f0ce85f4ae3a8cd6d4d5390bbb804c9e12dcf94f853fece3dcce",
	},
}

// The server key of those vectors.
const vectorKey = "159749d750713afe245d2d39ccfaae8381c53ce92d098a9375ee70739c7ac0bf"

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		scalar := oprf.SuiteP256.Group().NewScalar()
		if err := scalar.UnmarshalBinary(unhex(t, v.blind)); err != nil {
			t.Fatal(err)
		}
		s, blinded, err := blind(unhex(t, v.input), scalar)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(blinded); got != v.blinded {
			t.Errorf("blinded %s, want %s", got, v.blinded)
		}
		if got := hex.EncodeToString(broker(t, unhex(t, vectorKey), blinded)); got != v.evaluated {
			t.Errorf("evaluated %s, want %s", got, v.evaluated)
		}
		output, err := s.finalize(unhex(t, v.evaluated))
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(output); got != v.output {
			t.Errorf("output %s, want %s", got, v.output)
		}
	}
}

// TestMaskVector holds the mask to what it was when PINs were set with it: were it another, every PIN would be lost. The
// value was computed from the output of the first vector by argon2-cffi 25.1 (Argon2id, t=3, m=65536, p=1, 48 bytes, salt of
// 32 bytes 01) and reduced modulo the order of P-256.
func TestMaskVector(t *testing.T) {
	t.Parallel()
	scalar := oprf.SuiteP256.Group().NewScalar()
	if err := scalar.UnmarshalBinary(unhex(t, vectors[0].blind)); err != nil {
		t.Fatal(err)
	}
	s, _, err := blind(unhex(t, vectors[0].input), scalar)
	if err != nil {
		t.Fatal(err)
	}
	mask, err := s.mask(unhex(t, vectors[0].evaluated), bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	const want = "04eaef9ca1e975ff03fc64c404dc4be87272c9f829ea71ce64a463b264f5b288"
	if got := hex.EncodeToString(mask.FillBytes(make([]byte, 32))); got != want {
		t.Errorf("mask %s, want %s", got, want)
	}
}

// broker evaluates as a broker does.
func broker(tb testing.TB, key, blinded []byte) []byte {
	tb.Helper()
	private := new(oprf.PrivateKey)
	point := oprf.SuiteP256.Group().NewElement()
	if err := errors.Join(private.UnmarshalBinary(oprf.SuiteP256, key), point.UnmarshalBinary(blinded)); err != nil {
		tb.Fatal(err)
	}
	evaluation, err := oprf.NewServer(oprf.SuiteP256, private).Evaluate(&oprf.EvaluationRequest{Elements: []oprf.Blinded{point}})
	if err != nil {
		tb.Fatal(err)
	}
	out, err := evaluation.Elements[0].MarshalBinaryCompress()
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// try asks for the key of a PIN.
func try(tb testing.TB, number string, serverKey, salt, masked []byte) *ecdsa.PrivateKey {
	tb.Helper()
	s, blinded, err := Blind([]byte(number))
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Wipe()
	key, err := Unmask(s, broker(tb, serverKey, blinded), salt, masked)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func TestRightAndWrongPIN(t *testing.T) {
	t.Parallel()
	serverKey, salt := unhex(t, vectorKey), make([]byte, 32)
	_, _ = rand.Read(salt)
	s, blinded, err := Blind([]byte("280461"))
	if err != nil {
		t.Fatal(err)
	}
	enrolled, masked, err := Enrol(s, broker(t, serverKey, blinded), salt)
	if err != nil {
		t.Fatal(err)
	}
	if right := try(t, "280461", serverKey, salt, masked); !right.Equal(enrolled) {
		t.Error("the right PIN gave another key")
	}
	otherKey := slices.Clone(serverKey)
	otherKey[31] ^= 1
	otherSalt := slices.Clone(salt)
	otherSalt[0] ^= 1
	for name, wrong := range map[string]*ecdsa.PrivateKey{
		"a wrong PIN":          try(t, "280462", serverKey, salt, masked),
		"another broker's key": try(t, "280461", otherKey, salt, masked),
		"another device":       try(t, "280461", serverKey, otherSalt, masked),
	} {
		if wrong.Equal(enrolled) {
			t.Errorf("%s gave the right key", name)
		}
		// A wrong key is as good a key as another: nothing on this side can tell.
		parts := wire.PINParts{Issuer: "i", Device: "d", Ceremony: "c", Nonce: make([]byte, 32), Blinded: blinded}
		signature, err := Sign(parts, wrong)
		digest := sha256.Sum256(wire.PINTranscript(parts))
		if err != nil || !ecdsa.VerifyASN1(&wrong.PublicKey, digest[:], signature) {
			t.Errorf("%s gave a key that does not sign: %v", name, err)
		}
		if ecdsa.VerifyASN1(&enrolled.PublicKey, digest[:], signature) {
			t.Errorf("%s signed as the right one", name)
		}
	}
}

// TestNothingToGuessAgainst: every value of 32 bytes below the order is a masked scalar, so that the file alone cannot say
// which PIN is right.
func TestNothingToGuessAgainst(t *testing.T) {
	t.Parallel()
	salt := make([]byte, 32)
	for _, masked := range [][]byte{make([]byte, 32), bytes.Repeat([]byte{0x55}, 32), new(big.Int).Sub(order, big.NewInt(1)).Bytes()} {
		if key := try(t, "280461", unhex(t, vectorKey), salt, masked); key == nil {
			t.Error("no key")
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	s, blinded, err := Blind([]byte("280461"))
	if err != nil {
		t.Fatal(err)
	}
	good := broker(t, unhex(t, vectorKey), blinded)
	off := slices.Clone(good)
	for off[32]++; ; off[32]++ { // about every second abscissa is on no point
		if x, _ := elliptic.UnmarshalCompressed(elliptic.P256(), off); x == nil {
			break
		}
	}
	salt, masked := make([]byte, 32), make([]byte, 32)
	for _, row := range []struct {
		name      string
		evaluated []byte
		ok        bool
	}{
		{"the broker's", good, true},
		{"nothing", nil, false},
		{"infinity", []byte{0}, false},
		{"infinity, padded", make([]byte, 33), false},
		{"off the curve", off, false},
		{"uncompressed", uncompressed(good), false},
		{"beyond the field", append([]byte{2}, bytes.Repeat([]byte{0xff}, 32)...), false},
		{"one byte more", append(slices.Clone(good), 0), false},
	} {
		_, err := Unmask(s, row.evaluated, salt, masked)
		if row.ok != (err == nil) || !row.ok && !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", row.name, err)
		}
		if _, _, err := Enrol(s, row.evaluated, salt); row.ok != (err == nil) || !row.ok && !errors.Is(err, ErrAnswer) {
			t.Errorf("%s, to enrol: %v", row.name, err)
		}
	}
}

// uncompressed spells a point the other way.
func uncompressed(point []byte) []byte {
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), point)
	return append(append([]byte{4}, x.FillBytes(make([]byte, 32))...), y.FillBytes(make([]byte, 32))...)
}

func TestDamagedStore(t *testing.T) {
	t.Parallel()
	s, blinded, err := Blind([]byte("280461"))
	if err != nil {
		t.Fatal(err)
	}
	good := broker(t, unhex(t, vectorKey), blinded)
	for _, row := range []struct {
		name         string
		salt, masked []byte
		ok           bool
	}{
		{"as stored", make([]byte, 32), make([]byte, 32), true},
		{"short scalar", make([]byte, 32), make([]byte, 31), false},
		{"scalar beyond the order", make([]byte, 32), order.Bytes(), false},
		{"short salt", make([]byte, 16), make([]byte, 32), false},
	} {
		if _, err := Unmask(s, good, row.salt, row.masked); row.ok != (err == nil) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestStateIsTheSameForARetryAndForgets(t *testing.T) {
	t.Parallel()
	number := []byte("280461")
	s, first, err := Blind(number)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, s.Blinded()) || len(first) != 33 {
		t.Error("a retry would send another point")
	}
	clear(number) // the caller wipes its own: the state must not depend on it
	good := broker(t, unhex(t, vectorKey), first)
	one, err := Unmask(s, good, make([]byte, 32), make([]byte, 32))
	if err != nil || !one.Equal(try(t, "280461", unhex(t, vectorKey), make([]byte, 32), make([]byte, 32))) {
		t.Errorf("the state lost the PIN with its caller's: %v", err)
	}
	_, second, err := Blind([]byte("280461"))
	if err != nil || bytes.Equal(first, second) {
		t.Error("two attempts of one PIN can be recognised")
	}
	s.Wipe()
	if !bytes.Equal(s.pin, make([]byte, 6)) {
		t.Error("the PIN is still there")
	}
	if _, err := Unmask(s, good, make([]byte, 32), make([]byte, 32)); err == nil {
		t.Error("a wiped state was used")
	}
	//lint:ignore SA1019 what Wipe must have reached
	scalar := one.D.Bits()
	Wipe(one)
	for _, word := range scalar {
		if word != 0 {
			t.Error("the key is still there")
		}
	}
	Wipe(nil)
}
