package flow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"pivot/app/internal/api"
	"pivot/app/internal/keystore"
	"pivot/cardreader/pace"
	"pivot/shared/wire"
)

// run is one flow under way.
type run struct {
	companion *Companion
	d         Dialogue
	lease     *keystore.Lease
	profile   keystore.Profile
	client    *api.Client
	ceremony  ceremony
	watch     *watch
	view      View // what every view of this flow shows
	can       pace.Password
	outcome   Outcome
	// thumbprint of a key that is being paired
	thumbprint [32]byte
}

// ceremony is what this device and a broker do together.
type ceremony struct {
	id    string
	nonce []byte
	hop   string // id of the completed hop
}

// close ends what the flow holds, whether it came to its end or not.
func (r *run) close() error {
	r.can.Wipe()
	if r.client != nil {
		r.outcome.Figures.RoundTrips = r.client.RoundTrips()
		r.client.Close()
	}
	if r.lease == nil {
		return nil
	}
	if err := r.lease.Release(); err != nil {
		return ours(CauseUsage, "profile", err)
	}
	return nil
}

// show tells a step.
func (r *run) show(step Step) {
	v := r.view
	v.Step = step
	r.d.Show(v)
}

// ask asks, unless the ceremony ends first. otherwise is what the flow ends with when the citizen leaves the question; nil
// is giving up.
func (r *run) ask(ctx context.Context, q Question, otherwise *Failure) (Answer, error) {
	if ctx.Err() != nil {
		return Answer{}, why(ctx, context.Cause(ctx))
	}
	a, err := r.d.Ask(ctx, q)
	if ctx.Err() != nil {
		clear(a.Secret)
		return Answer{}, why(ctx, context.Cause(ctx))
	}
	if errors.Is(err, ErrCancelled) && otherwise != nil {
		err = otherwise
	}
	return a, err
}

// confirm asks for a yes.
func (r *run) confirm(ctx context.Context, q Question, otherwise *Failure) error {
	a, err := r.ask(ctx, q, otherwise)
	if err == nil && !a.Approve {
		err = otherwise
	}
	return err
}

// clock adds what a call takes to the figures; the returned function ends it.
func (r *run) clock() func() {
	began := time.Now()
	return func() { r.outcome.Figures.Broker += time.Since(began) }
}

// mostAsked bounds how often a citizen is asked the same again.
const mostAsked = 10

// lengths of the codes that pages show, hyphens included.
var lengths = map[string]int{"pair": len("ABCD-EFGH"), "approve": len("ABCD-EFGH-JKMN")}

// ticket completes a link of which parts may be missing: the code is asked for, and the broker is the one that is named,
// else the one that is known.
func (r *run) ticket(ctx context.Context, l wire.Link) (code, origin string, err error) {
	kind, p := AskStartCode, r.companion.parts
	if l.Action == "pair" {
		kind = AskPairCode
	}
	if l.Value != "" {
		return complete(l, l.Value, p.Origin)
	}
	q, otherwise := Question{Kind: kind}, (*Failure)(nil)
	for range mostAsked {
		a, err := r.ask(ctx, q, otherwise)
		if err != nil {
			return "", "", err
		}
		code, origin, err := complete(l, a.Text, p.Origin)
		if err == nil {
			return code, origin, nil
		}
		otherwise = failureOf(err)
		q.Again = otherwise.Message
	}
	return "", "", otherwise
}

// complete reads what was typed: a code, or the whole link.
func complete(l wire.Link, typed, fallback string) (code, origin string, err error) {
	typed = strings.TrimSpace(typed)
	if strings.HasPrefix(typed, "pivot:") {
		given, err := wire.ParseLink(typed)
		if err != nil || given.Action != l.Action || l.Origin != "" && given.Origin != l.Origin {
			return "", "", ours(CauseUsage, "link-malformed", err)
		}
		return given.Value, given.Origin, nil
	}
	code, err = wire.ParseCode(typed)
	if err != nil || len(code) != lengths[l.Action] {
		return "", "", ours(CauseUsage, "code-malformed", err)
	}
	if origin = l.Origin; origin == "" {
		origin = fallback
	}
	if origin == "" && l.Action == "pair" {
		return "", "", ours(CauseUsage, "origin-missing", nil)
	}
	return code, origin, nil
}

// choose gives the broker meant: the one named, else the only one that this computer is paired with.
func (c *Companion) choose(origin string) (string, error) {
	if origin == "" {
		origin = c.parts.Origin
	}
	if origin != "" {
		_, err := c.parts.Store.Find(origin)
		return origin, err
	}
	profiles, err := c.parts.Store.Profiles()
	switch {
	case err != nil:
		return "", ours(CauseUsage, "profile", err)
	case len(profiles) == 0:
		return "", ours(CauseUsage, "not-paired", nil)
	case len(profiles) > 1:
		return "", ours(CauseUsage, "several-brokers", nil)
	}
	return profiles[0].Origin, nil
}

// resume takes up what an earlier pairing left.
func (r *run) resume(origin string) error {
	p := r.companion.parts
	origin, err := r.companion.choose(origin)
	if err != nil {
		return err
	}
	if r.lease, err = p.Store.Acquire(origin); err != nil {
		return profileTrouble(err)
	}
	if r.profile, err = r.lease.Profile(); err != nil {
		return profileTrouble(err)
	}
	key, err := p.Store.Key(r.profile.Key)
	if err != nil {
		return profileTrouble(err)
	}
	if r.client, err = p.Dial(origin, key); err != nil {
		return ours(CauseUsage, "profile", err)
	}
	return nil
}

// save keeps what a change of the profile gives.
func (r *run) save(change func(*keystore.Profile)) error {
	p, err := r.lease.Profile()
	if err != nil {
		return profileTrouble(err)
	}
	change(&p)
	if err := r.lease.Save(p); err != nil {
		return profileTrouble(err)
	}
	r.profile = p
	return nil
}

// profileTrouble is an error of the keystore.
func profileTrouble(err error) error {
	if errors.Is(err, keystore.ErrUnpaired) || errors.Is(err, keystore.ErrBusy) {
		return err
	}
	return ours(CauseUsage, "profile", err)
}

const partingPatience = 5 * time.Second

// over are the answers of a broker after which there is nothing left to end.
var over = []wire.Code{
	wire.CodeEnded, wire.CodeExpired, wire.CodeCeremonyUnknown, wire.CodeOtherDevice,
	wire.CodeDeviceUnknown, wire.CodeDeviceSuspended, wire.CodeDeviceCloned,
}

// part tells the broker that nothing more will come, so that the page of the browser does not wait for nothing.
func (r *run) part(ctx context.Context, err error) {
	f := failureOf(err)
	if f.Cause == CauseOffline || slices.Contains(over, wire.Code(f.Problem)) {
		return
	}
	reason := RefusedChange
	if f.Problem == RefusedNotMine {
		reason = RefusedNotMine
	}
	r.watch.mind(false)
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), partingPatience)
	defer stop()
	// Without this message nothing is approved either: the ceremony expires.
	_ = r.client.Refuse(ctx, r.ceremony.id, reason)
}
