//go:build !nowindow

package ui

import (
	"context"
	"errors"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"pivot/app/internal/flow"
	"pivot/assets"
)

// endless plays a flow that waits until it is given up.
func endless(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
	d.Show(flow.View{Step: flow.StepBrowser})
	<-ctx.Done()
	return flow.Outcome{}, &flow.Failure{Cause: flow.CauseCitizen, Problem: "cancelled", Message: "flow.cancelled", Err: ctx.Err()}
}

func TestFlowIsGivenUp(t *testing.T) {
	for name, do := range map[string]func(*stage){
		"cancel": func(s *stage) { test.Tap(s.find("cancel")) },
		"escape": func(s *stage) { s.key(fyne.KeyEscape) },
		"enter":  func(s *stage) { s.key(fyne.KeyReturn) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, &actor{play: endless, paired: status()}, "en")
			test.Tap(s.find("approve"))
			s.until(func() bool { return s.window.run.view.Step == flow.StepBrowser })
			do(s)
			s.untilEnded()
			if !strings.Contains(s.text(), "Given up") {
				t.Errorf("says:\n%s", s.text())
			}
		})
	}
}

func TestActionsBeginFlows(t *testing.T) {
	for id, want := range map[string]string{"approve": "approve", "pair": "pair", "desk": "desk", "change-pin": "change-pin"} {
		s := open(t, &actor{play: endless, paired: status()}, "fr")
		test.Tap(s.find(id))
		s.until(func() bool { return s.window.run.view.Step == flow.StepBrowser })
		s.actor.mu.Lock()
		if s.actor.asked != want {
			t.Errorf("%s began %q", id, s.actor.asked)
		}
		s.actor.mu.Unlock()
	}
}

func TestLinksAreFollowedOneAtATime(t *testing.T) {
	const first, second = "pivot:approve?start=ABCDEFGHJKMN&issuer=https://pivot.example", "pivot:approve?start=0BCDEFGHJKMN&issuer=https://pivot.example"
	s := open(t, &actor{play: endless}, "fr")
	s.follow("")
	if s.window.run != nil {
		t.Fatal("no link was followed")
	}
	s.follow(first)
	under := s.window.run
	s.until(func() bool { return under.view.Step == flow.StepBrowser })
	s.follow(second)
	s.startPair()
	if s.window.run != under || s.actor.asked != first {
		t.Errorf("%q took the place of what was under way", s.actor.asked)
	}
	under.cancel()
	s.untilEnded()
	s.follow(second)
	s.until(func() bool { return s.window.run.view.Step == flow.StepBrowser })
	if s.actor.asked != second {
		t.Errorf("followed %q", s.actor.asked)
	}
}

func TestJourneyOfALink(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		"pivot:pair?code=ABCDEFGH&issuer=https://pivot.example":         "pair",
		"pivot:approve?start=ABCDEFGHJKMN&issuer=https://pivot.example": "login",
		"nonsense": "login",
	} {
		if got := journeyOf(link).name; got != want {
			t.Errorf("%s: %s", link, got)
		}
	}
}

// TestLinksOfOthers come by the channel while the window is open.
func TestLinksOfOthers(t *testing.T) {
	s := open(t, &actor{play: endless}, "fr")
	links := make(chan string)
	s.open("", links)
	links <- "pivot:pair?code=ABCDEFGH&issuer=https://pivot.example"
	s.until(func() bool { return s.window.run != nil && s.window.run.view.Step == flow.StepBrowser })
	if s.window.run.journey.name != "pair" {
		t.Errorf("a link to pair began %q", s.window.run.journey.name)
	}
	close(links)
}

func TestLanguageAndSizeAreRemembered(t *testing.T) {
	s := open(t, &actor{paired: status()}, "fr")
	s.win.Canvas().Focus(s.find("language"))
	s.key(fyne.KeyReturn)
	if !strings.Contains(s.text(), "Answer a login request") || s.actor.language != "en" {
		t.Errorf("not in English at once: %q\n%s", s.actor.language, s.text())
	}
	if s.focusedID() != "language" {
		t.Errorf("the focus went to %q", s.focusedID())
	}
	before := s.find("approve").Size().Height
	test.Tap(s.find("text-size"))
	test.Tap(s.find("text-size"))
	if s.percent != scaleMost || s.find("approve").Size().Height <= before {
		t.Errorf("at %d%% a button is %.0f high, before %.0f", s.percent, s.find("approve").Size().Height, before)
	}
	french, err := assets.NewSpeaker("fr")
	if err != nil {
		t.Fatal(err)
	}
	again, err := newWindow(t.Context(), s.window.app, s.actor, french)
	if err != nil {
		t.Fatal(err)
	}
	if again.speaker.Language().String() != "en" || again.percent != scaleMost {
		t.Errorf("the next window speaks %s at %d%%", again.speaker.Language(), again.percent)
	}
	test.Tap(s.find("text-size"))
	if s.percent != scaleLeast {
		t.Errorf("after the largest size comes %d%%", s.percent)
	}
}

func TestHomeSaysWhatStands(t *testing.T) {
	suspended := status()
	suspended[0].Device.State = "suspended"
	silent := status()
	silent[0].Device, silent[0].Failure = nil, &flow.Failure{Cause: flow.CauseOffline, Message: "flow.offline"}
	for _, row := range []struct {
		name  string
		actor *actor
		want  string // message
		focus string
	}{
		{"nothing yet", &actor{}, "window.home.unpaired", "pair"},
		{"paired", &actor{paired: status()}, "window.home.approve", "approve"},
		{"no reader", &actor{paired: status(), lacking: []string{"problem.no-reader"}}, "problem.no-reader", "approve"},
		{"a reader comes, then a card", &actor{paired: status(), lacking: []string{"problem.no-reader", "problem.no-card", ""}}, "window.home.card", "approve"},
		{"suspended", &actor{paired: suspended}, "broker.device-suspended", "approve"},
		{"offline", &actor{paired: silent}, "flow.offline", "approve"},
		{"broken", &actor{err: &flow.Failure{Message: "flow.profile"}}, "flow.profile", ""},
		{"broken in no way foreseen", &actor{err: errors.ErrUnsupported}, "flow.unknown", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t, row.actor, "fr")
			s.until(func() bool { return strings.Contains(s.text(), s.say(row.want)) })
			if row.focus != "" && s.focusedID() != row.focus {
				t.Errorf("the focus is on %q", s.focusedID())
			}
		})
	}
}

func TestFailuresOfferWhatCanBeDone(t *testing.T) {
	for _, row := range []struct {
		name    string
		failure *flow.Failure
		want    string
		again   bool
	}{
		{"offline", &flow.Failure{Cause: flow.CauseOffline, Message: "flow.offline"}, "flow.offline", true},
		{"card", &flow.Failure{Cause: flow.CauseCard, Message: "problem.card-busy"}, "problem.card-busy", true},
		{"locked", &flow.Failure{Cause: flow.CausePIN, Message: "broker.pin-locked"}, "broker.pin-locked", false},
		{"refused with a reason", &flow.Failure{Cause: flow.CauseRefused, Reason: "ds-revoked", Message: "broker.card-refused"}, "reason.ds-revoked", false},
		{"ended with a reason", &flow.Failure{Cause: flow.CauseRefused, Reason: "suspected-relay", Message: "broker.ended"}, "broker.ended.suspected-relay", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			plays := 0
			play := func(context.Context, flow.Dialogue) (flow.Outcome, error) {
				plays++
				return flow.Outcome{}, row.failure
			}
			s := open(t, &actor{play: play, paired: status()}, "fr")
			s.startApprove()
			s.untilEnded()
			if !strings.Contains(s.text(), s.say(row.want)) {
				t.Errorf("says:\n%s", s.text())
			}
			if got := s.focusedID() == "again"; got != row.again {
				t.Errorf("the focus is on %q", s.focusedID())
			}
			if row.again {
				s.key(fyne.KeyReturn)
				s.untilEnded()
			}
			if want := map[bool]int{true: 2, false: 1}[row.again]; plays != want {
				t.Errorf("played %d times", plays)
			}
		})
	}
}

// TestPairingThatOpensNothingYet does not promise what only a desk can open.
func TestPairingThatOpensNothingYet(t *testing.T) {
	for level, want := range map[string]string{"eidas1": "window.pair.next", "none": "flow.desk-first"} {
		play := func(context.Context, flow.Dialogue) (flow.Outcome, error) {
			return flow.Outcome{Level: level, Reference: "7KQ2-M4XD"}, nil
		}
		s := open(t, &actor{play: play}, "en")
		s.startPair()
		s.untilEnded()
		if !strings.Contains(s.text(), s.say(want)) {
			t.Errorf("%s says:\n%s", level, s.text())
		}
	}
}

// TestKeysScroll: a page that is higher than the window is read by keyboard alone, wherever the focus is.
func TestKeysScroll(t *testing.T) {
	s := open(t, &actor{}, "fr")
	for s.percent != scaleMost {
		s.resizeText()
	}
	s.win.Resize(fyne.NewSize(360, 560))
	asks(flow.Question{Kind: flow.AskApprove, Request: request()})(s)
	defer func() { s.window.run = nil }()
	if s.sheet.scroll.Offset.Y != 0 {
		t.Error("the page does not begin at its top")
	}
	s.key(fyne.KeyPageDown)
	down := s.sheet.scroll.Offset.Y
	s.key(fyne.KeyDown)
	if down <= 0 || s.sheet.scroll.Offset.Y <= down {
		t.Error("it does not go down")
	}
	s.key(fyne.KeyEnd)
	end := s.sheet.scroll.Offset.Y
	s.key(fyne.KeyUp)
	s.key(fyne.KeyPageUp)
	if s.sheet.scroll.Offset.Y >= end {
		t.Error("it does not go up")
	}
	s.key(fyne.KeyHome)
	if s.sheet.scroll.Offset.Y != 0 || s.focusedID() != "refuse" {
		t.Error("it does not come back")
	}
	s.win.Canvas().Focus(s.find("not-mine"))
	if s.sheet.scroll.Offset.Y == 0 {
		t.Error("what has the focus is out of sight")
	}
}
