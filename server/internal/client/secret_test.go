package client_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

func TestHashSecret(t *testing.T) {
	t.Parallel()
	const hexadecimal = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, row := range []struct {
		name, secret string
		ok           bool
	}{
		{"base64url of 32 bytes", string(secret), true},
		{"hexadecimal of 32 bytes", hexadecimal, true},
		{"one character less", string(secret[1:]), false},
		{"hexadecimal of 16 bytes", hexadecimal[:32], false},
		{"63 hexadecimal characters", hexadecimal[1:], false},
		{"empty", "", false},
		{"a repetition", strings.Repeat("ab", 40), false},
		{"a sentence", "the quick brown fox jumps over the lazy dog, twice", false},
		{"256 characters", strings.Repeat(hexadecimal, 4), true},
		{"257 characters", strings.Repeat(hexadecimal, 4) + "0", false},
	} {
		h, err := client.HashSecret(oauth.Secret(row.secret))
		if (err == nil) != row.ok || (h != client.SecretHash{}) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
		if err != nil && row.secret != "" && strings.Contains(err.Error(), row.secret) {
			t.Errorf("%s: the error quotes the secret", row.name)
		}
	}
}

func TestSecretsPrintAsNothing(t *testing.T) {
	t.Parallel()
	r := record(t)
	c := build(t, r)
	cred := oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "sp-1", Presented: secret}
	raw, err := json.Marshal(cred)
	if err != nil {
		t.Fatal(err)
	}
	hash := r.Authentication.Secrets[0]
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cred", cred, "hash", hash, "secret", secret)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "cred", cred, "hash", hash, "secret", secret)
	var printed strings.Builder
	printed.WriteString(string(raw) + log.String() + c.Authenticate(t.Context(), oauth.Credentials{
		Method: oauth.ClientSecretPost, ClientID: "sp-1", Presented: secret + "x",
	}, check(&memory{})).Error())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed.WriteString(fmt.Sprintf(verb, cred) + fmt.Sprintf(verb, r) + fmt.Sprintf(verb, c) + fmt.Sprintf(verb, hash))
	}
	for _, leak := range []string{string(secret), fmt.Sprintf("%x", string(secret)), fmt.Sprintf("%x", [32]byte(hash)), fmt.Sprint([32]byte(hash))} {
		if strings.Contains(strings.ToLower(printed.String()), strings.ToLower(leak)) {
			t.Errorf("a secret or its hash was printed: %s", leak[:8])
		}
	}
	if !strings.Contains(printed.String(), "[redacted]") {
		t.Error("nothing was printed in its place")
	}
}

// check is an honest check at the time of the tests.
func check(once client.Once) client.Check {
	return client.Check{Issuer: issuer, Now: at(), Once: once}
}

func TestAuthenticateBySecret(t *testing.T) {
	t.Parallel()
	older := oauth.Secret("AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKKLLLLMMMM")
	olderHash, err := client.HashSecret(older)
	if err != nil {
		t.Fatal(err)
	}
	rotating := record(t)
	rotating.Authentication.Secrets = append(rotating.Authentication.Secrets, olderHash)
	off := record(t)
	off.Active = false
	for _, row := range []struct {
		name  string
		who   *client.Client
		id    string
		value oauth.Secret
		want  oauth.Fault
	}{
		{"its secret", build(t, record(t)), "sp-1", secret, 0},
		{"the newer of two", build(t, rotating), "sp-1", secret, 0},
		{"the older of two", build(t, rotating), "sp-1", older, 0},
		{"another's secret", build(t, record(t)), "sp-1", older, oauth.FaultAuthSecret},
		{"one bit", build(t, record(t)), "sp-1", "j" + secret[1:], oauth.FaultAuthSecret},
		{"in other case", build(t, record(t)), "sp-1", oauth.Secret(strings.ToLower(string(secret))), oauth.FaultAuthSecret},
		{"cut", build(t, record(t)), "sp-1", secret[:42], oauth.FaultAuthSecret},
		{"longer", build(t, record(t)), "sp-1", secret + "=", oauth.FaultAuthSecret},
		{"empty", build(t, record(t)), "sp-1", "", oauth.FaultAuthSecret},
		{"its hash", build(t, record(t)), "sp-1", oauth.Secret(fmt.Sprintf("%x", [32]byte(record(t).Authentication.Secrets[0]))), oauth.FaultAuthSecret},
		{"unknown client", nil, "sp-1", secret, oauth.FaultAuthUnknownClient},
		{"another name", build(t, record(t)), "sp-2", secret, oauth.FaultAuthUnknownClient},
		{"not active", build(t, off), "sp-1", secret, oauth.FaultAuthUnknownClient},
		{"a client of assertions", build(t, signer(t)), "sp-2", secret, oauth.FaultAuthMethod},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := row.who.Authenticate(t.Context(), oauth.Credentials{
				Method: oauth.ClientSecretPost, ClientID: row.id, Presented: row.value,
			}, check(&memory{}))
			wantFault(t, err, row.want)
			if row.want != 0 && public(err) != (answer{"", 401, "Y0434A7B", "invalid_client", "client authentication failed"}) {
				t.Errorf("it can be told apart from outside: %+v", public(err))
			}
		})
	}
}

func TestAuthenticateWantsItsChecks(t *testing.T) {
	t.Parallel()
	c := build(t, record(t))
	cred := oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "sp-1", Presented: secret}
	for name, change := range map[string]func(*client.Check){
		"issuer": func(k *client.Check) { k.Issuer = "" },
		"time":   func(k *client.Check) { k.Now = time.Time{} },
		"once":   func(k *client.Check) { k.Once = nil },
	} {
		k := check(&memory{})
		change(&k)
		if err := c.Authenticate(t.Context(), cred, k); err == nil || !strings.Contains(err.Error(), "internal error") {
			t.Errorf("without %s: %v", name, err)
		}
	}
	wantFault(t, c.Authenticate(t.Context(), cred, check(&memory{})), 0)
	cred.Method = "none"
	wantFault(t, c.Authenticate(t.Context(), cred, check(&memory{})), oauth.FaultAuthMethod)
}
