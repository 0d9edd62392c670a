package web

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/gin-gonic/gin"
)

// Keys of what the kit keeps beside a request.
const (
	leaveKey    = "web/leave"    // the origin that forms of the page may end at
	incidentKey = "web/incident" // the id of the request
	faultKey    = "web/fault"    // the code of the refusal
	preferKey   = "web/prefer"   // languages that the transaction prefers
)

// contentPolicy allows our own style sheet and icon, forms to ourselves and to one origin more, and nothing else: no
// script, no inline style, no frame around us, and within us none but the one by which a link wakes the companion: a
// click that left the page would cancel its waiting. Chromium checks form-action again at each redirect that
// follows a form, so the page before a redirect must name where it leads.
func contentPolicy(leave string) string {
	form := "form-action 'self'"
	if leave != "" {
		form += " " + leave
	}
	return "default-src 'none'; style-src 'self'; img-src 'self'; " + form + "; frame-src pivot:; frame-ancestors 'none'; base-uri 'none'"
}

// protect sets the headers of every answer, before its handler, which may replace Cache-Control.
func (k *Kit) protect(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy(""))
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	if k.issuer.Scheme == "https" {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// An origin as a source of a content policy (CSP Level 3 §2.3.1); the port may be any on the companion's loopback.
var source = regexp.MustCompile(`^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// MayLeaveFor lets forms of the page that this request renders end, after redirects, at one origin more: scheme, host and
// port of a service, or "http://127.0.0.1:*". Errors: anything else; an IPv6 literal, which a content policy cannot name.
func (k *Kit) MayLeaveFor(c *gin.Context, origin string) error {
	if origin != "http://127.0.0.1:*" && !source.MatchString(origin) {
		return fmt.Errorf("web: %q is not an origin that a page can name", origin)
	}
	c.Set(leaveKey, origin)
	return nil
}

// file serves a file of the pages. Its name changes with its content, so it may be kept for ever.
func (k *Kit) file(c *gin.Context) {
	body, media, ok := k.pages.File(c.Param("name"))
	if !ok {
		k.refuse(c, status(http.StatusNotFound))
		return
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	c.Data(http.StatusOK, media, body)
}
