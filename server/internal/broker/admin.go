package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/keys"
)

// Administration is by a socket in the data folder, which only the server's user may open: who can open it can read the
// database as well.
const adminSocket = "admin.sock"

func (b *Broker) listenAdmin() (net.Listener, error) {
	path := filepath.Join(b.config.DataDir(), adminSocket)
	// The store's lock is held: what lies there was left by a server that is gone.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}

// Operation is one thing that an operator asks of a deployment.
type Operation string

// The operations.
const (
	ReloadRegistry Operation = "reload"       // read the registry again
	ListKeys       Operation = "keys-list"    // the signing keys that are published
	RotateKeys     Operation = "keys-rotate"  // the next key of each issuer signs from now on
	VerifyAudit    Operation = "audit-verify" // nothing changed since the checkpoint given, if one is, and the last one
	StartEpoch     Operation = "epoch-start"  // after a restored backup: what was pending before is refused

	// The desk's, for agents: see desk.Service.
	DeskList     Operation = "desk-list"
	DeskShow     Operation = "desk-show"
	DeskActivate Operation = "desk-activate"
	DeskRefuse   Operation = "desk-refuse"

	SuspendMeans Operation = "means-suspend" // a device with what rests on it, or a card, is to be used no more
)

// perform does an operation.
func (b *Broker) perform(ctx context.Context, o Operation, input []byte) (any, error) {
	switch o {
	case ReloadRegistry:
		err := b.Reload(ctx)
		return map[string]int{"clients": b.registry.Snapshot().Len()}, err
	case ListKeys:
		return b.listKeys(), nil
	case RotateKeys:
		return b.rotate(ctx)
	case VerifyAudit:
		return b.verifyAudit(ctx, input)
	case StartEpoch:
		return b.startEpoch(ctx)
	case DeskList, DeskShow, DeskActivate, DeskRefuse, SuspendMeans:
		return b.desk.Perform(ctx, string(o), input)
	}
	return nil, fmt.Errorf("no operation %q", o)
}

// mostInput bounds what an operation is given: a checkpoint is a few lines.
const mostInput = 64 << 10

func (b *Broker) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{operation}", func(w http.ResponseWriter, r *http.Request) {
		input, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostInput))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := b.perform(r.Context(), Operation(r.PathValue("operation")), input)
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			b.log.Error("administration", "error", err)
		}
	})
	return mux
}

// Key is what an operator sees of a signing key.
type Key struct {
	Issuer    string    `json:"issuer"`
	ID        string    `json:"kid"`
	State     string    `json:"state"`
	Published time.Time `json:"published"`
	Due       time.Time `json:"rotation_due"`
}

func (b *Broker) listKeys() []Key {
	var out []Key
	for _, name := range signingNames(b.config) {
		out = append(out, describe(name, b.signing[name])...)
	}
	return out
}

func describe(issuer string, set *keys.Signing) []Key {
	var out []Key
	for _, k := range set.Keys() {
		out = append(out, Key{issuer, k.ID, k.State.String(), k.Published, set.Due()})
	}
	return out
}

// rotate lets the next key of each issuer sign.
func (b *Broker) rotate(ctx context.Context) (any, error) {
	for _, name := range signingNames(b.config) {
		if err := b.rotateOne(ctx, name); err != nil {
			return nil, err
		}
	}
	return b.listKeys(), nil
}

// rotateDue rotates the keys whose planned time has come.
func (b *Broker) rotateDue(ctx context.Context) error {
	for issuer, set := range b.signing {
		if b.now().Before(set.Due()) {
			continue
		}
		if err := b.rotateOne(ctx, issuer); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) rotateOne(ctx context.Context, issuer string) error {
	key, err := b.signing[issuer].Rotate()
	if err != nil {
		return fmt.Errorf("issuer %s: %w", issuer, err)
	}
	return b.store.Record(ctx, audit.Entry{Event: audit.KeyRotated, At: b.now(), Issuer: issuer}.With("kid", key.ID))
}

// Verified is the outcome of an audit verification.
type Verified struct {
	Entries int64  `json:"entries"`
	Key     string `json:"key"` // by which checkpoints are signed: give it to witnesses
}

func (b *Broker) verifyAudit(ctx context.Context, witnessed []byte) (Verified, error) {
	var checkpoints [][]byte
	if len(witnessed) > 0 {
		checkpoints = append(checkpoints, witnessed)
	}
	n, err := b.store.VerifyAudit(ctx, b.note.Verifier(), checkpoints...)
	return Verified{Entries: n, Key: b.note.Verifier()}, err
}

// Administer performs an operation: by the running server of the deployment, or, where none runs, by holding its store
// alone for as long as it takes. It returns the answer as JSON.
func Administer(ctx context.Context, o Options, op Operation, input []byte) ([]byte, error) {
	c, err := read(o.Config)
	if err != nil {
		return nil, err
	}
	answer, err := ask(ctx, filepath.Join(c.DataDir(), adminSocket), op, input)
	if !errors.Is(err, errNotRunning) {
		return answer, err
	}
	b := newBroker(c, o)
	if err := b.open(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	v, err := b.perform(ctx, op, input)
	if err = errors.Join(err, b.Close()); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

var errNotRunning = errors.New("no server runs on this data folder")

// ask has the running server perform an operation. Errors: errNotRunning, or the server's own words.
func ask(ctx context.Context, socket string, op Operation, input []byte) ([]byte, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: time.Minute}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin/"+string(op), bytes.NewReader(input))
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) { // no socket, or one that a dead server left
		return nil, fmt.Errorf("%w: %w", errNotRunning, err)
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(strings.TrimSpace(string(answer)))
	}
	return answer, nil
}
