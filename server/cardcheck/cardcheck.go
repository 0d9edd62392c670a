// Package cardcheck judges one card with the very verifier of the broker, in the process of whoever asks: a person who
// wants to see what the card says and why it would be accepted or refused. It gives a report to read, never a proof: no
// level comes from here, and nothing of it can be sent to a broker.
package cardcheck

import (
	"errors"
	"fmt"
	"time"

	"pivot/server/internal/trust"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
)

// Options say how a card is to be judged.
type Options struct {
	// Anchors is a folder with the pinned authorities in csca/, link certificates in link/ and revocation lists in
	// crl/, PEM or DER. The empty string pins none: a genuine card is then refused as unknown-issuer.
	Anchors string
	// Issuers are documents accepted besides the French identity card.
	Issuers []Issuer
	// InsecureWithoutFreshCRL accepts a signer for which the folder holds no current revocation list.
	InsecureWithoutFreshCRL bool
	// Now tells the time; nil is time.Now.
	Now func() time.Time
}

// Issuer is a State whose documents are accepted, under its signers' country: see the row of the verifier's policy.
type Issuer struct {
	State   string   // as in the machine readable zone, e.g. "FRA"
	Country string   // of CSCA and signer, e.g. "FR"
	Codes   []string // document codes, e.g. "ID"
}

// french is what is accepted when nothing is said.
func french() Issuer { return Issuer{State: "FRA", Country: "FR", Codes: []string{"ID"}} }

// Verifier judges cards under one policy. It is safe for concurrent use.
type Verifier struct {
	policy card.Policy
	now    func() time.Time
	roots  []*csca.Certificate
}

// Load reads the anchors and returns a verifier. Errors name the file that cannot be used.
func Load(o Options) (*Verifier, error) {
	anchors, err := trust.LoadAnchors(o.Anchors)
	if err != nil {
		return nil, fmt.Errorf("cardcheck: %w", err)
	}
	v := &Verifier{now: o.Now, roots: anchors.Roots()}
	if v.now == nil {
		v.now = time.Now
	}
	v.policy = card.Policy{Anchors: anchors.Verified(), InsecureWithoutFreshCRL: o.InsecureWithoutFreshCRL}
	for _, i := range append([]Issuer{french()}, o.Issuers...) {
		v.policy.Issuers = append(v.policy.Issuers, card.Issuer{State: i.State, Country: i.Country, Codes: i.Codes})
	}
	return v, nil
}

// Anchors lists the pinned authorities.
func (v *Verifier) Anchors() []Certificate {
	out := make([]Certificate, 0, len(v.roots))
	for _, c := range v.roots {
		out = append(out, certificateOf(c))
	}
	return out
}

// Alarms lists files of the folder that were read and are not believed, such as a revocation list that no pinned
// authority signed.
func (v *Verifier) Alarms() []string {
	var out []string
	for _, a := range v.policy.Anchors.Alarms() {
		out = append(out, a.Error())
	}
	return out
}

// Evidence is what the chip gives to whoever unlocks it.
type Evidence struct {
	CardAccess, DG14, SOD []byte
}

// Challenge is what the chip is to do, and the commands to relay byte for byte.
type Challenge struct {
	OID             []byte
	KeyID           *int
	EphemeralPublic []byte
	Batch           [][]byte
}

// Reach is what reader and card carry; see the verifier's plan.
type Reach struct {
	Extended    bool
	MaxResponse int
	Block       int
	Sizes       map[int]int
}

// Check is the judgement of one card. Its calls come in the order Open or Recall, Judge, then Report; another Open or
// Recall starts anew.
type Check struct {
	v             *Verifier
	groups        []int
	session       *card.Session
	verdict       *card.Verdict
	refusal       *card.Refusal
	path          []Certificate
	protocol, crl string
	spent         time.Duration
}

// Begin starts the judgement of one card. groups are the data groups to read under the chip's proof besides DG1: 2, 11 or
// 13. A group that the document does not have is left out.
func (v *Verifier) Begin(groups ...int) *Check { return &Check{v: v, groups: groups} }

// Open examines the evidence and challenges the chip. The error is the refusal.
func (c *Check) Open(e Evidence, r Reach) (Challenge, error) {
	defer c.clock()()
	chip, err := card.Examine(card.Evidence(e), c.v.policy, c.v.now())
	if err != nil {
		return Challenge{}, c.refused(err)
	}
	return c.challenge(chip, r)
}

// Recall challenges a chip from what an earlier check remembered ([Report.Memory]). The error is the refusal.
func (c *Check) Recall(memory []byte, r Reach) (Challenge, error) {
	defer c.clock()()
	chip, err := card.Recall(memory, c.v.policy, c.v.now())
	if err != nil {
		return Challenge{}, c.refused(err)
	}
	return c.challenge(chip, r)
}

func (c *Check) challenge(chip *card.Chip, r Reach) (Challenge, error) {
	plan := card.Plan{Extended: r.Extended, MaxResponse: r.MaxResponse, Block: r.Block, Groups: []card.Group{{Number: 1, Size: r.Sizes[1]}}}
	for _, g := range c.groups {
		if chip.Has(g) {
			plan.Groups = append(plan.Groups, card.Group{Number: g, Size: r.Sizes[g]})
		}
	}
	c.path, c.protocol, c.crl = signersOf(chip.Path()), chip.Protocol(), chip.Path().CRL.String()
	session, challenge, err := chip.Challenge(plan)
	if err != nil {
		return Challenge{}, c.refused(err)
	}
	c.session = session
	return Challenge(challenge), nil
}

var errNoSession = errors.New("cardcheck: no challenge is open")

// Judge judges the chip's responses; each challenge is judged once. The error is the refusal.
func (c *Check) Judge(responses [][]byte) error {
	defer c.clock()()
	session := c.session
	if session == nil {
		return errNoSession
	}
	c.session = nil
	reading, err := session.Judge(responses, c.v.policy, c.v.now())
	if err != nil {
		return c.refused(err)
	}
	// No register of lost and stolen documents is reachable from a citizen's computer: the report says so.
	verdict, err := reading.Conclude(card.NotAsked, nil)
	if err != nil {
		return c.refused(err)
	}
	c.verdict, c.refusal = verdict, nil
	return nil
}

// refused keeps the refusal for the report.
func (c *Check) refused(err error) error {
	if r, ok := errors.AsType[*card.Refusal](err); ok {
		c.refusal = r
	}
	return err
}

// clock adds the time of one call to what the verifier spent.
func (c *Check) clock() func() {
	began := time.Now()
	return func() { c.spent += time.Since(began) }
}

// Again is what another round needs, when one can help.
type Again uint8

// The remedies.
const (
	Never   Again = iota // the refusal stands
	Shorter              // the chip refused a length: short commands, sizes looked up
	Files                // the chip is not the remembered one: open with its files
)

// Again tells whether the last refusal has a remedy.
func (c *Check) Again() Again {
	if c.refusal == nil {
		return Never
	}
	switch c.refusal.Reason {
	case card.ReasonLengthRefused:
		return Shorter
	case card.ReasonKnownCardMismatch:
		return Files
	}
	return Never
}

// Spent is the time that the verifier took so far.
func (c *Check) Spent() time.Duration { return c.spent }
