package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Script walks through pairing, desk and login as a citizen does: a browser that reads pages, the companion's own program,
// and the agent's command. Nothing of it knows a secret of the broker.
type Script struct {
	World  World
	Server string   // the program pivot-server, for the desk
	Pivot  string   // the program pivot
	Env    []string // of the companion: see [World.Env], and PIVOT_PIN
	Home   string   // the companion's folder; kept from run to run, and with it the pairing
	Level  string   // that the service asks for: eidas1 at the standard issuer, eidas2 or eidas3 at the other
	Tell   func(line string)
}

// Outcome is what one login came to.
type Outcome struct {
	OK      bool     `json:"ok"`
	ACR     string   `json:"acr"`
	AMR     []string `json:"amr"`
	Sub     string   `json:"sub"`
	Error   string   `json:"error"`
	APDUs   int      `json:"apdus"`
	CardMS  float64  `json:"card_ms"`
	TotalMS float64  `json:"total_ms"`
}

// The whole of each must end within its time, whatever hangs.
const (
	pairingTime = 4 * time.Minute
	loginTime   = 3 * time.Minute
)

// Prepare pairs a companion and has it activated at the desk, unless that was done before. Errors say at which step.
func (s Script) Prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pairingTime)
	defer cancel()
	if raw, err := os.ReadFile(s.marker()); err == nil && string(raw) == s.origin() {
		return nil
	}
	if err := os.RemoveAll(s.Home); err != nil {
		return err
	}
	s.Tell("pairing a companion")
	reference, err := s.pair(ctx)
	if err != nil {
		return fmt.Errorf("pairing: %w", err)
	}
	s.Tell("at the desk")
	code, err := s.desk(ctx, reference)
	if err != nil {
		return fmt.Errorf("desk: %w", err)
	}
	c, err := s.run(ctx, "activate", code)
	if err != nil {
		return err
	}
	defer c.stop()
	if _, err := c.wait(ctx); err != nil {
		return fmt.Errorf("activation: %w", err)
	}
	return os.WriteFile(s.marker(), []byte(s.origin()), 0o600)
}

// service is the one that asks for the level.
func (w World) service(level string) Service {
	if level == "eidas1" {
		return w.SP[1]
	}
	return w.SP[0]
}

// Origin is where the issuer stands that serves a level: a companion is paired with each of them.
func (w World) Origin(level string) string {
	profile := "plus"
	if level == "eidas1" {
		profile = "standard"
	}
	return strings.TrimSuffix(w.Issuers[profile], "/api/v2")
}

// marker says which broker the companion is paired with.
func (s Script) marker() string { return s.Home + ".paired" }

func (s Script) origin() string { return s.World.Origin(s.Level) }

// pair walks the portal beside the companion, and returns the reference for the desk.
func (s Script) pair(ctx context.Context) (string, error) {
	if err := os.MkdirAll(filepath.Dir(s.Home), 0o700); err != nil {
		return "", err
	}
	v, err := newVisitor()
	if err != nil {
		return "", err
	}
	p, err := v.open(ctx, s.origin()+"/pair")
	if err != nil {
		return "", err
	}
	if p, err = v.submit(ctx, p, "pair", map[string]string{"email": "citoyen@example.org"}); err != nil {
		return "", err
	}
	code, err := called(p, "code")
	if err != nil {
		return "", err
	}
	c, err := s.run(ctx, "pair", code, "--broker", s.origin())
	if err != nil {
		return "", err
	}
	defer c.stop()
	p, err = c.beside(ctx, func(ctx context.Context) (*page, error) {
		return v.until(ctx, p, func(p *page) bool { return p.has("confirm") })
	})
	if err != nil {
		return "", err
	}
	number, err := c.shows(ctx)
	if err != nil {
		return "", err
	}
	if number != p.number() {
		return "", errors.New("page and companion show two numbers")
	}
	_, err = c.beside(ctx, func(ctx context.Context) (*page, error) {
		p, err := v.submit(ctx, p, "confirm", nil)
		if err != nil {
			return nil, err
		}
		return v.until(ctx, p, func(p *page) bool { return p.refresh == "" && len(p.forms) == 0 })
	})
	if err != nil {
		return "", err
	}
	a, err := c.wait(ctx)
	if err == nil && a.Reference == "" {
		err = errors.New("the companion was given no reference for the desk")
	}
	return a.Reference, err
}

// called reads what the link to the companion carries.
func called(p *page, name string) (string, error) {
	link, err := p.app()
	if err != nil {
		return "", err
	}
	u, err := url.Parse(link)
	if err != nil || u.Query().Get(name) == "" {
		return "", fmt.Errorf("the link to the companion carries no %s", name)
	}
	return u.Query().Get(name), nil
}

// desk is the agent, who finds the face to be the same.
func (s Script) desk(ctx context.Context, reference string) (string, error) {
	cmd := exec.CommandContext(ctx, s.Server, "desk", "activate", reference, "--agent", "demo", "--same-face", "--same-names", "--json", "--config", s.World.Config)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", err
	}
	var handover struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(out, &handover); err != nil {
		return "", err
	}
	return handover.Code, nil
}

// Login logs in at the service provider, from its button to its page of claims. Where a page goes on by itself after a
// pause, the pause is waited out only when nothing has changed: TotalMS is the machines' time, not a person's.
func (s Script) Login(ctx context.Context) Outcome {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	s.Tell("logging in")
	o := Outcome{AMR: []string{}}
	if err := s.login(ctx, &o); err != nil {
		o.Error = err.Error()
	}
	o.OK = o.Error == ""
	return o
}

func (s Script) login(ctx context.Context, o *Outcome) error {
	if _, err := os.Stat(s.marker()); errors.Is(err, fs.ErrNotExist) {
		return errors.New("no companion is paired")
	}
	v, err := newVisitor()
	if err != nil {
		return err
	}
	p, err := v.open(ctx, s.World.service(s.Level).URL)
	if err != nil {
		return err
	}
	began := time.Now()
	if p, err = v.submit(ctx, p, "login", map[string]string{"level": s.Level}); err != nil {
		return err
	}
	link, err := p.app()
	if err != nil {
		return err
	}
	c, err := s.run(ctx, "approve", link, "--yes")
	if err != nil {
		return err
	}
	defer c.stop()
	p, err = c.beside(ctx, func(ctx context.Context) (*page, error) {
		p, err := v.until(ctx, p, func(p *page) bool { return p.has("consent") })
		if err != nil {
			return nil, err
		}
		return v.submit(ctx, p, "consent", nil)
	})
	if err != nil {
		return err
	}
	o.TotalMS = float64(time.Since(began).Microseconds()) / 1000
	a, err := c.wait(ctx)
	if err != nil {
		return err
	}
	o.APDUs, o.CardMS = a.APDUs, a.CardMS
	if !strings.HasPrefix(p.address.String(), s.World.service(s.Level).Redirect+"?") || p.status != http.StatusOK {
		return fmt.Errorf("the browser came to rest on %s: %.300s", p, p.words)
	}
	if err := s.claims(ctx, o); err != nil {
		return err
	}
	if !strings.Contains(p.words, o.Sub) {
		return fmt.Errorf("the service provider shows another login on %s: %.300s", p, p.words)
	}
	return nil
}

// claims reads what the service provider verified, and holds it to the level.
func (s Script) claims(ctx context.Context, o *Outcome) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.World.service(s.Level).URL+"claims.json", nil)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New("the service provider holds no claims")
	}
	var held struct {
		ACR string   `json:"acr"`
		AMR []string `json:"amr"`
		Sub string   `json:"sub"`
	}
	if err := json.NewDecoder(response.Body).Decode(&held); err != nil {
		return err
	}
	o.ACR, o.AMR, o.Sub = held.ACR, held.AMR, held.Sub
	levels := []string{"eidas1", "eidas2", "eidas3"}
	if held.Sub == "" || slices.Index(levels, held.ACR) < slices.Index(levels, s.Level) || !slices.Contains(levels, held.ACR) {
		return fmt.Errorf("the service provider holds %q, which is not the level asked for", held.ACR)
	}
	return nil
}
