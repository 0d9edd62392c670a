package keys_test

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// What is signed as one type says so in its header, verifies with the published set, and is no token.
func TestSignAs(t *testing.T) {
	t.Parallel()
	s := newScene(t).signing(t)
	compact, err := s.SignAs(t.Context(), "pivot-request+jwt", []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	h := jws.Signatures[0].Protected
	if h.ExtraHeaders[jose.HeaderType] != "pivot-request+jwt" || h.KeyID != s.Keys()[1].ID || len(h.ExtraHeaders) != 1 {
		t.Errorf("header %+v", h)
	}
	for _, typ := range []string{"", "JWT", "at+jwt", "dpop+jwt", "pivot-approval+jwt", "PIVOT-REQUEST+JWT"} {
		if _, err := s.SignAs(t.Context(), typ, []byte("x")); err == nil {
			t.Errorf("signed as %q", typ)
		}
	}
}
