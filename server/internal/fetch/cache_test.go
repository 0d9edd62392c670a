package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pivot/server/internal/fetch"
	"pivot/server/internal/keyset"
)

// origin is a server that counts requests, and a cache of what it says.
type origin struct {
	server *httptest.Server
	asked  atomic.Int64
	down   atomic.Bool
	header atomic.Value // Cache-Control
	ahead  atomic.Int64
	cache  *fetch.Cache[string]
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	o := new(origin)
	o.header.Store("")
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := o.asked.Add(1)
		if o.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", jwks)
		w.Header().Set("Cache-Control", o.header.Load().(string))
		_, _ = fmt.Fprint(w, n)
	}))
	t.Cleanup(o.server.Close)
	o.cache = fetch.NewCache(onLoopback(), o.now, func(raw []byte) (string, error) {
		if string(raw) == "13" {
			return "", errors.New("no")
		}
		return string(raw), nil
	}, jwks)
	return o
}

func (o *origin) now() time.Time { return time.Unix(1e9, 0).Add(time.Duration(o.ahead.Load())) }

func (o *origin) pass(d time.Duration) { o.ahead.Add(int64(d)) }

// want compares what the cache gives with the number of the request that it comes of.
func want(t *testing.T, value string, err error, wanted string) {
	t.Helper()
	if err != nil || value != wanted {
		t.Errorf("%q, %v; want %q", value, err, wanted)
	}
}

// TestCache follows one document through a day.
func TestCache(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	get := func(wanted string) {
		t.Helper()
		value, err := o.cache.Get(t.Context(), o.server.URL)
		want(t, value, err, wanted)
	}
	newer := func(wanted string) {
		t.Helper()
		value, err := o.cache.Newer(t.Context(), o.server.URL)
		want(t, value, err, wanted)
	}
	get("1")
	get("1")
	newer("1") // asked a moment ago
	o.pass(time.Minute)
	get("1") // fresh for ten minutes
	newer("2")
	newer("2")
	o.pass(10 * time.Minute)
	get("3")
	o.header.Store("public, max-age=7200")
	o.pass(10 * time.Minute)
	get("4")
	o.pass(59 * time.Minute)
	get("4")
	o.pass(time.Minute) // no longer than an hour
	o.header.Store("no-store")
	get("5")
	get("5") // nor shorter than a minute
	o.pass(time.Minute)
	o.down.Store(true)
	get("5") // while the server is down
	get("5")
	if n := o.asked.Load(); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
	o.pass(24*time.Hour - 2*time.Minute)
	get("5")
	o.pass(time.Minute)
	_, err := o.cache.Get(t.Context(), o.server.URL)
	wantReason(t, err, fetch.ReasonStatus)
	before := o.asked.Load()
	_, err = o.cache.Newer(t.Context(), o.server.URL)
	wantReason(t, err, fetch.ReasonStatus)
	if o.asked.Load() != before {
		t.Error("a server that does not answer was asked again at once")
	}
	o.down.Store(false)
	o.pass(time.Minute)
	get("9")
}

// TestCacheTakenBack: what a server said is used while it does not answer, and not once it says something else.
func TestCacheTakenBack(t *testing.T) {
	t.Parallel()
	ok := func(w http.ResponseWriter) { w.Header().Set("Content-Type", jwks); _, _ = fmt.Fprint(w, "kept") }
	status := func(n int) func(http.ResponseWriter) { return func(w http.ResponseWriter) { w.WriteHeader(n) } }
	for _, row := range []struct {
		name   string
		answer func(http.ResponseWriter)
		reason fetch.Reason // empty where what is known stays
	}{
		{"500", status(500), ""},
		{"503", status(503), ""},
		{"429", status(429), ""},
		{"unreachable", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, ""},
		{"404", status(404), fetch.ReasonStatus},
		{"410", status(410), fetch.ReasonStatus},
		{"204", status(204), fetch.ReasonStatus},
		{"redirect", status(302), fetch.ReasonRedirect},
		{"type", func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html") }, fetch.ReasonType},
		{"content", func(w http.ResponseWriter) { w.Header().Set("Content-Type", jwks); _, _ = fmt.Fprint(w, "bad") }, fetch.ReasonContent},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var answer atomic.Value
			answer.Store(ok)
			now := time.Unix(1e9, 0)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				answer.Load().(func(http.ResponseWriter))(w)
			}))
			t.Cleanup(server.Close)
			cache := fetch.NewCache(onLoopback(), func() time.Time { return now }, func(raw []byte) (string, error) {
				if string(raw) != "kept" {
					return "", errors.New("no")
				}
				return string(raw), nil
			}, jwks)
			value, err := cache.Get(t.Context(), server.URL)
			want(t, value, err, "kept")
			answer.Store(row.answer)
			now = now.Add(30 * time.Minute)
			for range 2 { // the second is not asked
				if value, err = cache.Get(t.Context(), server.URL); row.reason == "" {
					want(t, value, err, "kept")
				} else {
					wantReason(t, err, row.reason)
				}
			}
			answer.Store(ok)
			now = now.Add(time.Minute)
			value, err = cache.Get(t.Context(), server.URL)
			want(t, value, err, "kept")
		})
	}
}

// TestCacheFull: the address that was asked longest ago makes room for a new one.
func TestCacheFull(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	get := func(path string, wanted string) {
		t.Helper()
		value, err := o.cache.Get(t.Context(), o.server.URL+path)
		want(t, value, err, wanted)
	}
	o.asked.Store(100)
	get("/first", "101")
	o.pass(time.Millisecond)
	for n := range fetch.MostEntries - 1 {
		get(fmt.Sprintf("/%d", n), fmt.Sprint(102+n))
	}
	get("/first", "101")
	o.pass(time.Millisecond)
	last := 101 + fetch.MostEntries
	get("/one-more", fmt.Sprint(last))
	get("/one-more", fmt.Sprint(last))
	get("/first", fmt.Sprint(last+1))
}

// TestKeysStale: while their server is down, keys that verify are used for an hour, and keys to encrypt to for the day.
func TestKeysStale(t *testing.T) {
	t.Parallel()
	point := func(use string) string {
		return `{"kty":"EC","crv":"P-256","kid":"` + use + `","use":"` + use + `","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}`
	}
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", jwks)
		_, _ = fmt.Fprint(w, `{"keys":[`+point("sig")+`,`+point("enc")+`]}`)
	}))
	t.Cleanup(server.Close)
	now := time.Unix(1e9, 0)
	k := fetch.NewKeys(onLoopback(), func() time.Time { return now })
	signing := func(s keyset.Set) bool { return s.Verifies("ES256") }
	sealing := func(s keyset.Set) bool { _, ok := s.Sealing("ECDH-ES"); return ok }
	for _, row := range []struct {
		after                time.Duration
		mayVerify, mayEncode bool
	}{{0, true, true}, {59 * time.Minute, true, true}, {time.Hour, false, true}, {23 * time.Hour, false, true}, {24 * time.Hour, false, false}} {
		now = time.Unix(1e9, 0).Add(row.after)
		for _, use := range []struct {
			has  func(keyset.Set) bool
			want bool
		}{{signing, row.mayVerify}, {sealing, row.mayEncode}} {
			set, err := k.Keys(t.Context(), server.URL, use.has)
			if (err == nil && use.has(set)) != use.want || err != nil && !errors.Is(err, keyset.ErrUnavailable) {
				t.Errorf("after %v: %v, want %v", row.after, err, use.want)
			}
			if signing(set) && !row.mayVerify {
				t.Errorf("after %v: a key that verifies", row.after)
			}
		}
		down.Store(true)
	}
}

// TestCacheOfNothing: what never came and what does not parse.
func TestCacheOfNothing(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.down.Store(true)
	for range 3 {
		_, err := o.cache.Get(t.Context(), o.server.URL)
		wantReason(t, err, fetch.ReasonStatus)
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	o.down.Store(false)
	o.asked.Store(12)
	o.pass(time.Minute)
	_, err := o.cache.Get(t.Context(), o.server.URL)
	wantReason(t, err, fetch.ReasonContent)
	_, err = o.cache.Get(t.Context(), "http://10.0.0.1/")
	wantReason(t, err, fetch.ReasonAddress)
}

// TestCacheAtOnce: many callers, one request; one who leaves does not spoil it for the others.
func TestCacheAtOnce(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if value, err := o.cache.Get(gone, o.server.URL); err != nil {
		wantReason(t, err, fetch.ReasonTime) // it may have left before its turn
	} else if value != "1" {
		t.Errorf("%q", value)
	}
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			value, err := o.cache.Newer(t.Context(), o.server.URL)
			want(t, value, err, "1")
		})
	}
	group.Wait()
	if n := o.asked.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		headers []string
		want    time.Duration
	}{
		{nil, -1},
		{[]string{"public"}, -1},
		{[]string{"max-age=60"}, time.Minute},
		{[]string{"public, Max-Age=60"}, time.Minute},
		{[]string{`max-age="60"`}, time.Minute},
		{[]string{"public", "max-age=60"}, time.Minute},
		{[]string{"max-age=60, no-cache"}, 0},
		{[]string{"no-store"}, 0},
		{[]string{"max-age=-1"}, -1},
		{[]string{"max-age=99999999999999999999"}, -1},
		{[]string{"s-maxage=60"}, -1},
	} {
		if got := fetch.MaxAge(tc.headers...); got != tc.want {
			t.Errorf("%q: %v, want %v", tc.headers, got, tc.want)
		}
	}
}

// TestKeys: a source that has nothing says so in the words of package keyset.
func TestKeys(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"keys":[]}`)
	}))
	t.Cleanup(server.Close)
	now := time.Unix(1e9, 0)
	k := fetch.NewKeys(onLoopback(), func() time.Time { return now })
	never := func(keyset.Set) bool { return false }
	for range 3 {
		if _, err := k.Keys(t.Context(), server.URL+"/", never); err != nil {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times within a minute", asked)
	}
	now = now.Add(time.Minute)
	if _, err := k.Keys(t.Context(), server.URL+"/", never); err != nil || asked != 2 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	server.Close()
	_, err := k.Keys(t.Context(), "http://127.0.0.1:1/", never)
	if !errors.Is(err, keyset.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	wantReason(t, err, fetch.ReasonUnreachable)
}
