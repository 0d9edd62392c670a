package card

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"pivot/server/internal/verify/csca"
	"pivot/shared/mrtd"
)

// Bounds of what a companion may upload. The largest SOD seen in the field stays under 8 KiB; DG14 and
// EF.CardAccess under 2 KiB.
const (
	maxCardAccess = 2 << 10
	maxDG14       = 4 << 10
	maxSOD        = 16 << 10
)

// Evidence is what a companion uploads before the chip has proved anything: three files that whoever knows the
// card access number can read, and that prove nothing by themselves.
type Evidence struct {
	CardAccess []byte // EF.CardAccess, read in clear before PACE
	DG14       []byte // EF.DG14, with its 6E header
	SOD        []byte // EF.SOD, with its 77 header
}

// Chip is an authentic document whose chip has not proved itself yet: the next step is [Chip.Challenge].
type Chip struct {
	signer chain
	groups map[int][]byte // data group number -> signed digest
	digest crypto.Hash
	key    chipKey
	known  bool // recalled from an earlier login, not uploaded in this one
}

// Format redacts for every verb: the digests of a document name it.
func (c Chip) Format(f fmt.State, _ rune) { redact(f, "Chip") }

// LogValue implements [slog.LogValuer], redacted.
func (c Chip) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Path is the way from the document signer to the pinned authority.
func (c *Chip) Path() csca.Path { return c.signer.path }

// Protocol names the Chip Authentication that the chip has to perform, for a report.
func (c *Chip) Protocol() string {
	return fmt.Sprintf("CA-ECDH %s %s", c.key.suite, c.key.curve.Name())
}

// chain is the path that was accepted, with what is needed to judge it again later.
type chain struct {
	ds      *csca.Certificate
	extra   []*csca.Certificate
	signing time.Time // zero when the SOD does not say
	path    csca.Path
}

// Examine performs passive authentication (ICAO 9303-11 §5.1) and chooses the key that the chip will have to prove,
// in the order of the steps; no elliptic-curve work on the card's key is done before the SOD is trusted.
// Any failure is a [*Refusal].
func Examine(ev Evidence, policy Policy, at time.Time) (*Chip, error) {
	if err := policy.valid(); err != nil {
		return nil, err
	}
	sod, dg14, access, err := parseEvidence(ev)
	if err != nil {
		return nil, err
	}
	signer, err := authenticateSigner(sod, policy, at)
	if err != nil {
		return nil, err
	}
	if err := verifySignature(sod, signer.ds); err != nil {
		return nil, err
	}
	key, err := examineChipKey(sod, ev.DG14, dg14)
	if err != nil {
		return nil, err
	}
	// EF.CardAccess is not signed: without this, whoever sits between could put a weak protocol on the list
	// (ICAO 9303-11 §9.2.11). One taken off it only weakens the citizen's own channel, and proves nothing here.
	if !dg14.Contains(access) {
		return nil, refuse(StepCardAccess, ReasonCardAccess, nil)
	}
	return &Chip{signer: signer, groups: own(sod.DataGroups), digest: sod.Digest, key: key}, nil
}

// own copies what was signed out of the upload: whoever reuses that buffer must not change what is trusted.
func own(groups map[int][]byte) map[int][]byte {
	out := make(map[int][]byte, len(groups))
	for n, digest := range groups {
		out[n] = slices.Clone(digest)
	}
	return out
}

func parseEvidence(ev Evidence) (mrtd.SOD, mrtd.SecurityInfos, mrtd.SecurityInfos, error) {
	var none mrtd.SecurityInfos
	if len(ev.SOD) > maxSOD || len(ev.DG14) > maxDG14 || len(ev.CardAccess) > maxCardAccess {
		return mrtd.SOD{}, none, none, refuse(StepStructure, ReasonMalformed, errors.New("file out of bounds"))
	}
	sod, err := mrtd.ParseSOD(ev.SOD)
	if err != nil {
		return mrtd.SOD{}, none, none, refuse(StepStructure, ReasonMalformed, fmt.Errorf("sod: %w", err))
	}
	if _, listed := sod.DataGroups[14]; !listed {
		return sod, none, none, refuse(StepStructure, ReasonNoChipAuth, nil)
	}
	if len(ev.DG14) == 0 {
		return sod, none, none, refuse(StepStructure, ReasonDG14Missing, nil)
	}
	dg14, err := mrtd.ParseDG14(ev.DG14)
	if err != nil {
		return sod, none, none, refuse(StepStructure, ReasonMalformed, fmt.Errorf("dg14: %w", err))
	}
	access, err := mrtd.ParseCardAccess(ev.CardAccess)
	if err != nil {
		return sod, dg14, none, refuse(StepStructure, ReasonMalformed, fmt.Errorf("card access: %w", err))
	}
	return sod, dg14, access, nil
}

// authenticateSigner finds the signer's certificate in the SOD and its path to a pinned CSCA.
func authenticateSigner(sod mrtd.SOD, policy Policy, at time.Time) (chain, error) {
	var c chain
	for _, raw := range sod.Certificates {
		cert, err := csca.ParseCertificate(raw)
		if err != nil {
			return c, refusePath(StepSigner, err)
		}
		if c.ds == nil && isSigner(sod.Signer, cert) {
			c.ds = cert
			continue
		}
		c.extra = append(c.extra, cert)
	}
	if c.ds == nil {
		return c, refuse(StepSigner, ReasonNoSigner, nil)
	}
	if sod.Signer.SigningTime != nil {
		c.signing = *sod.Signer.SigningTime
	}
	return c.judge(policy, at)
}

// isSigner matches a certificate with the signer that the SOD names. The name itself is not signed (RFC 5652 §5.3), so a
// State that certifies one key twice has to revoke both certificates.
func isSigner(s mrtd.SignerInfo, cert *csca.Certificate) bool {
	if len(s.SubjectKeyID) > 0 {
		return bytes.Equal(s.SubjectKeyID, cert.SubjectKeyID())
	}
	return bytes.Equal(s.Issuer, cert.RawIssuer()) && bytes.Equal(s.Serial, cert.Serial())
}

// judge finds the path again as of now: trust, revocation and validity are never remembered.
func (c chain) judge(policy Policy, at time.Time) (chain, error) {
	path, err := policy.Anchors.Path(c.ds, c.extra, csca.Times{Signing: c.signing, Now: at})
	if err != nil {
		return c, refusePath(StepSigner, err)
	}
	if path.CRL != csca.Fresh && !policy.InsecureWithoutFreshCRL {
		return c, refuse(StepSigner, "crl-"+Reason(path.CRL.String()), nil)
	}
	// Of what came along, only what the path used is kept: the list of certificates in an SOD is not signed.
	c.path, c.extra = path, nil
	if path.Intermediate != nil {
		c.extra = []*csca.Certificate{path.Intermediate}
	}
	return c, nil
}

// verifySignature checks that the SOD's content is what the signer signed (RFC 5652 §5.4 and §5.6).
func verifySignature(sod mrtd.SOD, ds *csca.Certificate) error {
	if !strong(sod.Digest) || !strong(sod.Signer.Digest) {
		return refuse(StepSignature, ReasonWeakDigest, nil)
	}
	// ICAO 9303-10 §4.6.2.2 makes the signed attributes mandatory: they carry the digest of the content.
	if len(sod.Signer.SignedAttrs) == 0 || len(sod.Signer.MessageDigest) == 0 {
		return refuse(StepSignature, ReasonUnsignedAttributes, nil)
	}
	h := sod.Signer.Digest.New()
	h.Write(sod.Content)
	if subtle.ConstantTimeCompare(h.Sum(nil), sod.Signer.MessageDigest) != 1 {
		return refuse(StepSignature, ReasonBadSignature, errors.New("content digest differs"))
	}
	alg, err := csca.ParseSignatureAlgorithm(sod.Signer.SignatureAlgorithm, sod.Signer.Digest)
	if err != nil {
		return refusePath(StepSignature, err)
	}
	if err := ds.PublicKey().Verify(alg, sod.Signer.SignedAttrs, sod.Signer.Signature); err != nil {
		return refusePath(StepSignature, err)
	}
	return nil
}

// strong reports whether a digest may carry evidence: SHA-1 is refused, and so is everything under 256 bits.
func strong(h crypto.Hash) bool {
	return h == crypto.SHA256 || h == crypto.SHA384 || h == crypto.SHA512
}

// matches compares a file with its digest in the SOD. The file's length is bounded by whoever read it.
func matches(digest crypto.Hash, want, file []byte) bool {
	h := digest.New()
	h.Write(file)
	return subtle.ConstantTimeCompare(h.Sum(nil), want) == 1
}
