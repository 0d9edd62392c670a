//go:build !nowindow && cgo && unix && !darwin

package ui

import (
	"net"
	"os"
	"strings"
)

// displayAnswers looks for a Wayland or X11 server. The toolkit ends the program where there is none, so it is asked
// first whether somebody listens; a display on another machine is taken at its word.
func displayAnswers() bool {
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		return true
	}
	display, ok := strings.CutPrefix(os.Getenv("DISPLAY"), ":")
	if !ok {
		return display != ""
	}
	number, _, _ := strings.Cut(display, ".")
	for _, address := range []string{"@/tmp/.X11-unix/X" + number, "/tmp/.X11-unix/X" + number} {
		if c, err := net.Dial("unix", address); err == nil {
			_ = c.Close()
			return true
		}
	}
	return false
}
