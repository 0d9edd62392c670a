//go:build !nowindow

package ui

import (
	"pivot/app/internal/flow"
	"pivot/shared/wire"
)

// scene is a page and how one comes to it.
type scene struct {
	name string
	show func(s *stage)
}

// asks shows a question as a flow would.
func asks(q flow.Question) func(*stage) {
	return func(s *stage) {
		s.window.run = &run{journey: journeyLogin, cancel: func() {}}
		a := &asked{question: q, reply: make(chan answer, 1)}
		s.window.run.asked = a
		s.showQuestion(s.window.run, a)
	}
}

// shows shows a moment of a flow.
func shows(j journey, v flow.View) func(*stage) {
	return func(s *stage) {
		s.window.run = &run{journey: j, cancel: func() {}, view: v}
		s.showProgress(s.window.run)
	}
}

func ends(r result) func(*stage) {
	return func(s *stage) { r.again = func() {}; s.showResult(r) }
}

// reading is a card half read.
func reading() flow.View {
	v := flow.View{Step: flow.StepCard, Service: "Démarches de la ville d'Aubervilliers", Level: "eidas3"}
	v.Progress.Stage, v.Progress.Done, v.Progress.Total = 5, 3, 8
	return v
}

func scenes() []scene {
	waiting := status()
	waiting[0].Device.Desk, waiting[0].Device.Level = "7KQ2-M4XD", "eidas1"
	locked := status()
	locked[0].Device.PIN = "locked"
	nobody := request()
	nobody.Claims, nobody.Level = nil, "eidas2"
	ready, gone := "problem.no-card", "problem.no-reader"
	return []scene{
		{"home-unpaired", func(s *stage) { s.home.lacking = &gone; s.showHome() }},
		{"home-paired", func(s *stage) { s.home.paired, s.home.lacking = status(), &ready; s.showHome() }},
		{"home-desk", func(s *stage) { s.home.paired = waiting; s.showHome() }},
		{"home-locked", func(s *stage) { s.home.paired, s.home.lacking = locked, &gone; s.showHome() }},
		{"code-pair", asks(flow.Question{Kind: flow.AskPairCode})},
		{"code-again", asks(flow.Question{Kind: flow.AskStartCode, Again: "broker.start-unknown"})},
		{"code-desk", asks(flow.Question{Kind: flow.AskDeskCode, Again: "broker.desk-code-wrong", TriesLeft: new(4)})},
		{"compare", shows(journeyPair, flow.View{Step: flow.StepCompare, ShortString: "123 456", Protection: "tpm"})},
		{"request", asks(flow.Question{Kind: flow.AskApprove, Request: request()})},
		{"request-nothing", asks(flow.Question{Kind: flow.AskApprove, Request: nobody})},
		{"can", asks(flow.Question{Kind: flow.AskCAN})},
		{"can-again", asks(flow.Question{Kind: flow.AskCAN, Again: "problem.can-wrong", TriesLeft: new(1)})},
		{"pin", asks(flow.Question{Kind: flow.AskPIN, TriesLeft: new(5)})},
		{"new-pin", asks(flow.Question{Kind: flow.AskNewPIN, Again: "flow.pin-run"})},
		{"retry", asks(flow.Question{Kind: flow.AskRetry, Again: "problem.card-mute"})},
		{"progress", shows(journeyLogin, reading())},
		{"progress-card", shows(journeyPair, flow.View{Step: flow.StepCard, Problem: "problem.no-card"})},
		{"progress-browser", shows(journeyLogin, flow.View{Step: flow.StepBrowser})},
		{"done-login", ends(result{journey: journeyLogin, out: flow.Outcome{Service: "S", Level: "eidas3"}})},
		{"done-pair", ends(result{journey: journeyPair, out: flow.Outcome{Level: "eidas1", Reference: "7KQ2-M4XD"}})},
		{"done-pair-desk-first", ends(result{journey: journeyPair, out: flow.Outcome{Level: "none", Reference: "7KQ2-M4XD"}})},
		{"refused", ends(result{journey: journeyLogin, err: &flow.Failure{Cause: flow.CauseCitizen, Problem: "refused", Message: "flow.refused"}})},
		{"not-mine", ends(result{journey: journeyLogin, err: &flow.Failure{Cause: flow.CauseCitizen, Problem: "not-mine", Message: "flow.not-mine"}})},
		{"failed-card", ends(result{journey: journeyLogin, err: &flow.Failure{
			Cause: flow.CauseRefused, Problem: string(wire.CodeCardRefused), Reason: "chip-not-genuine", ID: "3f9a-11", Message: "broker.card-refused",
		}})},
		{"failed-offline", ends(result{journey: journeyLogin, err: &flow.Failure{Cause: flow.CauseOffline, Problem: "offline", Message: "flow.offline"}})},
	}
}
