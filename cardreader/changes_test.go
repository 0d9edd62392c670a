package cardreader

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestChanges is inside the package because the moments between which changes tells apart come from hardware.
func TestChanges(t *testing.T) {
	t.Parallel()
	empty := Reader{Name: "A"}
	card := Reader{Name: "A", Present: true, Changes: 1, ATR: []byte{0x3B, 0x00}}
	other := Reader{Name: "A", Present: true, Changes: 3, ATR: card.ATR}
	mute := Reader{Name: "A", Present: true, Changes: 1, Mute: true}
	second := Reader{Name: "B"}
	for _, c := range []struct {
		name          string
		before, after []Reader
		want          []Event
	}{
		{"nothing", []Reader{card, second}, []Reader{card, second}, nil},
		{"order alone", []Reader{card, second}, []Reader{second, card}, nil},
		{"reader", nil, []Reader{empty}, []Event{{ReaderAdded, empty}}},
		{"reader with a card", nil, []Reader{card}, []Event{{ReaderAdded, card}, {CardInserted, card}}},
		{"card", []Reader{empty}, []Reader{card}, []Event{{CardInserted, card}}},
		{"card removed", []Reader{card}, []Reader{empty}, []Event{{CardRemoved, card}}},
		{"swapped between two looks", []Reader{card}, []Reader{other}, []Event{{CardRemoved, card}, {CardInserted, other}}},
		{"came to answer", []Reader{mute}, []Reader{card}, []Event{{CardRemoved, mute}, {CardInserted, card}}},
		{"reader with a card unplugged", []Reader{card}, nil, []Event{{CardRemoved, card}, {ReaderRemoved, card}}},
		{"one for another", []Reader{card}, []Reader{second}, []Event{{CardRemoved, card}, {ReaderRemoved, card}, {ReaderAdded, second}}},
		{"second reader", []Reader{empty}, []Reader{empty, second}, []Event{{ReaderAdded, second}}},
	} {
		if diff := cmp.Diff(c.want, changes(c.before, c.after)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
	}
}
