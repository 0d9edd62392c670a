package readertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	socketVariable = "PCSCLITE_CSOCK_NAME"
	socketMax      = 107              // unix(7): sun_path is 108 bytes with its final zero
	startLimit     = 20 * time.Second // pcscd needs some tens of milliseconds; the rest is for a loaded machine
	callLimit      = 10 * time.Second // a card enters or leaves in less
	leaveLimit     = 5 * time.Second  // after which the namespace is killed
	logTail        = 600              // bytes of the log shown in a start error
	friendlyName   = "Pivot TEST Reader"
)

// Reader is a running private reader. Its methods may be called from several goroutines.
type Reader struct {
	dir    string
	owned  bool // dir is ours to remove
	cmd    *exec.Cmd
	lock   *os.File
	orders *os.File
	answer *os.File
	exited chan struct{}

	call   sync.Mutex // one request at a time
	decode *json.Decoder
	close  func() error
}

// Start builds a private reader and returns once PC/SC clients can see it and the first card, if any, lies in it.
// The reader lives until Close, or until ctx ends, or until this process dies, whatever comes first. Errors that
// are facts about the machine wrap [ErrUnavailable].
func Start(ctx context.Context, o Options) (*Reader, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	dir, owned, err := prepare(o.Dir)
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: dir, owned: owned, exited: make(chan struct{})}
	r.close = sync.OnceValue(r.shutdown)
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := r.start(limited, o); err != nil {
		err = r.explain(err)
		return nil, errors.Join(err, r.Close())
	}
	context.AfterFunc(ctx, func() { _ = r.Close() })
	return r, nil
}

func (r *Reader) start(ctx context.Context, o Options) error {
	var err error
	if r.lock, err = lockFolder(ctx, filepath.Join(r.dir, "lock")); err != nil {
		return err
	}
	if err := r.launch(); err != nil {
		return err
	}
	if err := r.ask(ctx, request{Op: opStart, Dir: r.dir}); err != nil {
		return err
	}
	if o.Card == "" {
		return nil
	}
	return r.ask(ctx, request{Op: opInsert, Card: o.Card, Args: o.Args})
}

// prepare returns an existing folder whose socket path is short enough, and whether it was made here.
func prepare(dir string) (string, bool, error) {
	owned := dir == ""
	var err error
	if owned {
		dir, err = os.MkdirTemp("", "pivot-reader-")
	} else if dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", false, fmt.Errorf("folder of the private reader: %w", err)
	}
	if n := len(socketPath(dir)); n > socketMax {
		if owned {
			_ = os.Remove(dir)
		}
		return "", false, fmt.Errorf("socket path of %d bytes, at most %d: choose a shorter folder than %q", n, socketMax, dir)
	}
	return dir, owned, nil
}

// launch re-executes this program in its namespaces.
func (r *Reader) launch() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	log, err := os.OpenFile(r.logPath(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log of the private reader: %w", err)
	}
	defer log.Close()
	childIn, orders, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childIn.Close()
	r.orders = orders
	answer, childOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childOut.Close()
	r.answer, r.decode = answer, json.NewDecoder(answer)

	r.cmd = &exec.Cmd{
		Path:        self,
		Args:        []string{childName},
		Env:         []string{"PATH=" + os.Getenv("PATH")},
		Stdin:       childIn,
		Stdout:      log,
		Stderr:      log,
		ExtraFiles:  []*os.File{childOut, r.lock}, // the lock outlives a killed parent until the namespace is gone
		SysProcAttr: namespaces(),
	}
	return r.spawn()
}

// spawn starts the child on a thread of its own and stays on it for the child's whole life: the death signal is
// sent when the thread that forked ends, not the process (prctl(2), PR_SET_PDEATHSIG).
func (r *Reader) spawn() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			_ = r.cmd.Wait()
		}
		close(r.exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("%w: the system refuses new namespaces: %w", ErrUnavailable, err)
	}
	return nil
}

// Socket is the path of the pcscd socket.
func (r *Reader) Socket() string { return socketPath(r.dir) }

// Env is the variable, NAME=value, that sends a PC/SC client to this reader.
func (r *Reader) Env() string { return socketVariable + "=" + r.Socket() }

// Name is the PC/SC name of the slot that cards are put in. The reader has a second slot, always empty (vpcd is
// built with two).
func (r *Reader) Name() string { return friendlyName + " 00 00" }

// Insert puts a card in, by its name among those given to [RunChild], and returns once it is connected. After a
// card that left it pauses as the quickest hand would, 0.9 s: a change between two presence polls goes unseen by
// pcscd, which then serves the second card under the first one's ATR, or not at all.
func (r *Reader) Insert(ctx context.Context, card string, args ...string) error {
	return r.ask(ctx, request{Op: opInsert, Card: card, Args: args})
}

// Remove pulls the card out, in the middle of a command if one is running.
func (r *Reader) Remove(ctx context.Context) error {
	return r.ask(ctx, request{Op: opRemove})
}

// Swap pulls the card out and puts another in, with the pause of [Reader.Insert].
func (r *Reader) Swap(ctx context.Context, card string, args ...string) error {
	if err := r.Remove(ctx); err != nil {
		return err
	}
	return r.Insert(ctx, card, args...)
}

// ask sends one request and reads its reply. After a ctx that ended meanwhile the two sides no longer agree on
// which reply comes next, so the reader only serves to be closed.
func (r *Reader) ask(ctx context.Context, q request) error {
	r.call.Lock()
	defer r.call.Unlock()
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = r.answer.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := json.NewEncoder(r.orders).Encode(q); err != nil {
		return fmt.Errorf("private reader: %s: %w", q.Op, err)
	}
	var a reply
	if err := r.decode.Decode(&a); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("private reader: %s: %w", q.Op, err)
	}
	switch {
	case a.Error == "":
		return nil
	case a.Unavailable:
		return fmt.Errorf("%w: %s", ErrUnavailable, a.Error)
	}
	return fmt.Errorf("private reader: %s: %s", q.Op, a.Error)
}

// Close ends the card, pcscd and the namespace, and returns when their processes are gone.
func (r *Reader) Close() error { return r.close() }

func (r *Reader) shutdown() error {
	var errs []error
	if r.orders != nil {
		_ = r.orders.Close() // the order to leave
	}
	if r.cmd != nil && r.cmd.Process != nil {
		select {
		case <-r.exited:
		case <-time.After(leaveLimit):
			errs = append(errs, errors.New("private reader: killed, it did not leave by itself"))
			_ = r.cmd.Process.Kill()
			<-r.exited
		}
	}
	for _, f := range []*os.File{r.answer, r.lock} {
		if f != nil {
			_ = f.Close()
		}
	}
	if r.owned {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

// explain adds the end of the log, which is where pcscd says what it misses.
func (r *Reader) explain(err error) error {
	f, openErr := os.Open(r.logPath())
	if openErr != nil {
		return err
	}
	defer f.Close()
	if info, statErr := f.Stat(); statErr == nil && info.Size() > logTail {
		_, _ = f.Seek(-logTail, io.SeekEnd)
	}
	tail, _ := io.ReadAll(io.LimitReader(f, logTail))
	if text := strings.TrimSpace(string(tail)); text != "" {
		return fmt.Errorf("%w; its log ends with %q", err, text)
	}
	return err
}

func (r *Reader) logPath() string { return filepath.Join(r.dir, "reader.log") }

func socketPath(dir string) string { return filepath.Join(dir, "pcscd", "pcscd.comm") }
