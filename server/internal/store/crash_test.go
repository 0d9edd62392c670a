package store_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/record"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
)

// crashLogins is how many logins are taken through, by processes that are all killed.
const crashLogins = 1000

// spendUntil is when the rights end that the children spend; their clock stands still.
func spendUntil(o store.Options) time.Time { return o.Now().Add(time.Hour) }

// toil takes logins through until it is killed, four at a time, each with a record that goes along, and says what was
// answered, once it was: "login id version", "spent id", "checkpoint note".
func toil(ctx context.Context, o store.Options, signer audit.Key) error {
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 4 {
		go func() {
			for {
				if err := one(ctx, s, o); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	go func() {
		for {
			signed, err := s.Sequence(ctx, signer)
			if err != nil {
				failed <- err
				return
			}
			if signed != nil {
				fmt.Println("checkpoint " + base64.StdEncoding.EncodeToString(signed))
			}
		}
	}()
	return <-failed
}

// one takes a login from beginning to end.
func one(ctx context.Context, s *store.Store, o store.Options) error {
	l := storetest.NewLogin(storetest.IssuerA, o.Now)
	first, e, err := l.First()
	if err != nil {
		return err
	}
	if err := s.Begin(ctx, first, e); err != nil {
		return err
	}
	fmt.Println("login " + l.ID.String() + " 1")
	if err := s.Spend(ctx, "jti", l.ID.String(), spendUntil(o)); err != nil {
		return err
	}
	fmt.Println("spent " + l.ID.String())
	for at := txn.State(first); at.Version() < 6; {
		next, e, err := l.Next(at)
		if err != nil {
			return err
		}
		along := beside(l.ID.String(), next.Version(), o)
		if err := s.AdvanceWith(ctx, record.Step{From: at, Next: next, Entry: e}, []record.Change{along}); err != nil {
			return err
		}
		fmt.Println("login " + l.ID.String() + " " + strconv.Itoa(next.Version()))
		at = next
	}
	return nil
}

// beside is the change that goes along with the transition of a login to a version: the first with the second.
func beside(id string, version int, o store.Options) record.Change {
	return record.Change{From: version - 2, Next: record.Record{
		Kind: record.Ceremony, ID: id, Version: version - 1, State: "offered", Expires: spendUntil(o), Body: []byte(id),
	}}
}

// goesAlong wants the record of a login to be where the login is.
func goesAlong(ctx context.Context, s *store.Store, state txn.State) error {
	r, err := s.Get(ctx, record.Ceremony, state.ID().String())
	if state.Version() == 1 && errors.Is(err, record.ErrUnknown) {
		return nil
	}
	if err != nil || r.Version != state.Version()-1 || string(r.Body) != r.ID {
		return fmt.Errorf("a login at version %d has its record at %d: %w", state.Version(), r.Version, err)
	}
	return nil
}

// answers is what the children were answered, as they said.
type answers struct {
	versions   map[string]int
	spent      map[string]bool
	checkpoint []byte
}

func (a *answers) hear(line string) error {
	words := strings.Fields(line)
	switch {
	case len(words) == 3 && words[0] == "login":
		version, err := strconv.Atoi(words[2])
		a.versions[words[1]] = version
		return err
	case len(words) == 2 && words[0] == "spent":
		a.spent[words[1]] = true
		return nil
	case len(words) == 2 && words[0] == "checkpoint":
		signed, err := base64.StdEncoding.DecodeString(words[1])
		a.checkpoint = signed
		return err
	}
	return fmt.Errorf("a child says %q", line)
}

// TestKilled: processes are killed at random moments, until they have taken 1,000 logins through. Nothing that was
// answered is lost, nothing is done in part, nothing can be done again, and the log verifies.
func TestKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts and kills a few dozen processes")
	}
	var key [32]byte
	rand.Read(key[:])
	o := options(t.TempDir(), key)
	heard := &answers{versions: make(map[string]int), spent: make(map[string]bool)}
	kills := 0
	for ; len(heard.versions) < crashLogins; kills++ {
		killAfter(t, o.Dir, key, 1+mathrand.IntN(600), heard)
		survived(t, o, checkpointKey(key), heard)
		if t.Failed() {
			t.Fatalf("after %d kills", kills+1)
		}
	}
	t.Logf("%d kills, %d logins, %d rights", kills, len(heard.versions), len(heard.spent))
	if heard.checkpoint == nil {
		t.Error("no checkpoint in all that time")
	}
}

// killAfter starts a child, kills it once it said so many lines, and hears all that it said.
func killAfter(t *testing.T, dir string, key [32]byte, lines int, heard *answers) {
	t.Helper()
	cmd := child(t, "toil", dir, key)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var kill sync.Once
	said := bufio.NewScanner(out)
	for n := 0; said.Scan(); n++ {
		if err := heard.hear(said.Text()); err != nil {
			t.Error(err)
		}
		if n >= lines {
			kill.Do(func() {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Errorf("the child was not killed: %v", cmd.ProcessState)
	}
}

// survived opens the store after a kill and compares it with what was answered.
func survived(t *testing.T, o store.Options, key audit.Key, heard *answers) {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open after a kill: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	events := make(map[string][]audit.Event)
	for e, err := range s.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		events[e.Transaction] = append(events[e.Transaction], e.Event)
	}
	for text, entries := range events {
		id, err := txn.ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		state, err := s.Load(t.Context(), storetest.IssuerA, id)
		if err != nil {
			t.Fatalf("a login with the entries %q: %v", entries, err)
		}
		if state.Version() < heard.versions[text] {
			t.Errorf("version %d was answered, %d is stored", heard.versions[text], state.Version())
		}
		if len(entries) != state.Version() || len(slices.Compact(entries)) != state.Version() {
			t.Errorf("a login at version %d has the entries %q", state.Version(), entries)
		}
		if err := goesAlong(t.Context(), s, state); err != nil {
			t.Error(err)
		}
	}
	for text := range heard.versions {
		if len(events[text]) == 0 {
			t.Errorf("login %s was answered and is gone", text)
		}
	}
	for text := range heard.spent {
		if err := s.Spend(t.Context(), "jti", text, spendUntil(o)); !errors.Is(err, client.ErrSpent) {
			t.Errorf("a right that was spent: %v", err)
		}
	}
	if heard.checkpoint != nil {
		if _, err := s.VerifyAudit(t.Context(), key.Verifier(), heard.checkpoint); err != nil {
			t.Errorf("VerifyAudit: %v", err)
		}
	}
	if n, err := os.ReadDir(o.Dir); err != nil || len(n) > 4 {
		t.Errorf("%d files in the folder, %v", len(n), err)
	}
}
