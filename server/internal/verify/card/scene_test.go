package card_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/pace"
	"pivot/cardreader/session"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
)

// scene is a valid reading by a genuine card; each test changes one thing in it.
type scene struct {
	persona   string
	policy    card.Policy
	at        time.Time
	groups    []int
	memory    []byte // recalls the card instead of examining it
	short     bool
	enrolled  *card.Document
	standing  card.Standing
	evidence  func(*card.Evidence)             // changes what the companion uploads
	plan      func(*card.Plan)                 // changes what it says of its reach
	responses func([][]byte) [][]byte          // changes what it brings back
	sealed    func([]byte) []byte              // changes what the store gives back
	later     func(*card.Policy) time.Duration // what happens between challenge and answer
}

func genuine(tb testing.TB) *scene {
	tb.Helper()
	pki := simtest.PKI(tb)
	return &scene{
		persona:  "genuine",
		policy:   card.Policy{Anchors: anchorsOf(tb, pki), Issuers: []card.Issuer{{State: "FRA", Country: "FR", Codes: []string{"ID"}}}},
		at:       pki.Made(),
		standing: card.NotReported,
	}
}

func anchorsOf(tb testing.TB, pki *cardsim.PKI) *csca.Anchors {
	tb.Helper()
	var files csca.AnchorFiles
	files.Roots = parsed(tb, pki.Roots(), csca.ParseCertificate)
	files.Links = parsed(tb, pki.Links(), csca.ParseCertificate)
	files.CRLs = parsed(tb, pki.CRLs(), csca.ParseCRL)
	anchors, err := csca.NewAnchors(files)
	if err != nil {
		tb.Fatal(err)
	}
	return anchors
}

func parsed[T any](tb testing.TB, ders [][]byte, parse func([]byte) (T, error)) []T {
	tb.Helper()
	var out []T
	for _, der := range ders {
		v, err := parse(der)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// play has the persona's card read and judged, and returns the verdict or the error.
func (s *scene) play(tb testing.TB) (*card.Verdict, error) {
	tb.Helper()
	j := &judge{scene: s}
	err := s.read(tb, j)
	return j.verdict, err
}

// record plays a scene that succeeds and keeps what passed.
func (s *scene) record(tb testing.TB) *recording {
	tb.Helper()
	r := &recording{judge: judge{scene: s}}
	if err := s.read(tb, r); err != nil {
		tb.Fatal(err)
	}
	return r
}

func (s *scene) read(tb testing.TB, j session.Judge) error {
	tb.Helper()
	persona, err := cardsim.FindPersona(s.persona)
	if err != nil {
		tb.Fatal(err)
	}
	chip, err := cardsim.New(simtest.PKI(tb), persona)
	if err != nil {
		tb.Fatal(err)
	}
	chip.Wait = func(context.Context, time.Duration) error { return nil }
	can, err := pace.CAN([]byte(persona.CAN))
	if err != nil {
		tb.Fatal(err)
	}
	return session.Prove(tb.Context(), inProcess{chip}, session.Request{
		Password: can, Known: s.memory != nil, Groups: s.groups, Short: s.short,
	}, j)
}

// inProcess is a simulated card without reader.
type inProcess struct{ *cardsim.Card }

func (c inProcess) Reset(context.Context) error {
	c.Power(true)
	return nil
}

// judge is the verifier under test, behind the companion's interface.
type judge struct {
	scene   *scene
	sealed  []byte
	verdict *card.Verdict

	challenge card.Challenge
}

func (j *judge) Challenge(_ context.Context, e session.Evidence, r session.Reach) (session.Challenge, error) {
	chip, err := j.chip(card.Evidence(e))
	if err != nil {
		return session.Challenge{}, err
	}
	plan := card.Plan{Extended: r.Extended, MaxResponse: r.MaxResponse, Block: r.Block}
	for _, g := range append([]int{1}, j.scene.groups...) {
		if chip.Has(g) {
			plan.Groups = append(plan.Groups, card.Group{Number: g, Size: r.Sizes[g]})
		}
	}
	if j.scene.plan != nil {
		j.scene.plan(&plan)
	}
	open, challenge, err := chip.Challenge(plan)
	if err != nil {
		return session.Challenge{}, err
	}
	j.sealed, j.challenge = open.Marshal(), challenge
	return session.Challenge(challenge), nil
}

func (j *judge) chip(e card.Evidence) (*card.Chip, error) {
	if j.scene.memory != nil && len(e.SOD) == 0 {
		return card.Recall(j.scene.memory, j.scene.policy, j.scene.at)
	}
	if j.scene.evidence != nil {
		j.scene.evidence(&e)
	}
	return card.Examine(e, j.scene.policy, j.scene.at)
}

func (j *judge) Answer(_ context.Context, responses [][]byte) error {
	if j.scene.sealed != nil {
		j.sealed = j.scene.sealed(slices.Clone(j.sealed))
	}
	resumed, err := card.Resume(j.sealed)
	if err != nil {
		return err
	}
	if j.scene.responses != nil {
		responses = j.scene.responses(clone(responses))
	}
	policy, at := j.scene.policy, j.scene.at
	if j.scene.later != nil {
		at = at.Add(j.scene.later(&policy))
	}
	reading, err := resumed.Judge(responses, policy, at)
	if err != nil {
		return again(err)
	}
	j.verdict, err = reading.Conclude(j.scene.standing, j.scene.enrolled)
	return err
}

// again asks for another round where the verifier's reason has a remedy, as a broker does.
func again(err error) error {
	r, _ := errors.AsType[*card.Refusal](err)
	switch {
	case r != nil && r.Reason == card.ReasonLengthRefused:
		return errors.Join(session.ErrShorter, err)
	case r != nil && r.Reason == card.ReasonKnownCardMismatch:
		return errors.Join(session.ErrUnknownCard, err)
	}
	return err
}

func clone(in [][]byte) [][]byte {
	out := make([][]byte, len(in))
	for i, b := range in {
		out[i] = slices.Clone(b)
	}
	return out
}

// refusal returns the refusal in an error, or fails the test.
func refusal(tb testing.TB, err error) *card.Refusal {
	tb.Helper()
	r, ok := errors.AsType[*card.Refusal](err)
	if !ok {
		tb.Fatalf("not a refusal: %v", err)
	}
	return r
}
