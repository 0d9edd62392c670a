package config

import (
	"fmt"
	"slices"
	"strings"
)

// Card says which identity cards a deployment accepts.
type Card struct {
	Accept                  []Document // at least one
	InsecureWithoutFreshCRL bool       // a signer without a current revocation list is accepted
}

// Document is one kind of document.
type Document struct {
	State   string // issuing State as the machine readable zone writes it, one to three letters (ICAO 9303-3 §5)
	Country string // of its signers' certificates, ISO 3166-1 alpha-2
	Code    string // document code without fillers, one or two letters
}

// french is what is accepted where nothing is said.
func french() Document { return Document{State: "FRA", Country: "FR", Code: "ID"} }

func (p parser) card(raw card) Card {
	const most = 64
	out := Card{InsecureWithoutFreshCRL: raw.InsecureWithoutFreshCRL}
	if len(raw.Accept) > most {
		p.report.Refuse("card.accept", fmt.Sprintf("want at most %d", most))
		return Card{}
	}
	for i, value := range raw.Accept {
		key := fmt.Sprintf("card.accept[%d]", i)
		d, ok := documentOf(value)
		switch {
		case !ok:
			p.report.Refuse(key, "want STATE:COUNTRY:CODE in capital letters, such as FRA:FR:ID")
		case slices.Contains(out.Accept, d):
			p.report.Refuse(key, "listed twice")
		default:
			out.Accept = append(out.Accept, d)
		}
	}
	switch {
	case len(raw.Accept) > 0:
	case p.report.Has("card.accept"):
		p.report.Refuse("card.accept", "want at least one, or leave the key out")
	default:
		out.Accept = []Document{french()}
	}
	return out
}

func documentOf(value string) (Document, bool) {
	parts := strings.Split(value, ":")
	if len(parts) != 3 {
		return Document{}, false
	}
	d := Document{State: parts[0], Country: parts[1], Code: parts[2]}
	return d, capitals(d.State, 1, 3) && capitals(d.Country, 2, 2) && capitals(d.Code, 1, 2)
}

func capitals(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' })
}
