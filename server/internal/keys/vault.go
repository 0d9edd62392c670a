package keys

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"pivot/server/internal/keys/internal/hsm"
)

// patience bounds what a token is waited for where no request does.
const patience = time.Minute

// A Token says in which PKCS#11 token the private halves of signing keys are.
type Token struct {
	Module string // path of the PKCS#11 library
	Label  string // of the token
	PIN    string // where the user's PIN is: a file of mode 0600, or "credential:NAME"
}

// Supported refuses in a program that was built without PKCS#11.
func (t Token) Supported() error {
	if !hsm.Built {
		return fmt.Errorf("keys: %w", hsm.ErrNotBuilt)
	}
	return nil
}

// UseToken has signing keys made in a token from now on, and finds there those
// that were. Keys that rest in the folder go on signing until rotations have
// replaced them; ring and audit key stay in the folder. It is called before a
// set is loaded, and [Folder.Close] is owed for it. The PIN is read at each
// login and not kept; one that is refused is not tried again.
func (f *Folder) UseToken(t Token) error {
	if err := t.Supported(); err != nil {
		return err
	}
	v, err := hsm.Open(hsm.Options{
		Module: t.Module, Token: t.Label, PIN: func() ([]byte, error) { return readPIN(t.PIN) }, Now: time.Now,
	})
	if err != nil {
		return fmt.Errorf("keys: token %q: %w", t.Label, err)
	}
	f.vault = v
	return nil
}

// Close logs out of the token, if there is one. Keys in it sign no more.
func (f *Folder) Close() error {
	if f.vault == nil {
		return nil
	}
	if err := f.vault.Close(); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// readPIN reads one line of 4 to 256 printable characters.
func readPIN(source string) ([]byte, error) {
	const least, most = 4, 256
	text, err := readSource(source)
	if err != nil {
		return nil, fmt.Errorf("PIN: %w", err)
	}
	pin := text
	if n := len(pin); n > 0 && pin[n-1] == '\n' {
		pin = pin[:n-1]
	}
	good := len(pin) >= least && len(pin) <= most
	for _, c := range pin {
		good = good && c > ' ' && c <= '~'
	}
	if !good {
		clear(text)
		return nil, fmt.Errorf("PIN %q: not one line of %d to %d printable characters", source, least, most)
	}
	return pin, nil
}

// vault is where private halves are that never leave it.
type vault interface {
	Generate(ctx context.Context, label string) (hsm.Key, *ecdsa.PublicKey, error)
	Sign(ctx context.Context, k hsm.Key, digest []byte) ([]byte, error)
	Destroy(ctx context.Context, k hsm.Key) error
	Doubt()
	Close() error
}

// private is the half of a key that signs: r and s of 32 bytes each. doubt is
// called when what it returned did not verify.
type private interface {
	sign(ctx context.Context, digest []byte) ([]byte, error)
	doubt()
}

// scalar is a private half that rests in the folder.
type scalar struct{ key *ecdsa.PrivateKey }

func (s scalar) sign(_ context.Context, digest []byte) ([]byte, error) {
	a, b, err := ecdsa.Sign(rand.Reader, s.key, digest)
	if err != nil {
		return nil, err
	}
	out := make([]byte, signatureLen)
	a.FillBytes(out[:scalarLen])
	b.FillBytes(out[scalarLen:])
	return out, nil
}

func (scalar) doubt() {}

// held is a private half in a token.
type held struct {
	vault vault
	key   hsm.Key
}

func (h held) sign(ctx context.Context, digest []byte) ([]byte, error) {
	return h.vault.Sign(ctx, h.key, digest)
}

func (h held) doubt() { h.vault.Doubt() }

// maxLabel bounds the label of a key in a token; the smallest known limit is 64.
const maxLabel = 64

// label names the keys of a set in a token: who lists the token sees what they
// are for, and the hash keeps apart what is alike.
func label(set string) string {
	const room = maxLabel - len("pivot ") - len("-0123456789abcdef")
	return "pivot " + slug(set, room)
}

// abandon destroys keys that no set names. What fails stays in the token, where
// it signs for nobody.
func abandon(pairs ...*pair) error {
	var errs []error
	for _, p := range pairs {
		errs = append(errs, p.destroy())
	}
	return errors.Join(errs...)
}

// destroy removes a key from its token. One that rests in the folder goes with
// its record.
func (p *pair) destroy() error {
	h, ok := p.private.(held)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.vault.Destroy(ctx, h.key); err != nil {
		return fmt.Errorf("keys: key %q stays in the token: %w", p.Key.ID, err)
	}
	return nil
}
