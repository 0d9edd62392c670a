package cardsim

import (
	"crypto"
	"fmt"
	"slices"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/ec"
)

// profile is a kind of document: what its chip speaks and who signs it.
type profile struct {
	name   string
	pace   []chip.PACE
	keyLen int // of Chip Authentication, in bytes
	curve  *ec.Curve
	signer string
	digest crypto.Hash
	groups []int
	master bool   // the chip has a master file
	atr    string // hexadecimal
}

// The answers to reset seen on French cards.
const (
	atrContact     = "3BDB96FF80B1FE451F870031C164093772130F9000F4" // T=0 and T=1, card without master file
	atrContactless = "3B8B80010031C1640937721300900051"
	atrOtherMaker  = "3BFF960000C00A31FE4380318065B085040011120FFF829000AB"
)

// Profiles returns the names of the kinds of document, the combinations of PACE included.
func Profiles() []string {
	var out []string
	for _, p := range profiles() {
		out = append(out, p.name)
	}
	return out
}

func profileOf(name string) (profile, error) {
	for _, p := range profiles() {
		if p.name == name {
			return p, nil
		}
	}
	return profile{}, fmt.Errorf("cardsim: unknown profile %q", name)
}

// curveOf is a curve by its name, which the tables spell right.
func curveOf(name string) *ec.Curve {
	c, err := ec.Named(name)
	if err != nil {
		panic("internal error: cardsim: " + err.Error())
	}
	return c
}

// profiles is the table of kinds of document.
func profiles() []profile {
	french := []int{1, 2, 3, 13, 14}
	p256, p384 := curveOf("brainpoolP256r1"), curveOf("brainpoolP384r1")
	cnie := profile{
		name: "cnie-2021", keyLen: 32, curve: p256, signer: "cnie", digest: crypto.SHA256, groups: french, atr: atrContact,
		pace: []chip.PACE{
			{Mapping: chip.Generic, KeyLen: 32, Curve: p256}, {Mapping: chip.Integrated, KeyLen: 32, Curve: p256},
		},
	}
	gm := cnie
	gm.name, gm.pace, gm.master, gm.atr = "cnie-gm", cnie.pace[:1], true, atrOtherMaker
	foreign := profile{
		name: "foreign-p384", keyLen: 32, curve: p384, signer: "uto", digest: crypto.SHA384, groups: []int{1, 2, 3, 14},
		master: true, atr: atrContactless, pace: []chip.PACE{{Mapping: chip.Generic, KeyLen: 32, Curve: p384}},
	}
	return slices.Concat([]profile{cnie, gm, foreign}, combinations(cnie))
}

// combinations are the French card with each of the ways of PACE: "gm-aes128-brainpoolP256r1" and so on.
func combinations(base profile) []profile {
	var out []profile
	for _, mapping := range []chip.Mapping{chip.Generic, chip.Integrated} {
		for _, keyLen := range []int{16, 24, 32} {
			for _, curve := range ec.Curves() {
				p := base
				p.name = fmt.Sprintf("%s-aes%d-%s", map[chip.Mapping]string{chip.Generic: "gm", chip.Integrated: "im"}[mapping],
					8*keyLen, curve.Name)
				p.pace = []chip.PACE{{Mapping: mapping, KeyLen: keyLen, Curve: curve}}
				p.keyLen, p.curve = keyLen, curve
				out = append(out, p)
			}
		}
	}
	return out
}
