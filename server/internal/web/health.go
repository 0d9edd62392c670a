package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Probe is one thing that must work before the broker is sent people.
type Probe struct {
	Name  string                      // such as "store"
	Check func(context.Context) error // an error with a method Reason() string may name why, for anybody to read
}

// probePatience is how long all probes together may take.
const probePatience = 2 * time.Second

// alive says that the process answers, and nothing of what it needs: a restart mends no disk.
func (k *Kit) alive(c *gin.Context) {
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

// ready asks every probe: 200 when all are well, else 503. The causes go to the log.
func (k *Kit) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), probePatience)
	defer cancel()
	code, ready, said := http.StatusOK, true, make(map[string]string)
	for _, p := range k.options.Probes {
		err := p.Check(ctx)
		if err == nil {
			said[p.Name] = "ok"
			continue
		}
		code, ready = http.StatusServiceUnavailable, false
		said[p.Name] = reasonOf(err)
		k.options.Log.WarnContext(ctx, "not ready", slog.String("probe", p.Name), slog.Any("cause", err))
	}
	c.JSON(code, gin.H{"ready": ready, "probes": said})
}

func reasonOf(err error) string {
	var known interface {
		error
		Reason() string
	}
	if errors.As(err, &known) {
		return known.Reason()
	}
	return "failing"
}
