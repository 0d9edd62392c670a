// Package op is the provider towards service providers: an endpoint a file, below one issuer. It reads requests, has the
// core decide, stores the transition and answers; what the citizen sees in between is package login's.
//
// A code comes from one place alone: [Provider.finish], where a transaction that was proved and consented to is granted.
package op

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/identity"
	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/token"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// Keys are the issuer's signing keys.
type Keys interface {
	token.TypedSigner
	// Signer is the key that signs now; one is taken for each answer.
	Signer() token.Signer
	// SignerFor is the same for an algorithm that a client's record names; ES256 where it names none.
	SignerFor(alg string) token.Signer
	// JWKS is the key set to publish.
	JWKS() ([]byte, error)
}

// Clients finds a service provider by its client_id; nil when there is none, which package client treats as a client that
// is refused everything.
type Clients func(id string) *client.Client

// Issuer is what one issuer is. The three profiles are the same one, as the packages of the core name it.
type Issuer struct {
	URL     string // issuer identifier, such as https://example.org/api/v2
	Request oauth.Profile
	Txn     txn.Profile
	Claims  claims.Profile
}

// Parts are what a provider needs; each is required.
type Parts struct {
	Kit       *web.Kit
	Issuer    Issuer
	Clients   Clients
	Providers Providers
	Ledger    txn.Ledger
	Book      record.Book
	Once      client.Once
	Log       audit.Log
	Keys      Keys
	Keysets   keyset.Source // of service providers that publish theirs
	Subjects  identity.SubjectKey
	Now       func() time.Time
}

// Provider serves the endpoints of one issuer.
type Provider struct {
	Parts

	turns [64]sync.Mutex
}

// turn has what concerns one access token wait for its turn here, so that uses of it at the same moment do not each find
// the ledger changed. The ledger's guard is what makes them right; this makes them fair.
func (p *Provider) turn(access [32]byte) *sync.Mutex { return &p.turns[int(access[0])%len(p.turns)] }

var errParts = errors.New("op: a provider needs every part")

// New mounts the provider's endpoints on its kit. Errors: a part is missing.
func New(p Parts) (*Provider, error) {
	if p.Kit == nil || p.Issuer.URL == "" || p.Clients == nil || p.Providers == nil || p.Ledger == nil || p.Book == nil || p.Once == nil || p.Log == nil || p.Keys == nil || p.Keysets == nil || p.Now == nil {
		return nil, errParts
	}
	provider := &Provider{Parts: p}
	p.Kit.API(http.MethodGet, web.PathDiscovery, provider.discovery)
	p.Kit.API(http.MethodGet, web.PathJWKS, provider.jwks)
	p.Kit.API(http.MethodHead, web.PathDiscovery, provider.discovery) // whoever watches an issuer asks so
	p.Kit.API(http.MethodHead, web.PathJWKS, provider.jwks)
	p.Kit.Page(http.MethodGet, web.PathAuthorize, provider.authorize)
	p.Kit.Page(http.MethodPost, web.PathAuthorize, provider.authorize)
	p.Kit.Page(http.MethodGet, web.PathResume, provider.finish)
	p.Kit.API(http.MethodPost, web.PathPush, provider.push)
	p.Kit.API(http.MethodPost, web.PathToken, provider.token)
	p.Kit.API(http.MethodPost, web.PathRevocation, provider.revoke)
	p.Kit.API(http.MethodGet, web.PathUserinfo, provider.userinfo)
	p.Kit.API(http.MethodPost, web.PathChecktoken, provider.checktoken)
	p.Kit.API(http.MethodPost, web.PathIntrospection, provider.introspect)
	return provider, nil
}

// Lives of what is issued (FranceConnect+ profile; franceconnect.md 1.6).
const (
	tokenLife = 60 * time.Second
	jwksCache = 10 * time.Minute

	// cookieLife is that of the longest login: what a browser keeps longer opens nothing.
	cookieLife = 30 * time.Minute
)

// secret draws 256 random bits and returns their text and the hash under which they are kept.
func secret() (string, [32]byte) {
	var raw [32]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	text := base64.RawURLEncoding.EncodeToString(raw[:])
	return text, hash(text)
}

// hash is how a code or a token is kept: it has 256 random bits, so a plain hash cannot be searched.
func hash(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// step is one transition to store.
type step struct {
	from, next txn.State
	entry      audit.Entry
}

// advance stores a transition, or the end that its refusal comes to: err is the transition's. It reports the refusal once
// that is stored.
func (p *Provider) advance(ctx context.Context, s step, err error) error {
	refusal, refused := errors.AsType[*txn.Refusal](err)
	switch {
	case refused:
		s.next, s.entry = refusal.Ended, refusal.Entry
	case err != nil:
		return err
	}
	if err := p.Ledger.Advance(ctx, s.from, s.next, s.entry); err != nil {
		return err
	}
	if refused {
		return refusal
	}
	return nil
}
