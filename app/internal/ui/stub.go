//go:build nowindow || !cgo

package ui

import (
	"context"
	"errors"
)

// Available reports whether a window can be opened here: never, this program was built without one.
func Available() bool { return false }

// Run shows the window until it is closed or ctx ends. It always fails: this program was built without one.
func Run(context.Context, Options) error { return errors.ErrUnsupported }
