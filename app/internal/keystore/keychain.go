package keystore

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

// keychainMaker keeps scalars in the keychain of the user's session: Secret Service, Keychain, Credential Manager. Any
// program of this user may ask for them; they are safe from who copies the disk.
type keychainMaker struct{}

const keychainService = "pivot"

// A keychain that is locked asks its owner for a password, at a person's pace; one that never answers must not hold for ever.
const keychainPatience = 2 * time.Minute

func (keychainMaker) create() (Key, Secret, error) {
	private, scalar, err := generate()
	if err != nil {
		return nil, nil, err
	}
	item := "device-" + rand.Text()
	stored := base64.StdEncoding.EncodeToString(scalar)
	_, err = patiently(func() (string, error) { return "", keyring.Set(keychainService, item, stored) })
	if err != nil {
		return nil, nil, err
	}
	// A keychain that takes a key and does not give it back would lose the device at its first use.
	key, err := keychainMaker{}.open(Secret(item))
	if err != nil {
		return nil, nil, err
	}
	if !private.PublicKey.Equal(key.Public()) {
		return nil, nil, errors.New("the keychain gave back another key")
	}
	return key, Secret(item), nil
}

func (keychainMaker) open(item Secret) (Key, error) {
	stored, err := patiently(func() (string, error) { return keyring.Get(keychainService, string(item)) })
	if err != nil {
		return nil, err
	}
	scalar, err := base64.StdEncoding.Strict().DecodeString(stored)
	if err != nil {
		return nil, errors.New("the keychain holds no key")
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, errors.New("the keychain holds no key")
	}
	return softKey{private: private, protection: keychain}, nil
}

func (keychainMaker) drop(item Secret) error {
	_, err := patiently(func() (string, error) { return "", keyring.Delete(keychainService, string(item)) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

// patiently calls a keychain where there can be one, and stops waiting for it in the end.
func patiently(call func() (string, error)) (string, error) {
	if err := reachable(); err != nil {
		return "", err
	}
	ctx, stop := context.WithTimeout(context.Background(), keychainPatience)
	defer stop()
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := call()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return "", fmt.Errorf("the keychain: %w", a.err)
		}
		return a.text, nil
	case <-ctx.Done():
		return "", errors.New("the keychain does not answer")
	}
}
