package cardsim_test

import (
	"testing"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/lds"
)

// TestPKI makes a PKI, saves it and makes the same card from what was saved.
func TestPKI(t *testing.T) {
	t.Parallel()
	made, err := cardsim.NewPKI(simtest.Now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := made.Save(dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := cardsim.LoadPKI(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !loaded.Made().Equal(simtest.Now()) {
		t.Errorf("made %v", loaded.Made())
	}
	persona, err := cardsim.FindPersona("genuine")
	if err != nil {
		t.Fatal(err)
	}
	var sods [2][]byte
	for i, p := range []*cardsim.PKI{made, loaded} {
		card, err := cardsim.New(p, persona)
		if err != nil {
			t.Fatal(err)
		}
		sods[i] = readFile(t, reader(t, card, persona.CAN), lds.SOD)
	}
	if string(sods[0]) != string(sods[1]) {
		t.Error("the saved PKI makes another card")
	}
	counts := []int{len(loaded.Roots()), len(loaded.Links()), len(loaded.CRLs()), len(loaded.StaleCRLs()), len(loaded.ForeignCRLs())}
	for i, want := range []int{3, 2, 5, 5, 5} {
		if counts[i] != want {
			t.Errorf("%d roots, links, lists, stale and foreign lists: %v", want, counts)
		}
	}
	if _, err := cardsim.LoadPKI(t.TempDir()); err == nil {
		t.Error("loaded a PKI from an empty directory")
	}
}
