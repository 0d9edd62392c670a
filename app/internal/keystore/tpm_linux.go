package keystore

import (
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// tpmMaker makes keys that a TPM 2.0 creates and never gives out. What the profile keeps is the key as the TPM wrapped it,
// of use to this very TPM alone; nothing stays in the TPM once the program has ended.
type tpmMaker struct {
	device func() (transport.TPMCloser, error)
	keep   bool // the device swaps keys in and out by itself, so that one may stay loaded while the program runs
}

// The kernel's own resource manager: several programs can use the TPM, and what one that was killed has loaded is unloaded.
const tpmDevice = "/dev/tpmrm0"

func newTPM() maker {
	return tpmMaker{device: func() (transport.TPMCloser, error) { return linuxtpm.Open(tpmDevice) }, keep: true}
}

// tpmTemplate is an EC P-256 key for signatures with SHA-256: made by this TPM, bound to it and to its storage root key, not
// counted by the dictionary attack protection, for it has no password.
var tpmTemplate = tpm2.TPMTPublic{
	Type:    tpm2.TPMAlgECC,
	NameAlg: tpm2.TPMAlgSHA256,
	ObjectAttributes: tpm2.TPMAObject{
		FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, NoDA: true, SignEncrypt: true,
	},
	Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
		CurveID: tpm2.TPMECCNistP256,
		Scheme: tpm2.TPMTECCScheme{
			Scheme:  tpm2.TPMAlgECDSA,
			Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256}),
		},
	}),
}

func (m tpmMaker) create() (Key, Secret, error) {
	var wrapped Secret
	err := m.under(func(t transport.TPM, root tpm2.NamedHandle) error {
		made, err := tpm2.Create{
			ParentHandle: tpm2.AuthHandle{Handle: root.Handle, Name: root.Name, Auth: tpm2.PasswordAuth(nil)},
			InPublic:     tpm2.New2B(tpmTemplate),
		}.Execute(t)
		if err != nil {
			return err
		}
		wrapped = pack(tpm2.Marshal(made.OutPublic), tpm2.Marshal(made.OutPrivate))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	key, err := m.open(wrapped)
	if err != nil {
		return nil, nil, err
	}
	// A TPM whose owner has locked what signing needs would be noticed by the citizen at the first login.
	if _, err := key.Sign(make([]byte, 32)); err != nil {
		return nil, nil, err
	}
	return key, wrapped, nil
}

func (m tpmMaker) open(wrapped Secret) (Key, error) {
	rawPublic, rawPrivate, err := unpack(wrapped)
	if err != nil {
		return nil, err
	}
	k := &tpmKey{maker: m}
	public, err := tpm2.Unmarshal[tpm2.TPM2BPublic](rawPublic)
	if err != nil {
		return nil, errNoWrapped
	}
	private, err := tpm2.Unmarshal[tpm2.TPM2BPrivate](rawPrivate)
	if err != nil {
		return nil, errNoWrapped
	}
	k.wrappedPublic, k.wrappedPrivate = *public, *private
	if k.public, err = publicOf(public); err != nil {
		return nil, err
	}
	return k, nil
}

func (tpmMaker) drop(Secret) error { return nil } // nothing is in the TPM, and what is wrapped goes with its profile

// under opens the TPM for one piece of work and closes it.
func (m tpmMaker) under(work func(transport.TPM, tpm2.NamedHandle) error) error {
	t, err := m.device()
	if err != nil {
		return fmt.Errorf("no TPM for this user: %w", err)
	}
	defer t.Close()
	return withRoot(t, work)
}

// withRoot makes the storage root key, the same each time from the owner's seed, for one piece of work.
func withRoot(t transport.TPM, work func(transport.TPM, tpm2.NamedHandle) error) error {
	root, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.TPMRHOwner,
		InPublic:      tpm2.New2B(tpm2.ECCSRKTemplate),
	}.Execute(t)
	if err != nil {
		return fmt.Errorf("the TPM: %w", err)
	}
	defer flush(t, root.ObjectHandle)
	if err := work(t, tpm2.NamedHandle{Handle: root.ObjectHandle, Name: root.Name}); err != nil {
		return fmt.Errorf("the TPM: %w", err)
	}
	return nil
}

// flush gives a place in the TPM back; the kernel does so in the end if this fails.
func flush(t transport.TPM, handle tpm2.TPMHandle) {
	_, _ = tpm2.FlushContext{FlushHandle: handle}.Execute(t)
}

// tpmKey is a key that only its TPM can use.
type tpmKey struct {
	maker          tpmMaker
	public         *ecdsa.PublicKey
	wrappedPublic  tpm2.TPM2BPublic
	wrappedPrivate tpm2.TPM2BPrivate

	mu     sync.Mutex
	loaded *loadedKey // nil until the first signature, and after one that failed
}

// loadedKey is a key in an open TPM.
type loadedKey struct {
	device transport.TPMCloser
	key    tpm2.NamedHandle
}

func (l *loadedKey) unload() {
	flush(l.device, l.key.Handle)
	_ = l.device.Close() // what it holds, the kernel takes back
}

func (k *tpmKey) Public() *ecdsa.PublicKey { return k.public }
func (*tpmKey) Protection() string         { return tpm }

// Sign signs, and begins anew with a TPM that has forgotten the key, as one does that slept with its machine.
func (k *tpmKey) Sign(digest []byte) ([]byte, error) {
	if len(digest) != 32 {
		return nil, errors.New("keystore: not a SHA-256 digest")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loaded != nil {
		if out, err := k.loaded.sign(digest); err == nil {
			return out, nil
		}
		k.unload()
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	out, err := k.loaded.sign(digest)
	if err != nil || !k.maker.keep {
		k.unload()
	}
	return out, err
}

func (k *tpmKey) unload() {
	k.loaded.unload()
	k.loaded = nil
}

// load opens the TPM and has it unwrap the key.
func (k *tpmKey) load() error {
	device, err := k.maker.device()
	if err != nil {
		return fmt.Errorf("no TPM for this user: %w", err)
	}
	err = withRoot(device, func(t transport.TPM, root tpm2.NamedHandle) error {
		made, err := tpm2.Load{
			ParentHandle: tpm2.AuthHandle{Handle: root.Handle, Name: root.Name, Auth: tpm2.PasswordAuth(nil)},
			InPrivate:    k.wrappedPrivate,
			InPublic:     k.wrappedPublic,
		}.Execute(t)
		if err == nil {
			k.loaded = &loadedKey{device: device, key: tpm2.NamedHandle{Handle: made.ObjectHandle, Name: made.Name}}
		}
		return err
	})
	if err != nil {
		return errors.Join(err, device.Close())
	}
	return nil
}

func (l *loadedKey) sign(digest []byte) ([]byte, error) {
	signed, err := tpm2.Sign{
		KeyHandle:  tpm2.AuthHandle{Handle: l.key.Handle, Name: l.key.Name, Auth: tpm2.PasswordAuth(nil)},
		Digest:     tpm2.TPM2BDigest{Buffer: digest},
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck}, // the digest was not made by the TPM
	}.Execute(l.device)
	if err != nil {
		return nil, fmt.Errorf("the TPM: %w", err)
	}
	pair, err := signed.Signature.Signature.ECDSA()
	if err != nil {
		return nil, fmt.Errorf("the TPM: %w", err)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(pair.SignatureR.Buffer), new(big.Int).SetBytes(pair.SignatureS.Buffer),
	})
}

var errNoWrapped = errors.New("the profile holds no key of a TPM")

// publicOf gives the public half of a wrapped key.
func publicOf(wrapped *tpm2.TPM2BPublic) (*ecdsa.PublicKey, error) {
	area, err := wrapped.Contents()
	if err != nil || area.Type != tpm2.TPMAlgECC {
		return nil, errNoWrapped
	}
	parameters, err := area.Parameters.ECCDetail()
	if err != nil || parameters.CurveID != tpm2.TPMECCNistP256 {
		return nil, errNoWrapped
	}
	point, err := area.Unique.ECC()
	if err != nil {
		return nil, errNoWrapped
	}
	public, err := tpm2.ECDSAPub(parameters, point)
	if err != nil {
		return nil, errNoWrapped
	}
	if _, err := public.Bytes(); err != nil { // not on the curve
		return nil, errNoWrapped
	}
	return public, nil
}

// pack puts the two parts of a wrapped key together.
func pack(public, private []byte) Secret {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(public)))
	return append(append(out, public...), private...)
}

func unpack(wrapped Secret) (public, private []byte, err error) {
	if len(wrapped) < 2 {
		return nil, nil, errNoWrapped
	}
	n := int(binary.BigEndian.Uint16(wrapped))
	if len(wrapped) < 2+n {
		return nil, nil, errNoWrapped
	}
	return wrapped[2 : 2+n], wrapped[2+n:], nil
}
