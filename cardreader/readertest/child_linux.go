package readertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	vpcdPort  = 35963 // 0x8C7B, vpcd's own default
	readyWait = 2 * time.Millisecond
	cardLimit = 5 * time.Second
	swapPause = 900 * time.Millisecond // two presence polls (pcsclite, PCSCLITE_STATUS_POLL_RATE) and a little
	quitLimit = 2 * time.Second
)

// readerConf is what pcscd reads to know its one reader (reader.conf(5)).
const readerConf = `FRIENDLYNAME "` + friendlyName + `"
DEVICENAME   /dev/null:0x8C7B
LIBPATH      ` + privateDriver + "/" + vpcdLibrary + `
CHANNELID    0x8C7B
`

// ready remembers that RunChild ran: without it the re-executed program would run as itself, and start readers in turn.
var ready atomic.Bool

// RunChild turns the process into the namespace when [Start] re-executed it, and then never returns; else it
// returns at once. It must be called before anything else, flags included, with every card that Start and Insert
// may name.
func RunChild(cards map[string]CardFunc) {
	ready.Store(true)
	if len(os.Args) == 0 || os.Args[0] != childName {
		return
	}
	runtime.LockOSThread() // pcscd dies with the thread that starts it
	os.Exit(serve(cards))
}

// house is what lives in the namespace.
type house struct {
	cards map[string]CardFunc
	pcscd *exec.Cmd
	ended chan struct{} // pcscd has
	slot  *slot         // the last card; nil before the first
}

// slot is a card being played.
type slot struct {
	cancel context.CancelFunc
	done   chan struct{}
	// Once done is closed: why and when the card stopped.
	err   error
	ended time.Time
}

// in says whether the card is still in the reader.
func (s *slot) in() bool {
	if s == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// serve obeys the parent until its pipe ends, and leaves nothing behind.
func serve(cards map[string]CardFunc) int {
	answer := json.NewEncoder(os.NewFile(3, "answers"))
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4) // the folder's lock
	h := &house{cards: cards}
	defer h.leave()
	for orders := json.NewDecoder(os.Stdin); ; {
		var q request
		if orders.Decode(&q) != nil {
			return 0
		}
		var a reply
		if err := h.obey(q); err != nil {
			a = reply{Error: err.Error(), Unavailable: errors.Is(err, ErrUnavailable)}
		}
		if answer.Encode(a) != nil {
			return 1
		}
	}
}

func (h *house) obey(q request) error {
	switch q.Op {
	case opStart:
		return h.build(q.Dir)
	case opInsert:
		return h.insert(q.Card, q.Args)
	case opRemove:
		return h.remove()
	}
	return fmt.Errorf("unknown request %q", q.Op)
}

// build makes the namespace a home for pcscd and starts it.
func (h *house) build(dir string) error {
	if h.pcscd != nil {
		return errors.New("already started")
	}
	ipc := filepath.Join(dir, "pcscd")
	if err := os.RemoveAll(ipc); err != nil { // left by a reader that was killed: pcscd refuses an old socket
		return err
	}
	if err := os.Mkdir(ipc, 0o700); err != nil {
		return err
	}
	if err := isolate(dir); errors.Is(err, fs.ErrPermission) { // a system that restricts user namespaces says so here
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	} else if err != nil {
		return err
	}
	conf := filepath.Join(runFolder, "reader.conf.d")
	if err := os.Mkdir(conf, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(conf, "pivot"), []byte(readerConf), 0o600); err != nil {
		return err
	}
	path, err := pcscdPath()
	if err != nil {
		return err
	}
	h.pcscd = exec.Command(path, "--foreground", "--config", conf)
	h.pcscd.Stdout, h.pcscd.Stderr = os.Stdout, os.Stderr // the log; without --apdu it shows no command
	h.pcscd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := h.pcscd.Start(); err != nil {
		h.pcscd = nil
		return fmt.Errorf("starting pcscd: %w", err)
	}
	h.ended = make(chan struct{})
	go func() {
		_ = h.pcscd.Wait()
		close(h.ended)
	}()
	return h.ready(filepath.Join(ipcFolder, "pcscd.comm"))
}

// ready waits until pcscd listens, which it does after it has started its readers (src/pcscdaemon.c, main).
func (h *house) ready(socket string) error {
	return until(startLimit, func() (bool, error) {
		select {
		case <-h.ended:
			return false, fmt.Errorf("pcscd ended at once: %v", h.pcscd.ProcessState)
		default:
		}
		c, err := net.Dial("unix", socket)
		if err != nil {
			return false, nil
		}
		return true, c.Close()
	})
}

// insert plays the card and waits until it is connected to vpcd.
func (h *house) insert(name string, args []string) error {
	if h.slot.in() {
		return errors.New("a card is in the reader already")
	}
	play, ok := h.cards[name]
	if !ok {
		return fmt.Errorf("no card is named %q", name)
	}
	if h.slot != nil {
		time.Sleep(swapPause - time.Since(h.slot.ended))
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &slot{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = play(ctx, args, fmt.Sprintf("127.0.0.1:%d", vpcdPort))
		s.ended = time.Now()
	}()
	err := until(cardLimit, func() (bool, error) {
		select {
		case <-s.done:
			return false, fmt.Errorf("card %q stopped at once: %w", name, s.err)
		default:
			return connected(vpcdPort)
		}
	})
	if err != nil {
		cancel()
		return err
	}
	h.slot = s
	return nil
}

// remove pulls the card out.
func (h *house) remove() error {
	if !h.slot.in() {
		return errors.New("no card is in the reader")
	}
	h.slot.cancel()
	select {
	case <-h.slot.done:
		return nil
	case <-time.After(cardLimit):
		return errors.New("the card does not leave")
	}
}

// leave ends the card and pcscd; Pdeathsig is for the case where this is not reached.
func (h *house) leave() {
	if h.slot != nil {
		h.slot.cancel()
	}
	if h.pcscd == nil {
		return
	}
	_ = h.pcscd.Process.Signal(unix.SIGTERM)
	select {
	case <-h.ended:
	case <-time.After(quitLimit):
		_ = h.pcscd.Process.Kill()
		<-h.ended
	}
}

// connected says whether the namespace has an established connection accepted on the port: its state in
// proc_net(5), without touching vpcd, for which every connection is a card.
func connected(port int) (bool, error) {
	table, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		return false, err
	}
	local := fmt.Sprintf(":%04X", port)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 3 && strings.HasSuffix(f[1], local) && f[3] == "01" {
			return true, nil
		}
	}
	return false, nil
}

// until asks again and again: nothing announces these changes, and they take milliseconds.
func until(limit time.Duration, done func() (bool, error)) error {
	for end := time.Now().Add(limit); ; time.Sleep(readyWait) {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return errors.New("not ready in time")
		}
	}
}
