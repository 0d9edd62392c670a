package web_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
	"pivot/server/internal/web"
)

// spent is a store of what was spent, which can be broken.
type spent struct {
	mu     sync.Mutex
	until  map[string]time.Time
	broken error
}

func (s *spent) Spend(_ context.Context, kind, key string, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if _, again := s.until[kind+key]; again {
		return client.ErrSpent
	}
	if s.until == nil {
		s.until = map[string]time.Time{}
	}
	s.until[kind+key] = until
	return nil
}

func newGuard(t *testing.T, once client.Once, key string) *web.Guard {
	t.Helper()
	g, err := web.NewGuard([]byte(key), once)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var (
	formKey = strings.Repeat("k", 32)
	step    = web.Step{Browser: [32]byte{1}, Transaction: "txn-1", Name: "consent", Expires: time.Unix(1_800_000_000, 0).UTC()}
)

func faultOf(err error) oauth.Fault {
	var e oauth.Error
	if errors.As(err, &e) {
		return e.Fault
	}
	return 0
}

func TestTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	store := &spent{}
	g := newGuard(t, store, formKey)
	first, second := g.Token(step), g.Token(step)
	if first == second {
		t.Fatal("two forms share a token")
	}
	for _, token := range []string{first, second} { // two tabs
		if err := g.Spend(t.Context(), step, token); err != nil {
			t.Fatal(err)
		}
		if err := g.Spend(t.Context(), step, token); faultOf(err) != oauth.FaultCSRFSpent {
			t.Errorf("again: %v", err)
		}
	}
	for key, until := range store.until {
		if !until.Equal(step.Expires) || strings.Contains(key, first) {
			t.Errorf("remembered %s until %v", key, until)
		}
	}
}

func TestTokenStandsForItsStepAlone(t *testing.T) {
	t.Parallel()
	store := &spent{}
	g := newGuard(t, store, formKey)
	token := g.Token(step)
	for name, change := range map[string]func(*web.Step){
		"another browser":     func(s *web.Step) { s.Browser[31] ^= 1 },
		"another transaction": func(s *web.Step) { s.Transaction = "txn-2" },
		"another step":        func(s *web.Step) { s.Name = "cancel" },
		"a moved border":      func(s *web.Step) { s.Transaction, s.Name = "txn-1c", "onsent" },
	} {
		other := step
		change(&other)
		if err := g.Spend(t.Context(), other, token); faultOf(err) != oauth.FaultCSRF {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw { // every bit of nonce and code counts
		raw[i] ^= 0x10
		if err := g.Spend(t.Context(), step, base64.RawURLEncoding.EncodeToString(raw)); faultOf(err) != oauth.FaultCSRF {
			t.Errorf("byte %d changed: %v", i, err)
		}
		raw[i] ^= 0x10
	}
	for _, bad := range []string{"a", token[:len(token)-1], token + "A", token + "=", " " + token, token + "\n", strings.Repeat("A", 64), strings.Repeat("A", 1<<16)} {
		if err := g.Spend(t.Context(), step, bad); faultOf(err) != oauth.FaultCSRF {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if err := g.Spend(t.Context(), step, ""); faultOf(err) != oauth.FaultCSRFMissing {
		t.Errorf("none: %v", err)
	}
	if err := newGuard(t, store, strings.Repeat("K", 32)).Spend(t.Context(), step, token); faultOf(err) != oauth.FaultCSRF {
		t.Errorf("another key: %v", err)
	}
	if len(store.until) != 0 {
		t.Error("a wrong token spent something")
	}
	if err := g.Spend(t.Context(), step, token); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

func TestTokenRacedIsSpentOnce(t *testing.T) {
	t.Parallel()
	g := newGuard(t, &spent{}, formKey)
	token := g.Token(step)
	var won atomic.Int32
	var racers sync.WaitGroup
	for range 64 {
		racers.Go(func() {
			if g.Spend(t.Context(), step, token) == nil {
				won.Add(1)
			}
		})
	}
	racers.Wait()
	if won.Load() != 1 {
		t.Errorf("%d winners", won.Load())
	}
}

// A store that does not answer lets nothing through, and is not the person's fault.
func TestTokenWithoutStore(t *testing.T) {
	t.Parallel()
	store := &spent{broken: errStore}
	g := newGuard(t, store, formKey)
	token := g.Token(step)
	if err := g.Spend(t.Context(), step, token); !errors.Is(err, errStore) || faultOf(err) != 0 {
		t.Errorf("error %v", err)
	}
	store.broken = nil
	if err := g.Spend(t.Context(), step, token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := web.NewGuard([]byte(formKey), nil); err == nil {
		t.Error("a guard without a store")
	}
	if _, err := web.NewGuard([]byte(formKey)[:31], store); err == nil {
		t.Error("a guard with a short key")
	}
}

// The guard keeps its own copy of the key: a caller that wipes its own does not change the tokens.
func TestGuardKeepsItsKey(t *testing.T) {
	t.Parallel()
	key := []byte(formKey)
	g, err := web.NewGuard(key, &spent{})
	if err != nil {
		t.Fatal(err)
	}
	token := g.Token(step)
	clear(key)
	if err := g.Spend(t.Context(), step, token); err != nil {
		t.Error(err)
	}
}
