package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"pivot/server/internal/broker"
)

// configFlag names the deployment.
type configFlag struct {
	Config string `help:"Configuration file." default:"pivot.toml" type:"path"`
}

func (c configFlag) options() (broker.Options, error) {
	level, err := broker.LogLevel(c.Config)
	if err != nil {
		return broker.Options{}, err
	}
	return broker.Options{Config: c.Config, Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))}, nil
}

type serveCmd struct{ configFlag }

// Run serves until it is told to stop; SIGHUP reads the records again.
func (s *serveCmd) Run(ctx context.Context) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	return serve(ctx, o)
}

func serve(ctx context.Context, o broker.Options) error {
	b, err := broker.Open(ctx, o)
	if err != nil {
		return err
	}
	return run(ctx, b)
}

// run serves from an open broker, and closes it.
func run(ctx context.Context, b *broker.Broker) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	return errors.Join(b.Serve(ctx, reload), b.Close())
}

type checkCmd struct {
	configFlag

	Explain bool `help:"Print every key of configuration and records instead."`
}

// Run checks what serve would read, and changes nothing.
func (c *checkCmd) Run() error {
	if c.Explain {
		fmt.Print(broker.Explain())
		return nil
	}
	problems, err := broker.Check(c.Config)
	if err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d problems", len(problems))
	}
	fmt.Println("configuration and records are in order")
	return nil
}

type keysInitCmd struct{ configFlag }

// Run makes what is missing and replaces nothing.
func (c *keysInitCmd) Run() error { return broker.InitKeys(c.Config, time.Now) }

// administer performs an operation and prints its answer.
func (c configFlag) administer(ctx context.Context, op broker.Operation, input []byte) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	answer, err := broker.Administer(ctx, o, op, input)
	if err != nil {
		return err
	}
	fmt.Println(string(answer))
	return nil
}

type keysListCmd struct{ configFlag }

// Run lists keys.
func (c *keysListCmd) Run(ctx context.Context) error {
	return c.administer(ctx, broker.ListKeys, nil)
}

type keysRotateCmd struct{ configFlag }

// Run rotates keys.
func (c *keysRotateCmd) Run(ctx context.Context) error {
	return c.administer(ctx, broker.RotateKeys, nil)
}

type auditVerifyCmd struct {
	configFlag

	Checkpoint string `help:"A checkpoint that a witness kept." placeholder:"FILE" type:"existingfile"`
}

// Run verifies the audit log.
func (c *auditVerifyCmd) Run(ctx context.Context) error {
	var witnessed []byte
	if c.Checkpoint != "" {
		var err error
		if witnessed, err = os.ReadFile(c.Checkpoint); err != nil {
			return err
		}
	}
	return c.administer(ctx, broker.VerifyAudit, witnessed)
}

type storeEpochCmd struct{ configFlag }

// Run starts an epoch.
func (c *storeEpochCmd) Run(ctx context.Context) error {
	return c.administer(ctx, broker.StartEpoch, nil)
}
