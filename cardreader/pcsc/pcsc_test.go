package pcsc_test

import (
	"errors"
	"strings"
	"testing"

	"pivot/cardreader/pcsc"
)

func TestReaderString(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, raw, want string }{
		{"plain", "Virtual PCD 00 00", "Virtual PCD 00 00"},
		{"accents", "Lecteur à puce", "Lecteur à puce"},
		{"control characters", "Read\x1b[31mer\r\n00\x00", "Read[31mer 00"},
		{"bidirectional override", "Re\u202eader", "Reader"},
		{"not UTF-8", "Read\xff\xfeer", "Reader"},
		{"spaces", "  A   B  ", "A B"},
		{"empty", "", ""},
		{"longest shown whole", strings.Repeat("é", 80), strings.Repeat("é", 80)},
		{"too long", strings.Repeat("é", 81), strings.Repeat("é", 79) + "…"},
	} {
		if got := (pcsc.Reader{Name: c.raw}).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNotBuilt(t *testing.T) {
	t.Parallel()
	_, err := pcsc.List(t.Context())
	if !errors.Is(err, pcsc.ErrNotBuilt) {
		t.Skip("skipped: this build has PC/SC")
	}
	var card pcsc.Card
	_, connectErr := pcsc.Connect(t.Context(), "any")
	_, transmitErr := card.Transmit(t.Context(), make([]byte, 5))
	for name, err := range map[string]error{"Connect": connectErr, "Transmit": transmitErr, "Reset": card.Reset(t.Context())} {
		if !errors.Is(err, pcsc.ErrNotBuilt) {
			t.Errorf("%s = %v, want ErrNotBuilt", name, err)
		}
	}
	yields := 0
	for readers, err := range pcsc.Watch(t.Context()) {
		yields++
		if len(readers) != 0 || !errors.Is(err, pcsc.ErrNotBuilt) {
			t.Errorf("Watch yields %v, %v", readers, err)
		}
	}
	if yields != 1 || card.Close() != nil || card.ATR() != nil || card.Protocol() != -1 {
		t.Errorf("the stub does more than nothing (%d yields)", yields)
	}
}
