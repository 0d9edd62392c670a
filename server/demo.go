package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"pivot/cardreader/readertest"
	"pivot/server/internal/broker"
	"pivot/server/internal/demo"
)

type demoCmd struct {
	Data    string   `help:"Folder of the demo: test authorities, configuration, database, reader socket, demo.json." default:".demo" type:"path"`
	Card    string   `help:"The card to put in the reader: a persona of demo.json." default:"genuine"`
	Port    int      `help:"Port of the broker on loopback; the service provider takes the next one. 0 looks for a free one." default:"8080"`
	List    bool     `help:"List the cards and stop."`
	Command []string `arg:"" optional:"" passthrough:"" help:"Command to run beside the reader, after --; broker and service provider are left out, and the demo ends with it."`
}

// Run starts the demo, and stops it with the command or the interrupt.
func (d *demoCmd) Run(ctx context.Context) error {
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return err
	}
	if d.Port == 0 {
		port, err := demo.FreePort()
		if err != nil {
			return err
		}
		d.Port = port
	}
	world, err := demo.Write(demo.Options{Dir: d.Data, Port: d.Port, Now: time.Now()})
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
	if command := d.Command; len(command) > 0 {
		if command[0] == "--" {
			command = command[1:]
		}
		err = d.beside(ctx, command, world.Env(reader, d.Card))
	} else {
		err = d.serve(ctx, world, reader)
	}
	return errors.Join(err, reader.Close())
}

// serve runs the broker and the service provider until one fails or the interrupt comes.
func (d *demoCmd) serve(ctx context.Context, world demo.World, reader *readertest.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := broker.InitKeys(world.Config, time.Now); err != nil {
		return err
	}
	o, err := configFlag{world.Config}.options()
	if err != nil {
		return err
	}
	b, err := broker.Open(ctx, o)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: choose another port, such as make run PORT=18080", err)
	}
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- run(ctx, b) }()
	go func() { ended <- demo.Serve(ctx, d.Data, world) }()
	d.announce(world, reader)
	err = <-ended
	cancel()
	return errors.Join(err, <-ended)
}

// announce says what to open and what to type.
func (d *demoCmd) announce(world demo.World, reader *readertest.Reader) {
	fmt.Printf("Open %s in a browser and press the button: the broker shows its waiting page.\n", world.SP[0].URL)
	fmt.Printf("A simulated card (%s) lies in a private reader. To read it, in another terminal:\n\n", d.Card)
	for _, v := range world.Env(reader, d.Card) {
		name, value, _ := strings.Cut(v, "=")
		fmt.Printf("  export %s=%s\n", name, quote(value))
	}
	fmt.Printf("  bin/pivot card read\n\nOther cards: --card, one of %s. Ctrl-C stops.\n", filepath.Join(d.Data, "demo.json"))
}

// beside runs a command beside the reader.
func (d *demoCmd) beside(ctx context.Context, command, env []string) error {
	if len(command) == 0 {
		return errors.New("no command after --")
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
