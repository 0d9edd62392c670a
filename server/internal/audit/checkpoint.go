package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what the log was at one moment: how many leaves, under which root. Signed, it leaves the host, and
// whoever keeps one can tell later that nothing before it was changed.
type Checkpoint struct {
	Origin string // name of the log, which is the name of its key: a host and path, without spaces or plus signs
	Size   int64
	Root   [32]byte
}

// Signer signs checkpoints. [Key] is one; a key in hardware is another. It has the methods of [note.Signer].
type Signer interface {
	// Name is the key's name, which is the log's origin.
	Name() string
	// KeyHash tells keys of one name apart, as [note.Verifier] computes it.
	KeyHash() uint32
	// Sign signs a message by Ed25519.
	Sign(message []byte) ([]byte, error)
}

// mostSigned bounds a signed checkpoint, with the cosignatures of witnesses.
const mostSigned = 16 << 10

// text is the body of the note: three lines, of C2SP tlog-checkpoint.
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Sign returns the checkpoint as a signed note. Errors: a signer of another name than the origin, those of the signer.
func (c Checkpoint) Sign(s Signer) ([]byte, error) {
	if c.Origin == "" || c.Origin != s.Name() {
		return nil, fmt.Errorf("audit: the checkpoint of %q cannot be signed by %q", c.Origin, s.Name())
	}
	if c.Size < 0 {
		return nil, errors.New("audit: a checkpoint of a negative size")
	}
	return note.Sign(&note.Note{Text: c.text()}, s)
}

var errCheckpoint = errors.New("audit: not a checkpoint")

// OpenCheckpoint reads a checkpoint that the key signed; other signatures, such as those of witnesses, may stand beside
// its own. key is the text of an Ed25519 note key, as [Key.Verifier] gives it. Errors: no good signature by that key,
// a log of another name, anything but the three lines.
func OpenCheckpoint(signed []byte, key string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: verifier key: %w", err)
	}
	if len(signed) > mostSigned {
		return Checkpoint{}, errCheckpoint
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("%w of %q", errCheckpoint, verifier.Name())
	}
	return c, nil
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, errCheckpoint
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if c.Size < 0 || c.text() != text {
		return Checkpoint{}, errCheckpoint
	}
	return c, nil
}

// Includes checks that leaf n is in the log that the checkpoint describes. Errors: the proof does not show it.
func (c Checkpoint) Includes(n int64, leaf [32]byte, proof tlog.RecordProof) error {
	if n < 0 || n >= c.Size {
		return fmt.Errorf("audit: no leaf %d in a log of %d", n, c.Size)
	}
	return tlog.CheckRecord(proof, c.Size, c.Root, n, tlog.RecordHash(leaf[:]))
}

// Extends checks that the log begins with all that an older checkpoint described. Errors: another log, the proof does
// not show it.
func (c Checkpoint) Extends(older Checkpoint, proof tlog.TreeProof) error {
	if c.Origin != older.Origin {
		return fmt.Errorf("audit: a checkpoint of %q does not extend one of %q", c.Origin, older.Origin)
	}
	if older.Size < 1 || older.Size > c.Size {
		return fmt.Errorf("audit: a log of %d does not extend one of %d", c.Size, older.Size)
	}
	return tlog.CheckTree(proof, c.Size, c.Root, older.Size, older.Root)
}

// Key is an Ed25519 key that signs checkpoints. It is secret and prints redacted.
type Key struct {
	private  ed25519.PrivateKey
	verifier note.Verifier
	text     string
}

// NewKey names a private key. Errors: a key of another length, a name that a note cannot carry.
func NewKey(name string, private ed25519.PrivateKey) (Key, error) {
	if len(private) != ed25519.PrivateKeySize {
		return Key{}, fmt.Errorf("audit: an Ed25519 key of %d bytes", len(private))
	}
	text, err := note.NewEd25519VerifierKey(name, ed25519.PublicKey(private[ed25519.SeedSize:]))
	if err != nil {
		return Key{}, fmt.Errorf("audit: key name: %w", err)
	}
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return Key{}, fmt.Errorf("audit: key name: %w", err)
	}
	return Key{private: private, verifier: verifier, text: text}, nil
}

// Name implements [Signer].
func (k Key) Name() string { return k.verifier.Name() }

// KeyHash implements [Signer].
func (k Key) KeyHash() uint32 { return k.verifier.KeyHash() }

// Sign implements [Signer]. It never fails.
func (k Key) Sign(message []byte) ([]byte, error) { return ed25519.Sign(k.private, message), nil }

// Verifier is the public half, in the text form of note keys: what a witness and an auditor are given.
func (k Key) Verifier() string { return k.text }

// String redacts; the public half names the key.
func (k Key) String() string { return "audit.Key(" + k.text + " redacted)" }

// Format implements [fmt.Formatter], redacted whatever the verb.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, k.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
