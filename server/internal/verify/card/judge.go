package card

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
	"pivot/shared/wire"
)

// Document names one document: who issued it, its kind, its number.
type Document struct {
	State  string // issuing State, as in the MRZ
	Code   string // document code without fillers
	Number string // document number without fillers
}

// Format redacts for every verb: a document number is personal data.
func (d Document) Format(f fmt.State, _ rune) { redact(f, "Document") }

// LogValue implements [slog.LogValuer], redacted.
func (d Document) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// MarshalText redacts, for a log that nests the document.
func (d Document) MarshalText() ([]byte, error) { return fmt.Append(nil, d), nil }

// redact is how every value of this package prints that holds a key, a digest or personal data.
func redact(w io.Writer, name string) { fmt.Fprintf(w, "card.%s(redacted)", name) }

// Reading is what a genuine chip said, authenticated to the last byte; the next step is [Reading.Conclude].
type Reading struct {
	mrz        mrtd.MRZ
	groups     map[int][]byte
	memory     []byte
	transcript [32]byte // of the challenge and its answer
}

// Format redacts for every verb: a reading holds personal data.
func (r Reading) Format(f fmt.State, _ rune) { redact(f, "Reading") }

// LogValue implements [slog.LogValuer], redacted.
func (r Reading) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// Document names the document that was read, for the register that knows of losses and thefts.
func (r *Reading) Document() Document { return documentOf(r.mrz) }

func documentOf(m mrtd.MRZ) Document {
	return Document{State: m.Issuer, Code: m.DocumentCode, Number: m.Number}
}

// Judge verifies every response to the batch, in the order length, MAC and counter, status, decryption; then each
// data group against the SOD; then the document's kind, State and expiry as of now. Any failure is a [*Refusal], save that
// a session judges once: the store lets it be taken once, and the value forgets its keys besides.
func (s *Session) Judge(responses [][]byte, policy Policy, at time.Time) (*Reading, error) {
	if s.spent {
		return nil, errSpent
	}
	s.spent = true
	files, err := s.unwrap(responses)
	s.keys = sm.Keys{}
	if err != nil {
		return nil, err
	}
	for _, group := range slices.Sorted(maps.Keys(s.groups)) {
		files[group] = exact(files[group])
		if !matches(s.digest, s.groups[group], files[group]) {
			return nil, refuse(StepDataGroups, ReasonHashMismatch, fmt.Errorf("data group %d", group))
		}
	}
	mrz, err := mrtd.ParseDG1(files[1])
	if err != nil {
		return nil, refuse(StepDocument, ReasonBadData, errors.New("data group 1 is not a machine readable zone"))
	}
	if reason, ok := accepts(policy.Issuers, mrz.Issuer, mrz.DocumentCode, s.country); !ok {
		return nil, refuse(StepDocument, reason, nil)
	}
	if expired(mrz, at) {
		return nil, refuse(StepDocument, ReasonExpired, nil)
	}
	return &Reading{
		mrz: mrz, groups: files, memory: s.memory, transcript: wire.CardDigest(s.opening, s.public, responses),
	}, nil
}

// unwrap opens the responses one by one and puts the files together. Nothing is decrypted before its MAC held.
func (s *Session) unwrap(responses [][]byte) (map[int][]byte, error) {
	if len(responses) > len(s.reads) {
		return nil, refuse(StepChip, ReasonIncomplete, errors.New("more responses than commands"))
	}
	files := make(map[int][]byte)
	ended, short := make(map[int]bool), make(map[int]bool)
	for i, raw := range responses {
		r := s.reads[i]
		resp, err := sm.Open(s.keys, responseCounter(i), raw)
		if err != nil {
			return nil, s.refuseResponse(err)
		}
		end, err := statusOf(r, resp)
		if err != nil {
			return nil, err
		}
		if !ended[r.group] && len(resp.Data) <= r.length {
			files[r.group] = append(files[r.group], resp.Data...)
		}
		// A response shorter than asked ends the file as well: what follows would not join.
		short[r.group] = short[r.group] || !ended[r.group] && !end && len(resp.Data) < r.length
		ended[r.group] = ended[r.group] || end || len(resp.Data) != r.length
	}
	if len(responses) < len(s.reads) {
		return nil, refuse(StepChip, ReasonIncomplete, errors.New("fewer responses than commands"))
	}
	for _, group := range slices.Sorted(maps.Keys(files)) { // in order, so that the same answers give the same reason
		if err := complete(group, files[group], short[group], ended[group]); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// complete tells a file that the chip gave in smaller pieces, or that is larger than what was asked, from one that ends
// early: the digest judges that one.
func complete(group int, file []byte, short, ended bool) error {
	switch {
	case whole(file):
	case short:
		return refuse(StepChip, ReasonLengthRefused, fmt.Errorf("data group %d: fewer bytes than asked", group))
	case !ended:
		return refuse(StepDataGroups, ReasonReadFailed, fmt.Errorf("data group %d: larger than asked", group))
	}
	return nil
}

// refuseResponse gives the reason for a response that secure messaging does not open. A status word in clear proves
// nothing; it is only told apart because a refused length has a remedy.
func (s *Session) refuseResponse(err error) error {
	if plain, ok := errors.AsType[*sm.PlainStatusError](err); ok && lengthRefused(plain.Status) {
		return refuse(StepChip, ReasonLengthRefused, err)
	}
	if s.recalled {
		return refuse(StepChip, ReasonKnownCardMismatch, err)
	}
	return refuse(StepChip, ReasonChipNotGenuine, err)
}

// statusOf judges a status word that the chip protected, and reports whether it ends the file: a read may overrun,
// and the digest decides whether the file is whole.
func statusOf(r read, resp apdu.Response) (bool, error) {
	switch {
	case resp.SW == apdu.OK:
		return false, nil
	case resp.SW == apdu.EndOfFile, resp.SW == apdu.WrongOffset:
		return true, nil
	case lengthRefused(resp.SW):
		return false, refuse(StepChip, ReasonLengthRefused, nil)
	}
	return false, refuse(StepDataGroups, ReasonReadFailed, fmt.Errorf("data group %d: status %s", r.group, resp.SW))
}

func lengthRefused(sw apdu.Status) bool { return sw == apdu.WrongLength || sw>>8 == 0x6C }

// whole reports whether a file is as long as its header announces.
func whole(file []byte) bool {
	_, header, value, err := tlv.Header(file)
	return err == nil && header+value <= len(file)
}

// exact cuts a file to the length that its header announces: chips may pad a file past it, and the digest covers
// the data object alone.
func exact(file []byte) []byte {
	if !whole(file) {
		return file
	}
	_, header, value, _ := tlv.Header(file)
	return file[:header+value]
}

// expired reports whether the document's last day is over. The day is taken in UTC, so that a document of a State
// east of Greenwich is accepted for the first hours of the next day rather than refused on its last.
func expired(m mrtd.MRZ, at time.Time) bool {
	last, ok := m.ExpiryDay(at)
	return !ok || !at.UTC().Before(last.AddDate(0, 0, 1))
}

// Standing is what the register of lost, stolen and withdrawn documents answered. Its zero value is no answer.
type Standing uint8

// The answers.
const (
	NotReported Standing = iota + 1 // the register was asked and knows nothing against the document
	Reported                        // lost, stolen or withdrawn
	NotAsked                        // no register is configured: a deployment's stated choice
)

// Verdict is a genuine document in good standing, as the chip itself gave it to the server.
type Verdict struct {
	_          struct{} // sets it apart from Reading for the compiler too: no conversion skips Conclude
	mrz        mrtd.MRZ
	groups     map[int][]byte
	memory     []byte
	transcript [32]byte
}

// Conclude ends the judgement. enrolled is the document that the login expects, or nil where any will do (an
// activation, a diagnosis). Any failure is a [*Refusal].
func (r *Reading) Conclude(standing Standing, enrolled *Document) (*Verdict, error) {
	if len(r.groups[1]) == 0 { // the zero Reading: nothing was read
		return nil, refuse(StepDataGroups, ReasonReadFailed, nil)
	}
	if standing != NotReported && standing != NotAsked {
		return nil, refuse(StepStanding, ReasonReported, nil)
	}
	if enrolled != nil && *enrolled != r.Document() {
		return nil, refuse(StepStanding, ReasonNotEnrolled, nil)
	}
	return &Verdict{mrz: r.mrz, groups: r.groups, memory: r.memory, transcript: r.transcript}, nil
}

// Format redacts for every verb: a verdict holds personal data.
func (v Verdict) Format(f fmt.State, _ rune) { redact(f, "Verdict") }

// LogValue implements [slog.LogValuer], redacted.
func (v Verdict) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(v)) }

// MRZ is the machine readable zone that the chip holds in DG1.
func (v *Verdict) MRZ() mrtd.MRZ { return v.mrz }

// File returns a data group that was read under the chip's proof, with its header; nil when it was not in the plan.
func (v *Verdict) File(group int) []byte { return v.groups[group] }

// Memory is what to keep, sealed, to recognise this card at the next login: no name, no number, no date of birth.
// [Recall] takes it.
func (v *Verdict) Memory() []byte { return v.memory }

// Transcript is the digest of the very evidence that was judged: the opening's name, the ephemeral key that the chip was
// given and every response ([wire.CardDigest]). An approval that was given with this card covers it.
func (v *Verdict) Transcript() [32]byte { return v.transcript }
