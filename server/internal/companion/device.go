package companion

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/shared/wire"
)

// status says how the device stands.
func (e *edge) status(ctx context.Context, x visit, _ wire.Empty) (wire.DeviceStatus, error) {
	cards, err := e.cards(ctx, x.device)
	if err != nil {
		return wire.DeviceStatus{}, err
	}
	name, _ := x.device.Label()
	pin := "unset"
	switch {
	case x.device.Locked():
		pin = "locked"
	case x.device.PINSet():
		pin = "set"
	}
	return wire.DeviceStatus{
		Device: x.device.ID(), Name: name, State: record.StateActive, Level: e.best(x.device, cards).String(), PIN: pin,
		TriesLeft: x.device.TriesLeft(), Cards: len(cards), Desk: x.device.Desk(),
	}, nil
}

// desk enters the code that the agent handed over.
func (e *edge) desk(ctx context.Context, x visit, in wire.DeskCode) (wire.DeviceStatus, error) {
	code, err := wire.ParseCode(in.Code)
	if err != nil {
		return wire.DeviceStatus{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	tries, err := e.Redeem(ctx, x.device, code)
	switch {
	case errors.Is(err, means.ErrWrongCode):
		return wire.DeviceStatus{}, &wire.Problem{Code: wire.CodeDeskCodeWrong, TriesLeft: &tries}
	case errors.Is(err, means.ErrOver):
		return wire.DeviceStatus{}, &wire.Problem{Code: wire.CodeEnded, Reason: "desk-case"}
	case errors.Is(err, record.ErrUnknown):
		return wire.DeviceStatus{}, &wire.Problem{Code: wire.CodeNotReady}
	case err != nil:
		return wire.DeviceStatus{}, err
	}
	if x, err = e.admit(ctx, x.call, owner, ""); err != nil {
		return wire.DeviceStatus{}, err
	}
	return e.status(ctx, x, wire.Empty{})
}

// keys publishes the key set that verifies requests. Nothing of it is secret, so nobody signs for it.
func (e *edge) keys(c *gin.Context) error {
	set, err := e.Keys.JWKS()
	if err != nil {
		e.refuse(c, err)
		return nil
	}
	c.Data(http.StatusOK, media, set)
	return nil
}
