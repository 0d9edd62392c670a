// Package hsm keeps signing keys in a PKCS#11 token (OASIS PKCS #11 v2.40): it
// makes them there, signs with them there, and never sees a private half.
//
// It works in a program that is built with the tag pkcs11 and cgo. In any other
// [Open] refuses, and neither cgo nor a PKCS#11 library is linked.
package hsm

import (
	"errors"
	"time"
)

var (
	// ErrNotBuilt says that the program has no PKCS#11.
	ErrNotBuilt = errors.New("this program was built without PKCS#11: build it with CGO_ENABLED=1 and -tags pkcs11, or take the pkcs11 keys out of the configuration")
	// ErrAbsent says that the token answers and has no such key.
	ErrAbsent = errors.New("the token has no such key")
)

// Options say which token it is and how to log in.
type Options struct {
	Module string                 // path of the PKCS#11 library
	Token  string                 // label of the token
	PIN    func() ([]byte, error) // reads the user's PIN, asked at each login; what it returns is wiped
	Now    func() time.Time
}

// A Key names a key of a token. Several sets of keys may share a token: the
// label is the set's, so no set finds another's key.
type Key struct {
	Label string // CKA_LABEL
	ID    []byte // CKA_ID
}
