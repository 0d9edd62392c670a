package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/companion"
	"pivot/server/internal/config"
	"pivot/server/internal/identity"
	"pivot/server/internal/login"
	"pivot/server/internal/oauth"
	"pivot/server/internal/op"
	"pivot/server/internal/portal"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/store"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// site is the name of the broker on its pages.
const site = "Pivot"

// profile is one product, as each package of the core names it.
func profile(i config.Issuer) (op.Issuer, error) {
	out := op.Issuer{URL: i.Identifier()}
	switch i.Profile() {
	case config.Plus:
		out.Request, out.Txn, out.Claims = oauth.Plus(), txn.Plus, claims.Plus
	case config.Standard:
		out.Request, out.Txn, out.Claims = oauth.Standard(), txn.Standard, claims.Standard
	default:
		return out, fmt.Errorf("no profile %q", i.Profile())
	}
	if i.Loopback() {
		out.Request = out.Request.OnLoopback()
	}
	return out, nil
}

// mount makes the edges of one issuer and listens for it.
func (b *Broker) mount(ctx context.Context, i config.Issuer) error {
	described, err := profile(i)
	if err != nil {
		return err
	}
	kit, err := web.New(web.Options{
		Issuer: i.Identifier(), Profile: described.Request.Name(), Site: site, Log: b.log, Proxies: b.config.TrustedProxies(),
		Probes: []web.Probe{{Name: "store", Check: b.health}},
	})
	if err != nil {
		return err
	}
	guard, err := b.guard(i.Identifier())
	if err != nil {
		return err
	}
	subjects, err := b.subjects()
	if err != nil {
		return err
	}
	lookup := func(id string) *client.Client { return b.registry.Lookup(described.Request, id) }
	_, err = op.New(op.Parts{
		Kit: kit, Issuer: described, Clients: lookup, Providers: func(id string) *client.DataProvider { return b.registry.Provider(described.Request, id) },
		Ledger: b.store, Book: b.store, Once: b.store, Log: b.store,
		Keys: b.issuerKeys(i), Keysets: b.keysets, Subjects: subjects, Now: b.now,
	})
	if err != nil {
		return err
	}
	if err := b.mountLogout(i, kit, guard, lookup); err != nil {
		return err
	}
	meet, err := rendezvous.New(rendezvous.Parts{Kit: kit, Issuer: i.Identifier(), Book: b.store, Events: b.bus, Now: b.now})
	if err != nil {
		return err
	}
	err = login.Mount(login.Parts{
		Kit: kit, Guard: guard, Issuer: i.Identifier(), Claims: described.Claims, Clients: lookup, Ledger: b.store, Log: b.store,
		Meet: meet, Now: b.now,
	})
	if err != nil {
		return err
	}
	err = portal.Mount(portal.Parts{Kit: kit, Guard: guard, Issuer: i.Identifier(), Meet: meet, Log: b.store, Now: b.now})
	if err != nil {
		return err
	}
	if err := b.mountCompanion(companion.Issuer{URL: i.Identifier(), Claims: described.Claims, Clients: lookup}, kit); err != nil {
		return err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", i.Listen().String())
	if err != nil {
		return err
	}
	b.listeners = append(b.listeners, listener)
	b.servers = append(b.servers, web.NewServer(kit, b.log))
	return nil
}

// guard is what forms of an issuer's pages are guarded by.
func (b *Broker) guard(issuer string) (*web.Guard, error) {
	key, err := b.ring.Secret("csrf " + issuer)
	if err != nil {
		return nil, err
	}
	return web.NewGuard(key.Bytes(), b.store)
}

// probeEvery bounds how often the store is asked: a probe writes, and anybody may ask.
const probeEvery = time.Second

// health says in public words what is wrong with the store, as of a moment ago.
func (b *Broker) health(ctx context.Context) error {
	b.probe.Lock()
	defer b.probe.Unlock()
	if now := b.now(); b.probe.at.IsZero() || now.Sub(b.probe.at).Abs() >= probeEvery {
		// Whoever asked may leave; the answer is for all.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeEvery)
		defer cancel()
		b.probe.at, b.probe.err = now, b.store.Health(ctx)
	}
	err := b.probe.err
	if fault, ok := errors.AsType[store.Fault](err); ok {
		return publicFault{fault, err}
	}
	return err
}

// publicFault names a fault of the store to anybody, and its cause to the log.
type publicFault struct {
	fault store.Fault
	error
}

// Reason is what anybody may read.
func (f publicFault) Reason() string { return f.fault.Error() }

// subjects is the secret that pairwise subjects depend on: the same for the life of the deployment.
func (b *Broker) subjects() (identity.SubjectKey, error) {
	secret, err := b.ring.Secret("subject")
	if err != nil {
		return identity.SubjectKey{}, err
	}
	return identity.ParseSubjectKey(fmt.Sprintf("%x", secret.Bytes()))
}

var errNoKeys = errors.New("no keys yet: make them once with `pivot-server keys init`")
