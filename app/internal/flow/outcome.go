package flow

import "time"

// Outcome is what a flow came to; with an error, how far it came.
type Outcome struct {
	Service   string // login: who asked
	Level     string // reached (login), or what this computer may reach from now on (pairing, desk)
	Reference string // pairing: what to say at the desk; may be empty
	Figures   Figures
}

// Lacking is the id of the sentence that says what is left to do before this computer can approve anything; empty for
// nothing. A card that shortens its holder's names opens nothing until a desk has compared them.
func (o Outcome) Lacking() string {
	if o.Reference != "" && o.Level == "none" {
		return "flow.desk-first"
	}
	return ""
}

// Figures say what a flow cost.
type Figures struct {
	APDUs          int
	Sent, Received int           // bytes, to and from the card
	Card           time.Duration // with the card, the broker's part excepted
	Broker         time.Duration // waiting for the broker, the stream of events excepted
	Total          time.Duration // citizen and browser included
	RoundTrips     int           // requests sent to the broker, the stream of events included
}
