package device

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/shared/wire"
)

const (
	mostApproval = 16 << 10    // octets
	mostLife     = time.Minute // of an approval

	typeApproval = "pivot-approval+jwt"
	kidPIN       = "pin"
	approve      = "approve"
)

// Keys are the two that sign an approval.
type Keys struct {
	Device Key
	PIN    Key // what the PIN unmasks
}

// Expect is what an approval must say: all of it from the broker's own memory.
type Expect struct {
	Issuer   string // identifier of the issuer
	Device   string
	Ceremony string // which is the transaction
	Hop      string // empty when there was none
	Nonce    []byte
	Request  [32]byte // SHA-256 of the compact JWS that was released
	Display  [32]byte // digest of what the screen must have shown
	Card     [32]byte // [wire.CardDigest] of the evidence that came with it; zero when there is none
	Keys     Keys
	Now      time.Time
}

// Approval is the citizen's yes to one request on one device, with the PIN. [VerifyApproval] alone makes one, and it
// gives one proof; it is not for concurrent use.
type Approval struct {
	device, ceremony, hop string
	card                  [32]byte
	evidence              [32]byte // of what was signed
	spent                 bool
}

// Format redacts for every verb.
func (a Approval) Format(f fmt.State, _ rune) { fmt.Fprint(f, "device.Approval(redacted)") }

// LogValue implements [slog.LogValuer], redacted.
func (a Approval) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// envelope is the general JSON serialization of RFC 7515 §7.2.1, without unprotected headers: what nobody signed says
// nothing.
type envelope struct {
	Payload    string          `json:"payload"`
	Signatures []signatureJSON `json:"signatures"`
}

type signatureJSON struct {
	Protected string `json:"protected"`
	Signature string `json:"signature"`
}

type approvalHeader struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
	Kid string `json:"kid"`
}

var errExpect = errors.New("device: an expectation that is not whole")

// VerifyApproval judges an approval: a JWS in general JSON serialization with exactly two signatures, by the device's
// key and by the key of the PIN, in this order, over [wire.ApprovalClaims]. Errors: a [*Refusal] with the first reason
// that holds, in the order of the list; another error for an expectation with a part missing.
func VerifyApproval(raw []byte, e Expect) (*Approval, error) {
	if !e.whole() {
		return nil, errExpect
	}
	payload, err := verifyEnvelope(raw, e.Keys)
	if err != nil {
		return nil, err
	}
	var c wire.ApprovalClaims
	if err := wire.Decode(payload, &c); err != nil {
		return nil, refuse(ReasonMalformed, err)
	}
	if reason, ok := e.judge(c); !ok {
		return nil, refuse(reason, nil)
	}
	return &Approval{
		device: e.Device, ceremony: e.Ceremony, hop: e.Hop, card: e.Card, evidence: sha256.Sum256(payload),
	}, nil
}

// whole reports whether every part is there; hop and card may be empty.
func (e Expect) whole() bool {
	return e.Issuer != "" && e.Device != "" && e.Ceremony != "" && len(e.Nonce) == secretLen && e.Request != [32]byte{} &&
		e.Display != [32]byte{} && !e.Keys.Device.IsZero() && !e.Keys.PIN.IsZero() && !e.Now.IsZero()
}

// verifyEnvelope gives the payload that both keys signed.
func verifyEnvelope(raw []byte, keys Keys) ([]byte, error) {
	var in envelope
	if len(raw) > mostApproval {
		return nil, refuse(ReasonMalformed, errors.New("too long"))
	}
	if err := wire.Decode(raw, &in); err != nil {
		return nil, refuse(ReasonMalformed, err)
	}
	if len(in.Signatures) != 2 {
		return nil, refuse(ReasonSignatures, fmt.Errorf("%d of them", len(in.Signatures)))
	}
	payload, ok := decode64(in.Payload)
	if !ok || len(payload) == 0 {
		return nil, refuse(ReasonMalformed, errors.New("payload"))
	}
	var kids [2]string
	for i, s := range in.Signatures {
		h, err := s.header()
		if err != nil {
			return nil, err
		}
		kids[i] = h.Kid
	}
	if kids[0] != keys.Device.ID() {
		return nil, refuse(ReasonDevice, nil)
	}
	if kids[1] != kidPIN || keys.Device.Equal(keys.PIN) {
		return nil, refuse(ReasonKeys, nil)
	}
	return payload, verifyBoth(raw, payload, keys)
}

// header reads one protected header.
func (s signatureJSON) header() (approvalHeader, error) {
	protected, ok := decode64(s.Protected)
	if signature, fine := decode64(s.Signature); !ok || !fine || len(signature) == 0 {
		return approvalHeader{}, refuse(ReasonMalformed, errors.New("not base64url"))
	}
	var h approvalHeader
	if err := wire.Decode(protected, &h); err != nil {
		return approvalHeader{}, refuse(ReasonMalformed, err)
	}
	if h.Alg != string(jose.ES256) || h.Typ != typeApproval {
		return approvalHeader{}, refuse(ReasonType, nil)
	}
	return h, nil
}

// verifyBoth holds each signature to its own key: the first to the device's, the second to the PIN's.
func verifyBoth(raw, payload []byte, keys Keys) error {
	jws, err := jose.ParseSignedJSON(string(raw), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return refuse(ReasonMalformed, nil)
	}
	for i, key := range []Key{keys.Device, keys.PIN} {
		index, _, signed, err := jws.VerifyMulti(key.public)
		if err != nil || index != i || !bytes.Equal(signed, payload) {
			return refuse(ReasonSignatures, nil)
		}
	}
	return nil
}

// judge compares what was signed with what it must say, in the order of the reasons.
func (e Expect) judge(c wire.ApprovalClaims) (Reason, bool) {
	var card []byte
	if e.Card != [32]byte{} {
		card = e.Card[:]
	}
	for _, row := range []struct {
		reason Reason
		ok     bool
	}{
		{ReasonIssuer, c.Iss == e.Device},
		{ReasonAudience, c.Aud == e.Issuer},
		{ReasonTransaction, c.Ceremony == e.Ceremony},
		{ReasonNonce, bytes.Equal(c.Nonce, e.Nonce)},
		{ReasonHop, c.Hop == e.Hop},
		{ReasonRequest, bytes.Equal(c.Request, e.Request[:])},
		{ReasonDisplay, bytes.Equal(c.Display, e.Display[:])},
		{ReasonCard, bytes.Equal(c.Card, card)},
		{ReasonDecision, c.Decision == approve},
		{ReasonExpired, current(c.Iat, c.Exp, e.Now)},
	} {
		if !row.ok {
			return row.reason, false
		}
	}
	return "", true
}

// current reports whether an approval lives now, by a clock that may differ from ours as much as a call's: the nonce and
// the transaction, not the clock, make it good once.
func current(iat, exp int64, now time.Time) bool {
	if iat < 0 || exp <= iat || exp-iat > int64(mostLife/time.Second) {
		return false
	}
	return !time.Unix(iat, 0).After(now.Add(skew)) && time.Unix(exp, 0).After(now.Add(-skew))
}
