package keys

import "errors"

var (
	// ErrSealed says that sealed bytes do not open: another key, another
	// purpose, other associated data, or altered bytes. It does not say which.
	ErrSealed = errors.New("keys: sealed bytes do not open")
	// ErrTooSoon says that the next key has not been published for long enough
	// to be used.
	ErrTooSoon = errors.New("keys: too soon to rotate")
)

var errMarshal = errors.New("keys: a secret is not written in clear")
