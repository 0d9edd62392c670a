// Package ui owns the companion's window: it shows what the flows say, asks what they ask, and judges nothing. All that
// it does, the command line does too.
package ui

import (
	"pivot/app/internal/flow"
	"pivot/assets"
)

// Options are what the window works with.
type Options struct {
	Companion *flow.Companion
	Speaker   *assets.Speaker // the language at the start, unless the citizen chose one in the window before
	Link      string          // a link to follow at once, "pivot:…"; empty shows the home screen
	Links     <-chan string   // links that other processes hand over while the window is open; an empty one raises it. May be nil
}
