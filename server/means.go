package main

import (
	"context"
	"fmt"

	"pivot/server/internal/broker"
)

type meansSuspendCmd struct {
	configFlag

	ID     string `arg:"" help:"Identifier of the device or of the card, as the audit log has it." name:"device-or-card-id"`
	Reason string `help:"Why, in one word: lower case letters, digits and hyphens." required:"" placeholder:"WORD"`
	Agent  string `help:"Who you are: written to the audit log." required:"" placeholder:"NAME"`
}

// Run suspends it.
func (c *meansSuspendCmd) Run(ctx context.Context) error {
	order := struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
		Agent  string `json:"agent"`
	}{c.ID, c.Reason, c.Agent}
	var done struct{}
	if err := c.ask(ctx, broker.SuspendMeans, order, &done); err != nil {
		return err
	}
	fmt.Printf("%s is suspended.\n", c.ID)
	return nil
}
