package desk

import (
	"context"
	"fmt"

	"pivot/shared/wire"
)

// The operations by which an administration speaks to the desk.
const (
	opList     = "desk-list"
	opShow     = "desk-show"
	opActivate = "desk-activate"
	opRefuse   = "desk-refuse"
	opSuspend  = "means-suspend"
)

// Perform does an operation that an administration was asked for: desk-list; desk-show, desk-activate and desk-refuse with
// an [Order] as JSON; means-suspend with a [Suspension]. The answer is to be written as JSON: a list of [Case], a [Shown], a [Handover], an empty object.
// Errors: those of the operations, in words for the agent; another operation; an order that is none.
func (s *Service) Perform(ctx context.Context, operation string, input []byte) (any, error) {
	if operation == opList {
		return s.List(ctx)
	}
	if operation == opSuspend {
		var o Suspension
		if err := wire.Decode(input, &o); err != nil {
			return nil, fmt.Errorf("desk: %w", err)
		}
		return struct{}{}, s.Suspend(ctx, o)
	}
	var o Order
	if err := wire.Decode(input, &o); err != nil {
		return nil, fmt.Errorf("desk: %w", err)
	}
	switch operation {
	case opShow:
		return s.Show(ctx, o)
	case opActivate:
		return s.Activate(ctx, o)
	case opRefuse:
		return struct{}{}, s.Refuse(ctx, o)
	}
	return nil, fmt.Errorf("desk: no operation %q", operation)
}
