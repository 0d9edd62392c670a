// Package citizen is the companion line by line: its commands do by text what the window does, for a person at a terminal, a
// screen reader or a script. What is said to people goes to the error output as it happens, and the end to the output: in
// words, or with --json as one object on one line.
package citizen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"pivot/app/internal/flow"
	"pivot/app/internal/keystore"
	"pivot/assets"
	"pivot/cardreader"
	"pivot/cardreader/session"
)

// Commands are the commands, for a command line to embed.
type Commands struct {
	Window   windowCmd   `cmd:"" default:"1" hidden:"" help:"Open the window."`
	Pair     pairCmd     `cmd:"" help:"Pair this computer with a broker, with your card and a secret code of your choice."`
	Approve  approveCmd  `cmd:"" help:"Answer a login that waits in your browser."`
	Activate activateCmd `cmd:"" help:"Hand in the code that a desk gave you."`
	PIN      struct {
		Change changeCmd `cmd:"" help:"Choose another secret code, against the present one."`
		Forgot forgotCmd `cmd:"" help:"What to do when the secret code is forgotten or locked."`
	} `cmd:"" name:"pin" help:"The secret code."`
	Status statusCmd `cmd:"" help:"Say how this computer stands with each broker."`
	Open   openCmd   `cmd:"" help:"Follow a link that begins with pivot: (for browsers)."`
}

// Env is what every command is given.
type Env struct {
	In       *os.File
	Out, Err io.Writer
	Speaker  *assets.Speaker
	Window   Window
}

// Window is the program's window; the zero Window is none.
type Window struct {
	Available func() bool
	Run       func(context.Context, Scene) error
}

// Scene is what a window shows.
type Scene struct {
	Companion *flow.Companion
	Speaker   *assets.Speaker
	Link      string        // to follow at once; may be empty
	Links     <-chan string // that other processes hand over; an empty one asks for the window alone
}

// ExitError ends a command with a code of the causes of package flow; what there was to say has been said.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exits are the program's exit codes.
var exits = map[flow.Cause]ExitError{
	flow.CauseRefused: 1, flow.CauseUsage: 2, flow.CauseCard: 3, flow.CauseCAN: 4, flow.CausePIN: 5,
	flow.CauseCitizen: 6, flow.CauseOffline: 7,
}

// say prints one translated line.
func (e *Env) say(w io.Writer, id string, data map[string]string) {
	fmt.Fprintln(w, e.Speaker.Say(id, data))
}

// brokerFlags say which broker, and how a command speaks.
type brokerFlags struct {
	Broker string `help:"Address of the broker, such as https://broker.example; by default that of the link, or the one that this computer is paired with." env:"PIVOT_BROKER" placeholder:"URL"`
	JSON   bool   `name:"json" help:"Print one JSON object at the end."`
}

// secretFlags say where what only the citizen knows comes from, when it is not typed.
type secretFlags struct {
	Headless bool   `help:"Never ask: take secrets from files or from the variables PIVOT_CAN, PIVOT_PIN and PIVOT_NEW_PIN, and give up rather than ask again."`
	PINFile  string `name:"pin-file" help:"File whose first line is the secret code; - takes a line of standard input." placeholder:"FILE"`
}

// cardFlags say which card, and how it is opened.
type cardFlags struct {
	CANFile string        `name:"can-file" help:"File whose first line is the access number of the card; - takes a line of standard input." placeholder:"FILE"`
	Reader  string        `help:"Name of the reader; by default the first that holds a card." placeholder:"NAME"`
	Wait    time.Duration `help:"How long to wait for a reader and a card." default:"60s"`
}

// companion opens what is kept on this computer.
func (e *Env) companion(b brokerFlags, c cardFlags) (*flow.Companion, *keystore.Store, error) {
	store, err := keystore.Open("")
	if err != nil {
		return nil, nil, err
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "pivot"
	}
	const most = 64
	out := flow.New(flow.Parts{
		Store: store, OpenCard: opener(c.Reader, c.Wait), Origin: b.Broker,
		Name: name[:min(len(name), most)], Platform: runtime.GOOS + "/" + runtime.GOARCH,
	})
	out.Speak(e.Speaker.Language().String())
	return out, store, nil
}

// opener finds and opens a card. While another program has it, it waits as long as for a card.
func opener(reader string, patience time.Duration) func(context.Context, func(cardreader.Problem)) (session.Link, io.Closer, error) {
	return func(ctx context.Context, lacking func(cardreader.Problem)) (session.Link, io.Closer, error) {
		name, err := cardreader.Find(ctx, reader, patience, lacking)
		if err != nil {
			return nil, nil, err
		}
		card, err := cardreader.Open(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		return card, card, nil
	}
}

// end says how a flow ended: done in words, or the failure, or either as JSON.
func (e *Env) end(asJSON bool, out flow.Outcome, err error, done func()) error {
	var failure *flow.Failure
	if err != nil {
		var ok bool
		if failure, ok = errors.AsType[*flow.Failure](err); !ok {
			return err
		}
	}
	switch {
	case asJSON:
		if err := e.printJSON(out, failure); err != nil {
			return err
		}
	case failure != nil:
		e.sayFailure(failure)
	default:
		done()
	}
	if failure != nil {
		return exits[failure.Cause]
	}
	return nil
}

// sayFailure says a failure and whatever is known of it.
func (e *Env) sayFailure(f *flow.Failure) {
	e.say(e.Out, f.Message, nil)
	if e.Speaker.Has(f.Detail) {
		e.say(e.Out, f.Detail, nil)
	} else if f.Reason != "" {
		fmt.Fprintf(e.Out, "(%s)\n", f.Reason)
	}
	if f.Cause == flow.CauseUsage && f.Err != nil { // a file, an address: whoever repairs it needs to know which
		fmt.Fprintf(e.Out, "(%v)\n", f.Err)
	}
	if f.TriesLeft != nil {
		fmt.Fprintln(e.Out, e.Speaker.Count(counted(f.Cause), *f.TriesLeft))
	}
	if f.ID != "" {
		e.say(e.Out, "cli.incident", map[string]string{"ID": f.ID})
	}
}

// counted is the message that counts the tries that are left.
func counted(c flow.Cause) string {
	switch c {
	case flow.CauseCAN:
		return "can.tries"
	case flow.CausePIN:
		return "pin.tries"
	}
	return "desk-code.tries"
}

// level says a level in words.
func (e *Env) level(name string) string {
	if id := "page.level." + name; e.Speaker.Has(id) {
		return e.Speaker.Say(id, nil)
	}
	return e.Speaker.Say("cli.level-none", nil)
}
