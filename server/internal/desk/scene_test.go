package desk_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/desk"
	"pivot/server/internal/identity"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// scene is a desk on a real store, with one citizen's device, card and case.
type scene struct {
	*desk.Service

	tb        testing.TB
	store     *store.Store
	millis    atomic.Int64
	reference string
}

const (
	deviceID = "device-1"
	cardID   = "card-1"
	caseID   = "case-1"
	account  = "account-1"
	agent    = "agent.7"

	firstEmail = "first@example.org"  // of whoever paired first
	email      = "helene@example.org" // of the pairing whose case the scene has
)

func newScene(tb testing.TB) *scene {
	tb.Helper()
	s := &scene{tb: tb, reference: wire.NewCode()}
	s.millis.Store(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).UnixMilli())
	var err error
	s.store, err = store.Open(tb.Context(), store.Options{Dir: tb.TempDir(), Sealer: storetest.NewSealer([32]byte{1}), Now: s.now})
	s.must(err)
	tb.Cleanup(func() { s.must(s.store.Close()) })
	s.Service, err = desk.New(desk.Parts{Book: s.store, Log: s.store, Now: s.now})
	s.must(err)
	s.enrol(dg2())
	return s
}

func (s *scene) now() time.Time { return time.UnixMilli(s.millis.Load()).UTC() }

func (s *scene) advance(d time.Duration) { s.millis.Add(d.Milliseconds()) }

func (s *scene) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

func (s *scene) order() desk.Order { return desk.Order{Reference: s.reference, Agent: agent} }

// enrol stores what a pairing leaves behind.
func (s *scene) enrol(portrait []byte) {
	s.tb.Helper()
	d, _, err := means.NewDevice(means.DeviceParts{
		ID: deviceID, Key: []byte(`{"kty":"EC"}`), Thumbprint: sha256.Sum256([]byte("key")), Name: "Laptop", Platform: "Linux", Protection: "file",
	}, s.now())
	s.must(err)
	d, err = d.SetPIN(bytes.Repeat([]byte{1}, 32), append([]byte{4}, bytes.Repeat([]byte{2}, 64)...))
	s.must(err)
	d, err = d.Enrol(account, assurance.CardMatch)
	s.must(err)
	d, err = d.Await(s.reference)
	s.must(err)
	c, err := means.NewCard(means.CardParts{
		ID: cardID, Account: account, Device: deviceID, Handle: bytes.Repeat([]byte{3}, 32),
		Document: card.Document{State: "FRA", Code: "ID", Number: "T1ST00001"}, Memory: []byte("memory"),
	}, assurance.CardMatch)
	s.must(err)
	k, err := means.NewDeskCase(means.DeskParts{
		ID: caseID, Reference: s.reference, Account: account, Device: deviceID, Card: cardID, Portrait: portrait,
		Holder: []string{"DUPONT", "HELENE FRANCOISE", "...0001"}, Email: email,
	}, s.now())
	s.must(err)
	i, err := identity.New(identity.Fields{
		GivenName: "Hélène Françoise", FamilyName: "DUPONT", Gender: "female", Birthdate: "1985-03-14", Birthcountry: "99100",
		Birthplace: "69383", Email: firstEmail,
	})
	s.must(err)
	a, err := means.NewAccount(means.AccountParts{ID: account, Lookup: [32]byte{4}, Person: i})
	s.must(err)
	a, _, err = a.Await(deviceID)
	s.must(err)
	s.must(s.store.Apply(s.tb.Context(), []record.Change{a.Change(), d.Change(), c.Change(), k.Change()}))
}

func (s *scene) account() means.Account {
	s.tb.Helper()
	r, err := s.store.Get(s.tb.Context(), record.Account, account)
	s.must(err)
	a, err := means.ParseAccount(r)
	s.must(err)
	return a
}

func (s *scene) device() means.Device {
	s.tb.Helper()
	r, err := s.store.Get(s.tb.Context(), record.Device, deviceID)
	s.must(err)
	d, err := means.ParseDevice(r)
	s.must(err)
	return d
}

func (s *scene) card() means.Card {
	s.tb.Helper()
	r, err := s.store.Get(s.tb.Context(), record.Card, cardID)
	s.must(err)
	c, err := means.ParseCard(r)
	s.must(err)
	return c
}

// activated reports whether device, PIN and card have the grade of a desk; all or none must.
func (s *scene) activated() bool {
	s.tb.Helper()
	d, c := s.device(), s.card()
	grades := []assurance.Activation{d.Activation(), d.PINActivation(), c.Activation()}
	if slices.Max(grades) != slices.Min(grades) {
		s.tb.Fatalf("half activated: %v", grades)
	}
	return grades[0] == assurance.CardDesk
}

// approve is the agent's yes.
func (s *scene) approve() string {
	s.tb.Helper()
	h, err := s.Activate(s.tb.Context(), s.order())
	s.must(err)
	return h.Code
}

// entries are the audit entries of an event.
func (s *scene) entries(event audit.Event) []audit.Entry {
	s.tb.Helper()
	var out []audit.Entry
	for e, err := range s.store.Entries(s.tb.Context()) {
		s.must(err)
		if e.Event == event {
			out = append(out, e)
		}
	}
	return out
}

func object(tag []byte, parts ...[]byte) []byte {
	value := bytes.Join(parts, nil)
	if len(value) > 127 {
		return slices.Concat(tag, []byte{0x82, byte(len(value) >> 8), byte(len(value))}, value)
	}
	return slices.Concat(tag, []byte{byte(len(value))}, value)
}

// picture begins as a JP2 file does.
var picture = []byte("\x00\x00\x00\x0CjP  \r\n\x87\n and the face")

// dg2 is a portrait as ICAO 9303-10 §4.7.2 wraps it, around an ISO/IEC 19794-5 record.
func dg2() []byte {
	image := []byte{1, 1, 0, 154, 0, 198, 1, 2, 0, 0, 0, 0}
	facial := slices.Concat([]byte{0, 0, 0, byte(20 + len(image) + len(picture))}, make([]byte, 16))
	body := slices.Concat(facial, image, picture)
	record := slices.Concat([]byte("FAC\x00010\x00"), []byte{0, 0, 0, byte(14 + len(body)), 0, 1}, body)
	return object([]byte{0x75}, object([]byte{0x7F, 0x61}, object([]byte{0x02}, []byte{1}),
		object([]byte{0x7F, 0x60}, object([]byte{0xA1}), object([]byte{0x5F, 0x2E}, record))))
}
