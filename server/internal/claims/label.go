package claims

import "slices"

// A Label names a claim to the person whose it is.
type Label struct {
	Claim   string // the claim, or the first of those with this name
	French  string
	English string
}

// A Group is the claims that come from one source.
type Group struct {
	Source  string // identifier of the source, such as "dgfip"
	French  string // its name
	English string
	Labels  []Label
}

// Groups returns what the consent page says will be sent, by source, sub aside:
// names alone, never a value.
func (s Selection) Groups() []Group {
	var groups []Group
	for _, src := range sources() {
		g := Group{Source: src.id, French: src.french, English: src.english}
		for _, c := range vocabulary {
			if c.source == src.id && s.shows(c.name) && !named(g.Labels, c) {
				g.Labels = append(g.Labels, Label{Claim: c.name, French: c.french, English: c.english})
			}
		}
		if len(g.Labels) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// shows reports whether a claim is released anywhere.
func (s Selection) shows(claim string) bool {
	return slices.Contains(s.userinfo, claim) || claim == amr && s.methods
}

// named reports whether a claim that people would call the same is listed
// already, as given_name and given_name_array are.
func named(labels []Label, c claim) bool {
	return slices.ContainsFunc(labels, func(l Label) bool { return l.French == c.french })
}
