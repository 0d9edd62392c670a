package cardsim_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/lds"
	"pivot/cardreader/pace"
	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
)

// unlock has the reader's code open a session on a card and select the application.
func unlock(ctx context.Context, card apdu.Transmitter, can string, order ...mrtd.Mapping) (*sm.Channel, error) {
	file, err := lds.ReadCardAccess(ctx, card)
	if err != nil {
		return nil, err
	}
	access, err := mrtd.ParseCardAccess(file)
	if err != nil {
		return nil, err
	}
	info, err := pace.Choose(access.PACE, order...)
	if err != nil {
		return nil, err
	}
	password, err := pace.CAN([]byte(can))
	if err != nil {
		return nil, err
	}
	channel, err := pace.Run(ctx, card, info, password)
	if err != nil {
		return nil, err
	}
	return channel, lds.NewReader(card, channel, lds.Reach{}).SelectApplication(ctx)
}

// reader is unlock and a reader of files with extended length.
func reader(t testing.TB, card apdu.Transmitter, can string) *lds.Reader {
	t.Helper()
	channel, err := unlock(t.Context(), card, can)
	if err != nil {
		t.Fatal(err)
	}
	return lds.NewReader(card, channel, lds.Reach{Extended: true, MaxResponse: 60000})
}

func readFile(t testing.TB, r *lds.Reader, f lds.File) []byte {
	t.Helper()
	b, err := r.ReadFile(t.Context(), f, nil)
	if err != nil {
		t.Fatalf("%v: %v", f, err)
	}
	return b
}

// TestProfiles runs PACE by every mapping, cipher and curve, with the reader's own cryptography on the other side, and
// reads a file over the session.
func TestProfiles(t *testing.T) {
	t.Parallel()
	if len(cardsim.Profiles()) != 3+2*3*4 {
		t.Errorf("%d profiles", len(cardsim.Profiles()))
	}
	for _, name := range cardsim.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := cardsim.Persona{Profile: name, Citizen: "noel", CAN: "314159"}
			zone, err := mrtd.ParseDG1(readFile(t, reader(t, simtest.New(t, p), p.CAN), lds.DG(1)))
			if err != nil || zone.Surname != "LHERITIER DARCON" {
				t.Errorf("%v, %v", zone.Surname, err)
			}
		})
	}
}

// TestIntegratedMapping takes the second protocol of the French card.
func TestIntegratedMapping(t *testing.T) {
	t.Parallel()
	if _, err := unlock(t.Context(), simtest.Card(t, "genuine"), "123456", mrtd.IntegratedMapping); err != nil {
		t.Error(err)
	}
}

// TestMRZPassword opens a card by its machine readable zone.
func TestMRZPassword(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "partial-birth-date")
	zone, err := mrtd.ParseDG1(readFile(t, reader(t, card, "387298"), lds.DG(1)))
	if err != nil {
		t.Fatal(err)
	}
	card.Power(true)
	access, err := lds.ReadCardAccess(t.Context(), card)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := mrtd.ParseCardAccess(access)
	if err != nil {
		t.Fatal(err)
	}
	password, err := pace.MRZ(zone.Number, "58<<<<", simtest.Now().AddDate(9, 0, -1).Format("060102"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pace.Run(t.Context(), card, infos.PACE[0], password); err != nil {
		t.Error(err)
	}
}

// TestGenuineFiles reads everything on a genuine card. The sizes are near those of issued cards: 391 bytes of DG14, 1.8
// to 2.3 kB of EF.SOD (here at most what nine short reads bring), 13.8 to 15.1 kB of DG2.
func TestGenuineFiles(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "genuine")
	r := reader(t, card, "123456")
	sizes := map[lds.File][2]int{
		lds.COM: {20, 40}, lds.SOD: {1800, 9 * 223}, lds.DG(1): {95, 95}, lds.DG(2): {13000, 15100},
		lds.DG(13): {200, 260}, lds.DG(14): {380, 400},
	}
	files := make(map[lds.File][]byte)
	for f, size := range sizes {
		files[f] = readFile(t, r, f)
		if n := len(files[f]); n < size[0] || n > size[1] {
			t.Errorf("%v: %d bytes, want %d to %d", f, n, size[0], size[1])
		}
	}
	if _, err := r.ReadFile(t.Context(), lds.DG(3), nil); !errors.Is(err, lds.ErrAccess) {
		t.Errorf("DG3: %v", err)
	}
	sod, err := mrtd.ParseSOD(files[lds.SOD])
	if err != nil {
		t.Fatal(err)
	}
	for n := range sod.DataGroups {
		h := sod.Digest.New()
		h.Write(files[lds.DG(n)])
		if n != 3 && !bytes.Equal(h.Sum(nil), sod.DataGroups[n]) {
			t.Errorf("DG%d is not the one that was signed", n)
		}
	}
	if len(sod.DataGroups) != 5 {
		t.Errorf("%d data groups are signed", len(sod.DataGroups))
	}
	national, err := mrtd.ParseDG13(files[lds.DG(13)])
	if err != nil || national.BirthPlace[0] != "LYON 3E ARRONDISSEMENT" || national.Height != 168 {
		t.Errorf("DG13: %v", err)
	}
	if p, err := mrtd.ParseDG2(files[lds.DG(2)]); err != nil || p.Format != mrtd.JPEG2000 {
		t.Errorf("DG2: %v, %v", p, err)
	}
}

// TestSameCardAgain makes a card twice: it has to be the same, for a server may know it from an earlier login.
func TestSameCardAgain(t *testing.T) {
	t.Parallel()
	var files [2][]byte
	for i := range files {
		r := reader(t, simtest.Card(t, "genuine"), "123456")
		files[i] = append(readFile(t, r, lds.DG(14)), readFile(t, r, lds.SOD)...)
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("another card")
	}
}

// TestFaults runs the reader's code against faults that it meets before any server does.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]error{
		"genuine": nil, "leading-zero": nil, "atr-33": nil, "slow": nil, "slow-first": nil,
		"blocked-can": pace.ErrBlocked, "blocked-can-63c0": pace.ErrBlocked, "wrong-can-delayed": pace.ErrBlocked,
		"pace-map-off-curve": pace.ErrCard, "pace-map-infinity": pace.ErrCard, "pace-map-x-too-large": pace.ErrCard,
		"pace-map-echoed": pace.ErrCard, "pace-key-off-curve": pace.ErrCard, "pace-key-infinity": pace.ErrCard,
		"pace-key-x-too-large": pace.ErrCard, "pace-key-echoed": pace.ErrCard,
		"non-icao": lds.ErrNotIdentityCard, "bank-card": lds.ErrNotIdentityCard, "atr-garbage": lds.ErrNotIdentityCard,
		"removed-between": apdu.ErrRemoved,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := unlock(t.Context(), simtest.Card(t, name), "123456"); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
}

// TestReadFaults does the same for faults that show when files are read.
func TestReadFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file lds.File
		want error
	}{
		"clone-no-dg14":      {lds.DG(14), lds.ErrNotFound},
		"removed-mid-apdu":   {lds.SOD, apdu.ErrRemoved},
		"tlv-past-end":       {lds.SOD, lds.ErrCard},
		"tlv-four-gigabytes": {lds.SOD, lds.ErrCard},
		"tlv-endless-tag":    {lds.SOD, lds.ErrCard},
		"tlv-longer-file":    {lds.SOD, nil},
		"tlv-nested":         {lds.SOD, nil},
		"dg2-two-gigabytes":  {lds.DG(2), lds.ErrCard},
		"short-answers":      {lds.SOD, nil},
		"refuse-256":         {lds.SOD, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := reader(t, simtest.Card(t, name), "123456")
			if _, err := r.ReadFile(t.Context(), tt.file, nil); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestPlainStatus answers in clear where secure messaging is due.
func TestPlainStatus(t *testing.T) {
	t.Parallel()
	r := reader(t, simtest.Card(t, "plain-sw-under-sm"), "123456")
	_, err := r.ReadFile(t.Context(), lds.DG(14), nil)
	if plain, ok := errors.AsType[*sm.PlainStatusError](err); !ok || plain.Status != 0x6A82 {
		t.Errorf("got %v", err)
	}
}

// TestWrongCAN opens cards whose holder types another number than the one of the card.
func TestWrongCAN(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"wrong-can": true, "wrong-can-6300": false} {
		_, err := unlock(t.Context(), simtest.Card(t, name), "123456")
		wrong, ok := errors.AsType[*pace.WrongPasswordError](err)
		if !ok || wrong.Known != known || known && wrong.TriesLeft != 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkSession is PACE and the reading of DG14 and EF.SOD, both sides.
func BenchmarkSession(b *testing.B) {
	card := simtest.Card(b, "genuine")
	for b.Loop() {
		card.Power(true)
		r := reader(b, card, "123456")
		readFile(b, r, lds.DG(14))
		readFile(b, r, lds.SOD)
	}
}

// BenchmarkNew is the personalisation of a card.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		simtest.Card(b, "genuine")
	}
}
