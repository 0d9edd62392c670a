package companion

import (
	"context"

	"pivot/server/internal/assurance"
	"pivot/server/internal/means"
	"pivot/shared/wire"
)

// cards are the active cards that are used with a device.
func (e *edge) cards(ctx context.Context, d means.Device) ([]means.Card, error) {
	return d.Cards(ctx, e.Store.Book)
}

// activations are those of a card and its device, or of the device alone, as the policy wants them.
func activations(d means.Device, cards ...means.Card) []assurance.Activation {
	var out []assurance.Activation
	for _, c := range cards {
		out = append(out, c.Activation())
	}
	return append(out, d.Activation(), d.PINActivation())
}

// guarded reports whether a copy of the device's key would be noticed: the ratchet turns at every login, and the pairing
// was completed by the hop (design, section 8).
func guarded(d means.Device) bool { return d.Hop() }

// alone is the level that device and PIN reach without a card; zero for none.
func (e *edge) alone(d means.Device) assurance.Level {
	evidence := assurance.SoftwareKey
	if guarded(d) {
		evidence = assurance.GuardedKey
	}
	level, err := e.Policy.Level(assurance.Contribution{Evidence: evidence, Activations: activations(d), Hop: true})
	if err != nil {
		return 0
	}
	return level
}

// together is the level that a card reaches with its device and the PIN; zero for none.
func (e *edge) together(d means.Device, c means.Card) assurance.Level {
	level, err := e.Policy.Level(assurance.Contribution{Evidence: assurance.CardWithKey, Activations: activations(d, c), Hop: true})
	if err != nil {
		return 0
	}
	return level
}

// best is the highest level that one of the cards reaches.
func (e *edge) best(d means.Device, cards []means.Card) assurance.Level {
	var best assurance.Level
	for _, c := range cards {
		best = max(best, e.together(d, c))
	}
	return best
}

// need is what a login asks of the citizen.
type need struct {
	card  bool
	cards []means.Card
}

// needs says whether a card is wanted for a level. Errors: a problem when the device cannot reach it at all, before
// anything is spent.
func (e *edge) needs(ctx context.Context, d means.Device, level assurance.Level) (need, error) {
	cards, err := e.cards(ctx, d)
	if err != nil {
		return need{}, err
	}
	alone, best := e.alone(d), e.best(d, cards)
	if level > max(alone, best) {
		return need{}, &wire.Problem{Code: wire.CodeLevelTooLow, Reason: max(alone, best).String()}
	}
	return need{card: level > alone, cards: cards}, nil
}
