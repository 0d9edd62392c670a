// Package companion is what the citizen's app calls: pairing, one login from its start code to the approval, the PIN, the
// card, the desk's code. An endpoint a file; the messages are package wire's.
//
// Every call but the key set is signed by the device's key, and its order is the same everywhere: size and signature, the
// device and whether it may be used, the call's identifier spent, the ceremony and whether this device takes part, then the
// endpoint. What the app says is evidence to judge, never a conclusion; every change is guarded by the versions that were
// read, so that of two calls at once one wins and the other reads again.
package companion

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/identity"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/web"
	"pivot/shared/wire"
)

// Keys sign the requests that the app shows.
type Keys interface {
	// SignAs gives the compact JWS of a payload, with that typ.
	SignAs(ctx context.Context, typ string, payload []byte) (string, error)
	// JWKS is the key set that verifies it.
	JWKS() ([]byte, error)
}

// Bus wakes those who wait for a ceremony to change, by its identifier.
type Bus interface {
	Notify(topic string)
	Watch(topic string) (wake <-chan struct{}, stop func())
}

// Issuer is what one issuer is.
type Issuer struct {
	URL     string // issuer identifier, such as https://example.org/api/v2
	Claims  claims.Profile
	Clients func(id string) *client.Client
}

// Store is where everything is kept.
type Store struct {
	Book   record.Book
	Ledger txn.Ledger
	Once   client.Once
	Log    audit.Log
}

// Parts are what the edge of one issuer needs. All but Register are required; without one no card can be enrolled, nor
// used.
type Parts struct {
	Kit      *web.Kit
	Issuer   Issuer
	Store    Store
	Events   Bus
	Keys     Keys
	Policy   assurance.Policy
	Cards    func() card.Policy // what is accepted now
	Register rnipp.Register
	Lookup   identity.LookupKey
	// Redeem enters the desk's code on a device, storing what follows, and gives the tries left beside
	// [means.ErrWrongCode].
	Redeem func(ctx context.Context, d means.Device, code string) (tries int, err error)
	Now    func() time.Time
}

// edge is one issuer's.
type edge struct {
	Parts

	origin  string // of the issuer
	streams *streams
}

var errParts = errors.New("companion: an edge needs every part")

// Mount puts the companion's endpoints on the kit. Errors: a part is missing.
func Mount(p Parts) error {
	s := p.Store
	if p.Kit == nil || p.Issuer.URL == "" || p.Issuer.Claims == 0 || p.Issuer.Clients == nil || s.Book == nil || s.Ledger == nil ||
		s.Once == nil || s.Log == nil {
		return errParts
	}
	if p.Events == nil || p.Keys == nil || p.Cards == nil || p.Redeem == nil || p.Now == nil {
		return errParts
	}
	origin, ok := strings.CutSuffix(p.Issuer.URL, string(web.PathBase))
	if !ok {
		return errParts
	}
	e := &edge{Parts: p, origin: origin, streams: newStreams()}
	mount(e, route{http.MethodPost, wire.PathPairings, anybody}, e.pair)
	mount(e, route{http.MethodPost, wire.PathCeremonies, owner}, e.attach)
	mount(e, route{http.MethodPost, wire.PathHop, party}, e.hop)
	mount(e, route{http.MethodPost, wire.PathRequest, party}, e.ask)
	mount(e, route{http.MethodPost, wire.PathPIN, party}, e.pin)
	mount(e, route{http.MethodPost, wire.PathPINProof, party}, e.pinProof)
	mount(e, route{http.MethodPost, wire.PathCard, party}, e.open)
	mount(e, route{http.MethodPost, wire.PathResult, party}, e.result)
	mount(e, route{http.MethodPost, wire.PathRefusal, party}, e.refusal)
	mount(e, route{http.MethodPost, wire.PathPINChange, owner}, e.pinChange)
	mount(e, route{http.MethodPost, wire.PathDesk, owner}, e.desk)
	mount(e, route{http.MethodGet, wire.PathDevice, owner}, e.status)
	p.Kit.Patient(wire.PathEvents, mostStream)
	p.Kit.API(http.MethodGet, wire.PathEvents, e.events)
	p.Kit.API(http.MethodGet, wire.PathKeys, e.keys)
	return nil
}
