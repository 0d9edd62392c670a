//go:build !nowindow && cgo && (!unix || darwin)

package ui

// displayAnswers is true where every session has a display.
func displayAnswers() bool { return true }
