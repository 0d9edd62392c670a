package card_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/verify/card"
	"pivot/shared/apdu"
	"pivot/shared/brainpool"
	"pivot/shared/cmac"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

// prove takes the document from examination to verdict.
func (d *document) prove(tb testing.TB) *card.Verdict {
	tb.Helper()
	return d.conclude(tb, must(d.examine(tb))(tb))
}

// conclude has the document's chip give DG1.
func (d *document) conclude(tb testing.TB, chip *card.Chip) *card.Verdict {
	tb.Helper()
	x := d.exchange(tb, chip, card.Plan{Groups: []card.Group{{Number: 1}}})
	reading := must(x.session.Judge([][]byte{x.respond(tb, 0, d.groups[1], apdu.EndOfFile)}, d.state.policy, noon()))(tb)
	return must(reading.Conclude(card.NotReported, nil))(tb)
}

// exchange is a challenge with both ends in hand: the server's session, and the keys that the chip derives.
type exchange struct {
	session *card.Session
	keys    sm.Keys
}

func (d *document) exchange(tb testing.TB, chip *card.Chip, plan card.Plan) exchange {
	tb.Helper()
	open, challenge, err := chip.Challenge(plan)
	if err != nil {
		tb.Fatal(err)
	}
	peer := must(chipCurve().ParsePoint(challenge.EphemeralPublic))(tb)
	secret := must(brainpool.SharedX(d.key, peer))(tb)
	// id-CA-ECDH-AES-CBC-CMAC-128, -192 and -256 end in 2, 3 and 4 (TR-03110-3 A.1.1.2).
	suite := sm.Suite(challenge.OID[len(challenge.OID)-1] - 1)
	return exchange{session: must(card.Resume(open.Marshal()))(tb), keys: must(suite.Derive(secret))(tb)}
}

// respond protects the i-th response of a batch as the chip does (ICAO 9303-11 §9.8.4, figure 6).
func (x exchange) respond(tb testing.TB, i int, data []byte, sw apdu.Status) []byte {
	tb.Helper()
	raw := x.keys.Marshal()[1:]
	block := must(aes.NewCipher(raw[:len(raw)/2]))(tb)
	mac := must(cmac.New(raw[len(raw)/2:]))(tb)
	counter := binary.BigEndian.AppendUint64(make([]byte, 8), uint64(2*i+2))
	var body []byte
	if len(data) > 0 {
		iv, text := make([]byte, aes.BlockSize), padded(data)
		block.Encrypt(iv, counter)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
		body = tlv.Append(nil, 0x87, append([]byte{1}, text...))
	}
	status := binary.BigEndian.AppendUint16(nil, uint16(sw))
	body = tlv.Append(body, 0x99, status)
	code := mac.Sum(counter, padded(body))
	return append(tlv.Append(body, 0x8E, code[:8]), status...)
}

// padded is ISO/IEC 9797-1 padding method 2.
func padded(b []byte) []byte {
	out := append(bytes.Clone(b), 0x80)
	for len(out)%aes.BlockSize != 0 {
		out = append(out, 0)
	}
	return out
}

// part is what a chip gives to one command: bytes of DG1, 95 long, or zeros past its end.
type part struct {
	from, to int
	status   apdu.Status
}

// TestAnswersOfTheChip has the genuine chip answer in every way that cards do.
func TestAnswersOfTheChip(t *testing.T) {
	t.Parallel()
	const ok, end, past = apdu.OK, apdu.EndOfFile, apdu.WrongOffset
	for _, tc := range []struct {
		name   string
		size   int // asked, in blocks
		block  int
		parts  []part
		step   card.Step // 0: accepted
		reason card.Reason
	}{
		{"as asked", 95, 40, []part{{0, 40, ok}, {40, 80, ok}, {80, 95, ok}}, 0, ""},
		{"end of file said at the end", 120, 40, []part{{0, 40, ok}, {40, 80, ok}, {80, 95, end}}, 0, ""},
		{"padded past its end", 120, 40, []part{{0, 40, ok}, {40, 80, ok}, {80, 120, ok}}, 0, ""},
		{"offset past the end of the file", 120, 95, []part{{0, 95, ok}, {0, 0, past}}, 0, ""},
		{"end of file past its end", 120, 95, []part{{0, 95, ok}, {0, 0, end}}, 0, ""},
		{"nothing past its end", 120, 95, []part{{0, 95, ok}, {0, 0, ok}}, 0, ""},
		{"end of file said before it", 95, 40, []part{{0, 40, ok}, {40, 80, end}, {80, 95, ok}}, card.StepDataGroups, card.ReasonHashMismatch},
		{"end of file said before it, and fewer bytes", 120, 40, []part{{0, 40, ok}, {40, 70, end}, {70, 110, ok}}, card.StepDataGroups, card.ReasonHashMismatch},
		{"offset refused before the end", 95, 40, []part{{0, 40, ok}, {0, 0, past}, {40, 80, ok}}, card.StepDataGroups, card.ReasonHashMismatch},
		{"fewer bytes than asked", 120, 40, []part{{0, 40, ok}, {40, 70, ok}, {70, 95, ok}}, card.StepChip, card.ReasonLengthRefused},
		{"no byte at all", 95, 95, []part{{0, 0, ok}}, card.StepChip, card.ReasonLengthRefused},
		{"more bytes than asked", 60, 60, []part{{0, 95, ok}}, card.StepDataGroups, card.ReasonHashMismatch},
		{"more bytes than asked, and then the file", 190, 95, []part{{0, 96, ok}, {0, 95, ok}}, card.StepDataGroups, card.ReasonHashMismatch},
		{"larger than asked", 60, 60, []part{{0, 60, ok}}, card.StepDataGroups, card.ReasonReadFailed},
		{"wrong length", 95, 95, []part{{0, 0, apdu.WrongLength}}, card.StepChip, card.ReasonLengthRefused},
		{"another length would do", 95, 95, []part{{0, 0, 0x6C5F}}, card.StepChip, card.ReasonLengthRefused},
		{"security status", 95, 95, []part{{0, 0, 0x6982}}, card.StepDataGroups, card.ReasonReadFailed},
		{"error after the whole file", 120, 95, []part{{0, 95, ok}, {0, 0, 0x6982}}, card.StepDataGroups, card.ReasonReadFailed},
		{"warning of a damaged file", 95, 95, []part{{0, 95, 0x6281}}, card.StepDataGroups, card.ReasonReadFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newState(t).document(t)
			x := d.exchange(t, must(d.examine(t))(t), card.Plan{Groups: []card.Group{{Number: 1, Size: tc.size}}, Block: tc.block})
			file := append(bytes.Clone(d.groups[1]), make([]byte, 120)...)
			var responses [][]byte
			for i, p := range tc.parts {
				responses = append(responses, x.respond(t, i, file[p.from:p.to], p.status))
			}
			reading, err := x.session.Judge(responses, d.state.policy, noon())
			if tc.step != 0 {
				if r := refusal(t, err); r.Step != tc.step || r.Reason != tc.reason || reading != nil {
					t.Errorf("refused at %s for %s, want %s, %s: %v", r.Step, r.Reason, tc.step, tc.reason, err)
				}
				return
			}
			v := must(must(reading, err)(t).Conclude(card.NotReported, nil))(t)
			if diff := cmp.Diff(d.groups[1], v.File(1)); diff != "" {
				t.Errorf("DG1 (-signed +read):\n%s", diff)
			}
		})
	}
}

// TestLengthRefusedInClear has a status in clear: it proves nothing, and only one of a length has a remedy.
func TestLengthRefusedInClear(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status []byte
		reason card.Reason
	}{
		{[]byte{0x67, 0x00}, card.ReasonLengthRefused},
		{[]byte{0x6C, 0x00}, card.ReasonLengthRefused},
		{[]byte{0x6C, 0xDF}, card.ReasonLengthRefused},
		{[]byte{0x67, 0x01}, card.ReasonChipNotGenuine},
		{[]byte{0x6D, 0x00}, card.ReasonChipNotGenuine},
		{[]byte{0x62, 0x82}, card.ReasonChipNotGenuine},
	} {
		d := newState(t).document(t)
		x := d.exchange(t, must(d.examine(t))(t), card.Plan{Groups: []card.Group{{Number: 1}}})
		_, err := x.session.Judge([][]byte{tc.status}, d.state.policy, noon())
		if r := refusal(t, err); r.Step != card.StepChip || r.Reason != tc.reason {
			t.Errorf("%x: refused at %s for %s, want %s", tc.status, r.Step, r.Reason, tc.reason)
		}
	}
}

// TestReadingWithoutTheZone reads a data group and not DG1: there is no document without its zone.
func TestReadingWithoutTheZone(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	x := d.exchange(t, must(d.examine(t))(t), card.Plan{Groups: []card.Group{{Number: 13}}})
	responses := [][]byte{x.respond(t, 0, d.groups[13], apdu.EndOfFile)}
	for i := 1; i < 5; i++ {
		responses = append(responses, x.respond(t, i, nil, apdu.WrongOffset))
	}
	_, err := x.session.Judge(responses, d.state.policy, noon())
	if r := refusal(t, err); r.Step != card.StepDocument || r.Reason != card.ReasonBadData {
		t.Errorf("refused at %s for %s", r.Step, r.Reason)
	}
}

// TestJudgedSessionHoldsNoKeys looks for the keys before and after, and asks a second time: that is a mistake of the
// server's, and no refusal of the card.
func TestJudgedSessionHoldsNoKeys(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	x := d.exchange(t, must(d.examine(t))(t), card.Plan{Groups: []card.Group{{Number: 1}}})
	responses := [][]byte{x.respond(t, 0, d.groups[1], apdu.EndOfFile)}
	keys := x.keys.Marshal()
	if !bytes.Contains(x.session.Marshal(), keys) {
		t.Error("a session without its keys")
	}
	if _, err := x.session.Judge(responses, d.state.policy, noon()); err != nil {
		t.Errorf("positive control: %v", err)
	}
	if bytes.Contains(x.session.Marshal(), keys) {
		t.Error("a judged session keeps its keys")
	}
	_, err := x.session.Judge(responses, d.state.policy, noon())
	if _, refused := errors.AsType[*card.Refusal](err); err == nil || refused {
		t.Errorf("judged again: %v", err)
	}
}

// TestLastDay judges at the borders of the last day, which is one of UTC.
func TestLastDay(t *testing.T) {
	t.Parallel()
	over := time.Date(2034, time.February, 12, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		expiry string
		at     time.Time
		reason card.Reason // empty: accepted
	}{
		{"the last nanosecond", "340211", over.Add(-1), ""},
		{"the last nanosecond, where it is tomorrow already", "340211", over.Add(-1).In(time.FixedZone("", 14*3600)), ""},
		{"midnight after it", "340211", over, card.ReasonExpired},
		{"midnight after it, where it is yesterday still", "340211", over.In(time.FixedZone("", -12*3600)), card.ReasonExpired},
		{"the day before", "340211", over.AddDate(0, 0, -2), ""},
		{"no day", "340231", over.AddDate(0, 0, -2), card.ReasonBadData},
		{"no month", "341311", over.AddDate(0, 0, -2), card.ReasonBadData},
		{"never", "<<<<<<", over.AddDate(0, 0, -2), card.ReasonBadData},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newState(t).document(t)
			d.groups[1] = dg1(t, "X4RTBPFW4", tc.expiry)
			x := d.exchange(t, must(d.examine(t))(t), card.Plan{Groups: []card.Group{{Number: 1}}})
			_, err := x.session.Judge([][]byte{x.respond(t, 0, d.groups[1], apdu.EndOfFile)}, d.state.policy, tc.at)
			if tc.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if r := refusal(t, err); r.Reason != tc.reason {
				t.Errorf("refused for %s, want %s", r.Reason, tc.reason)
			}
		})
	}
}

// TestStandingAndEnrolment changes one thing of what a login expects.
func TestStandingAndEnrolment(t *testing.T) {
	t.Parallel()
	enrolled := card.Document{State: "FRA", Code: "ID", Number: "X4RTBPFW4"}
	d := newState(t).document(t)
	x := d.exchange(t, must(d.examine(t))(t), card.Plan{Groups: []card.Group{{Number: 1}}})
	reading := must(x.session.Judge([][]byte{x.respond(t, 0, d.groups[1], apdu.EndOfFile)}, d.state.policy, noon()))(t)
	if got := reading.Document(); got != enrolled {
		t.Fatal("another document was read")
	}
	for _, tc := range []struct {
		name     string
		standing card.Standing
		change   func(*card.Document)
		reason   card.Reason // empty: accepted
	}{
		{"the one enrolled", card.NotReported, func(*card.Document) {}, ""},
		{"the one enrolled, no register", card.NotAsked, func(*card.Document) {}, ""},
		{"a standing that there is not", 9, func(*card.Document) {}, card.ReasonReported},
		{"another number", card.NotReported, func(d *card.Document) { d.Number = "X4RTBPFW5" }, card.ReasonNotEnrolled},
		{"its number in another State", card.NotReported, func(d *card.Document) { d.State = "UTO" }, card.ReasonNotEnrolled},
		{"its number on another kind", card.NotReported, func(d *card.Document) { d.Code = "P" }, card.ReasonNotEnrolled},
		{"nothing enrolled but an empty document", card.NotReported, func(d *card.Document) { *d = card.Document{} }, card.ReasonNotEnrolled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			expected := enrolled
			tc.change(&expected)
			v, err := reading.Conclude(tc.standing, &expected)
			if tc.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if r := refusal(t, err); r.Step != card.StepStanding || r.Reason != tc.reason || v != nil {
				t.Errorf("refused at %s for %s, want %s", r.Step, r.Reason, tc.reason)
			}
		})
	}
}
