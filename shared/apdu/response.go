package apdu

import (
	"fmt"
	"log/slog"
)

// maxResponse is the most bytes that a response may have: 65536 of data and the
// status word.
const maxResponse = maxExtendedNe + 2

// Response is a response APDU: data and the status word after it.
type Response struct {
	Data []byte
	SW   Status
}

// ParseResponse decodes a response of 2 to 65538 bytes. Data aliases b. A
// response that is too short is reported as ErrRemoved: it is what PC/SC gives
// when the card leaves during a command.
func ParseResponse(b []byte) (Response, error) {
	if len(b) < 2 {
		return Response{}, ErrRemoved
	}
	if len(b) > maxResponse {
		return Response{}, fmt.Errorf("apdu: response of %d bytes", len(b))
	}
	n := len(b) - 2
	return Response{Data: b[:n:n], SW: Status(b[n])<<8 | Status(b[n+1])}, nil
}

// Bytes encodes r.
func (r Response) Bytes() []byte {
	b := make([]byte, 0, len(r.Data)+2)
	b = append(b, r.Data...)
	return append(b, byte(r.SW>>8), byte(r.SW))
}

// Format prints the size and the status of r for every verb: the data may hold
// keys and personal data.
func (r Response) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%d bytes, %v", len(r.Data), r.SW)
}

// LogValue returns what Format prints.
func (r Response) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// Status is the status word SW1-SW2 of a response.
type Status uint16

// The status words that decide what a reader does next (ISO 7816-4 §5.6).
const (
	OK                   Status = 0x9000
	EndOfFile            Status = 0x6282 // fewer than Ne bytes were left
	WrongLength          Status = 0x6700
	SecurityNotSatisfied Status = 0x6982
	MethodBlocked        Status = 0x6983
	NotFound             Status = 0x6A82 // file or application
	WrongOffset          Status = 0x6B00
)

// TriesLeft returns the counter of 63Cx, how many tries a password still has,
// and whether s is such a status.
func (s Status) TriesLeft() (int, bool) {
	return int(s & 0xF), s&0xFFF0 == 0x63C0
}

// String returns the status word in hexadecimal with its meaning.
func (s Status) String() string {
	return fmt.Sprintf("%04X (%s)", uint16(s), s.meaning())
}

func (s Status) meaning() string {
	for _, known := range [...]struct {
		status Status
		text   string
	}{
		{OK, "success"},
		{EndOfFile, "end of file reached"},
		{0x6283, "file deactivated"},
		{0x6300, "authentication failed"},
		{WrongLength, "wrong length"},
		{0x6882, "secure messaging not supported"},
		{0x6883, "last command of the chain expected"},
		{0x6884, "command chaining not supported"},
		{SecurityNotSatisfied, "security status not satisfied"},
		{MethodBlocked, "authentication method blocked"},
		{0x6984, "reference data not usable"},
		{0x6985, "conditions of use not satisfied"},
		{0x6986, "command not allowed"},
		{0x6987, "secure messaging data objects missing"},
		{0x6988, "secure messaging data objects incorrect"},
		{0x6A80, "incorrect parameters in the data field"},
		{0x6A81, "function not supported"},
		{NotFound, "file or application not found"},
		{0x6A86, "incorrect P1-P2"},
		{0x6A88, "referenced data not found"},
		{WrongOffset, "offset outside the file"},
		{0x6D00, "instruction not supported"},
		{0x6E00, "class not supported"},
		{0x6F00, "unspecified error"},
	} {
		if s == known.status {
			return known.text
		}
	}
	return s.family()
}

func (s Status) family() string {
	if n, ok := s.TriesLeft(); ok {
		return fmt.Sprintf("%d tries left", n)
	}
	switch s >> 8 {
	case 0x61:
		return "more data available"
	case 0x62, 0x63:
		return "warning"
	case 0x6C:
		return "wrong Le"
	case 0x64, 0x65, 0x66:
		return "execution error"
	}
	return "unknown status"
}
