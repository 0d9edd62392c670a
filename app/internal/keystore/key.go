package keystore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
)

// Key is a device's key, EC P-256. Its private half never leaves where it is kept, as far as that place can hold it.
type Key interface {
	// Public gives the public half.
	Public() *ecdsa.PublicKey
	// Sign signs a SHA-256 digest and gives the signature in ASN.1.
	Sign(digest []byte) ([]byte, error)
	// Protection says where the private half is: tpm, keychain or file.
	Protection() string
}

// KeyRef is how a profile names its key: where it is, and what finds it there.
type KeyRef struct {
	Protection string
	Material   Secret // file: the scalar; keychain: the name of the item; tpm: the key, wrapped by the TPM
}

const mostMaterial = 4 << 10

func (r KeyRef) check() error {
	if !slices.Contains(protections, r.Protection) || len(r.Material) == 0 || len(r.Material) > mostMaterial {
		return errors.New("the device's key is named in no known way")
	}
	return nil
}

// Created is a new key.
type Created struct {
	Key    Key
	Ref    KeyRef
	Passed []error // why each better place does not work on this machine, the best first
}

// The places, the best first.
const (
	tpm      = "tpm"
	keychain = "keychain"
	file     = "file"
)

var protections = []string{tpm, keychain, file}

// maker makes and finds keys in one place.
type maker interface {
	create() (Key, Secret, error)
	open(Secret) (Key, error)
	drop(Secret) error
}

// Create makes a key in the best place that works, always tried in the same order: the TPM, the keychain of the desktop,
// the profile's own file. A place that was forced (see [Open]) is the only one tried. Who does not keep the reference in a
// profile has to [Store.Drop] it.
func (s *Store) Create() (Created, error) {
	var passed []error
	for i, name := range protections {
		if s.forced != "" && s.forced != name {
			continue
		}
		key, material, err := s.makers[i].create()
		if err == nil {
			return Created{Key: key, Ref: KeyRef{Protection: name, Material: material}, Passed: passed}, nil
		}
		passed = append(passed, fmt.Errorf("%s: %w", name, err))
	}
	return Created{}, fmt.Errorf("keystore: no key can be made: %w", errors.Join(passed...))
}

// Key finds a profile's key. The error says that it is not there, or that its place does not answer.
func (s *Store) Key(r KeyRef) (Key, error) {
	i := slices.Index(protections, r.Protection)
	if i < 0 {
		return nil, errors.New("keystore: the device's key is named in no known way")
	}
	key, err := s.makers[i].open(r.Material)
	if err != nil {
		return nil, fmt.Errorf("keystore: the device's key (%s): %w", r.Protection, err)
	}
	return key, nil
}

// Drop removes a key from where it is. What is not there is no error.
func (s *Store) Drop(r KeyRef) error {
	if i := slices.Index(protections, r.Protection); i >= 0 {
		if err := s.makers[i].drop(r.Material); err != nil {
			return fmt.Errorf("keystore: the device's key (%s): %w", r.Protection, err)
		}
	}
	return nil
}

// makers gives the makers, in the order of protections.
func makers() []maker { return []maker{newTPM(), keychainMaker{}, fileMaker{}} }

// softKey is a key in this process's memory.
type softKey struct {
	private    *ecdsa.PrivateKey
	protection string
}

func (k softKey) Public() *ecdsa.PublicKey { return &k.private.PublicKey }
func (k softKey) Protection() string       { return k.protection }

func (k softKey) Sign(digest []byte) ([]byte, error) {
	if len(digest) != 32 {
		return nil, errors.New("keystore: not a SHA-256 digest")
	}
	return ecdsa.SignASN1(rand.Reader, k.private, digest)
}

// fileMaker keeps the scalar in the profile's own file.
type fileMaker struct{}

func (fileMaker) create() (Key, Secret, error) {
	private, scalar, err := generate()
	if err != nil {
		return nil, nil, err
	}
	return softKey{private: private, protection: file}, scalar, nil
}

func (fileMaker) open(scalar Secret) (Key, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, errors.New("the file holds no key")
	}
	return softKey{private: private, protection: file}, nil
}

func (fileMaker) drop(Secret) error { return nil } // it goes with its profile

func generate() (*ecdsa.PrivateKey, Secret, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	scalar, err := private.Bytes()
	return private, scalar, err
}
