package web

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer is an HTTP server that no slow or talkative peer can hold: every wait has an end, and headers beyond 16 KiB
// are answered 431.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      patience + writing,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true,
	}
}
