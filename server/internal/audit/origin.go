package audit

import (
	"context"
	"strconv"
)

// Origin is where a request came from: what the law has a broker keep of each step (order of 8 November 2018 on
// FranceConnect: address and source port), and the number under which its answer can be found.
type Origin struct {
	Address string // of the network; empty where it is not known
	Port    int    // source port; zero where no trusted proxy told it
	ID      string // of the request: what an error page shows
}

type originKey struct{}

// WithOrigin returns a context that says where its request came from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// The details that From adds.
const (
	detailAddress = "ip"
	detailPort    = "port"
	detailID      = "incident"
)

// From returns the entry with the details ip, port and incident of the request that the context is of. What is not known is
// left out, and so is all of it where the entry has no room: an event is worth more than where it came from.
func (e Entry) From(ctx context.Context) Entry {
	o, _ := ctx.Value(originKey{}).(Origin)
	out := e
	if o.Address != "" {
		out = out.With(detailAddress, o.Address)
	}
	if o.Port != 0 {
		out = out.With(detailPort, strconv.Itoa(o.Port))
	}
	if o.ID != "" {
		out = out.With(detailID, o.ID)
	}
	if len(out.Details) > mostDetails || out.valid() != nil {
		return e
	}
	return out
}
