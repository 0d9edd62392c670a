package pace

import (
	"bytes"
	"context"
	"errors"
	"math/big"
	"testing"

	"pivot/shared/apdu"
	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

// TestGeneratorAtInfinity plays a card whose mapping key is chosen so that
// s·G + H vanishes, which takes the terminal's private key: C = -(s/t)·G.
func TestGeneratorAtInfinity(t *testing.T) {
	t.Parallel()
	curve := brainpool.P256r1()
	x := genericExamples()[0]
	n := new(big.Int).SetBytes(curve.Order())
	c := new(big.Int).ModInverse(new(big.Int).SetBytes(unhex(t, x.mapPrivate)), n)
	c.Mul(c, new(big.Int).SetBytes(unhex(t, x.nonce))).Neg(c).Mod(c, n)
	bad, err := curve.ParseScalar(c.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	good, err := curve.ParseScalar(c.Add(c, big.NewInt(1)).FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	p := protocol{curve, sm.AES128, mrtd.GenericMapping, unhex(t, oidGM128)}
	mapping, err := newGeneric(p, unhex(t, x.nonce), scalar(t, x.mapPrivate))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mapping.accept(curve.BaseMul(bad).Bytes()); !errors.Is(err, ErrCard) {
		t.Errorf("got %v", err)
	}
	if _, err := mapping.accept(curve.BaseMul(good).Bytes()); err != nil {
		t.Errorf("the control: %v", err)
	}
}

// TestNonceOfTheOrder checks that a nonce which is zero in the group is refused
// as the zero nonce is.
func TestNonceOfTheOrder(t *testing.T) {
	t.Parallel()
	curve := brainpool.P256r1()
	p := protocol{curve, sm.AES256, mrtd.GenericMapping, nil}
	private := scalar(t, genericExamples()[0].mapPrivate)
	if _, err := newGeneric(p, curve.Order(), private); !errors.Is(err, ErrCard) {
		t.Errorf("got %v", err)
	}
	above := curve.Order()
	above[31]++
	if m, err := newGeneric(p, above, private); err != nil || m.s.Bytes()[31] != 1 {
		t.Errorf("the control: %v", err)
	}
}

func TestTemplateWithoutParameters(t *testing.T) {
	t.Parallel()
	l := locked{protocol: protocol{curve: brainpool.P384r1(), oid: []byte{1}}, reference: referenceCAN}
	equal(t, "template", l.template(-1), "800101 830102 840110")
}

// FuzzGeneralAuthenticate checks that what is read from an answer is all that
// it holds.
func FuzzGeneralAuthenticate(f *testing.F) {
	f.Add(unhex(f, "7C128010 95A3A016522EE98D01E76CB6B98B42C3"), byte(stepNonce)) // ICAO 9303-11 G.1
	f.Add(unhex(f, "7C0A8608 3ABB9674BCE93C08"), byte(stepToken))
	f.Add(unhex(f, "7C028200"), byte(stepMapping))
	f.Add(unhex(f, "7C00"), byte(stepMapping))
	f.Add(unhex(f, "7C84FFFFFFFF"), byte(stepNonce))
	f.Fuzz(func(t *testing.T, b []byte, which byte) {
		s := step(which % 4)
		value, err := answer(b, s.received())
		if err != nil {
			if !errors.Is(err, ErrCard) {
				t.Fatalf("got %v", err)
			}
			return
		}
		again := tlv.Append(nil, dynamicData, nil)
		if value != nil {
			again = tlv.Append(nil, dynamicData, tlv.Append(nil, s.received(), value))
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%X is read and encodes to %X", b, again)
		}
	})
}

type recorded [][]byte

func (r *recorded) Transmit(context.Context, []byte) ([]byte, error) {
	b := (*r)[0]
	*r = (*r)[1:]
	return b, nil
}

// BenchmarkRun measures the reader's share of PACE with brainpoolP256r1: the card
// answers from a record, so that everything is computed and the last comparison
// fails.
func BenchmarkRun(b *testing.B) {
	curve := brainpool.P256r1()
	x := genericExamples()[0]
	peer := append([]byte{4}, unhex(b, x.peer)...)
	p, err := CAN([]byte("123456"))
	if err != nil {
		b.Fatal(err)
	}
	for name, mapping := range map[string]mrtd.Mapping{"generic": mrtd.GenericMapping, "integrated": mrtd.IntegratedMapping} {
		info := mrtd.PACEInfo{
			OIDBytes: unhex(b, oidGM128), Mapping: mapping, Agreement: mrtd.ECDH, Suite: sm.AES128,
			Version: 2, ParameterID: 13, Curve: curve,
		}
		object := func(tag tlv.Tag, value []byte) []byte {
			return apdu.Response{Data: tlv.Append(nil, 0x7C, tlv.Append(nil, tag, value)), SW: apdu.OK}.Bytes()
		}
		mapped := object(0x82, append([]byte{4}, unhex(b, x.mapPeer)...))
		if mapping == mrtd.IntegratedMapping {
			mapped = object(0x82, nil)
		}
		answers := recorded{{0x90, 0}, object(0x80, unhex(b, x.encrypted)), mapped, object(0x84, peer), object(0x86, make([]byte, 8))}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				card := append(recorded(nil), answers...)
				if _, err := Run(b.Context(), &card, info, p); !errors.Is(err, ErrCard) {
					b.Fatal(err)
				}
			}
		})
	}
}
