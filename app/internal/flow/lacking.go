package flow

import (
	"context"
	"iter"
	"slices"

	"pivot/cardreader"
)

// Lacking tells what lacks before a card can be read, as the id of a sentence such as "problem.no-card", and nothing when
// a card lies there: at once, and then at each change until ctx ends.
func (c *Companion) Lacking(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		said := lacking(ctx)
		if !yield(said) {
			return
		}
		for _, err := range cardreader.Watch(ctx) {
			if err != nil { // there will never be a reader, which has been said
				return
			}
			if now := lacking(ctx); now != said && ctx.Err() == nil {
				if said = now; !yield(now) {
					return
				}
			}
		}
	}
}

// lacking looks once.
func lacking(ctx context.Context) string {
	readers, err := cardreader.List(ctx)
	problem := cardreader.NoCard
	switch {
	case err != nil:
		problem, _ = cardreader.Explain(err)
	case len(readers) == 0:
		problem = cardreader.NoReader
	case slices.ContainsFunc(readers, func(r cardreader.Reader) bool { return r.Present }):
		return ""
	}
	return "problem." + string(problem)
}
