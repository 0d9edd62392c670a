package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

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

// browserCookie is "__Host-pivot-plus" and the like: no other host and no plain connection can set it (RFC 6265bis
// §4.1.3.2). On loopback over http the prefix is left out, and Secure with it: some browsers and most HTTP libraries do
// not send back a Secure cookie there, where nothing travels.
func (k *Kit) browserCookie() string { return k.prefix() + k.options.Profile }

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

// Browser is the hash of this browser's cookie, which is all that may be stored. False: it has none, or not exactly one
// of ours.
func (k *Kit) Browser(c *gin.Context) ([32]byte, bool) {
	value, ok := oneCookie(c.Request, k.browserCookie())
	if !ok {
		return [32]byte{}, false
	}
	raw, ok := decode(value, browserBytes)
	if !ok {
		return [32]byte{}, false
	}
	return sha256.Sum256(raw), true
}

// NewBrowser gives this browser a fresh cookie with the answer, and returns its hash.
func (k *Kit) NewBrowser(c *gin.Context) [32]byte {
	raw := make([]byte, browserBytes)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	http.SetCookie(c.Writer, k.cookie(k.browserCookie(), encoding.EncodeToString(raw)))
	return sha256.Sum256(raw)
}

// ForgetBrowser takes the cookie back with the answer.
func (k *Kit) ForgetBrowser(c *gin.Context) {
	gone := k.cookie(k.browserCookie(), "")
	gone.MaxAge = -1
	http.SetCookie(c.Writer, gone)
}

// oneCookie finds the cookie of a name. Two of one name mean that somebody planted one: neither is believed.
func oneCookie(r *http.Request, name string) (string, bool) {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return "", false
	}
	return found[0].Value, true
}
