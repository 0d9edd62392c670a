package citizen

import (
	"encoding/json"
	"time"

	"pivot/app/internal/flow"
)

// result is the JSON object that a flow ends with. Its members are stable.
type result struct {
	OK        bool   `json:"ok"`
	Service   string `json:"service,omitempty"`
	Level     string `json:"level,omitempty"`
	Reference string `json:"reference,omitempty"` // pairing: what to say at the desk
	Problem   string `json:"problem,omitempty"`
	Reason    string `json:"reason,omitempty"`     // the broker's
	TriesLeft *int   `json:"tries_left,omitempty"` // of the access number or of the secret code
	Incident  string `json:"incident,omitempty"`
	figures
}

// figures are those of a flow, in milliseconds and bytes.
type figures struct {
	APDUs      int     `json:"apdus"`
	Sent       int     `json:"bytes_sent"`
	Received   int     `json:"bytes_received"`
	RoundTrips int     `json:"round_trips"`
	CardMS     float64 `json:"card_ms"`
	BrokerMS   float64 `json:"broker_ms"`
	TotalMS    float64 `json:"total_ms"`
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (e *Env) printJSON(out flow.Outcome, f *flow.Failure) error {
	r := result{
		OK: f == nil, Service: out.Service, Level: out.Level, Reference: out.Reference,
		figures: figures{
			APDUs: out.Figures.APDUs, Sent: out.Figures.Sent, Received: out.Figures.Received, RoundTrips: out.Figures.RoundTrips,
			CardMS: milliseconds(out.Figures.Card), BrokerMS: milliseconds(out.Figures.Broker), TotalMS: milliseconds(out.Figures.Total),
		},
	}
	if f != nil {
		r.Problem, r.Reason, r.TriesLeft, r.Incident = f.Problem, f.Reason, f.TriesLeft, f.ID
	}
	return e.encode(r)
}

func (e *Env) encode(v any) error {
	enc := json.NewEncoder(e.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
