//go:build pkcs11 && cgo

package hsm

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/pkcs11"
)

// Built reports whether this program has PKCS#11.
const Built = true

const (
	// atOnce bounds the operations at one time, and so the sessions that sign;
	// one more keeps the login.
	atOnce = 8
	// pause is how long a lost token is left alone after it could not be found
	// again: who waits for a signature is told at once, not each after a timeout.
	pause = time.Second
)

// A Token is a PKCS#11 token to which we are logged in. When it is lost and
// comes back, the next operation logs in anew. Safe for concurrent use.
type Token struct {
	options Options
	module  *module
	turns   chan struct{} // a value in it is an operation under way

	mu      sync.Mutex // held while logging in
	current *link
	failed  time.Time // when logging in failed last, zero after a success
	failure error
	barred  error // why we never try again
}

var errClosed = errors.New("the token is closed")

// Open loads the library and logs in. A token whose PIN is refused is not tried
// again in this process.
func Open(o Options) (*Token, error) {
	m, err := load(o.Module)
	if err != nil {
		return nil, err
	}
	l, most, err := dial(m, o)
	if err != nil {
		return nil, errors.Join(err, m.release())
	}
	n := uint(atOnce)
	if most > 1 {
		n = min(n, most-1)
	}
	return &Token{options: o, module: m, turns: make(chan struct{}, n), current: l}, nil
}

// made is a key and its public half.
type made struct {
	key    Key
	public *ecdsa.PublicKey
}

// Generate makes an ECDSA key on P-256 that signs and never leaves the token.
func (t *Token) Generate(ctx context.Context, label string) (Key, *ecdsa.PublicKey, error) {
	// Nobody knows the name of a key that is made after its caller has gone.
	late := func(m made) {
		_, _ = attempt(t, func(l *link) (struct{}, error) { return struct{}{}, l.destroy(m.key) })
	}
	m, err := do(ctx, t, func(l *link) (made, error) { return l.generate(label) }, late)
	return m.key, m.public, err
}

// Sign returns the ECDSA signature of a SHA-256 digest: r and s, 32 bytes each.
// It is not verified here. ErrAbsent: there is no such key.
func (t *Token) Sign(ctx context.Context, k Key, digest []byte) ([]byte, error) {
	if len(digest) != digestLen {
		return nil, fmt.Errorf("digest of %d bytes, want %d", len(digest), digestLen)
	}
	return do(ctx, t, func(l *link) ([]byte, error) { return l.sign(k, digest) }, func([]byte) {})
}

// Destroy removes both halves of a key. One that is not there is no error.
func (t *Token) Destroy(ctx context.Context, k Key) error {
	_, err := do(ctx, t, func(l *link) (struct{}, error) { return struct{}{}, l.destroy(k) }, func(struct{}) {})
	return err
}

// Doubt closes all sessions and forgets all handles: after a signature that did
// not verify, who knows what they mean. The next operation logs in anew.
func (t *Token) Doubt() {
	t.mu.Lock()
	l := t.current
	t.mu.Unlock()
	if l != nil {
		t.drop(l)
	}
}

// Close closes the sessions and ends the library if nobody else uses it.
func (t *Token) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if errors.Is(t.barred, errClosed) {
		return nil
	}
	if t.current != nil {
		t.current.close()
	}
	t.current, t.barred = nil, errClosed
	return t.module.release()
}

// do performs an operation in its turn. A call into the library cannot be
// interrupted: when ctx ends, its result goes to late, and its turn ends with it.
func do[T any](ctx context.Context, t *Token, f func(*link) (T, error), late func(T)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	select {
	case t.turns <- struct{}{}:
	case <-ctx.Done():
		return none, fmt.Errorf("wait for the token: %w", ctx.Err())
	}
	type outcome struct {
		value T
		err   error
	}
	done, abandoned := make(chan outcome), make(chan struct{})
	go func() {
		defer func() { <-t.turns }()
		v, err := attempt(t, f)
		select {
		case done <- outcome{v, err}:
		case <-abandoned:
			if err == nil {
				late(v)
			}
		}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		close(abandoned)
		return none, fmt.Errorf("wait for the token: %w", ctx.Err())
	}
}

// attempt performs an operation, and once more if the first try found the token
// lost.
func attempt[T any](t *Token, f func(*link) (T, error)) (T, error) {
	var v T
	var err error
	for range 2 {
		var l *link
		if l, err = t.link(); err != nil {
			return v, err
		}
		if v, err = use(l, f); err == nil || !lost(err) {
			return v, err
		}
		t.drop(l)
	}
	return v, err
}

// lost reports whether an error may come from sessions or handles that are no
// more. Most codes may, as libraries use them; those named here are of the
// request.
func lost(err error) bool {
	if errors.Is(err, errStale) {
		return true
	}
	_, spoken := errors.AsType[pkcs11.Error](err)
	return spoken && !is(err,
		pkcs11.CKR_ATTRIBUTE_READ_ONLY, pkcs11.CKR_ATTRIBUTE_SENSITIVE, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, pkcs11.CKR_ATTRIBUTE_VALUE_INVALID,
		pkcs11.CKR_TEMPLATE_INCOMPLETE, pkcs11.CKR_TEMPLATE_INCONSISTENT, pkcs11.CKR_MECHANISM_INVALID, pkcs11.CKR_MECHANISM_PARAM_INVALID,
		pkcs11.CKR_KEY_TYPE_INCONSISTENT, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED, pkcs11.CKR_DATA_LEN_RANGE, pkcs11.CKR_DATA_INVALID,
		pkcs11.CKR_TOKEN_WRITE_PROTECTED, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_ACTION_PROHIBITED, pkcs11.CKR_CURVE_NOT_SUPPORTED,
		pkcs11.CKR_DOMAIN_PARAMS_INVALID)
}

// link returns the login, a new one if there is none.
func (t *Token) link() (*link, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil {
		return t.current, nil
	}
	if t.barred != nil {
		return nil, t.barred
	}
	now := t.options.Now()
	if d := now.Sub(t.failed); !t.failed.IsZero() && d >= 0 && d < pause {
		return nil, t.failure
	}
	l, err := t.redial()
	if err != nil {
		t.failed, t.failure = now, fmt.Errorf("the token is lost: %w", err)
		if errors.Is(err, errPIN) {
			t.barred = t.failure
		}
		return nil, t.failure
	}
	t.current, t.failed, t.failure = l, time.Time{}, nil
	return l, nil
}

// redial logs in again, and starts the library again if that alone is not it.
func (t *Token) redial() (*link, error) {
	l, _, err := dial(t.module, t.options)
	if err == nil || errors.Is(err, errPIN) {
		return l, err
	}
	if err := t.module.start(); err != nil {
		return nil, err
	}
	l, _, err = dial(t.module, t.options)
	return l, err
}

// drop gives up a login, once.
func (t *Token) drop(l *link) {
	t.mu.Lock()
	mine := t.current == l
	if mine {
		t.current = nil
	}
	t.mu.Unlock()
	if mine {
		l.close()
	}
}
