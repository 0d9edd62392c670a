package assurance

import "slices"

// Evidence names one row of the first table: what was verified within one transaction.
type Evidence uint8

// The rows of evidence. The zero value is no evidence.
const (
	Upstream           Evidence = iota + 1 // an identity provider's answer
	CardAlone                              // a card's chip proof and nothing else
	SoftwareKey                            // a device key that could be copied, with the PIN
	GuardedKey                             // a device key that cannot be copied, or whose copy is noticed, with the PIN
	CardWithKey                            // a card with AES Chip Authentication, with the device key and the PIN
	WeakCardWithKey                        // a card with 3DES Chip Authentication or Active Authentication only, likewise
	WebAuthnAttested                       // a single-device authenticator certified L1 or better, user verified
	WebAuthnCertified                      // a single-device authenticator certified L3 or better, user verified
	WebAuthnUnattested                     // an unattested or synced credential, user verified
	WebAuthnPresence                       // user presence without user verification: always refused
)

// Activation names one row of the second table: the act that tied a means to its holder.
type Activation uint8

// The rows of activations. The zero value is no activation.
const (
	LoginLow         Activation = iota + 1 // a fresh, dedicated login at an identity provider, at eidas1
	LoginSubstantial                       // likewise, at eidas2
	LoginHigh                              // likewise, at eidas3
	CardMatch                              // the card read under chip proof, its identity matching the civil register
	CardPost                               // as CardMatch, and a code sent by registered post
	CardDesk                               // as CardPost, and the holder's face compared at a desk
)

// Row is one row of the policy table, as documentation and configuration see it.
type Row struct {
	Name    string // stable: configuration and audit log name the row by it
	Ceiling Level  // most that the row contributes; the zero Level refuses
	Clause  string // point of the annex to Regulation (EU) 2015/1502 that bounds the row
	Text    string // one sentence
}

// evidenceRow adds to a row how its evidence is composed.
type evidenceRow struct {
	Row
	means     int  // means of ours that contribute; each carries its own activation
	companion bool // approved in the companion, so that a missing hop lowers it
}

// hopName names the row that applies to whatever the companion approved without a completed hop.
const hopName = "companion-without-hop"

func hopRow() Row {
	return Row{
		hopName, Substantial, "2.3.1",
		"a companion's approval without a completed hop: nothing shows that browser and companion share a machine, so manipulation of high potential is not resisted",
	}
}

// evidenceTable is the first table; a row's place is its Evidence less one.
func evidenceTable() []evidenceRow {
	return []evidenceRow{
		{Row{
			"upstream", High, "2.3.1",
			"an identity provider's answer counts for the level that it returned, where its record allows that level",
		}, 0, false},
		{Row{
			"card-alone", Low, "2.2.1",
			"a card's passive authentication and Chip Authentication towards the server: possession only, the access number is printed on the card",
		}, 1, true},
		{Row{
			"software-key-pin", Low, "2.2.1",
			"a device key in software and the PIN: two factors, but the key could be copied unnoticed",
		}, 2, true},
		{Row{
			"guarded-key-pin", Substantial, "2.2.1",
			"a device key attested as non-exportable, or one whose copy the ratchet detects, and the PIN: two factors of different categories under sole control",
		}, 2, true},
		{Row{
			"card-key-pin", High, "2.2.1",
			"a card with AES Chip Authentication, the device key and the PIN on one device, activated together: protected against duplication and tampering",
		}, 3, true},
		{Row{
			"weak-card-key-pin", Substantial, "2.2.1",
			"a card with 3DES Chip Authentication or Active Authentication only, the device key and the PIN on one device",
		}, 3, true},
		{Row{
			"webauthn-attested", Substantial, "2.2.1",
			"a single-device WebAuthn authenticator, attested through metadata and certified L1 or better, with user verification",
		}, 1, false},
		{Row{
			"webauthn-certified", High, "2.2.1",
			"a single-device WebAuthn authenticator, certified L3 or better in metadata or on the operator's list with its reason, with user verification",
		}, 1, false},
		{Row{
			"webauthn-unattested", Low, "2.2.1",
			"an unattested or synced WebAuthn credential with user verification: where its key lives is not known",
		}, 1, false},
		{Row{
			"webauthn-presence", 0, "2.2.1",
			"WebAuthn without user verification is refused: one factor, and nothing says whose hand",
		}, 1, false},
	}
}

// activationTable is the second table; a row's place is its Activation less one.
func activationTable() []Row {
	return []Row{
		{"login-eidas1", Low, "2.2.2", "activated from a fresh, dedicated login at an identity provider at eidas1, never single sign-on, with a matching identity"},
		{"login-eidas2", Substantial, "2.2.2", "activated from a fresh, dedicated login at an identity provider at eidas2, never single sign-on, with a matching identity"},
		{"login-eidas3", High, "2.2.2", "activated from a fresh, dedicated login at an identity provider at eidas3, never single sign-on, with a matching identity"},
		{"card-match", Low, "2.1.2", "a card read with chip proof, its identity matching the civil register, and nothing more"},
		{"card-post", Substantial, "2.1.2", "as card-match, with a code sent by registered post to an address from an authoritative source, the document not reported lost"},
		{"card-desk", High, "2.1.2", "as card-post, in person: an agent compares the face with the photo read under chip proof, then the code is entered on that device"},
	}
}

// Rows returns the first table of the policy as it stands by default: one row for each [Evidence], in order, then the
// row for a companion's approval without a completed hop.
func Rows() []Row {
	var out []Row
	for _, r := range evidenceTable() {
		out = append(out, r.Row)
	}
	return append(out, hopRow())
}

// Activations returns the second table of the policy as it stands by default: one row for each [Activation], in order.
func Activations() []Row { return slices.Clone(activationTable()) }

// row returns the row of e; the second result is false for what is no evidence.
func (e Evidence) row() (evidenceRow, bool) {
	table := evidenceTable()
	if e == 0 || int(e) > len(table) {
		return evidenceRow{}, false
	}
	return table[e-1], true
}

func (a Activation) row() (Row, bool) {
	table := activationTable()
	if a == 0 || int(a) > len(table) {
		return Row{}, false
	}
	return table[a-1], true
}

// Valid reports whether e is a row of the table.
func (e Evidence) Valid() bool { _, ok := e.row(); return ok }

// String returns the row's stable name, or "none".
func (e Evidence) String() string {
	if r, ok := e.row(); ok {
		return r.Name
	}
	return "none"
}

// Valid reports whether a is a row of the table.
func (a Activation) Valid() bool { _, ok := a.row(); return ok }

// String returns the row's stable name, or "none".
func (a Activation) String() string {
	if r, ok := a.row(); ok {
		return r.Name
	}
	return "none"
}
