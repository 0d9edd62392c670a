package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// TokenField is the form field that carries a Guard's token.
const TokenField = "csrfToken"

const nonceBytes = 16

// Guard makes and spends the tokens of forms: each stands for one step of one transaction in one browser, and is good
// once. Other sites' forms are refused before it (Kit.Page); this is the second lock, for browsers that do not say where
// a form comes from, and the gate that lets a step be taken once.
type Guard struct {
	key  []byte
	once client.Once
}

// Step is what a token stands for.
type Step struct {
	Browser     [32]byte  // hash of the browser's cookie
	Transaction string    // its id
	Name        string    // such as "consent"
	Expires     time.Time // of the transaction: a spent token is remembered until then
}

// NewGuard keeps the key, of at least 32 bytes and used for nothing else. Errors: a short key, no store.
func NewGuard(key []byte, once client.Once) (*Guard, error) {
	if len(key) < sha256.Size {
		return nil, fmt.Errorf("web: a form key of %d bytes is too short", len(key))
	}
	if once == nil {
		return nil, errors.New("web: forms need a store of what is spent")
	}
	return &Guard{key: append([]byte(nil), key...), once: once}, nil
}

// Token makes a token for a form about to be shown: base64url(nonce ‖ HMAC-SHA-256(key, nonce, step)).
func (g *Guard) Token(s Step) string {
	nonce := make([]byte, nonceBytes)
	rand.Read(nonce)
	return encoding.EncodeToString(append(nonce, g.mac(nonce, s)...))
}

// Spend accepts the token of a form that came back, once. Errors: oauth.Error, missing, wrong or spent before; any other
// error means that the store did not answer, and the step must not be taken.
func (g *Guard) Spend(ctx context.Context, s Step, token string) error {
	if token == "" {
		return oauth.FaultCSRFMissing.Err()
	}
	raw, ok := decode(token, nonceBytes+sha256.Size)
	if !ok {
		return oauth.FaultCSRF.Err()
	}
	nonce, mac := raw[:nonceBytes], raw[nonceBytes:]
	if !hmac.Equal(mac, g.mac(nonce, s)) {
		return oauth.FaultCSRF.Err()
	}
	err := g.once.Spend(ctx, "csrf", hex.EncodeToString(nonce), s.Expires)
	if errors.Is(err, client.ErrSpent) {
		return oauth.FaultCSRFSpent.Err()
	}
	if err != nil {
		return fmt.Errorf("web: spend form token: %w", err)
	}
	return nil
}

// mac covers the parts with their lengths, so that no two steps share an encoding.
func (g *Guard) mac(nonce []byte, s Step) []byte {
	h := hmac.New(sha256.New, g.key)
	for _, part := range [][]byte{[]byte("pivot-form/1"), nonce, s.Browser[:], []byte(s.Transaction), []byte(s.Name)} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return h.Sum(nil)
}
