package citizen

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"pivot/app/internal/flow"
	"pivot/cardreader/session"
)

// decision is what the command line said beforehand.
type decision struct{ approve, refuse, notMine, replace bool }

// dialogue speaks with the citizen line by line. It implements [flow.Dialogue].
type dialogue struct {
	env        *Env
	secrets    secretFlags
	canFile    string
	newPINFile string
	changing   bool // a new secret code does not come from where the present one does
	decide     decision

	step    flow.Step
	problem string
	stage   session.Stage
	lines   *bufio.Reader
	chosen  []byte // a new secret code from a file, for its repetition
}

// Show implements [flow.Dialogue]: what is new of it, one line each.
func (d *dialogue) Show(v flow.View) {
	w, e := d.env.Err, d.env
	if v.Step != d.step {
		d.step, d.problem, d.stage = v.Step, "", 0
		e.say(w, v.Step.Message(), nil)
		if v.ShortString != "" {
			e.say(w, "cli.compare", map[string]string{"String": v.ShortString})
			e.say(w, "protection."+v.Protection, nil)
		}
	}
	if v.Problem != d.problem && v.Problem != "" {
		e.say(w, v.Problem, nil)
	}
	d.problem = v.Problem
	if s := v.Progress.Stage; s != d.stage && s != 0 {
		e.say(w, "stage."+s.String(), nil)
		d.stage = s
	}
}

// Ask implements [flow.Dialogue].
func (d *dialogue) Ask(ctx context.Context, q flow.Question) (flow.Answer, error) {
	w, e := d.env.Err, d.env
	if q.Again != "" {
		e.say(w, q.Again, nil)
	}
	if q.TriesLeft != nil {
		fmt.Fprintln(w, e.Speaker.Count(string(q.Kind)+".tries", *q.TriesLeft))
	}
	if q.Kind == flow.AskApprove {
		d.sayRequest(q)
	}
	if a, ok, err := d.given(q); ok || err != nil {
		return a, err
	}
	if d.secrets.Headless {
		return flow.Answer{}, d.silent(q)
	}
	switch q.Kind {
	case flow.AskApprove:
		return d.askApproval(ctx)
	case flow.AskRetry, flow.AskReplace:
		fmt.Fprint(w, e.Speaker.Say(q.Kind.Message(), nil), " ", e.Speaker.Say("cli.retry", nil), " ")
		line, err := d.line(ctx)
		return flow.Answer{Approve: e.is(line, "cli.yes")}, err
	case flow.AskPairCode, flow.AskStartCode, flow.AskDeskCode:
		fmt.Fprint(w, e.Speaker.Say(q.Kind.Message(), nil), " ")
		line, err := d.line(ctx)
		return flow.Answer{Text: string(line)}, err
	}
	fmt.Fprint(w, e.Speaker.Say(q.Kind.Message(), nil), " ")
	digits, err := d.hidden(ctx)
	return flow.Answer{Secret: digits}, err
}

// given answers from the command line, from a file or from a variable, once: what was refused is not said again.
func (d *dialogue) given(q flow.Question) (a flow.Answer, ok bool, err error) {
	switch {
	case q.Kind == flow.AskRepeatPIN && d.chosen != nil:
		a.Secret, d.chosen = d.chosen, nil
		return a, true, nil
	case q.Again != "":
		return a, false, nil
	}
	switch q.Kind {
	case flow.AskApprove:
		a.Approve = d.decide.approve
		if d.decide.notMine {
			a.Reason = flow.RefusedNotMine
		}
		return a, d.decide.approve || d.decide.refuse || d.decide.notMine, nil
	case flow.AskReplace:
		a.Approve = d.decide.replace
		return a, d.decide.replace, nil
	case flow.AskCAN:
		a.Secret, err = d.kept(d.canFile, "PIVOT_CAN")
	case flow.AskPIN:
		a.Secret, err = d.kept(d.secrets.PINFile, "PIVOT_PIN")
	case flow.AskNewPIN:
		if d.changing {
			a.Secret, err = d.kept(d.newPINFile, "PIVOT_NEW_PIN")
		} else {
			a.Secret, err = d.kept(d.secrets.PINFile, "PIVOT_PIN")
		}
		d.chosen = slices.Clone(a.Secret)
	}
	return a, a.Secret != nil, err
}

// kept gives the first line of a file, else a variable, else nothing.
func (d *dialogue) kept(file, variable string) ([]byte, error) {
	var line []byte
	switch file {
	case "":
		if v := os.Getenv(variable); v != "" {
			line = []byte(v)
		}
		return line, nil
	case "-":
		return d.readLine()
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return firstLine(bufio.NewReader(io.LimitReader(f, mostLine)))
}

const mostLine = 1024

// firstLine reads one line, without its end.
func firstLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, flow.ErrCancelled
	}
	out := bytes.Clone(bytes.TrimSpace(line))
	clear(line)
	return out, nil
}

// missing are the words for what a script forgot.
var missing = map[flow.Kind][2]string{
	flow.AskCAN:       {"cli.what-can", "--can-file, PIVOT_CAN"},
	flow.AskPIN:       {"cli.what-pin", "--pin-file, PIVOT_PIN"},
	flow.AskNewPIN:    {"cli.what-new-pin", "--new-pin-file, PIVOT_NEW_PIN"},
	flow.AskPairCode:  {"cli.what-code", "pivot pair CODE"},
	flow.AskStartCode: {"cli.what-code", "pivot approve CODE"},
	flow.AskDeskCode:  {"cli.what-code", "pivot activate CODE"},
	flow.AskApprove:   {"cli.what-decision", "--yes, --refuse, --not-mine"},
}

// silent is the answer where nobody can be asked.
func (d *dialogue) silent(q flow.Question) error {
	m, ok := missing[q.Kind]
	if q.Again != "" || !ok {
		return flow.ErrCancelled
	}
	d.env.say(d.env.Err, "cli.secret-missing", map[string]string{"What": d.env.Speaker.Say(m[0], nil), "How": m[1]})
	return &flow.Failure{Cause: flow.CauseUsage, Problem: string(q.Kind) + "-missing", Message: "flow.missing"}
}

// is compares what was typed with a word, whatever the case.
func (e *Env) is(line []byte, id string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(string(line)), " "), e.Speaker.Say(id, nil))
}

func (d *dialogue) askApproval(ctx context.Context) (flow.Answer, error) {
	e := d.env
	fmt.Fprint(e.Err, e.Speaker.Say("cli.approve", nil), " ")
	line, err := d.line(ctx)
	a := flow.Answer{Approve: e.is(line, "cli.yes")}
	if e.is(line, "cli.not-me") {
		a.Reason = flow.RefusedNotMine
	}
	return a, err
}

// sayRequest shows a request whole: what is approved is what was shown.
func (d *dialogue) sayRequest(q flow.Question) {
	e, r := d.env, q.Request
	e.say(e.Err, "cli.service", map[string]string{"Service": r.Service.Name})
	e.say(e.Err, "cli.level", map[string]string{"Level": e.level(r.Level)})
	for _, g := range r.Claims {
		e.say(e.Err, "cli.claims", map[string]string{"Provider": g.Provider, "Labels": strings.Join(g.Labels, ", ")})
	}
	if len(r.Claims) == 0 {
		e.say(e.Err, "cli.anonymous", nil)
	}
	e.say(e.Err, "cli.browser", map[string]string{"Browser": r.Browser, "Place": r.Place})
}

// typed is what a wait for the keyboard gives.
type typed struct {
	line []byte
	err  error
}

// line reads a line of the standard input, unless ctx ends first. Who reads on is then left alone: the program is about to
// end.
func (d *dialogue) line(ctx context.Context) ([]byte, error) { return await(ctx, d.readLine) }

func await(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	got := make(chan typed, 1)
	go func() {
		line, err := read()
		got <- typed{line, err}
	}()
	select {
	case t := <-got:
		return t.line, t.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *dialogue) readLine() ([]byte, error) {
	if d.lines == nil {
		d.lines = bufio.NewReaderSize(d.env.In, mostLine)
	}
	return firstLine(d.lines)
}

// hidden reads a line without showing it, where there is a terminal.
func (d *dialogue) hidden(ctx context.Context) ([]byte, error) {
	fd := int(d.env.In.Fd())
	if !term.IsTerminal(fd) {
		return d.line(ctx)
	}
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	// A reading that is left alone would leave the terminal mute.
	defer func() { _ = term.Restore(fd, state) }()
	digits, err := await(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	fmt.Fprintln(d.env.Err)
	if errors.Is(err, io.EOF) {
		err = flow.ErrCancelled
	}
	return bytes.TrimSpace(digits), err
}
