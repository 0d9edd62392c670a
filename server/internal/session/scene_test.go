package session_test

import (
	"strconv"
	"testing"
	"time"

	"pivot/server/internal/session"
	"pivot/server/internal/txn"
)

const issuer = "https://pivot.test/api/v2"

// at is when the tests happen.
func at() time.Time { return time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC) }

func person() session.Person {
	return session.Person{Issuer: issuer, Profile: txn.Plus, Account: "account-1"}
}

// browser is the hash of some cookie.
func browser(n byte) [32]byte { return [32]byte{n, 1} }

// idToken is what an ID token says, at a service provider.
func idToken(client string) session.Token {
	return session.Token{Client: client, Subject: "sub-of-" + client, Nonce: "nonce-of-" + client, AuthTime: at()}
}

// login is the n-th one at a service provider.
func login(client string, n int) session.Login {
	transaction := client + "-transaction-" + strconv.Itoa(n)
	return session.Login{
		Client: client, Subject: "sub-of-" + client, SID: session.SID(transaction), Transaction: transaction, Token: idToken(client).Print(),
	}
}

func begun(t *testing.T, p session.Person) session.Session {
	t.Helper()
	s, err := session.Begin(p, browser(1), at())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func joined(t *testing.T, s session.Session, l session.Login, cookie [32]byte, now time.Time) session.Session {
	t.Helper()
	s, err := s.Join("account-1", l, cookie, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stored is a session as it comes back from the store.
func stored(t *testing.T, s session.Session) session.Session {
	t.Helper()
	c := s.Change()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := session.Parse(c.Next)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
