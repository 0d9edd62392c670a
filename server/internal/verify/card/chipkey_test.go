package card_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/verify/card"
	"pivot/shared/apdu"
	"pivot/shared/brainpool"
)

// caAES128 and caAES256 offer Chip Authentication, version 1, over elliptic curves.
func caAES128(id ...[]byte) []byte { return ca("3.2.2", 1, id...) }
func caAES256(id ...[]byte) []byte { return ca("3.2.4", 1, id...) }

func ca(arcs string, version int64, id ...[]byte) []byte {
	return info(bsi+arcs, append([][]byte{number(version)}, id...)...)
}

// chipKey is the key that the document's chip proves; otherKey is told apart from it by its curve.
func (d *document) chipKey(id ...[]byte) []byte {
	return chipKey(chipCurve(), chipCurve().BaseMul(d.key).Bytes(), id...)
}

func otherKey(id ...[]byte) []byte {
	curve := brainpool.NISTP256()
	return chipKey(curve, curve.Generator().Bytes(), id...)
}

// strangeKey is on P-224, which nobody accepts (ICAO 9303-11 §9.5.1, number 10).
func strangeKey(id ...[]byte) []byte {
	return rawChipKey(10, brainpool.NISTP256().Generator().Bytes(), id...)
}

const (
	onBrainpool = "brainpoolP256r1"
	onNIST      = "P-256"
)

// TestChoiceOfTheChipKey has DG14 offer what it may, signed: the strongest protocol that we speak is chosen, with the very
// key that it names.
func TestChoiceOfTheChipKey(t *testing.T) {
	t.Parallel()
	id := number
	off := brainpool.P256r1().Generator().Bytes()
	off[len(off)-1] ^= 1
	for _, tc := range []struct {
		name   string
		infos  func(*document) [][]byte
		want   string // protocol and curve; empty when refused
		keyID  *int
		reason card.Reason // of the refusal
	}{
		{"one key", func(d *document) [][]byte { return [][]byte{caAES256(), d.chipKey()} }, "AES-256 " + onBrainpool, nil, ""},
		{"the key first", func(d *document) [][]byte { return [][]byte{d.chipKey(), caAES256()} }, "AES-256 " + onBrainpool, nil, ""},
		{"AES-128 before AES-256", func(d *document) [][]byte { return [][]byte{caAES128(), caAES256(), d.chipKey()} }, "AES-256 " + onBrainpool, nil, ""},
		{"AES-256 before AES-128", func(d *document) [][]byte { return [][]byte{caAES256(), caAES128(), d.chipKey()} }, "AES-256 " + onBrainpool, nil, ""},
		{"AES-192", func(d *document) [][]byte { return [][]byte{ca("3.2.3", 1), d.chipKey()} }, "AES-192 " + onBrainpool, nil, ""},
		{"AES-128", func(d *document) [][]byte { return [][]byte{caAES128(), d.chipKey()} }, "AES-128 " + onBrainpool, nil, ""},
		{"two keys, the first named", func(d *document) [][]byte { return [][]byte{caAES256(id(1)), d.chipKey(id(1)), otherKey(id(2))} }, "AES-256 " + onBrainpool, new(1), ""},
		{"two keys, the second named", func(d *document) [][]byte { return [][]byte{caAES256(id(2)), d.chipKey(id(1)), otherKey(id(2))} }, "AES-256 " + onNIST, new(2), ""},
		{"two keys, the stronger protocol on the second", func(d *document) [][]byte {
			return [][]byte{caAES128(id(1)), caAES256(id(2)), d.chipKey(id(1)), otherKey(id(2))}
		}, "AES-256 " + onNIST, new(2), ""},
		{"two keys of one strength: the first that is offered", func(d *document) [][]byte {
			return [][]byte{caAES256(id(1)), caAES256(id(2)), otherKey(id(2)), d.chipKey(id(1))}
		}, "AES-256 " + onBrainpool, new(1), ""},
		{"key 0", func(d *document) [][]byte { return [][]byte{caAES256(id(0)), d.chipKey(id(0))} }, "AES-256 " + onBrainpool, new(0), ""},
		{"largest key number", func(d *document) [][]byte { return [][]byte{caAES256(id(1<<31 - 1)), d.chipKey(id(1<<31 - 1))} }, "AES-256 " + onBrainpool, new(1<<31 - 1), ""},
		{"number on the key alone", func(d *document) [][]byte { return [][]byte{caAES256(), d.chipKey(id(3))} }, "AES-256 " + onBrainpool, nil, ""},
		{"number on the protocol alone", func(d *document) [][]byte { return [][]byte{caAES256(id(3)), d.chipKey()} }, "", nil, card.ReasonChipAuthProtocol},
		{"number of no key", func(d *document) [][]byte { return [][]byte{caAES256(id(3)), d.chipKey(id(1)), otherKey(id(2))} }, "", nil, card.ReasonChipAuthProtocol},
		{"two keys, none named", func(d *document) [][]byte { return [][]byte{caAES256(), d.chipKey(id(1)), otherKey(id(2))} }, "", nil, card.ReasonChipAuthProtocol},
		{"no protocol", func(d *document) [][]byte { return [][]byte{d.chipKey()} }, "", nil, card.ReasonChipAuthProtocol},
		{"DH alone", func(d *document) [][]byte { return [][]byte{ca("3.1.4", 1), d.chipKey()} }, "", nil, card.ReasonChipAuthProtocol},
		{"3DES alone", func(d *document) [][]byte { return [][]byte{ca("3.2.1", 1), d.chipKey()} }, "", nil, card.ReasonChipAuthProtocol},
		{"version 2 alone", func(d *document) [][]byte { return [][]byte{ca("3.2.4", 2), d.chipKey()} }, "", nil, card.ReasonChipAuthProtocol},
		{"DH, 3DES and version 2 before AES-128", func(d *document) [][]byte {
			return [][]byte{ca("3.1.4", 1), ca("3.2.1", 1), ca("3.2.4", 2), caAES128(), d.chipKey()}
		}, "AES-128 " + onBrainpool, nil, ""},
		{"unknown curve alone", func(*document) [][]byte { return [][]byte{caAES256(), strangeKey()} }, "", nil, card.ReasonUnknownCurve},
		{"unknown curve on the stronger protocol", func(d *document) [][]byte {
			return [][]byte{caAES256(id(2)), caAES128(id(1)), d.chipKey(id(1)), strangeKey(id(2))}
		}, "AES-128 " + onBrainpool, new(1), ""},
		{"no key", func(*document) [][]byte { return [][]byte{caAES256()} }, "", nil, card.ReasonNoChipAuth},
		{"nothing but PACE", func(*document) [][]byte { return nil }, "", nil, card.ReasonNoChipAuth},
		{"a point off its curve", func(*document) [][]byte { return [][]byte{caAES256(), chipKey(chipCurve(), off)} }, "", nil, card.ReasonBadChipKey},
		{"a point of another curve", func(*document) [][]byte {
			return [][]byte{caAES256(), chipKey(chipCurve(), brainpool.NISTP256().Generator().Bytes())}
		}, "", nil, card.ReasonBadChipKey},
		{"a point off its curve on the stronger protocol", func(d *document) [][]byte {
			return [][]byte{caAES128(id(1)), caAES256(id(2)), d.chipKey(id(1)), chipKey(chipCurve(), off, id(2))}
		}, "", nil, card.ReasonBadChipKey},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newState(t).document(t)
			d.infos = append(slices.Clone(d.access), tc.infos(d)...)
			chip, err := d.examine(t)
			if tc.want == "" {
				if r := refusal(t, err); r.Step != card.StepChipKey || r.Reason != tc.reason {
					t.Errorf("refused at %s for %s, want %s: %v", r.Step, r.Reason, tc.reason, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := chip.Protocol(); got != "CA-ECDH "+tc.want {
				t.Errorf("protocol %q", got)
			}
			_, challenge, err := chip.Challenge(card.Plan{Groups: []card.Group{{Number: 1}}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.keyID, challenge.KeyID); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKeyNumberIsRemembered recalls a card of several keys, and a card of one: each is asked for the key that it proved.
func TestKeyNumberIsRemembered(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]*int{"no number": nil, "0": new(0), "1": new(1), "largest": new(1<<31 - 1)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newState(t).document(t)
			if want != nil {
				id := number(int64(*want))
				d.infos = append(slices.Clone(d.access), caAES256(id), otherKey(number(77)), d.chipKey(id))
			}
			memory := d.prove(t).Memory()
			chip := must(card.Recall(memory, d.state.policy, noon()))(t)
			_, challenge, err := chip.Challenge(card.Plan{Groups: []card.Group{{Number: 1}}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, challenge.KeyID); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			if again := d.conclude(t, chip).Memory(); !slices.Equal(again, memory) {
				t.Error("the memory is another")
			}
		})
	}
}

// TestAnotherChipIsRefused has the chip of another document answer, in both ways of knowing the first.
func TestAnotherChipIsRefused(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	memory := d.prove(t).Memory()
	chip, known := must(d.examine(t))(t), must(card.Recall(memory, d.state.policy, noon()))(t)
	other := *d
	other.key = d.state.document(t).key
	for _, tc := range []struct {
		name   string
		chip   *card.Chip
		reason card.Reason
	}{
		{"examined", chip, card.ReasonChipNotGenuine},
		{"known", known, card.ReasonKnownCardMismatch},
	} {
		d.conclude(t, tc.chip) // positive control
		x := other.exchange(t, tc.chip, card.Plan{Groups: []card.Group{{Number: 1}}})
		_, err := x.session.Judge([][]byte{x.respond(t, 0, d.groups[1], apdu.OK)}, d.state.policy, noon())
		if r := refusal(t, err); r.Step != card.StepChip || r.Reason != tc.reason {
			t.Errorf("%s: refused at %s for %s", tc.name, r.Step, r.Reason)
		}
	}
}

// TestLongLe asks for more bytes than a short response carries once protected, where Le has to say so, and for what every
// response carries, however short the reach.
func TestLongLe(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	chip := must(d.examine(t))(t)
	for _, tc := range []struct{ reach, length, ne int }{
		{37, 223, 256},
		{100, 223, 256},
		{259, 223, 256},
		{260, 224, 1 << 16},
		{276, 240, 1 << 16},
		{292, 256, 1 << 16},
		{300, 264, 1 << 16},
	} {
		plan := card.Plan{Groups: []card.Group{{Number: 13}}, Extended: true, MaxResponse: tc.reach}
		_, challenge, err := chip.Challenge(plan)
		if err != nil {
			t.Fatal(err)
		}
		c := must(apdu.ParseCommand(challenge.Batch[0]))(t)
		if want := (1<<10 + tc.length - 1) / tc.length; c.Ne != tc.ne || len(challenge.Batch) != want {
			t.Errorf("reach %d: %d commands of Ne %d, want %d of %d", tc.reach, len(challenge.Batch), c.Ne, want, tc.ne)
		}
	}
}

// TestGroupsThatAreNeverRead plans for DG1 and one more of the card's.
func TestGroupsThatAreNeverRead(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	d.groups[3], d.groups[4], d.groups[16] = []byte("TEST"), []byte("TEST"), []byte("TEST")
	chip := must(d.examine(t))(t)
	if _, _, err := chip.Challenge(card.Plan{Groups: []card.Group{{Number: 1}, {Number: 13}}}); err != nil {
		t.Errorf("positive control: %v", err)
	}
	for _, n := range []int{3, 4, 14, 16} {
		_, _, err := chip.Challenge(card.Plan{Groups: []card.Group{{Number: 1}, {Number: n}}})
		if r := refusal(t, err); r.Reason != card.ReasonPlan || !chip.Has(n) {
			t.Errorf("data group %d: refused for %s", n, r.Reason)
		}
	}
}
