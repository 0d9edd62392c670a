package txn

import (
	"encoding/hex"
	"errors"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/identity"
	"pivot/server/internal/verify"
)

// ErrBrowser is the error of a step taken in another browser than the one that began. It leaves the transaction as it
// was: whoever learns an address must not be able to end somebody else's login with it.
var ErrBrowser = errors.New("txn: not the browser that began")

// Waiting is a transaction whose citizen has proved nothing yet.
type Waiting struct{ pending }

// Name implements [State].
func (w Waiting) Name() StateName { return NameWaiting }

// Begin opens a transaction for the request. browser is the hash of the cookie by which the browser will be known.
// Errors: a zero request, identifier or hash.
func (r Request) Begin(id ID, browser [32]byte, now time.Time) (Waiting, audit.Entry, error) {
	life := r.params.Profile.lifetime()
	if life == 0 || id.IsZero() || browser == [32]byte{} {
		return Waiting{}, audit.Entry{}, errNoState
	}
	at := base{}.moment(now)
	w := Waiting{pending{base: base{
		id: id, request: r, browser: browser, version: 1, at: at, expires: at.Add(life),
	}}}
	return w, w.entry(audit.AuthorizeReceived, at, map[string]string{"requested": r.Level().String()}), nil
}

// Proven is a transaction whose citizen was authenticated at the level asked for, or above.
type Proven struct {
	_ struct{ proven struct{} } // or Consented(p) would compile: see TestMisuseDoesNotCompile
	attested
}

// Name implements [State].
func (p Proven) Name() StateName { return NameProven }

// Prove consumes a proof. who is the identity of the proof's account, as the account holds it. Refused: no proof, a
// proof for another transaction, no identity, evidence that the policy gives no level, or a lower one than was asked.
func (w Waiting) Prove(p verify.Proof, policy assurance.Policy, who identity.Identity, now time.Time) (Proven, audit.Entry, error) {
	at, err := w.open(now)
	if err != nil {
		return Proven{}, audit.Entry{}, err
	}
	w.account = p.Account()
	level, reason := w.judge(p, policy)
	if reason == "" && who.IsZero() {
		reason = ReasonNoIdentity
	}
	if reason != "" {
		return Proven{}, audit.Entry{}, w.refusal(reason, at)
	}
	_, most := w.request.params.Profile.levels()
	a := attested{
		pending: w.step(at), level: min(level, most), evidence: p.Contribution().Evidence, proven: at, person: who,
		means: p.Means(),
	}
	digest := p.Digest()
	return Proven{attested: a}, a.entry(audit.ProofAccepted, at, map[string]string{
		"requested": w.request.Level().String(), "level": level.String(),
		"evidence": a.evidence.String(), "digest": hex.EncodeToString(digest[:]),
	}), nil
}

// judge gives the level that a proof reaches in this transaction, or the reason why it reaches none.
func (w Waiting) judge(p verify.Proof, policy assurance.Policy) (assurance.Level, Reason) {
	if p.IsZero() {
		return 0, ReasonNoProof
	}
	if p.Transaction() != w.id.String() {
		return 0, ReasonForeignProof
	}
	level, err := policy.Level(p.Contribution())
	if err != nil {
		return 0, ReasonNoLevel
	}
	if level < w.request.Level() {
		return 0, ReasonLevelTooLow
	}
	return level, ""
}

// Notice is how the citizen went on to the service provider. Its zero value is none.
type Notice uint8

// The ways.
const (
	NoticeConsented Notice = iota + 1 // consented to the release of what the page listed
	NoticeInformed                    // was shown what is released, where no consent is needed
	NoticeSkipped                     // saw no page: the client's record allows the request that asked for none
)

// String returns the notice's stable name, or "none".
func (n Notice) String() string {
	switch n {
	case NoticeConsented:
		return "consented"
	case NoticeInformed:
		return "informed"
	case NoticeSkipped:
		return "skipped"
	}
	return "none"
}

// Consented is a transaction whose citizen went on to the service provider.
type Consented struct {
	_ struct{ consented struct{} }
	attested
}

// Name implements [State].
func (c Consented) Name() StateName { return NameConsented }

// Consent records that the citizen went on, in the browser that began. Errors: [ErrBrowser], no notice.
func (p Proven) Consent(n Notice, browser [32]byte, now time.Time) (Consented, audit.Entry, error) {
	at, err := p.continued(browser, now)
	if err != nil {
		return Consented{}, audit.Entry{}, err
	}
	if n < NoticeConsented || n > NoticeSkipped {
		return Consented{}, audit.Entry{}, errors.New("txn: consent without a notice")
	}
	next := Consented{attested: p.follow(at)}
	return next, next.entry(audit.ConsentGiven, at, map[string]string{"notice": n.String()}), nil
}

// Granted is a transaction whose code is on its way to the service provider, for thirty seconds.
type Granted struct {
	_ struct{ granted struct{} }
	attested
}

// Name implements [State].
func (g Granted) Name() StateName { return NameGranted }

// Grant issues the code whose hash is given, to the browser that began. Errors: [ErrBrowser], no hash.
func (c Consented) Grant(code, browser [32]byte, now time.Time) (Granted, audit.Entry, error) {
	at, err := c.continued(browser, now)
	if err != nil {
		return Granted{}, audit.Entry{}, err
	}
	if code == [32]byte{} {
		return Granted{}, audit.Entry{}, errors.New("txn: grant without a code")
	}
	next := Granted{attested: c.follow(at)}
	next.code, next.expires = code, at.Add(codeLifetime)
	return next, next.entry(audit.CodeIssued, at, nil), nil
}
