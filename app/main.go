// Command pivot is the citizen's companion: it reads an identity card and relays it to whoever must judge it.
//
// Exit codes: 0 the card is genuine and accepted; 1 the evidence was refused; 2 the command was not understood;
// 3 the reader or the card is in trouble; 4 the card access number was not the card's.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"pivot/app/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Stdio{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Languages: []string{os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")},
	})
	stop()
	os.Exit(code)
}
