package csca

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxChecks bounds the signatures that one path may cost. An honest one costs one
// or two, and eight when the signer does not say which of eight keys of one name
// is its issuer's; whoever sends a document chooses its certificates and names.
const maxChecks = 10

// Times are the two moments that a path is judged at.
type Times struct {
	Signing time.Time // when the signer signed; zero when the document does not say: then Now
	Now     time.Time // for revocation
}

// Path is an accepted chain from a document signer to a pinned root: only
// [Anchors.Path] makes one that means anything.
type Path struct {
	Signer       *Certificate
	Intermediate *Certificate   // nil in most countries
	Links        []*Certificate // newest key first
	Root         *Certificate   // one of the pinned roots
	CRL          Freshness      // the worst of signer and intermediate; not revoked in any case
}

// Path finds the way from ds over at most one intermediate, found among extra or
// the operator's links, and any link certificates, to a pinned root. The order of
// the checks is: purpose and key of ds, its validity when it signed, its signature
// and those above it, country, validity of the authorities when ds was issued,
// path length, revocation. Any failure is an [*Error], and the Path is zero.
//
// extra are certificates that came with the document: self-issued ones among them
// are ignored, the others are believed when a pinned root signed them.
func (a *Anchors) Path(ds *Certificate, extra []*Certificate, when Times) (Path, error) {
	s := search{anchors: a, ds: ds, budget: maxChecks}
	return s.path(extra, when)
}

// A search is the work for one path.
type search struct {
	anchors *Anchors
	ds      *Certificate
	budget  int // signatures that may still be checked
}

func (s *search) path(extra []*Certificate, when Times) (Path, error) {
	if s.ds == nil {
		return Path{}, refuse(NotASigner, errors.New("no certificate"))
	}
	if err := s.ds.checkSigner(); err != nil {
		return Path{}, err
	}
	if err := s.ds.checkSigning(when); err != nil {
		return Path{}, err
	}
	chain, err := s.chain(extra)
	if err != nil {
		return Path{}, err
	}
	if s.anchors.revoked(s.ds) {
		return Path{}, refuse(DSRevoked, fmt.Errorf("%s", s.ds))
	}
	p := Path{Signer: s.ds, CRL: s.anchors.freshness(s.ds, when.Now)}
	if chain[0].middle {
		p.Intermediate = chain[0].cert
		p.CRL = min(p.CRL, s.anchors.freshness(p.Intermediate, when.Now))
		chain = chain[1:]
	}
	last := len(chain) - 1
	for _, link := range chain[:last] {
		p.Links = append(p.Links, link.cert)
	}
	p.Root = chain[last].cert
	return p, nil
}

// checkSigner reports why c is not a document signer. ICAO 9303-12 §7 gives it
// the key usage digitalSignature and no extended one: what has an extended usage
// under the same authority signs master lists, deviation lists or printed seals,
// and must not sign documents.
func (c *Certificate) checkSigner() error {
	if c.ext.ca || c.ext.hasExtendedUsage || c.ext.keyUsage&usageDigitalSignature == 0 ||
		c.ext.keyUsage&(usageCertSign|usageCRLSign) != 0 {
		return refuse(NotASigner, fmt.Errorf("%s", c))
	}
	if c.ext.unknownCritical != "" {
		return refuse(UnknownCritical, fmt.Errorf("%s: extension %x", c, string(c.ext.unknownCritical)))
	}
	return c.key.err
}

// checkSigning reports whether c was valid when it signed. It may have expired
// since.
func (c *Certificate) checkSigning(when Times) error {
	at := when.Signing
	if at.IsZero() {
		at = when.Now
	}
	switch {
	case at.After(when.Now.Add(clockSlack)):
		return refuse(SignedInFuture, fmt.Errorf("%s", at.UTC().Format(time.RFC3339)))
	case at.Before(c.notBefore):
		return refuse(DSNotYetValid, fmt.Errorf("%s, from %s", c, c.notBefore.UTC().Format(time.RFC3339)))
	case at.After(c.notAfter):
		return refuse(DSExpired, fmt.Errorf("%s, until %s", c, c.notAfter.UTC().Format(time.RFC3339)))
	}
	return nil
}

// chain returns the authorities above ds, the nearest first, a root last. The
// operator's come before the document's own.
func (s *search) chain(extra []*Certificate) ([]*authority, error) {
	issuers, err := s.issuers(s.ds)
	if err == nil {
		return s.climb(issuers)
	}
	if errors.Is(err, TooManyCandidates) || errors.Is(err, WeakDigest) {
		return nil, err
	}
	for _, c := range extra {
		if c == nil || c.subject.key != s.ds.issuer.key || c.selfIssued() {
			continue
		}
		var chain []*authority
		if chain, err = s.through(c); err == nil || errors.Is(err, TooManyCandidates) {
			return chain, err
		}
	}
	return nil, err
}

// through tries a path over an intermediate that came with the document.
func (s *search) through(c *Certificate) ([]*authority, error) {
	if err := c.checkAuthority(); err != nil {
		return nil, err
	}
	if err := s.verify(s.ds, c.key); err != nil {
		return nil, err
	}
	parents, err := s.issuers(c)
	if err != nil {
		return nil, err
	}
	return s.climb([]*authority{{cert: c, middle: true, parents: parents}})
}

// verify checks one signature, within the budget.
func (s *search) verify(c *Certificate, key PublicKey) error {
	if s.budget == 0 {
		return refuse(TooManyCandidates, fmt.Errorf("%d signatures", maxChecks))
	}
	s.budget--
	return c.signedBy(key)
}

// issuers returns the operator's authorities whose key signed c: several when a
// root and link certificates hold the same key. France has used one name for five
// keys; all of that name are tried, each key once, best fit first. A bad signature
// is told apart from an unknown issuer by whether c points at the very key.
func (s *search) issuers(c *Certificate) ([]*authority, error) {
	if _, err := c.SignatureAlgorithm(); err != nil {
		return nil, err
	}
	verdict := refuse(UnknownIssuer, fmt.Errorf("%s, issued by %q", c, c.issuer.text))
	var signers []*authority
	tried := make(map[string]bool)
	for _, n := range rank(s.anchors.byName[c.issuer.key], c.ext.authorityKeyID) {
		key := string(n.cert.key.raw)
		if len(signers) > 0 {
			if key == string(signers[0].cert.key.raw) {
				signers = append(signers, n)
			}
			continue
		}
		if tried[key] {
			continue
		}
		tried[key] = true
		err := s.verify(c, n.cert.key)
		switch {
		case err == nil:
			signers = append(signers, n)
		case errors.Is(err, TooManyCandidates):
			return nil, err
		case fit(n, c.ext.authorityKeyID) != fitOther:
			verdict = err
		}
	}
	if len(signers) == 0 {
		return nil, verdict
	}
	return signers, nil
}

// A step is an authority on the way up, with the way it was reached.
type step struct {
	node  *authority
	below *step
	inner int // intermediates below, as RFC 5280 §4.2.1.9 counts: links stand for their authority and are left out
}

// climb looks for the shortest way from one of the nodes, all of which signed, to a
// root. Each authority is visited once, so links cannot make it go round. Nothing
// is verified here: parents were. Without a way the first refusal is given; there
// is one, as every node has a root above it, and the fallback only makes that no
// matter of trust.
func (s *search) climb(from []*authority) ([]*authority, error) {
	var verdict error
	var queue []*step
	for _, n := range from {
		queue = append(queue, &step{node: n})
	}
	visited := make(map[*authority]bool)
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if visited[at.node] {
			continue
		}
		visited[at.node] = true
		if err := s.admit(at); err != nil {
			if verdict == nil {
				verdict = err
			}
			continue
		}
		if at.node.root {
			return at.chain(), nil
		}
		inner := at.inner
		if at.node.middle {
			inner++
		}
		for _, p := range at.node.parents {
			queue = append(queue, &step{node: p, below: at, inner: inner})
		}
	}
	return nil, cmp.Or(verdict, refuse(UnknownIssuer, fmt.Errorf("%s", s.ds)))
}

// admit reports why an authority cannot stand where the step puts it.
func (s *search) admit(at *step) error {
	c := at.node.cert
	if c.Country() == "" || c.Country() != s.ds.Country() {
		return refuse(CountryMismatch, fmt.Errorf("%s signs for %s", c, s.ds))
	}
	// The authority may have expired since, not before it issued.
	if !c.validAt(s.ds.notBefore) {
		return refuse(AuthorityNotValid, fmt.Errorf("%s at %s", c, s.ds.notBefore.UTC().Format(time.RFC3339)))
	}
	// An intermediate stands right above the signer or nowhere.
	if at.node.middle && at.below != nil || c.ext.pathLen >= 0 && at.inner > c.ext.pathLen {
		return refuse(PathTooLong, fmt.Errorf("%s", c))
	}
	if s.anchors.revoked(c) {
		return refuse(AuthorityRevoked, fmt.Errorf("%s", c))
	}
	return nil
}

// chain returns the way, the nearest to the signer first.
func (st *step) chain() []*authority {
	var chain []*authority
	for ; st != nil; st = st.below {
		chain = append(chain, st.node)
	}
	slices.Reverse(chain)
	return chain
}
