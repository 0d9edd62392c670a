package broker

import (
	"context"
	"errors"

	"pivot/server/internal/client"
	"pivot/server/internal/config"
	"pivot/server/internal/farewell"
	"pivot/server/internal/fetch"
	"pivot/server/internal/logout"
	"pivot/server/internal/op"
	"pivot/server/internal/token"
	"pivot/server/internal/web"
)

// mountLogout makes the edge where sessions end.
func (b *Broker) mountLogout(i config.Issuer, kit *web.Kit, guard *web.Guard, lookup op.Clients) error {
	return logout.Mount(logout.Parts{
		Kit: kit, Guard: guard, Issuer: i.Identifier(), Clients: lookup, Ledger: b.store, Book: b.store, Log: b.store,
		Keys: b.issuerKeys(i).JWKS, Now: b.now,
	})
}

// openFarewell makes who tells service providers of logouts.
func (b *Broker) openFarewell() error {
	finds := make(map[string]func(string) *client.Client)
	for _, i := range b.config.Issuers() {
		described, err := profile(i)
		if err != nil {
			return err
		}
		finds[i.Identifier()] = func(id string) *client.Client { return b.registry.Lookup(described.Request, id) }
	}
	var err error
	b.courier, err = farewell.New(farewell.Parts{
		Book: b.store, Owners: b.store.Owners, Keysets: b.keysets, Post: b.post, Now: b.now,
		Clients: func(issuer, id string) *client.Client {
			if find, ok := finds[issuer]; ok {
				return find(id)
			}
			return nil // an issuer that the configuration has no more
		},
		Keys: func(issuer string) token.TypedSigner { return b.signing[issuer] },
	})
	return err
}

// post sends what a service provider is to be told.
func (b *Broker) post(ctx context.Context, address, mediaType string, body []byte) (status int, reason string) {
	answer, err := b.fetcher.Post(ctx, address, mediaType, body)
	if refusal, ok := errors.AsType[*fetch.Refusal](err); ok {
		return 0, string(refusal.Reason)
	}
	if err != nil {
		return 0, string(fetch.ReasonUnreachable)
	}
	return answer.Status, ""
}
