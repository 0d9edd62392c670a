package keys

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-jose/go-jose/v4"
)

// A signer signs with one key.
type signer struct{ pair *pair }

// KeyID returns the kid of the key.
func (s *signer) KeyID() string { return s.pair.Key.ID }

// Algorithm returns that of the key: ES256, or RS256 of a set that is so.
func (s *signer) Algorithm() string { return string(s.pair.public.alg()) }

// Sign returns the compact JWS of the payload (RFC 7515, RFC 7518 §3.3, §3.4).
// Its header has alg and kid alone: go-jose writes typ only when it is
// told to. The signature has been verified with the published key.
func (s *signer) Sign(ctx context.Context, payload []byte) (string, error) {
	return s.sign(ctx, nil, payload)
}

func (s *signer) sign(ctx context.Context, options *jose.SignerOptions, payload []byte) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("keys: sign: %w", err)
	}
	j, err := jose.NewSigner(jose.SigningKey{Algorithm: s.pair.public.alg(), Key: opaque{ctx, s.pair}}, options)
	if err != nil {
		return "", fmt.Errorf("keys: sign: %w", err)
	}
	object, err := j.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("keys: sign: %w", err)
	}
	compact, err := object.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("keys: sign: %w", err)
	}
	return compact, nil
}

// Format prints no key, whatever the verb.
func (s *signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns no key.
func (s *signer) LogValue() slog.Value { return slog.StringValue(redacted) }

// opaque is the pair, for one signature, as go-jose takes a key that it does
// not hold itself.
type opaque struct {
	ctx  context.Context // go-jose passes none on
	pair *pair
}

// Public implements jose.OpaqueSigner; its KeyID becomes the header's kid.
func (o opaque) Public() *jose.JSONWebKey {
	k := o.pair.jwk()
	return &k
}

// Algs implements jose.OpaqueSigner.
func (o opaque) Algs() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{o.pair.public.alg()}
}

// SignPayload implements jose.OpaqueSigner.
func (o opaque) SignPayload(input []byte, alg jose.SignatureAlgorithm) ([]byte, error) {
	if alg != o.pair.public.alg() {
		return nil, jose.ErrUnsupportedAlgorithm
	}
	return o.pair.sign(o.ctx, input)
}

const (
	scalarLen    = 32
	signatureLen = 2 * scalarLen
)

var errSignature = errors.New("keys: a signature did not verify: it was not released")

// sign returns a signature over input, of ES256 the two integers in full length,
// leading zeros included, once the published key has verified these very bytes:
// a fault during signing would otherwise show the private key to whoever sees
// the result.
func (p *pair) sign(ctx context.Context, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	out, err := p.private.sign(ctx, digest[:])
	if err != nil {
		return nil, fmt.Errorf("keys: sign: %w", err)
	}
	if !p.public.verify(digest[:], out) {
		p.private.doubt()
		return nil, errSignature
	}
	return out, nil
}

// test has the pair sign and verify once: halves that do not belong together
// are found before anything is signed with them (NIST SP 800-56A §5.6.2.1.4,
// pair-wise consistency).
func (p *pair) test(ctx context.Context) error {
	_, err := p.sign(ctx, []byte("pivot: pair-wise consistency test"))
	return err
}
