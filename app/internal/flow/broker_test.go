package flow_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/cardreader/cardsim/simtest"
	"pivot/server/cardcheck"
	"pivot/shared/wire"
)

var b64 = base64.RawURLEncoding

// broker is a broker with its browser, as far as the wire shows them. The card is judged by the real verifier. Of the
// secret code it is the trivial server: the oblivious function under the key 1.
type broker struct {
	t      *testing.T
	server *httptest.Server
	signer *ecdsa.PrivateKey

	turn    sync.Mutex // held while a call is answered
	mu      sync.Mutex
	device  *ecdsa.PublicKey // from the last call
	calls   []string
	refuse  map[string][]*wire.Problem // by path, in order; nil entries let a call pass
	stage   string
	reason  string
	version int
	moved   chan struct{}

	nonce, a, secret []byte
	port             int
	pin              []byte // the public point
	blinded          []byte
	tries            int
	verifier         *cardcheck.Verifier
	check            *cardcheck.Check
	opening          wire.Opening
	memory           []byte
	handle           []byte
	ratchet, roll    []byte
	signed           string
	tamper           func(*wire.Request)
	noCard           bool
	noBrowser        bool
	loseProof        bool // a new secret code is taken, and the answer never arrives
	approvals        []wire.ApprovalClaims
	refusals         []string
	deskTries        int
	later            atomic.Int64 // how far the clocks of broker and citizen have gone on, in nanoseconds
	until            time.Time    // of the request
}

// now is the time, by the clocks of broker and citizen.
func (b *broker) now() time.Time { return time.Now().Add(time.Duration(b.later.Load())) }

func newBroker(t *testing.T) *broker {
	t.Helper()
	dir := t.TempDir()
	if err := simtest.PKI(t).Save(dir); err != nil {
		t.Fatal(err)
	}
	verifier, err := cardcheck.Load(cardcheck.Options{Anchors: dir, Now: simtest.Now})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{
		t: t, signer: signer, verifier: verifier, tries: 5, deskTries: 5, stage: "offered", version: 1,
		moved: make(chan struct{}), refuse: map[string][]*wire.Problem{}, ratchet: random(32),
	}
	b.server = httptest.NewServer(b.routes())
	t.Cleanup(func() {
		b.server.CloseClientConnections()
		b.server.Close()
	})
	return b
}

func random(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.Read(out)
	return out
}

func (b *broker) origin() string { return b.server.URL }
func (b *broker) issuer() string { return b.server.URL + "/api/v2" }

const ceremonyID = "c2lnbmUtY2VyZW1vbnktMDAwMDAwMDAwMDAwMDAwMDAw"

func (b *broker) routes() http.Handler {
	mux := http.NewServeMux()
	post := func(path string, serve func([]byte) (any, error)) {
		mux.HandleFunc("POST "+strings.ReplaceAll(path, ":id", ceremonyID), func(w http.ResponseWriter, r *http.Request) {
			b.answer(w, r, path, serve)
		})
	}
	post(wire.PathPairings, b.pair)
	post(wire.PathCeremonies, b.attach)
	post(wire.PathHop, b.hop)
	post(wire.PathRequest, b.ask)
	post(wire.PathPIN, b.evaluate)
	post(wire.PathPINProof, b.prove)
	post(wire.PathCard, b.open)
	post(wire.PathResult, b.result)
	post(wire.PathRefusal, b.refusal)
	post(wire.PathPINChange, b.change)
	post(wire.PathDesk, b.redeem)
	mux.HandleFunc("GET "+strings.ReplaceAll(wire.PathEvents, ":id", ceremonyID), b.events)
	mux.HandleFunc("GET "+wire.PathKeys, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b.keys())
	})
	mux.HandleFunc("GET "+wire.PathDevice, func(w http.ResponseWriter, r *http.Request) {
		b.answer(w, r, wire.PathDevice, func([]byte) (any, error) { return b.status(), nil })
	})
	back := func(w http.ResponseWriter, r *http.Request) {
		b.turn.Lock()
		defer b.turn.Unlock()
		want := wire.HopProof(b.secret, ceremonyID, b64.EncodeToString(b.a), "device-1", b.port)
		if got, err := b64.DecodeString(r.URL.Query().Get("c")); err != nil || !bytes.Equal(got, want) {
			http.Error(w, "hop", http.StatusForbidden)
			return
		}
		b.move("hopped", "")
	}
	mux.HandleFunc("GET /api/v2/interaction/"+ceremonyID+"/hop", back)
	mux.HandleFunc("GET /pair/"+ceremonyID+"/hop", back)
	return mux
}

// answer is the common part of every call.
func (b *broker) answer(w http.ResponseWriter, r *http.Request, path string, serve func([]byte) (any, error)) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	b.calls = append(b.calls, path)
	b.know(r)
	var problem *wire.Problem
	if queue := b.refuse[path]; len(queue) > 0 {
		problem, b.refuse[path] = queue[0], queue[1:]
	}
	b.mu.Unlock()
	var out any
	var err error
	if problem != nil {
		err = problem
	} else {
		out, err = b.serve(serve, body)
	}
	w.Header().Set("Content-Type", "application/json")
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		w.WriteHeader(p.Code.Status())
		out = p
	} else if err != nil {
		b.t.Errorf("%s: %v", path, err)
		w.WriteHeader(http.StatusBadRequest)
		out = &wire.Problem{Code: wire.CodeBadRequest}
	}
	raw, _ := wire.Encode(out)
	_, _ = w.Write(raw)
}

func (b *broker) serve(serve func([]byte) (any, error), body []byte) (any, error) {
	b.turn.Lock()
	defer b.turn.Unlock()
	return serve(body)
}

// know takes the device's key from the call's signature, which the tests of the client judge.
func (b *broker) know(r *http.Request) {
	jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		b.t.Errorf("an unsigned call: %v", err)
		return
	}
	b.device, _ = jws.Signatures[0].Protected.JSONWebKey.Key.(*ecdsa.PublicKey)
}

func (b *broker) keys() json.RawMessage {
	raw, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &b.signer.PublicKey, KeyID: "k1", Use: "sig", Algorithm: "ES256"}}})
	return raw
}

// move puts the ceremony at a stage and tells those who wait.
func (b *broker) move(stage, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stage, b.reason, b.version = stage, reason, b.version+1
	close(b.moved)
	b.moved = make(chan struct{})
}

func (b *broker) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	last := 0
	for {
		b.mu.Lock()
		e, moved := wire.Event{Stage: b.stage, Reason: b.reason, Version: b.version}, b.moved
		b.mu.Unlock()
		if e.Version != last {
			raw, _ := wire.Encode(e)
			fmt.Fprintf(w, "id: %d\nevent: stage\ndata: %s\n\n", e.Version, raw)
			_ = http.NewResponseController(w).Flush()
			last = e.Version
		}
		if e.Stage == "ended" {
			return
		}
		select {
		case <-moved:
		case <-r.Context().Done():
			return
		}
	}
}

func decode[T any](raw []byte) (out T, err error) { return out, wire.Decode(raw, &out) }

func (b *broker) pair(raw []byte) (any, error) {
	q, err := decode[wire.PairRequest](raw)
	if err != nil || q.Code != "ABCD-EFGH" {
		return nil, &wire.Problem{Code: wire.CodeCodeUnknown}
	}
	b.nonce = random(32)
	b.move("attached", "")
	return wire.PairAnswer{
		Ceremony: ceremonyID, Device: "device-1", Issuer: b.issuer(), Nonce: b.nonce, Keys: b.keys(), Ratchet: b.ratchet,
		Expires: time.Now().Add(time.Minute).Unix(),
	}, nil
}

func (b *broker) attach(raw []byte) (any, error) {
	q, err := decode[wire.AttachRequest](raw)
	switch {
	case err != nil:
		return nil, err
	case q.Start != "ABCD-EFGH-JKMN":
		return nil, &wire.Problem{Code: wire.CodeStartUnknown}
	}
	return b.join(q.Ratchet, q.Roll)
}

func (b *broker) change(raw []byte) (any, error) {
	q, err := decode[wire.ChangeRequest](raw)
	if err != nil {
		return nil, err
	}
	return b.join(q.Ratchet, q.Roll)
}

// join turns the ratchet, and begins a ceremony.
func (b *broker) join(ratchet, roll []byte) (any, error) {
	if !bytes.Equal(ratchet, b.ratchet) || len(roll) != 16 {
		return nil, &wire.Problem{Code: wire.CodeDeviceCloned}
	}
	b.nonce, b.ratchet, b.roll = random(32), random(32), roll
	b.move("attached", "")
	return wire.AttachAnswer{Ceremony: ceremonyID, Nonce: b.nonce, Ratchet: b.ratchet, Expires: time.Now().Add(time.Minute).Unix()}, nil
}

func (b *broker) hop(raw []byte) (any, error) {
	q, err := decode[wire.HopRequest](raw)
	if err != nil {
		return nil, err
	}
	b.port, b.a, b.secret = q.Port, random(32), random(32)
	if !b.noBrowser {
		go b.navigate(q.Port, b64.EncodeToString(b.a))
	}
	return wire.HopAnswer{Hop: b.hopID(), Secret: b.secret}, nil
}

func (b *broker) hopID() string {
	id := wire.Transcript("pivot-hop-id/1", []byte(b64.EncodeToString(b.a)))
	return b64.EncodeToString(id[:])
}

// navigate is what the browser does when the page sends it to the app, and the app sends it back.
func (b *broker) navigate(port int, a string) {
	r, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(port)+"/hop/"+a, http.NoBody)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Errorf("the browser: %v", err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.t.Errorf("the browser came back with %s", response.Status)
	}
}

func (b *broker) ask(raw []byte) (any, error) {
	q, err := decode[wire.AskRequest](raw)
	if err != nil {
		return nil, err
	}
	now := b.now()
	b.until = now.Add(2 * time.Minute)
	request := wire.Request{
		Iss: b.issuer(), Aud: "device-1", Iat: now.Unix(), Exp: b.until.Unix(), Jti: "jti-1",
		Ceremony: ceremonyID, Nonce: b.nonce, Hop: b.hopID(), Service: wire.Service{ClientID: "sp", Name: "Caisse d'essai"},
		Level: "eidas3", Card: !b.noCard, Claims: []wire.ClaimGroup{{Provider: "Identité", Labels: []string{"Nom", "Prénoms"}}},
		Language: q.Language, Browser: "Firefox, Linux", Place: "192.0.2.7",
	}
	if b.tamper != nil {
		b.tamper(&request)
	}
	payload, _ := wire.Encode(request)
	signer, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: b.signer, KeyID: "k1"}},
		(&jose.SignerOptions{}).WithType("pivot-request+jwt"))
	jws, err := signer.Sign(payload)
	if err != nil {
		return nil, err
	}
	if b.signed, err = jws.CompactSerialize(); err != nil {
		return nil, err
	}
	b.move("released", "")
	out := wire.AskAnswer{Request: b.signed}
	if b.handle != nil && bytes.Equal(q.Card, b.handle) {
		opening, err := b.recall(*q.Reach)
		if err != nil {
			return nil, err
		}
		out.Opening = &opening
	}
	return out, nil
}

func (b *broker) evaluate(raw []byte) (any, error) {
	q, err := decode[wire.PINRequest](raw)
	switch {
	case err != nil:
		return nil, err
	case !q.New && b.tries == 0:
		return nil, &wire.Problem{Code: wire.CodePINLocked}
	case !q.New:
		b.tries--
	}
	b.blinded = q.Blinded
	return wire.PINAnswer{Evaluated: q.Blinded, TriesLeft: b.tries}, nil
}

func (b *broker) prove(raw []byte) (any, error) {
	q, err := decode[wire.PINProof](raw)
	if err != nil {
		return nil, err
	}
	public := q.PublicKey
	if len(public) == 0 {
		public = b.pin
	}
	key := b.pointOf(public)
	digest := sha256.Sum256(wire.PINTranscript(wire.PINParts{
		Issuer: b.issuer(), Device: "device-1", Ceremony: ceremonyID, Nonce: b.nonce, Blinded: b.blinded, PublicKey: q.PublicKey,
	}))
	if !ecdsa.VerifyASN1(key, digest[:], q.Signature) {
		return nil, &wire.Problem{Code: wire.CodePINWrong, TriesLeft: &b.tries}
	}
	b.pin, b.tries = public, 5
	if b.loseProof && len(q.PublicKey) > 0 {
		panic(http.ErrAbortHandler)
	}
	return wire.Empty{}, nil
}

func (b *broker) pointOf(raw []byte) *ecdsa.PublicKey {
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		b.t.Errorf("a public point: %v", err)
		return &b.signer.PublicKey
	}
	return key
}

func reachOf(r wire.Reach) cardcheck.Reach {
	out := cardcheck.Reach{Extended: r.Extended, MaxResponse: r.MaxResponse, Block: r.Block}
	for group, size := range r.Sizes {
		if out.Sizes == nil {
			out.Sizes = map[int]int{}
		}
		n, _ := strconv.Atoi(group)
		out.Sizes[n] = size
	}
	return out
}

func (b *broker) recall(r wire.Reach) (wire.Opening, error) {
	b.check = b.verifier.Begin()
	c, err := b.check.Recall(b.memory, reachOf(r))
	return b.offer(c, err)
}

func (b *broker) offer(c cardcheck.Challenge, err error) (wire.Opening, error) {
	if err != nil {
		return wire.Opening{}, b.cardRefused()
	}
	b.opening = wire.Opening{ID: b64.EncodeToString(random(12)), OID: c.OID, KeyID: c.KeyID, EphemeralPublic: c.EphemeralPublic, Batch: c.Batch}
	return b.opening, nil
}

func (b *broker) cardRefused() error {
	p := &wire.Problem{Code: wire.CodeCardRefused, Reason: b.check.Report().Reason}
	switch b.check.Again() {
	case cardcheck.Shorter:
		p.Again = "shorter"
	case cardcheck.Files:
		p.Again = "files"
	}
	return p
}

func (b *broker) open(raw []byte) (any, error) {
	q, err := decode[wire.OpenRequest](raw)
	if err != nil {
		return nil, err
	}
	if q.Card != nil {
		return b.recall(q.Reach)
	}
	b.check = b.verifier.Begin()
	return b.offer(b.check.Open(cardcheck.Evidence{CardAccess: q.CardAccess, DG14: q.DG14, SOD: q.SOD}, reachOf(q.Reach)))
}

func (b *broker) result(raw []byte) (any, error) {
	q, err := decode[wire.ResultRequest](raw)
	if err != nil {
		return nil, err
	}
	digest := []byte(nil)
	if q.Opening != "" {
		if q.Opening != b.opening.ID {
			return nil, fmt.Errorf("opening %q, want %q", q.Opening, b.opening.ID)
		}
		sum := wire.CardDigest(q.Opening, b.opening.EphemeralPublic, q.Responses)
		digest = sum[:]
	}
	if q.Approval != nil {
		if err := b.judge(q.Approval, digest); err != nil {
			return nil, err
		}
	}
	out := wire.ResultAnswer{Level: "eidas3", Reference: "KMNP-QRST"}
	if q.Opening != "" {
		if err := b.check.Judge(q.Responses); err != nil {
			return nil, b.cardRefused()
		}
		if b.handle == nil {
			b.handle = random(32)
			out.Card = b.handle
		}
		b.memory = b.check.Report().Memory
	}
	b.move("ended", "done")
	return out, nil
}

// judge verifies an approval: two signatures by the two keys, over what was sent.
func (b *broker) judge(raw json.RawMessage, card []byte) error {
	jws, err := jose.ParseSignedJSON(string(raw), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(jws.Signatures) != 2 {
		return fmt.Errorf("approval: %w", err)
	}
	var payload []byte
	for i, key := range []*ecdsa.PublicKey{b.device, b.pointOf(b.pin)} {
		index, _, got, err := jws.VerifyMulti(key)
		if err != nil || index != i {
			return fmt.Errorf("approval: signature %d: %w", i, err)
		}
		payload = got
	}
	c, err := decode[wire.ApprovalClaims](payload)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256([]byte(b.signed)); !bytes.Equal(c.Request, sum[:]) || !bytes.Equal(c.Card, card) ||
		c.Ceremony != ceremonyID || !bytes.Equal(c.Nonce, b.nonce) || c.Hop != b.hopID() || c.Decision != "approve" ||
		c.Iss != "device-1" || c.Aud != b.issuer() || c.Exp-c.Iat > 60 {
		return fmt.Errorf("approval of something else: %+v", c)
	}
	if !b.now().Before(b.until) {
		return &wire.Problem{Code: wire.CodeApprovalRefused, Reason: "request-expired"}
	}
	b.approvals = append(b.approvals, c)
	return nil
}

func (b *broker) refusal(raw []byte) (any, error) {
	q, err := decode[wire.Refusal](raw)
	b.mu.Lock()
	b.refusals = append(b.refusals, q.Reason)
	b.mu.Unlock()
	b.move("ended", "refused-in-app")
	return wire.Empty{}, err
}

func (b *broker) redeem(raw []byte) (any, error) {
	q, err := decode[wire.DeskCode](raw)
	if err != nil {
		return nil, err
	}
	if q.Code != "DESK-C0DE" {
		b.deskTries--
		return nil, &wire.Problem{Code: wire.CodeDeskCodeWrong, TriesLeft: &b.deskTries}
	}
	return b.status(), nil
}

func (b *broker) status() wire.DeviceStatus {
	return wire.DeviceStatus{Device: "device-1", Name: "laptop", State: "active", Level: "eidas3", PIN: "set", TriesLeft: b.tries, Cards: 1}
}

// count is how often a path was called.
func (b *broker) count(path string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, c := range b.calls {
		if c == path {
			n++
		}
	}
	return n
}
