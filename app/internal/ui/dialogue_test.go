//go:build !nowindow

package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"pivot/app/internal/flow"
)

// asking plays one question, and keeps what was answered.
func asking(q flow.Question, got *flow.Answer) func(context.Context, flow.Dialogue) (flow.Outcome, error) {
	return func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		a, err := d.Ask(ctx, q)
		*got = a
		return flow.Outcome{}, err
	}
}

// read lets the time pass in which a request takes no answer.
func (s *stage) read() { s.window.now = func() time.Time { return time.Now().Add(time.Hour) } }

func TestRequestIsAnswered(t *testing.T) {
	press := func(id string) func(*stage) {
		return func(s *stage) { s.win.Canvas().Focus(s.find(id)); s.key(fyne.KeySpace) }
	}
	enter := func(id string) func(*stage) {
		return func(s *stage) { s.win.Canvas().Focus(s.find(id)); s.key(fyne.KeyReturn) }
	}
	for _, row := range []struct {
		name    string
		do      func(s *stage)
		approve bool
		reason  string
	}{
		{"space on approve", press("approve"), true, ""},
		{"a click on approve", func(s *stage) { test.Tap(s.find("approve")) }, true, ""},
		{"tab, then space", func(s *stage) { s.win.Canvas().FocusNext(); s.key(fyne.KeySpace) }, true, ""},
		{"space as it comes up", func(s *stage) { s.key(fyne.KeySpace) }, false, flow.RefusedChange},
		{"enter as it comes up", func(s *stage) { s.key(fyne.KeyReturn) }, false, flow.RefusedChange},
		{"escape", func(s *stage) { s.key(fyne.KeyEscape) }, false, flow.RefusedChange},
		{"escape from approve", func(s *stage) { s.win.Canvas().Focus(s.find("approve")); s.key(fyne.KeyEscape) }, false, flow.RefusedChange},
		{"not mine", press("not-mine"), false, flow.RefusedNotMine},
		{"enter on approve does nothing", func(s *stage) { enter("approve")(s); press("refuse")(s) }, false, flow.RefusedChange},
		{"the keypad's enter neither", func(s *stage) {
			s.win.Canvas().Focus(s.find("approve"))
			s.key(fyne.KeyEnter)
			press("refuse")(s)
		}, false, flow.RefusedChange},
		{"in another language", func(s *stage) { s.toggleLanguage(); press("approve")(s) }, true, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got flow.Answer
			s := open(t, &actor{play: asking(flow.Question{Kind: flow.AskApprove, Request: request()}, &got), paired: status()}, "fr")
			s.startApprove()
			s.untilAsked(flow.AskApprove)
			if s.focusedID() != "refuse" {
				t.Errorf("the focus is on %q", s.focusedID())
			}
			if a, b := s.find("refuse").Size(), s.find("approve").Size(); a != b {
				t.Errorf("refusing is %v, approving %v", a, b)
			}
			s.read()
			row.do(s)
			s.untilEnded()
			if got.Approve != row.approve || got.Reason != row.reason {
				t.Errorf("answered %v %q", got.Approve, got.Reason)
			}
		})
	}
}

func TestRequestIsShownWhole(t *testing.T) {
	s := open(t, &actor{}, "fr")
	q := flow.Question{Kind: flow.AskApprove, Request: request()}
	asks(q)(s)
	said := s.text()
	r := q.Request
	for _, want := range append([]string{r.Service.Name, "élevé", r.Browser, r.Place, "Registre civil", "Vous-même"}, r.Claims[0].Labels...) {
		if !strings.Contains(said, want) {
			t.Errorf("does not show %q", want)
		}
	}
	s.window.run = nil
}

// TestRequestUnderTheFingers: what is pressed as the page comes up answers nothing, however it was meant.
func TestRequestUnderTheFingers(t *testing.T) {
	var got flow.Answer
	at := time.Now()
	s := open(t, &actor{play: asking(flow.Question{Kind: flow.AskApprove, Request: request()}, &got), paired: status()}, "en")
	s.window.now = func() time.Time { return at }
	s.startApprove()
	s.untilAsked(flow.AskApprove)
	test.Tap(s.find("approve"))
	s.key(fyne.KeyReturn)
	if s.window.run.asked == nil {
		t.Fatal("answered at once")
	}
	at = at.Add(startled)
	test.Tap(s.find("approve"))
	s.untilEnded()
	if !got.Approve {
		t.Error("not answered when it was meant")
	}
}

func TestSecretIsTyped(t *testing.T) {
	keys := func(s *stage, digits string) {
		for _, r := range digits {
			test.Tap(s.find("key-" + string(r)))
		}
	}
	for _, row := range []struct {
		name string
		kind flow.Kind
		do   func(s *stage)
		want string
	}{
		{"keyboard", flow.AskCAN, func(s *stage) { test.Type(s.win.Canvas().Focused(), "987654"); s.key(fyne.KeyReturn) }, "987654"},
		{"on-screen keys", flow.AskPIN, func(s *stage) { keys(s, "271828"); test.Tap(s.find("continue")) }, "271828"},
		{"a digit typed while a key has the focus", flow.AskPIN, func(s *stage) {
			s.win.Canvas().Focus(s.find("key-5"))
			s.win.Canvas().Focused().TypedRune('3')
			keys(s, "14159")
			test.Tap(s.find("continue"))
		}, "314159"},
		{"erased", flow.AskNewPIN, func(s *stage) {
			test.Type(s.win.Canvas().Focused(), "9876543")
			s.key(fyne.KeyBackspace)
			test.Tap(s.find("erase"))
			keys(s, "00")
			s.find("continue").TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
		}, "9876500"},
		{"one too many", flow.AskCAN, func(s *stage) { test.Type(s.win.Canvas().Focused(), "1357924"); test.Tap(s.find("continue")) }, "135792"},
		{"letters", flow.AskCAN, func(s *stage) {
			test.Type(s.win.Canvas().Focused(), "1é3a5\u0663792468")
			test.Tap(s.find("continue"))
		}, "135792"},
		{"language and size changed meanwhile", flow.AskRepeatPIN, func(s *stage) {
			test.Type(s.win.Canvas().Focused(), "135")
			s.toggleLanguage()
			s.resizeText()
			test.Type(s.win.Canvas().Focused(), "792")
			s.key(fyne.KeyReturn)
		}, "135792"},
		{"too few, then enough", flow.AskPIN, func(s *stage) {
			test.Type(s.win.Canvas().Focused(), "13579")
			s.key(fyne.KeyReturn)
			if !strings.Contains(s.text(), s.say("window.secret.more")) {
				t.Error("nothing said that digits are missing")
			}
			test.Type(s.win.Canvas().Focused(), "2")
			s.key(fyne.KeyReturn)
		}, "135792"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got flow.Answer
			s := open(t, &actor{play: asking(flow.Question{Kind: row.kind}, &got), paired: status()}, "fr")
			s.startApprove()
			s.untilAsked(row.kind)
			row.do(s)
			s.untilEnded()
			if string(got.Secret) != row.want {
				t.Errorf("gave %q, want %q", got.Secret, row.want)
			}
		})
	}
}

// TestSecretIsNotShown looks for the digits wherever the page could give them away.
func TestSecretIsNotShown(t *testing.T) {
	var got flow.Answer
	s := open(t, &actor{play: asking(flow.Question{Kind: flow.AskPIN}, &got), paired: status()}, "en")
	s.startApprove()
	s.untilAsked(flow.AskPIN)
	field := s.win.Canvas().Focused().(*pad)
	test.Type(field, "271828")
	seen := s.text() + test.RenderToMarkup(s.win.Canvas()) + fmt.Sprintf("%v %+v %#v %s", field.digits, field.digits, field.digits, field.digits)
	if strings.Contains(seen, "271828") || strings.Contains(seen, "27182") {
		t.Error("the digits can be seen")
	}
	if !strings.Contains(field.AccessibilityLabel(), "6 digits") {
		t.Errorf("says %q", field.AccessibilityLabel())
	}
	clipboard := test.NewClipboard()
	field.TypedShortcut(&fyne.ShortcutCopy{Clipboard: clipboard})
	if clipboard.Content() != "" {
		t.Error("copied")
	}
	clipboard.SetContent("111111")
	field.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clipboard})
	if !strings.Contains(s.text(), s.say("window.secret.digits")) {
		t.Error("nothing said that secrets are not pasted")
	}
	s.key(fyne.KeyReturn)
	if field.digits.n != 0 || field.digits.buf != [mostDigits]byte{} {
		t.Error("the digits outlive the page")
	}
	s.untilEnded()
	if string(got.Secret) != "271828" {
		t.Errorf("gave %q", got.Secret)
	}
}

func TestSecretIsWipedWhenGivenUp(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(s *stage, stop context.CancelFunc)
	}{
		{"escape", func(s *stage, _ context.CancelFunc) { s.key(fyne.KeyEscape) }},
		{"cancel", func(s *stage, _ context.CancelFunc) { test.Tap(s.find("cancel")) }},
		{"taken away by the flow", func(s *stage, stop context.CancelFunc) { stop() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			var err error
			play := func(_ context.Context, d flow.Dialogue) (flow.Outcome, error) {
				var a flow.Answer
				if a, err = d.Ask(ctx, flow.Question{Kind: flow.AskCAN}); a.Secret != nil {
					t.Error("a secret was given")
				}
				return flow.Outcome{}, &flow.Failure{Cause: flow.CauseCitizen, Problem: "cancelled", Message: "flow.cancelled", Err: err}
			}
			s := open(t, &actor{play: play, paired: status()}, "fr")
			s.startApprove()
			s.untilAsked(flow.AskCAN)
			field := s.win.Canvas().Focused().(*pad)
			test.Type(field, "98765")
			row.do(s, stop)
			s.untilEnded()
			stop()
			if field.digits.buf != [mostDigits]byte{} {
				t.Error("the digits are still there")
			}
			if !errors.Is(err, flow.ErrCancelled) && !errors.Is(err, context.Canceled) {
				t.Errorf("the flow was told %v", err)
			}
			if s.focusedID() != "home" {
				t.Errorf("the focus is on %q", s.focusedID())
			}
		})
	}
}

func TestCodeIsTyped(t *testing.T) {
	for _, row := range []struct {
		name, typed, want string // want is empty where it is asked again
	}{
		{"as shown", "ABCD-EFGH", "ABCD-EFGH"},
		{"in lower case, spaced", " abcd efgh ", "ABCD-EFGH"},
		{"letters taken for digits", "obcdefgi", "0BCD-EFG1"},
		{"a link", "pivot:pair?code=ABCDEFGH&issuer=https://pivot.example", "pivot:pair?code=ABCDEFGH&issuer=https://pivot.example"},
		{"nothing", "", ""},
		{"too short", "ABCD", ""},
		{"not of the alphabet", "ABCD-EFG!", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got flow.Answer
			s := open(t, &actor{play: asking(flow.Question{Kind: flow.AskPairCode}, &got)}, "fr")
			s.startPair()
			s.untilAsked(flow.AskPairCode)
			field := s.win.Canvas().Focused().(*line)
			field.SetText(row.typed)
			s.key(fyne.KeyReturn)
			if row.want == "" {
				if s.window.run.asked == nil || !strings.Contains(s.text(), s.say("flow.code-malformed")) {
					t.Error("taken for a code")
				}
				if l, ok := s.win.Canvas().Focused().(*line); !ok || l.Text != row.typed {
					t.Error("what was typed is lost")
				}
				s.key(fyne.KeyEscape)
			}
			s.untilEnded()
			if got.Text != row.want {
				t.Errorf("gave %q", got.Text)
			}
		})
	}
}

// TestPairingByKeyboard walks a whole pairing as its flow leads it.
func TestPairingByKeyboard(t *testing.T) {
	var secrets []string
	play := func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		if a, err := d.Ask(ctx, flow.Question{Kind: flow.AskPairCode}); err != nil || a.Text != "ABCD-EFGH" {
			return flow.Outcome{}, fmt.Errorf("code %q: %w", a.Text, err)
		}
		d.Show(flow.View{Step: flow.StepCompare, ShortString: "123 456", Protection: "file"})
		d.Show(flow.View{Step: flow.StepBrowser})
		for _, k := range []flow.Kind{flow.AskNewPIN, flow.AskRepeatPIN, flow.AskCAN} {
			a, err := d.Ask(ctx, flow.Question{Kind: k})
			if err != nil {
				return flow.Outcome{}, err
			}
			secrets = append(secrets, string(a.Secret))
			d.Show(flow.View{Step: flow.StepPIN})
		}
		d.Show(reading())
		d.Show(flow.View{Step: flow.StepSend})
		return flow.Outcome{Level: "eidas1", Reference: "7KQ2-M4XD"}, nil
	}
	s := open(t, &actor{play: play}, "en")
	if s.focusedID() != "pair" {
		t.Fatalf("the focus is on %q", s.focusedID())
	}
	s.key(fyne.KeyReturn)
	s.untilAsked(flow.AskPairCode)
	test.Type(s.win.Canvas().Focused(), "abcdefgh")
	s.key(fyne.KeyReturn)
	s.until(func() bool { return s.window.run.view.Step == flow.StepCompare })
	if !strings.Contains(s.text(), "123 456") || !strings.Contains(s.text(), "file that only your session") {
		t.Errorf("the number to compare is not shown:\n%s", s.text())
	}
	for _, step := range []struct {
		kind  flow.Kind
		typed string
	}{{flow.AskNewPIN, "271828"}, {flow.AskRepeatPIN, "271828"}, {flow.AskCAN, "987654"}} {
		s.untilAsked(step.kind)
		test.Type(s.win.Canvas().Focused(), step.typed)
		s.key(fyne.KeyReturn)
	}
	s.untilEnded()
	if want := []string{"271828", "271828", "987654"}; !slices.Equal(secrets, want) {
		t.Errorf("typed %q", secrets)
	}
	for _, want := range []string{"This computer is paired", "7KQ2-M4XD", "low"} {
		if !strings.Contains(s.text(), want) {
			t.Errorf("the end does not say %q:\n%s", want, s.text())
		}
	}
	s.key(fyne.KeyEscape)
	if !s.sheet.page.home {
		t.Error("Esc does not lead home")
	}
}

// TestDoubledKey: the key that answered, pressed twice, does not give up what follows.
func TestDoubledKey(t *testing.T) {
	var given context.Context
	play := func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		given = ctx
		a, err := d.Ask(ctx, flow.Question{Kind: flow.AskPIN})
		clear(a.Secret)
		if err == nil {
			<-ctx.Done()
			err = ctx.Err()
		}
		return flow.Outcome{}, &flow.Failure{Cause: flow.CauseCitizen, Problem: "cancelled", Message: "flow.cancelled", Err: err}
	}
	at := time.Now()
	s := open(t, &actor{play: play, paired: status()}, "fr")
	s.window.now = func() time.Time { return at }
	s.startApprove()
	s.untilAsked(flow.AskPIN)
	test.Type(s.win.Canvas().Focused().(*pad), "271828")
	s.key(fyne.KeyReturn)
	test.Tap(s.find("cancel"))
	s.key(fyne.KeyEscape)
	if given.Err() != nil {
		t.Fatal("given up by the key that answered")
	}
	at = at.Add(startled)
	test.Tap(s.find("cancel"))
	s.untilEnded()
	if given.Err() == nil {
		t.Error("not given up when it was meant")
	}
}
