package companion

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/client"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/device"
	"pivot/server/internal/web"
	"pivot/shared/wire"
)

// who may call.
type who uint8

const (
	anybody who = iota // whoever signs
	owner              // an active device that an account owns
	party              // an active device, in the ceremony that it is attached to; of a pairing, in the one that made it
)

// route is one endpoint.
type route struct {
	method, path string
	who          who
}

// visit is one call whose signature holds.
type visit struct {
	now      time.Time
	call     device.Call
	device   means.Device
	ceremony ceremony.Ceremony
}

// patience of guarded writes: how often a call reads again because another was faster.
const mostReadings = 8

// The life of a spent call's identifier: longer than the clocks may differ in both directions.
const (
	callKind = "companion-call"
	callLife = 5 * time.Minute
)

// mount puts an endpoint on the kit: it decodes the message, admits the caller, and encodes the answer.
func mount[In, Out any](e *edge, r route, handle func(context.Context, visit, In) (Out, error)) {
	e.Kit.APIWithin(r.method, web.Path(r.path), wire.MostBody, func(c *gin.Context) error {
		out, err := serve(e, c, r, handle)
		if err == nil {
			var raw []byte
			if raw, err = wire.Encode(out); err == nil {
				c.Data(http.StatusOK, media, raw)
				return nil
			}
		}
		e.refuse(c, err)
		return nil
	})
}

const media = "application/json"

func serve[In, Out any](e *edge, c *gin.Context, r route, handle func(context.Context, visit, In) (Out, error)) (Out, error) {
	var in In
	var none Out
	body, err := read(c)
	if err != nil {
		return none, err
	}
	call, err := e.verify(c, body)
	if err != nil {
		return none, err
	}
	if r.method != http.MethodGet {
		if err := wire.Decode(body, &in); err != nil {
			return none, &wire.Problem{Code: wire.CodeBadRequest}
		}
	}
	ctx := c.Request.Context()
	x, err := e.admit(ctx, call, r.who, c.Param("id"))
	if err != nil {
		return none, err
	}
	if r.who != anybody { // a pairing spends its call once it has found its code: strangers write nothing
		if err := e.spend(ctx, call); err != nil {
			return none, err
		}
	}
	for range mostReadings {
		out, err := handle(ctx, x, in)
		if errors.Is(err, ceremony.ErrEnded) && x.ceremony.Stage() == ceremony.Ended {
			return none, &wire.Problem{Code: wire.CodeEnded, Reason: x.ceremony.Reason()}
		}
		if !errors.Is(err, record.ErrStale) && !errors.Is(err, txn.ErrSpent) {
			return out, err
		}
		if x, err = e.admit(ctx, call, r.who, c.Param("id")); err != nil {
			return none, err
		}
	}
	return none, &wire.Problem{Code: wire.CodeBusy}
}

// read takes the whole body, of the one media type that messages have.
func read(c *gin.Context) ([]byte, error) {
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return nil, &wire.Problem{Code: wire.CodeBadRequest} // too large, or cut
	}
	kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	get := c.Request.Method == http.MethodGet
	if get && len(body) > 0 || !get && (err != nil || kind != media) || c.Request.URL.RawQuery != "" {
		return nil, &wire.Problem{Code: wire.CodeBadRequest}
	}
	return body, nil
}

// verify judges the signature of a call. Errors: a problem.
func (e *edge) verify(c *gin.Context, body []byte) (device.Call, error) {
	proofs := c.Request.Header.Values("DPoP")
	if len(proofs) != 1 {
		return device.Call{}, &wire.Problem{Code: wire.CodeSignature, Reason: string(device.ReasonMalformed)}
	}
	now := e.Now()
	call, err := device.ParseCall(proofs[0], device.CallRequest{
		Method: c.Request.Method, URL: e.origin + c.Request.URL.EscapedPath(), Body: body, Now: now,
	})
	if refusal, ok := errors.AsType[*device.Refusal](err); ok {
		if refusal.Reason == device.ReasonClock {
			return device.Call{}, &wire.Problem{Code: wire.CodeClock, Now: now.Unix()}
		}
		return device.Call{}, &wire.Problem{Code: wire.CodeSignature, Reason: string(refusal.Reason)}
	}
	return call, err
}

// spend takes the identifier of a call, once.
func (e *edge) spend(ctx context.Context, call device.Call) error {
	key := sha256.Sum256([]byte(e.Issuer.URL + " " + call.Key.ID() + " " + call.ID))
	err := e.Store.Once.Spend(ctx, callKind, base64.RawURLEncoding.EncodeToString(key[:]), e.Now().Add(callLife))
	if errors.Is(err, client.ErrSpent) {
		return &wire.Problem{Code: wire.CodeReplayed}
	}
	return err
}

// admit loads the device that signed, and the ceremony that the address names.
func (e *edge) admit(ctx context.Context, call device.Call, w who, id string) (visit, error) {
	x := visit{now: e.Now(), call: call}
	if w == anybody {
		return x, nil
	}
	r, err := e.Store.Book.Find(ctx, record.Device, call.Key.Thumbprint())
	if errors.Is(err, record.ErrUnknown) {
		return visit{}, &wire.Problem{Code: wire.CodeDeviceUnknown}
	}
	if err != nil {
		return visit{}, err
	}
	if x.device, err = means.ParseDevice(r); err != nil {
		return visit{}, err
	}
	if err := usable(x.device); err != nil {
		return visit{}, err
	}
	if w == owner {
		if x.device.Account() == "" { // it can do nothing but end its pairing
			return visit{}, &wire.Problem{Code: wire.CodeNotReady}
		}
		return x, nil
	}
	if x.ceremony, err = e.attached(ctx, id, x.device.ID()); err != nil {
		return visit{}, err
	}
	// Two pairings of one key have one device: the later made it anew, and the PIN of one must not be enrolled by the card of
	// the other. Nor does any go on once the device belongs to somebody.
	if c := x.ceremony; c.Kind() == ceremony.Pair && c.Stage() != ceremony.Ended && x.device.Pairing() != c.ID() {
		return visit{}, &wire.Problem{Code: wire.CodeOtherDevice}
	}
	return x, nil
}

// usable says why a device may not be used.
func usable(d means.Device) error {
	switch {
	case d.Active():
		return nil
	case d.Reason() == string(txn.ReasonClonedDevice):
		return &wire.Problem{Code: wire.CodeDeviceCloned}
	}
	return &wire.Problem{Code: wire.CodeDeviceSuspended, Reason: d.Reason()}
}

// attached loads a ceremony of this issuer for the device that takes part.
func (e *edge) attached(ctx context.Context, id, deviceID string) (ceremony.Ceremony, error) {
	unknown := &wire.Problem{Code: wire.CodeCeremonyUnknown}
	if _, err := txn.ParseID(id); err != nil {
		return ceremony.Ceremony{}, unknown
	}
	r, err := e.Store.Book.Get(ctx, record.Ceremony, id)
	if errors.Is(err, record.ErrUnknown) {
		return ceremony.Ceremony{}, unknown
	}
	if err != nil {
		return ceremony.Ceremony{}, err
	}
	c, err := ceremony.Parse(r)
	switch {
	case err != nil:
		return ceremony.Ceremony{}, err
	case c.Issuer() != e.Issuer.URL:
		return ceremony.Ceremony{}, unknown
	case c.Device() != deviceID:
		return ceremony.Ceremony{}, &wire.Problem{Code: wire.CodeOtherDevice}
	}
	return c, nil
}

// apply stores changes, and wakes those who wait for the ceremony.
func (e *edge) apply(ctx context.Context, c ceremony.Ceremony, changes []record.Change, entries ...audit.Entry) error {
	if err := e.Store.Book.Apply(ctx, changes, entries...); err != nil {
		return err
	}
	e.Events.Notify(c.ID())
	return nil
}

// entry is what the audit log says of a call.
func (e *edge) entry(x visit, event audit.Event, reason string) audit.Entry {
	entry := audit.Entry{
		Event: event, Reason: reason, At: x.now, Issuer: e.Issuer.URL, Account: x.device.Account(),
		Details: map[string]string{"device": x.device.ID()},
	}
	if id := x.ceremony.ID(); x.ceremony.Kind() == ceremony.Login {
		entry.Transaction = id
	} else if id != "" {
		entry.Details["ceremony"] = id
	}
	return entry
}

// random draws so many bytes and writes them in base64url.
func random(size int) string {
	raw := make([]byte, size)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

// refuse answers with the problem that an error comes to. Its cause, if it is ours, goes to the log.
func (e *edge) refuse(c *gin.Context, err error) {
	c.Abort()
	p, cause := problemOf(err)
	p.ID = e.Kit.Note(c, string(p.Code), cause)
	raw, err := wire.Encode(p)
	if err != nil {
		raw = fmt.Appendf(nil, `{"error":%q}`, wire.CodeUnavailable)
	}
	c.Data(p.Code.Status(), media, raw)
}
