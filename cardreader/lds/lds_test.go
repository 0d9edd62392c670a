package lds_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pivot/cardreader/lds"
	"pivot/shared/apdu"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

// sized returns a file of n bytes in all, of the given template.
func sized(t testing.TB, tag tlv.Tag, n int) []byte {
	t.Helper()
	for header := 2; header < 7; header++ {
		value := make([]byte, max(0, n-header))
		for i := range value {
			value[i] = byte(i * 7)
		}
		if b := tlv.Append(nil, tag, value); len(b) == n {
			return b
		}
	}
	t.Fatalf("no file of %d bytes", n)
	return nil
}

// cnie is the file system of a card like the French one, with the sizes that
// have been seen on it.
func cnie(t testing.TB) *memory {
	t.Helper()
	return &memory{files: map[byte][]byte{
		0x1C: sized(t, 0x31, 42), 0x1D: sized(t, 0x77, 1809), 0x01: sized(t, 0x61, 95),
		0x02: sized(t, 0x75, 15000), 0x0D: sized(t, 0x6D, 300), 0x0E: sized(t, 0x6E, 391),
	}}
}

func reach(n int) lds.Reach { return lds.Reach{Extended: n > 0, MaxResponse: n} }

// TestCommandCounts pins how many commands each file takes: what a login costs.
func TestCommandCounts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file     lds.File
		extended int // bytes of one response, 0 for short length
		want     int
	}{
		{lds.DG(1), 0, 1},
		{lds.DG(14), 0, 2},
		{lds.SOD, 0, 9},
		{lds.DG(2), 0, 68},
		{lds.DG(1), 4096, 1},
		{lds.DG(14), 4096, 1},
		{lds.SOD, 4096, 1},
		{lds.DG(2), 4096, 4},
		{lds.SOD, 1024, 2},
		{lds.DG(2), 65536, 1},
		{lds.SOD, 258, 9}, // a response no longer than a short one is short
	}
	for _, tt := range tests {
		for _, past := range []apdu.Status{apdu.OK, apdu.EndOfFile} {
			t.Run(fmt.Sprintf("%v/%d/%04X", tt.file, tt.extended, uint16(past)), func(t *testing.T) {
				t.Parallel()
				m := cnie(t)
				m.past = past
				link, channel := protected(t, m.card)
				r := lds.NewReader(link, channel, reach(tt.extended))
				got, err := r.ReadFile(t.Context(), tt.file, nil)
				if err != nil || !bytes.Equal(got, m.files[byte(tt.file)]) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
				if link.count != tt.want {
					t.Errorf("%d commands, want %d", link.count, tt.want)
				}
			})
		}
	}
}

// TestLogin counts a whole login but for PACE and Chip Authentication, which
// take 7 commands: 12 in all with extended length, 21 with short.
func TestLogin(t *testing.T) {
	t.Parallel()
	for extended, want := range map[int]int{4096: 12, 0: 21} {
		m := cnie(t)
		open := inClear(t, m.card)
		if _, err := lds.ReadCardAccess(t.Context(), open); err != nil {
			t.Fatal(err)
		}
		link, channel := protected(t, m.card)
		r := lds.NewReader(link, channel, reach(extended))
		if err := r.SelectApplication(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, f := range []lds.File{lds.DG(14), lds.SOD, lds.DG(1)} {
			if _, err := r.ReadFile(t.Context(), f, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := open.count + link.count + 7; got != want {
			t.Errorf("reach %d: %d commands, want %d", extended, got, want)
		}
		if used := link.extended > 0; used != (extended > 0) || r.Extended() != (extended > 0) {
			t.Errorf("reach %d: %d commands of extended length", extended, link.extended)
		}
	}
}

// TestLargeFile reads past 32767, where the offset no longer fits in P1-P2.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	for _, n := range []int{32767, 32768, 32769, 33000, 65536} {
		for _, extended := range []int{0, 4096, 65536} {
			m := &memory{files: map[byte][]byte{2: sized(t, 0x75, n)}}
			link, channel := protected(t, m.card)
			got, err := lds.NewReader(link, channel, reach(extended)).ReadFile(t.Context(), lds.DG(2), nil)
			if err != nil || !bytes.Equal(got, m.files[2]) {
				t.Errorf("%d bytes, reach %d: got %d, %v", n, extended, len(got), err)
			}
		}
	}
}

// TestLastBlock checks last blocks whose protected response is just too long for
// short length.
func TestLastBlock(t *testing.T) {
	t.Parallel()
	for _, rest := range []int{1, 223, 224, 240, 256, 257} {
		m := &memory{files: map[byte][]byte{2: sized(t, 0x75, 4063+rest)}}
		link, channel := protected(t, m.card)
		got, err := lds.NewReader(link, channel, reach(4096)).ReadFile(t.Context(), lds.DG(2), nil)
		if err != nil || !bytes.Equal(got, m.files[2]) || link.count != 2 {
			t.Errorf("%d bytes left: got %d in %d commands, %v", rest, len(got), link.count, err)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	m := cnie(t)
	link, channel := protected(t, m.card)
	var steps []string
	progress := func(read, total int) { steps = append(steps, fmt.Sprintf("%d/%d", read, total)) }
	if _, err := lds.NewReader(link, channel, reach(0)).ReadFile(t.Context(), lds.DG(14), progress); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(steps, " "); got != "223/391 391/391" {
		t.Errorf("progress %q", got)
	}
}

// TestCardManners bends one thing at a time of a card that can still be read.
func TestCardManners(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		bend     func(*memory)
		extended int
		commands int
		stays    bool // extended length remains in use
	}{
		{"genuine", func(*memory) {}, 4096, 1, true},
		{"short answers", func(m *memory) { m.max = 100 }, 4096, 19, true},
		{"answers of one byte less", func(m *memory) { m.max = 222 }, 0, 9, false},
		{"no short identifiers", func(m *memory) { m.noSFI = 0x6A86 }, 4096, 3, true},
		{"short identifiers not found", func(m *memory) { m.noSFI = apdu.NotFound }, 4096, 3, true},
		{"short identifiers taken as offset", func(m *memory) { m.noSFI = apdu.WrongOffset }, 0, 11, false},
		{"extended length refused under protection", func(m *memory) {
			m.refuse = func(c apdu.Command) apdu.Status { return when(c.Ne > 256, apdu.WrongLength) }
		}, 4096, 10, false},
		{"extended length answered 6C80", func(m *memory) {
			m.refuse = func(c apdu.Command) apdu.Status { return when(c.Ne > 256, 0x6C80) }
		}, 4096, 16, false},
		{"blocks over 128 refused", func(m *memory) {
			m.refuse = func(c apdu.Command) apdu.Status { return when(c.Ne > 128, apdu.WrongLength) }
		}, 0, 18, false},
		{"blocks over 128 answered 6C80", func(m *memory) {
			m.refuse = func(c apdu.Command) apdu.Status { return when(c.Ne > 128, 0x6C80) }
		}, 0, 16, false},
		{"padded file", func(m *memory) { m.files[0x1D] = append(m.files[0x1D], make([]byte, 500)...) }, 4096, 1, true},
		{"padded file in short blocks", func(m *memory) { m.files[0x1D] = append(m.files[0x1D], make([]byte, 500)...) }, 0, 9, false},
		{"non-minimal length", func(m *memory) {
			m.files[0x1D] = append([]byte{0x77, 0x83, 0x00, 0x07, 0x0D}, make([]byte, 1805)...)
		}, 4096, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := cnie(t)
			tt.bend(m)
			link, channel := protected(t, m.card)
			r := lds.NewReader(link, channel, reach(tt.extended))
			got, err := r.ReadFile(t.Context(), lds.SOD, nil)
			if err != nil || !bytes.HasPrefix(m.files[0x1D], got) || len(got) < 1809 || len(got) > 1810 {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if link.count != tt.commands {
				t.Errorf("%d commands, want %d", link.count, tt.commands)
			}
			if r.Extended() != tt.stays {
				t.Errorf("extended length in use: %v", r.Extended())
			}
			before := link.extended
			if _, err := r.ReadFile(t.Context(), lds.DG(14), nil); err != nil {
				t.Errorf("the next file: %v", err)
			}
			if used := link.extended > before; used != tt.stays {
				t.Errorf("the next file used extended length: %v", used)
			}
		})
	}
}

func when(condition bool, sw apdu.Status) apdu.Status {
	if condition {
		return sw
	}
	return 0
}

// TestReadFileRefuses breaks one thing in each row of a card that is read in the
// first one.
func TestReadFileRefuses(t *testing.T) {
	t.Parallel()
	answer := func(s string, sw apdu.Status) card {
		return func(apdu.Command) apdu.Response { return apdu.Response{Data: []byte(s), SW: sw} }
	}
	tests := []struct {
		name string
		card card
		want error
	}{
		{"genuine", answer("\x77\x02ab", apdu.OK), nil},
		{"not found", answer("", apdu.NotFound), lds.ErrNotFound},
		{"access refused", answer("", apdu.SecurityNotSatisfied), lds.ErrAccess},
		{"unknown status", answer("", 0x6F00), lds.ErrAccess},
		{"every length refused", answer("", apdu.WrongLength), lds.ErrAccess},
		{"6C without end", answer("", 0x6C05), lds.ErrAccess},
		{"other template", answer("\x61\x02ab", apdu.OK), lds.ErrCard},
		{"no data", answer("", apdu.OK), lds.ErrCard},
		{"half a header", answer("\x77\x82\x07", apdu.OK), lds.ErrCard},
		{"erased file", answer("\x00\x00\x00\x00", apdu.OK), lds.ErrCard},
		{"endless tag", answer("\x1F\xFF\xFF\xFF\xFF", apdu.OK), lds.ErrCard},
		{"4 GiB announced", answer("\x77\x84\xFF\xFF\xFF\xFF", apdu.OK), lds.ErrCard},
		{"2 GB announced", answer("\x77\x84\x77\x35\x94\x00", apdu.OK), lds.ErrCard},
		{"16 MiB announced", answer("\x77\x83\xFF\xFF\xFF", apdu.OK), lds.ErrCard},
		{"over the cap", answer("\x77\x82\x40\x00", apdu.OK), lds.ErrCard},
		{"indefinite length", answer("\x77\x80ab\x00\x00", apdu.OK), lds.ErrCard},
		{"end before the announced one", answer("\x77\x7Fab", apdu.EndOfFile), lds.ErrCard},
		{"stops giving", func(c apdu.Command) apdu.Response {
			if c.P1 == 0x9D {
				return apdu.Response{Data: []byte("\x77\x7Fab"), SW: apdu.OK}
			}
			return apdu.Response{SW: apdu.OK}
		}, lds.ErrCard},
		{"offset refused", func(c apdu.Command) apdu.Response {
			if c.P1 == 0x9D {
				return apdu.Response{Data: []byte("\x77\x7Fab"), SW: apdu.OK}
			}
			return apdu.Response{SW: apdu.WrongOffset}
		}, lds.ErrCard},
		{"one byte at a time", func(c apdu.Command) apdu.Response {
			if c.P1 == 0x9D {
				return apdu.Response{Data: []byte("\x77\x82\x30\x00"), SW: apdu.OK}
			}
			return apdu.Response{Data: []byte{1}, SW: apdu.OK}
		}, lds.ErrCard},
		{"leaves", func(apdu.Command) apdu.Response { return apdu.Response{} }, apdu.ErrRemoved},
	}
	for _, tt := range tests {
		for _, extended := range []int{0, 4096} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, extended), func(t *testing.T) {
				t.Parallel()
				link, channel := protected(t, tt.card)
				got, err := lds.NewReader(link, channel, reach(extended)).ReadFile(t.Context(), lds.SOD, nil)
				if !errors.Is(err, tt.want) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
				if (err == nil) != (got != nil) {
					t.Errorf("%d bytes with %v", len(got), err)
				}
				if link.count > 1025 {
					t.Errorf("%d commands", link.count)
				}
			})
		}
	}
}

func TestFarBlockRefuses(t *testing.T) {
	t.Parallel()
	for name, far := range map[string]string{
		"not wrapped": "abc", "other tag": "\x54\x01a", "byte after": "\x53\x01ab", "empty": "\x53\x00", "truncated": "\x53\x05a",
	} {
		m := &memory{files: map[byte][]byte{2: sized(t, 0x75, 40000)}}
		link, channel := protected(t, func(c apdu.Command) apdu.Response {
			if c.INS == 0xB1 {
				return apdu.Response{Data: []byte(far), SW: apdu.OK}
			}
			return m.card(c)
		})
		if _, err := lds.NewReader(link, channel, reach(4096)).ReadFile(t.Context(), lds.DG(2), nil); !errors.Is(err, lds.ErrCard) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestExtendedRefusedInClear plays a card that answers extended length with a
// bare status, which ends the session; the caller starts another in short.
func TestExtendedRefusedInClear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sw       apdu.Status
		extended int
		want     error
	}{
		{apdu.WrongLength, 4096, lds.ErrExtendedRefused},
		{0x6C00, 4096, lds.ErrExtendedRefused},
		{0x6988, 4096, nil},        // not about the length
		{apdu.WrongLength, 0, nil}, // not about extended length
	} {
		m := cnie(t)
		link, channel := protected(t, m.card)
		link.plain = func(apdu.Command) apdu.Status { return tt.sw }
		r := lds.NewReader(link, channel, reach(tt.extended))
		_, err := r.ReadFile(t.Context(), lds.SOD, nil)
		if refused := errors.Is(err, lds.ErrExtendedRefused); refused != (tt.want != nil) {
			t.Errorf("%v: got %v", tt.sw, err)
		}
		if plain, ok := errors.AsType[*sm.PlainStatusError](err); !ok || plain.Status != tt.sw {
			t.Errorf("%v: the status is lost: %v", tt.sw, err)
		}
		if _, err := r.ReadFile(t.Context(), lds.SOD, nil); !errors.Is(err, sm.ErrDead) {
			t.Errorf("%v: the session goes on: %v", tt.sw, err)
		}
	}
}

func TestReadCardAccess(t *testing.T) {
	t.Parallel()
	file := sized(t, 0x31, 42)
	long := sized(t, 0x31, 600)
	genuine := func() *memory { return &memory{files: map[byte][]byte{0x1C: file}} }
	answer := func(s string, sw apdu.Status) card {
		return func(apdu.Command) apdu.Response { return apdu.Response{Data: []byte(s), SW: sw} }
	}
	bent := func(bend func(*memory)) card {
		m := genuine()
		bend(m)
		return m.card
	}
	tests := []struct {
		name  string
		card  card
		want  []byte
		err   error
		count int // 0: any
	}{
		{"genuine", genuine().card, file, nil, 1},
		{"longer than a response", bent(func(m *memory) { m.files[0x1C] = long }), long, nil, 3},
		{"padded", bent(func(m *memory) { m.files[0x1C] = append(bytes.Clone(file), make([]byte, 22)...) }), file, nil, 1},
		{"by identifier", bent(func(m *memory) { m.noSFI = 0x6A86 }), file, nil, 3},
		{"256 refused", bent(func(m *memory) {
			m.refuse = func(c apdu.Command) apdu.Status { return when(c.Ne == 256, apdu.WrongLength) }
		}), file, nil, 2},
		{"256 answered 6C2A", bent(func(m *memory) {
			m.refuse = func(c apdu.Command) apdu.Status { return when(c.Ne == 256, 0x6C2A) }
		}), file, nil, 2},
		{"bank card", answer("", apdu.NotFound), nil, lds.ErrNotIdentityCard, 0},
		{"instruction unknown", answer("", 0x6D00), nil, lds.ErrNotIdentityCard, 0},
		{"class unknown", answer("", 0x6E00), nil, lds.ErrNotIdentityCard, 0},
		{"access refused", answer("", apdu.SecurityNotSatisfied), nil, lds.ErrNotIdentityCard, 0},
		{"every length refused", answer("", apdu.WrongLength), nil, lds.ErrNotIdentityCard, 0},
		{"something else there", answer("\x61\x02ab", apdu.OK), nil, lds.ErrNotIdentityCard, 0},
		{"malformed", answer("\x31\x84\xFF\xFF\xFF\xFF", apdu.OK), nil, lds.ErrCard, 0},
		{"over the cap", answer("\x31\x82\x40\x00", apdu.OK), nil, lds.ErrCard, 0},
		{"leaves", answer("", 0), nil, apdu.ErrRemoved, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			link := inClear(t, tt.card)
			got, err := lds.ReadCardAccess(t.Context(), link)
			if !errors.Is(err, tt.err) || !bytes.Equal(got, tt.want) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if tt.count != 0 && link.count != tt.count {
				t.Errorf("%d commands, want %d", link.count, tt.count)
			}
			for _, c := range link.commands {
				if c.INS == 0xA4 && (c.P1 == 0 || bytes.Equal(c.Data, []byte{0x3F, 0})) {
					t.Error("the master file is selected")
				}
			}
		})
	}
}

func TestSelectApplication(t *testing.T) {
	t.Parallel()
	for sw, want := range map[apdu.Status]error{
		apdu.OK: nil, apdu.NotFound: lds.ErrNotIdentityCard, apdu.SecurityNotSatisfied: lds.ErrAccess, 0x6985: lds.ErrAccess, 0: apdu.ErrRemoved,
	} {
		play := func(c apdu.Command) apdu.Response {
			if c.INS != 0xA4 || c.P1 != 4 || c.P2 != 0x0C || fmt.Sprintf("%X", c.Data) != "A0000002471001" {
				t.Errorf("command %v", c)
			}
			return apdu.Response{SW: sw}
		}
		if err := lds.SelectApplication(t.Context(), inClear(t, play)); !errors.Is(err, want) {
			t.Errorf("%v in clear: got %v", sw, err)
		}
		link, channel := protected(t, play)
		if err := lds.NewReader(link, channel, reach(0)).SelectApplication(t.Context()); !errors.Is(err, want) {
			t.Errorf("%v protected: got %v", sw, err)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	for f, want := range map[lds.File]string{
		lds.CardAccess: "EF.CardAccess", lds.SOD: "EF.SOD", lds.COM: "EF.COM", lds.DG(1): "EF.DG1", lds.DG(16): "EF.DG16",
		lds.DG(0): "no file", lds.DG(17): "no file", lds.DG(0x1D): "no file", lds.DG(257): "no file",
	} {
		if f.String() != want {
			t.Errorf("%v, want %s", f, want)
		}
	}
	link, channel := protected(t, func(apdu.Command) apdu.Response { return apdu.Response{SW: apdu.OK} })
	for _, f := range []lds.File{0, lds.CardAccess, 17, 0x1F} {
		if _, err := lds.NewReader(link, channel, reach(0)).ReadFile(t.Context(), f, nil); !errors.Is(err, lds.ErrNotFound) {
			t.Errorf("%v: got %v", f, err)
		}
	}
	if link.count != 0 {
		t.Errorf("%d commands for files that do not exist", link.count)
	}
}

// FuzzReadFile plays a card whose plain answers are what the fuzzer says: each is
// a length byte, data and a status. It checks bounds, not meaning.
func FuzzReadFile(f *testing.F) {
	f.Add([]byte("\x04\x77\x02ab\x90\x00"), byte(0x1D), 0)
	f.Add([]byte("\x04\x77\x7Fab\x90\x00\x02cd\x62\x82"), byte(0x1D), 4096)
	f.Add([]byte("\x00\x67\x00\x00\x6A\x86\x00\x90\x00\x04\x6E\x02ab\x90\x00"), byte(0x0E), 4096)
	f.Add([]byte("\x06\x75\x84\xFF\xFF\xFF\xFF\x90\x00"), byte(2), 65536)
	f.Fuzz(func(t *testing.T, answers []byte, file byte, extended int) {
		next := func(apdu.Command) apdu.Response {
			if len(answers) < 3 {
				return apdu.Response{SW: 0x6F00}
			}
			n := min(int(answers[0]), len(answers)-3)
			r := apdu.Response{Data: answers[1 : 1+n], SW: apdu.Status(answers[1+n])<<8 | apdu.Status(answers[2+n])}
			answers = answers[3+n:]
			return r
		}
		link, channel := protected(t, next)
		told := 0
		got, err := lds.NewReader(link, channel, reach(extended)).ReadFile(t.Context(), lds.File(file), func(read, total int) {
			if read <= told || read > total || total > 1<<16 {
				t.Fatalf("progress %d of %d after %d", read, total, told)
			}
			told = read
		})
		if link.count > 2050 {
			t.Fatalf("%d commands", link.count)
		}
		if err != nil {
			return
		}
		if tag, header, value, err := tlv.Header(got); err != nil || header+value != len(got) || tag == 0 {
			t.Fatalf("read %X: %v", got, err)
		}
	})
}
