package csca

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// AnchorFiles is what an operator gives. Only roots are trusted by being there.
type AnchorFiles struct {
	Roots []*Certificate // self-signed, pinned
	Links []*Certificate // link certificates and intermediates: count when a root signed them, directly or not
	CRLs  []*CRL         // count when an authority of their issuer's name signed them; the union is revoked
}

// Anchors are the authorities of an operator, with their revocation lists. They
// are immutable and safe for concurrent use.
type Anchors struct {
	roots  []*Certificate
	byName map[string][]*authority // subject -> authorities, roots first
	crls   map[string][]*CRL       // issuer -> lists that an authority of that name signed
	alarms []error
}

// An authority is a certificate that may stand above a document signer.
type authority struct {
	cert    *Certificate
	root    bool
	middle  bool         // an intermediate: neither root nor link
	parents []*authority // whose keys signed it, verified; none for a root
}

// NewAnchors verifies what is given and keeps what counts. It fails on a root
// that is not self-signed with an algorithm and a key that we accept, is no
// authority, or has no country: a pin is a statement, and a wrong one stops the
// start. A link that leads to no pinned root and a list signed by nobody are
// ignored, and told by [Anchors.Alarms].
func NewAnchors(files AnchorFiles) (*Anchors, error) {
	a := &Anchors{byName: make(map[string][]*authority), crls: make(map[string][]*CRL)}
	known := make(map[[sha256.Size]byte]bool)
	for _, root := range files.Roots {
		if root == nil || known[root.id] {
			continue
		}
		known[root.id] = true
		if err := checkRoot(root); err != nil {
			return nil, err
		}
		a.roots = append(a.roots, root)
		a.add(&authority{cert: root, root: true})
	}
	var links []*authority
	for _, link := range files.Links {
		if link == nil || known[link.id] {
			continue
		}
		known[link.id] = true
		if err := link.checkAuthority(); err != nil {
			a.alarm(err)
			continue
		}
		links = append(links, &authority{cert: link, middle: !link.isLink()})
	}
	a.connect(links)
	for _, crl := range files.CRLs {
		if crl != nil {
			a.addCRL(crl)
		}
	}
	return a, nil
}

// Alarms returns an [*Error] for each file that was ignored: an operator must
// look. A list in the name of an authority that it did not sign is an attack or a
// broken download.
func (a *Anchors) Alarms() []error { return slices.Clone(a.alarms) }

// Roots returns the pinned roots.
func (a *Anchors) Roots() []*Certificate { return slices.Clone(a.roots) }

func (a *Anchors) alarm(err error) { a.alarms = append(a.alarms, err) }

func (a *Anchors) add(n *authority) {
	key := n.cert.subject.key
	a.byName[key] = append(a.byName[key], n)
}

func checkRoot(c *Certificate) error {
	if err := c.checkAuthority(); err != nil {
		return err
	}
	if c.Country() == "" {
		return refuse(CountryMismatch, fmt.Errorf("%s: no country", c))
	}
	if err := c.CheckSelfSigned(); err != nil {
		return fmt.Errorf("root %s: %w", c, err)
	}
	return nil
}

// isLink reports whether c gives a new key to an authority: under the same name,
// or under a new one with the nameChange extension (ICAO 9303-12 §7). Any
// other CA certificate is an intermediate, and counts for the path length.
func (c *Certificate) isLink() bool { return c.selfIssued() || c.ext.nameChange }

// connect verifies links against roots and each other, and keeps those from which
// a root can be reached. Two links that sign each other reach none.
func (a *Anchors) connect(links []*authority) {
	byName := make(map[string][]*authority)
	for _, nodes := range a.byName {
		byName[nodes[0].cert.subject.key] = slices.Clone(nodes)
	}
	for _, l := range links {
		key := l.cert.subject.key
		byName[key] = append(byName[key], l)
	}
	reasons := make(map[*authority]error)
	for _, l := range links {
		reasons[l] = errors.New("no authority of that name and key")
		for _, p := range byName[l.cert.issuer.key] {
			if p == l {
				continue
			}
			if err := l.cert.signedBy(p.cert.key); err != nil {
				reasons[l] = err
				continue
			}
			l.parents = append(l.parents, p)
		}
	}
	trusted := reachable(links)
	for _, l := range links {
		if !trusted[l] {
			a.alarm(refuse(LinkUntrusted, fmt.Errorf("%s: %w", l.cert, reasons[l])))
			continue
		}
		l.parents = slices.DeleteFunc(l.parents, func(p *authority) bool { return !p.root && !trusted[p] })
		a.add(l)
	}
}

// reachable returns the links with a chain of parents that ends in a root.
func reachable(links []*authority) map[*authority]bool {
	trusted := make(map[*authority]bool)
	for grown := true; grown; {
		grown = false
		for _, l := range links {
			if !trusted[l] && slices.ContainsFunc(l.parents, func(p *authority) bool { return p.root || trusted[p] }) {
				trusted[l], grown = true, true
			}
		}
	}
	return trusted
}

// addCRL keeps a list that an authority of its issuer's name signed, whichever its
// key: after a key change the new key signs for the certificates of the old one
// (ICAO 9303-12 §7).
func (a *Anchors) addCRL(crl *CRL) {
	reason := errors.New("no authority of that name")
	for _, n := range rank(a.byName[crl.issuer.key], crl.authorityKeyID) {
		if n.cert.ext.keyUsage&usageCRLSign == 0 {
			continue
		}
		err := crl.signedBy(n.cert.key)
		if err == nil {
			a.crls[crl.issuer.key] = append(a.crls[crl.issuer.key], crl)
			return
		}
		reason = err
	}
	a.alarm(refuse(CRLUntrusted, fmt.Errorf("%s: %w", crl, reason)))
}

// revoked reports whether any list of c's issuer names it. Older lists count as
// well: expired certificates drop out of newer ones, while documents signed in
// time live on.
func (a *Anchors) revoked(c *Certificate) bool {
	return slices.ContainsFunc(a.crls[c.issuer.key], func(l *CRL) bool { return l.Revoked(c.serial) })
}

// freshness says what the lists of c's issuer are worth at now.
func (a *Anchors) freshness(c *Certificate, now time.Time) Freshness {
	lists := a.crls[c.issuer.key]
	if len(lists) == 0 {
		return Absent
	}
	if slices.ContainsFunc(lists, func(l *CRL) bool { return l.current(now) }) {
		return Fresh
	}
	return Stale
}

// rank sorts the authorities of one name by how well they fit the identifier of
// the key that signed: the very key, not said, another key. All stay: the
// signature decides, the identifier only saves work.
func rank(nodes []*authority, keyID []byte) []*authority {
	sorted := slices.Clone(nodes)
	slices.SortStableFunc(sorted, func(x, y *authority) int { return fit(x, keyID) - fit(y, keyID) })
	return sorted
}

const (
	fitSame = iota
	fitUnsaid
	fitOther
)

func fit(n *authority, keyID []byte) int {
	switch own := n.cert.ext.subjectKeyID; {
	case keyID == nil || own == nil:
		return fitUnsaid
	case bytes.Equal(own, keyID):
		return fitSame
	}
	return fitOther
}
