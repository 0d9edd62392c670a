package companion

import (
	"context"
	"errors"
	"slices"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/enrolment"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/verify/card"
	"pivot/shared/mrtd"
	"pivot/shared/wire"
)

// enrolled is the grade of a card that was read with the chip's proof and matched with the register, and of what is enrolled
// with it: a desk raises it.
const enrolled = assurance.CardMatch

// enrol ends a pairing: the card gives the person, whose account gets device, PIN and card, and a case for the desk. All of
// it is one write.
func (e *edge) enrol(ctx context.Context, x visit, in wire.ResultRequest) (wire.ResultAnswer, error) {
	if len(in.Approval) > 0 {
		return wire.ResultAnswer{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	// The PIN that is enrolled is the one that was set here, whose pairing the page and the app were compared for.
	if x.device.Pairing() != x.ceremony.ID() || !x.device.PINSet() || !x.ceremony.PINSet() {
		return wire.ResultAnswer{}, ceremony.ErrNotReady
	}
	taken, opening, err := x.ceremony.Take(in.Opening, x.now)
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	if x.ceremony, err = e.take(ctx, x, taken); err != nil {
		return wire.ResultAnswer{}, err
	}
	verdict, _, err := e.judge(x, opening, in.Responses, nil)
	if err != nil {
		return wire.ResultAnswer{}, e.refusedCard(ctx, x, err)
	}
	evidence, people, err := e.who(ctx, verdict)
	if err != nil {
		return wire.ResultAnswer{}, e.refusedPerson(ctx, x, err)
	}
	n := newcomer{verdict: verdict, evidence: evidence, people: people, reach: opening.Reach}
	answer, err := e.settle(ctx, x, n)
	// Somebody else made the same person's account in this moment, or has the same reference: read again.
	for range 2 {
		if !errors.Is(err, record.ErrTaken) && !errors.Is(err, record.ErrStale) {
			break
		}
		answer, err = e.settle(ctx, x, n)
	}
	if err != nil {
		return wire.ResultAnswer{}, e.refusedPerson(ctx, x, err)
	}
	return answer, nil
}

// newcomer is a person whose card was judged.
type newcomer struct {
	verdict  *card.Verdict
	evidence enrolment.Evidence
	people   []rnipp.Person
	reach    wire.Reach
}

// claimant is the person whom a pairing is for. Where the names are not confirmed, what is enrolled has no grade, and opens
// nothing, until a desk has compared them: the register's are shown to the agent, for the card's are the ones in doubt.
type claimant struct {
	account   means.Account
	confirmed bool
	changes   []record.Change // the account's own, and what it displaces
	entries   []audit.Entry
}

// grade is that of the card.
func (p claimant) grade() assurance.Activation {
	if p.confirmed {
		return enrolled
	}
	return 0
}

// enrol gives the device to the person; reference names the desk case, empty for none.
func (p claimant) enrol(d means.Device, reference string) (means.Device, error) {
	if !p.confirmed {
		return d.EnrolUnconfirmed(p.account.ID(), reference)
	}
	d, err := d.Enrol(p.account.ID(), enrolled)
	if err != nil || reference == "" {
		return d, err
	}
	return d.Await(reference)
}

// doubt is the reason that the audit log gives for what has no grade.
func (p claimant) doubt() string {
	if p.confirmed {
		return ""
	}
	return "names-unconfirmed"
}

// lines say whom the agent must have in front of them: of the document's number the end alone.
func (p claimant) lines(m mrtd.MRZ) []string {
	surname, given, birth := m.Surname, m.GivenNames, m.Birth.String()
	if !p.confirmed {
		person := p.account.Person().Fields()
		surname, given, birth = person.FamilyName, person.GivenName, person.Birthdate
	}
	const shown = 4
	lines := []string{surname, given, birth, "…" + m.Number[max(0, len(m.Number)-shown):]}
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}

// settle makes what a pairing leaves, and writes it at once.
func (e *edge) settle(ctx context.Context, x visit, n newcomer) (wire.ResultAnswer, error) {
	who, err := e.settleAccount(ctx, x, n)
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	answer := wire.ResultAnswer{Card: handle()}
	if answer.Reference, err = reference(); err != nil {
		return wire.ResultAnswer{}, err
	}
	cardID, caseID := random(16), random(16)
	desk, err := means.NewDeskCase(means.DeskParts{
		ID: caseID, Reference: answer.Reference, Account: who.account.ID(), Device: x.device.ID(), Card: cardID,
		Portrait: n.verdict.File(2), Holder: who.lines(n.verdict.MRZ()), Unconfirmed: !who.confirmed,
		Email: x.ceremony.Email(),
	}, x.now)
	asked, changes := err == nil, who.changes
	switch {
	case asked:
		changes = append(changes, desk.Change())
	case !who.confirmed: // no desk could compare faces, and nobody else may say who this is
		return wire.ResultAnswer{}, &enrolment.Refusal{Reason: enrolment.ReasonTruncated}
	default:
		answer.Reference = ""
	}
	d, err := who.enrol(x.device.Hopped(), answer.Reference)
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	c, err := means.NewCard(means.CardParts{
		ID: cardID, Account: who.account.ID(), Device: d.ID(), Handle: answer.Card, Document: documentOf(n.verdict.MRZ()),
		Memory: n.verdict.Memory(), Reach: n.reach, Unconfirmed: !who.confirmed,
	}, who.grade())
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	x.device = d
	entries := append(who.entries, e.entry(x, audit.CardEnrolled, who.doubt()).With("card", cardID))
	if asked {
		entries = append(entries, e.entry(x, audit.DeskRequested, who.doubt()).With("case", caseID))
	}
	done, err := x.ceremony.End(ceremony.Done, x.now)
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	answer.Level = e.together(d, c).String()
	return answer, e.apply(ctx, done, stored(done, append(changes, d.Change(), c.Change())...), entries...)
}

// settleAccount finds the person's account, or makes one, and notes there that the device waits for a desk. Of an account that
// was there, the address of electronic mail stays: whoever holds a card and its number could otherwise change what services
// are told. The address of this pairing is the account's once the desk has seen whose it is.
func (e *edge) settleAccount(ctx context.Context, x visit, n newcomer) (claimant, error) {
	found, err := enrolment.Enrol(n.evidence, n.people, x.ceremony.Email())
	if err != nil {
		return claimant{}, err
	}
	lookup, err := e.Lookup.Account(found.Identity)
	if err != nil {
		return claimant{}, err
	}
	var account means.Account
	r, err := e.Store.Book.Find(ctx, record.Account, lookup)
	switch {
	case errors.Is(err, record.ErrUnknown):
		account, err = means.NewAccount(means.AccountParts{ID: random(16), Lookup: lookup, Person: found.Identity})
	case err == nil:
		account, err = refresh(r, n, lookup)
	}
	if err != nil {
		return claimant{}, err
	}
	account, displaced, err := account.Await(x.device.ID())
	if err != nil {
		return claimant{}, err
	}
	return e.displace(ctx, x, claimant{account: account, confirmed: found.Confirmed, changes: []record.Change{account.Change()}}, displaced)
}

// displace retires the device that has waited for a desk for the longest, where too many wait.
func (e *edge) displace(ctx context.Context, x visit, who claimant, device string) (claimant, error) {
	if device == "" {
		return who, nil
	}
	r, err := e.Store.Book.Get(ctx, record.Device, device)
	if err != nil {
		return claimant{}, err
	}
	d, err := means.ParseDevice(r)
	if err != nil {
		return claimant{}, err
	}
	changes, err := d.Retire(ctx, e.Store.Book, "displaced", x.now)
	if err != nil {
		return claimant{}, err
	}
	who.changes = append(who.changes, changes...)
	x.device = d
	who.entries = append(who.entries, e.entry(x, audit.DeviceSuspended, "displaced"))
	return who, nil
}

// refresh takes what the register says now of somebody who has an account.
func refresh(r record.Record, n newcomer, lookup [32]byte) (means.Account, error) {
	a, err := means.ParseAccount(r)
	if err != nil {
		return means.Account{}, err
	}
	found, err := enrolment.Enrol(n.evidence, n.people, a.Person().Fields().Email)
	if err != nil {
		return means.Account{}, err
	}
	return a.Update(found.Identity, lookup)
}

// reference draws what the citizen says at the desk.
func reference() (string, error) { return wire.ParseCode(wire.NewCode()) }

func documentOf(m mrtd.MRZ) card.Document {
	return card.Document{State: m.Issuer, Code: m.DocumentCode, Number: m.Number}
}
