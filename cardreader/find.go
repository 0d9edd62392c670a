package cardreader

import (
	"context"
	"time"

	"pivot/cardreader/pcsc"
)

// Find returns the name of the reader that holds a card: the one named, else the first with a card in it. When there is
// none it tells the caller once what is lacking, [NoReader] or [NoCard], and waits for it until patience runs out.
// Errors: those of package pcsc, ErrNoReader and ErrNoCard when it is still lacking, or the context's.
func Find(ctx context.Context, name string, patience time.Duration, lacking func(Problem)) (string, error) {
	found, err := look(ctx, name)
	problem, missing := Explain(err)
	if !missing || problem != NoReader && problem != NoCard || patience <= 0 {
		return found, err
	}
	lacking(problem)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for event, err := range Watch(waiting) {
		switch {
		case err != nil:
			return "", err
		case event.Kind == ServiceGone:
			return "", pcsc.ErrNoService
		case event.Kind == CardInserted && (name == "" || event.Reader.Name == name):
			return event.Reader.Name, nil
		}
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return look(ctx, name)
}

// look finds the card as things are now.
func look(ctx context.Context, name string) (string, error) {
	readers, err := List(ctx)
	if err != nil {
		return "", err
	}
	err = pcsc.ErrNoReader
	for _, r := range readers {
		if name != "" && r.Name != name {
			continue
		}
		if r.Present {
			return r.Name, nil
		}
		err = pcsc.ErrNoCard
	}
	return "", err
}
