package companion

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// open offers a card one Chip Authentication, three times in a ceremony at most: by its files, or by the handle of one that
// is known.
func (e *edge) open(ctx context.Context, x visit, in wire.OpenRequest) (wire.Opening, error) {
	// A card that hides DG14 is for the verifier to refuse: the SOD says what should be there.
	files := len(in.CardAccess) > 0 && len(in.SOD) > 0
	none := len(in.CardAccess) == 0 && len(in.DG14) == 0 && len(in.SOD) == 0
	if files == (len(in.Card) > 0) || !files && !none {
		return wire.Opening{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	// Before any work on a curve that the evidence names.
	if _, err := x.ceremony.Open(ceremony.Opening{ID: "x", Session: []byte{0}, Public: []byte{0}}, x.now); err != nil {
		return wire.Opening{}, err
	}
	o := offer{reach: in.Reach, known: !files}
	var err error
	if files {
		o.chip, err = card.Examine(card.Evidence{CardAccess: in.CardAccess, DG14: in.DG14, SOD: in.SOD}, e.Cards(), x.now)
	} else if _, o.chip, err = e.recall(ctx, x, in.Card); err == nil && o.chip == nil {
		return wire.Opening{}, &wire.Problem{Code: wire.CodeCardRefused, Reason: string(card.ReasonKnownCardMismatch), Again: "files"}
	}
	if err != nil {
		return wire.Opening{}, e.refusedFiles(ctx, x, err)
	}
	next, opening, err := e.challenge(ctx, x, x.ceremony, o)
	if err != nil {
		return wire.Opening{}, err
	}
	reason := "files"
	if o.known {
		reason = "known"
	}
	return opening, e.apply(ctx, next, stored(next), e.entry(x, audit.CardOpened, reason))
}

// refusedFiles records that what a card gives was refused; nothing was opened.
func (e *edge) refusedFiles(ctx context.Context, x visit, err error) error {
	refusal, ok := errors.AsType[*card.Refusal](err)
	if !ok {
		return err
	}
	if err := e.Store.Log.Record(ctx, e.entry(x, audit.CardRefused, string(refusal.Reason))); err != nil {
		return err
	}
	return cardProblem(refusal)
}

// recall finds a known card of this device by its handle, its trust judged anew; a nil chip when there is none.
func (e *edge) recall(ctx context.Context, x visit, handle []byte) (means.Card, *card.Chip, error) {
	if x.device.Account() == "" {
		return means.Card{}, nil, nil
	}
	r, err := e.Store.Book.Find(ctx, record.Card, means.Alias(handle))
	if errors.Is(err, record.ErrUnknown) {
		return means.Card{}, nil, nil
	}
	if err != nil {
		return means.Card{}, nil, err
	}
	known, err := means.ParseCard(r)
	if err != nil {
		return means.Card{}, nil, err
	}
	if !known.Active() || known.Device() != x.device.ID() || known.Account() != x.device.Account() {
		return means.Card{}, nil, nil
	}
	chip, err := card.Recall(known.Memory(), e.Cards(), x.now)
	if err != nil {
		return means.Card{}, nil, e.refusedFiles(ctx, x, err)
	}
	return known, chip, nil
}

// offer is what a card is challenged with.
type offer struct {
	chip  *card.Chip
	reach wire.Reach
	known bool
}

// challenge makes the session that is kept and the opening that is sent.
func (e *edge) challenge(ctx context.Context, x visit, c ceremony.Ceremony, o offer) (ceremony.Ceremony, wire.Opening, error) {
	plan, ok := planOf(o, c.Kind())
	if !ok {
		return ceremony.Ceremony{}, wire.Opening{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	session, challenge, err := o.chip.Challenge(plan)
	if err != nil {
		return ceremony.Ceremony{}, wire.Opening{}, e.refusedFiles(ctx, x, err)
	}
	next, err := c.Open(ceremony.Opening{
		ID: plan.Opening, Session: session.Marshal(), Public: challenge.EphemeralPublic, Known: o.known, Reach: o.reach,
	}, x.now)
	return next, wire.Opening{
		ID: plan.Opening, OID: challenge.OID, KeyID: challenge.KeyID, EphemeralPublic: challenge.EphemeralPublic, Batch: challenge.Batch,
	}, err
}

// mostReach is more than any reader or chip carries.
const mostReach = 1 << 24

// readable are the data groups that are read of a card, as the keys of their sizes.
var readable = []string{"1", "2", "11", "13"}

// planOf says what is read: of a login the zone alone, to recognise the person; of a pairing also where the holder was born,
// the whole names and the portrait. False: a reach that is none, or that has the size of a file which is never read.
func planOf(o offer, kind ceremony.Kind) (card.Plan, bool) {
	r := o.reach
	for name := range r.Sizes {
		if !slices.Contains(readable, name) {
			return card.Plan{}, false
		}
	}
	sizes := slices.Collect(maps.Values(r.Sizes))
	for _, n := range append(sizes, r.MaxResponse, r.Block) {
		if n < 0 || n > mostReach {
			return card.Plan{}, false
		}
	}
	groups := []int{1}
	if kind == ceremony.Pair {
		for _, g := range []int{13, 11, 2} {
			if o.chip.Has(g) {
				groups = append(groups, g)
			}
		}
	}
	plan := card.Plan{Opening: random(16), Extended: r.Extended, MaxResponse: r.MaxResponse, Block: r.Block}
	for _, g := range groups {
		plan.Groups = append(plan.Groups, card.Group{Number: g, Size: r.Sizes[strconv.Itoa(g)]})
	}
	return plan, true
}
