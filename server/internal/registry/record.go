package registry

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/oauth"
)

// issuer is what the profile of a record stands for in the packages that know
// profiles.
type issuer struct {
	oauth  oauth.Profile
	claims claims.Profile
}

func issuerOf(profile string, loopback bool) (issuer, bool) {
	var out issuer
	switch profile {
	case "plus":
		out = issuer{oauth.Plus(), claims.Plus}
	case "standard":
		out = issuer{oauth.Standard(), claims.Standard}
	default:
		return issuer{}, false // the tag oneof has refused it
	}
	if loopback {
		out.oauth = out.oauth.OnLoopback()
	}
	return out, true
}

// reader makes one client of one file.
type reader struct {
	*loader
	report *stricttoml.Report
	issuer issuer
	folder string // of the file
}

// parse reads a record and checks it whole: first key by key, so that each
// problem has its line, then all together by package client. The report is for
// what is wrong with it beside other records.
func (l *loader) parse(file string, src []byte) (member, *stricttoml.Report, error) {
	raw, report, err := stricttoml.Decode[record](file, src)
	if err != nil {
		return member{}, nil, err
	}
	to, ok := issuerOf(raw.Profile, l.loopback)
	if !ok {
		return member{}, nil, report.Err()
	}
	r := reader{l, report, to, services}
	declared := client.Record{
		ID: raw.ID, Name: raw.Name, EntityID: raw.EntityID, Active: raw.Active,
		Public: raw.Sector == "public", Consent: raw.Consent,
		RedirectURIs: r.uris("redirect_uris", raw.Redirect),
		Logout: client.Logout{
			URIs: r.uris("post_logout_redirect_uris", raw.PostLogout), BackChannel: raw.BackLogout, Session: raw.NamedLogin,
		},
		JWKS: r.jwks(raw.authentication),
		Authentication: client.Authentication{
			Method: oauth.AuthMethod(raw.Method), Secrets: r.secrets(raw.authentication), RequirePKCE: raw.RequirePKCE,
			JWKSURI: raw.JWKSURI, PushedOnly: raw.PushedOnly, FAPI: raw.Security == "fapi2", ObjectAlg: raw.ObjectAlg, SignedOnly: raw.SignedOnly, BoundTokens: raw.BoundTokens,
		},
		Rights: client.Rights{
			Scopes: r.scopes(raw.Scope), Claims: r.claims(raw.Claims),
			Prompts: raw.Prompts, IDPHints: raw.IDPHints,
		},
		Answers: client.Answers{
			IDToken:  r.encryption("id_token", raw.IDTokenAlg, raw.IDTokenEnc),
			Userinfo: r.encryption("userinfo", raw.UserinfoAlg, raw.UserinfoEnc),

			IDTokenSigned: raw.IDTokenSig, UserinfoSigned: raw.UserinfoSig,
		},
	}
	if err := report.Err(); err != nil {
		return member{}, nil, err
	}
	made, err := client.New(declared, to.oauth)
	if err != nil {
		r.blame(err)
		return member{}, nil, report.Err()
	}
	return member{client: made, profile: to.oauth.Name()}, report, nil
}

// blame puts what package client says where the key is.
func (r reader) blame(err error) {
	var field *client.FieldError
	if !errors.As(err, &field) {
		r.report.Refuse("", err.Error())
		return
	}
	key := field.Key
	if key == "jwks" && r.report.Has("jwks_file") {
		key = "jwks_file"
	}
	r.report.Refuse(key, field.Err.Error())
}

// uris checks addresses one by one, without repeating them: one that holds a
// password is refused for it.
func (r reader) uris(key string, uris []string) []string {
	for i, uri := range uris {
		if err := oauth.CheckRedirectURI(uri, r.issuer.oauth.Loopback()); err != nil {
			r.report.Refuse(fmt.Sprintf("%s[%d]", key, i), err.Error())
		}
	}
	return uris
}

// jwks gives the key set, from wherever it is.
func (r reader) jwks(a authentication) []byte {
	switch {
	case r.report.Has("jwks_uri") && (r.report.Has("jwks") || r.report.Has("jwks_file")):
		r.report.Refuse("jwks_uri", "goes without jwks and jwks_file: the key set is in one place")
	case r.report.Has("jwks") && r.report.Has("jwks_file"):
		r.report.Refuse("jwks_file", "goes without jwks: one of them is the key set")
	case r.report.Has("jwks"):
		return []byte(a.JWKS)
	case a.JWKSFile != "":
		src, _, err := r.beside(a.JWKSFile, mostJWKS)
		if err != nil {
			r.report.Refuse("jwks_file", err.Error())
		}
		r.witness(src)
		return src
	}
	return nil
}

// encryption wants both algorithms or none: OpenID Connect's default for a
// missing enc, A128CBC-HS256, is not one that we serve.
func (r reader) encryption(answer, alg, enc string) client.Encryption {
	algKey, encKey := answer+"_encrypted_response_alg", answer+"_encrypted_response_enc"
	switch {
	case alg != "" && enc == "":
		r.report.Refuse(algKey, "goes with "+encKey)
	case alg == "" && enc != "":
		r.report.Refuse(encKey, "goes with "+algKey)
	}
	return client.Encryption{Alg: alg, Enc: enc}
}

// secrets gives the hashes of every secret, written or read from files.
func (r reader) secrets(a authentication) []client.SecretHash {
	var out []client.SecretHash
	for i, text := range a.Hashes {
		hash, err := hex.DecodeString(text)
		if err != nil || len(hash) != len(client.SecretHash{}) || text != strings.ToLower(text) {
			r.report.Refuse(fmt.Sprintf("client_secret_hashes[%d]", i), "want 64 lower-case hexadecimal digits: the SHA-256 of the secret, never the secret")
			continue
		}
		out = append(out, client.SecretHash(hash))
	}
	for i, file := range a.Files {
		text, err := r.secret(file)
		if err != nil {
			r.report.Refuse(fmt.Sprintf("client_secret_files[%d]", i), err.Error())
			continue
		}
		hash, err := client.HashSecret(oauth.Secret(text))
		if err != nil {
			r.report.Refuse(fmt.Sprintf("client_secret_files[%d]", i), err.Error())
			continue
		}
		r.witness(hash[:])
		out = append(out, hash)
	}
	return out
}

// scopes splits the scope string (RFC 6749 §3.3), where line ends do as well. A
// scope that the issuer does not know is a slip of the hand: a right to nothing.
func (r reader) scopes(scope string) []string {
	var out []string
	for name := range strings.FieldsSeq(scope) {
		switch {
		case name == "openid":
		case !r.issuer.claims.Has(name):
			r.report.Refuse("scope", fmt.Sprintf("%q is no scope of profile %s", name, r.issuer.oauth.Name()))
		default:
			out = append(out, name)
		}
	}
	return out
}

func (r reader) claims(list []string) []string {
	known := r.issuer.claims.Claims()
	for i, name := range list {
		if !slices.Contains(known, name) {
			r.report.Refuse(fmt.Sprintf("claims[%d]", i), "no claim of profile "+r.issuer.oauth.Name())
		}
	}
	return list
}
