//go:build !nowindow && cgo

package ui

import (
	"context"
	"errors"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
)

// appID names the program to the desktop, as FyneApp.toml does.
const appID = "org.pivot-broker.companion"

// patience is how long a flow that the closed window gave up may take to say so to the broker.
const patience = 3 * time.Second

// errNoDisplay says that there is none.
var errNoDisplay = errors.New("ui: no display")

// Available reports whether a window can be opened here: there is a display, and it answers.
func Available() bool { return displayAnswers() }

// Run shows the window until it is closed or ctx ends, and gives up what is under way. It must be called by the main
// goroutine, once. Errors: no display, or a catalogue that does not parse.
func Run(ctx context.Context, o Options) error {
	if !Available() {
		return errNoDisplay
	}
	app.SetMetadata(fyne.AppMetadata{ID: appID, Name: "Pivot", Migrations: map[string]bool{"fyneDo": true}})
	a := app.NewWithID(appID)
	a.SetIcon(mark)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := newWindow(ctx, a, o.Companion, o.Speaker)
	if err != nil {
		return err
	}
	w.win.SetOnClosed(cancel)
	context.AfterFunc(ctx, func() { fyne.Do(a.Quit) })
	a.Lifecycle().SetOnStarted(func() { w.open(o.Link, o.Links) })
	w.win.ShowAndRun()
	cancel()
	ended := make(chan struct{})
	go func() { w.work.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
	}
	return nil
}
