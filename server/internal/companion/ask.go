package companion

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/txn"
	"pivot/shared/wire"
)

const (
	typeRequest = "pivot-request+jwt"
	askLife     = 2 * time.Minute
)

// ask releases the signed request, after the hop, and again when its time ran out: what was proved and what was opened in the
// ceremony stays. With the handle of a known card, the card is opened in the same answer.
func (e *edge) ask(ctx context.Context, x visit, in wire.AskRequest) (wire.AskAnswer, error) {
	if in.Language != "fr" && in.Language != "en" {
		return wire.AskAnswer{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	if !x.ceremony.Askable() {
		_, err := x.ceremony.Release([32]byte{1}, [32]byte{1}, x.now.Add(askLife), x.now) // says why not
		return wire.AskAnswer{}, err
	}
	waiting, err := e.waiting(ctx, x.ceremony.ID())
	if err != nil {
		return wire.AskAnswer{}, err
	}
	sp := e.Issuer.Clients(waiting.Request().Client())
	if !sp.Active() {
		return wire.AskAnswer{}, &wire.Problem{Code: wire.CodeEnded, Reason: "unknown-client"}
	}
	need, err := e.reachable(ctx, x, waiting.Request().Level())
	if err != nil {
		return wire.AskAnswer{}, err
	}
	request := e.request(x, waiting, sp, in.Language)
	request.Card = need.card
	payload, err := wire.Encode(request)
	if err != nil {
		return wire.AskAnswer{}, err
	}
	signed, err := e.Keys.SignAs(ctx, typeRequest, payload)
	if err != nil {
		return wire.AskAnswer{}, err
	}
	digest, until := sha256.Sum256([]byte(signed)), time.Unix(request.Exp, 0)
	next, err := x.ceremony.Release(digest, wire.DisplayOf(request).Digest(), until, x.now)
	if err != nil {
		return wire.AskAnswer{}, err
	}
	answer := wire.AskAnswer{Request: signed}
	var entries []audit.Entry
	if need.card && len(in.Card) > 0 {
		if next, answer.Opening, err = e.reopen(ctx, x, next, in); err != nil {
			return wire.AskAnswer{}, err
		}
		if answer.Opening != nil {
			entries = append(entries, e.entry(x, audit.CardOpened, "known"))
		}
	}
	return answer, e.apply(ctx, next, stored(next), entries...)
}

// reopen opens a known card; nothing when its handle is not known, for then the app brings the files.
func (e *edge) reopen(ctx context.Context, x visit, c ceremony.Ceremony, in wire.AskRequest) (ceremony.Ceremony, *wire.Opening, error) {
	if c.OpeningsLeft() < 1 {
		return ceremony.Ceremony{}, nil, ceremony.ErrOpenings
	}
	known, chip, err := e.recall(ctx, x, in.Card)
	if err != nil || chip == nil {
		return c, nil, err
	}
	reach := known.Reach()
	if in.Reach != nil {
		reach = *in.Reach
	}
	next, opening, err := e.challenge(ctx, x, c, offer{chip: chip, reach: reach, known: true})
	if err != nil {
		return ceremony.Ceremony{}, nil, err
	}
	return next, &opening, nil
}

// reachable is what a level needs of this device. Where nothing that the device does now reaches it, the login ends: the page
// says so, and what to do.
func (e *edge) reachable(ctx context.Context, x visit, level assurance.Level) (need, error) {
	n, err := e.needs(ctx, x.device, level)
	if problem, ok := errors.AsType[*wire.Problem](err); ok && problem.Code == wire.CodeLevelTooLow {
		if err := e.end(ctx, x, string(txn.ReasonLevelTooLow)); err != nil {
			return need{}, err
		}
	}
	return n, err
}

// request is what the app shows: who asks, for what, and where the browser stands that began.
func (e *edge) request(x visit, w txn.Waiting, sp *client.Client, language string) wire.Request {
	params := w.Request().Params()
	agent, place := x.ceremony.Seen()
	r := wire.Request{
		Iss: e.Issuer.URL, Aud: x.device.ID(), Iat: x.now.Unix(), Exp: x.now.Add(askLife).Unix(), Jti: random(16),
		Ceremony: x.ceremony.ID(), Nonce: x.ceremony.Nonce(), Hop: x.ceremony.HopID(),
		Service: wire.Service{ClientID: sp.ID(), Name: sp.Name()}, Level: params.Level.String(),
		Language: language, Browser: agent, Place: place,
	}
	selection := claims.Select(claims.Request{
		Profile: e.Issuer.Claims, Scopes: sp.Entitled(params.Scopes), Claims: params.Claims, Entitled: sp.Claims(),
	})
	pick := func(french, english string) string {
		if language == "en" {
			return english
		}
		return french
	}
	if r.Browser == "" {
		r.Browser = pick("navigateur inconnu", "unknown browser")
	}
	for _, g := range selection.Groups() {
		group := wire.ClaimGroup{Provider: pick(g.French, g.English)}
		for _, l := range g.Labels {
			group.Labels = append(group.Labels, pick(l.French, l.English))
		}
		r.Claims = append(r.Claims, group)
	}
	return r
}
