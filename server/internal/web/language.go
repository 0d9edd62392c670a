package web

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"

	"pivot/assets"
)

// maxLanguages bounds, in bytes, what is read of the languages that a request prefers.
const maxLanguages = 256

// Speaker speaks the language of the person, which is, the strongest first: the one they switched to, now or before; the
// one that the service or the transaction prefers (ui_locales); that of their browser; French.
func (k *Kit) Speaker(c *gin.Context) *assets.Speaker {
	prefs := []string{switchedTo(c)}
	if cookie, ok := oneCookie(c.Request, k.languageCookie()); ok {
		prefs = append(prefs, cookie)
	}
	query := c.Request.URL.Query()
	if locales := query.Get("ui_locales"); len(locales) <= maxLanguages {
		prefs = append(prefs, strings.Fields(locales)...)
	}
	prefs = append(prefs, c.GetStringSlice(preferKey)...)
	if accepted := c.GetHeader("Accept-Language"); len(accepted) <= maxLanguages {
		tags, _, err := language.ParseAcceptLanguage(accepted)
		if err == nil {
			for _, t := range tags {
				prefs = append(prefs, t.String())
			}
		}
	}
	return k.pages.Speaker(prefs...)
}

// Prefer says which languages the transaction of this request asked for (ui_locales), the preferred one first.
func (k *Kit) Prefer(c *gin.Context, locales ...string) { c.Set(preferKey, locales) }

// switchedTo is the language of the switch that was followed to this page: one of ours, or nothing.
func switchedTo(c *gin.Context) string {
	asked := c.Request.URL.Query()["lang"]
	for _, tag := range assets.Languages() {
		if len(asked) == 1 && asked[0] == tag.String() {
			return asked[0]
		}
	}
	return ""
}

// keepLanguage remembers a switch for the pages that follow.
func (k *Kit) keepLanguage(c *gin.Context) {
	if tag := switchedTo(c); tag != "" && safe(c.Request.Method) {
		http.SetCookie(c.Writer, k.cookie(k.languageCookie(), tag))
	}
}
