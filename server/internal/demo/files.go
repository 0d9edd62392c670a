package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pivot/server/internal/keys"
)

// The demo's two service providers: a client of each profile.
const (
	clientID         = "demo-sp"
	standardClientID = "demo-standard-sp"
)

// writeBroker writes what a deployment of one machine has: a configuration, a record, and secrets of its own.
func (w *World) writeBroker(o Options) error {
	origin := fmt.Sprintf("http://localhost:%d", o.Port)
	service := fmt.Sprintf("http://127.0.0.1:%d", o.Port+1)
	w.Config = filepath.Join(o.Dir, "pivot.toml")
	second := fmt.Sprintf("http://localhost:%d", o.Port+2)
	w.Issuers = map[string]string{"plus": origin + "/api/v2", "standard": second + "/api/v2"}
	secret, err := secretFile(filepath.Join(o.Dir, "registry", "sp", "demo-sp.secret"))
	if err != nil {
		return err
	}
	w.SP = []Service{{ClientID: clientID, Secret: secret, Redirect: service + "/callback", URL: service + "/", Level: "eidas3"}}
	if secret, err = secretFile(filepath.Join(o.Dir, "registry", "sp", "demo-standard-sp.secret")); err != nil {
		return err
	}
	w.SP = append(w.SP, Service{
		ClientID: standardClientID, Secret: secret, Redirect: service + "/standard/callback", URL: service + "/standard/", Level: "eidas1",
	})
	w.Portal = origin + "/pair"
	w.Desk = "pivot-server desk list --config " + w.Config
	w.Register = filepath.Join(o.Dir, "register.toml")
	key, err := serviceKey(o.Dir)
	if err != nil {
		return err
	}
	set, err := jwks(key)
	if err != nil {
		return err
	}
	if err := keys.CreateKEK(filepath.Join(o.Dir, "kek")); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for name, content := range map[string]string{
		"pivot.toml":    fmt.Sprintf(configuration, origin, o.Port, second, o.Port+2, strings.Join(w.Accept, `", "`)),
		"register.toml": register(),
		filepath.Join("registry", "sp", "demo-sp.jwks"): string(set),
		filepath.Join("registry", "sp", "demo-sp.toml"): fmt.Sprintf(record, clientID, w.SP[0].Redirect),

		filepath.Join("registry", "sp", "demo-standard-sp.toml"): fmt.Sprintf(standardRecord, standardClientID, w.SP[1].Redirect),
	} {
		if err := os.WriteFile(filepath.Join(o.Dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	if err := w.writeProvider(o.Dir); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(o.Dir, dataFolder), 0o700)
}

const configuration = `# The demonstration's broker: loopback alone, TEST authorities alone.
data_dir      = "data"
registry_dir  = "registry"
trust_dir     = "trust"
register_file = "register.toml"

[keys]
kek_file = "kek"

[[issuer]]
profile = "plus"
url     = "%s"
listen  = "127.0.0.1:%d"

[[issuer]]
profile = "standard"
url     = "%s"
listen  = "127.0.0.1:%d"

[card]
accept = ["FRA:FR:ID", "%s"]
`

const record = `client_id   = "%s"
client_name = "Service de démonstration"
profile     = "plus"
entity_id   = "demonstration-service-of-pivot-0001"
sp_type     = "public"

redirect_uris = ["%s"]

token_endpoint_auth_method = "client_secret_post"
client_secret_files        = ["demo-sp.secret"]
jwks_file                  = "demo-sp.jwks"

scope  = "given_name family_name birthdate gender birthplace birthcountry rnipp_identite_pivot dgfip_rfr dgfip_nbpart"
claims = ["amr"]

id_token_encrypted_response_alg = "ECDH-ES"
id_token_encrypted_response_enc = "A256GCM"
userinfo_encrypted_response_alg = "ECDH-ES"
userinfo_encrypted_response_enc = "A256GCM"
`

// standardRecord is a client of FranceConnect v2: signed answers, by the algorithm that its libraries expect unless told.
const standardRecord = `client_id   = "%s"
client_name = "Service de démonstration (FranceConnect)"
profile     = "standard"
entity_id   = "demonstration-service-of-pivot-0002"
sp_type     = "public"

redirect_uris = ["%s"]

token_endpoint_auth_method = "client_secret_post"
client_secret_files        = ["demo-standard-sp.secret"]

scope           = "given_name family_name preferred_username birthdate gender birthplace birthcountry email profile birth identite_pivot idp_birthdate"
claims          = ["amr"]
allowed_prompts = ["login"]

id_token_signed_response_alg = "RS256"
userinfo_signed_response_alg = "RS256"
`

// secretFile returns the secret of a file, which it makes once.
func secretFile(path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := random()
	return secret, os.WriteFile(path, []byte(secret+"\n"), 0o600)
}

// serviceKey is the key that answers to the demo's service are encrypted to; it is made once.
func serviceKey(dir string) (*ecdsa.PrivateKey, error) {
	return keyFile(filepath.Join(dir, "sp-key.pem"))
}

// keyFile is the key of a file, which it makes once.
func keyFile(path string) (*ecdsa.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("demo: %q is not a key", path)
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

// Listen takes the address of the demo's service providers, so that it can be told once it answers.
func Listen(ctx context.Context, w World) (net.Listener, error) {
	address := strings.TrimSuffix(strings.TrimPrefix(w.SP[0].URL, "http://"), "/")
	var listen net.ListenConfig
	return listen.Listen(ctx, "tcp", address)
}

// Serve runs the demo's service providers until ctx ends, on the listener given, else on one of its own.
func Serve(ctx context.Context, dir string, w World, listeners ...net.Listener) error {
	key, err := serviceKey(dir)
	if err != nil {
		return err
	}
	sp := &ServiceProvider{
		Issuer: w.Issuers["plus"], ClientID: w.SP[0].ClientID, Secret: w.SP[0].Secret, Callback: w.SP[0].Redirect, Key: key,
	}
	second := &ServiceProvider{
		Issuer: w.Issuers["standard"], ClientID: w.SP[1].ClientID, Secret: w.SP[1].Secret, Callback: w.SP[1].Redirect,
	}
	services := http.NewServeMux()
	services.Handle("/standard/", http.StripPrefix("/standard", second.Handler()))
	services.Handle("/", sp.Handler())
	if sp.Data, err = serveData(ctx, dir, w); err != nil {
		return err
	}
	if len(listeners) == 0 {
		listener, err := Listen(ctx, w)
		if err != nil {
			return err
		}
		listeners = append(listeners, listener)
	}
	server := &http.Server{Handler: services, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listeners[0]); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
