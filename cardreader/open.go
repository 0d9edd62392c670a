package cardreader

import (
	"context"

	"pivot/cardreader/pcsc"
)

// Open connects to the card in the reader of that name, for this program alone, and returns it ready for commands.
// Whoever opens it closes it, which resets the card. While another program has the card the error is
// [pcsc.ErrSharing]: whether to wait and try again is the caller's decision. ctx bounds the call and is not kept;
// 60 s without a deadline.
func Open(ctx context.Context, reader string) (*pcsc.Card, error) { return pcsc.Connect(ctx, reader) }
