package keys

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// A Secret is 32 bytes that print as redacted, also inside something else.
type Secret struct {
	// A function, because fmt follows every pointer and field of a value whose
	// methods it may not call, but not what a function captures.
	reveal func() []byte
}

func newSecret(b []byte) Secret { return Secret{func() []byte { return b }} }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Bytes returns a copy of the secret, nil for the zero Secret.
func (s Secret) Bytes() []byte {
	if s.reveal == nil {
		return nil
	}
	return append([]byte(nil), s.reveal()...)
}

// Format prints no secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns no secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText refuses: a secret leaves sealed or not at all.
func (s Secret) MarshalText() ([]byte, error) { return nil, errMarshal }
