package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/app/internal/api"
	"pivot/shared/wire"
)

// pinned is the time of every test.
var pinned = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func now() time.Time { return pinned }

// key is a device's key.
type key struct{ *ecdsa.PrivateKey }

func (k key) Public() *ecdsa.PublicKey { return &k.PublicKey }
func (k key) Sign(digest []byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, k.PrivateKey, digest)
}
func (key) Protection() string { return "file" }

func newKey(tb testing.TB) key {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key{k}
}

// proof is what a call's signature says, verified as a broker verifies it (RFC 9449 4.3), by another library.
type proof struct {
	ID     string `json:"jti"`
	Method string `json:"htm"`
	URL    string `json:"htu"`
	Issued int64  `json:"iat"`
	Body   string `json:"bh"`
}

func verifyCall(tb testing.TB, k key, r *http.Request, origin string, body []byte) proof {
	tb.Helper()
	got := r.Header.Values("DPoP")
	if len(got) != 1 {
		tb.Errorf("%d signatures of a call", len(got))
		return proof{}
	}
	signed, err := jose.ParseSignedCompact(got[0], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		tb.Errorf("signature: %v", err)
		return proof{}
	}
	header := signed.Signatures[0].Protected
	payload, err := signed.Verify(header.JSONWebKey)
	if err != nil || header.ExtraHeaders["typ"] != "dpop+jwt" || !k.PublicKey.Equal(header.JSONWebKey.Key) {
		tb.Errorf("signature: %v, %v", err, header)
		return proof{}
	}
	var p proof
	if err := wire.Decode(payload, &p); err != nil {
		tb.Error(err)
	}
	hash := sha256.Sum256(body)
	if p.Method != r.Method || p.URL != origin+r.URL.Path || p.Body != base64.RawURLEncoding.EncodeToString(hash[:]) || len(p.ID) < 22 {
		tb.Errorf("the signature is of another call: %+v", p)
	}
	return p
}

// broker answers calls as it is told, and verifies each.
type broker struct {
	tb     testing.TB
	key    key
	origin string
	client *api.Client

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request, body []byte)
	seen   []proof
}

func newBroker(tb testing.TB) *broker {
	tb.Helper()
	b := &broker{tb: tb, key: newKey(tb)}
	server := httptest.NewServer(b)
	tb.Cleanup(server.Close)
	b.origin = server.URL
	var err error
	b.client, err = api.New(api.Options{Origin: b.origin, Key: b.key, Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.client.Close)
	return b
}

func (b *broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.tb.Error(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.URL.Path != wire.PathKeys {
		b.seen = append(b.seen, verifyCall(b.tb, b.key, r, b.origin, body))
	} else if r.Header.Get("DPoP") != "" {
		b.tb.Error("the keys are asked for with a signature, which names the device for nothing")
	}
	b.answer(w, r, body)
}

// say answers with a message.
func say(w http.ResponseWriter, status int, message any) {
	raw, _ := json.Marshal(message)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

func refuse(w http.ResponseWriter, p wire.Problem) { say(w, p.Code.Status(), p) }

// transport is a network that answers at once, for tests of patience.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func answered(status int, kind, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

func clientOver(tb testing.TB, t transport) *api.Client {
	tb.Helper()
	c, err := api.New(api.Options{Origin: "https://broker.example", Key: newKey(tb), Transport: t})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func isProblem(err error, code wire.Code) bool {
	p, ok := errors.AsType[*wire.Problem](err)
	return ok && p.Code == code
}
