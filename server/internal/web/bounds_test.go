package web_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
)

// A path may take larger messages than the others; nobody else does.
func TestAPIWithin(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	count := func(c *gin.Context) error {
		body, err := io.ReadAll(c.Request.Body)
		if err != nil {
			return err
		}
		c.String(http.StatusOK, "%d", len(body))
		return nil
	}
	s.APIWithin(http.MethodPost, "/large", 100<<10, count)
	s.API(http.MethodPost, "/usual", count)
	for _, tc := range []struct {
		path  string
		size  int
		wants int
	}{
		{"/usual", 64 << 10, 200},
		{"/usual", 64<<10 + 1, 413},
		{"/large", 64<<10 + 1, 200},
		{"/large", 100 << 10, 200},
		{"/large", 100<<10 + 1, 413},
	} {
		if r := s.do(request(http.MethodPost, tc.path, strings.Repeat("a", tc.size), nil)); r.StatusCode != tc.wants {
			t.Errorf("%s with %d bytes: %d, want %d", tc.path, tc.size, r.StatusCode, tc.wants)
		}
	}
}

// A GET of a patient path ends when it may, the others with everybody.
func TestPatient(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var took time.Duration
	wait := func(c *gin.Context) error {
		began := time.Now()
		<-c.Request.Context().Done()
		took = time.Since(began)
		return done(c)
	}
	s.Patient("/slow", 45*time.Second)
	s.Page(http.MethodGet, "/slow", wait)
	s.Page(http.MethodPost, "/slow", wait)
	s.Page(http.MethodGet, "/usual", wait)
	for _, tc := range []struct {
		method, path string
		wants        time.Duration
	}{
		{http.MethodGet, "/slow", 45 * time.Second},
		{http.MethodPost, "/slow", 20 * time.Second},
		{http.MethodGet, "/usual", 20 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			if s.do(request(tc.method, tc.path, "", nil)); took != tc.wants {
				t.Errorf("%s %s: %v, want %v", tc.method, tc.path, took, tc.wants)
			}
		})
	}
}

// What an edge refuses by itself is in the log by its code, and a cause beside it.
func TestNote(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var id string
	s.API(http.MethodGet, "/api", func(c *gin.Context) error {
		id = s.Note(c, "pin-wrong", nil)
		return done(c)
	})
	s.API(http.MethodGet, "/broken", func(c *gin.Context) error {
		s.Note(c, "unavailable", errors.New("the disk is on fire"))
		return done(c)
	})
	s.get("/api")
	if line := s.log.String(); id == "" || !strings.Contains(line, id) || !strings.Contains(line, "pin-wrong") || strings.Contains(line, "cause") {
		t.Errorf("log %s", line)
	}
	s.get("/broken")
	if !strings.Contains(s.log.String(), "the disk is on fire") {
		t.Error("the cause is lost")
	}
}
