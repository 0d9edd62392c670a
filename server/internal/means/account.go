package means

import (
	"fmt"

	"pivot/server/internal/identity"
	"pivot/server/internal/record"
)

// AccountParts are what an account is made of.
type AccountParts struct {
	ID     string            // random; 1 to 64 printable characters of ASCII
	Lookup [32]byte          // see [identity.LookupKey.Account]: a person has one account
	Person identity.Identity // with the e-mail address; what services are told
}

// Account says who somebody is. It has no state of its own: means are suspended, persons are not.
type Account struct {
	head
	lookup [32]byte
	person identity.Identity
}

const accountV1 = 1

type accountBody struct {
	V      int    `json:"v"`
	Person []byte `json:"person"`
}

// NewAccount makes an account that was never stored. Errors: a part that is missing or out of its bounds.
func NewAccount(p AccountParts) (Account, error) {
	if !identifier(p.ID) || p.Lookup == [32]byte{} || p.Person.IsZero() {
		return Account{}, errParts
	}
	return Account{head: head{kind: record.Account, id: p.ID}, lookup: p.Lookup, person: p.Person}, nil
}

// ParseAccount reads what [Account.Change] stored. Errors: anything else.
func ParseAccount(r record.Record) (Account, error) {
	var b accountBody
	if err := decode(r, record.Account, &b); err != nil {
		return Account{}, err
	}
	person, err := identity.Parse(b.Person)
	if err != nil {
		return Account{}, fmt.Errorf("means: account: %w", err)
	}
	a, err := NewAccount(AccountParts{ID: r.ID, Lookup: r.Alias, Person: person})
	a.version = r.Version
	return sound(a, r, a.Change(), err == nil && b.V == accountV1)
}

// Person is the identity of the account.
func (a Account) Person() identity.Identity { return a.person }

// Update takes the identity anew, such as after the register changed it: account and services' names for it stay, and
// it is found by the new lookup. Errors: nobody, no lookup.
func (a Account) Update(person identity.Identity, lookup [32]byte) (Account, error) {
	if person.IsZero() || lookup == [32]byte{} || a.IsZero() {
		return Account{}, errParts
	}
	a.person, a.lookup = person, lookup
	return a, nil
}

// Change stores the account in the place of what was read.
func (a Account) Change() record.Change {
	c := a.change(record.StateActive, "", accountBody{V: accountV1, Person: a.person.Encode()})
	c.Next.Alias = a.lookup
	return c
}

// sound gives a value that was parsed, if it would be stored as the record that it was parsed from.
func sound[T any](value T, r record.Record, again record.Change, ok bool) (T, error) {
	next := again.Next
	if !ok || r.Version < 1 || next.ID != r.ID || next.State != r.State || next.Owner != r.Owner || next.Alias != r.Alias ||
		!next.Expires.Equal(r.Expires) || string(next.Body) != string(r.Body) {
		var none T
		return none, fmt.Errorf("means: %s: not what was stored", r.Kind)
	}
	return value, nil
}
