// Command pivot-server is the broker, its administration, and a demonstration of it on one machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"pivot/cardreader/readertest"
	"pivot/server/internal/demo"
)

type commands struct {
	Serve serveCmd `cmd:"" help:"Run the broker."`
	Check checkCmd `cmd:"" help:"Check configuration and records, and say what is wrong with file and line."`
	Keys  struct {
		Init   keysInitCmd   `cmd:"" help:"Make the keys of a new deployment, and the key-encryption key's file where there is none."`
		List   keysListCmd   `cmd:"" help:"List the signing keys that are published."`
		Rotate keysRotateCmd `cmd:"" help:"Let the next signing key of each issuer sign."`
	} `cmd:"" help:"Signing keys."`
	Audit struct {
		Verify auditVerifyCmd `cmd:"" help:"Show that nothing in the audit log changed since a checkpoint."`
	} `cmd:"" help:"Audit log."`
	Store struct {
		Epoch storeEpochCmd `cmd:"" help:"Start a new epoch, after a backup was restored: what was pending is refused."`
	} `cmd:"" help:"Database."`
	Desk struct {
		List     deskListCmd     `cmd:"" help:"List the activations that wait."`
		Show     deskShowCmd     `cmd:"" help:"Show who waits, and write the portrait of the card to a file."`
		Activate deskActivateCmd `cmd:"" help:"Compare the face, and make the code to hand over."`
	} `cmd:"" help:"Activation of a citizen's means in person."`
	Means struct {
		Suspend meansSuspendCmd `cmd:"" help:"Suspend a device with its cards, or one card, for good: it was lost, or is in the wrong hands."`
	} `cmd:"" help:"Devices and cards of citizens."`
	Demo demoCmd `cmd:"" help:"Run broker, service provider and a private card reader with a simulated card."`
}

func main() {
	readertest.RunChild(demo.Players())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	k := kong.Parse(&commands{}, kong.Name("pivot-server"), kong.Description("Identity federation broker."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	err := k.Run()
	stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(max(exit.ExitCode(), 1))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pivot-server:", err)
		os.Exit(1)
	}
}
