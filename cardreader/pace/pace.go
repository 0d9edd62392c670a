// Package pace owns Password Authenticated Connection Establishment (ICAO
// 9303-11 §4.4, BSI TR-03110-3 §B.1): what a reader does with the number printed
// on a card to open a secure messaging channel with its chip. It speaks ECDH with
// the generic and the integrated mapping and AES. Each stage of the protocol is
// a type of its own whose only constructor is the stage before. Nothing is ever
// tried twice: a try may cost the holder one of a few.
package pace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
)

// Why there is no channel.
var (
	// ErrBlocked says that the card accepts no further try of this password.
	ErrBlocked = errors.New("pace: password blocked")
	// ErrUnsupported says that the card offers no protocol that is spoken here,
	// or refuses the one that it offers.
	ErrUnsupported = errors.New("pace: no supported protocol")
	// ErrCard says that the card breaks the protocol.
	ErrCard = errors.New("pace: protocol violated by the card")
)

// WrongPasswordError says that the card has refused the password, after one try.
type WrongPasswordError struct {
	TriesLeft int  // how many tries remain, when Known
	Known     bool // whether the card has told
}

func (e *WrongPasswordError) Error() string {
	if e.Known {
		return fmt.Sprintf("pace: wrong password, %d tries left", e.TriesLeft)
	}
	return "pace: wrong password"
}

// version is the only version of PACE that is not obsolete (TR-03110-3 §A.1.1.1).
const version = 2

// Choose returns the protocol to run among those that a card offers, always the
// same for the same card: ECDH on a known curve, with the mapping named first in
// order, then the longest session keys, then the largest curve, then the
// card's own order. Mappings that order does not name come after, generic
// before integrated. Without any it returns ErrUnsupported. A caller whose card
// stalls in one mapping asks again for the other.
func Choose(infos []mrtd.PACEInfo, order ...mrtd.Mapping) (mrtd.PACEInfo, error) {
	order = append(slices.Clip(order), mrtd.GenericMapping, mrtd.IntegratedMapping)
	offered := slices.DeleteFunc(slices.Clone(infos), func(i mrtd.PACEInfo) bool { return !supported(i) })
	if len(offered) == 0 {
		return mrtd.PACEInfo{}, ErrUnsupported
	}
	slices.SortStableFunc(offered, func(a, b mrtd.PACEInfo) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Mapping), slices.Index(order, b.Mapping)),
			cmp.Compare(b.Suite.KeyLen(), a.Suite.KeyLen()),
			cmp.Compare(b.Curve.BitLen(), a.Curve.BitLen()),
		)
	})
	return offered[0], nil
}

// supported reports whether Run speaks a protocol. Chip authentication mapping
// is left out: what it adds proves nothing to a distant server.
func supported(i mrtd.PACEInfo) bool {
	return i.Version == version && i.Agreement == mrtd.ECDH && i.Curve != nil && i.Suite.KeyLen() != 0 &&
		(i.Mapping == mrtd.GenericMapping || i.Mapping == mrtd.IntegratedMapping)
}

// Run performs PACE once over a card that is in its initial state: MSE:Set AT
// and four GENERAL AUTHENTICATE commands (ICAO 9303-11 §4.4.4). It returns the
// channel that the session goes on with. Errors: *WrongPasswordError,
// ErrBlocked, ErrUnsupported, ErrCard and those of the transmitter.
func Run(ctx context.Context, t apdu.Transmitter, info mrtd.PACEInfo, p Password) (*sm.Channel, error) {
	start, err := begin(info, p)
	if err != nil {
		return nil, err
	}
	card := dialogue{t}
	if err := card.set(ctx, start.template(info.ParameterID)); err != nil {
		return nil, err
	}
	encrypted, err := card.ask(ctx, stepNonce, nil)
	if err != nil {
		return nil, err
	}
	offer, err := start.mapping(encrypted)
	if err != nil {
		return nil, err
	}
	answer, err := card.ask(ctx, stepMapping, offer.data())
	if err != nil {
		return nil, err
	}
	generator, err := offer.accept(answer)
	if err != nil {
		return nil, err
	}
	agreement, err := generator.draw()
	if err != nil {
		return nil, err
	}
	peer, err := card.ask(ctx, stepAgreement, agreement.data())
	if err != nil {
		return nil, err
	}
	session, err := agreement.accept(peer)
	if err != nil {
		return nil, err
	}
	token, err := card.ask(ctx, stepToken, session.data())
	if err != nil {
		return nil, err
	}
	keys, err := session.accept(token)
	if err != nil {
		return nil, err
	}
	return sm.NewChannel(keys), nil
}
