package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// answer is what a command of the companion says at its end, as far as the script reads it.
type answer struct {
	OK        bool    `json:"ok"`
	Problem   string  `json:"problem"`
	Reason    string  `json:"reason"`
	Reference string  `json:"reference"`
	Level     string  `json:"level"`
	APDUs     int     `json:"apdus"`
	CardMS    float64 `json:"card_ms"`
}

// companion is one command of the citizen's program, running beside the browser.
type companion struct {
	ended   <-chan struct{}
	cancel  context.CancelFunc
	numbers chan string // that it showed for comparing, each as soon as it is there

	mu     sync.Mutex
	last   string // line of standard output
	said   string // last line of standard error
	answer answer // from here on once ended
	err    error
}

// run starts a command of the companion. It ends with ctx; stop gives it back.
func (s Script) run(ctx context.Context, args ...string) (*companion, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, s.Pivot, append(args, "--headless", "--json")...)
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	stdout, err1 := cmd.StdoutPipe()
	stderr, err2 := cmd.StderrPipe()
	if err := errors.Join(err1, err2); err != nil {
		cancel()
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("demo: the companion does not start: %w", err)
	}
	ended := make(chan struct{})
	c := &companion{ended: ended, cancel: cancel, numbers: make(chan string, 64)}
	var readers sync.WaitGroup
	readers.Go(func() { c.read(stdout, &c.last) })
	readers.Go(func() { c.read(stderr, &c.said) })
	go func() {
		defer close(ended)
		readers.Wait()
		c.finish(args[0], cmd.Wait())
	}()
	return c, nil
}

// stop ends the command where it has not ended, and leaves no process behind.
func (c *companion) stop() {
	c.cancel()
	<-c.ended
}

// read keeps the last line, and hands on the numbers to compare.
func (c *companion) read(from io.Reader, last *string) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, mostPage)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		c.mu.Lock()
		*last = line
		c.mu.Unlock()
		if number := shortString.FindString(line); number != "" {
			select {
			case c.numbers <- number:
			default: // one is compared, and it came first
			}
		}
	}
	_, _ = io.Copy(io.Discard, from) // a line too long: the command must not wait for a reader
}

// finish reads the answer.
func (c *companion) finish(command string, err error) {
	if json.Unmarshal([]byte(c.last), &c.answer) == nil && (c.answer.OK || c.answer.Problem+c.answer.Reason != "") {
		if !c.answer.OK {
			c.err = fmt.Errorf("pivot %s: %s", command, strings.TrimSpace(c.answer.Problem+" "+c.answer.Reason))
		}
		return
	}
	c.err = fmt.Errorf("pivot %s gave no answer: %s", command, c.said)
	if err != nil {
		c.err = fmt.Errorf("pivot %s: %w: %s", command, err, c.said)
	}
}

// wait gives the answer of a command that has nothing to do with the browser any more.
func (c *companion) wait(ctx context.Context) (answer, error) {
	select {
	case <-c.ended:
		return c.answer, c.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// shows waits until the companion shows a number.
func (c *companion) shows(ctx context.Context) (string, error) {
	select {
	case number := <-c.numbers:
		return number, nil
	case <-c.ended:
		return "", errors.Join(c.err, errors.New("demo: the companion ended without a number to compare"))
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// beside does something in the browser, and stops it when the companion fails: the page would wait for nobody.
func (c *companion) beside(ctx context.Context, do func(ctx context.Context) (*page, error)) (*page, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.ended:
			if c.err != nil {
				cancel()
			}
		case <-done:
		}
	})
	p, err := do(ctx)
	close(done)
	watch.Wait()
	if err == nil {
		return p, nil
	}
	select {
	case <-c.ended:
		if c.err != nil { // that is why the browser stopped
			return nil, c.err
		}
	default:
	}
	return nil, err
}
