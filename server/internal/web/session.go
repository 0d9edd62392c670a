package web

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"

	"github.com/gin-gonic/gin"
)

// sessionCookie is "__Host-pivot-plus" and the like: one a browser and issuer.
func (k *Kit) sessionCookie() string { return k.prefix() + k.options.Profile }

// Session is the hash of this browser's session cookie, which is all that may be stored. False: it has none, or not exactly
// one of ours.
func (k *Kit) Session(c *gin.Context) ([32]byte, bool) {
	value, ok := oneCookie(c.Request, k.sessionCookie())
	if !ok {
		return [32]byte{}, false
	}
	raw, ok := decode(value, browserBytes)
	if !ok {
		return [32]byte{}, false
	}
	return sha256.Sum256(raw), true
}

// NewSession draws the value of a session cookie, and its hash. No answer carries it yet.
func (k *Kit) NewSession() (value string, hash [32]byte) {
	raw := make([]byte, browserBytes)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	return encoding.EncodeToString(raw), sha256.Sum256(raw)
}

// KeepSession gives this browser a session cookie with the answer. It ends with the browser; how long the session lasts is
// for the server to say.
func (k *Kit) KeepSession(c *gin.Context, value string) {
	http.SetCookie(c.Writer, k.cookie(k.sessionCookie(), value))
}

// EndSession takes the session cookie of this browser away with the answer.
func (k *Kit) EndSession(c *gin.Context) {
	cookie := k.cookie(k.sessionCookie(), "")
	cookie.MaxAge = -1
	http.SetCookie(c.Writer, cookie)
}
