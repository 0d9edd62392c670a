package means_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/identity"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// octets gives n octets that are all the same.
func octets(n int, value byte) []byte { return bytes.Repeat([]byte{value}, n) }

func person(tb testing.TB, change func(f *identity.Fields)) identity.Identity {
	tb.Helper()
	f := identity.Fields{
		GivenName: "Angela Claire", FamilyName: "Secretname", Gender: "female", Birthdate: "1962-08-24",
		Birthcountry: "99100", Birthplace: "75107", Email: "secret@example.org",
	}
	if change != nil {
		change(&f)
	}
	i, err := identity.New(f)
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

func accountParts(tb testing.TB) means.AccountParts {
	tb.Helper()
	return means.AccountParts{ID: "account-1", Lookup: [32]byte{1}, Person: person(tb, nil)}
}

func deviceParts() means.DeviceParts {
	return means.DeviceParts{
		ID: "device-1", Key: []byte(`{"kty":"EC"}`), Thumbprint: [32]byte{2}, Name: "Téléphone d'Angela", Platform: "Linux",
		Protection: "file", Pairing: "pairing-1",
	}
}

func cardParts() means.CardParts {
	return means.CardParts{
		ID: "card-1", Account: "account-1", Device: "device-1", Handle: octets(32, 3),
		Document: card.Document{State: "FRA", Code: "ID", Number: "SECRETNUM1"}, Memory: []byte("secret memory"),
		Reach: wire.Reach{Extended: true, MaxResponse: 65536, Block: 223, Sizes: map[string]int{"1": 95, "13": 40}},
	}
}

func deskParts() means.DeskParts {
	return means.DeskParts{
		ID: "case-1", Reference: "ABCD-EFGH", Account: "account-1", Device: "device-1", Card: "card-1",
		Portrait: []byte("secret portrait"), Holder: []string{"Secretname, Angela Claire", "1962-08-24"},
		Email: "secret@example.org",
	}
}

// must gives a value that a transition made.
func must[T any](tb testing.TB) func(value T, err error) T {
	return func(value T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}

func newAccount(tb testing.TB) means.Account {
	tb.Helper()
	return must[means.Account](tb)(means.NewAccount(accountParts(tb)))
}

// newDevice gives a device that nobody owns, and the first value of its ratchet.
func newDevice(tb testing.TB) (means.Device, []byte) {
	tb.Helper()
	d, first, err := means.NewDevice(deviceParts(), start)
	if err != nil {
		tb.Fatal(err)
	}
	return d, first
}

// enrolled gives a device with a PIN and an owner.
func enrolled(tb testing.TB) means.Device {
	tb.Helper()
	d, _ := newDevice(tb)
	d = must[means.Device](tb)(d.SetPIN(octets(32, 4), octets(65, 5)))
	return must[means.Device](tb)(d.Enrol("account-1", assurance.CardMatch))
}

func newCard(tb testing.TB) means.Card {
	tb.Helper()
	return must[means.Card](tb)(means.NewCard(cardParts(), assurance.CardMatch))
}

func newCase(tb testing.TB) means.DeskCase {
	tb.Helper()
	return must[means.DeskCase](tb)(means.NewDeskCase(deskParts(), start))
}

const code = "JKMN-PQRS"

// approved gives a case whose code is good for a quarter of an hour.
func approved(tb testing.TB) means.DeskCase {
	tb.Helper()
	return must[means.DeskCase](tb)(newCase(tb).Approve(code, start.Add(15*time.Minute), start))
}

func wantError(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("%s: %v, want %v", what, err, want)
	}
}

// bounds wants an error that is none of the stable ones: a value of the caller's was out of its bounds.
func bounds(tb testing.TB, what string, err error) {
	tb.Helper()
	if known, ok := errors.AsType[means.Error](err); err == nil || ok {
		tb.Errorf("%s: %v (%q)", what, err, known)
	}
}

// stored gives what a change is read as, which is to be changed to the same again but for the version.
func stored[T interface{ Change() record.Change }](tb testing.TB, value T, parse func(record.Record) (T, error)) T {
	tb.Helper()
	c := value.Change()
	if err := c.Check(); err != nil {
		tb.Fatal(err)
	}
	back, err := parse(c.Next)
	if err != nil {
		tb.Fatal(err)
	}
	again := back.Change()
	if err := again.Check(); err != nil || again.From != c.Next.Version {
		tb.Errorf("the change after: from %d, %v", again.From, err)
	}
	again.Next.Version = c.Next.Version
	if a, b := again.Next, c.Next; a.Kind != b.Kind || a.ID != b.ID || a.State != b.State || a.Owner != b.Owner ||
		a.Alias != b.Alias || !a.Expires.Equal(b.Expires) || !bytes.Equal(a.Body, b.Body) {
		tb.Errorf("stored %+v and then %+v", b, a)
	}
	return back
}
