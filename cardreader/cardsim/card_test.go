package cardsim_test

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/lds"
	"pivot/shared/apdu"
)

var _ apdu.Transmitter = (*cardsim.Card)(nil)

// readCardAccess is READ BINARY of EF.CardAccess in clear.
var readCardAccess = []byte{0x00, 0xB0, 0x9C, 0x00, 0x00}

func TestProcess(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "genuine")
	if got := card.Process(readCardAccess); len(got) != 44 || got[0] != 0x31 || got[42] != 0x90 {
		t.Errorf("EF.CardAccess: %x", got)
	}
	if got := card.Process(nil); hex.EncodeToString(got) != "6700" {
		t.Errorf("no command: %x", got)
	}
}

// TestMute waits for nothing but the context.
func TestMute(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	card := simtest.Card(t, "mute")
	go func() {
		_, err := card.Transmit(ctx, readCardAccess)
		answered <- err
	}()
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestSlow records what the card would have waited.
func TestSlow(t *testing.T) {
	t.Parallel()
	tests := map[string][]time.Duration{
		"genuine":    nil,
		"slow":       slices.Repeat([]time.Duration{5 * time.Second}, 4),
		"slow-first": {23 * time.Second},
	}
	for name, want := range tests {
		card := simtest.Card(t, name)
		var waited []time.Duration
		card.Wait = func(_ context.Context, d time.Duration) error {
			waited = append(waited, d)
			return nil
		}
		if _, err := unlock(t.Context(), card, "123456"); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(waited, want) {
			t.Errorf("%s: waited %v, want %v", name, waited, want)
		}
	}
}

// TestWaitEnds gives a slow card no time.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	persona, err := cardsim.FindPersona("slow-first")
	if err != nil {
		t.Fatal(err)
	}
	card, err := cardsim.New(simtest.PKI(t), persona) // which really waits
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := card.Transmit(ctx, readCardAccess); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestRemoved: a card that left gives no bytes and no error, as PC/SC does, until it is put back.
func TestRemoved(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "removed-between")
	if _, err := unlock(t.Context(), card, "123456"); !errors.Is(err, apdu.ErrRemoved) {
		t.Fatalf("got %v", err)
	}
	if got, err := card.Transmit(t.Context(), readCardAccess); len(got) != 0 || err != nil {
		t.Errorf("after it left: %x, %v", got, err)
	}
	if card.Process(readCardAccess) != nil || card.ATR() != nil {
		t.Error("a card that left answers")
	}
	if err := card.Reset(t.Context()); !errors.Is(err, apdu.ErrRemoved) {
		t.Errorf("reset of a card that left: %v", err)
	}
	card.Power(true)
	if card.ATR() == nil || len(card.Process(readCardAccess)) != 44 {
		t.Error("put back, it does not answer")
	}
	if err := card.Reset(t.Context()); err != nil {
		t.Errorf("reset: %v", err)
	}
}

// TestSwapped: what comes back is another card that opens with the same number.
func TestSwapped(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "swapped-after-open")
	channel, err := unlock(t.Context(), card, "123456")
	if err != nil {
		t.Fatal(err)
	}
	before := readFile(t, lds.NewReader(card, channel, lds.Reach{Extended: true, MaxResponse: 4096}), lds.DG(14))
	setAT := apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: unhex(t, "800a04007f00070202030204")}
	if _, err := channel.Send(t.Context(), card, setAT, false); !errors.Is(err, apdu.ErrRemoved) {
		t.Fatalf("got %v", err)
	}
	card.Power(true)
	if after := readFile(t, reader(t, card, "123456"), lds.DG(14)); string(after) == string(before) {
		t.Error("the same card came back")
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestShortOnly refuses extended length and keeps to itself what it knew.
func TestShortOnly(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "short-only")
	if got := card.Process(unhex(t, "00b09c00001000")); hex.EncodeToString(got) != "6700" {
		t.Errorf("extended: %x", got)
	}
	if got := card.Process(readCardAccess); len(got) != 44 {
		t.Errorf("short: %x", got)
	}
}

// TestHalfDuplex is the transport of T=0: 6Cxx for a wrong length, 61xx for data in both directions.
func TestHalfDuplex(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "t0-quirks")
	steps := []struct{ name, command, want string }{
		{"wrong length", "00b09c0000", "6c2a"},
		{"nothing to fetch", "00c0000000", "6985"},
		{"set at", "0022c1a412800a04007f0007020204020483010284010d", "9000"},
		{"data both ways", "10860000027c0000", "6114"},
		{"part of it", "00c0000004", "7c1280106110"},
	}
	for _, s := range steps {
		if got := hex.EncodeToString(card.Process(unhex(t, s.command))); got != s.want {
			t.Fatalf("%s: got %s, want %s", s.name, got, s.want)
		}
	}
	if got := card.Process(unhex(t, "00c0000000")); len(got) != 18 || got[16] != 0x90 {
		t.Errorf("the rest: %x", got)
	}
	if got := card.Process(unhex(t, "00b09c002a")); len(got) != 44 {
		t.Errorf("right length: %x", got)
	}
	// Under secure messaging nothing of it takes part in the counter.
	channel, err := unlock(t.Context(), card, "123456")
	if err != nil {
		t.Fatal(err)
	}
	zone := readFile(t, lds.NewReader(card, channel, lds.Reach{}), lds.DG(1))
	if len(zone) != 95 {
		t.Errorf("DG1: %d bytes", len(zone))
	}
}

func TestBankCard(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "bank-card")
	tests := map[string]string{
		"00a404000e325041592e5359532e444446303100": "6f", // 2PAY.SYS.DDF01
		"00a4040005a000000003" + "00":              "6f",
		"00a4040007a0000000031010" + "00":          "6f",
		"00a4040007a0000002471001" + "00":          "6a",
		"00b09c0000":                               "6d",
		"00":                                       "67",
	}
	for command, want := range tests {
		if got := card.Process(unhex(t, command)); hex.EncodeToString(got[:1]) != want {
			t.Errorf("%s: got %x, want %s..", command, got, want)
		}
	}
	other := simtest.Card(t, "non-icao")
	for command, want := range map[string]string{"00a4040007a000000247100100": "6a82", "00": "6700"} {
		if got := hex.EncodeToString(other.Process(unhex(t, command))); got != want {
			t.Errorf("non-icao: %s: got %s, want %s", command, got, want)
		}
	}
}

// FuzzProcess feeds cards of every kind of transport: no command panics, and every answer is bounded.
func FuzzProcess(f *testing.F) {
	names := []string{"genuine", "short-only", "t0-quirks", "refuse-256", "bank-card", "non-icao", "clone-no-dg14"}
	f.Add(uint8(0), readCardAccess, readCardAccess)
	f.Add(uint8(2), unhex(f, "0022c1a412800a04007f0007020204020483010284010d"), unhex(f, "10860000027c0000"))
	f.Add(uint8(2), unhex(f, "00c0000000"), unhex(f, "00c0000000"))
	f.Fuzz(func(t *testing.T, which uint8, first, second []byte) {
		card := simtest.Card(t, names[int(which)%len(names)])
		for _, command := range [][]byte{first, second} {
			if got := card.Process(command); len(got) < 2 || len(got) > 65535 {
				t.Errorf("an answer of %d bytes", len(got))
			}
		}
	})
}
