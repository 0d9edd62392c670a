package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/token"
)

// exhibit is one answer laid before the judge, testdata/judge/judge.mjs.
type exhibit struct {
	ID       string             `json:"id"`
	Answer   string             `json:"answer"`
	Alg      string             `json:"alg"`
	Client   *jose.JSONWebKey   `json:"client,omitempty"`
	Broker   jose.JSONWebKeySet `json:"broker"`
	Issuer   string             `json:"issuer"`
	Audience string             `json:"audience"`
	Now      int64              `json:"now"`
}

// verdict is what the judge found.
type verdict struct {
	ID      string
	Refused string
	Outer   map[string]any
	Header  map[string]any
	Payload map[string]any
}

// judge runs npm's jose over the exhibits, or skips the test where there is
// none: it is an implementation that shares nothing with ours.
func judge(t *testing.T, exhibits []exhibit) map[string]verdict {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node: npm's jose opens the answers where there is one")
	}
	dir := filepath.Join("testdata", "judge")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "jose")); err != nil {
		t.Skipf("npm's jose is not installed: run npm ci --prefix server/internal/token/%s", dir)
	}
	in, err := json.Marshal(exhibits)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), node, "judge.mjs")
	c.Dir, c.Stdin = dir, bytes.NewReader(in)
	out, err := c.Output()
	if err != nil {
		var said []byte
		if exit, ok := err.(*exec.ExitError); ok {
			said = exit.Stderr
		}
		t.Fatalf("the judge failed: %v\n%s", err, said)
	}
	var verdicts []verdict
	if err := json.Unmarshal(out, &verdicts); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]verdict)
	for _, v := range verdicts {
		found[v.ID] = v
	}
	if len(found) != len(exhibits) {
		t.Fatalf("%d verdicts on %d exhibits", len(found), len(exhibits))
	}
	return found
}

// court lays one genuine answer and its alterations before the judge.
type court struct {
	t       *testing.T
	signer  signer
	payload []byte
	list    []exhibit
}

func (c *court) base(id, answer string, k *clientKey) exhibit {
	e := exhibit{
		ID: id, Answer: answer, Issuer: issuer, Audience: clientID, Now: at.Unix() + 30,
		Broker: keySet(c.signer),
	}
	if k != nil {
		e.Alg, e.Client = k.alg, &jose.JSONWebKey{Key: k.private, KeyID: "the-client-key", Algorithm: k.alg}
	}
	return e
}

func keySet(s signer) jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &s.key.PublicKey, KeyID: s.kid, Use: "sig", Algorithm: "ES256"}}}
}

func (c *court) add(e exhibit, change func(*exhibit)) {
	change(&e)
	c.list = append(c.list, e)
}

// reseal encrypts another inner token as a thief of the client's public key
// could: the outer layer proves nothing of who made it.
func (c *court) reseal(k *clientKey, inner string) string {
	if k == nil {
		return inner
	}
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.KeyAlgorithm(k.alg), Key: k.public}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	object, err := e.Encrypt([]byte(inner))
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := object.CompactSerialize()
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// lay adds the exhibits of one client: the genuine one is called name, those to
// be refused begin with it.
func (c *court) lay(name string, k *clientKey) {
	to := token.SignedAlone()
	if k != nil {
		to = recipient(c.t, k.alg, k.public)
	}
	answer, err := token.Seal(c.t.Context(), c.signer, to, c.payload)
	if err != nil {
		c.t.Fatal(err)
	}
	base := c.base(name, answer, k)
	c.add(base, func(*exhibit) {})
	for i := range strings.Split(answer, ".") {
		c.add(base, func(e *exhibit) {
			e.ID, e.Answer = fmt.Sprintf("%s, segment %d altered", name, i), alter(c.t, answer, i)
		})
	}
	other := newSigner(c.t)
	c.add(base, func(e *exhibit) { e.ID, e.Broker = name+", another broker", keySet(other) })
	c.add(base, func(e *exhibit) { e.ID, e.Now = name+", expired", at.Unix()+60 })
	c.add(base, func(e *exhibit) { e.ID, e.Audience = name+", another client", "another" })
	c.add(base, func(e *exhibit) { e.ID, e.Issuer = name+", another issuer", issuer+"x" })
	raised := bytes.Replace(c.payload, []byte("eidas2"), []byte("eidas3"), 1)
	genuine, err := c.signer.Sign(c.t.Context(), c.payload)
	if err != nil {
		c.t.Fatal(err)
	}
	parts := strings.Split(genuine, ".")
	for what, inner := range map[string]string{
		"level raised":  parts[0] + "." + b64(raised) + "." + parts[2],
		"unsigned":      b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"no signature":  parts[0] + "." + parts[1] + ".",
		"unknown key":   b64([]byte(`{"alg":"ES256","kid":"another"}`)) + "." + parts[1] + "." + parts[2],
		"another maker": must(other.jws(`{"alg":"ES256","kid":"the-signing-key"}`, c.payload)),
	} {
		c.add(base, func(e *exhibit) { e.ID, e.Answer = name+", "+what, c.reseal(k, inner) })
	}
	c.add(base, func(e *exhibit) { e.ID, e.Answer = name+" resealed", c.reseal(k, genuine) }) // the control of those above
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// TestJudge: another implementation opens what we seal and finds exactly what
// was meant; it refuses every alteration.
func TestJudge(t *testing.T) {
	t.Parallel()
	id := idToken()
	id.Level = 2
	payload, err := id.Payload(frame())
	if err != nil {
		t.Fatal(err)
	}
	c := &court{t: t, signer: newSigner(t), payload: payload}
	genuine := []string{"signed alone", "signed alone resealed"}
	c.lay("signed alone", nil)
	for name, k := range clients(t) {
		c.lay(name, &k)
		genuine = append(genuine, name, name+" resealed")
	}
	for id, v := range judge(t, c.list) {
		if !slices.Contains(genuine, id) {
			if v.Refused == "" {
				t.Errorf("%s: accepted", id)
			}
			continue
		}
		if v.Refused != "" {
			t.Errorf("%s: refused as %s", id, v.Refused)
			continue
		}
		if diff := cmp.Diff(decode(t, payload), v.Payload); diff != "" {
			t.Errorf("%s: payload (-want +got):\n%s", id, diff)
		}
		if diff := cmp.Diff(map[string]any{"alg": "ES256", "kid": "the-signing-key"}, v.Header); diff != "" {
			t.Errorf("%s: inner header (-want +got):\n%s", id, diff)
		}
		members := map[string]int{"E": 7, "R": 6, "s": 0}[id[:1]]
		if !strings.HasSuffix(id, "resealed") && len(v.Outer) != members {
			t.Errorf("%s: outer header of %d members: %v", id, len(v.Outer), v.Outer)
		}
	}
}

// TestJudgeLeadingZeros: the judge agrees on secrets that begin with a zero
// byte, and on coordinates of epk that do.
func TestJudgeLeadingZeros(t *testing.T) {
	t.Parallel()
	private := curveKey(t, elliptic.P256())
	k := clientKey{"ECDH-ES", private, &private.PublicKey}
	c := &court{t: t, signer: newSigner(t)}
	var err error
	if c.payload, err = idToken().Payload(frame()); err != nil {
		t.Fatal(err)
	}
	to := recipient(t, k.alg, k.public)
	for i := 0; len(c.list) < 4; i++ {
		answer, err := token.Seal(t.Context(), c.signer, to, c.payload)
		if err != nil {
			t.Fatal(err)
		}
		if leadingZero(t, answer, private, &c.signer.key.PublicKey) {
			c.add(c.base(fmt.Sprint(i), answer, &k), func(*exhibit) {})
		}
		if i == 50_000 {
			t.Fatal("no leading zero in 50,000 answers")
		}
	}
	for id, v := range judge(t, c.list) {
		if v.Refused != "" {
			t.Errorf("answer %s: refused as %s", id, v.Refused)
		}
	}
}

func leadingZero(t *testing.T, answer string, k *ecdsa.PrivateKey, broker *ecdsa.PublicKey) bool {
	t.Helper()
	o, err := open(answer, k, broker)
	if err != nil {
		t.Fatal(err)
	}
	epk := o.outer["epk"].(map[string]any)
	return o.secret[0] == 0 || unb64(t, epk["x"].(string))[0] == 0 || unb64(t, epk["y"].(string))[0] == 0
}
