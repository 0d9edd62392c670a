package registry

import (
	"pivot/server/internal/client"
	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/oauth"
)

// dataProvider is a data provider as its file is written; key names are those of client metadata, which RFC 9701 §6
// gives to protected resources as well. The tags are the reference of these files.
type dataProvider struct {
	ID      string `toml:"client_id" required:"" help:"what the data provider calls itself; no two records share one, those of service providers included; the sub that it is told depends on it, so it never changes"`
	Name    string `toml:"client_name" required:"" help:"what operators call it"`
	Profile string `toml:"profile" required:"" oneof:"plus standard" help:"which issuers' access tokens it may ask about, by their profile; the others do not know it"`
	Active  bool   `toml:"active" default:"true" help:"false answers as if there were no such data provider"`
	Scope   string `toml:"scope" required:"" help:"scopes that it may be told about, separated by spaces or line ends: those of the data that it holds, and those of the identity that it needs to find a person; it learns of a token what both name"`
	credentials
	introspection
}

type credentials struct {
	Method   string   `toml:"token_endpoint_auth_method" required:"" oneof:"client_secret_post private_key_jwt" help:"how it proves who it is: /checktoken takes client_secret_post alone, /token/introspection both"`
	Hashes   []string `toml:"client_secret_hashes" help:"for client_secret_post: SHA-256 of the generated secret in lower-case hexadecimal, as sha256sum prints it; two while the secret changes"`
	Files    []string `toml:"client_secret_files" help:"for client_secret_post: files that hold the generated secret itself, closed to everybody but owner and group; relative to this file"`
	JWKS     string   `toml:"jwks" help:"its public keys as a JSON Web Key Set, in triple quotes: use enc for answers, use sig for private_key_jwt"`
	JWKSFile string   `toml:"jwks_file" help:"a file that holds the JSON Web Key Set instead; relative to this file"`
	JWKSURI  string   `toml:"jwks_uri" help:"where it publishes its keys instead; the rules are those of a service provider's"`
}

type introspection struct {
	Signed string `toml:"introspection_signed_response_alg" default:"ES256" oneof:"ES256" help:"how answers are signed (RFC 9701 §6)"`
	Alg    string `toml:"introspection_encrypted_response_alg" required:"" oneof:"ECDH-ES RSA-OAEP RSA-OAEP-256" help:"how answers are encrypted: they always are"`
	Enc    string `toml:"introspection_encrypted_response_enc" required:"" oneof:"A256GCM" help:"content encryption of answers"`
}

// providerMember is a data provider of a snapshot.
type providerMember struct {
	provider *client.DataProvider
	profile  string
}

// addProvider takes the data provider of one file in, unless another record has its name.
func (l *loader) addProvider(s *Snapshot, name, shown string) error {
	src, _, err := read(l.fsys, name, stricttoml.MaxSize)
	if err != nil {
		return err
	}
	l.witness([]byte(name))
	l.witness(src)
	m, report, err := l.parseProvider(shown, src)
	if err != nil {
		return err
	}
	id := m.provider.ID()
	if before, taken := s.files[id]; taken {
		report.Refuse("client_id", "that of "+before+" as well")
		return report.Err()
	}
	s.files[id], s.providers[id] = shown, m
	return nil
}

// parseProvider reads a record as parse does one of a service provider.
func (l *loader) parseProvider(file string, src []byte) (providerMember, *stricttoml.Report, error) {
	raw, report, err := stricttoml.Decode[dataProvider](file, src)
	if err != nil {
		return providerMember{}, nil, err
	}
	to, ok := issuerOf(raw.Profile, l.loopback)
	if !ok {
		return providerMember{}, nil, report.Err()
	}
	r := reader{l, report, to, providers}
	same := authentication{Hashes: raw.Hashes, Files: raw.Files, JWKS: raw.JWKS, JWKSFile: raw.JWKSFile, JWKSURI: raw.JWKSURI}
	declared := client.ProviderRecord{
		ID: raw.ID, Name: raw.Name, Active: raw.Active, JWKS: r.jwks(same), Scopes: r.scopes(raw.Scope),
		Authentication: client.Authentication{
			Method: oauth.AuthMethod(raw.Method), Secrets: r.secrets(same), JWKSURI: raw.JWKSURI,
		},
		Answer: client.Encryption{Alg: raw.Alg, Enc: raw.Enc},
	}
	if err := report.Err(); err != nil {
		return providerMember{}, nil, err
	}
	made, err := client.NewProvider(declared, to.oauth)
	if err != nil {
		r.blame(err)
		return providerMember{}, nil, report.Err()
	}
	return providerMember{provider: made, profile: to.oauth.Name()}, report, nil
}

// Provider finds a data provider of the issuers of one profile. It gives nil, which is the unknown data provider, where
// there is none.
func (s *Snapshot) Provider(p oauth.Profile, clientID string) *client.DataProvider {
	m, ok := s.providers[clientID]
	if !ok || m.profile != p.Name() {
		return nil
	}
	return m.provider
}

// Provider finds a data provider in what is served now, as [Snapshot.Provider] does.
func (r *Registry) Provider(p oauth.Profile, clientID string) *client.DataProvider {
	return r.Snapshot().Provider(p, clientID)
}
