//go:build cgo && !windows && !nopcsc

package pcsc

// The wait for changes is bound here and not taken from the scard library, because that one keeps the names of the
// readers waited for alive in a map of the whole process, by name: two waits at a time free each other's names
// while C still reads them.

/*
#cgo !darwin pkg-config: libpcsclite
#cgo darwin LDFLAGS: -framework PCSC
#include <stdint.h>
#include <string.h>
#ifdef __APPLE__
#include <PCSC/winscard.h>
#include <PCSC/wintypes.h>
#else
#include <winscard.h>
#endif

#define SLOTS 16

typedef struct {
	uint32_t word;
	uint32_t atr_length;
	unsigned char atr[MAX_ATR_SIZE];
} slot_state;

// wait_change is SCardGetStatusChange on n readers whose names follow each other in names, each with its zero.
static uint32_t wait_change(SCARDCONTEXT context, uint32_t timeout, const char *names, slot_state *slots, int n) {
	SCARD_READERSTATE states[SLOTS];
	LONG code;
	int i;

	if (n > SLOTS)
		return (uint32_t)SCARD_E_INVALID_PARAMETER;
	memset(states, 0, sizeof states);
	for (i = 0; i < n; i++) {
		states[i].szReader = names;
		names += strlen(names) + 1;
		states[i].dwCurrentState = slots[i].word;
	}
	code = SCardGetStatusChange(context, timeout, states, n);
	for (i = 0; i < n; i++) {
		slots[i].word = states[i].dwEventState;
		slots[i].atr_length = states[i].cbAtr;
		memcpy(slots[i].atr, states[i].rgbAtr, sizeof slots[i].atr);
	}
	return (uint32_t)code;
}
*/
import "C"

import (
	"bytes"
	"slices"
	"time"
	"unsafe"

	"github.com/ebfe/scard"
)

const listMax = 8192 // bytes; 16 names of at most 128

// monitor is a PC/SC context that only lists and waits. One goroutine at a time uses it; cancel alone may be
// called from another.
type monitor struct{ context C.SCARDCONTEXT }

func newMonitor() (*monitor, error) {
	m := &monitor{}
	return m, result(uint32(C.SCardEstablishContext(C.SCARD_SCOPE_SYSTEM, nil, nil, &m.context)))
}

// readers returns the readers' names.
func (m *monitor) readers() ([]string, error) {
	buf := make([]byte, listMax)
	n := C.DWORD(len(buf))
	code := C.SCardListReaders(m.context, nil, C.LPSTR(unsafe.Pointer(&buf[0])), &n)
	if err := result(uint32(code)); err != nil {
		return nil, err
	}
	var names []string
	for name := range bytes.SplitSeq(buf[:min(int(n), len(buf))], []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names, nil
}

// wait returns when one of the slots is not as given, which it updates, or with scard.ErrTimeout after limit.
func (m *monitor) wait(slots []slot, limit time.Duration) error {
	var names []byte
	states := make([]C.slot_state, len(slots))
	for i, s := range slots {
		names = append(append(names, s.name...), 0)
		states[i].word = C.uint32_t(s.word)
	}
	code := C.wait_change(m.context, C.uint32_t(limit.Milliseconds()),
		(*C.char)(unsafe.Pointer(&names[0])), &states[0], C.int(len(states)))
	if err := result(uint32(code)); err != nil {
		return err
	}
	for i := range slots {
		s, length := &states[i], min(int(states[i].atr_length), atrMax)
		slots[i].word = uint32(s.word) &^ uint32(scard.StateChanged)
		slots[i].atr = slices.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&s.atr[0])), length))
	}
	return nil
}

func (m *monitor) cancel()  { C.SCardCancel(m.context) }
func (m *monitor) release() { C.SCardReleaseContext(m.context) }

func result(code uint32) error {
	if code == 0 {
		return nil
	}
	return scard.Error(code)
}
