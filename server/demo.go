package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	Data     string   `help:"Folder of the demo: test authorities, configuration, database, companion, reader socket, demo.json." default:".demo" type:"path"`
	Card     string   `help:"The card to put in the reader: a persona of demo.json." default:"genuine"`
	PortBase int      `help:"Port of the broker on loopback; the service providers take the next one, the broker for eidas1 the one after. 0 looks for a free one, first the one of before." default:"8080" aliases:"port"`
	List     bool     `help:"List the cards and stop."`
	NoWindow bool     `help:"Do not open the companion's window."`
	Login    bool     `help:"Pair, activate and log in without a person, through the card reader; print the outcome as JSON and stop."`
	Level    string   `help:"With --login: level that the service asks for." default:"eidas3" enum:"eidas1,eidas2,eidas3"`
	CAN      string   `name:"can" help:"With --login: card access number that is typed." placeholder:"DIGITS"`
	PIN      string   `name:"pin" help:"With --login: PIN that is chosen and typed." placeholder:"DIGITS"`
	Again    bool     `help:"With --login: log in a second time, as a citizen who is known; its outcome is the last line."`
	Command  []string `arg:"" optional:"" passthrough:"" help:"Command to run beside the reader, after --; broker and service provider are left out, and the demo ends with it."`
}

// Run starts the demo, and stops it with the command, the login or the interrupt.
func (d *demoCmd) Run(ctx context.Context) error {
	err := d.run(ctx)
	if d.Login && err != nil && !errors.Is(err, errLogin) { // whoever reads the last line finds an outcome in it
		err = errors.Join(err, printJSON(demo.Outcome{AMR: []string{}, Error: err.Error()}))
	}
	return err
}

func (d *demoCmd) run(ctx context.Context) error {
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return err
	}
	if d.PortBase == 0 {
		port, err := demo.KeptPort(d.Data)
		if err != nil {
			return err
		}
		d.PortBase = port
	}
	world, err := demo.Write(demo.Options{Dir: d.Data, Port: d.PortBase, Now: time.Now()})
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

// serve runs the broker and the service provider until one fails, the interrupt comes, or the login is done.
func (d *demoCmd) serve(ctx context.Context, world demo.World, reader *readertest.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := broker.InitKeys(world.Config, time.Now); err != nil {
		return err
	}
	service, err := demo.Listen(ctx, world)
	if err != nil {
		return d.busy(err, d.PortBase+1)
	}
	o, err := configFlag{world.Config}.options()
	if err != nil {
		return errors.Join(err, service.Close())
	}
	// The console is for the ten lines of the welcome, and for what goes wrong.
	journal, err := os.OpenFile(d.journal(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, service.Close())
	}
	defer journal.Close()
	o.Log, o.TestAnchors = slog.New(slog.NewJSONHandler(journal, nil)), true
	b, err := broker.Open(ctx, o)
	if err != nil {
		return errors.Join(d.busy(err, d.PortBase), service.Close())
	}
	return d.play(ctx, world, reader, running{b, service, cancel})
}

// journal is where the demo's broker logs.
func (d *demoCmd) journal() string { return filepath.Join(d.Data, "broker.log") }

// running is what listens, and how it is told to stop.
type running struct {
	broker  *broker.Broker
	service net.Listener
	stop    context.CancelFunc
}

func (d *demoCmd) play(ctx context.Context, world demo.World, reader *readertest.Reader, r running) error {
	ended := make(chan error, 2)
	go func() { ended <- run(ctx, r.broker) }()
	go func() { ended <- demo.Serve(ctx, d.Data, world, r.service) }()
	waiting := 2
	var errs []error
	if d.Login {
		errs = append(errs, d.login(ctx, world, reader))
	} else {
		closed := d.welcome(ctx, world, reader)
		errs = append(errs, <-ended)
		waiting--
		defer closed()
	}
	r.stop()
	for range waiting {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// busy says in a sentence that a port is taken.
func (d *demoCmd) busy(err error, port int) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("port %d of this machine is in use by another program: choose three in a row that are free with --port-base, such as make run PORT=18080", port)
}

// errLogin ends the program with an exit code: the outcome has been printed.
var errLogin = errors.New("the login did not succeed")

// login has the script walk, and prints each outcome as one line of JSON.
func (d *demoCmd) login(ctx context.Context, world demo.World, reader *readertest.Reader) error {
	server, err := os.Executable()
	if err != nil {
		return err
	}
	card, _ := world.Card(d.Card)
	can, pin := or(d.CAN, card.CAN), or(d.PIN, card.PIN)
	use := "script"
	if d.Level == "eidas1" { // at the other issuer, where a companion is paired anew
		use = "script-standard"
	}
	home := world.Home(use, d.Card)
	s := demo.Script{
		World: world, Server: server, Pivot: companion(server), Home: home, Level: d.Level,
		Env:  append(world.Env(reader, d.Card), "PIVOT_HOME="+home, "PIVOT_BROKER="+world.Origin(d.Level), "PIVOT_CAN="+can, "PIVOT_PIN="+pin),
		Tell: func(line string) { fmt.Fprintln(os.Stderr, "demo:", line) },
	}
	outcome := demo.Outcome{AMR: []string{}}
	if err := s.Prepare(ctx); err != nil {
		outcome.Error = err.Error()
	} else {
		outcome = s.Login(ctx)
		if d.Again && outcome.OK {
			if err := printJSON(outcome); err != nil {
				return err
			}
			outcome = s.Login(ctx)
		}
	}
	if err := printJSON(outcome); err != nil {
		return err
	}
	if !outcome.OK {
		return errLogin
	}
	return nil
}

// or is the first that says something.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// printJSON writes a line of JSON.
func printJSON(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }

// companion is the citizen's program, which is built beside this one.
func companion(server string) string { return filepath.Join(filepath.Dir(server), "pivot") }

// welcome says what to open and what to type, and opens the window where there is a display. It returns what to do before
// leaving.
func (d *demoCmd) welcome(ctx context.Context, world demo.World, reader *readertest.Reader) func() {
	session := world.Session(reader, d.Card)
	file := filepath.Join(d.Data, "env.sh")
	if err := os.WriteFile(file, []byte(exports(session)), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "pivot-server:", err)
	}
	closed, opened := d.window(ctx, session)
	card, _ := world.Card(d.Card)
	config := " --config " + quote(world.Config)
	window := "not opened; in a terminal, first: . " + quote(file)
	if opened {
		window = "open; or in a terminal, first: . " + quote(file)
	}
	for _, line := range [][2]string{
		{"companion's window", window},
		{"1. pair, open", world.Portal},
		{"   its code, typed as", "bin/pivot pair CODE --broker " + strings.TrimSuffix(world.Portal, "/pair")},
		{"   card access number", card.CAN + " (CAN); a PIN that will do: " + card.PIN},
		{"2. at the desk, see", "bin/pivot-server desk list" + config},
		{"   and activate", "bin/pivot-server desk activate REFERENCE --agent you" + config},
		{"   its code, typed as", "bin/pivot activate CODE"},
		{"3. log in, open", world.SP[0].URL},
		{"   its code, typed as", "bin/pivot approve CODE"},
		{"4. at eidas1, open", world.SP[1].URL + " after a pairing at " + world.Origin("eidas1") + "/pair"},
		{"Ctrl-C stops", "other cards: --card, one of " + filepath.Join(d.Data, "demo.json") + "; log: " + d.journal()},
	} {
		fmt.Printf("%-22s %s\n", line[0], line[1])
	}
	return closed
}

// exports are the variables as a shell takes them.
func exports(env []string) string {
	var b strings.Builder
	accept := ""
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		if name == "PIVOT_ACCEPT" { // may be there several times
			accept = strings.TrimPrefix(accept+","+value, ",")
			continue
		}
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(value))
	}
	if accept != "" {
		fmt.Fprintf(&b, "export PIVOT_ACCEPT=%s\n", quote(accept))
	}
	return b.String()
}

// window opens the companion's window, which ends with the demo. It reports whether it did.
func (d *demoCmd) window(ctx context.Context, env []string) (func(), bool) {
	nothing := func() {}
	server, err := os.Executable()
	if err != nil || d.NoWindow || or(os.Getenv("DISPLAY"), os.Getenv("WAYLAND_DISPLAY")) == "" {
		return nothing, false
	}
	log, err := os.Create(filepath.Join(d.Data, "window.log"))
	if err != nil {
		return nothing, false
	}
	c := exec.CommandContext(ctx, companion(server))
	c.Stdout, c.Stderr = log, log
	c.Env = append(os.Environ(), env...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		log.Close()
		return nothing, false
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = c.Wait() // the citizen may close it, and the demo goes on
		log.Close()
	}()
	return func() { <-gone }, true
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
