package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pivot/server/internal/broker"
)

// deskOrder is what the desk's operations take.
type deskOrder struct {
	Reference string `json:"reference"`
	Agent     string `json:"agent"`
	SameNames bool   `json:"same_names,omitempty"`
}

// deskCase is what they show.
type deskCase struct {
	Reference   string            `json:"reference"`
	State       string            `json:"state"`
	Opened      time.Time         `json:"opened"`
	Expires     time.Time         `json:"expires"`
	Holder      []string          `json:"holder"`
	Format      string            `json:"format"`
	Portrait    []byte            `json:"portrait"`
	Unconfirmed bool              `json:"unconfirmed"`
	Notices     map[string]string `json:"notices"`
}

// ask has the desk do something.
func (c configFlag) ask(ctx context.Context, op broker.Operation, order, into any) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	input, err := json.Marshal(order)
	if err != nil {
		return err
	}
	answer, err := broker.Administer(ctx, o, op, input)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

type deskListCmd struct{ configFlag }

// Run lists what waits.
func (c *deskListCmd) Run(ctx context.Context) error {
	var cases []deskCase
	if err := c.ask(ctx, broker.DeskList, struct{}{}, &cases); err != nil {
		return err
	}
	for _, one := range cases {
		fmt.Printf("%s  %-8s  opened %s, until %s\n", one.Reference, one.State, one.Opened.Local().Format("2006-01-02 15:04"), one.Expires.Local().Format(time.DateOnly))
	}
	if len(cases) == 0 {
		fmt.Println("nobody waits")
	}
	return nil
}

// deskFlags name a case and the agent.
type deskFlags struct {
	configFlag

	Reference string `arg:"" help:"Reference that the citizen says."`
	Agent     string `help:"Who you are: written to the audit log." required:"" placeholder:"NAME"`
}

func (c deskFlags) order() deskOrder { return deskOrder{Reference: c.Reference, Agent: c.Agent} }

// show prints the person and writes the portrait. It reports whether names are to be compared also.
func (c deskFlags) show(ctx context.Context, portrait string) (bool, error) {
	var shown deskCase
	if err := c.ask(ctx, broker.DeskShow, c.order(), &shown); err != nil {
		return false, err
	}
	for _, line := range shown.Holder {
		fmt.Println(line)
	}
	for _, language := range slices.Sorted(maps.Keys(shown.Notices)) {
		fmt.Println(shown.Notices[language])
	}
	if portrait == "" {
		portrait = shown.Reference + "." + shown.Format
	}
	if err := os.WriteFile(portrait, shown.Portrait, 0o600); err != nil {
		return false, err
	}
	fmt.Printf("portrait: %s\n", portrait)
	return shown.Unconfirmed, nil
}

type deskShowCmd struct {
	deskFlags

	Portrait string `help:"Where to write the portrait, as the chip holds it; REFERENCE.jp2 by default." placeholder:"FILE" type:"path"`
}

// Run shows a case.
func (c *deskShowCmd) Run(ctx context.Context) error {
	_, err := c.show(ctx, c.Portrait)
	return err
}

type deskActivateCmd struct {
	deskFlags

	Portrait  string `help:"Where to write the portrait, as the chip holds it; by default a temporary file, removed after the answer." placeholder:"FILE" type:"path"`
	SameFace  bool   `help:"The face was compared already, and is the same: do not ask."`
	SameNames bool   `help:"With --same-face, where the names are to be compared also: they were, and are those printed on the card."`
	JSON      bool   `name:"json" help:"Print the code as JSON; needs --same-face."`
}

var errNotCompared = errors.New("say yes or no")

// Run asks whether the face is the same, and gives the code to hand over.
func (c *deskActivateCmd) Run(ctx context.Context) error {
	if c.JSON && !c.SameFace {
		return errors.New("--json needs --same-face: nobody can be asked")
	}
	order := c.order()
	order.SameNames = c.SameNames
	if !c.SameFace {
		same, names, err := c.compare(ctx)
		if err != nil {
			return err
		}
		order.SameNames = names && same
		if !same {
			var done struct{}
			if err := c.ask(ctx, broker.DeskRefuse, c.order(), &done); err != nil {
				return err
			}
			fmt.Println("The case is closed. No code was made.")
			return nil
		}
	}
	var handover struct {
		Code  string    `json:"code"`
		Until time.Time `json:"until"`
	}
	if err := c.ask(ctx, broker.DeskActivate, order, &handover); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(handover)
	}
	fmt.Printf("Hand over this code: %s\nIt is typed in the companion, on the citizen's own computer, before %s.\n",
		handover.Code, handover.Until.Local().Format("15:04"))
	return nil
}

// compare shows the case and asks the agent. Unless the agent named a file, the portrait is gone with the answer.
func (c *deskActivateCmd) compare(ctx context.Context) (same, names bool, err error) {
	portrait := c.Portrait
	if portrait == "" {
		dir, err := os.MkdirTemp("", "pivot-desk-")
		if err != nil {
			return false, false, err
		}
		defer os.RemoveAll(dir)
		portrait = filepath.Join(dir, "portrait.jp2")
	}
	if names, err = c.show(ctx, portrait); err != nil {
		return false, false, err
	}
	same, err = compare(os.Stdin, os.Stdout, names)
	return same, names, err
}

const (
	askFace  = "Is the person before you the one of the portrait? yes or no: "
	askNames = "Les noms et prénoms imprimés sur la carte sont-ils exactement ceux affichés ci-dessus ?\n" +
		"Are the surname and given names printed on the card exactly those shown above? oui/yes, non/no: "
)

// compare asks the agent about the face, then about the names where that is needed: the first no is the answer.
// Errors: nobody answers.
func compare(from io.Reader, to io.Writer, names bool) (bool, error) {
	lines := bufio.NewScanner(from)
	same, err := yes(lines, to, askFace)
	if err != nil || !same || !names {
		return same, err
	}
	return yes(lines, to, askNames)
}

// yes asks until the answer is yes or no. Errors: nobody answers.
func yes(lines *bufio.Scanner, to io.Writer, question string) (bool, error) {
	for {
		fmt.Fprint(to, question)
		if !lines.Scan() {
			return false, errors.Join(errNotCompared, lines.Err())
		}
		switch strings.ToLower(strings.TrimSpace(lines.Text())) {
		case "yes", "y", "oui", "o":
			return true, nil
		case "no", "n", "non":
			return false, nil
		}
	}
}
