package csca_test

import (
	"slices"
	"time"

	der "golang.org/x/crypto/cryptobyte/asn1"

	"pivot/server/internal/verify/csca"
)

// A rule is one guarantee of Path: a scene with one thing changed, and what comes
// of it.
type rule struct {
	name   string
	change func(*scene)
	want   csca.Reason // "": accepted
	shape  string      // of the accepted path
	// openssl says what the second opinion is where it differs from ours, and why;
	// "" where both agree.
	openssl string
}

const (
	laxer    = "accepts: the rule is ICAO's or ours"
	stricter = "refuses: it judges the whole chain at one moment"
	silent   = "not asked: it has no such notion"
)

func rules() []rule {
	return slices.Concat(signerRules(), authorityRules(), chainRules(), linkRules(), revocationRules())
}

func signerRules() []rule {
	return []rule{
		{name: "base", change: func(*scene) {}, shape: "TEST DS > TEST CSCA"},
		{name: "signer expired since", change: func(s *scene) { s.when.Now = day(2034, 12, 1) }, shape: "TEST DS > TEST CSCA"},
		{name: "signing time not said", change: func(s *scene) { s.when.Signing = time.Time{} }, shape: "TEST DS > TEST CSCA"},
		{name: "expired, signing time not said", change: func(s *scene) {
			s.when = csca.Times{Now: day(2034, 12, 1)}
		}, want: csca.DSExpired},
		{name: "first second", change: func(s *scene) { s.when.Signing = s.ds.from }, shape: "TEST DS > TEST CSCA"},
		{name: "second before", change: func(s *scene) { s.when.Signing = s.ds.from.Add(-time.Second) }, want: csca.DSNotYetValid},
		{name: "last second", change: func(s *scene) {
			s.when = csca.Times{Signing: s.ds.until, Now: day(2034, 12, 1)}
		}, shape: "TEST DS > TEST CSCA", openssl: "refuses: it leaves out the last second"},
		{name: "second after", change: func(s *scene) {
			s.when = csca.Times{Signing: s.ds.until.Add(time.Second), Now: day(2034, 12, 1)}
		}, want: csca.DSExpired},
		{name: "signed tomorrow", change: func(s *scene) { s.when.Signing = s.when.Now.Add(25 * time.Hour) }, want: csca.SignedInFuture, openssl: silent},
		{name: "signed later today", change: func(s *scene) { s.when.Signing = s.when.Now.Add(23 * time.Hour) }, shape: "TEST DS > TEST CSCA"},
		{name: "no time at all", change: func(s *scene) { s.when = csca.Times{} }, want: csca.DSNotYetValid, openssl: silent},
		{name: "signer is an authority", change: func(s *scene) { s.ds.basic = ca(-1) }, want: csca.NotASigner, openssl: laxer},
		{name: "signer says it is none", change: func(s *scene) {
			s.ds.basic = extension(true, oid(2, 5, 29, 19), seq())
		}, shape: "TEST DS > TEST CSCA"},
		{name: "no key usage", change: func(s *scene) { s.ds.usage = nil }, want: csca.NotASigner, openssl: laxer},
		{name: "key usage of another kind", change: func(s *scene) { s.ds.usage = usage(1) }, want: csca.NotASigner, openssl: laxer},
		{name: "key usage also for certificates", change: func(s *scene) { s.ds.usage = usage(0, 5) }, want: csca.NotASigner, openssl: laxer},
		{name: "key usage also for lists", change: func(s *scene) { s.ds.usage = usage(0, 6) }, want: csca.NotASigner, openssl: laxer},
		{name: "master list signer", change: func(s *scene) {
			s.ds.more = append(s.ds.more, extension(true, oid(2, 5, 29, 37), seq(oid(2, 23, 136, 1, 1, 3))))
		}, want: csca.NotASigner, openssl: laxer},
		{name: "extended key usage, not critical", change: func(s *scene) {
			s.ds.more = append(s.ds.more, extension(false, oid(2, 5, 29, 37), seq(oid(2, 23, 136, 1, 1, 3))))
		}, want: csca.NotASigner, openssl: laxer},
		{name: "unknown critical extension", change: func(s *scene) {
			s.ds.more = append(s.ds.more, extension(true, oid(1, 2, 3, 4), null))
		}, want: csca.UnknownCritical},
		{name: "unknown extension", change: func(s *scene) {
			s.ds.more = append(s.ds.more, extension(false, oid(1, 2, 3, 4), null))
		}, shape: "TEST DS > TEST CSCA"},
		{name: "document types badly encoded", change: func(s *scene) {
			s.ds.more = append(s.ds.more, extension(false, oid(2, 23, 136, 1, 1, 6, 2), []byte("P\xff")))
		}, shape: "TEST DS > TEST CSCA"},
		{name: "critical name constraints", change: func(s *scene) {
			s.ds.more = append(s.ds.more, extension(true, oid(2, 5, 29, 30), seq()))
		}, want: csca.UnknownCritical, openssl: "accepts: it has that extension"},
		{name: "signer of another country", change: func(s *scene) { s.ds.subject = dn("XX", "TEST DS") }, want: csca.CountryMismatch, openssl: laxer},
		{name: "signer without country", change: func(s *scene) {
			s.ds.subject = seq(attribute(3, der.UTF8String, "TEST DS"))
		}, want: csca.CountryMismatch, openssl: laxer},
		{name: "signer of two countries", change: func(s *scene) {
			s.ds.subject = seq(attribute(6, der.PrintableString, "XX"), attribute(6, der.PrintableString, "UT"))
		}, want: csca.CountryMismatch, openssl: laxer},
		{name: "country in lower case", change: func(s *scene) { s.ds.subject = dn("ut", "TEST DS") }, shape: "TEST DS > TEST CSCA"},
		{name: "signer's key on an unknown curve", change: func(s *scene) {
			s.ds.key = &keyPair{spki: seq(algorithm(oid(1, 2, 840, 10045, 2, 1), oid(1, 3, 132, 0, 10)), bits(make([]byte, 65)))}
		}, want: csca.UnsupportedKey},
	}
}

func authorityRules() []rule {
	return []rule{
		{name: "bad signature", change: func(s *scene) { s.ds.spoil = true }, want: csca.BadSignature},
		{name: "bad signature, issuer's key not said", change: func(s *scene) { s.ds.spoil, s.ds.aki = true, nil }, want: csca.BadSignature},
		{name: "signed by a stranger in the root's name and key identifier", change: func(s *scene) {
			s.ds.signer = ring().stranger
		}, want: csca.BadSignature},
		{name: "signed by a stranger in the root's name", change: func(s *scene) {
			s.ds.signer, s.ds.aki = ring().stranger, ring().stranger.id()
		}, want: csca.UnknownIssuer},
		{name: "unknown issuer", change: func(s *scene) { s.ds.issuer = dn("UT", "OTHER CSCA") }, want: csca.UnknownIssuer},
		{name: "no root", change: func(s *scene) { s.roots = nil }, want: csca.UnknownIssuer},
		{name: "root's key identifier not said by the signer", change: func(s *scene) { s.ds.aki = nil }, shape: "TEST DS > TEST CSCA"},
		{name: "wrong key identifier, right signature", change: func(s *scene) { s.ds.aki = ring().old.id() }, shape: "TEST DS > TEST CSCA", openssl: "refuses: it takes the identifier for more than a hint"},
		{name: "issuer in another case and string type", change: func(s *scene) {
			s.ds.issuer = seq(attribute(6, der.UTF8String, "ut"), attribute(10, der.PrintableString, "Test"), attribute(3, der.PrintableString, " test   csca"))
		}, shape: "TEST DS > TEST CSCA"},
		{name: "root expired since", change: func(s *scene) { s.root.until = day(2025, 1, 1) }, shape: "TEST DS > TEST CSCA"},
		{name: "root expired before the signer was issued", change: func(s *scene) { s.root.until = day(2024, 5, 1) }, want: csca.AuthorityNotValid},
		{name: "root younger than the signer", change: func(s *scene) { s.root.from = day(2024, 6, 2) }, want: csca.AuthorityNotValid, openssl: "accepts: it judges the whole chain at one moment"},
		{name: "weak digest on the signer", change: func(s *scene) {
			s.ds.alg = algorithm(oid(1, 2, 840, 10045, 4, 1))
		}, want: csca.WeakDigest},
		{name: "algorithm of another key type", change: func(s *scene) {
			s.ds.alg = algorithm(rsaOID(11), null)
		}, want: csca.UnsupportedAlgorithm},
		{name: "two roots of one name", change: func(s *scene) {
			s.roots = []*draft{&s.old, &s.root}
		}, shape: "TEST DS > TEST CSCA"},
		{name: "two roots of one name, key not said", change: func(s *scene) {
			s.roots = []*draft{&s.old, &s.root}
			s.ds.aki = nil
		}, shape: "TEST DS > TEST CSCA", openssl: "refuses: it settles on the first of that name"},
		{name: "the other of two roots", change: func(s *scene) { s.roots = []*draft{&s.old} }, want: csca.UnknownIssuer},
	}
}

func chainRules() []rule {
	const whole = "TEST DS > TEST MIDDLE > TEST CSCA"
	with := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.underMiddle()
			s.extra = []*draft{&s.middle}
			change(s)
		}
	}
	return []rule{
		{name: "intermediate with the document", change: with(func(*scene) {}), shape: whole},
		{name: "intermediate of the operator", change: with(func(s *scene) { s.extra, s.links = nil, s.extra }), shape: whole},
		{name: "intermediate missing", change: with(func(s *scene) { s.extra = nil }), want: csca.UnknownIssuer},
		{name: "intermediate where the root allows none", change: with(func(s *scene) { s.root.basic = ca(0) }), want: csca.PathTooLong},
		{name: "operator's intermediate where the root allows none", change: with(func(s *scene) {
			s.root.basic, s.extra, s.links = ca(0), nil, s.extra
		}), want: csca.PathTooLong},
		{name: "root says no path length", change: with(func(s *scene) { s.root.basic = ca(-1) }), shape: whole},
		{name: "intermediate is no authority", change: with(func(s *scene) { s.middle.basic = nil }), want: csca.NotAnAuthority},
		{name: "intermediate says it is none", change: with(func(s *scene) {
			s.middle.basic = extension(true, oid(2, 5, 29, 19), seq())
		}), want: csca.NotAnAuthority},
		{name: "intermediate may not sign certificates", change: with(func(s *scene) { s.middle.usage = usage(0) }), want: csca.NotAnAuthority},
		{name: "intermediate without key usage", change: with(func(s *scene) { s.middle.usage = nil }), want: csca.NotAnAuthority, openssl: laxer},
		{name: "intermediate with a purpose of its own", change: with(func(s *scene) {
			s.middle.more = append(s.middle.more, extension(false, oid(2, 5, 29, 37), seq(oid(2, 23, 136, 1, 1, 3))))
		}), want: csca.NotAnAuthority, openssl: laxer},
		{name: "intermediate with an unknown critical extension", change: with(func(s *scene) {
			s.middle.more = append(s.middle.more, extension(true, oid(2, 5, 29, 36), seq()))
		}), want: csca.UnknownCritical, openssl: laxer},
		{name: "intermediate of another country", change: with(func(s *scene) {
			s.middle.subject = dn("XX", "TEST MIDDLE")
			s.ds.issuer = s.middle.subject
		}), want: csca.CountryMismatch, openssl: laxer},
		{name: "intermediate's signature bad", change: with(func(s *scene) { s.middle.spoil = true }), want: csca.BadSignature},
		{name: "intermediate's signature weak", change: with(func(s *scene) {
			s.middle.alg = algorithm(oid(1, 2, 840, 10045, 4, 1))
		}), want: csca.WeakDigest},
		{name: "intermediate of a stranger", change: with(func(s *scene) {
			s.middle.signer, s.middle.aki = ring().stranger, ring().stranger.id()
		}), want: csca.UnknownIssuer},
		{name: "signer not signed by the intermediate", change: with(func(s *scene) { s.ds.spoil = true }), want: csca.BadSignature},
		{name: "intermediate expired before the signer was issued", change: with(func(s *scene) { s.middle.until = day(2024, 5, 31) }), want: csca.AuthorityNotValid},
		{name: "intermediate expired since", change: with(func(s *scene) { s.middle.until = day(2024, 6, 10) }), shape: whole, openssl: stricter},
		{name: "intermediate's key weak", change: with(func(s *scene) {
			s.middle.key = &keyPair{spki: smallExponent(), alg: algorithm(rsaOID(11), null), sign: func([]byte) []byte { return make([]byte, 256) }}
			s.ds.signer = s.middle.key
		}), want: csca.WeakKey},
		{name: "two intermediates", change: with(func(s *scene) {
			below := s.middle
			below.issuer, below.subject, below.key, below.signer = s.middle.subject, dn("UT", "TEST LOW"), ring().stranger, s.middle.key
			below.ski, below.aki = below.key.id(), s.middle.ski
			s.root.basic, s.middle.basic = ca(5), ca(5)
			s.ds.issuer, s.ds.signer, s.ds.aki = below.subject, below.key, below.ski
			s.extra = []*draft{&s.middle, &below}
		}), want: csca.UnknownIssuer, openssl: laxer},
		{name: "two intermediates, one of the operator", change: with(func(s *scene) {
			below := s.middle
			below.issuer, below.subject, below.key, below.signer = s.middle.subject, dn("UT", "TEST LOW"), ring().stranger, s.middle.key
			below.ski, below.aki = below.key.id(), s.middle.ski
			s.root.basic, s.middle.basic = ca(5), ca(5)
			s.ds.issuer, s.ds.signer, s.ds.aki = below.subject, below.key, below.ski
			s.extra, s.links = []*draft{&below}, []*draft{&s.middle}
		}), want: csca.PathTooLong, openssl: laxer},
		{name: "a root of its own with the document", change: with(func(s *scene) {
			fake := s.root
			fake.subject = dn("UT", "TEST MIDDLE")
			fake.issuer, fake.key, fake.signer, fake.ski, fake.aki = fake.subject, s.middle.key, s.middle.key, s.middle.ski, s.middle.ski
			s.extra = []*draft{&fake}
		}), want: csca.UnknownIssuer},
	}
}

func linkRules() []rule {
	const whole = "TEST DS > TEST CSCA(link) > TEST CSCA"
	with := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.underOld()
			change(s)
		}
	}
	return []rule{
		{name: "link to an older root", change: with(func(*scene) {}), shape: whole},
		{name: "link missing", change: with(func(s *scene) { s.links = nil }), want: csca.UnknownIssuer},
		{name: "link without root", change: with(func(s *scene) { s.roots = nil }), want: csca.UnknownIssuer},
		{name: "link with the document", change: with(func(s *scene) { s.extra, s.links = s.links, nil }), want: csca.UnknownIssuer, openssl: laxer},
		{name: "both roots pinned: no link needed", change: with(func(s *scene) {
			s.roots = []*draft{&s.old, &s.root}
		}), shape: "TEST DS > TEST CSCA"},
		{name: "link's signature bad", change: with(func(s *scene) { s.bow.spoil = true }), want: csca.UnknownIssuer},
		{name: "link's signature weak", change: with(func(s *scene) {
			s.bow.alg = algorithm(oid(1, 2, 840, 10045, 4, 1))
		}), want: csca.UnknownIssuer},
		{name: "link is no authority", change: with(func(s *scene) { s.bow.basic = nil }), want: csca.UnknownIssuer},
		{name: "link with an unknown critical extension", change: with(func(s *scene) {
			s.bow.more = [][]byte{extension(true, oid(2, 5, 29, 36), seq())}
		}), want: csca.UnknownIssuer, openssl: laxer},
		{name: "old root expired before the signer was issued", change: with(func(s *scene) { s.old.until = day(2024, 1, 1) }), want: csca.AuthorityNotValid},
		{name: "link expired before the signer was issued", change: with(func(s *scene) { s.bow.until = day(2024, 1, 1) }), want: csca.AuthorityNotValid},
		{name: "link younger than the signer", change: with(func(s *scene) { s.bow.from = day(2024, 6, 10) }), want: csca.AuthorityNotValid, openssl: laxer},
		{name: "link to a new name", change: with(func(s *scene) {
			s.bow.subject = dn("UT", "NEW CSCA")
			s.bow.more = [][]byte{extension(false, oid(2, 23, 136, 1, 1, 6, 1), null)}
			s.ds.issuer = s.bow.subject
		}), shape: "TEST DS > NEW CSCA(link) > TEST CSCA", openssl: "refuses: it counts the link for the path length"},
		{name: "new name without saying so", change: with(func(s *scene) {
			s.bow.subject = dn("UT", "NEW CSCA")
			s.ds.issuer = s.bow.subject
		}), want: csca.PathTooLong},
		{name: "link to another country", change: with(func(s *scene) {
			s.bow.subject = dn("XX", "NEW CSCA")
			s.bow.more = [][]byte{extension(false, oid(2, 23, 136, 1, 1, 6, 1), null)}
			s.ds.issuer, s.ds.subject = s.bow.subject, dn("XX", "TEST DS")
		}), want: csca.CountryMismatch},
		{name: "two links that sign each other", change: with(func(s *scene) {
			back := s.bow
			back.serial, back.key, back.signer, back.ski, back.aki = []byte{5}, s.bow.signer, s.bow.key, s.bow.aki, s.bow.ski
			s.roots, s.links = nil, []*draft{&s.bow, &back}
		}), want: csca.UnknownIssuer},
		{name: "intermediate under a link", change: with(func(s *scene) {
			s.old.basic, s.bow.basic = ca(1), ca(1)
			s.underMiddle()
			s.extra = []*draft{&s.middle}
		}), shape: "TEST DS > TEST MIDDLE > TEST CSCA(link) > TEST CSCA"},
		{name: "intermediate under a link that allows none", change: with(func(s *scene) {
			s.old.basic = ca(1)
			s.underMiddle()
			s.extra = []*draft{&s.middle}
		}), want: csca.PathTooLong},
		{name: "intermediate under a link, the root allows none", change: with(func(s *scene) {
			s.bow.basic = ca(1)
			s.underMiddle()
			s.extra = []*draft{&s.middle}
		}), want: csca.PathTooLong},
	}
}

func revocationRules() []rule {
	with := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.lists = []*listDraft{&s.list}
			change(s)
		}
	}
	revoke := func(d *draft) []entry { return []entry{{serial: d.serial}} }
	return []rule{
		{name: "list without the signer", change: with(func(*scene) {}), shape: "TEST DS > TEST CSCA"},
		{name: "signer revoked", change: with(func(s *scene) { s.list.entries = revoke(&s.ds) }), want: csca.DSRevoked},
		{name: "signer revoked, list stale", change: with(func(s *scene) {
			s.list.entries, s.list.next = revoke(&s.ds), day(2026, 6, 25)
		}), want: csca.DSRevoked, openssl: silent},
		{name: "signer revoked in the older of two lists", change: with(func(s *scene) {
			older := s.list
			older.entries, older.this, older.next = revoke(&s.ds), day(2025, 1, 1), day(2025, 4, 1)
			s.lists = []*listDraft{&older, &s.list}
		}), want: csca.DSRevoked, openssl: silent},
		{name: "signer revoked by the new key of its issuer", change: with(func(s *scene) {
			s.roots = []*draft{&s.root, &s.old}
			s.list.signer, s.list.aki, s.list.entries = ring().old, ring().old.id(), revoke(&s.ds)
		}), want: csca.DSRevoked, openssl: silent},
		{name: "signer revoked in a list of a stranger", change: with(func(s *scene) {
			s.list.signer, s.list.entries = ring().stranger, revoke(&s.ds)
		}), shape: "TEST DS > TEST CSCA", openssl: silent},
		{name: "the serial of another issuer revoked", change: with(func(s *scene) {
			other := s.old
			other.subject = dn("UT", "OTHER CSCA")
			other.issuer = other.subject
			s.roots = append(s.roots, &other)
			s.list.issuer, s.list.signer, s.list.aki, s.list.entries = other.subject, other.key, other.ski, revoke(&s.ds)
		}), shape: "TEST DS > TEST CSCA", openssl: silent},
		{name: "root revokes itself", change: with(func(s *scene) { s.list.entries = revoke(&s.root) }), want: csca.AuthorityRevoked, openssl: silent},
		{name: "intermediate revoked", change: with(func(s *scene) {
			s.underMiddle()
			s.extra = []*draft{&s.middle}
			s.list.entries = revoke(&s.middle)
		}), want: csca.AuthorityRevoked, openssl: silent},
		{name: "link revoked", change: with(func(s *scene) {
			s.underOld()
			s.list.signer, s.list.aki, s.list.entries = ring().old, ring().old.id(), revoke(&s.bow)
		}), want: csca.AuthorityRevoked, openssl: silent},
		{name: "link revoked, its root pinned", change: with(func(s *scene) {
			s.underOld()
			s.roots = append(s.roots, &s.root)
			s.list.signer, s.list.aki, s.list.entries = ring().old, ring().old.id(), revoke(&s.bow)
		}), shape: "TEST DS > TEST CSCA", openssl: silent},
	}
}

// smallExponent is an RSA key with exponent 3.
func smallExponent() []byte {
	pub := ring().rsa.PublicKey
	pub.E = 3
	return rsaSPKI(&pub)
}
