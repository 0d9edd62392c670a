// Package flow owns what the companion does with a citizen, without a window and without a terminal: it pairs this
// computer with a broker, answers a login, activates it with the code of a desk and changes its secret code. A flow asks
// and tells through a [Dialogue], and ends with an [Outcome] or a [Failure] that has a sentence in every language.
package flow

import (
	"context"
	"fmt"

	"pivot/cardreader/session"
	"pivot/shared/wire"
)

// Dialogue is whoever speaks with the citizen. Its methods are called from one goroutine at a time.
type Dialogue interface {
	// Show tells how far the flow is. It does not wait.
	Show(v View)
	// Ask waits for an answer. Its context ends when the question no longer matters, for instance because the login was
	// cancelled in the browser: the question is then taken away. An error ends the flow; that of the context, or
	// [ErrCancelled] when the citizen closes the question without an answer.
	Ask(ctx context.Context, q Question) (Answer, error)
}

// Step is one named part of a flow. Each has the message "step.NAME".
type Step string

// The steps, in the order in which a flow takes those that it needs.
const (
	StepConnect Step = "connect" // reaching the broker
	StepCompare Step = "compare" // pairing: the citizen compares ShortString with the one on the page, and confirms there
	StepBrowser Step = "browser" // the browser comes by, to show that it is on this computer
	StepRequest Step = "request" // the broker says what is asked for
	StepPIN     Step = "pin"     // the secret code is being verified, or set
	StepCard    Step = "card"    // the card: Problem while it is waited for, else Progress
	StepSend    Step = "send"    // the broker verifies
	StepDone    Step = "done"    // the end that was aimed at
)

// Steps returns the closed set, in order.
func Steps() []Step {
	return []Step{StepConnect, StepCompare, StepBrowser, StepRequest, StepPIN, StepCard, StepSend, StepDone}
}

// Message is the id of the sentence that says the step.
func (s Step) Message() string { return "step." + string(s) }

// View is what there is to see at one moment. Members that do not matter at the step are zero.
type View struct {
	Step        Step
	Problem     string           // id of the sentence that says what is lacking for now, e.g. "problem.no-card"
	ShortString string           // StepCompare: "123 456"
	Protection  string           // StepCompare: where the device's key lives: tpm, keychain or file ("protection.NAME")
	Service     string           // login: the name of who asks, from StepRequest on
	Level       string           // login: asked for, from StepRequest on; StepDone: reached ("page.level.NAME")
	Progress    session.Progress // StepCard: how far the card is ("stage.NAME"); zero Stage while it is waited for
	Reference   string           // StepDone of a pairing: what to say at the desk; may be empty
}

// Kind is what a question asks for. Each has the message "ask.NAME".
type Kind string

// The kinds.
const (
	AskApprove   Kind = "approve"    // Request; the answer is Approve, and Reason when not
	AskCAN       Kind = "can"        // the six digits of the card; the answer is Secret
	AskPIN       Kind = "pin"        // the secret code; the answer is Secret
	AskNewPIN    Kind = "new-pin"    // a secret code to choose, six to twelve digits; the answer is Secret
	AskRepeatPIN Kind = "repeat-pin" // the same once more; the answer is Secret
	AskPairCode  Kind = "pair-code"  // the code of the pairing page, or its link; the answer is Text
	AskStartCode Kind = "start-code" // the code of the login page, or its link; the answer is Text
	AskDeskCode  Kind = "desk-code"  // the code that the desk gave; the answer is Text
	AskRetry     Kind = "retry"      // whether to try the card again after what Again says; the answer is Approve
	AskReplace   Kind = "replace"    // whether to pair anew a computer that is paired already; the answer is Approve
)

// Kinds returns the closed set.
func Kinds() []Kind {
	return []Kind{AskApprove, AskCAN, AskPIN, AskNewPIN, AskRepeatPIN, AskPairCode, AskStartCode, AskDeskCode, AskRetry, AskReplace}
}

// Message is the id of the sentence that asks the question.
func (k Kind) Message() string { return "ask." + string(k) }

// Question is something only the citizen knows or decides.
type Question struct {
	Kind      Kind
	Request   *wire.Request // AskApprove: what is asked for, verified; to be shown whole
	Again     string        // id of the sentence that says why the question comes again; empty the first time
	TriesLeft *int          // how many tries are left, when that is known ("KIND.tries", a counted message)
}

// Reasons of an answer that does not approve.
const (
	RefusedChange  = "refused"  // the citizen changed their mind
	RefusedNotMine = "not-mine" // the citizen did not start this login
)

// Answer is what the citizen says. It prints as redacted.
type Answer struct {
	Approve bool
	Reason  string // one of RefusedChange and RefusedNotMine; empty is RefusedChange
	Secret  []byte // digits; the flow wipes them
	Text    string
}

// Format prints no answer, whatever the verb.
func (Answer) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }
