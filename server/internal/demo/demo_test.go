package demo

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/server/internal/config"
	"pivot/server/internal/identity"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/trust"
)

// written is a demo's folder, with the authorities that tests share.
func written(t *testing.T, dir string, port int) World {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "trust")); err != nil {
		if err := simtest.PKI(t).Save(filepath.Join(dir, "trust")); err != nil {
			t.Fatal(err)
		}
	}
	w, err := Write(Options{Dir: dir, Port: port, Now: simtest.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWrite: what is written is what a deployment reads, and its authorities are refused where they must be.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := written(t, dir, 18080)
	src, err := os.ReadFile(w.Config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(w.Config, src)
	if err != nil {
		t.Fatal(err)
	}
	if c.RegisterFile() != w.Register || len(c.Card().Accept) != 2 || !c.Loopback() || w.Portal != "http://localhost:18080/pair" {
		t.Errorf("register %q, cards %v, portal %q", c.RegisterFile(), c.Card().Accept, w.Portal)
	}
	if _, err := trust.Open(trust.Options{Dir: c.TrustDir()}); err == nil {
		t.Error("the TEST authorities are trusted by a deployment")
	}
	register, err := rnipp.Open(w.Register)
	if err != nil {
		t.Fatal(err)
	}
	for _, citizen := range cardsim.Citizens() {
		found, err := register.Find(t.Context(), rnipp.QueryOf(identity.Zone{
			Surname: citizen.Surname, GivenNames: citizen.GivenNames, Birth: "??" + citizen.Birth[2:], Sex: citizen.Sex,
		}))
		want := 1
		if citizen.BirthPlace.Code == "" {
			want = 0
		}
		if err != nil || len(found) != want {
			t.Errorf("%s: %d people, %v", citizen.Key, len(found), err)
		}
	}
}

// TestSamplePIN: the PIN that is proposed is no card's access number.
func TestSamplePIN(t *testing.T) {
	t.Parallel()
	for _, p := range cardsim.Personas() {
		if p.CAN == samplePIN {
			t.Errorf("%s", p.Name)
		}
	}
}

// TestSwapData: each port has the database of its own, and a demo that runs is not disturbed.
func TestSwapData(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "dm") // short: a socket lives below it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	mark := filepath.Join(dir, dataFolder, "mark")
	for _, step := range []struct {
		port int
		want string
	}{{18080, ""}, {18090, ""}, {18080, "18080"}, {18090, "18090"}, {18090, "18090"}} {
		written(t, dir, step.port)
		if raw, _ := os.ReadFile(mark); string(raw) != step.want {
			t.Errorf("on port %d the database is of %q, want %q", step.port, raw, step.want)
		}
		if err := os.WriteFile(mark, []byte(strconv.Itoa(step.port)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", filepath.Join(dir, dataFolder, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Write(Options{Dir: dir, Port: 18080, Now: simtest.Now().Add(time.Hour)}); err == nil {
		t.Error("a database is taken from a demo that runs")
	}
	if raw, _ := os.ReadFile(mark); string(raw) != "18090" {
		t.Errorf("the database is of %q", raw)
	}
}

func TestKeptPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	written(t, dir, port)
	if kept, err := KeptPort(dir); err != nil || kept != port {
		t.Errorf("%d, %v, want %d", kept, err, port)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port+1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if kept, err := KeptPort(dir); err != nil || kept == port {
		t.Errorf("a port that is in use: %d, %v", kept, err)
	}
	if _, err := KeptPort(t.TempDir()); err != nil {
		t.Error(err)
	}
}
