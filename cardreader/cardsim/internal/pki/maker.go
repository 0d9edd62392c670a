package pki

import (
	"bytes"
	"encoding/pem"
	"time"
)

// maker issues the certificates and lists of a new PKI, in the order of the tables.
type maker struct {
	now   time.Time
	keys  map[string]key
	files map[string][]byte
}

func (m maker) make() error {
	between := make(map[string][]byte) // certificates that a signed object has to carry along
	for i, a := range authorities() {
		if err := m.authority(a, int64(i+1), between); err != nil {
			return err
		}
	}
	for _, s := range signers() {
		if err := m.signer(s, between[s.by]); err != nil {
			return err
		}
	}
	for _, s := range keys() {
		if s.signer {
			m.files[keyFile(s.id)] = m.keys[s.id].marshal()
		}
	}
	return nil
}

func (m maker) issuer(a authority) issuer {
	k := m.keys[a.key]
	return issuer{a.name, k, hashOf(k)}
}

func authorityOf(id string) authority {
	for _, a := range authorities() {
		if a.id == id {
			return a
		}
	}
	panic("internal error: pki: authority " + id)
}

func (m maker) authority(a authority, serial int64, between map[string][]byte) error {
	c := certificate{
		serial: serial, subject: a.name, from: a.from.from(m.now), to: a.to.from(m.now), key: m.keys[a.key],
		extensions: authorityExtensions(m.keys[a.key], m.keys[a.key], a.state, a.pathLen),
	}
	by := m.issuer(a)
	if a.by != "" {
		by = m.issuer(authorityOf(a.by))
		c.extensions = authorityExtensions(c.key, by.key, a.state, a.pathLen)
	}
	cert, err := by.certify(c)
	if err != nil {
		return err
	}
	if a.pinned {
		m.files[rootDir+"/TEST-"+a.id+".pem"] = pemOf(cert)
	}
	if a.by != "" {
		between[a.id] = cert
		m.files[linkDir+"/TEST-"+a.id+".pem"] = pemOf(cert)
	}
	if a.id == "eid-next" {
		if err := m.link(c, authorityOf("eid")); err != nil {
			return err
		}
	}
	return m.revocation(a)
}

// link vouches for the next key of an authority with its present one (ICAO 9303-12 §4.4).
func (m maker) link(c certificate, old authority) error {
	by := m.issuer(old)
	c.serial += 0x100
	c.extensions = authorityExtensions(c.key, by.key, old.state, old.pathLen)
	cert, err := by.certify(c)
	if err != nil {
		return err
	}
	m.files[linkDir+"/TEST-eid-link.pem"] = pemOf(cert)
	return nil
}

// revocation writes an authority's lists. They stay current for as long as a demonstration may live.
func (m maker) revocation(a authority) error {
	if a.key == "elsewhere" {
		return nil
	}
	var serials []int64
	for _, s := range signers() {
		if s.by == a.id && s.revoked {
			serials = append(serials, s.serial)
		}
	}
	day := m.now.AddDate(0, 0, -1)
	lists := []struct {
		file     string
		by       issuer
		from, to time.Time
	}{
		{crlDir + "/TEST-" + a.id + ".crl", m.issuer(a), day, m.now.AddDate(10, 0, 0)},
		{staleDir + "/TEST-" + a.id + ".crl", m.issuer(a), m.now.AddDate(-1, 0, 0), m.now.AddDate(0, -6, 0)},
		{foreignDir + "/TEST-" + a.id + ".crl", m.issuer(authorityOf("elsewhere")), day, m.now.AddDate(10, 0, 0)},
	}
	lists[2].by.name = a.name
	for _, l := range lists {
		crl, err := l.by.revocationList(serials, l.from, l.to)
		if err != nil {
			return err
		}
		m.files[l.file] = crl
	}
	return nil
}

func (m maker) signer(s signer, between []byte) error {
	a := authorityOf(s.by)
	by := m.issuer(a)
	k := m.keys[s.key]
	k.exponent = s.exponent
	from := s.from.from(m.now)
	cert, err := by.certify(certificate{
		serial: s.serial, subject: s.name(a), from: from, to: s.to.from(m.now), key: k,
		extensions: signerExtensions(k, by.key, a.state, from),
	})
	if err != nil {
		return err
	}
	file := pemOf(cert)
	if between != nil {
		file = append(file, pemOf(between)...)
	}
	m.files[signerFile(s.id)] = file
	return nil
}

func pemOf(cert []byte) []byte {
	var b bytes.Buffer
	// A bytes.Buffer takes everything.
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert})
	return b.Bytes()
}
