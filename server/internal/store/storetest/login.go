package storetest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/identity"
	"pivot/server/internal/txn"
)

// Login is one login as a broker would take it through a ledger: the hashes it works with, and its transitions.
type Login struct {
	Issuer               string
	ID                   txn.ID
	Browser, Code, Token [32]byte
	Means                []string // identifiers of those that gave the proof
	Now                  func() time.Time
}

// The issuers of the suite. An identifier, a code and a token of one are unknown to the other.
const (
	IssuerA = "https://plus.test/api/v2"
	IssuerB = "https://other.test/api/v2"
)

// What must not be found in clear in any file of a store.
const (
	familyName = "Zyxwvut-Plaintext"
	nonce      = "nonce-plaintext-0123456789"
	account    = "account-plaintext"
	clientID   = "client-plaintext"
	redirect   = "https://sp.test/callback-plaintext"
)

// NewLogin gives a login with random hashes.
func NewLogin(issuer string, now func() time.Time) Login {
	l := Login{Issuer: issuer, ID: txn.NewID(), Now: now}
	for _, hash := range []*[32]byte{&l.Browser, &l.Code, &l.Token} {
		rand.Read(hash[:])
	}
	return l
}

// First gives the state that the login begins with.
func (l Login) First() (txn.Waiting, audit.Entry, error) {
	request, err := txn.NewRequest(txn.Params{
		Profile: txn.Plus, Issuer: l.Issuer, Client: clientID, RedirectURI: redirect, State: "state", Nonce: nonce,
		Scopes: []string{"openid", "given_name", "family_name", "birthdate"}, Level: assurance.High, Prompt: "login consent",
	})
	if err != nil {
		return txn.Waiting{}, audit.Entry{}, err
	}
	return request.Begin(l.ID, l.Browser, l.Now())
}

// Next gives the state that follows in a login that succeeds, and its audit entry.
func (l Login) Next(from txn.State) (txn.State, audit.Entry, error) {
	switch from := from.(type) {
	case txn.Waiting:
		return proven(from, l.Means, l.Now())
	case txn.Proven:
		return widen(from.Consent(txn.NoticeConsented, l.Browser, l.Now()))
	case txn.Consented:
		return widen(from.Grant(l.Code, l.Browser, l.Now()))
	case txn.Granted:
		return widen(from.Redeem(txn.Redemption{Client: clientID, RedirectURI: redirect, Token: l.Token}, l.Now()))
	case txn.Redeemed:
		return widen(from.Use(l.Now()))
	}
	return nil, audit.Entry{}, fmt.Errorf("storetest: nothing follows %T", from)
}

// Reach stores the login and takes it to the state of that name.
func (l Login) Reach(ctx context.Context, ledger txn.Ledger, name txn.StateName) (txn.State, error) {
	first, e, err := l.First()
	if err != nil {
		return nil, err
	}
	if err := ledger.Begin(ctx, first, e); err != nil {
		return nil, err
	}
	for at := txn.State(first); ; {
		if at.Name() == name {
			return at, nil
		}
		next, e, err := l.Next(at)
		if err != nil {
			return nil, err
		}
		if err := ledger.Advance(ctx, at, next, e); err != nil {
			return nil, err
		}
		at = next
	}
}

func widen[S txn.State](s S, e audit.Entry, err error) (txn.State, audit.Entry, error) {
	return s, e, err
}

// proven gives the state after a proof. Only a verifier makes a proof, and none is within a store's reach; a store has
// the right to read states, so the state is written in the form in which it is read.
func proven(w txn.Waiting, means []string, now time.Time) (txn.State, audit.Entry, error) {
	person, err := identity.New(identity.Fields{
		GivenName: "Angela Claire", FamilyName: familyName, Gender: "female", Birthdate: "1962-08-24",
		Birthcountry: "99100", Birthplace: "75107", Email: "angela@plaintext.test",
	})
	if err != nil {
		return nil, audit.Entry{}, err
	}
	// Encoding: format, kind, identifier, browser, code, version; then the moment, as it is again after the request.
	const kind, version, moment = 1, 2 + 3*32, 2 + 3*32 + 4
	raw := txn.Encode(w)
	if len(raw) < moment+8 {
		return nil, audit.Entry{}, errors.New("storetest: a short encoding")
	}
	raw[kind]++
	binary.BigEndian.PutUint32(raw[version:], uint32(w.Version()+1))
	binary.BigEndian.PutUint64(raw[moment:], uint64(now.UnixMilli()))
	raw = text(raw, account)
	raw = append(raw, byte(assurance.High), byte(assurance.CardWithKey))
	raw = binary.BigEndian.AppendUint64(raw, uint64(now.UnixMilli()))
	raw = text(raw, string(person.Encode()))
	raw = append(raw, byte(len(means)))
	for _, id := range means {
		raw = text(raw, id)
	}
	state, err := txn.Decode(raw)
	if err != nil {
		return nil, audit.Entry{}, err
	}
	return state, audit.Entry{
		Event: audit.ProofAccepted, At: now, Issuer: w.Issuer(), Transaction: w.ID().String(), Client: clientID, Account: account,
	}, nil
}

func text(raw []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(raw, uint16(len(s))), s...)
}
