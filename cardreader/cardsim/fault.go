package cardsim

import (
	"cmp"
	"crypto"
	"maps"
	"slices"
	"time"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/lds"
	"pivot/cardreader/cardsim/internal/pki"
)

// Fault names one way in which a card departs from a genuine one. The empty Fault is none.
type Fault string

// effect is what a fault does, where it does it. The zero effect does nothing.
type effect struct {
	write  func(*draft)               // before the files are written
	fill   func(*draft)               // after, and before they are signed
	tamper func(*draft)               // after they are signed
	chip   func(*draft, *chip.Config) // when the chip is loaded
	wire   wire                       // between the chip and the reader
}

// effects is the table of faults.
func effects() map[Fault]effect {
	all := map[Fault]effect{"": {}}
	for _, part := range []map[Fault]effect{
		forgeries(), signerFaults(), objectFaults(), documentFaults(), lengthFaults(), pointFaults(), chipFaults(), wireFaults(),
	} {
		maps.Copy(all, part)
	}
	return all
}

// forgeries are what someone makes who has no key of the State.
func forgeries() map[Fault]effect {
	attackerKey := func(d *draft, conf *chip.Config) { conf.CA.Key = d.scalar(d.key.Curve, "attacker") }
	flip := func(n, fromEnd int) effect {
		return effect{tamper: func(d *draft) {
			b := slices.Clone(d.files[chip.DG(n)])
			b[len(b)-fromEnd] ^= 0x01
			d.files[chip.DG(n)] = b
		}}
	}
	return map[Fault]effect{
		"clone": {chip: attackerKey},
		"clone-lazy": {chip: func(d *draft, conf *chip.Config) {
			attackerKey(d, conf)
			conf.Quirks.Replay = true
		}},
		"clone-no-dg14": {
			tamper: func(d *draft) { delete(d.files, chip.DG(14)) },
			chip:   func(_ *draft, conf *chip.Config) { conf.CA.Key = nil },
		},
		"own-key-dg14": {tamper: func(d *draft) {
			d.key.Key = d.scalar(d.key.Curve, "attacker")
			d.files[chip.DG(14)] = d.dg14()
		}},
		"tampered-dg1":  flip(1, 30),  // the first letter of the name
		"tampered-dg13": flip(13, 50), // a letter of the place of birth
		"swapped-dg1": {tamper: func(d *draft) {
			other := d.citizen
			other.Surname, other.GivenNames, other.Number = "DURAND", "Paul", "T1ST0ZZZZ"
			mine := d.citizen
			d.citizen = other
			d.files[chip.DG(1)] = lds.DG1(d.zone().Lines())
			d.citizen = mine
		}},
		"cardaccess-downgraded": {tamper: func(d *draft) {
			d.pace = append(slices.Clone(d.pace), chip.PACE{Mapping: chip.Generic, KeyLen: 16, Curve: curveOf("P-256")})
			d.files[chip.CardAccess] = lds.CardAccess(d.pace)
		}},
	}
}

// signerFaults are documents of other signers than the good one.
func signerFaults() map[Fault]effect {
	by := func(signer string) effect { return effect{write: func(d *draft) { d.object.Signer = signer }} }
	return map[Fault]effect{
		"own-pki":               by("elsewhere"),
		"own-pki-same-name":     by("namesake"),
		"ds-expired-at-signing": by("expired-at-signing"),
		"ds-not-yet-valid":      by("not-yet-valid"),
		"ds-expired-now":        by("expired-now"),
		"ds-revoked":            by("revoked"),
		"ds-other-country":      by("other-country"),
		"link-path":             by("linked"),
		"intermediate-path":     by("below"),
		"sod-explicit-params":   by("explicit"),
		"sod-unknown-curve":     by("unknown-curve"),
		"csca-expired": {write: func(d *draft) {
			d.object.Signer = "old"
			d.issued = d.pki.Made().AddDate(-8, 0, 0)
			d.expires = d.issued.AddDate(10, 0, -1)
			d.object.Signing = d.issued
		}},
	}
}

// objectFaults are security objects that depart from the norm.
func objectFaults() map[Fault]effect {
	digest := func(h crypto.Hash) effect { return effect{write: func(d *draft) { d.object.Digest = h }} }
	flaw := func(f pki.Flaws) effect { return effect{write: func(d *draft) { d.object.Flaws = f }} }
	return map[Fault]effect{
		"sod-sha1":               digest(crypto.SHA1),
		"sod-md5":                digest(crypto.MD5),
		"sod-no-ds":              flaw(pki.Flaws{NoCertificate: true}),
		"sod-two-signers":        flaw(pki.Flaws{TwoSigners: true}),
		"sod-wrong-content-type": flaw(pki.Flaws{ContentType: "1.2.840.113549.1.7.1"}),
		"sod-no-message-digest":  flaw(pki.Flaws{NoMessageDigest: true}),
		"sod-pss":                flaw(pki.Flaws{PSS: true}),
		"sod-indefinite":         flaw(pki.Flaws{Indefinite: true}),
		"sod-rsa-e3": {write: func(d *draft) {
			d.object.Signer = "small-exponent"
			d.object.Flaws.Forged = true
		}},
	}
}

// documentFaults are genuine documents that are of no use any more.
func documentFaults() map[Fault]effect {
	return map[Fault]effect{
		"expired": {write: func(d *draft) { d.expires = d.pki.Made().AddDate(0, 0, -30) }},
	}
}

// chipFaults are chips that do not behave.
func chipFaults() map[Fault]effect {
	with := func(change func(q *chip.Quirks)) effect {
		return effect{chip: func(_ *draft, conf *chip.Config) { change(&conf.Quirks) }}
	}
	otherCAN := func(_ *draft, conf *chip.Config) { conf.CAN = "999999" }
	return map[Fault]effect{
		"wrong-can": {chip: otherCAN},
		"wrong-can-6300": {chip: func(d *draft, conf *chip.Config) {
			otherCAN(d, conf)
			conf.Quirks.NoCounter = true
		}},
		"wrong-can-delayed": {chip: func(d *draft, conf *chip.Config) {
			otherCAN(d, conf)
			conf.Quirks.TriesAtStart = new(0)
		}},
		"blocked-can":       with(func(q *chip.Quirks) { q.RefuseCAN = 0x6983 }),
		"blocked-can-63c0":  with(func(q *chip.Quirks) { q.RefuseCAN = 0x63C0 }),
		"short-answers":     with(func(q *chip.Quirks) { q.ReadLimit, q.EndWarning = 200, true }),
		"refuse-256":        with(func(q *chip.Quirks) { q.Refuse256 = 0x6CF0 }),
		"refuse-256-6700":   with(func(q *chip.Quirks) { q.Refuse256 = 0x6700 }),
		"plain-sw-under-sm": with(func(q *chip.Quirks) { q.PlainOn, q.PlainStatus = chip.DG(14), 0x6A82 }),
		"leading-zero":      with(func(q *chip.Quirks) { q.LeadingZero = true }),
	}
}

// pointFaults are points that no one may calculate with.
func pointFaults() map[Fault]effect {
	out := make(map[Fault]effect)
	for name, fault := range map[string]chip.PointFault{
		"off-curve": chip.OffCurve, "infinity": chip.Infinity, "x-too-large": chip.Unreduced, "echoed": chip.EchoedPeer,
	} {
		out[Fault("pace-map-"+name)] = effect{chip: func(_ *draft, conf *chip.Config) { conf.Quirks.Map = fault }}
		out[Fault("pace-key-"+name)] = effect{chip: func(_ *draft, conf *chip.Config) { conf.Quirks.Key = fault }}
		if fault != chip.EchoedPeer {
			out[Fault("dg14-"+name)] = effect{write: func(d *draft) { d.point = fault }}
		}
	}
	return out
}

// wireFaults are cards that leave, wait, or know only part of the transport.
func wireFaults() map[Fault]effect {
	on := func(w wire) effect { return effect{wire: w} }
	return map[Fault]effect{
		"removed-mid-apdu":   on(wire{leave: leaving{on: chip.Read, file: chip.SOD}}),
		"removed-between":    on(wire{leave: leaving{on: chip.PACEToken, answers: true}}),
		"removed-during-ca":  on(wire{leave: leaving{on: chip.CAKey}}),
		"swapped-after-open": on(wire{leave: leaving{on: chip.CASet}, swap: true}),
		"slow":               on(wire{each: 5 * time.Second}),
		"slow-first":         on(wire{first: 23 * time.Second}),
		"mute":               on(wire{mute: true}),
		"short-only":         on(wire{shortOnly: true}),
		"t0-quirks":          on(wire{shortOnly: true, t0: true, atr: "3B6B00000031C16409377213009000"}),
		"atr-garbage":        on(wire{atr: "00FFEEDDCCBBAA99887766", foreign: emptyCard{}}),
		"atr-33":             on(wire{atr: longestATR()}),
		"non-icao":           on(wire{atr: "3B8B8001004A434F503331563234317F", foreign: emptyCard{}}),
		"bank-card":          on(wire{atr: "3B6E000080318066B0840C016E0183009000", foreign: bankCard{}}),
	}
}

// nextCitizen is who holds the card that comes after one that was swapped.
func nextCitizen(key string) string {
	all := Citizens()
	i := slices.IndexFunc(all, func(c Citizen) bool { return c.Key == key })
	return cmp.Or(all[(i+1)%len(all)].Key, key)
}
