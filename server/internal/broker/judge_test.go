package broker

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/txn"

	"github.com/go-jose/go-jose/v4"
)

// trial is one login that a judge is asked to do; testdata/openid-client/judge.mjs says what each member means.
type trial struct {
	Issuer       string           `json:"issuer"`
	Through      string           `json:"through,omitempty"`
	ClientID     string           `json:"client_id"`
	ClientSecret string           `json:"client_secret,omitempty"`
	Assertion    *jose.JSONWebKey `json:"assertion,omitempty"`
	Redirect     string           `json:"redirect_uri"`
	Level        string           `json:"level"`
	Scope        string           `json:"scope"`
	Signed       string           `json:"signed"`
	Decrypt      *jose.JSONWebKey `json:"decrypt,omitempty"`
	extras
}

// extras are what the Go library cannot do.
type extras struct {
	Pushed   bool             `json:"pushed,omitempty"`
	Bound    bool             `json:"bound,omitempty"`
	Revoke   bool             `json:"revoke,omitempty"`
	Object   *jose.JSONWebKey `json:"object,omitempty"`
	Left     string           `json:"left,omitempty"`
	Provider *trial           `json:"provider,omitempty"`
}

// opinion is what a judge says of a login.
type opinion struct {
	Claims, Userinfo map[string]any
	Type             string
	Introspected     map[string]any
	Leave            string
	Revoked          string
	Refused          string
}

// judge is a client that somebody else wrote.
type judge interface {
	// begin gives the address where the browser begins, and what to call with the address where it came back to; a judge
	// that refuses before has no address.
	begin(tb testing.TB, t trial) (address string, finish func(callback string) opinion)
}

// judgeNames are the judges; newJudge knows them.
func judgeNames() []string { return []string{"openid-client", "oauth4webapi", "go-oidc"} }

// newJudge starts a judge, or skips the test where it is not installed.
func newJudge(tb testing.TB, name string) judge {
	tb.Helper()
	switch name {
	case "openid-client":
		return startNode(tb, "full.mjs")
	case "oauth4webapi":
		return startNode(tb, "web.mjs")
	}
	return goOIDC{}
}

const nodeFolder = "../../testdata/openid-client"

// node skips where it, or what its judges are made of, is not there.
func node(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		tb.Skip("skipped: no node")
	}
	for _, module := range []string{"openid-client", "oauth4webapi", "jose"} {
		if _, err := os.Stat(filepath.Join(nodeFolder, "node_modules", module, "package.json")); err != nil {
			tb.Skipf("skipped: npm's %s is not installed (.ci/deps)", module)
		}
	}
	return path
}

// nodeJudge is a judge in a process of node's, which does one login after the other.
type nodeJudge struct {
	in  io.Writer
	out *bufio.Scanner
}

func startNode(tb testing.TB, script string) nodeJudge {
	tb.Helper()
	c := exec.CommandContext(tb.Context(), node(tb), script)
	c.Dir, c.Stderr = nodeFolder, os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		in.Close()
		_ = c.Wait() // the end of the test may have been faster
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	return nodeJudge{in, lines}
}

// ask sends one line and reads one.
func (j nodeJudge) ask(tb testing.TB, line, into any) {
	tb.Helper()
	if err := json.NewEncoder(j.in).Encode(line); err != nil {
		tb.Fatal(err)
	}
	if !j.out.Scan() {
		tb.Fatalf("the judge is gone: %v", j.out.Err())
	}
	if err := json.Unmarshal(j.out.Bytes(), into); err != nil {
		tb.Fatalf("%v: %s", err, j.out.Bytes())
	}
}

func (j nodeJudge) begin(tb testing.TB, t trial) (string, func(string) opinion) {
	tb.Helper()
	var begun struct{ URL, Refused string }
	j.ask(tb, t, &begun)
	return begun.URL, func(callback string) opinion {
		tb.Helper()
		if begun.Refused != "" {
			return opinion{Refused: begun.Refused}
		}
		var o opinion
		j.ask(tb, map[string]string{"callback": callback}, &o)
		return o
	}
}

// at is the scene as another profile's clients see it.
func (s scene) at(profile string) scene {
	if profile == "standard" {
		s.world.Issuers = map[string]string{"plus": s.world.Issuers["standard"]}
		s.world.SP = s.world.SP[1:]
	}
	return s
}

// arrange is a client of the judges': how it authenticates, and how it is answered.
type arrange struct {
	profile   string
	signed    string                  // JWS algorithm of answers
	sealed    string                  // JWE algorithm; empty for none
	assertion jose.SignatureAlgorithm // private_key_jwt by it; empty: client_secret_post
	more      string                  // further lines of the record
}

func (a arrange) String() string {
	method := "client_secret_post"
	if a.assertion != "" {
		method = "private_key_jwt by " + string(a.assertion)
	}
	return strings.Join(strings.Fields(a.profile+" "+a.signed+" "+a.sealed+" "+method), " ")
}

const (
	judgeRecord = `client_id = "%s"
client_name = "Judge"
profile = "%s"
entity_id = "judge-of-whole-logins-0123456789abcdef"
sp_type = "public"
redirect_uris = ["%s"]
post_logout_redirect_uris = ["%s"]
jwks_file = "judge.jwks"
scope = "given_name family_name birthdate"
claims = ["amr"]
id_token_signed_response_alg = "%s"
userinfo_signed_response_alg = "%[5]s"
`
	judgeScope = "openid given_name family_name birthdate"
	judgeLeft  = "https://judge.example.fr/left"
)

// judgeKey is a private key of the judges' clients; kid says what for.
func judgeKey(kid string) *jose.JSONWebKey {
	switch kid {
	case "sig-ES256":
		return &jose.JSONWebKey{Key: keyP256(), KeyID: kid, Use: "sig", Algorithm: "ES256"}
	case "sig-RS256":
		return &jose.JSONWebKey{Key: keys3072(), KeyID: kid, Use: "sig", Algorithm: "RS256"}
	case "enc-ECDH-ES":
		return &jose.JSONWebKey{Key: otherP256(), KeyID: kid, Use: "enc", Algorithm: "ECDH-ES"}
	}
	return &jose.JSONWebKey{Key: keys3072(), KeyID: kid, Use: "enc", Algorithm: "RSA-OAEP-256"}
}

// arranged registers the client and describes a login of it, at the scene of its profile.
func (s scene) arranged(tb testing.TB, a arrange) trial {
	tb.Helper()
	id := "judge-" + strings.NewReplacer(" ", "-", "_", "-").Replace(a.String())
	var text strings.Builder
	text.WriteString(fmt.Sprintf(judgeRecord, id, a.profile, s.world.SP[0].Redirect, judgeLeft, a.signed) + a.more)
	t := trial{
		Issuer: s.issuer(), ClientID: id, Redirect: s.world.SP[0].Redirect, Level: "eidas3", Scope: judgeScope, Signed: a.signed,
	}
	if a.profile == "standard" {
		t.Level = "eidas1"
	}
	if a.assertion == "" {
		t.ClientSecret = otherSecret
		text.WriteString("token_endpoint_auth_method = \"client_secret_post\"\nclient_secret_files = [\"judge.secret\"]\n")
	} else {
		t.Assertion = judgeKey("sig-" + string(a.assertion))
		text.WriteString("token_endpoint_auth_method = \"private_key_jwt\"\n")
	}
	if a.sealed != "" {
		t.Decrypt = judgeKey("enc-" + a.sealed)
		for _, what := range []string{"id_token", "userinfo"} {
			text.WriteString(fmt.Sprintf("%s_encrypted_response_alg = %q\n%[1]s_encrypted_response_enc = \"A256GCM\"\n", what, a.sealed))
		}
	}
	public := []jose.JSONWebKey{judgeKey("sig-ES256").Public(), judgeKey("enc-ECDH-ES").Public(), judgeKey("enc-RSA-OAEP-256").Public()}
	if a.profile == "standard" {
		public = append(public, judgeKey("sig-RS256").Public())
	}
	s.register(tb, map[string]string{
		id + ".toml":              strings.ReplaceAll(text.String(), "judge.jwks", a.profile+"-judge.jwks"),
		a.profile + "-judge.jwks": keySet(tb, public...), "judge.secret": otherSecret + "\n",
	})
	return t
}

// citizen is a browser whose person approves what it opens. It stops where it would leave for the service provider.
type citizen struct {
	scene

	browser browser
}

func (s scene) citizen(tb testing.TB) citizen {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	origin, err := url.Parse(s.issuer())
	if err != nil {
		tb.Fatal(err)
	}
	return citizen{s, browser{tb, &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != origin.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}}}}
}

// visit sends a request, and gives the page or, where the browser would leave, the address.
func (c citizen) visit(tb testing.TB, method, address string, form url.Values) (page, string) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		tb.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", formType)
	}
	response, err := c.browser.client.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return page{status: response.StatusCode, url: response.Request.URL, body: string(body)}, response.Header.Get("Location")
}

// login goes from the address of an authorization request to the one that carries the answer.
func (c citizen) login(tb testing.TB, address string) string {
	tb.Helper()
	p, _ := c.visit(tb, http.MethodGet, address, nil)
	id, err := txn.ParseID(filepath.Base(p.url.Path))
	if err != nil {
		tb.Fatalf("%d at %s: %s", p.status, p.url, p.body)
	}
	c.prove(tb, id)
	p, _ = c.visit(tb, http.MethodGet, p.url.String(), nil)
	action, token := formAction.FindStringSubmatch(p.body), tokenField.FindStringSubmatch(p.body)
	if action == nil || token == nil || !strings.HasSuffix(action[1], "/consent") {
		tb.Fatalf("no consent in %s", p.body)
	}
	_, out := c.visit(tb, http.MethodPost, p.url.ResolveReference(&url.URL{Path: action[1]}).String(), url.Values{"csrfToken": {token[1]}})
	if !strings.HasPrefix(out, c.world.SP[0].Redirect+"?") {
		tb.Fatalf("ends at %q", out)
	}
	return out
}

// judged is a whole login, and what the judge says of it.
func (s scene) judged(tb testing.TB, j judge, t trial) opinion {
	tb.Helper()
	address, finish := j.begin(tb, t)
	if address == "" {
		return finish("")
	}
	return finish(s.citizen(tb).login(tb, address))
}

// content compares what a judge found with what was meant.
func (o opinion) content(tb testing.TB, t trial) {
	tb.Helper()
	if o.Refused != "" {
		tb.Fatalf("refused: %s", o.Refused)
	}
	for name, want := range map[string]any{"iss": t.Issuer, "aud": t.ClientID, "acr": t.Level} {
		if list, ok := o.Claims[name].([]any); ok && len(list) == 1 {
			o.Claims[name] = list[0]
		}
		if o.Claims[name] != want {
			tb.Errorf("%s is %v, want %v", name, o.Claims[name], want)
		}
	}
	if got := fmt.Sprint(o.Claims["amr"]); got != "[fc pop hwk pin mfa]" {
		tb.Errorf("amr is %s", got)
	}
	want := map[string]any{
		"sub": o.Claims["sub"], "iss": t.Issuer, "aud": t.ClientID, "given_name": "Hélène Françoise", "family_name": "Dupont", "birthdate": "1985-03-14",
	}
	got := maps.Clone(o.Userinfo)
	for _, name := range []string{"exp", "iat"} {
		if _, ok := got[name].(float64); !ok {
			tb.Errorf("userinfo has no %s", name)
		}
		delete(got, name)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Errorf("userinfo is %v, want %v", got, want)
	}
}

// opens decrypts an answer that is encrypted to a key, and gives what is inside; without a key, the answer itself.
func opens(answer string, key *jose.JSONWebKey) (string, error) {
	if key == nil {
		return answer, nil
	}
	jwe, err := jose.ParseEncryptedCompact(answer, []jose.KeyAlgorithm{jose.KeyAlgorithm(key.Algorithm)}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return "", err
	}
	inner, err := jwe.Decrypt(key.Key)
	return string(inner), err
}

// seals encrypts what is inside again, as anybody could who knows the client's public key.
func seals(inner string, key *jose.JSONWebKey) (string, error) {
	if key == nil {
		return inner, nil
	}
	to := jose.Recipient{Algorithm: jose.KeyAlgorithm(key.Algorithm), Key: key.Public().Key, KeyID: key.KeyID}
	e, err := jose.NewEncrypter(jose.A256GCM, to, (&jose.EncrypterOptions{}).WithContentType("JWT"))
	if err != nil {
		return "", err
	}
	jwe, err := e.Encrypt([]byte(inner))
	if err != nil {
		return "", err
	}
	return jwe.CompactSerialize()
}

// signs signs a payload with a key, under a header that names it.
func signs(key *jose.JSONWebKey, payload []byte) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, nil)
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}
