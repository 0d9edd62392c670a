package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// providerID is the client_id of the demo's one data provider.
const providerID = "demo-dp"

const providerRecord = `client_id   = "%s"
client_name = "Administration fiscale de démonstration"
profile     = "plus"

token_endpoint_auth_method = "client_secret_post"
client_secret_files        = ["demo-dp.secret"]
jwks_file                  = "demo-dp.jwks"

# What it holds, and what it finds a person by.
scope = "dgfip_rfr dgfip_nbpart given_name family_name birthdate"

introspection_encrypted_response_alg = "ECDH-ES"
introspection_encrypted_response_enc = "A256GCM"
`

// Credential is how the demo's data provider is known to the broker.
type Credential struct {
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
}

// writeProvider writes the record of the data provider, with a secret and a key that are made once.
func (w *World) writeProvider(dir string) error {
	folder := filepath.Join(dir, "registry", "dp")
	secret, err := secretFile(filepath.Join(folder, "demo-dp.secret"))
	if err != nil {
		return err
	}
	w.DP = Credential{ClientID: providerID, Secret: secret}
	key, err := keyFile(filepath.Join(dir, "dp-key.pem"))
	if err != nil {
		return err
	}
	set, err := jwks(key)
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"demo-dp.jwks": string(set), "demo-dp.toml": fmt.Sprintf(providerRecord, providerID),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// serveData runs the demo's data provider until ctx ends, on a port of loopback that the system chooses: the demo's service
// alone asks it. It returns where data is asked for.
func serveData(ctx context.Context, dir string, w World) (string, error) {
	key, err := keyFile(filepath.Join(dir, "dp-key.pem"))
	if err != nil {
		return "", err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	d := &dataProvider{Issuer: w.Issuers["plus"], ClientID: w.DP.ClientID, Secret: w.DP.Secret, Key: key}
	server := &http.Server{Handler: d.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "demo: data provider:", err)
		}
	}()
	return "http://" + listener.Addr().String() + dataPath, nil
}
