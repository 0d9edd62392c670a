package session

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"pivot/server/internal/record"
)

// Notice is a logout that a service provider is still to be told of.
type Notice struct {
	id     string
	stored int
	done   bool
	state  notice
}

// notice is what is sealed.
type notice struct {
	Format  int    `json:"format"`
	Issuer  string `json:"issuer"`
	Client  string `json:"client"`
	Subject string `json:"subject"`
	SID     string `json:"sid"`
	Tried   int    `json:"tried"` // how often
	Due     int64  `json:"due"`   // when it may be tried next, in Unix seconds
	Over    int64  `json:"over"`  // when it is given up, in Unix milliseconds
}

const (
	noticeLife = time.Hour      // is longer than all tries take
	noticeKept = 24 * time.Hour // from then on, for whoever records that it was given up
)

// waits are between the tries of a notice: a service provider that restarts is reached, one that is gone costs little.
func waits() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
}

// Tries is how often a notice is tried at most.
func Tries() int { return len(waits()) + 1 }

// Leave is what ends a session: itself, and a notice to each service provider that wants one.
func (s Session) Leave(wants func(client string) bool, now time.Time) []record.Change {
	changes := []record.Change{s.End(now).Change()}
	for _, n := range s.notices(wants, now) {
		changes = append(changes, n.Change())
	}
	return changes
}

func (s Session) notices(wants func(client string) bool, now time.Time) []Notice {
	var out []Notice
	for _, l := range s.state.Logins {
		if !wants(l.Client) {
			continue
		}
		var raw [32]byte
		rand.Read(raw[:]) // never fails: see package crypto/rand
		out = append(out, Notice{id: base64.RawURLEncoding.EncodeToString(raw[:]), state: notice{
			Format: format, Issuer: s.state.Issuer, Client: l.Client, Subject: l.Subject, SID: l.SID,
			Due: now.Unix(), Over: now.Add(noticeLife).UnixMilli(),
		}})
	}
	return out
}

// Pending is the owner of the notices that a client is to be told of: nobody's wait behind those of another.
func Pending(issuer, client string) string {
	d := digest("pivot-notices/1", issuer, client)
	return base64.RawURLEncoding.EncodeToString(d[:])
}

// Change is what to store.
func (n Notice) Change() record.Change {
	body, err := json.Marshal(n.state)
	if err != nil { // no value of these types fails to encode
		body = nil
	}
	expires := time.UnixMilli(n.state.Over).UTC()
	if !n.done {
		expires = expires.Add(noticeKept)
	}
	return record.Change{From: n.stored, Next: record.Record{
		Kind: record.Logout, ID: n.id, Version: n.stored + 1, State: "pending", Owner: Pending(n.state.Issuer, n.state.Client),
		Expires: expires, Body: body,
	}}
}

// ParseNotice reads a stored notice. Errors: a record that [Notice.Change] does not write.
func ParseNotice(r record.Record) (Notice, error) {
	n := Notice{id: r.ID, stored: r.Version}
	if r.Kind != record.Logout || r.Version < 1 || json.Unmarshal(r.Body, &n.state) != nil {
		return Notice{}, errRecord
	}
	again := n.Change().Next
	if n.state.Format != format || n.state.Tried < 0 || n.state.Tried > Tries() || r.State != again.State ||
		r.Owner != again.Owner || !r.Expires.Equal(again.Expires) || !bytes.Equal(r.Body, again.Body) {
		return Notice{}, errRecord
	}
	return n, nil
}

// Due reports whether the notice may be tried now.
func (n Notice) Due(now time.Time) bool { return now.Unix() >= n.state.Due }

// Late reports whether the notice is to be given up: nobody needs to hear of it any more.
func (n Notice) Late(now time.Time) bool { return now.UnixMilli() >= n.state.Over }

// Try counts one try, before it is made: a try that nobody could count is not made. It reports false when the last one was
// spent.
func (n Notice) Try(now time.Time) (Notice, bool) {
	if n.state.Tried >= Tries() {
		return n, false
	}
	wait := waits()[min(n.state.Tried, len(waits())-1)]
	n.state.Tried++
	n.state.Due = now.Add(wait).Unix()
	return n, true
}

// Stored is the notice once its Change was written.
func (n Notice) Stored() Notice {
	n.stored++
	return n
}

// Done is the notice that is over, delivered or given up: it is forgotten at once.
func (n Notice) Done(now time.Time) Notice {
	n.done, n.state.Over = true, now.UnixMilli()
	return n
}

// ID is the notice's identifier.
func (n Notice) ID() string { return n.id }

// Issuer is whose notice it is.
func (n Notice) Issuer() string { return n.state.Issuer }

// Client is whom it is for.
func (n Notice) Client() string { return n.state.Client }

// Subject is what the service provider calls the person.
func (n Notice) Subject() string { return n.state.Subject }

// SID is what it calls the session.
func (n Notice) SID() string { return n.state.SID }

// Tried is how often it was tried.
func (n Notice) Tried() int { return n.state.Tried }
