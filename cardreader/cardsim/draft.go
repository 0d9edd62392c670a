package cardsim

import (
	"crypto/hmac"
	"crypto/sha512"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/ec"
	"pivot/cardreader/cardsim/internal/lds"
	"pivot/cardreader/cardsim/internal/pki"
	"pivot/cardreader/cardsim/internal/portrait"
)

// draft is a card being personalised. Faults change it before it is signed or after.
type draft struct {
	pki     *pki.PKI
	profile profile
	citizen Citizen
	issued  time.Time
	expires time.Time
	pace    []chip.PACE     // announced by EF.CardAccess, spoken by the chip, signed in DG14
	key     chip.ChipKey    // of the chip
	point   chip.PointFault // in DG14
	object  pki.Object
	files   map[chip.FID][]byte
}

func newDraft(p *pki.PKI, persona Persona) (*draft, error) {
	prof, err := profileOf(persona.Profile)
	if err != nil {
		return nil, err
	}
	holder, err := citizen(persona.Citizen)
	if err != nil {
		return nil, err
	}
	issued := p.Made().AddDate(-1, 0, 0)
	d := &draft{
		pki: p, profile: prof, citizen: holder, issued: issued, expires: issued.AddDate(holder.years(), 0, -1),
		pace:   prof.pace,
		key:    chip.ChipKey{KeyLen: prof.keyLen, Curve: prof.curve},
		object: pki.Object{Signer: prof.signer, Digest: prof.digest, Signing: issued},
		files:  make(map[chip.FID][]byte),
	}
	d.key.Key = d.scalar(prof.curve, holder.Number)
	return d, nil
}

// scalar derives a private key from the PKI's seed: a card made again is the same card.
func (d *draft) scalar(c *ec.Curve, label string) *big.Int {
	mac := hmac.New(sha512.New, d.pki.Seed())
	mac.Write([]byte("TEST chip key " + c.Name + " " + label))
	return c.Scalar(mac.Sum(nil))
}

func (d *draft) zone() lds.Zone {
	c := d.citizen
	return lds.Zone{
		Code: "ID", Issuer: c.state(), Number: c.Number, Surname: c.Surname, GivenNames: c.GivenNames,
		Nationality: c.state(), Birth: c.birthField(), Sex: c.Sex, Expiry: d.expires.Format("060102"),
	}
}

// write fills the data groups.
func (d *draft) write() error {
	face, err := portrait.JPEG2000(d.citizen.Key)
	if err != nil {
		return err
	}
	groups := map[int][]byte{
		1:  lds.DG1(d.zone().Lines()),
		2:  lds.DG2(face, portrait.Width, portrait.Height),
		3:  lds.Sealed(3, []byte("TEST fingerprints")),
		13: lds.DG13(d.national()),
		14: d.dg14(),
	}
	for _, n := range d.profile.groups {
		d.files[chip.DG(n)] = groups[n]
	}
	d.files[chip.COM] = lds.COM(d.profile.groups)
	d.files[chip.CardAccess] = lds.CardAccess(d.pace)
	return nil
}

func (d *draft) dg14() []byte {
	own := d.key.Curve.Mul(d.key.Key, d.key.Curve.G)
	return lds.DG14(d.pace, d.key, d.point.Encode(d.key.Curve, own))
}

func (d *draft) national() lds.National {
	c := d.citizen
	place := []string{c.BirthPlace.Town, c.BirthPlace.Department}
	if c.BirthPlace.Department == "" {
		place[1] = c.BirthPlace.Country
	}
	return lds.National{
		Height: c.Height, Address: slices.Concat(c.Address, []string{"FR", "FRANCE"}), BirthPlace: place,
	}
}

// sign makes EF.SOD over the data groups.
func (d *draft) sign() error {
	d.object.Groups = make(map[int][]byte)
	for _, n := range d.profile.groups {
		d.object.Groups[n] = d.files[chip.DG(n)]
	}
	sod, err := d.pki.Sign(d.object)
	if err != nil {
		return fmt.Errorf("cardsim: %w", err)
	}
	d.files[chip.SOD] = sod
	return nil
}

// personalise runs the draft through its fault and returns what the chip is loaded with.
func (d *draft) personalise(e effect, can string) (chip.Config, error) {
	if e.write != nil {
		e.write(d)
	}
	if err := d.write(); err != nil {
		return chip.Config{}, err
	}
	if e.fill != nil {
		e.fill(d)
	}
	if err := d.sign(); err != nil {
		return chip.Config{}, err
	}
	if e.tamper != nil {
		e.tamper(d)
	}
	conf := chip.Config{
		Files: maps.Clone(d.files), Sealed: []chip.FID{chip.DG(3)}, PACE: d.pace, CA: d.key,
		CAN: can, MRZ: d.zone().KeyInfo(), Master: d.profile.master,
	}
	if e.chip != nil {
		e.chip(d, &conf)
	}
	return conf, nil
}
