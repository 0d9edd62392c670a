package handoff

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pivot/app/internal/keystore/filelock"
	"pivot/shared/wire"
)

// ErrRunning says that a window of this user is open already.
var ErrRunning = errors.New("handoff: pivot is running already")

const (
	socketName   = "wake.sock"
	wakePatience = 2 * time.Second
	mostLine     = 1 << 10
	accepted     = "ok\n"
)

// Inbox is where the one window of a user takes the links that were opened since it started.
type Inbox struct {
	links    chan string
	listener net.Listener
	lock     *filelock.Lock
	ended    chan struct{}
	stop     context.CancelFunc
}

// Await makes this process the one that takes links, by a socket in the folder dir, which must be open to its owner alone.
// [ErrRunning] says that another process is. The lock ends with the process, so that a socket left behind by one that was
// killed is replaced.
func Await(ctx context.Context, dir string) (*Inbox, error) {
	path := filepath.Join(dir, socketName)
	lock, err := filelock.Take(path + ".lock")
	if errors.Is(err, filelock.ErrHeld) {
		return nil, ErrRunning
	}
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("handoff: %w", err), lock.Release())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("handoff: %w", err), lock.Release())
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("handoff: %w", err), listener.Close(), lock.Release())
	}
	i := &Inbox{links: make(chan string), listener: listener, lock: lock, ended: make(chan struct{})}
	ctx, i.stop = context.WithCancel(ctx)
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go i.accept(ctx)
	return i, nil
}

// Links gives each link that was opened; an empty one asks for the window alone. It is closed with the inbox.
func (i *Inbox) Links() <-chan string { return i.links }

// Close stops taking links.
func (i *Inbox) Close() error {
	i.stop()
	<-i.ended
	return i.lock.Release()
}

// accept takes one visitor at a time: each has two seconds, and a citizen opens one link at a time.
func (i *Inbox) accept(ctx context.Context) {
	defer close(i.ended)
	defer close(i.links)
	for {
		conn, err := i.listener.Accept()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if wait(ctx) != nil { // out of descriptors, most likely
				return
			}
			continue
		}
		i.take(ctx, conn)
	}
}

func wait(ctx context.Context) error {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *Inbox) take(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(wakePatience)) != nil {
		return
	}
	line, err := bufio.NewReader(io.LimitReader(conn, mostLine)).ReadString('\n')
	link := strings.TrimSuffix(line, "\n")
	if err != nil || !acceptable(link) {
		return
	}
	ctx, stop := context.WithTimeout(ctx, wakePatience)
	defer stop()
	select {
	case i.links <- link:
		_, _ = io.WriteString(conn, accepted) // who does not wait for it has gone, and the link is taken all the same
	case <-ctx.Done():
	}
}

func acceptable(link string) bool {
	if link == "" {
		return true
	}
	_, err := wire.ParseLink(link)
	return err == nil
}

// Wake hands a link to the window that is running, an empty one to show it; taken says whether there was one. The error is
// that of a link that is none, or the context's.
func Wake(ctx context.Context, dir, link string) (taken bool, err error) {
	if !acceptable(link) {
		return false, wire.ErrLink
	}
	ctx, stop := context.WithTimeout(ctx, 2*wakePatience)
	defer stop()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, socketName))
	if err != nil {
		return false, canceled(ctx)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := io.WriteString(conn, link+"\n"); err != nil {
		return false, canceled(ctx)
	}
	answer, _ := io.ReadAll(io.LimitReader(conn, int64(len(accepted)))) // nothing, when the window did not take it
	return string(answer) == accepted, canceled(ctx)
}

// canceled gives the error of a caller who went away; a window that does not answer is no error.
func canceled(ctx context.Context) error {
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
