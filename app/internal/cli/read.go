package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"pivot/app/internal/portrait"
	"pivot/cardreader"
	"pivot/cardreader/pace"
	"pivot/cardreader/session"
	"pivot/server/cardcheck"
)

type anchorFlags struct {
	Anchors  string   `help:"Folder with the trust anchors: csca/ (pinned authorities), link/, crl/." env:"PIVOT_ANCHORS" placeholder:"DIR" type:"path"`
	Accept   []string `help:"Also accept documents of a State: STATE:COUNTRY:CODE, such as UTO:UT:ID." env:"PIVOT_ACCEPT" placeholder:"STATE:COUNTRY:CODE"`
	StaleCRL bool     `name:"insecure-without-fresh-crl" help:"Accept a signer for which there is no current revocation list."`
}

type readCmd struct {
	anchorFlags

	CAN      string        `name:"can" help:"Card access number: the six digits on the front of the card. Asked for when not given; - reads it from standard input." env:"PIVOT_CAN" placeholder:"DIGITS"`
	Reader   string        `help:"Name of the reader; by default the first that holds a card." placeholder:"NAME"`
	Wait     time.Duration `help:"How long to wait for a reader and a card." default:"30s"`
	Short    bool          `help:"Never use extended-length commands."`
	Portrait string        `help:"Write the holder's portrait to this PNG file." placeholder:"FILE" type:"path"`
	Details  bool          `help:"Also read the birth place and the address (DG13)." default:"true" negatable:""`
	Memory   string        `help:"Recognise the card by this file, and write it after the first reading." placeholder:"FILE" type:"path"`
	JSON     bool          `name:"json" help:"Print one JSON object."`
}

// Run reads a card, has it judged and prints the report.
func (r *readCmd) Run(ctx context.Context, s *shell) error {
	verifier, err := r.load()
	if err != nil {
		return err
	}
	password, err := r.password(s)
	if err != nil {
		return err
	}
	defer password.Wipe()
	began := time.Now()
	out, err := r.read(ctx, s, verifier.Begin(r.groups()...), password)
	out.total = time.Since(began)
	if err := r.save(ctx, out.report); err != nil {
		return err
	}
	return out.print(s, r.JSON, err)
}

func (a anchorFlags) load() (*cardcheck.Verifier, error) {
	o := cardcheck.Options{Anchors: a.Anchors, InsecureWithoutFreshCRL: a.StaleCRL}
	for _, row := range a.Accept {
		parts := strings.Split(row, ":")
		if len(parts) != 3 {
			return nil, fmt.Errorf("--accept takes STATE:COUNTRY:CODE, not %q", row)
		}
		o.Issuers = append(o.Issuers, cardcheck.Issuer{State: parts[0], Country: parts[1], Codes: []string{parts[2]}})
	}
	return cardcheck.Load(o)
}

// password takes the card access number from the flag or from standard input, or asks for it without echo.
func (r *readCmd) password(s *shell) (pace.Password, error) {
	digits, err := r.digits(s)
	if err != nil {
		return pace.Password{}, err
	}
	defer clear(digits)
	p, err := pace.CAN(bytes.TrimSpace(digits))
	if err != nil {
		return pace.Password{}, errors.New(s.speaker.Say("can.malformed", nil))
	}
	return p, nil
}

func (r *readCmd) digits(s *shell) ([]byte, error) {
	fd := int(s.stdio.In.Fd())
	switch {
	case r.CAN == "-":
		const line = 64
		return io.ReadAll(io.LimitReader(s.stdio.In, line))
	case r.CAN != "":
		return []byte(r.CAN), nil
	case !term.IsTerminal(fd):
		return nil, errors.New(s.speaker.Say("can.missing", nil))
	}
	fmt.Fprint(s.stdio.Err, s.speaker.Say("can.prompt", nil), " ")
	digits, err := term.ReadPassword(fd)
	fmt.Fprintln(s.stdio.Err)
	return digits, err
}

// groups are what is read besides DG1.
func (r *readCmd) groups() []int {
	var groups []int
	if r.Details {
		groups = append(groups, 13)
	}
	if r.Portrait != "" {
		groups = append(groups, 2)
	}
	return groups
}

// read finds the card, opens it and runs the proof. The outcome is told as far as it came.
func (r *readCmd) read(ctx context.Context, s *shell, check *cardcheck.Check, password pace.Password) (outcome, error) {
	out := outcome{report: check.Report()}
	memory, err := r.recall()
	if err != nil {
		return out, err
	}
	name, err := cardreader.Find(ctx, r.Reader, r.Wait, s.sayLacking)
	if err != nil {
		return out, err
	}
	card, err := cardreader.Open(ctx, name)
	if err != nil {
		return out, err
	}
	defer card.Close()
	meter := session.NewMeter(card)
	judge := &inProcess{check: check, memory: memory}
	began := time.Now()
	err = session.Prove(ctx, meter, session.Request{
		Password: password, Known: memory != nil, Groups: r.groups(), Short: r.Short, Progress: s.progress(r.JSON),
	}, judge)
	out.spent = check.Spent()
	out.card = time.Since(began) - out.spent
	out.apdus = meter.APDUs()
	out.sent, out.received = meter.Bytes()
	out.known, out.rounds, out.report = judge.known, judge.rounds, check.Report()
	return out, err
}

// sayLacking tells people what is waited for.
func (s *shell) sayLacking(p cardreader.Problem) {
	if p == cardreader.NoReader {
		s.say(s.stdio.Err, "wait.reader", nil)
		return
	}
	s.say(s.stdio.Err, "wait.card", nil)
}

// progress tells people, and not machines, what the card is doing.
func (s *shell) progress(quiet bool) func(session.Progress) {
	if quiet {
		return nil
	}
	var last session.Stage
	return func(p session.Progress) {
		if p.Stage != last {
			s.say(s.stdio.Err, "stage."+p.Stage.String(), nil)
		}
		last = p.Stage
	}
}

func (r *readCmd) recall() ([]byte, error) {
	if r.Memory == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(r.Memory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// save writes what was asked for on files, when the card is genuine.
func (r *readCmd) save(ctx context.Context, report cardcheck.Report) error {
	if !report.Genuine {
		return nil
	}
	if r.Memory != "" {
		if err := os.WriteFile(r.Memory, report.Memory, 0o600); err != nil {
			return err
		}
	}
	if r.Portrait == "" {
		return nil
	}
	img, err := portrait.Decode(ctx, report.Portrait)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.Portrait, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// errRefused marks the verifier's refusals among the errors of a session.
var errRefused = errors.New("refused")

// inProcess is the judge of this program: the broker's verifier, without the broker.
type inProcess struct {
	check  *cardcheck.Check
	memory []byte
	known  bool // the last round was by memory
	rounds int
}

// Challenge implements [session.Judge].
func (j *inProcess) Challenge(_ context.Context, e session.Evidence, r session.Reach) (session.Challenge, error) {
	j.rounds++
	var c cardcheck.Challenge
	var err error
	if j.known = len(e.SOD) == 0 && j.memory != nil; j.known {
		c, err = j.check.Recall(j.memory, cardcheck.Reach(r))
	} else {
		c, err = j.check.Open(cardcheck.Evidence(e), cardcheck.Reach(r))
	}
	if err != nil {
		return session.Challenge{}, errors.Join(errRefused, err)
	}
	return session.Challenge(c), nil
}

// Answer implements [session.Judge].
func (j *inProcess) Answer(_ context.Context, responses [][]byte) error {
	err := j.check.Judge(responses)
	if err == nil {
		return nil
	}
	switch j.check.Again() {
	case cardcheck.Shorter:
		return errors.Join(errRefused, session.ErrShorter, err)
	case cardcheck.Files:
		return errors.Join(errRefused, session.ErrUnknownCard, err)
	}
	return errors.Join(errRefused, err)
}
