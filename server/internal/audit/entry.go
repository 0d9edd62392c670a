package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Event names what happened. Events are stable: retention, reports and alarms rest on them.
type Event string

// The events.
const (
	AuthorizeReceived  Event = "authorize-received"  // a valid request opened a transaction
	AuthorizeRefused   Event = "authorize-refused"   // a request was refused before there was a transaction
	AuthorizePushed    Event = "authorize-pushed"    // a client sent a valid request ahead
	ProofAccepted      Event = "proof-accepted"      // evidence reached the level asked for
	ConsentGiven       Event = "consent-given"       // the citizen went on; the detail "notice" says how
	CodeIssued         Event = "code-issued"         // the service provider was sent a code
	CodeRedeemed       Event = "code-redeemed"       // and exchanged it for an access token
	CodeReplayed       Event = "code-replayed"       // a spent code came again: what it had issued was revoked
	CodeRefused        Event = "code-refused"        // a code that is not known, or no longer
	TokenUsed          Event = "token-used"          // an access token released the identity
	TokenRefused       Event = "token-refused"       // an access token that is not known, or no longer
	TokenRevoked       Event = "token-revoked"       // an access token was taken back; the reason says by what
	RevocationRefused  Event = "revocation-refused"  // a revocation had no effect; the reason says why
	LogoutRequested    Event = "logout-requested"    // a service provider sent a browser to log out
	LogoutRefused      Event = "logout-refused"      // in a way that was refused
	SessionEnded       Event = "session-ended"       // a browser's session is over; the reason says why
	LogoutSent         Event = "logout-sent"         // a service provider took the logout token
	LogoutFailed       Event = "logout-failed"       // and one did not, in all tries; the reason says why
	TransactionRefused Event = "transaction-refused" // a transaction ended; the reason says why
	TransactionExpired Event = "transaction-expired" // a transaction ended with its time
	LoginAbandoned     Event = "login-abandoned"     // a transaction ended because the citizen gave up
	BrowserMismatch    Event = "browser-mismatch"    // a step was tried in another browser than the one that began
	ClientAuthFailed   Event = "client-auth-failed"  // a service provider did not authenticate
	ConfigReloaded     Event = "config-reloaded"     // a new snapshot of configuration or registry is in force
	ConfigRefused      Event = "config-refused"      // a reload was refused whole; the old snapshot stays
	KeyRotated         Event = "key-rotated"         // a key changed its state
	EpochStarted       Event = "epoch-started"       // after a restore: what was pending before is refused
	DevicePaired       Event = "device-paired"       // a companion's key is known from now on
	DeviceSuspended    Event = "device-suspended"    // and good for nothing any more; the reason says why
	PINSet             Event = "pin-set"             // a device has its first PIN
	PINChanged         Event = "pin-changed"         // another PIN in place of the one before
	PINFailed          Event = "pin-failed"          // an attempt was counted
	PINLocked          Event = "pin-locked"          // the last attempt was spent
	HopCompleted       Event = "hop-completed"       // the browser that began runs beside the companion
	RelaySuspected     Event = "relay-suspected"     // another browser brought a hop back
	CardOpened         Event = "card-opened"         // a challenge was made for a card
	CardRefused        Event = "card-refused"        // its answer, or its files, were refused; the reason says why
	CardEnrolled       Event = "card-enrolled"       // a card belongs to an account
	ApprovalRefused    Event = "approval-refused"    // an approval was not what was asked for
	LoginRefused       Event = "login-refused"       // the citizen said no in the companion; the reason says which no
	DeskRequested      Event = "desk-requested"      // an activation in person waits
	DeskActivated      Event = "desk-activated"      // and was done; the detail "agent" says by whom
	CeremonyRefused    Event = "ceremony-refused"    // a pairing or a change of PIN ended without effect
	TokenChecked       Event = "token-checked"       // a data provider was told what an access token is good for; the detail "service" says whose
	TokenCheckRefused  Event = "token-check-refused" // a data provider asked about a token that is good for nothing there, or asked wrongly
	ProviderRefused    Event = "provider-refused"    // a data provider did not authenticate
	EntriesForgotten   Event = "entries-forgotten"   // retention destroyed payloads; their leaves remain
)

// Entry is one event worth keeping. It identifies by pseudonyms, and by the address of the network that a request came from
// (see [Entry.From]): no name, no token and no other secret.
// A field that does not apply is empty.
type Entry struct {
	Event       Event             // required
	Reason      string            // stable word that says why; lower case letters, digits and hyphens, at most 64
	At          time.Time         // required; kept in UTC to the millisecond
	Issuer      string            // issuer concerned, at most 512 bytes
	Transaction string            // identifier of the transaction, at most 128 bytes
	Client      string            // client_id, at most 256 bytes
	Account     string            // identifier of the account, at most 128 bytes
	Details     map[string]string // at most 16, keys like reasons but at most 32, values at most 512 bytes
}

// Log takes the entries of events that are no transition of a transaction. An answer means that the entry is on disk.
type Log interface {
	Record(ctx context.Context, e Entry) error
}

const (
	encodingV1 = 1

	mostWord        = 64
	mostKey         = 32
	mostIssuer      = 512
	mostTransaction = 128
	mostClient      = 256
	mostAccount     = 128
	mostDetails     = 16
	mostValue       = 512

	// latest bounds a time to the year 9999.
	latest = 253402300799999
)

// With returns the entry with one detail more, or another value for it: what an edge knows and a transition does not.
func (e Entry) With(key, value string) Entry {
	details := maps.Clone(e.Details)
	if details == nil {
		details = make(map[string]string)
	}
	details[key] = value
	e.Details = details
	return e
}

// valid says which field is out of its bounds; it never quotes a value.
func (e Entry) valid() error {
	for _, check := range []struct {
		ok   bool
		name string
	}{
		{word(string(e.Event), mostWord), "event"},
		{e.Reason == "" || word(e.Reason, mostWord), "reason"},
		{e.At.UnixMilli() > 0 && e.At.UnixMilli() <= latest, "time"},
		{text(e.Issuer, mostIssuer), "issuer"},
		{text(e.Transaction, mostTransaction), "transaction"},
		{text(e.Client, mostClient), "client"},
		{text(e.Account, mostAccount), "account"},
		{len(e.Details) <= mostDetails, "details"},
	} {
		if !check.ok {
			return fmt.Errorf("audit: entry: %s is missing or out of bounds", check.name)
		}
	}
	for k, v := range e.Details {
		if !word(k, mostKey) || !text(v, mostValue) {
			return errors.New("audit: entry: a detail is out of bounds")
		}
	}
	return nil
}

// word reports whether s is a stable word: lower case letters, digits and hyphens.
func word(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}

// text reports whether s is so short, UTF-8, and holds nothing that could forge a line of a log.
func text(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Encode writes the entry in its one canonical form: a version, the time in milliseconds, each text behind its length
// in two octets, the details in the order of their keys. Errors: a field out of bounds.
func (e Entry) Encode() ([]byte, error) {
	if err := e.valid(); err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint64([]byte{encodingV1}, uint64(e.At.UnixMilli()))
	for _, s := range []string{string(e.Event), e.Reason, e.Issuer, e.Transaction, e.Client, e.Account} {
		out = appendText(out, s)
	}
	out = append(out, byte(len(e.Details)))
	for _, k := range slices.Sorted(maps.Keys(e.Details)) {
		out = appendText(appendText(out, k), e.Details[k])
	}
	return out, nil
}

func appendText(out []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(s))), s...)
}

var errEncoding = errors.New("audit: not an encoded entry")

// ParseEntry reads what [Entry.Encode] wrote, and nothing else. Errors: anything else.
func ParseEntry(raw []byte) (Entry, error) {
	in := cursor{rest: raw}
	version, ms := in.number(1), in.number(8)
	if version != encodingV1 || ms > latest {
		return Entry{}, errEncoding
	}
	e := Entry{At: time.UnixMilli(int64(ms)).UTC(), Event: Event(in.text())}
	for _, s := range []*string{&e.Reason, &e.Issuer, &e.Transaction, &e.Client, &e.Account} {
		*s = in.text()
	}
	last := ""
	for range in.number(1) {
		key, value := in.text(), in.text()
		if key <= last {
			return Entry{}, errEncoding
		}
		e, last = e.With(key, value), key
	}
	if in.failed || len(in.rest) != 0 {
		return Entry{}, errEncoding
	}
	if err := e.valid(); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", errEncoding, err)
	}
	return e, nil
}

// cursor takes values from the front. Once it failed it gives zeros.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) take(n int) []byte {
	if c.failed || len(c.rest) < n {
		c.failed = true
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) number(octets int) uint64 {
	var n uint64
	for _, b := range c.take(octets) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (c *cursor) text() string { return string(c.take(int(c.number(2)))) }

// Leaf is what the tree holds of an entry: the SHA-256 of a salt, which keeps a short payload from being guessed, and
// the sealed payload. It says nothing once both are destroyed.
func Leaf(salt [32]byte, sealed []byte) [32]byte {
	return sha256.Sum256(slices.Concat(salt[:], sealed))
}
