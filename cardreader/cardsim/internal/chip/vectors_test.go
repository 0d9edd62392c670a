package chip_test

import (
	"encoding/hex"
	"math/big"
	"testing"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/ec"
)

// scripted is the chip's randomness of a worked example.
type scripted struct {
	nonce   []byte
	scalars []*big.Int
}

func (s *scripted) Nonce(int) []byte { return s.nonce }

func (s *scripted) Scalar(*ec.Curve) *big.Int {
	next := s.scalars[0]
	s.scalars = s.scalars[1:]
	return new(big.Int).Set(next)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func scalar(t testing.TB, s string) *big.Int { return new(big.Int).SetBytes(unhex(t, s)) }

func named(t testing.TB, name string) *ec.Curve {
	t.Helper()
	c, err := ec.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange is one command of a worked example and the chip's answer.
type exchange struct{ name, command, response string }

func run(t *testing.T, c *chip.Chip, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		got := c.Process(unhex(t, e.command))
		if h := hex.EncodeToString(got.Response); h != e.response {
			t.Fatalf("%s: got %s, want %s", e.name, h, e.response)
		}
	}
}

// TestGenericMapping is the chip's side of ICAO 9303-11 appendix G.1: nonce, both ephemeral keys and both tokens.
func TestGenericMapping(t *testing.T) {
	t.Parallel()
	c := chip.New(chip.Config{
		PACE: []chip.PACE{{Mapping: chip.Generic, KeyLen: 16, Curve: named(t, "brainpoolP256r1")}},
		MRZ:  "T22000129364081251010318",
		Entropy: &scripted{
			nonce: unhex(t, "3f00c4d39d153f2b2a214a078d899b22"),
			scalars: []*big.Int{
				scalar(t, "498ff49756f2dc1587840041839a85982be7761d14715fb091efa7bce9058560"),
				scalar(t, "107cf58696ef6155053340fd633392ba81909df7b9706f226f32086c7aff974a"),
			},
		},
	})
	run(t, c, []exchange{
		{"set at", "0022c1a412800a04007f00070202040202830101" + "84010d", "9000"},
		{"nonce", "10860000027c0000", "7c12801095a3a016522ee98d01e76cb6b98b42c3" + "9000"},
		{
			"mapping",
			"10860000457c438141047acf3efc982ec45565a4b155129efbc74650dcbfa6362d896fc70262e0c2cc5e544552dcb6725218799115b55c9baa6d9f6bc3a9618e70c25af71777a9c4922d00",
			"7c43824104824fba91c9cbe26bef53a0ebe7342a3bf178cea9f45de0b70aa601651fba3f5730d8c879aaa9c9f73991e61b58f4d52eb87a0a0c709a49dc63719363ccd13c54" + "9000",
		},
		{
			"agreement",
			"10860000457c438341042db7a64c0355044ec9df190514c625cba2cea48754887122f3a5ef0d5edd301c3556f3b3b186df10b857b58f6a7eb80f20ba5dc7be1d43d9bf850149fbb3646200",
			"7c438441049e880f842905b8b3181f7af7caa9f0efb743847f44a306d2d28c1d9ec65df6db7764b22277a2eddc3c265a9f018f9cb852e111b768b326904b59a0193776f094" + "9000",
		},
		{"tokens", "008600000c7c0a8508c2b0bd78d94ba86600", "7c0a86083abb9674bce93c08" + "9000"},
	})
}

// TestIntegratedMapping is the chip's side of ICAO 9303-11 appendix H.1.
func TestIntegratedMapping(t *testing.T) {
	t.Parallel()
	c := chip.New(chip.Config{
		PACE: []chip.PACE{{Mapping: chip.Integrated, KeyLen: 16, Curve: named(t, "brainpoolP256r1")}},
		CAN:  "123456",
		Entropy: &scripted{
			nonce:   unhex(t, "2923be84e16cd6ae529049f1f1bbe9eb"),
			scalars: []*big.Int{scalar(t, "107cf58696ef6155053340fd633392ba81909df7b9706f226f32086c7aff974a")},
		},
	})
	run(t, c, []exchange{
		{"set at", "0022c1a40f800a04007f00070202040402830102", "9000"},
		{"nonce", "10860000027c0000", "7c128010143dc40c08c8e891fbed7dedb92b64ad" + "9000"},
		{"mapping", "10860000147c1281105dd4cbfc96f5453b130d890a1cdbae3200", "7c0282009000"},
		{
			"agreement",
			"10860000457c4383410489cba23ffe96aa18d824627c3e934e54a9fd0b87a95d1471dc1c0abfdcd640d46755de9b7b778280b6bebd57439adfeb0e21fd4ed6df42578c13418a59b34c3700",
			"7c4384410467f78e5f7f7686082b293e8d087e056916d0f74bc01a5f8957d0de45691e51e8932b69a962b52a0985ad2c0a271ee6a13a8adddcd1a3a994b9ded257f4d22753" + "9000",
		},
		{"tokens", "008600000c7c0a8508450f02b86f6a090900", "7c0a860875d4d96e8d5b0308" + "9000"},
	})
}
