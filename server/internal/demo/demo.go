// Package demo owns the world that the project is tried in: test authorities, simulated cards and a private card reader,
// all on this machine and all named TEST. Nothing of it is trusted by a deployment.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/readertest"
)

// Card is one simulated card of the demo, as DIR/demo.json lists it.
type Card struct {
	Persona string `json:"persona"`
	CAN     string `json:"can"`
	PIN     string `json:"pin"`    // one that may be chosen for it: no card has any
	Expect  string `json:"expect"` // the reason with which it ends; empty when it is read
	About   string `json:"about"`
}

// Service is one service provider of the demo.
type Service struct {
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
	Redirect string `json:"redirect_uri"`
	URL      string `json:"url"`
	Level    string `json:"level"` // the highest that it asks for
}

// World is what DIR/demo.json says.
type World struct {
	Issuers map[string]string `json:"issuers"` // profile -> issuer identifier
	SP      []Service         `json:"sp"`
	DP      Credential        `json:"dp"`     // the data provider
	Config  string            `json:"config"` // the broker's configuration file
	Trust   string            `json:"trust"`  // folder of the test authorities
	Accept  []string          `json:"accept"` // documents of other States that they sign: STATE:COUNTRY:CODE
	Cards   []Card            `json:"cards"`
	// Where a companion is paired; the command of the agent at the desk; the file of the civil register.
	Portal   string `json:"portal"`
	Desk     string `json:"desk"`
	Register string `json:"register"`
}

// player is the name by which the private reader knows the simulated card.
const player = "cardsim"

// Players are the cards that the private reader's namespace can play: for readertest.RunChild.
func Players() map[string]readertest.CardFunc {
	return map[string]readertest.CardFunc{player: play}
}

// play runs in the namespace: args are the folder of the test authorities and the persona.
func play(ctx context.Context, args []string, addr string) error {
	if len(args) != 2 {
		return errors.New("demo: a card takes a folder and a persona")
	}
	pki, err := cardsim.LoadPKI(args[0])
	if err != nil {
		return err
	}
	persona, err := cardsim.FindPersona(args[1])
	if err != nil {
		return err
	}
	card, err := cardsim.New(pki, persona)
	if err != nil {
		return err
	}
	return cardsim.Dial(ctx, addr, card)
}

// Options say where the demo lives.
type Options struct {
	Dir  string
	Port int // of the broker; the services have the next one, the broker's second issuer the one after: see [KeptPort]
	Now  time.Time
}

// Write prepares DIR: the test authorities, made once and kept; the broker's configuration and records; DIR/demo.json.
func Write(o Options) (World, error) {
	trust := filepath.Join(o.Dir, "trust")
	if err := writeTrust(trust, o.Now); err != nil {
		return World{}, err
	}
	w := World{Trust: trust, Accept: []string{"UTO:UT:ID"}}
	for _, p := range cardsim.Personas() {
		w.Cards = append(w.Cards, Card{Persona: p.Name, CAN: p.CAN, PIN: samplePIN, Expect: p.Expect, About: p.Doc})
	}
	if err := swapData(o.Dir, o.Port); err != nil {
		return World{}, err
	}
	if err := w.writeBroker(o); err != nil {
		return World{}, err
	}
	raw, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return World{}, err
	}
	return w, os.WriteFile(filepath.Join(o.Dir, "demo.json"), append(raw, '\n'), 0o600)
}

// samplePIN keeps the rules of a PIN and is no card's access number.
const samplePIN = "739164"

// freshness is how long the test authorities serve: their revocation lists are current for longer.
const freshness = 30 * 24 * time.Hour

// writeTrust makes the test authorities unless the folder holds them, whole and still fit for use.
func writeTrust(dir string, now time.Time) error {
	old, err := cardsim.LoadPKI(dir)
	if err == nil && now.Sub(old.Made()).Abs() < freshness {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("demo: %w: remove %q to make it anew", err, dir)
	}
	pki, err := cardsim.NewPKI(now)
	if err != nil {
		return err
	}
	// Whole or not at all: a demo that is stopped here starts afresh the next time.
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := pki.Save(fresh); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// Start puts a card in a private reader whose socket lives under DIR. Close ends it and leaves no process behind.
func Start(ctx context.Context, dir string, w World, persona string) (*readertest.Reader, error) {
	if _, ok := w.Card(persona); !ok {
		return nil, fmt.Errorf("demo: no card named %q: see %s", persona, filepath.Join(dir, "demo.json"))
	}
	return readertest.Start(ctx, readertest.Options{Dir: dir, Card: player, Args: []string{w.Trust, persona}})
}

// Card finds a card by its persona.
func (w World) Card(persona string) (Card, bool) {
	i := slices.IndexFunc(w.Cards, func(c Card) bool { return c.Persona == persona })
	if i < 0 {
		return Card{}, false
	}
	return w.Cards[i], true
}

// Env is what a companion needs to find the demo's reader, its authorities and its own folder, and the card's access number
// for a command that nobody types it to.
func (w World) Env(r *readertest.Reader, persona string) []string {
	card, _ := w.Card(persona)
	return append(w.Session(r, persona), "PIVOT_CAN="+card.CAN)
}

// Session is [World.Env] for a person, who types the access number.
func (w World) Session(r *readertest.Reader, persona string) []string {
	env := []string{r.Env(), "PIVOT_ANCHORS=" + w.Trust, "PIVOT_BROKER=" + strings.TrimSuffix(w.Portal, "/pair")}
	for _, a := range w.Accept {
		env = append(env, "PIVOT_ACCEPT="+a)
	}
	// The companion keeps its key in a file of its own folder, and leaves nothing in the person's keychain.
	return append(env, "PIVOT_KEYSTORE=file", "PIVOT_HOME="+w.Home("companion", persona))
}

// Home is a folder for a companion of a persona: its own for each broker, and for each use.
func (w World) Home(use, persona string) string {
	dir := filepath.Dir(w.Config)
	return filepath.Join(dir, use, fmt.Sprintf("%s-%d", persona, portOf(dir)))
}
