// Command pivot-server is the broker. For now it is the demo alone: a private card reader with a simulated identity card
// in it, for a companion to read.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"pivot/cardreader/readertest"
	"pivot/server/internal/demo"
)

type commands struct {
	Demo demoCmd `cmd:"" help:"Start a private card reader with a simulated card, and a command that reads it."`
}

type demoCmd struct {
	Data    string   `help:"Folder of the demo: test authorities, reader socket, demo.json." default:".demo" type:"path"`
	Card    string   `help:"The card to put in the reader: a persona of demo.json." default:"genuine"`
	List    bool     `help:"List the cards and stop."`
	Command []string `arg:"" optional:"" passthrough:"" help:"Command to run beside the reader, after --; the demo ends with it. Without one it runs until interrupted."`
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

// Run starts the demo, and stops it with the command or the interrupt.
func (d *demoCmd) Run(ctx context.Context) error {
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return err
	}
	world, err := demo.Write(d.Data, time.Now())
	if err != nil {
		return err
	}
	if d.List {
		for _, c := range world.Cards {
			fmt.Printf("%-24s %-24s %s\n", c.Persona, c.Expect, c.About)
		}
		return nil
	}
	reader, err := demo.Start(ctx, d.Data, world, d.Card)
	if err != nil {
		return err
	}
	err = d.beside(ctx, world, reader)
	return errors.Join(err, reader.Close())
}

// beside runs the command, or says how to run one and waits.
func (d *demoCmd) beside(ctx context.Context, world demo.World, reader *readertest.Reader) error {
	env := world.Env(reader, d.Card)
	command := d.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		fmt.Printf("A simulated card (%s) lies in a private reader. In another terminal:\n\n", d.Card)
		for _, v := range env {
			name, value, _ := strings.Cut(v, "=")
			fmt.Printf("  export %s=%s\n", name, quote(value))
		}
		fmt.Printf("  bin/pivot card read\n\nOther cards: --card, one of %s. Ctrl-C stops.\n", filepath.Join(d.Data, "demo.json"))
		<-ctx.Done()
		return nil
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), env...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	return c.Run()
}

// quote makes a value safe to paste in a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
