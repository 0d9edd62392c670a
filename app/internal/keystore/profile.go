package keystore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"unicode"
	"unicode/utf8"

	"pivot/shared/wire"
)

// Secret is bytes that no log and no message may show: it prints redacted.
type Secret []byte

const redacted = "[redacted]"

// Format prints nothing of the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer], redacted.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives nothing of the secret; the file of a profile is written by this package alone.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Profile is everything that this device knows of one broker.
type Profile struct {
	Origin string          // of the broker's issuer: scheme, host and port
	Issuer string          // identifier of the issuer, below the origin
	Device string          // this device's id at the broker
	Name   string          // this device's name, as the citizen will see it in lists
	Keys   json.RawMessage // JWK Set that signs the broker's requests

	Ratchet Secret // 32 bytes, presented at the next use and replaced by it
	Roll    Secret // 16 bytes, of a use that was begun and not answered; empty otherwise

	PIN       PIN
	PINBefore PIN // while the PIN is changed: what it was, until the broker has confirmed; empty otherwise
	Cards     []Card
	Key       KeyRef
}

// PIN is the device's share of the PIN: useless without the PIN and the broker (DESIGN 8). Both parts are empty until a PIN
// was set.
type PIN struct {
	Masked Secret // 32 bytes: the PIN key's scalar, masked
	Salt   Secret // 32 random bytes of this device
}

func (p PIN) whole() bool {
	return len(p.Masked) == len(p.Salt) && (len(p.Salt) == 0 || len(p.Salt) == 32)
}

// Card is a card that the broker has seen in this device's hands.
type Card struct {
	Handle Secret // 32 bytes, random
	Label  string // what the citizen calls it; may be empty
}

// record is the form of a profile on disk.
type record struct {
	Version int             `json:"version"`
	Origin  string          `json:"origin"`
	Issuer  string          `json:"issuer"`
	Device  string          `json:"device"`
	Name    string          `json:"name"`
	Keys    json.RawMessage `json:"keys"`
	Ratchet []byte          `json:"ratchet"`
	Roll    []byte          `json:"roll,omitempty"`
	PIN     recordPIN       `json:"pin"`
	Before  *recordPIN      `json:"pin_before,omitempty"`
	Cards   []recordCard    `json:"cards,omitempty"`
	Key     recordKey       `json:"key"`
}

type recordPIN struct {
	Masked []byte `json:"masked,omitempty"`
	Salt   []byte `json:"salt,omitempty"`
}

type recordCard struct {
	Handle []byte `json:"handle"`
	Label  string `json:"label,omitempty"`
}

type recordKey struct {
	Protection string `json:"protection"`
	Material   []byte `json:"material"`
}

const (
	version   = 1
	mostCards = 16
	mostText  = 512 // bytes of an address or an id
	mostLabel = 64  // characters of a name
)

// file gives where the profile of a broker is. The name holds nothing of the address: an address has characters that
// file names cannot have.
func (s *Store) file(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(s.dir, "broker-"+hex.EncodeToString(sum[:8])+".json")
}

func load(path string) (Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return Profile{}, fmt.Errorf("keystore: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, wire.MostBody+1))
	if err != nil {
		return Profile{}, fmt.Errorf("keystore: %w", err)
	}
	p, err := decode(raw)
	if err != nil {
		return Profile{}, fmt.Errorf("keystore: %s: %w", path, err)
	}
	return p, nil
}

func decode(raw []byte) (Profile, error) {
	var r record
	if err := wire.Decode(raw, &r); err != nil {
		return Profile{}, err
	}
	if r.Version != version {
		return Profile{}, fmt.Errorf("version %d, where this program reads version %d", r.Version, version)
	}
	p := Profile{
		Origin: r.Origin, Issuer: r.Issuer, Device: r.Device, Name: r.Name, Keys: r.Keys, Ratchet: r.Ratchet, Roll: r.Roll,
		PIN: PIN{Masked: r.PIN.Masked, Salt: r.PIN.Salt}, Key: KeyRef{Protection: r.Key.Protection, Material: r.Key.Material},
	}
	if r.Before != nil {
		p.PINBefore = PIN{Masked: r.Before.Masked, Salt: r.Before.Salt}
	}
	for _, c := range r.Cards {
		p.Cards = append(p.Cards, Card{Handle: c.Handle, Label: c.Label})
	}
	return p, p.check()
}

func (p Profile) encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r := record{
		Version: version, Origin: p.Origin, Issuer: p.Issuer, Device: p.Device, Name: p.Name, Keys: p.Keys,
		Ratchet: p.Ratchet, Roll: p.Roll, PIN: recordPIN{Masked: p.PIN.Masked, Salt: p.PIN.Salt},
		Key: recordKey{Protection: p.Key.Protection, Material: p.Key.Material},
	}
	if len(p.PINBefore.Salt) > 0 {
		r.Before = &recordPIN{Masked: p.PINBefore.Masked, Salt: p.PINBefore.Salt}
	}
	for _, c := range p.Cards {
		r.Cards = append(r.Cards, recordCard{Handle: c.Handle, Label: c.Label})
	}
	return wire.Encode(r)
}

// check holds a profile to its form, when it is written as when it is read.
func (p Profile) check() error {
	if err := checkOrigin(p.Origin); err != nil {
		return err
	}
	switch {
	case !text(p.Issuer, mostText), !text(p.Device, mostText):
		return errors.New("issuer and device must be short and printable, and must be there")
	case p.Name != "" && !text(p.Name, 4*mostLabel):
		return errors.New("the name must be short and printable")
	case !json.Valid(p.Keys):
		return errors.New("the broker's keys are not JSON")
	case len(p.Ratchet) != 32, len(p.Roll) != 0 && len(p.Roll) != 16:
		return errors.New("the ratchet has 32 bytes, its roll 16 or none")
	case !p.PIN.whole(), !p.PINBefore.whole():
		return errors.New("the two parts of the PIN have 32 bytes each, or none")
	case len(p.Cards) > mostCards:
		return fmt.Errorf("more than %d cards", mostCards)
	}
	for _, c := range p.Cards {
		if len(c.Handle) != 32 || c.Label != "" && !text(c.Label, 4*mostLabel) {
			return errors.New("a card's handle has 32 bytes and its label is short")
		}
	}
	return p.Key.check()
}

// ValidOrigin says whether a broker may be at this origin, in the one spelling that is compared everywhere: https, or http
// on this machine. It is what a link may name (see [wire.ParseLink]).
func ValidOrigin(origin string) bool {
	link, err := wire.ParseLink("pivot:pair?code=00000000&issuer=" + url.QueryEscape(origin))
	return err == nil && link.Origin == origin
}

func checkOrigin(origin string) error {
	if !ValidOrigin(origin) {
		return errors.New("the origin is not the address of a broker")
	}
	return nil
}

func text(s string, most int) bool {
	if s == "" || len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
