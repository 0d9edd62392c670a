package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/oauth"
)

// Refusal is a public error with what a page can offer beside it.
type Refusal struct {
	Err   oauth.Error
	Back  *assets.Way // where the person may go back to; nil where no service is known
	Cause error       // for the log alone; may be nil
}

// Error is for logs.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap gives the public error, then the cause.
func (r *Refusal) Unwrap() []error {
	if r.Cause == nil {
		return []error{r.Err}
	}
	return []error{r.Err, r.Cause}
}

// status is a refusal of HTTP itself. Its code is Y000 and the status.
func status(code int) oauth.Error {
	return oauth.Error{
		Fault: oauth.FaultParameters, Code: "invalid_request", Description: strings.ToLower(http.StatusText(code)),
		Y: "Y000" + strconv.Itoa(code), Status: code, Place: oauth.OnPage,
	}
}

// statuses are those that the kit refuses with.
func statuses() []int {
	return []int{
		http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnsupportedMediaType,
		http.StatusMisdirectedRequest,
	}
}

// publicErrors are the catalogue and the refusals of HTTP. Where several errors share a code, a page's sentence wins.
func publicErrors() map[string]oauth.Error {
	all := make(map[string]oauth.Error)
	for _, e := range oauth.Catalogue() {
		if old, known := all[e.Y]; !known || old.Place != oauth.OnPage {
			all[e.Y] = e
		}
	}
	for _, code := range statuses() {
		e := status(code)
		all[e.Y] = e
	}
	return all
}

// A verdict is what an error comes to.
type verdict struct {
	public   oauth.Error
	detail   string // for the developer of the service
	back     *assets.Way
	location string // of a redirect; empty: answered here
	internal error  // what the log must keep
}

// translate is the one place where an error becomes public. What it does not know is internal: the answer then says
// nothing but that.
func (k *Kit) translate(err error) verdict {
	var refusal *Refusal
	var back *assets.Way
	if errors.As(err, &refusal) {
		back = refusal.Back
	}
	var redirect oauth.RedirectError
	if errors.As(err, &redirect) {
		return verdict{public: redirect.Err, location: redirect.Location(k.options.Issuer)}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return verdict{public: status(http.StatusRequestEntityTooLarge)}
	}
	var public oauth.Error
	if !errors.As(err, &public) {
		return verdict{public: oauth.FaultInternal.Err(), internal: err}
	}
	v := verdict{public: public, back: back, detail: public.Description}
	var page oauth.PageError
	if errors.As(err, &page) && page.Parameter != "" {
		v.detail += ": " + page.Parameter
	}
	if public.Place == oauth.OnRedirect {
		v.public.Status = http.StatusBadRequest // there is nowhere to redirect to
	}
	if v.public.Status >= http.StatusInternalServerError {
		v.detail, v.internal = "", err
		if refusal != nil && refusal.Cause != nil {
			v.internal = refusal.Cause
		}
	}
	return v
}

// refuse answers an error where the route's readers look for it.
func (k *Kit) refuse(c *gin.Context, err error) {
	c.Abort()
	v, id := k.translate(err), incident(c)
	c.Set(faultKey, v.public.Y)
	if v.internal != nil {
		k.options.Log.ErrorContext(c.Request.Context(), "refused by an error of our own",
			slog.String("id", id), slog.String("code", v.public.Y), slog.Any("cause", v.internal))
	}
	switch {
	case c.Writer.Written():
		k.cut(c)
	case k.api[c.FullPath()] || k.api[c.Request.URL.Path]:
		k.refuseJSON(c, v, id)
	case v.location != "":
		k.SeeOther(c, v.location)
	default:
		k.refusePage(c, v, id)
	}
}

// cut ends the connection of an answer that began and cannot be finished: half of it must not pass for the whole.
func (k *Kit) cut(c *gin.Context) {
	if err := http.NewResponseController(c.Writer).SetWriteDeadline(time.Unix(1, 0)); err != nil {
		k.options.Log.Error("answer not cut", slog.String("id", incident(c)), slog.Any("cause", err))
	}
}

func (k *Kit) refusePage(c *gin.Context, v verdict, id string) {
	explain := string(PathExplain) + "?" + url.Values{"code": {v.public.Y}, "id": {id}}.Encode()
	here := explain
	// A way back would be lost on the page that explains; the same address, asked again, keeps it.
	if safe(c.Request.Method) && v.back != nil {
		here = requested(c.Request.URL)
	}
	view := assets.ErrorPage{
		Code: v.public.Y, ID: id, Message: v.public.MessageID(), Detail: v.detail, Help: k.options.Help, Back: v.back,
	}
	if err := k.render(c, v.public.Status, view, here); err != nil {
		k.options.Log.Error("no error page", slog.String("id", id), slog.Any("cause", err))
		c.Data(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte(v.public.Y+" "+id+"\n"))
	}
}

// refuseJSON is the shape of RFC 6749 §5.2 with the address of an explanation (franceconnect.md 1.12).
func (k *Kit) refuseJSON(c *gin.Context, v verdict, id string) {
	if v.public.Status == http.StatusUnauthorized && (v.public.Fault == oauth.FaultTokenBound || v.public.Code == "invalid_dpop_proof") {
		c.Header("WWW-Authenticate", `DPoP error="`+v.public.Code+`", algs="ES256"`) // RFC 9449 §7.1
	} else if v.public.Status == http.StatusUnauthorized && v.public.Code == "invalid_token" {
		challenge := "Bearer" // RFC 6750 §3.1: no error code when no token was given
		if v.public.Fault != oauth.FaultBearerMissing {
			challenge += ` error="` + v.public.Code + `"`
		}
		c.Header("WWW-Authenticate", challenge)
	}
	if v.public.Fault == oauth.FaultAuthHeader { // RFC 6749 §5.2: a client that tried the header is told by one
		c.Header("WWW-Authenticate", `Basic realm="token"`)
	}
	c.JSON(v.public.Status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		URI         string `json:"error_uri"`
	}{
		v.public.Code, v.public.Description,
		k.issuer.Scheme + "://" + k.issuer.Host + string(PathExplain) + "?" + url.Values{"code": {v.public.Y}, "id": {id}}.Encode(),
	})
}

// explain shows what a code means, to whoever follows an error_uri or switches the language of an error page.
func (k *Kit) explain(c *gin.Context) error {
	query, err := Query(c)
	if err != nil {
		return err
	}
	code, id := query.Get("code"), query.Get("id")
	e, known := k.codes[code]
	if !known || (id != "" && !isIncident(id)) {
		return status(http.StatusNotFound)
	}
	view := assets.ErrorPage{Code: code, ID: id, Message: e.MessageID(), Detail: e.Description, Help: k.options.Help}
	if e.Place != oauth.OnPage {
		view.Message = strings.TrimSuffix(e.MessageID(), e.Y) + "developer"
	}
	if e.Status >= http.StatusInternalServerError {
		view.Detail = ""
	}
	return k.Render(c, http.StatusOK, view)
}
