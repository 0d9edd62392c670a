//go:build unix

package broker

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pivot/server/internal/config"
	"pivot/server/internal/txn"

	"github.com/go-jose/go-jose/v4"
)

// load makes logins at the handler of one issuer, without sockets: what is counted is the provider's part alone. What the
// citizen's companion and the client do meanwhile is not.
type load struct {
	scene

	handler http.Handler
	trial   trial
}

// spent is what the provider's part of logins took.
type spent struct {
	wall, cpu     time.Duration
	objects, heap uint64
}

// counters read what the process has used so far.
type counters struct {
	at            time.Time
	cpu           time.Duration
	objects, heap uint64
}

func count() counters {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return counters{}
	}
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	return counters{
		time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano()), samples[0].Value.Uint64(), samples[1].Value.Uint64(),
	}
}

func (s *spent) since(c counters) {
	now := count()
	s.wall += now.at.Sub(c.at)
	s.cpu += now.cpu - c.cpu
	s.objects += now.objects - c.objects
	s.heap += now.heap - c.heap
}

// guest is one browser and its client.
type guest struct {
	load

	tb      testing.TB
	cookies []*http.Cookie
	spent   *spent
	alone   bool // nobody else uses the process: what it uses is this login's
}

// do has the provider answer, and gives what it answered.
func (g *guest) do(method, address string, form url.Values, headers ...string) (http.Header, string) {
	if strings.HasPrefix(address, "/") {
		address = strings.TrimSuffix(g.issuer(), "/api/v2") + address
	}
	r := httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", formType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, c := range g.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	if g.alone {
		before := count()
		g.handler.ServeHTTP(w, r)
		g.spent.since(before)
	} else {
		before := time.Now()
		g.handler.ServeHTTP(w, r)
		g.spent.wall += time.Since(before)
	}
	g.cookies = append(g.cookies, w.Result().Cookies()...)
	if w.Code >= 400 {
		g.tb.Errorf("%s %s: %d: %s", method, address, w.Code, w.Body)
	}
	return w.Header(), w.Body.String()
}

// login is a whole one, authorize to userinfo.
func (g *guest) login() {
	query := url.Values{
		"client_id": {g.trial.ClientID}, "redirect_uri": {g.trial.Redirect}, "response_type": {"code"}, "scope": {judgeScope},
		"acr_values": {g.trial.Level}, "state": {baseState}, "nonce": {baseNonce}, "code_challenge": {pkceDigest}, "code_challenge_method": {"S256"},
	}
	header, _ := g.do(http.MethodGet, g.issuer()+"/authorize?"+query.Encode(), nil)
	waiting := header.Get("Location")
	id, err := txn.ParseID(path.Base(waiting))
	if err != nil {
		g.tb.Errorf("authorize leads to %q", waiting)
		return
	}
	g.prove(g.tb, id)
	_, body := g.do(http.MethodGet, waiting, nil)
	action, token := formAction.FindStringSubmatch(body), tokenField.FindStringSubmatch(body)
	if action == nil || token == nil {
		g.tb.Errorf("no consent in %s", body)
		return
	}
	header, _ = g.do(http.MethodPost, action[1], url.Values{"csrfToken": {token[1]}}, "Origin", strings.TrimSuffix(g.issuer(), "/api/v2"))
	header, _ = g.do(http.MethodGet, header.Get("Location"), nil)
	back, err := url.Parse(header.Get("Location"))
	if err != nil || !back.Query().Has("code") {
		g.tb.Errorf("the login ends at %q", header.Get("Location"))
		return
	}
	assertion, err := visitGo{trial: g.trial}.assertion()
	if err != nil {
		g.tb.Error(err)
		return
	}
	g.cookies = nil // the rest is the client's
	_, body = g.do(http.MethodPost, g.issuer()+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {g.trial.Redirect}, "code_verifier": {pkceVerifier},
		"client_assertion_type": {assertionType}, "client_assertion": {assertion},
	})
	var got issued
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.AccessToken == "" {
		g.tb.Errorf("%v: %s", err, body)
		return
	}
	g.do(http.MethodGet, g.issuer()+"/userinfo", nil, "Authorization", "Bearer "+got.AccessToken)
}

// bare is the cryptography of one login and nothing else, by the standard library: one assertion verified, two answers signed
// and, as a broker does not trust its own signatures unseen, verified, and encrypted.
func bare(tb testing.TB, a arrange) time.Duration {
	tb.Helper()
	digest := sha256.Sum256([]byte("a message"))
	sign := func(alg jose.SignatureAlgorithm) []byte {
		if alg == jose.RS256 {
			return made(rsa.SignPKCS1v15(nil, keys3072(), crypto.SHA256, digest[:]))
		}
		return made(ecdsa.SignASN1(rand.Reader, keyP256(), digest[:]))
	}
	verify := func(alg jose.SignatureAlgorithm, signature []byte) {
		if alg == jose.RS256 && rsa.VerifyPKCS1v15(&keys3072().PublicKey, crypto.SHA256, digest[:], signature) != nil ||
			alg == jose.ES256 && !ecdsa.VerifyASN1(&keyP256().PublicKey, digest[:], signature) {
			tb.Error("a bad signature")
		}
	}
	to := made(otherP256().PublicKey.ECDH())
	text := make([]byte, 1024)
	seal := func() {
		var key [32]byte
		switch a.sealed {
		case "":
			return
		case "ECDH-ES":
			own := made(ecdh.P256().GenerateKey(rand.Reader))
			key = sha256.Sum256(made(own.ECDH(to)))
		default:
			made(rsa.EncryptOAEP(sha256.New(), rand.Reader, &keys3072().PublicKey, key[:], nil))
		}
		made(cipher.NewGCM(made(aes.NewCipher(key[:])))).Seal(nil, make([]byte, 12), text, nil)
	}
	assertion := sign(a.assertion)
	const rounds = 100
	before := count()
	for range rounds {
		verify(a.assertion, assertion)
		for range 2 {
			verify(jose.SignatureAlgorithm(a.signed), sign(jose.SignatureAlgorithm(a.signed)))
			seal()
		}
	}
	return (count().cpu - before.cpu) / rounds
}

// under is a load of an arrangement's client.
func (s scene) under(tb testing.TB, a arrange) load {
	tb.Helper()
	s = s.at(a.profile)
	i := slices.IndexFunc(s.broker.config.Issuers(), func(i config.Issuer) bool { return i.Identifier() == s.issuer() })
	return load{s, s.broker.servers[i].Handler, s.arranged(tb, a)}
}

// atOnce is how many logins go on at the same moment.
const atOnce = 16

// BenchmarkLogin is the provider's part of a whole login, over SQLite, beside the bare cost of its cryptography; then how long
// one takes while sixteen go on at once.
func BenchmarkLogin(b *testing.B) {
	s := start(b)
	for _, a := range []arrange{
		{profile: "plus", signed: "ES256", sealed: "ECDH-ES", assertion: jose.ES256},
		{profile: "plus", signed: "ES256", sealed: "RSA-OAEP-256", assertion: jose.ES256},
		{profile: "standard", signed: "RS256", assertion: jose.RS256},
	} {
		l := s.under(b, a)
		b.Run(a.String(), func(b *testing.B) {
			least := bare(b, a)
			var used spent
			n := 0
			for b.Loop() {
				(&guest{load: l, tb: b, spent: &used, alone: true}).login()
				n++
			}
			each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
			b.ReportMetric(each(used.wall), "wall-us/login")
			b.ReportMetric(each(used.cpu), "cpu-us/login")
			b.ReportMetric(float64(least.Microseconds()), "crypto-us/login")
			b.ReportMetric(each(used.cpu)/float64(least.Microseconds()), "cpu/crypto")
			b.ReportMetric(1e6/each(used.cpu), "logins/core-s")
			b.ReportMetric(float64(used.objects)/float64(n), "allocs/login")
			b.ReportMetric(float64(used.heap)/float64(n), "B/login")
		})
		b.Run(a.String()+" sixteen at once", func(b *testing.B) {
			var next atomic.Int64
			took := make([]time.Duration, b.N)
			var all sync.WaitGroup
			for range atOnce {
				all.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						var used spent
						(&guest{load: l, tb: b, spent: &used}).login()
						took[i] = used.wall
					}
				})
			}
			all.Wait()
			slices.Sort(took)
			ms := func(part int) float64 { return float64(took[(len(took)-1)*part/100].Microseconds()) / 1000 }
			b.ReportMetric(ms(50), "p50-ms")
			b.ReportMetric(ms(99), "p99-ms")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
		})
	}
}
