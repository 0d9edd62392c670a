package broker

import (
	"context"
	"fmt"

	"pivot/server/internal/companion"
	"pivot/server/internal/config"
	"pivot/server/internal/identity"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/trust"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/web"
)

// openTrust reads what cards are judged by, and the register that their holders are looked up in.
func (b *Broker) openTrust() error {
	var err error
	if b.trust, err = openTrust(b.config, b.testPKI); err != nil {
		return err
	}
	b.register, err = openRegister(b.config)
	return err
}

func openTrust(c config.Config, tests bool) (*trust.Store, error) {
	o := trust.Options{Dir: c.TrustDir(), InsecureWithoutFreshCRL: c.Card().InsecureWithoutFreshCRL, AllowTest: tests}
	for _, row := range c.Card().Accept {
		o.Issuers = append(o.Issuers, card.Issuer{State: row.State, Country: row.Country, Codes: []string{row.Code}})
	}
	return trust.Open(o)
}

// register is the civil register of a deployment; without a file there is none, and nobody is known.
type register struct{ file *rnipp.File }

func openRegister(c config.Config) (*register, error) {
	if c.RegisterFile() == "" {
		return new(register), nil
	}
	file, err := rnipp.Open(c.RegisterFile())
	return &register{file}, err
}

// Find implements [rnipp.Register].
func (r *register) Find(ctx context.Context, q rnipp.Query) ([]rnipp.Person, error) {
	if r.file == nil {
		return nil, nil
	}
	return r.file.Find(ctx, q)
}

// Reload reads the file again, where there is one.
func (r *register) Reload() error {
	if r.file == nil {
		return nil
	}
	return r.file.Reload()
}

// mountCompanion puts on the issuer's kit what its citizens' companions call.
func (b *Broker) mountCompanion(issuer companion.Issuer, kit *web.Kit) error {
	lookup, err := b.lookup()
	if err != nil {
		return err
	}
	return companion.Mount(companion.Parts{
		Kit: kit, Issuer: issuer, Events: b.bus, Keys: b.signing[requests(issuer.URL)], Policy: b.config.Policy(),
		Store: companion.Store{Book: b.store, Ledger: b.store, Once: b.store, Log: b.store},
		Cards: b.trust.Policy, Register: b.register, Lookup: lookup, Redeem: b.desk.Redeem, Now: b.now,
	})
}

// lookup is the secret under which accounts are found by identity: the same for the life of the deployment.
func (b *Broker) lookup() (identity.LookupKey, error) {
	secret, err := b.ring.Secret("account")
	if err != nil {
		return identity.LookupKey{}, fmt.Errorf("lookup key: %w", err)
	}
	return identity.NewLookupKey(secret.Bytes())
}
