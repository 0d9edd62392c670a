// Package desk is where an agent activates a citizen's means in person: the agent compares the face before them with the
// portrait that the chip signed, and hands over a code that the citizen enters on the very device. Agents work through the
// administration of the deployment; what they see and decide is in the audit log under their name.
package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/shared/mrtd"
	"pivot/shared/wire"
)

// Parts are what a desk needs; each is required.
type Parts struct {
	Book record.Book
	Log  audit.Log
	Now  func() time.Time
}

// Service is the desk of one deployment. It is safe for concurrent use.
type Service struct{ Parts }

// New makes a desk. Errors: a part is missing.
func New(p Parts) (*Service, error) {
	if p.Book == nil || p.Log == nil || p.Now == nil {
		return nil, errors.New("desk: a desk needs every part")
	}
	return &Service{p}, nil
}

// codeLife is how long the code that is handed over is good: the citizen is still at the desk.
const codeLife = 15 * time.Minute

// The errors of a desk.
var (
	ErrUnknown  = errors.New("desk: no case of that reference: it was never opened, or it is over")
	ErrPortrait = errors.New("desk: the card gave no portrait that can be shown: there is no face to compare")
	ErrOver     = errors.New("desk: device or card was suspended since: there is nothing to activate, and the case is closed")
	ErrAgent    = errors.New("desk: an agent has a name: 1 to 64 letters, digits, dots, hyphens, @ and underscores")
	// ErrNames is the error of an activation for which nobody said that the names were compared.
	ErrNames = errors.New("desk: les noms imprimés sur la carte n'ont pas été comparés ; " +
		"the names printed on the card were not compared: look at the case, then say so")
)

// notices tell the agent, by language, to compare names also.
func notices() map[string]string {
	return map[string]string{
		"fr": "La puce ne donne pas les noms en entier. Comparez le nom et les prénoms ci-dessus, qui sont ceux de l'état civil, " +
			"avec ceux imprimés sur la carte : tous doivent être les mêmes.",
		"en": "The chip does not give the names in full. Compare the surname and the given names above, which are the civil " +
			"register's, with those printed on the card: all must be the same.",
	}
}

// ErrWrongCode is the error of a code that is not the one handed over; the try is counted.
const ErrWrongCode = means.ErrWrongCode

// Case is one activation that waits, without the person.
type Case struct {
	Reference string    `json:"reference"`
	State     string    `json:"state"` // open, or approved: a code was handed over
	Opened    time.Time `json:"opened"`
	Expires   time.Time `json:"expires"`
}

func caseOf(c means.DeskCase) Case {
	return Case{Reference: c.Reference(), State: c.State(), Opened: c.Opened(), Expires: c.Expires()}
}

// List gives the activations that wait, the next to expire first.
func (s *Service) List(ctx context.Context) ([]Case, error) {
	records, err := s.Book.Owned(ctx, record.DeskCase, means.DeskOwner)
	if err != nil {
		return nil, err
	}
	out := []Case{}
	for _, r := range records {
		c, err := means.ParseDeskCase(r)
		if err != nil {
			return nil, err
		}
		if waits(c) {
			out = append(out, caseOf(c))
		}
	}
	return out, nil
}

// waits reports whether something can still be done about a case: one that is over has forgotten whom it was about.
func waits(c means.DeskCase) bool { return len(c.Holder()) > 0 }

// Order names a case and the agent who deals with it.
type Order struct {
	Reference string `json:"reference"`
	Agent     string `json:"agent"`
	// SameNames says, to activate a case whose names are unconfirmed, that the agent found those printed on the card to be
	// those shown.
	SameNames bool `json:"same_names,omitempty"`
}

// Shown is what an agent compares with the person.
type Shown struct {
	Case

	Holder   []string `json:"holder"`   // lines: names, birth, the end of the document's number
	Format   string   `json:"format"`   // of the portrait: jp2 or jpg
	Portrait []byte   `json:"portrait"` // as the chip gave it
	// Unconfirmed says that the names in Holder are the register's, and must be compared with those printed on the card.
	Unconfirmed bool `json:"unconfirmed"`
	// Notices tell it to the agent, by language: fr, en. None where there is nothing to tell.
	Notices map[string]string `json:"notices,omitempty"`
}

// Show gives the person and the portrait of a case. That it was looked at is in the audit log before it is shown. A case whose
// device or card was suspended meanwhile is closed instead. Errors: [ErrUnknown]; [ErrPortrait]; [ErrAgent]; [ErrOver]; those
// of the book.
func (s *Service) Show(ctx context.Context, o Order) (Shown, error) {
	c, err := s.standing(ctx, o)
	if err != nil {
		return Shown{}, err
	}
	face, err := portrait(c)
	if err != nil {
		return Shown{}, err
	}
	if err := s.Log.Record(ctx, s.entry(c, eventShown).With("agent", o.Agent)); err != nil {
		return Shown{}, err
	}
	format := "jp2"
	if face.Format == mrtd.JPEG {
		format = "jpg"
	}
	shown := Shown{Case: caseOf(c), Holder: c.Holder(), Format: format, Portrait: face.Data, Unconfirmed: c.Unconfirmed()}
	if shown.Unconfirmed {
		shown.Notices = notices()
	}
	return shown, nil
}

// Handover is what the agent gives to the citizen.
type Handover struct {
	Code  string    `json:"code"`
	Until time.Time `json:"until"`
}

// Activate says that the agent found the face before them to be that of the portrait, and makes the code to hand over. A
// code of before is not good any more. Errors: as of [Service.Show]; [ErrNames] where names must be compared and were not;
// [record.ErrStale] when somebody else dealt with the case meanwhile.
func (s *Service) Activate(ctx context.Context, o Order) (Handover, error) {
	c, err := s.standing(ctx, o)
	if err != nil {
		return Handover{}, err
	}
	if _, err := portrait(c); err != nil {
		return Handover{}, err
	}
	if c.Unconfirmed() && !o.SameNames {
		return Handover{}, ErrNames
	}
	code, now := wire.NewCode(), s.Now()
	next, err := c.Approve(code, now.Add(codeLife), now)
	if err != nil {
		return Handover{}, err
	}
	entry := s.entry(c, eventApproved).With("agent", o.Agent)
	if c.Unconfirmed() {
		entry = entry.With("names", "compared")
	}
	if err := s.Book.Apply(ctx, []record.Change{next.By(o.Agent).Change()}, entry); err != nil {
		return Handover{}, err
	}
	return Handover{Code: code, Until: now.Add(codeLife)}, nil
}

// Refuse ends a case: the face is not that of the portrait, or the names are not those on the card. Somebody enrolled a card
// that is not theirs, or that they lent: device and card are suspended with it, and whatever logs in by them. Errors: as of
// [Service.Activate].
func (s *Service) Refuse(ctx context.Context, o Order) error {
	c, err := s.find(ctx, o)
	if err != nil {
		return err
	}
	_, device, _ := c.Means()
	changes, entries, err := s.retire(ctx, Suspension{ID: device, Agent: o.Agent, Reason: reasonRefused})
	if err != nil && !errors.Is(err, errNoMeans) {
		return err
	}
	// The device may wait for another case by now.
	if !slices.ContainsFunc(changes, func(x record.Change) bool { return x.Next.Kind == record.DeskCase && x.Next.ID == c.ID() }) {
		next, err := c.End(s.Now())
		if err != nil {
			return err
		}
		changes = append(changes, next.Change())
	}
	return s.Book.Apply(ctx, changes, append(entries, s.entry(c, eventRefused).With("agent", o.Agent))...)
}

// find reads the case that an agent names, however the reference was typed.
func (s *Service) find(ctx context.Context, o Order) (means.DeskCase, error) {
	if !agentOK(o.Agent) {
		return means.DeskCase{}, ErrAgent
	}
	reference, err := wire.ParseCode(o.Reference)
	if err != nil {
		return means.DeskCase{}, ErrUnknown
	}
	c, err := s.named(ctx, reference)
	if err != nil {
		return means.DeskCase{}, err
	}
	if !waits(c) {
		return means.DeskCase{}, ErrUnknown
	}
	return c, nil
}

// standing finds a case that can still be done: one whose device or card was suspended meanwhile is closed.
func (s *Service) standing(ctx context.Context, o Order) (means.DeskCase, error) {
	c, err := s.find(ctx, o)
	if err != nil {
		return means.DeskCase{}, err
	}
	_, device, card := c.Means()
	for kind, id := range map[record.Kind]string{record.Device: device, record.Card: card} {
		switch r, err := s.Book.Get(ctx, kind, id); {
		case err == nil && r.State == record.StateActive:
		case err == nil || errors.Is(err, record.ErrUnknown):
			return means.DeskCase{}, errors.Join(ErrOver, s.closed(ctx, c))
		default:
			return means.DeskCase{}, err
		}
	}
	return c, nil
}

// closed ends a case whose device or card was suspended.
func (s *Service) closed(ctx context.Context, c means.DeskCase) error {
	next, err := c.End(s.Now())
	if err != nil {
		return err
	}
	entry := s.entry(c, eventRefused)
	entry.Reason = reasonSuspended
	return s.Book.Apply(ctx, []record.Change{next.Change()}, entry)
}

func (s *Service) named(ctx context.Context, reference string) (means.DeskCase, error) {
	r, err := s.Book.Find(ctx, record.DeskCase, means.Alias([]byte(reference)))
	if errors.Is(err, record.ErrUnknown) {
		return means.DeskCase{}, ErrUnknown
	}
	if err != nil {
		return means.DeskCase{}, err
	}
	return means.ParseDeskCase(r)
}

func portrait(c means.DeskCase) (mrtd.Portrait, error) {
	face, err := mrtd.ParseDG2(c.Portrait())
	if err != nil {
		return mrtd.Portrait{}, ErrPortrait
	}
	return face, nil
}

// agentOK accepts a name that an audit log may hold.
func agentOK(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '.' && r != '-' && r != '_' && r != '@' {
			return false
		}
	}
	return true
}

// Why a case is over without effect.
const (
	reasonRefused   = "desk-refused"    // and its device and card are suspended
	reasonSuspended = "means-suspended" // device or card were
)

// What an agent did: the detail "agent" says who, the detail "case" of which activation.
const (
	eventShown    audit.Event = "desk-shown"    // an agent saw a citizen's portrait
	eventApproved audit.Event = "desk-approved" // and found the face to be the same: a code was handed over
	eventRefused  audit.Event = "desk-refused"  // or another: the case is over
)

// entry is what the audit log keeps of a step: pseudonyms alone.
func (s *Service) entry(c means.DeskCase, event audit.Event) audit.Entry {
	account, device, card := c.Means()
	return audit.Entry{Event: event, At: s.Now(), Account: account}.With("case", c.ID()).With("device", device).With("card", card)
}
