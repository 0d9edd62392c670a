package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/session"
	"pivot/server/cardcheck"
	"pivot/shared/mrtd"
)

type doctorCmd struct {
	anchorFlags

	Wait time.Duration `help:"How long to wait for a card." default:"3s"`
	JSON bool          `name:"json" help:"Print one JSON object."`
}

// finding is one thing looked at.
type finding struct {
	Name    string             `json:"name"`
	OK      bool               `json:"ok"`
	Problem cardreader.Problem `json:"problem,omitempty"`
	Notes   []string           `json:"notes,omitempty"`
}

// Run looks at everything that a reading needs, short of the card access number, and says what is wrong. It costs the card
// no try.
func (d *doctorCmd) Run(ctx context.Context, s *shell) error {
	verifier, err := d.load()
	if err != nil {
		return err
	}
	if _, err := cardreader.Find(ctx, "", d.Wait, s.sayLacking); errors.Is(err, context.Canceled) {
		return exitError(exitTrouble)
	}
	findings := append(examineReaders(ctx, s), examineAnchors(s, verifier))
	fine := true
	for _, f := range findings {
		fine = fine && f.OK
	}
	if d.JSON {
		enc := json.NewEncoder(s.stdio.Out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string]any{"ok": fine, "findings": findings}); err != nil {
			return err
		}
	} else {
		s.printFindings(findings, fine)
	}
	if !fine {
		return exitError(exitTrouble)
	}
	return nil
}

// examineReaders goes from the service to the card, and stops at the first thing that is missing.
func examineReaders(ctx context.Context, s *shell) []finding {
	readers, err := cardreader.List(ctx)
	if err != nil {
		return []finding{s.trouble("service", err)}
	}
	out := []finding{{Name: "service", OK: true, Notes: []string{s.speaker.Say("doctor.running", nil)}}}
	if len(readers) == 0 {
		return append(out, s.problem("readers", cardreader.NoReader))
	}
	var names []string
	var holding *cardreader.Reader
	for _, r := range readers {
		names = append(names, r.String())
		if r.Present && holding == nil {
			holding = &r
		}
	}
	out = append(out, finding{Name: "readers", OK: true, Notes: names})
	if holding == nil {
		return append(out, s.problem("card", cardreader.NoCard))
	}
	present := s.speaker.Say("doctor.present", map[string]string{"Reader": holding.String(), "ATR": fmt.Sprintf("% X", holding.ATR)})
	return append(out, finding{Name: "card", OK: true, Notes: []string{present}}, examineCard(ctx, s, holding.Name))
}

// examineCard reads what the card says to anybody, and says by which protocols it opens.
func examineCard(ctx context.Context, s *shell, reader string) finding {
	card, err := cardreader.Open(ctx, reader)
	if err != nil {
		return s.trouble("access", err)
	}
	defer card.Close()
	infos, err := session.Inspect(ctx, card)
	if err != nil {
		return s.trouble("access", err)
	}
	var protocols []string
	for _, i := range infos.PACE {
		protocols = append(protocols, protocolName(i))
	}
	note := s.speaker.Say("doctor.protocols", map[string]string{"Protocols": strings.Join(protocols, ", ")})
	return finding{Name: "access", OK: true, Notes: []string{note}}
}

func protocolName(i mrtd.PACEInfo) string {
	if i.Curve == nil || i.Suite == 0 {
		return "PACE " + i.OID
	}
	return fmt.Sprintf("PACE-ECDH-%s %s %s", i.Mapping, i.Suite, i.Curve.Name())
}

func examineAnchors(s *shell, v *cardcheck.Verifier) finding {
	f, now := finding{Name: "anchors", OK: true}, time.Now()
	for _, a := range v.Anchors() {
		id := "doctor.anchor"
		if now.After(a.NotAfter) {
			id = "doctor.anchor-expired"
		}
		f.Notes = append(f.Notes, s.speaker.Say(id, map[string]string{
			"Subject": a.Subject, "To": a.NotAfter.Format(time.DateOnly), "SHA256": a.SHA256[:16],
		}))
		if strings.Contains(a.Subject, "TEST") {
			f.Notes = append(f.Notes, s.speaker.Say("doctor.test-anchor", nil))
		}
	}
	if len(f.Notes) == 0 {
		f.OK, f.Notes = false, []string{s.speaker.Say("doctor.no-anchors", nil)}
	}
	for _, alarm := range v.Alarms() {
		f.OK, f.Notes = false, append(f.Notes, s.speaker.Say("doctor.alarms", nil)+": "+alarm)
	}
	return f
}

// trouble is a finding about an error, and problem one about a problem.
func (s *shell) trouble(name string, err error) finding {
	problem, _ := cardreader.Explain(err)
	return s.problem(name, problem)
}

func (s *shell) problem(name string, p cardreader.Problem) finding {
	return finding{Name: name, Problem: p, Notes: []string{s.speaker.Say("problem."+string(p), nil)}}
}

func (s *shell) printFindings(findings []finding, fine bool) {
	out := s.stdio.Out
	s.say(out, "doctor.title", nil)
	fmt.Fprintln(out)
	for _, f := range findings {
		mark := "state.ok"
		if !f.OK {
			mark = "state.wrong"
		}
		fmt.Fprintf(out, "%s: %s\n", s.speaker.Say("doctor."+f.Name, nil), s.speaker.Say(mark, nil))
		for _, n := range f.Notes {
			fmt.Fprintf(out, "  %s\n", n)
		}
	}
	fmt.Fprintln(out)
	if fine {
		s.say(out, "doctor.fine", nil)
	} else {
		s.say(out, "doctor.not-fine", nil)
	}
}
