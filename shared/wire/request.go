package wire

// Request is what the citizen is asked to approve: the payload of a JWS that the broker signs and that names one device.
// The number that a page may show is never in it.
type Request struct {
	Iss      string       `json:"iss"`
	Aud      string       `json:"aud"` // identifier of the device
	Iat      int64        `json:"iat"`
	Exp      int64        `json:"exp"` // 120 seconds after iat at most
	Jti      string       `json:"jti"`
	Ceremony string       `json:"ceremony"`
	Nonce    []byte       `json:"nonce"` // 32 octets
	Hop      string       `json:"hop"`
	Service  Service      `json:"service"`
	Level    string       `json:"level"`
	Card     bool         `json:"card"` // a card is needed
	Claims   []ClaimGroup `json:"claims,omitempty"`
	Language string       `json:"language"`
	Browser  string       `json:"browser"` // family and system, e.g. "Firefox, Linux"
	Place    string       `json:"place"`   // network address of the browser
}

// Service is who asks.
type Service struct {
	ClientID string `json:"client_id"`
	Name     string `json:"name"`
}

// ClaimGroup is what is asked of one provider of data, in words of the request's language.
type ClaimGroup struct {
	Provider string   `json:"provider"`
	Labels   []string `json:"labels"`
}

// ApprovalClaims is what the device and the PIN sign: the citizen's yes to one request. It is the payload of a JWS in
// general JSON serialization with two signatures, typ pivot-approval+jwt.
type ApprovalClaims struct {
	Iss      string `json:"iss"` // identifier of the device
	Aud      string `json:"aud"` // identifier of the issuer
	Iat      int64  `json:"iat"`
	Exp      int64  `json:"exp"` // 60 seconds after iat at most
	Ceremony string `json:"ceremony"`
	Nonce    []byte `json:"nonce"` // of the ceremony, 32 octets
	Hop      string `json:"hop"`
	Request  []byte `json:"request"` // SHA-256 of the compact JWS received
	Display  []byte `json:"display"` // [Display.Digest] of what the screen showed
	Language string `json:"language"`
	Decision string `json:"decision"`       // approve
	Card     []byte `json:"card,omitempty"` // [CardDigest], where a card took part
}
