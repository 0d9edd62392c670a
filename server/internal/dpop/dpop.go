// Package dpop judges proofs of possession of a key (RFC 9449): a JWS in the header DPoP that a client makes for one
// request. An access token that was asked with one is good only together with another by the same key. ES256 is the only
// algorithm. That a proof is used once is for its reader to see to, by [Proof.Use].
package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/oauth"
)

const (
	mostProof = 4096 // bytes: one has about 500
	mostDepth = 4
	mostID    = 256
	coordLen  = 32

	// A proof is made for one request that is sent at once, and clocks may differ by ten seconds (FAPI 2.0 Security
	// Profile §5.3.2.1).
	life = 60 * time.Second
	skew = 10 * time.Second
)

// Algs are the algorithms of proofs, as discovery lists them.
func Algs() []string { return []string{string(jose.ES256)} }

// Expect is what a proof must have been made for.
type Expect struct {
	Method string // of the request
	URL    string // of the endpoint, without query
	Token  string // access token that comes with it; empty where none does
	Now    time.Time
}

// Proof is a proof that was judged good for one request. Its zero value is none.
type Proof struct {
	thumbprint string
	id         string
	until      time.Time
}

// Thumbprint is that of the key (RFC 7638, SHA-256 in base64url); empty for no proof.
func (p Proof) Thumbprint() string { return p.thumbprint }

// Use is what may be recorded once: a text that names this proof and no other, and until when it could be shown again.
func (p Proof) Use() (key string, until time.Time) { return p.thumbprint + "." + p.id, p.until }

// Verify judges every value of the header DPoP. None is no proof, and no error. Errors: an oauth.Error.
func Verify(headers []string, e Expect) (Proof, error) {
	switch {
	case len(headers) == 0:
		return Proof{}, nil
	case len(headers) > 1 || len(headers[0]) > mostProof:
		return Proof{}, oauth.FaultDPoPForm.Err()
	}
	key, ok := keyOf(headers[0])
	if !ok {
		return Proof{}, oauth.FaultDPoPForm.Err()
	}
	jws, err := jose.ParseSignedCompact(headers[0], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Proof{}, oauth.FaultDPoPForm.Err()
	}
	payload, err := jws.Verify(key.public)
	if err != nil {
		return Proof{}, oauth.FaultDPoPSignature.Err()
	}
	c, ok := parseClaims(payload)
	if !ok {
		return Proof{}, oauth.FaultDPoPClaims.Err()
	}
	if fault := c.judge(e); fault != 0 {
		return Proof{}, fault.Err()
	}
	digest := sha256.Sum256([]byte(c.id)) // of any characters, as it is
	return Proof{key.thumbprint, base64.RawURLEncoding.EncodeToString(digest[:]), c.issued.Add(life + skew)}, nil
}

// key is the public key of a proof.
type key struct {
	public     *ecdsa.PublicKey
	thumbprint string
}

// keyOf reads the header of a proof: exactly its type, and a public key of P-256. What would change how the rest is read
// is refused; the rest is ignored (RFC 7515 §4).
func keyOf(proof string) (key, bool) {
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		return key{}, false
	}
	var raw []byte
	for i, part := range parts { // one text for one value: the library accepts several
		octets, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || len(octets) == 0 || strings.ContainsAny(part, "\r\n") {
			return key{}, false
		}
		if i == 0 {
			raw = octets
		}
	}
	header, err := oauth.ParseObject(raw, mostDepth)
	if err != nil {
		return key{}, false
	}
	for _, name := range []string{"crit", "b64", "zip", "cty", "jku", "x5u", "x5c", "kid"} {
		if _, ok := header[name]; ok {
			return key{}, false
		}
	}
	if text(header["alg"]) != string(jose.ES256) || text(header["typ"]) != "dpop+jwt" {
		return key{}, false
	}
	return parseKey(header["jwk"])
}

// parseKey reads a public key (RFC 7518 §6.2.1): a private one is somebody's secret, sent about.
func parseKey(raw json.RawMessage) (key, bool) {
	jwk, err := oauth.ParseObject(raw, mostDepth)
	if err != nil || text(jwk["kty"]) != "EC" || text(jwk["crv"]) != "P-256" {
		return key{}, false
	}
	if _, private := jwk["d"]; private {
		return key{}, false
	}
	x, y := text(jwk["x"]), text(jwk["y"])
	point := []byte{4}
	for _, coordinate := range []string{x, y} {
		octets, err := base64.RawURLEncoding.Strict().DecodeString(coordinate)
		if err != nil || len(octets) != coordLen {
			return key{}, false
		}
		point = append(point, octets...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return key{}, false
	}
	digest := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`)) // RFC 7638 §3.2
	return key{public, base64.RawURLEncoding.EncodeToString(digest[:])}, true
}

// text is a member that is a string; empty for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// claims are what a proof says.
type claims struct {
	id, method, url, token string
	issued                 time.Time
	expires, begins        time.Time // zero where the proof does not say: it need not
}

func parseClaims(payload []byte) (claims, bool) {
	members, err := oauth.ParseObject(payload, mostDepth)
	if err != nil {
		return claims{}, false
	}
	c := claims{id: text(members["jti"]), method: text(members["htm"]), url: text(members["htu"]), token: text(members["ath"])}
	var ok bool
	if c.issued, ok = date(members["iat"]); !ok {
		return claims{}, false
	}
	for name, into := range map[string]*time.Time{"exp": &c.expires, "nbf": &c.begins} { // RFC 7519 §4.1: kept to where given
		if raw, has := members[name]; has {
			if *into, ok = date(raw); !ok {
				return claims{}, false
			}
		}
	}
	return c, c.id != "" && len(c.id) <= mostID
}

// date reads a NumericDate (RFC 7519 §2), whole seconds of it.
func date(raw json.RawMessage) (time.Time, bool) {
	var seconds *float64
	if json.Unmarshal(raw, &seconds) != nil || seconds == nil || *seconds < 0 || *seconds > 253402300799 {
		return time.Time{}, false
	}
	whole, _ := math.Modf(*seconds)
	return time.Unix(int64(whole), 0).UTC(), true
}

// judge compares what is said with what must be (RFC 9449 §4.3).
func (c claims) judge(e Expect) oauth.Fault {
	var ath string
	if e.Token != "" {
		digest := sha256.Sum256([]byte(e.Token))
		ath = base64.RawURLEncoding.EncodeToString(digest[:])
	}
	switch {
	case c.method != e.Method, plain(c.url) == "", plain(c.url) != plain(e.URL):
		return oauth.FaultDPoPClaims
	case ath != "" && subtle.ConstantTimeCompare([]byte(c.token), []byte(ath)) != 1:
		return oauth.FaultDPoPClaims
	case c.issued.After(e.Now.Add(skew)), !c.issued.After(e.Now.Add(-life - skew)):
		return oauth.FaultDPoPTime
	case c.begins.After(e.Now.Add(skew)), !c.expires.IsZero() && !c.expires.After(e.Now.Add(-skew)):
		return oauth.FaultDPoPTime
	}
	return 0
}

// plain is an address as it is compared: without query and fragment, scheme and host in lower case, without the scheme's
// own port (RFC 9449 §4.3, RFC 3986 §6.2); empty for what is none.
func plain(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) {
		return ""
	}
	host := strings.ToLower(u.Host)
	own := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(host, own) + u.EscapedPath()
}
