package card

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

// Document names one document: who issued it, its kind, its number.
type Document struct {
	State  string // issuing State, as in the MRZ
	Code   string // document code without fillers
	Number string // document number without fillers
}

// String redacts: a document number is personal data.
func (d Document) String() string { return "document(" + d.State + " " + d.Code + " redacted)" }

// GoString redacts likewise.
func (d Document) GoString() string { return d.String() }

// LogValue implements [slog.LogValuer], redacted.
func (d Document) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Reading is what a genuine chip said, authenticated to the last byte; the next step is [Reading.Conclude].
type Reading struct {
	mrz    mrtd.MRZ
	groups map[int][]byte
	memory []byte
}

// String redacts: a reading holds personal data.
func (r *Reading) String() string { return "card.Reading(redacted)" }

// GoString redacts.
func (r *Reading) GoString() string { return r.String() }

// LogValue implements [slog.LogValuer], redacted.
func (r *Reading) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Document names the document that was read, for the register that knows of losses and thefts.
func (r *Reading) Document() Document { return documentOf(r.mrz) }

func documentOf(m mrtd.MRZ) Document {
	return Document{State: m.Issuer, Code: m.DocumentCode, Number: m.Number}
}

// Judge verifies every response to the batch, in the order length, MAC and counter, status, decryption; then each
// data group against the SOD; then the document's kind, State and expiry as of now. Any failure is a [*Refusal].
func (s *Session) Judge(responses [][]byte, policy Policy, at time.Time) (*Reading, error) {
	files, err := s.unwrap(responses)
	if err != nil {
		return nil, err
	}
	for group, want := range s.groups {
		files[group] = exact(files[group])
		if !matches(s.digest, want, files[group]) {
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
	return &Reading{mrz: mrz, groups: files, memory: s.memory}, nil
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
		short[r.group] = short[r.group] || !end && len(resp.Data) < r.length
		ended[r.group] = ended[r.group] || end || len(resp.Data) != r.length
	}
	if len(responses) < len(s.reads) {
		return nil, refuse(StepChip, ReasonIncomplete, errors.New("fewer responses than commands"))
	}
	for group := range short {
		if short[group] && !whole(files[group]) {
			return nil, refuse(StepChip, ReasonLengthRefused, fmt.Errorf("data group %d: fewer bytes than asked", group))
		}
	}
	return files, nil
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
	mrz    mrtd.MRZ
	groups map[int][]byte
	memory []byte
}

// Conclude ends the judgement. enrolled is the document that the login expects, or nil where any will do (an
// activation, a diagnosis). Any failure is a [*Refusal].
func (r *Reading) Conclude(standing Standing, enrolled *Document) (*Verdict, error) {
	if standing != NotReported && standing != NotAsked {
		return nil, refuse(StepStanding, ReasonReported, nil)
	}
	if enrolled != nil && *enrolled != r.Document() {
		return nil, refuse(StepStanding, ReasonNotEnrolled, nil)
	}
	return &Verdict{mrz: r.mrz, groups: r.groups, memory: r.memory}, nil
}

// String redacts: a verdict holds personal data.
func (v *Verdict) String() string { return "card.Verdict(redacted)" }

// GoString redacts.
func (v *Verdict) GoString() string { return v.String() }

// LogValue implements [slog.LogValuer], redacted.
func (v *Verdict) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MRZ is the machine readable zone that the chip holds in DG1.
func (v *Verdict) MRZ() mrtd.MRZ { return v.mrz }

// File returns a data group that was read under the chip's proof, with its header; nil when it was not in the plan.
func (v *Verdict) File(group int) []byte { return v.groups[group] }

// Memory is what to keep, sealed, to recognise this card at the next login: no name, no number, no date of birth.
// [Recall] takes it.
func (v *Verdict) Memory() []byte { return v.memory }
