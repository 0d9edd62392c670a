package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/pace"
	"pivot/server/cardcheck"
)

// outcome is one reading, from the first wait to the verdict.
type outcome struct {
	report         cardcheck.Report
	total          time.Duration
	card, spent    time.Duration // by the card, by the verifier
	apdus          int
	sent, received int
	rounds         int
	known          bool
}

// result is the JSON object of `card read`. Its members are stable.
type result struct {
	OK        bool                    `json:"ok"`
	Reason    string                  `json:"reason,omitempty"`     // the verifier's refusal
	Problem   cardreader.Problem      `json:"problem,omitempty"`    // what is wrong with the reader or the card
	TriesLeft *int                    `json:"tries_left,omitempty"` // for can-wrong, when the card says
	Detail    string                  `json:"detail,omitempty"`
	Holder    *cardcheck.Holder       `json:"holder,omitempty"`
	Document  *cardcheck.Document     `json:"document,omitempty"`
	Steps     []cardcheck.Step        `json:"steps,omitempty"`
	Protocol  string                  `json:"protocol,omitempty"`
	CRL       string                  `json:"crl,omitempty"`
	Path      []cardcheck.Certificate `json:"path,omitempty"`
	Known     bool                    `json:"known"`
	APDUs     int                     `json:"apdus"`
	Sent      int                     `json:"bytes_sent"`
	Received  int                     `json:"bytes_received"`
	Rounds    int                     `json:"rounds"` // with the verifier
	CardMS    float64                 `json:"card_ms"`
	VerifyMS  float64                 `json:"verify_ms"`
	TotalMS   float64                 `json:"total_ms"`
}

// print says how it went and returns the exit code as an error.
func (o *outcome) print(s *shell, asJSON bool, err error) error {
	problem, isProblem := cardreader.Explain(err)
	refused := errors.Is(err, errRefused) && o.report.Reason != ""
	if isProblem = isProblem && !refused; err != nil && !isProblem && !refused {
		return err // a folder, a file, a flag: not a matter of cards
	}
	code := exitOK
	switch {
	case err == nil:
	case problem == cardreader.CANWrong:
		code = exitWrongCAN
	case isProblem:
		code = exitTrouble
	default:
		code = exitRefused
	}
	if asJSON {
		if err := o.printJSON(s, problem, isProblem, err); err != nil {
			return err
		}
	} else {
		o.printText(s, problem, isProblem, err)
	}
	if code == exitOK {
		return nil
	}
	return exitError(code)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (o *outcome) printJSON(s *shell, problem cardreader.Problem, isProblem bool, err error) error {
	r := result{
		OK: err == nil, Reason: o.report.Reason, Detail: o.report.Detail, Steps: o.report.Steps, Protocol: o.report.Protocol,
		CRL: o.report.CRL, Path: o.report.Path, Known: o.known, APDUs: o.apdus, Sent: o.sent, Received: o.received,
		Rounds: o.rounds, CardMS: milliseconds(o.card), VerifyMS: milliseconds(o.spent), TotalMS: milliseconds(o.total),
	}
	if o.report.Genuine {
		r.Holder, r.Document = &o.report.Holder, &o.report.Document
	}
	if isProblem {
		r.Problem, r.Reason, r.Detail = problem, "", err.Error()
		if w, ok := errors.AsType[*pace.WrongPasswordError](err); ok && w.Known {
			r.TriesLeft = &w.TriesLeft
		}
	}
	enc := json.NewEncoder(s.stdio.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

func (o *outcome) printText(s *shell, problem cardreader.Problem, isProblem bool, err error) {
	out := s.stdio.Out
	switch {
	case err == nil:
		s.say(out, "read.genuine", nil)
		fmt.Fprintln(out)
		o.printHolder(s)
	case isProblem:
		s.sayProblem(out, problem, err)
		return
	default:
		s.say(out, "read.refused", nil)
		fmt.Fprintln(out)
		s.say(out, "reason."+o.report.Reason, nil)
		fmt.Fprintf(out, "(%s", o.report.Reason)
		if o.report.Detail != "" {
			fmt.Fprintf(out, ": %s", o.report.Detail)
		}
		fmt.Fprintln(out, ")")
	}
	fmt.Fprintln(out)
	o.printChecks(s)
	o.printPath(s)
	fmt.Fprintln(out, s.speaker.Say("read.figures", map[string]string{
		"APDUs": fmt.Sprint(o.apdus), "Sent": fmt.Sprint(o.sent), "Received": fmt.Sprint(o.received),
		"CardMS": fmt.Sprintf("%.0f", milliseconds(o.card)), "VerifyMS": fmt.Sprintf("%.1f", milliseconds(o.spent)),
	}))
}

// sayProblem says what is wrong with the reader or the card, and what to do.
func (s *shell) sayProblem(out interface{ Write([]byte) (int, error) }, problem cardreader.Problem, err error) {
	s.say(out, "problem."+string(problem), nil)
	if w, ok := errors.AsType[*pace.WrongPasswordError](err); ok && w.Known {
		fmt.Fprintln(out, s.speaker.Count("can.tries", w.TriesLeft))
	}
	if problem == cardreader.UnknownProblem || problem == cardreader.CardFault {
		fmt.Fprintf(out, "(%v)\n", err)
	}
}

func (o *outcome) printHolder(s *shell) {
	h, d := o.report.Holder, o.report.Document
	w := tabwriter.NewWriter(s.stdio.Out, 0, 0, 2, ' ', 0)
	row := func(id, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %s\t%s\n", s.speaker.Say("field."+id, nil), value)
		}
	}
	row("surname", h.Surname)
	row("given-names", h.GivenNames)
	if h.NameTruncated {
		row("name-truncated", s.speaker.Say("yes", nil))
	}
	row("birth", h.Birth)
	row("birth-place", h.BirthPlace)
	row("sex", s.speaker.Say("sex."+sexWord(h.Sex), nil))
	row("nationality", h.Nationality)
	row("address", h.Address)
	row("document", strings.Join([]string{d.State, d.Code, d.Number}, " "))
	row("expiry", d.Expiry)
	w.Flush()
}

// sexWord maps what the zone says to a message; the zone leaves it out when not specified.
func sexWord(sex string) string {
	if sex == "" {
		return "x"
	}
	return strings.ToLower(sex)
}

func (o *outcome) printChecks(s *shell) {
	out := s.stdio.Out
	s.say(out, "read.checks", nil)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, step := range o.report.Steps {
		fmt.Fprintf(w, "  %s\t%s\n", s.speaker.Say("state."+string(step.State), nil), s.speaker.Say("step."+step.Name, nil))
	}
	w.Flush()
	if o.report.Protocol != "" {
		fmt.Fprintf(out, "  %s: %s\n", s.speaker.Say("field.protocol", nil), o.report.Protocol)
	}
	fmt.Fprintln(out)
}

func (o *outcome) printPath(s *shell) {
	out := s.stdio.Out
	if len(o.report.Path) == 0 {
		return
	}
	s.say(out, "read.path", nil)
	for _, c := range o.report.Path {
		fmt.Fprintf(out, "  %s\n    %s\n", c.Subject, s.speaker.Say("read.certificate", map[string]string{
			"Serial": c.Serial, "From": c.NotBefore.Format(time.DateOnly), "To": c.NotAfter.Format(time.DateOnly),
			"SHA256": c.SHA256[:16],
		}))
	}
	if strings.Contains(o.report.Path[len(o.report.Path)-1].Subject, "TEST") {
		fmt.Fprintf(out, "  %s\n", s.speaker.Say("doctor.test-anchor", nil))
	}
	if o.report.CRL != "" {
		fmt.Fprintf(out, "  %s\n", s.speaker.Say("crl."+o.report.CRL, nil))
	}
	fmt.Fprintln(out)
}
