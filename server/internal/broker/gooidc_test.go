package broker

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// goOIDC is github.com/coreos/go-oidc with golang.org/x/oauth2. It cannot decrypt: what is encrypted is opened by go-jose on
// its way, and go-oidc verifies what was inside. Nor does it compare state, iss, nonce and the sub of userinfo: its
// documentation has its caller do so, and so does this one.
type goOIDC struct{}

// opener is a transport that calls the issuer by another origin, if one is given, and opens what comes back.
type opener struct{ trial }

// RoundTrip implements http.RoundTripper.
func (o opener) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.Path
	if o.Through != "" {
		to, err := url.Parse(o.Through)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL.Host, r.Host = to.Host, ""
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || a.StatusCode != http.StatusOK || o.Decrypt == nil {
		return a, err
	}
	raw, err := io.ReadAll(a.Body)
	a.Body.Close()
	if err != nil {
		return nil, err
	}
	open := func(answer string) (string, error) { return opens(answer, o.Decrypt) }
	if raw, err = rewrite(path, raw, open); err != nil {
		return nil, err
	}
	a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	a.Header.Del("Content-Length")
	return a, nil
}

// rewrite changes the ID token of a token answer, or a userinfo answer; others stay.
func rewrite(path string, body []byte, change func(answer string) (string, error)) ([]byte, error) {
	switch {
	case strings.HasSuffix(path, "/userinfo"):
		out, err := change(string(body))
		return []byte(out), err
	case strings.HasSuffix(path, "/token"):
		var members map[string]any
		if err := json.Unmarshal(body, &members); err != nil {
			return nil, err
		}
		idToken, ok := members["id_token"].(string)
		if !ok {
			return body, nil
		}
		out, err := change(idToken)
		if err != nil {
			return nil, err
		}
		members["id_token"] = out
		return json.Marshal(members)
	}
	return body, nil
}

func (goOIDC) begin(tb testing.TB, t trial) (string, func(string) opinion) {
	tb.Helper()
	refused := func(err error) (string, func(string) opinion) {
		return "", func(string) opinion { return opinion{Refused: err.Error()} }
	}
	ctx := oidc.ClientContext(tb.Context(), &http.Client{Transport: opener{t}})
	provider, err := oidc.NewProvider(ctx, t.Issuer)
	if err != nil {
		return refused(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	v := visitGo{t, provider, oauth2.Config{
		ClientID: t.ClientID, ClientSecret: t.ClientSecret, RedirectURL: t.Redirect, Endpoint: endpoint, Scopes: strings.Fields(t.Scope),
	}, rand.Text(), rand.Text(), oauth2.GenerateVerifier()}
	address := v.config.AuthCodeURL(v.state, oidc.Nonce(v.nonce), oauth2.S256ChallengeOption(v.verifier),
		oauth2.SetAuthURLParam("acr_values", t.Level), oauth2.SetAuthURLParam("claims", `{"id_token":{"amr":{"essential":true}}}`))
	return address, func(callback string) opinion {
		o, err := v.finish(ctx, callback)
		if err != nil {
			return opinion{Refused: err.Error()}
		}
		return o
	}
}

// visitGo is one login by go-oidc.
type visitGo struct {
	trial

	provider               *oidc.Provider
	config                 oauth2.Config
	state, nonce, verifier string
}

// same is for what go-oidc leaves to its caller.
func same(name, got, want string) error {
	if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return fmt.Errorf("%s is %q, want %q", name, got, want)
	}
	return nil
}

func (v visitGo) finish(ctx context.Context, callback string) (opinion, error) {
	at, err := url.Parse(callback)
	if err != nil {
		return opinion{}, err
	}
	query := at.Query()
	if err := errors.Join(same("state", query.Get("state"), v.state), same("iss", query.Get("iss"), v.Issuer)); err != nil {
		return opinion{}, err
	}
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(v.verifier)}
	if v.Assertion != nil {
		assertion, err := v.assertion()
		if err != nil {
			return opinion{}, err
		}
		options = append(options, oauth2.SetAuthURLParam("client_assertion_type", assertionType), oauth2.SetAuthURLParam("client_assertion", assertion))
	}
	tokens, err := v.config.Exchange(ctx, query.Get("code"), options...)
	if err != nil {
		return opinion{}, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	verifier := v.provider.VerifierContext(ctx, &oidc.Config{ClientID: v.ClientID, SupportedSigningAlgs: []string{v.Signed}})
	idToken, err := verifier.Verify(ctx, raw)
	if err != nil {
		return opinion{}, err
	}
	info, err := v.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return opinion{}, err
	}
	if err := errors.Join(same("nonce", idToken.Nonce, v.nonce), same("sub", info.Subject, idToken.Subject)); err != nil {
		return opinion{}, err
	}
	o := opinion{Type: strings.ToLower(tokens.Type())}
	return o, errors.Join(idToken.Claims(&o.Claims), info.Claims(&o.Userinfo))
}

// assertion is private_key_jwt, which golang.org/x/oauth2 leaves to its caller.
func (v visitGo) assertion() (string, error) {
	now := time.Now().Unix()
	payload, err := json.Marshal(map[string]any{
		"iss": v.ClientID, "sub": v.ClientID, "aud": v.Issuer, "jti": rand.Text(), "iat": now, "exp": now + 60,
	})
	if err != nil {
		return "", err
	}
	return signs(v.Assertion, payload)
}
