package fetch_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/fetch"
)

// jwks is what the tests ask for.
const jwks = "application/jwk-set+json"

// onLoopback is a fetcher of a demonstration.
func onLoopback() *fetch.Fetcher { return fetch.New(fetch.Options{Loopback: true}) }

// wantReason compares an error with a reason; empty for none.
func wantReason(t *testing.T, err error, want fetch.Reason) {
	t.Helper()
	var got fetch.Reason
	if refusal, ok := errors.AsType[*fetch.Refusal](err); ok {
		got = refusal.Reason
	} else if err != nil {
		t.Fatalf("%v is no refusal", err)
	}
	if got != want {
		t.Errorf("reason %q, want %q (%v)", got, want, err)
	}
}

// TestGet changes one thing of an answer that is good.
func TestGet(t *testing.T) {
	t.Parallel()
	good := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", jwks+"; charset=utf-8")
		_, _ = io.WriteString(w, `{"keys":[]}`)
	}
	for _, tc := range []struct {
		name  string
		serve func(http.ResponseWriter)
		want  fetch.Reason
	}{
		{"nothing changed", good, ""},
		{"the most", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", jwks)
			_, _ = io.WriteString(w, strings.Repeat(" ", 64<<10))
		}, ""},
		{"more than the most", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", jwks)
			_, _ = io.WriteString(w, strings.Repeat(" ", 64<<10+1))
		}, fetch.ReasonSize},
		{"huge headers", func(w http.ResponseWriter) {
			w.Header().Set("X-Long", strings.Repeat("a", 64<<10))
			good(w)
		}, fetch.ReasonUnreachable},
		{"another type", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
		}, fetch.ReasonType},
		{"no type", func(w http.ResponseWriter) { w.Header()["Content-Type"] = nil }, fetch.ReasonType},
		{"compressed", func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			good(w)
		}, fetch.ReasonType},
		{"not found", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, fetch.ReasonStatus},
		{"created", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusCreated)
			good(w)
		}, fetch.ReasonStatus},
		{"elsewhere", func(w http.ResponseWriter) {
			w.Header().Set("Location", "/other")
			w.WriteHeader(http.StatusFound)
		}, fetch.ReasonRedirect},
		{"not modified", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotModified) }, fetch.ReasonRedirect},
		{"cut", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			good(w)
		}, fetch.ReasonUnreachable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			other := false
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if other = other || r.URL.Path != "/jwks"; !other {
					tc.serve(w)
				}
				if r.Header.Get("Accept") != jwks || r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Cookie") != "" {
					t.Errorf("headers %v", r.Header)
				}
			}))
			defer server.Close()
			answer, err := onLoopback().Get(t.Context(), server.URL+"/jwks", jwks)
			wantReason(t, err, tc.want)
			if tc.want == "" && (answer.Status != 200 || answer.Type != jwks || answer.MaxAge >= 0) {
				t.Errorf("answer %+v", answer)
			}
			if other {
				t.Error("a redirect was followed")
			}
		})
	}
}

// TestPost sends a body and leaves the status to its caller.
func TestPost(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "text/plain" || string(body) != "hello" {
			t.Errorf("%s %q %q %v", r.Method, r.Header.Get("Content-Type"), body, err)
		}
		if r.URL.Path == "/moved" {
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	}))
	defer server.Close()
	answer, err := onLoopback().Post(t.Context(), server.URL+"/", "text/plain", []byte("hello"))
	if err != nil || answer.Status != http.StatusBadRequest {
		t.Errorf("%+v, %v", answer, err)
	}
	_, err = onLoopback().Post(t.Context(), server.URL+"/moved", "text/plain", []byte("hello"))
	wantReason(t, err, fetch.ReasonRedirect)
	_, err = onLoopback().Post(t.Context(), server.URL+"/", "text/plain", make([]byte, 64<<10+1))
	wantReason(t, err, fetch.ReasonSize)
}

// TestAddresses: what is not written as an address of the Internet is not asked, on a public deployment and on one on
// loopback.
func TestAddresses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		address  string
		loopback fetch.Reason // on a deployment on loopback
	}{
		{"http://127.0.0.1:" + port + "/", ""},
		{"http://localhost:" + port + "/", ""},
		{"http://127.1:" + port + "/", fetch.ReasonAddress},
		{"http://2130706433:" + port + "/", fetch.ReasonAddress},
		{"http://0x7f000001:" + port + "/", fetch.ReasonAddress},
		{"http://0177.0.0.1:" + port + "/", fetch.ReasonAddress},
		{"http://[::ffff:127.0.0.1]:" + port + "/", fetch.ReasonAddress},
		{"http://[::1]:" + port + "/", fetch.ReasonAddress},
		{"http://0.0.0.0:" + port + "/", fetch.ReasonAddress},
		{"http://localhost.:" + port + "/", fetch.ReasonAddress},
		{"http://user@127.0.0.1:" + port + "/", fetch.ReasonAddress},
		{"http://127.0.0.1:" + port + "/#fragment", fetch.ReasonAddress},
		{"http://sp.example.org/", fetch.ReasonAddress},
		{"https://169.254.169.254/latest", fetch.ReasonAddress},
		{"https://10.0.0.1/", fetch.ReasonAddress},
		{"https://metadata/", fetch.ReasonAddress},
		{"file:///etc/passwd", fetch.ReasonAddress},
		{"gopher://sp.example.org/", fetch.ReasonAddress},
		{"unix:///run/x.sock", fetch.ReasonAddress},
		{"//sp.example.org/", fetch.ReasonAddress},
		{"", fetch.ReasonAddress},
	} {
		t.Run(tc.address, func(t *testing.T) {
			t.Parallel()
			_, err := onLoopback().Post(t.Context(), tc.address, "text/plain", nil)
			wantReason(t, err, tc.loopback)
			_, err = fetch.New(fetch.Options{}).Post(t.Context(), tc.address, "text/plain", nil)
			wantReason(t, err, fetch.ReasonAddress)
		})
	}
}

// TestReachable: which addresses a name may resolve to.
func TestReachable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		host, addr       string
		public, loopback bool
	}{
		{"sp.example.org", "93.184.216.34", true, true},
		{"sp.example.org", "2606:2800:220:1:248:1893:25c8:1946", true, true},
		{"sp.example.org", "::ffff:93.184.216.34", true, true},
		{"sp.example.org", "127.0.0.1", false, true},
		{"sp.example.org", "127.8.8.8", false, true},
		{"sp.example.org", "::1", false, true},
		{"sp.example.org", "::ffff:127.0.0.1", false, true},
		{"localhost", "127.0.0.1", false, true},
		{"localhost", "93.184.216.34", false, false},
		{"sp.example.org", "0.0.0.0", false, false},
		{"sp.example.org", "10.1.2.3", false, false},
		{"sp.example.org", "::ffff:10.1.2.3", false, false},
		{"sp.example.org", "100.64.0.1", false, false},
		{"sp.example.org", "169.254.169.254", false, false},
		{"sp.example.org", "172.31.255.255", false, false},
		{"sp.example.org", "172.32.0.0", true, true},
		{"sp.example.org", "192.168.1.1", false, false},
		{"sp.example.org", "192.0.0.170", false, false},
		{"sp.example.org", "198.19.255.255", false, false},
		{"sp.example.org", "224.0.0.1", false, false},
		{"sp.example.org", "240.0.0.1", false, false},
		{"sp.example.org", "255.255.255.255", false, false},
		{"sp.example.org", "::", false, false},
		{"sp.example.org", "::7f00:1", false, false},           // IPv4-compatible
		{"sp.example.org", "64:ff9b::7f00:1", false, false},    // NAT64
		{"sp.example.org", "64:ff9b:1::a00:1", false, false},   // local NAT64
		{"sp.example.org", "2002:7f00:1::", false, false},      // 6to4
		{"sp.example.org", "2001:0:7f00:1::", false, false},    // Teredo
		{"sp.example.org", "2001:db8::1", false, false},        // documentation
		{"sp.example.org", "fc00::1", false, false},            // unique local
		{"sp.example.org", "fd12:3456::1", false, false},       // unique local
		{"sp.example.org", "fe80::1", false, false},            // link local
		{"sp.example.org", "fe80::1%eth0", false, false},       // with a zone
		{"sp.example.org", "2606:2800:220::1%x", false, false}, // with a zone
		{"sp.example.org", "fec0::1", false, false},            // site local
		{"sp.example.org", "ff02::1", false, false},            // multicast
		{"sp.example.org", "100::1", false, false},             // discard
		{"sp.example.org", "5f00::1", false, false},            // segment routing
		{"sp.example.org", "3fff::1", false, false},            // documentation
		{"sp.example.org", "2001:200:e00::1", true, true},      // behind 2001::/23
		{"sp.example.org", "2a01:e0a::1", true, true},          // of a provider
		{"sp.example.org", "203.0.113.9", false, false},        // documentation
		{"sp.example.org", "192.88.99.1", false, false},        // 6to4 relays
		{"sp.example.org", "::ffff:169.254.169.254", false, false},
	} {
		if got := fetch.New(fetch.Options{}).Reachable(tc.host, tc.addr); got != tc.public {
			t.Errorf("%s at %s, a public deployment: %t", tc.host, tc.addr, got)
		}
		if got := onLoopback().Reachable(tc.host, tc.addr); got != tc.loopback {
			t.Errorf("%s at %s, on loopback: %t", tc.host, tc.addr, got)
		}
	}
}

// TestNameOfPrivateAddress: a name that is well written and resolves to a private address is refused when dialled, before
// a packet leaves.
func TestNameOfPrivateAddress(t *testing.T) {
	t.Parallel()
	for _, addr := range []net.IP{{10, 0, 0, 1}, {127, 0, 0, 1}, {169, 254, 169, 254}} {
		t.Run(addr.String(), func(t *testing.T) {
			t.Parallel()
			f := fetch.New(fetch.Options{Resolver: resolver(t, addr)})
			_, err := f.Get(t.Context(), "https://sp.example.org/jwks", jwks)
			wantReason(t, err, fetch.ReasonPrivate)
		})
	}
}

// resolver is a DNS that knows one address, for every name.
func resolver(t *testing.T, addr net.IP) *net.Resolver {
	t.Helper()
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { // RFC 1035 §4.2.2: a length before each message
			defer theirs.Close()
			for {
				var length [2]byte
				if _, err := io.ReadFull(theirs, length[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(theirs, query); err != nil {
					return
				}
				reply := answer(query, addr)
				if _, err := theirs.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
					return
				}
			}
		}()
		return ours, nil
	}}
}

// answer gives the address to a question of type A, and none to another (RFC 1035 §4.1).
func answer(query []byte, addr net.IP) []byte {
	end := 12
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	question := query[12 : end+5]
	isA := binary.BigEndian.Uint16(query[end+1:]) == 1
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if isA {
		reply[7] = 1
		reply = append(reply, 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		reply = append(reply, addr.To4()...)
	}
	return reply
}

// TestSilence: a server that does not answer costs no more than the caller's patience.
func TestSilence(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(done)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := onLoopback().Get(ctx, server.URL, jwks)
	wantReason(t, err, fetch.ReasonTime)
}

func TestNobody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	_, err := onLoopback().Get(t.Context(), server.URL, jwks)
	wantReason(t, err, fetch.ReasonUnreachable)
	if err == nil || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("%v quotes the address", err)
	}
}

// TestUnknownAuthority: TLS is checked.
func TestUnknownAuthority(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jwks)
		_, _ = fmt.Fprint(w, "{}")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, err := onLoopback().Get(t.Context(), server.URL, jwks)
	wantReason(t, err, fetch.ReasonUnreachable)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	_, err = fetch.New(fetch.Options{Loopback: true, Roots: roots}).Get(t.Context(), server.URL, jwks)
	wantReason(t, err, "")
}
