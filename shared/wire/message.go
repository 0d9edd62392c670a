package wire

import "encoding/json"

// PairRequest begins a pairing: the code that the page showed, and the key that the device will sign with.
type PairRequest struct {
	Code       string          `json:"code"`       // as [NewCode] makes it
	Key        json.RawMessage `json:"key"`        // public JWK, EC P-256: kty, crv, x, y and nothing else
	Protection string          `json:"protection"` // how the key is kept: tpm, keychain or file
	Name       string          `json:"name"`       // what the citizen calls the device, 64 characters at most
	Platform   string          `json:"platform"`   // 64 characters at most
}

// PairAnswer is what the device must keep to speak to this broker, and what the strings to compare are made of.
type PairAnswer struct {
	Ceremony string          `json:"ceremony"`
	Device   string          `json:"device"`  // identifier of the device with this broker
	Issuer   string          `json:"issuer"`  // identifier of the issuer, the audience of approvals
	Nonce    []byte          `json:"nonce"`   // 32 octets, chosen once the key was known
	Keys     json.RawMessage `json:"keys"`    // JWKS that signs requests, to be pinned
	Ratchet  []byte          `json:"ratchet"` // 32 octets
	Expires  int64           `json:"expires"`
}

// AttachRequest binds a login to this device. Start comes from the page, by link or by hand.
type AttachRequest struct {
	Start   string `json:"start"`   // as [NewStart] makes it
	Ratchet []byte `json:"ratchet"` // the one held, 32 octets
	Roll    []byte `json:"roll"`    // 16 random octets, on the disk before they are sent; the same in a retry
}

// ChangeRequest begins a change of the PIN. It turns the ratchet, as an [AttachRequest] does.
type ChangeRequest struct {
	Ratchet []byte `json:"ratchet"` // the one held, 32 octets
	Roll    []byte `json:"roll"`    // 16 random octets, on the disk before they are sent; the same in a retry
}

// AttachAnswer is the ceremony that the device now takes part in. Ratchet replaces the one held.
type AttachAnswer struct {
	Ceremony string `json:"ceremony"`
	Nonce    []byte `json:"nonce"`   // 32 octets
	Ratchet  []byte `json:"ratchet"` // 32 octets
	Expires  int64  `json:"expires"`
}

// HopRequest says where the app waits for the citizen's browser: a port of 127.0.0.1.
type HopRequest struct {
	Port int `json:"port"`
}

// HopAnswer gives what [HopProof] is computed with.
type HopAnswer struct {
	Hop    string `json:"hop"`    // identifier of this hop, which the approval covers
	Secret []byte `json:"secret"` // 32 octets
}

// Event is what became of a ceremony, on the stream of events.
type Event struct {
	Stage   string `json:"stage"`            // offered, attached, confirmed, hopped, released or ended
	Reason  string `json:"reason,omitempty"` // why it ended
	Version int    `json:"version"`
}

// AskRequest asks for what is to be approved. With the handle of a known card, the card is opened in the same answer.
type AskRequest struct {
	Language string `json:"language"`       // fr or en
	Card     []byte `json:"card,omitempty"` // 32 octets
	Reach    *Reach `json:"reach,omitempty"`
}

// AskAnswer is the signed [Request], and the opening of the known card when there is one.
type AskAnswer struct {
	Request string   `json:"request"` // compact JWS, typ pivot-request+jwt
	Opening *Opening `json:"opening,omitempty"`
}

// Reach is what reader and chip can carry, as the app saw it. Nothing rests on it but success.
type Reach struct {
	Extended    bool           `json:"extended"`     // extended-length commands pass
	MaxResponse int            `json:"max_response"` // octets of one response, with extended length
	Block       int            `json:"block"`        // octets of a file that the chip gave at once; 0 when not known
	Sizes       map[string]int `json:"sizes,omitempty"`
}

// OpenRequest offers a card: its files as it gives them, or the handle of a card that the broker knows.
type OpenRequest struct {
	CardAccess []byte `json:"card_access,omitempty"`
	DG14       []byte `json:"dg14,omitempty"`
	SOD        []byte `json:"sod,omitempty"`
	Card       []byte `json:"card,omitempty"` // 32 octets
	Reach      Reach  `json:"reach"`
}

// Opening is one Chip Authentication for the app to relay, then the batch, byte for byte.
type Opening struct {
	ID              string   `json:"id"`
	OID             []byte   `json:"oid"`
	KeyID           *int     `json:"key_id,omitempty"`
	EphemeralPublic []byte   `json:"ephemeral_public"`
	Batch           [][]byte `json:"batch"`
}

// PINRequest is one attempt, blinded: RFC 9497, P256-SHA256, mode OPRF.
type PINRequest struct {
	Blinded []byte `json:"blinded"`       // 33 octets
	New     bool   `json:"new,omitempty"` // evaluate under the key of the PIN that is being set
}

// PINAnswer is the evaluation, and what is left once this attempt is counted.
type PINAnswer struct {
	Evaluated []byte `json:"evaluated"` // 33 octets
	TriesLeft int    `json:"tries_left"`
}

// PINProof shows that the attempt unmasked the right key.
type PINProof struct {
	Signature []byte `json:"signature"`            // ASN.1 ECDSA over the SHA-256 of [PINTranscript]
	PublicKey []byte `json:"public_key,omitempty"` // uncompressed point, 65 octets, only where a PIN is set
}

// ResultRequest ends a ceremony: what the chip answered, and what the citizen approved.
type ResultRequest struct {
	Opening   string          `json:"opening,omitempty"`
	Responses [][]byte        `json:"responses,omitempty"`
	Approval  json.RawMessage `json:"approval,omitempty"` // JWS in general JSON serialization; a login only
}

// ResultAnswer is what the ceremony came to.
type ResultAnswer struct {
	Card      []byte `json:"card,omitempty"`      // handle to keep, 32 octets
	Reference string `json:"reference,omitempty"` // pairing: what to tell the agent at the desk
	Level     string `json:"level"`               // login: reached; pairing: what this device may reach now
}

// Refusal is the citizen's no.
type Refusal struct {
	Reason string `json:"reason"` // refused: another mind; not-mine: somebody else began this
}

// DeskCode is what the agent at the desk handed over.
type DeskCode struct {
	Code string `json:"code"`
}

// DeviceStatus is what the broker holds of this device.
type DeviceStatus struct {
	Device    string `json:"device"`
	Name      string `json:"name"`
	State     string `json:"state"` // active or suspended
	Level     string `json:"level"` // highest that it may reach with its card; none before a card
	PIN       string `json:"pin"`   // unset, set or locked
	TriesLeft int    `json:"tries_left"`
	Cards     int    `json:"cards"`
	Desk      string `json:"desk,omitempty"` // the reference that waits at the desk
}

// Empty is a message that says nothing.
type Empty struct{}
