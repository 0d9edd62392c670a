package citizen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"pivot/app/internal/flow"
	"pivot/app/internal/handoff"
)

type pairCmd struct {
	brokerFlags
	secretFlags
	cardFlags

	Again bool   `help:"Pair anew a computer that is paired already."`
	Code  string `arg:"" optional:"" help:"Code of the pairing page, or its link; asked for when not given."`
}

// Run pairs this computer.
func (c *pairCmd) Run(ctx context.Context, e *Env) error {
	companion, _, err := e.companion(c.brokerFlags, c.cardFlags)
	if err != nil {
		return err
	}
	d := &dialogue{env: e, secrets: c.secretFlags, canFile: c.CANFile, decide: decision{replace: c.Again}}
	var out flow.Outcome
	if strings.HasPrefix(c.Code, "pivot:") {
		out, err = companion.Follow(ctx, d, c.Code)
	} else {
		out, err = companion.Pair(ctx, d, c.Code, "")
	}
	return e.end(c.JSON, out, err, func() { e.sayPaired(out) })
}

func (e *Env) sayPaired(out flow.Outcome) {
	e.say(e.Out, "cli.paired", nil)
	e.say(e.Out, "cli.reaches", map[string]string{"Level": e.level(out.Level)})
	if id := out.Lacking(); id != "" {
		e.say(e.Out, id, nil)
	}
	if out.Reference != "" {
		e.say(e.Out, "cli.reference", map[string]string{"Reference": out.Reference})
	}
}

type approveCmd struct {
	brokerFlags
	secretFlags
	cardFlags

	Yes     bool   `help:"Approve what is asked for." xor:"decision"`
	Refuse  bool   `help:"Refuse what is asked for." xor:"decision"`
	NotMine bool   `help:"Refuse, and report that you did not start this login." xor:"decision"`
	Start   string `arg:"" optional:"" help:"Code of the login page, or its link; asked for when not given."`
}

// Run answers a login.
func (c *approveCmd) Run(ctx context.Context, e *Env) error {
	companion, _, err := e.companion(c.brokerFlags, c.cardFlags)
	if err != nil {
		return err
	}
	d := &dialogue{env: e, secrets: c.secretFlags, canFile: c.CANFile, decide: decision{approve: c.Yes, refuse: c.Refuse, notMine: c.NotMine}}
	var out flow.Outcome
	if strings.HasPrefix(c.Start, "pivot:") {
		out, err = companion.Follow(ctx, d, c.Start)
	} else {
		out, err = companion.Approve(ctx, d, c.Start, "")
	}
	return e.end(c.JSON, out, err, func() { e.sayApproved(out) })
}

func (e *Env) sayApproved(out flow.Outcome) {
	e.say(e.Out, "cli.approved", nil)
	e.say(e.Out, "cli.reached", map[string]string{"Level": e.level(out.Level)})
}

type activateCmd struct {
	brokerFlags

	Headless bool   `help:"Never ask."`
	Code     string `arg:"" optional:"" help:"Code that the desk gave; asked for when not given."`
}

// Run activates this computer.
func (c *activateCmd) Run(ctx context.Context, e *Env) error {
	companion, _, err := e.companion(c.brokerFlags, cardFlags{})
	if err != nil {
		return err
	}
	d := &dialogue{env: e, secrets: secretFlags{Headless: c.Headless}}
	out, err := companion.ActivateAtDesk(ctx, d, c.Code, "")
	return e.end(c.JSON, out, err, func() {
		e.say(e.Out, "cli.activated", nil)
		e.say(e.Out, "cli.reaches", map[string]string{"Level": e.level(out.Level)})
	})
}

type changeCmd struct {
	brokerFlags
	secretFlags

	NewPINFile string `name:"new-pin-file" help:"File whose first line is the new secret code; - takes a line of standard input." placeholder:"FILE"`
}

// Run changes the secret code.
func (c *changeCmd) Run(ctx context.Context, e *Env) error {
	companion, _, err := e.companion(c.brokerFlags, cardFlags{})
	if err != nil {
		return err
	}
	d := &dialogue{env: e, secrets: c.secretFlags, changing: true, newPINFile: c.NewPINFile}
	out, err := companion.ChangePIN(ctx, d, "")
	return e.end(c.JSON, out, err, func() { e.say(e.Out, "cli.pin-changed", nil) })
}

type forgotCmd struct{}

// Run explains.
func (forgotCmd) Run(e *Env) error {
	e.say(e.Out, "cli.pin-forgot", nil)
	return nil
}

type statusCmd struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

// standing is one broker in the JSON object of `status`.
type standing struct {
	Broker     string `json:"broker"`
	Name       string `json:"name"`
	Protection string `json:"protection"`
	State      string `json:"state,omitempty"`
	Level      string `json:"level,omitempty"`
	PIN        string `json:"pin,omitempty"`
	TriesLeft  *int   `json:"tries_left,omitempty"`
	Cards      *int   `json:"cards,omitempty"`
	Desk       string `json:"desk,omitempty"`
	Problem    string `json:"problem,omitempty"`
}

// Run says how this computer stands.
func (c *statusCmd) Run(ctx context.Context, e *Env) error {
	companion, _, err := e.companion(brokerFlags{}, cardFlags{})
	if err != nil {
		return err
	}
	all, err := companion.Status(ctx)
	if err != nil {
		return e.end(c.JSON, flow.Outcome{}, err, nil)
	}
	code := ExitError(0)
	brokers := make([]standing, 0, len(all))
	for _, s := range all {
		b := standing{Broker: s.Origin, Name: s.Name, Protection: s.Protection}
		if d := s.Device; d != nil {
			b.State, b.Level, b.PIN, b.TriesLeft, b.Cards, b.Desk = d.State, d.Level, d.PIN, &d.TriesLeft, &d.Cards, d.Desk
		} else {
			b.Problem, code = s.Failure.Problem, max(code, exits[s.Failure.Cause])
		}
		brokers = append(brokers, b)
		if !c.JSON {
			e.sayStanding(s)
		}
	}
	switch {
	case c.JSON:
		if err := e.encode(map[string]any{"ok": code == 0, "brokers": brokers}); err != nil {
			return err
		}
	case len(all) == 0:
		e.say(e.Out, "cli.status-none", nil)
	}
	if code != 0 {
		return code
	}
	return nil
}

func (e *Env) sayStanding(s flow.Status) {
	fmt.Fprintln(e.Out, s.Origin)
	if s.Device == nil {
		e.sayFailure(s.Failure)
		return
	}
	d := s.Device
	state := "cli.status-active"
	if d.State != "active" {
		state = "cli.status-suspended"
	}
	e.say(e.Out, state, map[string]string{"Name": d.Name})
	e.say(e.Out, "protection."+s.Protection, nil)
	e.say(e.Out, "cli.reaches", map[string]string{"Level": e.level(d.Level)})
	if id := "cli.status-pin-" + d.PIN; e.Speaker.Has(id) {
		e.say(e.Out, id, nil)
	}
	fmt.Fprintln(e.Out, e.Speaker.Count("cli.status-cards", d.Cards))
	if d.Desk != "" {
		e.say(e.Out, "cli.reference", map[string]string{"Reference": d.Desk})
	}
}

type openCmd struct {
	cardFlags

	Link string `arg:"" help:"The link."`
}

// Run hands the link to the window that is open, opens one, or follows the link here.
func (c *openCmd) Run(ctx context.Context, e *Env) error { return e.show(ctx, c.cardFlags, c.Link) }

type windowCmd struct{ cardFlags }

// Run opens the window, or shows the one that is open.
func (c *windowCmd) Run(ctx context.Context, e *Env) error { return e.show(ctx, c.cardFlags, "") }

// ErrNoWindow says that there is no window to open; a line for people has said so.
var ErrNoWindow = errors.New("no window to open")

func (e *Env) show(ctx context.Context, c cardFlags, link string) error {
	companion, store, err := e.companion(brokerFlags{Broker: os.Getenv("PIVOT_BROKER")}, c)
	if err != nil {
		return err
	}
	taken, err := handoff.Wake(ctx, store.Dir(), link)
	if err != nil {
		return e.end(false, flow.Outcome{}, &flow.Failure{Cause: flow.CauseUsage, Problem: "link-malformed", Message: "flow.link-malformed", Err: err}, nil)
	}
	switch {
	case taken:
		e.say(e.Err, "cli.passed-on", nil)
		return nil
	case e.Window.Run != nil && e.Window.Available():
		return e.openWindow(ctx, Scene{Companion: companion, Speaker: e.Speaker, Link: link}, store.Dir())
	case link == "":
		e.say(e.Err, "cli.no-window", nil)
		return ErrNoWindow
	}
	out, err := companion.Follow(ctx, &dialogue{env: e}, link)
	return e.end(false, out, err, func() {
		if out.Service != "" {
			e.sayApproved(out)
			return
		}
		e.sayPaired(out)
	})
}

// openWindow opens the window of this user, which takes the links that are opened from now on. One that cannot take them
// is a window all the same.
func (e *Env) openWindow(ctx context.Context, s Scene, dir string) error {
	if inbox, err := handoff.Await(ctx, dir); err == nil {
		defer inbox.Close()
		s.Links = inbox.Links()
	}
	return e.Window.Run(ctx, s)
}
