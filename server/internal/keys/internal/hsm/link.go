//go:build pkcs11 && cgo

package hsm

import (
	"errors"
	"fmt"
	"sync"

	"github.com/miekg/pkcs11"
)

// errStale says that a link was cut while somebody was about to use it.
var errStale = errors.New("the sessions of the token were closed")

// A link is one login to the token: the session that keeps it, and those that
// sign. It is dropped whole at the first sign of loss, and never mended.
type link struct {
	module  *module
	epoch   uint64
	anchor  pkcs11.SessionHandle // keeps the login and the handles alive; writes
	slot    uint
	writing sync.Mutex // held while the anchor is in use: a session does one thing at a time

	mu      sync.Mutex
	cut     bool
	idle    []pkcs11.SessionHandle
	handles map[string]pkcs11.ObjectHandle // by label and identifier
}

// use calls f inside the library, unless the link is of another epoch: then its
// handles may by now be those of other sessions.
func use[T any](l *link, f func(*link) (T, error)) (T, error) {
	l.module.mu.RLock()
	defer l.module.mu.RUnlock()
	if l.epoch != l.module.epoch {
		var none T
		return none, errStale
	}
	return f(l)
}

// take gives a session that nobody else uses.
func (l *link) take() (pkcs11.SessionHandle, error) {
	l.mu.Lock()
	if l.cut {
		l.mu.Unlock()
		return 0, errStale
	}
	if n := len(l.idle); n > 0 {
		s := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.mu.Unlock()
		return s, nil
	}
	l.mu.Unlock()
	return l.module.ctx.OpenSession(l.slot, pkcs11.CKF_SERIAL_SESSION)
}

// give returns a session. One whose last call failed is closed: an operation
// may still be under way in it.
func (l *link) give(s pkcs11.SessionHandle, failed bool) {
	l.mu.Lock()
	keep := !l.cut && !failed
	if keep {
		l.idle = append(l.idle, s)
	}
	l.mu.Unlock()
	if !keep {
		_ = l.module.ctx.CloseSession(s) // already failed, or about to be forgotten
	}
}

// close closes the sessions that nobody uses; the others follow as they are
// given back. Closing one that the library has lost says so, to nobody's use.
func (l *link) close() {
	l.mu.Lock()
	idle := l.idle
	l.idle, l.cut = nil, true
	l.mu.Unlock()
	// Some libraries do not survive that a session is closed while it works.
	l.writing.Lock()
	defer l.writing.Unlock()
	_, _ = use(l, func(l *link) (struct{}, error) {
		for _, s := range append(idle, l.anchor) {
			_ = l.module.ctx.CloseSession(s)
		}
		return struct{}{}, nil
	})
}

// mechanisms are those that the token must have.
var mechanisms = []uint{pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.CKM_ECDSA}

// dial finds the token by its label and logs in. It returns as well how many
// sessions the token allows, zero for any number.
func dial(m *module, o Options) (*link, uint, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	slot, info, err := findToken(m, o.Token)
	if err != nil {
		return nil, 0, err
	}
	if err := mayLogin(info.Flags); err != nil {
		return nil, 0, err
	}
	for _, mechanism := range mechanisms {
		if _, err := m.ctx.GetMechanismInfo(slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}); err != nil {
			return nil, 0, fmt.Errorf("token %q cannot make or use ECDSA keys: %w", o.Token, err)
		}
	}
	anchor, err := m.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return nil, 0, fmt.Errorf("open a session: %w", err)
	}
	if err := login(m, anchor, o.PIN); err != nil {
		_ = m.ctx.CloseSession(anchor)
		return nil, 0, err
	}
	l := &link{module: m, epoch: m.epoch, anchor: anchor, slot: slot, handles: make(map[string]pkcs11.ObjectHandle)}
	return l, sessions(info), nil
}

func findToken(m *module, label string) (uint, pkcs11.TokenInfo, error) {
	slots, err := m.ctx.GetSlotList(true)
	if err != nil {
		return 0, pkcs11.TokenInfo{}, fmt.Errorf("list the slots: %w", err)
	}
	var slot uint
	var found pkcs11.TokenInfo
	n := 0
	for _, s := range slots {
		// Another slot's trouble is not ours.
		if info, err := m.ctx.GetTokenInfo(s); err == nil && info.Label == label && info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0 {
			slot, found, n = s, info, n+1
		}
	}
	if n != 1 {
		return 0, pkcs11.TokenInfo{}, fmt.Errorf("%d tokens are labelled %q, want one", n, label)
	}
	return slot, found, nil
}

// errPIN is of a login that must not be tried again: each try may be the one
// that locks the token.
var errPIN = errors.New("the token refuses the PIN")

// mayLogin asks the token whether a wrong PIN would lock it: a service that its
// supervisor starts again and again must not be what does.
func mayLogin(flags uint) error {
	switch {
	case flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return fmt.Errorf("%w: it is locked", errPIN)
	case flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		return fmt.Errorf("%w: not tried, because one more wrong PIN locks it; log in with another program first", errPIN)
	}
	return nil
}

func login(m *module, s pkcs11.SessionHandle, read func() ([]byte, error)) error {
	pin, err := read()
	if err != nil {
		return err
	}
	defer clear(pin)
	// The binding takes a string: this copy lives until it is collected.
	err = m.ctx.Login(s, pkcs11.CKU_USER, string(pin))
	switch {
	case err == nil, is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN):
		return nil
	case is(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_EXPIRED, pkcs11.CKR_PIN_LOCKED,
		pkcs11.CKR_USER_PIN_NOT_INITIALIZED):
		return fmt.Errorf("%w: %w", errPIN, err)
	}
	return fmt.Errorf("log in: %w", err)
}

// sessions returns how many sessions the token allows, zero for any number. A
// token that does not know is asked for no more than another.
func sessions(info pkcs11.TokenInfo) uint {
	if info.MaxSessionCount == pkcs11.CK_UNAVAILABLE_INFORMATION {
		return 0
	}
	return info.MaxSessionCount
}
