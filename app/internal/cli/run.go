// Package cli is the companion line by line: each command does by text what a window would, so that it can be scripted
// and read aloud. What it prints for people is in French or English; with --json it prints one JSON object for machines.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"pivot/app/internal/cli/citizen"
	"pivot/assets"
)

// Exit codes of the commands about cards, documented with all others in the program's help and in the README.
const (
	exitOK       = 0
	exitRefused  = 1 // the evidence was refused by the verifier
	exitUsage    = 2 // the command was not understood, or an anchor or image file cannot be used
	exitTrouble  = 3 // the reader or the card is in trouble
	exitWrongCAN = 4 // the card access number was not the card's
)

const description = `Proves who you are with your electronic identity card, and asks you before anything is passed on.

Without a command it opens its window.

Exit codes: 0 done; 1 refused by the broker or by the verifier; 2 command not understood; 3 reader or card in trouble; 4 wrong card access number; 5 wrong or locked secret code; 6 refused or given up by you; 7 the broker cannot be reached.`

// Stdio is what a command reads and writes, and the languages its user prefers.
type Stdio struct {
	In        *os.File
	Out, Err  io.Writer
	Languages []string // locale names, the preferred one first
	Window    citizen.Window
}

type commands struct {
	Lang string `help:"Language of the messages (fr, en); by default that of the session." placeholder:"LANG"`

	Card struct {
		Read   readCmd   `cmd:"" help:"Read an identity card through the reader and prove it genuine."`
		Doctor doctorCmd `cmd:"" help:"Look at the reader, the card and the trust anchors, and say what is wrong."`
	} `cmd:"" help:"Identity card and reader."`
	Version versionCmd `cmd:"" help:"Print the version."`

	citizen.Commands
}

// shell is what every command is given.
type shell struct {
	stdio   Stdio
	speaker *assets.Speaker
}

// exitError ends a command with a code; what there was to say has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Run parses the arguments, runs the command and returns the exit code.
func Run(ctx context.Context, args []string, stdio Stdio) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("pivot"),
		kong.Description(description),
		kong.Writers(stdio.Out, stdio.Err),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(stdio.Err, "pivot: internal error:", err)
		return exitUsage
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // help was asked for, and has been printed
		return exit
	}
	if err != nil {
		fmt.Fprintf(stdio.Err, "pivot: %v\n", err)
		fmt.Fprintln(stdio.Err, "pivot --help")
		return exitUsage
	}
	speaker, err := assets.NewSpeaker(append([]string{c.Lang}, stdio.Languages...)...)
	if err != nil {
		fmt.Fprintln(stdio.Err, "pivot: internal error:", err)
		return exitUsage
	}
	env := &citizen.Env{In: stdio.In, Out: stdio.Out, Err: stdio.Err, Speaker: speaker, Window: stdio.Window}
	err = k.Run(&shell{stdio: stdio, speaker: speaker}, env)
	if errors.Is(err, citizen.ErrNoWindow) {
		if _, err := parser.Parse([]string{"--help"}); err != nil {
			return code(err, stdio.Err)
		}
		return exitUsage
	}
	return code(err, stdio.Err)
}

func code(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[exitError](err); ok {
		return int(e)
	}
	if e, ok := errors.AsType[citizen.ExitError](err); ok {
		return int(e)
	}
	fmt.Fprintf(stderr, "pivot: %v\n", err)
	return exitUsage
}

// say prints one translated line for people.
func (s *shell) say(w io.Writer, id string, data map[string]string) {
	fmt.Fprintln(w, s.speaker.Say(id, data))
}

type versionCmd struct{}

// Run prints the module version and the Go version that the build recorded.
func (versionCmd) Run(s *shell) error {
	version, goVersion := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = info.Main.Version, info.GoVersion
	}
	fmt.Fprintln(s.stdio.Out, "pivot", version, goVersion)
	return nil
}
