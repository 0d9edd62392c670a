//go:build pkcs11 && cgo

package hsm

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

const (
	idLen        = 16
	digestLen    = 32
	signatureLen = 64 // two integers of 32 bytes, as a JWS has them (v2.40 mechanisms §2.3.1)
	pointLen     = 65
)

// p256 is the object identifier 1.2.840.10045.3.1.7, in DER.
var p256 = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}

// A trait is a boolean attribute of a private key.
type trait struct {
	attribute uint
	name      string
	want      bool
	asked     bool // when the key is made; the token answers for the others
}

// traits hold a private key in its token, for signatures alone.
var traits = []trait{
	{pkcs11.CKA_TOKEN, "TOKEN", true, true},
	{pkcs11.CKA_PRIVATE, "PRIVATE", true, true},
	{pkcs11.CKA_SENSITIVE, "SENSITIVE", true, true},
	{pkcs11.CKA_EXTRACTABLE, "EXTRACTABLE", false, true},
	{pkcs11.CKA_SIGN, "SIGN", true, true},
	{pkcs11.CKA_SIGN_RECOVER, "SIGN_RECOVER", false, true},
	{pkcs11.CKA_DECRYPT, "DECRYPT", false, true},
	{pkcs11.CKA_UNWRAP, "UNWRAP", false, true},
	{pkcs11.CKA_DERIVE, "DERIVE", false, true},
	{pkcs11.CKA_MODIFIABLE, "MODIFIABLE", false, true},
	{pkcs11.CKA_ALWAYS_SENSITIVE, "ALWAYS_SENSITIVE", true, false},
	{pkcs11.CKA_NEVER_EXTRACTABLE, "NEVER_EXTRACTABLE", true, false},
	{pkcs11.CKA_LOCAL, "LOCAL", true, false}, // made in the token
}

// generate makes a pair with a new identifier.
func (l *link) generate(label string) (made, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	id := make([]byte, idLen)
	rand.Read(id)
	public := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256),
	}
	private := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, id)}
	for _, t := range traits {
		if t.asked {
			private = append(private, pkcs11.NewAttribute(t.attribute, t.want))
		}
	}
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)}
	open, held, err := l.module.ctx.GenerateKeyPair(l.anchor, mechanism, public, private)
	if err != nil {
		return made{}, fmt.Errorf("make a key: %w", err)
	}
	point, err := l.point(open)
	if err == nil {
		err = l.holds(l.anchor, held)
	}
	if err != nil {
		return made{}, errors.Join(err, l.module.ctx.DestroyObject(l.anchor, held), l.module.ctx.DestroyObject(l.anchor, open))
	}
	return made{Key{label, id}, point}, nil
}

// point reads a public key. Its attribute is an OCTET STRING around the point
// (v2.40 mechanisms §2.3.3); some tokens leave the wrapping out.
func (l *link) point(o pkcs11.ObjectHandle) (*ecdsa.PublicKey, error) {
	values, err := l.module.ctx.GetAttributeValue(l.anchor, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	return parsePoint(values[0].Value)
}

func parsePoint(value []byte) (*ecdsa.PublicKey, error) {
	if len(value) == 2+pointLen {
		inner, ok := bytes.CutPrefix(value, []byte{0x04, pointLen})
		if !ok {
			return nil, errors.New("the token's public key is not a point")
		}
		value = inner
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), value)
	if err != nil {
		return nil, errors.New("the token's public key is not a point")
	}
	return public, nil
}

// holds refuses a key that its token would let out or use otherwise.
func (l *link) holds(s pkcs11.SessionHandle, o pkcs11.ObjectHandle) error {
	ask := make([]*pkcs11.Attribute, 0, len(traits))
	for _, t := range traits {
		ask = append(ask, pkcs11.NewAttribute(t.attribute, nil))
	}
	values, err := l.module.ctx.GetAttributeValue(s, o, ask)
	if err != nil {
		return fmt.Errorf("read the attributes of a key: %w", err)
	}
	for i, t := range traits {
		if v := values[i].Value; len(v) != 1 || (v[0] != 0) != t.want {
			return fmt.Errorf("the token keeps the key with CKA_%s other than %v", t.name, t.want)
		}
	}
	return nil
}

// find returns the private half of a key.
func (l *link) find(s pkcs11.SessionHandle, k Key) (pkcs11.ObjectHandle, error) {
	name := k.Label + "\x00" + string(k.ID)
	l.mu.Lock()
	handle, known := l.handles[name]
	l.mu.Unlock()
	if known {
		return handle, nil
	}
	found, err := l.search(s, k, pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY))
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, ErrAbsent
	case len(found) > 1:
		return 0, errors.New("the token has several keys of that name")
	}
	if err := l.holds(s, found[0]); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handles[name] = found[0]
	return found[0], nil
}

// search returns the objects of a key, four at most: it has two. A session that
// was logged out sees no private ones, and must not be believed.
func (l *link) search(s pkcs11.SessionHandle, k Key, more ...*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	info, err := l.module.ctx.GetSessionInfo(s)
	if err != nil {
		return nil, fmt.Errorf("look for a key: %w", err)
	}
	if info.State != pkcs11.CKS_RO_USER_FUNCTIONS && info.State != pkcs11.CKS_RW_USER_FUNCTIONS {
		return nil, errStale
	}
	template := append(more, pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.Label), pkcs11.NewAttribute(pkcs11.CKA_ID, k.ID))
	if err := l.module.ctx.FindObjectsInit(s, template); err != nil {
		return nil, fmt.Errorf("look for a key: %w", err)
	}
	const most = 4
	found, _, err := l.module.ctx.FindObjects(s, most)
	if err := errors.Join(err, l.module.ctx.FindObjectsFinal(s)); err != nil {
		return nil, fmt.Errorf("look for a key: %w", err)
	}
	return found, nil
}

func (l *link) sign(k Key, digest []byte) ([]byte, error) {
	s, err := l.take()
	if err != nil {
		return nil, err
	}
	signature, err := l.signIn(s, k, digest)
	l.give(s, err != nil)
	return signature, err
}

func (l *link) signIn(s pkcs11.SessionHandle, k Key, digest []byte) ([]byte, error) {
	handle, err := l.find(s, k)
	if err != nil {
		return nil, err
	}
	if err := l.module.ctx.SignInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, handle); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	signature, err := l.module.ctx.Sign(s, digest)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if len(signature) != signatureLen {
		return nil, fmt.Errorf("the token's signature has %d bytes, want %d", len(signature), signatureLen)
	}
	return signature, nil
}

// destroy removes all objects of a key. One that is not there is no error.
func (l *link) destroy(k Key) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	found, err := l.search(l.anchor, k)
	if err != nil {
		return err
	}
	for _, o := range found {
		if err := l.module.ctx.DestroyObject(l.anchor, o); err != nil {
			return fmt.Errorf("destroy a key: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.handles, k.Label+"\x00"+string(k.ID))
	return nil
}
