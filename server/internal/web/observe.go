package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
)

// patience is how long a handler may work on one request.
const patience = 20 * time.Second

// writing is how long an answer may take beyond that.
const writing = 10 * time.Second

// observe gives the request its id and its deadline, turns a panic into an internal error, and writes one line to the
// log: the route, never the address, for addresses carry codes, states and transactions.
func (k *Kit) observe(c *gin.Context) {
	began := time.Now()
	c.Set(incidentKey, newIncident())
	ctx, cancel := context.WithTimeout(c.Request.Context(), k.patience(c))
	defer cancel()
	c.Request = c.Request.WithContext(audit.WithOrigin(ctx, k.whence(c)))
	defer k.record(c, began)
	defer k.recover(c)
	c.Next()
}

// patience is how long this request may take. Where it is longer than usual, so is what the server waits for its peer.
func (k *Kit) patience(c *gin.Context) time.Duration {
	most := k.bounds[c.FullPath()].patience
	if most == 0 || c.Request.Method != http.MethodGet {
		return patience
	}
	end := time.Now().Add(most + writing)
	peer := http.NewResponseController(c.Writer)
	// The server's deadline for reading would end the request's context too, for it waits there for the peer to leave.
	if err := errors.Join(peer.SetReadDeadline(end), peer.SetWriteDeadline(end)); err != nil {
		k.options.Log.Debug("deadlines stay", slog.Any("cause", err))
	}
	return most
}

func (k *Kit) record(c *gin.Context, began time.Time) {
	method := c.Request.Method
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions}, method) {
		method = "other"
	}
	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	k.options.Log.Info("request",
		slog.String("id", incident(c)), slog.String("profile", k.options.Profile), slog.String("method", method),
		slog.String("route", route), slog.Int("status", c.Writer.Status()), slog.String("code", c.GetString(faultKey)),
		slog.Int("bytes", max(c.Writer.Size(), 0)), slog.Duration("took", time.Since(began)),
	)
}

// recover answers a panic as any internal error. Its value may hold what a handler held, so the log gets its type and the
// place.
func (k *Kit) recover(c *gin.Context) {
	cause := recover()
	if cause == nil {
		return
	}
	k.options.Log.Error("panic", slog.String("id", incident(c)), slog.String("stack", string(debug.Stack())))
	k.refuse(c, fmt.Errorf("web: panic of type %T", cause))
}

// Note puts the code of a refusal that an edge writes itself into the request's line of the log, and its cause, if it is an
// error of our own, into a line beside it. It returns the id of the request.
func (k *Kit) Note(c *gin.Context, code string, cause error) string {
	c.Set(faultKey, code)
	if cause != nil {
		k.options.Log.ErrorContext(c.Request.Context(), "refused by an error of our own",
			slog.String("id", incident(c)), slog.String("code", code), slog.Any("cause", cause))
	}
	return incident(c)
}

// incident is the id of the request, which an error page shows and the log keeps.
func incident(c *gin.Context) string { return c.GetString(incidentKey) }

// newIncident is a random UUID (RFC 9562 §5.4).
func newIncident() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func isIncident(id string) bool { return uuid.MatchString(id) }
