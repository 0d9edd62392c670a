package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// browserBytes is the entropy of the cookie that tells one browser from another.
const browserBytes = 32

// encoding of random values: base64url without padding.
var encoding = base64.RawURLEncoding.Strict()

// decode accepts the one encoding of so many bytes. The length is checked because the decoder passes over line ends.
func decode(text string, size int) ([]byte, bool) {
	if len(text) != encoding.EncodedLen(size) {
		return nil, false
	}
	raw, err := encoding.DecodeString(text)
	return raw, err == nil && len(raw) == size
}

// browserCookie is "__Host-pivot-plus-" and the first characters of the transaction's id, and the like: one cookie a login,
// so that nobody who sat at the browser earlier, and no other site that begins a login in it, has a hand in this one; no other host and no plain connection can set it (RFC 6265bis
// §4.1.3.2). On loopback over http the prefix is left out, and Secure with it: some browsers and most HTTP libraries do
// not send back a Secure cookie there, where nothing travels.
func (k *Kit) browserCookie(id string) string {
	const enough = 16 // 96 of the 256 bits: names must not collide by chance, that is all
	return k.prefix() + k.options.Profile + "-" + id[:min(len(id), enough)]
}

func (k *Kit) languageCookie() string { return k.prefix() + k.options.Profile + "-lang" }

func (k *Kit) prefix() string {
	if k.issuer.Scheme == "https" {
		return "__Host-pivot-"
	}
	return "pivot-"
}

// cookie ends with the browser's session. Lax, not Strict: a person comes here by a link of the service's site.
func (k *Kit) cookie(name, value string) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", Secure: k.issuer.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// Browser is the hash of this browser's cookie for a transaction, which is all that may be stored. False: it has none, or
// not exactly one of ours.
func (k *Kit) Browser(c *gin.Context, id string) ([32]byte, bool) {
	value, ok := oneCookie(c.Request, k.browserCookie(id))
	if !ok {
		return [32]byte{}, false
	}
	raw, ok := decode(value, browserBytes)
	if !ok {
		return [32]byte{}, false
	}
	return sha256.Sum256(raw), true
}

// NewBrowser gives this browser a fresh cookie for a transaction with the answer, kept for as long as that may live, and
// returns its hash.
func (k *Kit) NewBrowser(c *gin.Context, id string, life time.Duration) [32]byte {
	raw := make([]byte, browserBytes)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	cookie := k.cookie(k.browserCookie(id), encoding.EncodeToString(raw))
	cookie.MaxAge = int(life.Seconds())
	http.SetCookie(c.Writer, cookie)
	return sha256.Sum256(raw)
}

// oneCookie finds the cookie of a name. Two of one name mean that somebody planted one: neither is believed.
func oneCookie(r *http.Request, name string) (string, bool) {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return "", false
	}
	return found[0].Value, true
}
