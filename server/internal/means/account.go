package means

import (
	"fmt"
	"slices"

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
	lookup  [32]byte
	person  identity.Identity
	waiting []string // devices that no desk has activated, the oldest in front
}

const (
	accountV1   = 1
	mostWaiting = 5 // whoever holds the card for a while opens no more at once; a household has fewer computers
)

type accountBody struct {
	V       int      `json:"v"`
	Person  []byte   `json:"person"`
	Waiting []string `json:"waiting,omitempty"`
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
	a.version, a.waiting = r.Version, b.Waiting
	return sound(a, r, a.Change(), err == nil && b.V == accountV1 && a.listed())
}

// listed reports whether the devices that wait are identifiers, a few, and each once.
func (a Account) listed() bool {
	for i, device := range a.waiting {
		if !identifier(device) || slices.Contains(a.waiting[:i], device) {
			return false
		}
	}
	return len(a.waiting) <= mostWaiting
}

// Await notes a device that belongs to the account from now on and that no desk has activated yet. Of those there are five at
// most: where a sixth comes, the one that waited longest is displaced, and to be retired by the caller in the same write.
// displaced is empty for none. Whoever holds the card goes before whoever held it, and nobody is kept out by devices that
// somebody else left behind. Errors: no device.
func (a Account) Await(device string) (next Account, displaced string, err error) {
	if !identifier(device) || a.IsZero() {
		return Account{}, "", errParts
	}
	a.waiting = append(a.without(device), device)
	if len(a.waiting) > mostWaiting {
		displaced, a.waiting = a.waiting[0], a.waiting[1:]
	}
	return a, displaced, nil
}

// Settle notes that a device waits no more: a desk activated it, or it was retired.
func (a Account) Settle(device string) Account {
	a.waiting = a.without(device)
	return a
}

// without is a list of its own.
func (a Account) without(device string) []string {
	return slices.DeleteFunc(slices.Clone(a.waiting), func(other string) bool { return other == device })
}

// Waiting are the devices that no desk has activated, the oldest in front.
func (a Account) Waiting() []string { return slices.Clone(a.waiting) }

// Lookup is what the account is found by.
func (a Account) Lookup() [32]byte { return a.lookup }

// Person is the identity of the account.
func (a Account) Person() identity.Identity { return a.person }

// Update takes the identity anew, such as after the register changed it: account and services' names for it stay, and
// it is found by the new lookup. Errors: nobody, no lookup.
func (a Account) Update(person identity.Identity, lookup [32]byte) (Account, error) {
	if person.IsZero() || lookup == [32]byte{} || a.IsZero() {
		return Account{}, errParts
	}
	a.person, a.lookup = person.Succeed(a.person), lookup
	return a, nil
}

// Change stores the account in the place of what was read.
func (a Account) Change() record.Change {
	c := a.change(record.StateActive, "", accountBody{V: accountV1, Person: a.person.Encode(), Waiting: a.waiting})
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
