package assets

// A View is what one page shows: an ErrorPage, a HomePage; of a login a WaitingPage, a ReleasePage, an OutcomePage; of a
// pairing a PairPage, a PairingPage, a ComparePage, an OutcomePage; of a logout a LeavePage, a LeftPage. Texts in it are data, never markup: they are escaped for
// the place where they stand.
type View interface {
	template() string
	heading(*Speaker) string
}

// A Form is where a button sends its form, by POST.
type Form struct {
	Action string // address
	Token  string // against forged requests; the field csrfToken
}

// A Way leads back to the service that sent the person here.
type Way struct {
	Service string // its display name
	URL     string
}

// ClaimGroup is what one provider gives: labels, never values.
type ClaimGroup struct {
	Provider string
	Labels   []string
}

// ErrorPage says what went wrong, what to do, and the two references that support asks for.
type ErrorPage struct {
	Code    string // such as Y030007
	ID      string // found in the log; may be empty
	Message string // id of the sentence in the catalogues; id + ".title" may be its heading
	Detail  string // for the service's developer, English; may be empty
	Help    string // address of a help page; may be empty
	Back    *Way   // nil: there is no known service to go back to
}

// Meeting is how far browser and companion have come towards each other, on a page that waits for the next step.
//
// The page stays readable while it waits: it asks for the address Held, whose answer the server keeps back until there is
// something new. Who prefers a page that stands still switches that off, and follows Continue by hand.
type Meeting struct {
	Phase    string // offered, attached, confirmed, hopped, released or ended: the stage of a ceremony
	Reason   string // why it ended
	Code     string // what the app is given by hand; empty once a device is attached
	Link     string // what wakes the app, pivot:...; empty with the code
	Device   string // what the device attached calls itself
	Compare  string // the string that page and app both show
	Continue string // address of this page, that looks again
	Held     string // address whose answer is kept back; empty when the person switched that off
	Toggle   string // address of this page with the other choice
}

// Calls reports whether the app is still to be called.
func (m Meeting) Calls() bool { return m.Code != "" }

// WaitingPage asks the person to approve in the companion, on this computer.
type WaitingPage struct {
	Meeting

	Service string       // who asks
	Level   string       // eidas1, eidas2 or eidas3, as asked
	Minutes int          // until the request expires, rounded up
	Claims  []ClaimGroup // what the service will receive; none: the connection is anonymous
	Cancel  Form
}

// OutcomePage says how a login or a pairing ended, and what to do.
type OutcomePage struct {
	Reason  string // stable word: "done", or why not
	Service string // that asked for the login; empty for a pairing
	Back    string // address of the service; empty for a pairing
	Again   string // address where a pairing begins; empty for a login
}

// PairPage begins a pairing. The field email goes with the form.
type PairPage struct {
	Email   string // as it was typed
	Problem string // id of a message about it: "pair.email.malformed", "pair.stale", "pair.busy"; empty at first
	Begin   Form
}

// PairingPage leads the person from the page to the app, and waits.
type PairingPage struct {
	Meeting

	Cancel Form
}

// ComparePage has the person compare what page and app show. It stands still, for as long as that takes.
type ComparePage struct {
	Meeting

	Same      Form
	Different Form
}

// ReleasePage tells what is about to be given to the service, and asks for consent where it must be given.
type ReleasePage struct {
	Service  string
	Level    string       // eidas1, eidas2 or eidas3, as obtained
	Claims   []ClaimGroup // none: the connection is anonymous (scope openid alone)
	Consent  bool         // a box must be ticked; the field consent=yes
	Unticked bool         // the form came back without the box
	Accept   Form
	Cancel   Form
}

// LeavePage asks the person whether to log out.
type LeavePage struct {
	Service  string   // that asks for it; empty where nobody says so
	Services []string // that the person logged in to
	Leave    Form
	Stay     string // address where nothing is ended
}

// LeftPage says that the person is logged out, or is not.
type LeftPage struct {
	Stayed bool
	Back   *Way // nil: no service is known to go back to
}

// HomePage tells a person who came to the broker by its bare address what it is.
type HomePage struct {
	Discovery string // address of the discovery document
}

func (LeavePage) template() string   { return "leave" }
func (LeftPage) template() string    { return "left" }
func (ErrorPage) template() string   { return "error" }
func (WaitingPage) template() string { return "waiting" }
func (ReleasePage) template() string { return "release" }
func (HomePage) template() string    { return "home" }
func (OutcomePage) template() string { return "outcome" }
func (PairPage) template() string    { return "pair" }
func (PairingPage) template() string { return "pairing" }
func (ComparePage) template() string { return "compare" }

func (v ErrorPage) heading(s *Speaker) string {
	if own := v.Message + ".title"; s.Has(own) {
		return s.Say(own, nil)
	}
	return s.Say("page.error", nil)
}

func (v WaitingPage) heading(s *Speaker) string { return s.Say(v.stage("page.waiting"), nil) }
func (v ReleasePage) heading(s *Speaker) string { return sayOf(s, "page.release", v.Service) }
func (LeavePage) heading(s *Speaker) string     { return s.Say("leave.title", nil) }
func (v LeftPage) heading(s *Speaker) string    { return s.Say(v.said()+".title", nil) }
func (HomePage) heading(s *Speaker) string      { return s.Say("page.home", nil) }
func (PairPage) heading(s *Speaker) string      { return s.Say("pair.title", nil) }
func (v PairingPage) heading(s *Speaker) string { return s.Say(v.stage("pair.meet"), nil) }
func (ComparePage) heading(s *Speaker) string   { return s.Say("pair.compare", nil) }

// said is the message of what the person did.
func (v LeftPage) said() string {
	if v.Stayed {
		return "leave.stayed"
	}
	return "leave.left"
}

// stage is the message of a page that changes its heading once the app has been called, and once browser and app have met.
func (m Meeting) stage(id string) string {
	switch {
	case m.Calls():
		return id
	case m.Phase == "hopped" || m.Phase == "released":
		return id + ".met"
	}
	return id + ".called"
}

// kind is the part of the catalogue that an outcome is said in.
func (v OutcomePage) kind() string {
	if v.Service == "" {
		return "pair"
	}
	return "login"
}

// sentence is that of the reason, told for a login or for a pairing, or for any; else a general one.
func (v OutcomePage) sentence(s *Speaker) string {
	for _, id := range []string{"ended." + v.kind() + "." + v.Reason, "ended." + v.Reason, "reason." + v.Reason} {
		if s.Has(id) {
			return id
		}
	}
	return "ended." + v.kind()
}

func (v OutcomePage) heading(s *Speaker) string {
	for _, id := range []string{"ended." + v.kind() + "." + v.Reason + ".title", "ended." + v.Reason + ".title"} {
		if s.Has(id) {
			return s.Say(id, nil)
		}
	}
	return s.Say("ended."+v.kind()+".title", nil)
}
