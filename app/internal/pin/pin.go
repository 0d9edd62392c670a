// Package pin is the citizen's side of the PIN (DESIGN 8): which PINs are refused, and how a PIN becomes a signing key with
// the broker's help, so that neither the PIN nor anything that a guess could be checked against is stored or sent.
//
// The app blinds the PIN (RFC 9497, OPRF with P-256 and SHA-256, base mode); the broker counts the attempt and evaluates it
// under a key of its own; Argon2id of the result masks a random scalar. The mask is added modulo the group's order, so that
// every PIN gives some key and only the broker, which knows the public half, can tell which one is right.
package pin

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"golang.org/x/crypto/argon2"

	"pivot/shared/wire"
)

// ErrAnswer says that what the broker sent is no evaluation.
var ErrAnswer = errors.New("pin: the broker's answer is no point of the curve")

// The cost of Argon2id, in RFC 9106's terms: 3 passes over 64 MiB, one lane. A guess costs the broker's count first; this
// is for the day that the broker's key is stolen with the device's file.
const (
	passes  = 3
	memory  = 64 << 10 // KiB
	lanes   = 1
	maskLen = 48 // 384 bits reduced modulo a 256-bit order: the bias is below 2^-128 (RFC 9380 5)
)

// State is a PIN between its blinding and the broker's answer. It holds the PIN: wipe it. The same state, and so the same
// blinded point, serves for every retry: the broker counts it once.
type State struct {
	pin     []byte
	blinded []byte
	data    *oprf.FinalizeData
}

// Blind takes a PIN, which it copies, and gives the state and the blinded point to send, compressed, 33 bytes.
func Blind(pin []byte) (*State, []byte, error) {
	return blind(pin, oprf.SuiteP256.Group().RandomNonZeroScalar(rand.Reader))
}

func blind(pin []byte, by group.Scalar) (*State, []byte, error) {
	s := &State{pin: bytes.Clone(pin)}
	data, request, err := oprf.NewClient(oprf.SuiteP256).DeterministicBlind([][]byte{s.pin}, []oprf.Blind{by})
	if err != nil {
		s.Wipe()
		return nil, nil, errors.New("pin: this input cannot be blinded")
	}
	if s.blinded, err = request.Elements[0].MarshalBinaryCompress(); err != nil {
		s.Wipe()
		return nil, nil, errors.New("pin: internal error: a point that cannot be encoded")
	}
	s.data = data
	return s, bytes.Clone(s.blinded), nil
}

// Blinded gives the blinded point again, for a retry and for the transcript.
func (s *State) Blinded() []byte { return bytes.Clone(s.blinded) }

// Wipe forgets the PIN. The state is of no use afterwards.
func (s *State) Wipe() {
	clear(s.pin)
	s.data = nil
}

// Enrol makes a new PIN key from the broker's evaluation, and what to store to find it again: salt is 32 random bytes of this
// device, masked has 32 bytes. The caller wipes the key with [Wipe]. [ErrAnswer] is the only error that the broker can cause.
func Enrol(s *State, evaluated, salt []byte) (key *ecdsa.PrivateKey, masked []byte, err error) {
	mask, err := s.mask(evaluated, salt)
	if err != nil {
		return nil, nil, err
	}
	defer clear(mask.Bits())
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	scalar, err := key.Bytes()
	if err != nil {
		return nil, nil, err
	}
	defer clear(scalar)
	sum := new(big.Int).SetBytes(scalar)
	sum.Mod(sum.Add(sum, mask), order)
	return key, sum.FillBytes(make([]byte, 32)), nil
}

// Unmask gives the key that this PIN gives: the enrolled one when the PIN is right, and another just as good when it is wrong.
// The caller wipes it with [Wipe]. [ErrAnswer] is the only error that the broker can cause.
func Unmask(s *State, evaluated, salt, masked []byte) (*ecdsa.PrivateKey, error) {
	stored := new(big.Int).SetBytes(masked)
	if len(masked) != 32 || stored.Cmp(order) >= 0 {
		return nil, errors.New("pin: what this device stored is damaged")
	}
	mask, err := s.mask(evaluated, salt)
	if err != nil {
		return nil, err
	}
	defer clear(mask.Bits())
	defer clear(stored.Bits())
	stored.Mod(stored.Sub(stored, mask), order)
	scalar := stored.FillBytes(make([]byte, 32))
	defer clear(scalar)
	// Zero is no key. One PIN in 2^256 gives it.
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, errors.New("pin: this PIN gives no key")
	}
	return key, nil
}

var order = elliptic.P256().Params().N

// mask finishes the evaluation and hardens it.
func (s *State) mask(evaluated, salt []byte) (*big.Int, error) {
	if s.data == nil {
		return nil, errors.New("pin: internal error: the state was wiped")
	}
	if len(salt) != 32 {
		return nil, errors.New("pin: internal error: the salt has 32 bytes")
	}
	output, err := s.finalize(evaluated)
	if err != nil {
		return nil, err
	}
	defer clear(output)
	hard := argon2.IDKey(output, salt, passes, memory, lanes, maskLen)
	defer clear(hard)
	mask := new(big.Int).SetBytes(hard)
	return mask.Mod(mask, order), nil
}

// finalize gives the OPRF's output, 32 bytes.
func (s *State) finalize(evaluated []byte) ([]byte, error) {
	point := oprf.SuiteP256.Group().NewElement()
	// Compressed form alone: the point at infinity and a second spelling of the same point are refused.
	if len(evaluated) != 33 || point.UnmarshalBinary(evaluated) != nil || point.IsIdentity() {
		return nil, ErrAnswer
	}
	outputs, err := oprf.NewClient(oprf.SuiteP256).Finalize(s.data, &oprf.Evaluation{Elements: []oprf.Evaluated{point}})
	if err != nil {
		return nil, ErrAnswer
	}
	return outputs[0], nil
}

// Sign signs the transcript of an attempt, to show that it gave the right key: ASN.1, over the transcript's SHA-256.
func Sign(p wire.PINParts, key *ecdsa.PrivateKey) ([]byte, error) {
	digest := sha256.Sum256(wire.PINTranscript(p))
	return ecdsa.SignASN1(rand.Reader, key, digest[:])
}

// Wipe forgets a key, as far as the language allows.
func Wipe(key *ecdsa.PrivateKey) {
	if key == nil {
		return
	}
	//lint:ignore SA1019 no other way reaches the scalar, and a key that was wiped is not used
	if d := key.D; d != nil {
		clear(d.Bits())
	}
}
