package flow

import (
	"context"
	"errors"
	"strings"

	"pivot/app/internal/api"
	"pivot/app/internal/keystore"
	"pivot/cardreader"
	"pivot/shared/wire"
)

// ErrCancelled is what a [Dialogue] answers when the citizen closes a question without an answer. Of a question that
// comes again, the flow then ends with what made it come again.
var ErrCancelled = errors.New("flow: cancelled")

// Cause sorts failures by what can be done about them.
type Cause uint8

// The causes. The zero Cause is none of them.
const (
	CauseRefused Cause = iota + 1 // the broker refused
	CauseUsage                    // what was given cannot be used: a code, a link, a broker never paired
	CauseCard                     // the reader or the card is in trouble
	CauseCAN                      // the access number is not the card's
	CausePIN                      // the secret code is wrong, locked or not set
	CauseCitizen                  // the citizen refused, or gave up
	CauseOffline                  // the broker cannot be reached
)

// Failure is why a flow did not come to its end.
type Failure struct {
	Cause     Cause
	Problem   string // in one word, for machines: a code of package wire, a problem of package cardreader, or one of ours
	Reason    string // the broker's, in one word, where it gave one
	TriesLeft *int   // of the access number or of the secret code, when that is known
	ID        string // the broker's number of the incident, to quote to support
	Message   string // id of the sentence that says it
	Detail    string // id of a sentence that says more; the catalogues may not have it
	Err       error  // what lies behind; may be nil
}

// Error gives the words, and what lies behind.
func (f *Failure) Error() string {
	s := "flow: " + f.Problem
	if f.Reason != "" {
		s += " (" + f.Reason + ")"
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap gives what lies behind.
func (f *Failure) Unwrap() error { return f.Err }

// ours is a failure that has its sentence in the catalogue of this package.
func ours(cause Cause, problem string, err error) *Failure {
	return &Failure{Cause: cause, Problem: problem, Message: "flow." + problem, Err: err}
}

// failureOf sorts an error. It is never nil.
func failureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return refusalOf(p)
	}
	for _, row := range [...]struct {
		err     error
		cause   Cause
		problem string
	}{
		{ErrCancelled, CauseCitizen, "cancelled"},
		{context.Canceled, CauseCitizen, "cancelled"},
		{api.ErrOffline, CauseOffline, "offline"},
		{api.ErrUntrusted, CauseOffline, "untrusted"},
		{api.ErrAnswer, CauseOffline, "no-broker"},
		{api.ErrRequest, CauseRefused, "request-forged"},
		{keystore.ErrUnpaired, CauseUsage, "not-paired"},
		{keystore.ErrBusy, CauseUsage, "busy"},
	} {
		if errors.Is(err, row.err) {
			return ours(row.cause, row.problem, err)
		}
	}
	if problem, ok := cardreader.Explain(err); ok {
		return cardTrouble(problem, err)
	}
	return ours(CauseUsage, "unknown", err)
}

// cardTrouble is a failure of the card or of the reader.
func cardTrouble(problem cardreader.Problem, err error) *Failure {
	cause := CauseCard
	if problem == cardreader.CANWrong || problem == cardreader.CANBlocked {
		cause = CauseCAN
	}
	return &Failure{Cause: cause, Problem: string(problem), Message: "problem." + string(problem), Err: err}
}

// causes of the broker's refusals, where they are not CauseRefused.
var causes = map[wire.Code]Cause{
	wire.CodePINUnset: CausePIN, wire.CodePINWrong: CausePIN, wire.CodePINLocked: CausePIN, wire.CodePINUsed: CausePIN,
	wire.CodeUnavailable: CauseOffline,
}

// refusalOf is a refusal of the broker. Its words come from afar: they name messages only where they look like words.
func refusalOf(p *wire.Problem) *Failure {
	code := string(p.Code)
	f := &Failure{
		Cause: CauseRefused, Problem: code, Reason: p.Reason, TriesLeft: p.TriesLeft, ID: p.ID, Message: "broker." + code, Err: p,
	}
	if cause, ok := causes[p.Code]; ok {
		f.Cause = cause
	}
	switch {
	case !word(p.Reason):
		f.Reason = ""
	case p.Code == wire.CodeCardRefused:
		f.Detail = "reason." + p.Reason
	default:
		f.Detail = f.Message + "." + p.Reason
	}
	return f
}

const mostWord = 64

func word(s string) bool {
	return s != "" && len(s) <= mostWord && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// why prefers the end of the ceremony to the cancelled call, wait or question that it caused.
func why(ctx context.Context, err error) error {
	if f, ok := errors.AsType[*Failure](context.Cause(ctx)); ok {
		return f
	}
	return err
}
