package op

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
	"pivot/server/internal/session"
	"pivot/server/internal/token"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

var errReadable = errors.New("op: this issuer's answers are encrypted, and the client has no algorithm for it")

// tokenAnswer has exactly the five members of the profile (franceconnect.md 1.6).
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	IDToken     string `json:"id_token"`
	Scope       string `json:"scope"`
	TokenType   string `json:"token_type"`
}

// token redeems a code (RFC 6749 §4.1.3). The code is spent before anything is signed: an answer that is lost costs a new
// login, and never a second token.
func (p *Provider) token(c *gin.Context) error {
	values, err := web.Form(c)
	if err != nil {
		return p.refuseToken(c, audit.CodeRefused, "", err)
	}
	request, err := oauth.ParseToken(values, c.Request.Header.Values("Authorization"))
	if err != nil {
		return p.refuseToken(c, eventOf(err), "", err)
	}
	sp, err := p.authenticate(c.Request.Context(), request.Credentials)
	if err != nil {
		return p.refuseToken(c, audit.ClientAuthFailed, sp.ID(), err)
	}
	to, err := p.recipient(c.Request.Context(), sp, sp.Answers().IDToken) // before the code is spent
	if err != nil {
		return p.refuseToken(c, audit.CodeRefused, sp.ID(), err)
	}
	proof, err := p.proven(c, sp)
	if err != nil {
		return p.refuseToken(c, audit.CodeRefused, sp.ID(), err)
	}
	access, kept := secret()
	redeemed, err := p.redeem(c.Request.Context(), hash(string(request.Code)), txn.Redemption{
		Client: sp.ID(), RedirectURI: request.RedirectURI, Verifier: string(request.Verifier), Token: kept, Thumbprint: proof.Thumbprint(),
	})
	if err != nil {
		return p.refuseToken(c, audit.CodeRefused, sp.ID(), err)
	}
	idToken, err := p.idToken(c.Request.Context(), sp, redeemed, to)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, tokenAnswer{
		AccessToken: access, ExpiresIn: int(tokenLife.Seconds()), IDToken: idToken, TokenType: tokenType(redeemed),
		Scope: strings.Join(p.selection(sp, redeemed).Scopes(), " "),
	})
	return nil
}

// authenticate finds the client that credentials are of; it is named, for the audit log, even when they are wrong.
func (p *Provider) authenticate(ctx context.Context, credentials oauth.Credentials) (*client.Client, error) {
	sp := p.Clients(credentials.ClientID)
	return sp, sp.Authenticate(ctx, credentials, p.check())
}

// check is with what clients and their signatures are judged now.
func (p *Provider) check() client.Check {
	return client.Check{
		Issuer: p.Issuer.URL, Now: p.Now(), Once: p.Once, Algs: p.Issuer.Request.Signatures(), Keys: p.Keysets,
	}
}

// eventOf tells a client that did not authenticate from a request that says nothing of a code.
func eventOf(err error) audit.Event {
	public, _ := errors.AsType[oauth.Error](err)
	if public.Fault >= oauth.FaultAuthMissing && public.Fault <= oauth.FaultAssertionReplayed {
		return audit.ClientAuthFailed
	}
	return audit.CodeRefused
}

// redeem spends the code. A code that comes a second time takes back what it was redeemed for (RFC 6749 §4.1.2), and so
// does one that comes twice at once: whoever was too late is looked at again.
func (p *Provider) redeem(ctx context.Context, code [32]byte, r txn.Redemption) (txn.Redeemed, error) {
	for range useTries {
		state, err := p.byCode(ctx, code)
		if err != nil {
			return txn.Redeemed{}, err
		}
		var redeemed txn.Redeemed
		switch s := state.(type) {
		case txn.Granted:
			var entry audit.Entry
			redeemed, entry, err = s.Redeem(r, p.Now())
			err = p.advance(ctx, step{s, redeemed, entry}, err)
		case txn.Redeemed:
			err = p.replay(ctx, s, code)
		default:
			err = oauth.FaultGrant.Err()
		}
		if !errors.Is(err, txn.ErrSpent) {
			return redeemed, invalidGrant(err)
		}
	}
	return txn.Redeemed{}, oauth.FaultGrant.Err()
}

func (p *Provider) byCode(ctx context.Context, code [32]byte) (txn.State, error) {
	state, err := p.Ledger.ByCode(ctx, p.Issuer.URL, code)
	if errors.Is(err, txn.ErrUnknown) {
		return nil, oauth.FaultGrant.Err()
	}
	return state, err
}

// replay takes back what a spent code was redeemed for, in its turn among the uses of that token. It always refuses.
func (p *Provider) replay(ctx context.Context, seen txn.Redeemed, code [32]byte) error {
	access, _ := seen.TokenHash()
	turn := p.turn(access)
	turn.Lock()
	defer turn.Unlock()
	state, err := p.byCode(ctx, code)
	if err != nil {
		return err
	}
	if s, ok := state.(txn.Redeemed); ok {
		ended, entry, err := s.Replay(p.Now())
		if err := p.advance(ctx, step{s, ended, entry}, err); err != nil {
			return err
		}
	}
	return oauth.FaultGrant.Err()
}

// invalidGrant is what the client is told of a refused code, whatever the reason: the audit log knows.
func invalidGrant(err error) error {
	if _, refused := errors.AsType[*txn.Refusal](err); refused {
		return oauth.FaultGrant.Err()
	}
	return err
}

// refuseToken records a refusal of the back channel and passes it on.
func (p *Provider) refuseToken(c *gin.Context, event audit.Event, clientID string, err error) error {
	public, ok := errors.AsType[oauth.Error](err)
	if !ok {
		return err
	}
	entry := audit.Entry{
		Event: event, Reason: public.Fault.String(), At: p.Now(), Issuer: p.Issuer.URL, Client: clientID,
	}
	if err := p.Log.Record(c.Request.Context(), entry); err != nil {
		return err
	}
	return err
}

// selection is what the client of a transaction may know of its person.
func (p *Provider) selection(sp *client.Client, r txn.Redeemed) claims.Selection {
	params := r.Request().Params()
	return claims.Select(claims.Request{
		Profile: p.Issuer.Claims, Scopes: sp.Entitled(params.Scopes), Claims: params.Claims, Entitled: sp.Claims(),
	})
}

// person is the one who was authenticated.
func person(r txn.Redeemed) claims.Person {
	return claims.Person{Identity: r.Identity(), Methods: methods(r.Evidence())}
}

// idToken builds, signs and encrypts the ID token of a redeemed code.
func (p *Provider) idToken(ctx context.Context, sp *client.Client, r txn.Redeemed, to token.Recipient) (string, error) {
	subject, err := p.Subjects.Subject(sp.EntityID(), r.Identity().Hash())
	if err != nil {
		return "", err
	}
	it := token.IDToken{Subject: subject, Level: r.Level(), AuthTime: r.AuthTime(), Nonce: r.Request().Params().Nonce}
	if sp.NamesSession() {
		it.Session = session.SID(r.ID().String())
	}
	released := p.selection(sp, r).IDToken(person(r))
	if i := slices.IndexFunc(released, func(c claims.Claim) bool { return c.Name == "amr" }); i >= 0 {
		it.Methods = released[i].List
	}
	payload, err := it.Payload(p.frame(sp, r))
	if err != nil {
		return "", err
	}
	return token.Seal(ctx, p.Keys.SignerFor(sp.Answers().IDTokenSigned), to, payload)
}

// frame dates an answer now, or when the citizen was authenticated where another clock was ahead of this one.
func (p *Provider) frame(sp *client.Client, r txn.Redeemed) token.Frame {
	at := p.Now()
	if r.AuthTime().After(at) {
		at = r.AuthTime()
	}
	return token.Frame{Issuer: p.Issuer.URL, Audience: sp.ID(), At: at, Life: tokenLife}
}

// recipient is the client as the addressee of an answer, encrypted as its record says.
func (p *Provider) recipient(ctx context.Context, sp *client.Client, e client.Encryption) (token.Recipient, error) {
	if e.Alg == "" {
		// The record of such a client is refused when it is read; no other way may lead to a readable answer either.
		if p.Issuer.Request.Encrypted() {
			return token.Recipient{}, errReadable
		}
		return token.SignedAlone(), nil
	}
	key, err := sp.EncryptionKey(ctx, e.Alg, p.Keysets)
	if errors.Is(err, keyset.ErrUnavailable) {
		return token.Recipient{}, errors.Join(oauth.FaultUnavailable.Err(), err)
	}
	if err != nil {
		return token.Recipient{}, err
	}
	return token.NewRecipient(p.Issuer.URL, sp.ID(), e.Alg, key)
}
