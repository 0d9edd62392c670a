package broker

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/config"
	"pivot/server/internal/keys"
	"pivot/server/internal/oauth"
	"pivot/server/internal/token"
)

// rs256 names the keys of an issuer that sign by RS256.
func rs256(issuer string) string { return issuer + "#rs256" }

// folderOf is the folder as a set of that name is read from it.
func folderOf(folder *keys.Folder, name string) *keys.Folder {
	if strings.HasSuffix(name, rs256("")) {
		return folder.RS256()
	}
	return folder
}

// servesRS256 reports whether the issuer's profile has them.
func servesRS256(i config.Issuer) bool { return i.Profile() == config.Standard }

// issuerKeys are all keys of one issuer: those of ES256, and those of RS256 where its profile serves them.
type issuerKeys struct {
	*keys.Signing

	rs256 *keys.Signing // nil for none
}

func (b *Broker) issuerKeys(i config.Issuer) issuerKeys {
	return issuerKeys{b.signing[i.Identifier()], b.signing[rs256(i.Identifier())]}
}

// SignerFor is the key that signs now by an algorithm of the profile. What is no algorithm of RSA is ES256: the record of a
// client that wants another was refused.
func (k issuerKeys) SignerFor(alg string) token.Signer {
	if alg == string(jose.RS256) && k.rs256 != nil {
		return k.rs256.Signer()
	}
	return k.Signer()
}

var errKeySet = errors.New("a key set is not what it was written as")

// JWKS is one key set of all of them.
func (k issuerKeys) JWKS() ([]byte, error) {
	if k.rs256 == nil {
		return k.Signing.JWKS()
	}
	all := struct {
		Keys []json.RawMessage `json:"keys"`
	}{}
	for _, set := range []*keys.Signing{k.Signing, k.rs256} {
		raw, err := set.JWKS()
		if err != nil {
			return nil, err
		}
		members, err := oauth.ParseObject(raw, 8)
		var list []json.RawMessage
		if err != nil || json.Unmarshal(members["keys"], &list) != nil {
			return nil, errKeySet
		}
		all.Keys = append(all.Keys, list...)
	}
	return json.Marshal(all)
}
