// Command pivot is the citizen's companion: it pairs this computer with an identity broker, answers logins with the
// citizen's card and secret code, and says what a card is worth. With no argument it opens its window.
//
// Exit codes: 0 done; 1 refused by the broker or by the verifier; 2 the command was not understood; 3 the reader or the
// card is in trouble; 4 the card access number was not the card's; 5 the secret code was wrong or is locked; 6 the citizen
// refused or gave up; 7 the broker cannot be reached.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"pivot/app/internal/cli"
	"pivot/app/internal/cli/citizen"
	"pivot/app/internal/ui"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Stdio{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Languages: []string{os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")},
		Window:    citizen.Window{Available: ui.Available, Run: show},
	})
	stop()
	os.Exit(code)
}

// show opens the window. It stays on the goroutine that the program began with, as windows must.
func show(ctx context.Context, s citizen.Scene) error {
	return ui.Run(ctx, ui.Options{Companion: s.Companion, Speaker: s.Speaker, Link: s.Link, Links: s.Links})
}
