package assets

// A View is what one page shows: an ErrorPage, a WaitingPage, a ReleasePage or a HomePage. Texts in it are data, never
// markup: they are escaped for the place where they stand.
type View interface {
	template() string
	heading(*Speaker) string
}

// refreshSeconds is the rhythm of a waiting page that the person asked to refresh itself.
const refreshSeconds = 5

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

// WaitingPage asks the person to approve in the companion, on this computer.
type WaitingPage struct {
	Service    string       // who asks
	Level      string       // eidas1, eidas2 or eidas3, as asked
	Minutes    int          // until the request expires, rounded up
	Claims     []ClaimGroup // what the service will receive; none: the connection is anonymous
	Continue   string       // address that looks whether the approval has come
	Refreshing bool         // the page loads itself again, because the person asked so
	Toggle     string       // address of this page with the other choice of Refreshing
	Cancel     Form
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

// HomePage tells a person who came to the broker by its bare address what it is.
type HomePage struct {
	Discovery string // address of the discovery document
}

func (ErrorPage) template() string   { return "error" }
func (WaitingPage) template() string { return "waiting" }
func (ReleasePage) template() string { return "release" }
func (HomePage) template() string    { return "home" }

func (v ErrorPage) heading(s *Speaker) string {
	if own := v.Message + ".title"; s.Has(own) {
		return s.Say(own, nil)
	}
	return s.Say("page.error", nil)
}

func (WaitingPage) heading(s *Speaker) string   { return s.Say("page.waiting", nil) }
func (v ReleasePage) heading(s *Speaker) string { return sayOf(s, "page.release", v.Service) }
func (HomePage) heading(s *Speaker) string      { return s.Say("page.home", nil) }
