package companion_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/pace"
	"pivot/cardreader/session"
	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
	"pivot/shared/wire"
)

// meet has the browser go through the phone's loopback port.
func (p *phone) meet() {
	p.s.tb.Helper()
	const port = 40123
	var answer wire.HopAnswer
	p.ok(p.post(wire.PathHop, wire.HopRequest{Port: port}, &answer))
	var address string
	p.s.step(p.id, func(c ceremony.Ceremony) (ceremony.Ceremony, error) {
		next, url, err := c.Navigate(browser, p.s.now())
		address = url
		return next, err
	})
	_, a, _ := strings.Cut(address, "/hop/")
	p.hop = answer.Hop
	proof := wire.HopProof(answer.Secret, p.id, a, p.device, port)
	p.s.step(p.id, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.Return(proof, browser, true, p.s.now()) })
}

func (p *phone) pairRequest(code string) wire.PairRequest {
	return wire.PairRequest{Code: code, Key: text(p.s.tb, jwk(p.s.tb, p.key)), Protection: "file", Name: "my computer", Platform: "Linux"}
}

// join redeems a pairing code, and goes on until the PIN is set.
func (p *phone) join() {
	p.s.tb.Helper()
	p.begin()
	p.setPIN(p.pin)
}

// begin redeems a pairing code, and goes on until a PIN may be set.
func (p *phone) begin() {
	p.s.tb.Helper()
	id := txn.NewID().String()
	code := p.s.offer(id, ceremony.Pair)
	var answer wire.PairAnswer
	p.ok(p.post(wire.PathPairings, p.pairRequest(code), &answer))
	p.id, p.device, p.nonce, p.ratchet = answer.Ceremony, answer.Device, answer.Nonce, answer.Ratchet
	p.s.step(id, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.Confirm(browser, p.s.now()) })
	p.meet()
}

// setPIN sets a PIN, whose key is given.
func (p *phone) setPIN(key *ecdsa.PrivateKey) {
	p.s.tb.Helper()
	p.ok(p.trySetPIN(key))
	p.pin = key
}

func (p *phone) trySetPIN(key *ecdsa.PrivateKey) *wire.Problem {
	p.s.tb.Helper()
	blinded := point(p.s.tb)
	if problem := p.post(wire.PathPIN, wire.PINRequest{Blinded: blinded, New: true}, &wire.PINAnswer{}); problem != nil {
		return problem
	}
	public, err := key.PublicKey.Bytes()
	must(p.s.tb, err)
	return p.post(wire.PathPINProof, wire.PINProof{Signature: p.pinSignature(key, blinded, public), PublicKey: public}, &wire.Empty{})
}

// change begins a change of the PIN.
func (p *phone) change() *wire.Problem {
	p.s.tb.Helper()
	return p.changeBy(roll())
}

func (p *phone) changeBy(roll []byte) *wire.Problem {
	p.s.tb.Helper()
	var answer wire.AttachAnswer
	problem := p.post(wire.PathPINChange, wire.ChangeRequest{Ratchet: p.ratchet, Roll: roll}, &answer)
	if problem == nil {
		p.id, p.nonce, p.ratchet = answer.Ceremony, answer.Nonce, answer.Ratchet
	}
	return problem
}

// roll is what a device draws to turn its ratchet.
func roll() []byte {
	raw := make([]byte, 16)
	rand.Read(raw)
	return raw
}

func (p *phone) pinSignature(key *ecdsa.PrivateKey, blinded, public []byte) []byte {
	p.s.tb.Helper()
	digest := sha256.Sum256(wire.PINTranscript(wire.PINParts{
		Issuer: issuer, Device: p.device, Ceremony: p.id, Nonce: p.nonce, Blinded: blinded, PublicKey: public,
	}))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	must(p.s.tb, err)
	return signature
}

// guess tries the PIN whose key is given.
func (p *phone) guess(key *ecdsa.PrivateKey) *wire.Problem {
	p.s.tb.Helper()
	blinded := point(p.s.tb)
	var answer wire.PINAnswer
	if problem := p.post(wire.PathPIN, wire.PINRequest{Blinded: blinded}, &answer); problem != nil {
		return problem
	}
	return p.post(wire.PathPINProof, wire.PINProof{Signature: p.pinSignature(key, blinded, nil)}, &wire.Empty{})
}

// reading is one reading of a card over the phone.
type reading struct {
	p         *phone
	opening   wire.Opening
	responses [][]byte
	known     bool // by the handle that the phone has
}

func (r *reading) Challenge(_ context.Context, e session.Evidence, reach session.Reach) (session.Challenge, error) {
	in := wire.OpenRequest{CardAccess: e.CardAccess, DG14: e.DG14, SOD: e.SOD, Reach: reachOf(reach)}
	if r.known {
		in.Card = r.p.handle
	}
	if r.opening.ID == "" { // else it came with the request
		if problem := r.p.post(wire.PathCard, in, &r.opening); problem != nil {
			return session.Challenge{}, problem
		}
	}
	return session.Challenge{
		OID: r.opening.OID, KeyID: r.opening.KeyID, EphemeralPublic: r.opening.EphemeralPublic, Batch: r.opening.Batch,
	}, nil
}

func (r *reading) Answer(_ context.Context, responses [][]byte) error {
	r.responses = responses
	return nil
}

func reachOf(r session.Reach) wire.Reach {
	out := wire.Reach{Extended: r.Extended, MaxResponse: r.MaxResponse, Block: r.Block}
	for group, size := range r.Sizes {
		if out.Sizes == nil {
			out.Sizes = make(map[string]int)
		}
		out.Sizes[strconv.Itoa(group)] = size
	}
	return out
}

// inReader is a simulated card without reader.
type inReader struct{ *cardsim.Card }

// Reset implements [session.Link].
func (c inReader) Reset(context.Context) error {
	c.Power(true)
	return nil
}

// read has a persona's card answer an opening.
func (r *reading) read(name string) error {
	tb := r.p.s.tb
	tb.Helper()
	who, err := cardsim.FindPersona(name)
	must(tb, err)
	can, err := pace.CAN([]byte(who.CAN))
	must(tb, err)
	return session.Prove(tb.Context(), inReader{simtest.Card(tb, name)}, session.Request{Password: can, Known: r.known}, r)
}

// pair pairs a phone with a persona's card.
func (p *phone) pair(name string) wire.ResultAnswer {
	p.s.tb.Helper()
	p.join()
	r := &reading{p: p}
	must(p.s.tb, r.read(name))
	var answer wire.ResultAnswer
	p.ok(p.post(wire.PathResult, wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses}, &answer))
	p.handle = answer.Card
	return answer
}

// ready pairs a phone, and has it activated at the desk.
func ready(s *scene) *phone {
	s.tb.Helper()
	p := newPhone(s)
	p.pair(persona)
	var status wire.DeviceStatus
	p.ok(p.post(wire.PathDesk, wire.DeskCode{Code: "ABCD-EFGH"}, &status))
	if status.Level != "eidas3" {
		s.tb.Fatalf("after the desk: %+v", status)
	}
	return p
}

// redeem attaches the phone to a login.
func (p *phone) redeem(start string) *wire.Problem {
	p.s.tb.Helper()
	return p.redeemBy(start, roll())
}

func (p *phone) redeemBy(start string, roll []byte) *wire.Problem {
	p.s.tb.Helper()
	var answer wire.AttachAnswer
	problem := p.post(wire.PathCeremonies, wire.AttachRequest{Start: start, Ratchet: p.ratchet, Roll: roll}, &answer)
	if problem == nil {
		p.id, p.nonce, p.ratchet = answer.Ceremony, answer.Nonce, answer.Ratchet
	}
	return problem
}

// come redeems a start code, and makes the hop.
func (p *phone) come(start string) {
	p.s.tb.Helper()
	p.ok(p.redeem(start))
	p.meet()
}

// asked is a request that was released.
type asked struct {
	wire.Request

	compact string
	opening *wire.Opening
}

func (p *phone) ask(in wire.AskRequest) (asked, *wire.Problem) {
	p.s.tb.Helper()
	var answer wire.AskAnswer
	if problem := p.post(wire.PathRequest, in, &answer); problem != nil {
		return asked{}, problem
	}
	a := asked{compact: answer.Request, opening: answer.Opening}
	payload, err := b64.DecodeString(strings.Split(answer.Request, ".")[1])
	must(p.s.tb, err)
	must(p.s.tb, wire.Decode(payload, &a.Request))
	return a, nil
}

// approval signs the yes; edit may change what is signed, and by whom.
type approval struct {
	claims wire.ApprovalClaims
	first  *ecdsa.PrivateKey
	second *ecdsa.PrivateKey
}

func (p *phone) approve(a asked, r *reading, edit func(*approval)) json.RawMessage {
	tb := p.s.tb
	tb.Helper()
	request, display := sha256.Sum256([]byte(a.compact)), wire.DisplayOf(a.Request).Digest()
	y := approval{first: p.key, second: p.pin, claims: wire.ApprovalClaims{
		Iss: p.device, Aud: issuer, Iat: p.s.now().Unix(), Exp: p.s.now().Unix() + 60, Ceremony: p.id, Nonce: p.nonce, Hop: p.hop,
		Request: request[:], Display: display[:], Language: a.Language, Decision: "approve",
	}}
	if r != nil {
		digest := wire.CardDigest(r.opening.ID, r.opening.EphemeralPublic, r.responses)
		y.claims.Card = digest[:]
	}
	if edit != nil {
		edit(&y)
	}
	kid := sha256.Sum256(thumb(tb, p.key))
	payload := b64.EncodeToString(text(tb, y.claims))
	var signatures []map[string]string
	for _, s := range []struct {
		key *ecdsa.PrivateKey
		kid string
	}{{y.first, b64.EncodeToString(kid[:])}, {y.second, "pin"}} {
		if s.key == nil {
			continue
		}
		protected := b64.EncodeToString(text(tb, map[string]string{"alg": "ES256", "typ": "pivot-approval+jwt", "kid": s.kid}))
		signatures = append(signatures, map[string]string{"protected": protected, "signature": es256(tb, s.key, protected+"."+payload)})
	}
	return text(tb, map[string]any{"payload": payload, "signatures": signatures})
}

// thumb is what RFC 7638 hashes.
func thumb(tb testing.TB, k *ecdsa.PrivateKey) []byte {
	tb.Helper()
	j := jwk(tb, k)
	return []byte(`{"crv":"P-256","kty":"EC","x":"` + j["x"].(string) + `","y":"` + j["y"].(string) + `"}`)
}

// French is how the tests ask.
func french() wire.AskRequest { return wire.AskRequest{Language: "fr"} }

func TestPairing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPhone(s)
	answer := p.pair(persona)
	if answer.Level != "eidas1" || len(answer.Card) != 32 || len(answer.Reference) != 9 {
		t.Errorf("paired: level %s, handle of %d, reference %q", answer.Level, len(answer.Card), answer.Reference)
	}
	if c := s.ceremony(p.id); c.Stage() != ceremony.Ended || c.Reason() != ceremony.Done {
		t.Errorf("the ceremony is %s %s", c.Stage(), c.Reason())
	}
	var status wire.DeviceStatus
	p.ok(p.send(p.request(http.MethodGet, wire.PathDevice, nil), &status))
	if status.Level != "eidas1" || status.PIN != "set" || status.TriesLeft != 5 || status.Cards != 1 || status.Desk != answer.Reference ||
		status.State != "active" || status.Device != p.device {
		t.Errorf("status %+v", status)
	}
	// An answer that was lost can be had again, but for the handle.
	var again wire.ResultAnswer
	p.ok(p.post(wire.PathResult, wire.ResultRequest{}, &again))
	if again.Level != answer.Level || again.Reference != answer.Reference || again.Card != nil {
		t.Errorf("again %+v", again)
	}
	for _, event := range []audit.Event{audit.DevicePaired, audit.PINSet, audit.CardOpened, audit.CardEnrolled, audit.DeskRequested} {
		if !s.logged(event, "") {
			t.Errorf("no entry %s", event)
		}
	}
	r, err := s.store.Find(t.Context(), record.DeskCase, means.Alias([]byte(answer.Reference)))
	must(t, err)
	desk, err := means.ParseDeskCase(r)
	must(t, err)
	if len(desk.Portrait()) == 0 || len(desk.Holder()) != 4 {
		t.Errorf("the desk sees %d octets and %q", len(desk.Portrait()), desk.Holder())
	}
	// A second device of the same person: the same account.
	q := newPhone(s)
	q.pair(persona)
	a, b := s.device(p), s.device(q)
	if a.Account() != b.Account() || a.Account() == "" {
		t.Error("one person has two accounts")
	}
}

func (s *scene) device(p *phone) means.Device {
	s.tb.Helper()
	r, err := s.store.Get(s.tb.Context(), record.Device, p.device)
	must(s.tb, err)
	d, err := means.ParseDevice(r)
	must(s.tb, err)
	return d
}

func TestLoginByFilesThenKnown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	id, start := s.login(assurance.High)
	p.come(start)
	a, problem := p.ask(french())
	p.ok(problem)
	if !a.Card || a.Service.Name != "Demo service" || a.Level != "eidas3" || a.Browser != "Firefox, Linux" || a.Place != "192.0.2.7" ||
		a.Exp-a.Iat != 120 || a.Hop != p.hop || len(a.Claims) == 0 || a.opening != nil {
		t.Errorf("asked %+v", a.Request)
	}
	p.ok(p.guess(p.pin))
	r := &reading{p: p}
	must(t, r.read(persona))
	if len(r.opening.Batch) != 1 {
		t.Errorf("a login reads %d times", len(r.opening.Batch))
	}
	in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}
	var answer wire.ResultAnswer
	p.ok(p.post(wire.PathResult, in, &answer))
	if answer.Level != "eidas3" || len(answer.Card) != 32 {
		t.Errorf("answer %+v", answer)
	}
	proven, ok := s.state(id).(txn.Proven)
	if !ok || proven.Level() != assurance.High || proven.Evidence() != assurance.CardWithKey {
		t.Fatalf("the transaction is %s", s.state(id).Name())
	}
	if used := proven.Means(); len(used) != 2 || used[0] != p.device {
		t.Errorf("means %v", used)
	}
	// The same result again: answered, and nothing happens.
	var again wire.ResultAnswer
	p.ok(p.post(wire.PathResult, in, &again))
	if again.Level != "eidas3" || again.Card != nil || s.state(id).Version() != proven.Version() {
		t.Errorf("again %+v", again)
	}
	p.handle = answer.Card

	// The known card: its batch comes with the request.
	id, start = s.login(assurance.High)
	p.come(start)
	a, problem = p.ask(wire.AskRequest{Language: "en", Card: p.handle, Reach: &wire.Reach{Extended: true, MaxResponse: 4096}})
	p.ok(problem)
	if a.opening == nil {
		t.Fatal("the known card was not opened")
	}
	p.ok(p.guess(p.pin))
	r = &reading{p: p, opening: *a.opening, known: true}
	must(t, r.read(persona))
	answer = wire.ResultAnswer{}
	p.ok(p.post(wire.PathResult, wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}, &answer))
	if answer.Level != "eidas3" || answer.Card != nil || s.state(id).Name() != txn.NameProven {
		t.Errorf("the known card: %+v", answer)
	}
}

// At eidas2 the guarded key and the PIN are enough.
func TestLoginWithoutCard(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	id, start := s.login(assurance.Substantial)
	p.come(start)
	a, problem := p.ask(french())
	p.ok(problem)
	if a.Card {
		t.Error("a card is asked for")
	}
	in := wire.ResultRequest{Approval: p.approve(a, nil, nil)}
	if problem := p.post(wire.PathResult, in, &wire.ResultAnswer{}); problem == nil || problem.Code != wire.CodeNotReady {
		t.Errorf("before the PIN: %+v", problem)
	}
	p.ok(p.guess(p.pin))
	var answer wire.ResultAnswer
	p.ok(p.post(wire.PathResult, in, &answer))
	if proven, ok := s.state(id).(txn.Proven); !ok || answer.Level != "eidas2" || proven.Evidence() != assurance.GuardedKey {
		t.Errorf("answer %+v", answer)
	}
}

func TestPINChange(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	p.ok(p.change())
	if problem := p.post(wire.PathPIN, wire.PINRequest{Blinded: point(t), New: true}, &wire.PINAnswer{}); problem == nil || problem.Code != wire.CodeNotReady {
		t.Errorf("a new PIN before the present one: %+v", problem)
	}
	before := p.pin
	p.ok(p.guess(p.pin))
	p.setPIN(newKey(t))
	if d := s.device(p); d.PINActivation() != assurance.CardDesk || !s.logged(audit.PINChanged, "") {
		t.Error("the change lost its activation, or left no entry")
	}
	if c := s.ceremony(p.id); c.Reason() != ceremony.Done {
		t.Errorf("the ceremony is %s %s", c.Stage(), c.Reason())
	}
	p.ok(p.change())
	if problem := p.guess(before); problem == nil || problem.Code != wire.CodePINWrong || *problem.TriesLeft != 4 {
		t.Errorf("the PIN of before: %+v", problem)
	}
	p.ok(p.guess(p.pin))
}
