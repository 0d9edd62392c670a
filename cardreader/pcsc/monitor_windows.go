//go:build !nopcsc

package pcsc

import (
	"time"
	"unsafe"

	"github.com/ebfe/scard"
	"golang.org/x/sys/windows"
)

const listMax = 8192 // UTF-16 units

// monitor is a PC/SC context that only lists and waits. One goroutine at a time uses it; cancel alone may be
// called from another. It is bound here because the scard library lets the collector free the names of the readers
// waited for.
type monitor struct {
	dll     *windows.LazyDLL
	context uintptr
}

// readerState is SCARD_READERSTATEW of winscard.h.
type readerState struct {
	name      *uint16
	user      uintptr
	current   uint32
	event     uint32
	atrLength uint32
	atr       [36]byte
}

func newMonitor() (*monitor, error) {
	m := &monitor{dll: windows.NewLazySystemDLL("winscard.dll")}
	const scopeSystem = 2
	code, _, _ := m.dll.NewProc("SCardEstablishContext").Call(scopeSystem, 0, 0, uintptr(unsafe.Pointer(&m.context)))
	return m, result(uint32(code))
}

// readers returns the readers' names.
func (m *monitor) readers() ([]string, error) {
	buf := make([]uint16, listMax)
	n := uint32(len(buf))
	code, _, _ := m.dll.NewProc("SCardListReadersW").Call(m.context, 0,
		uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&n)))
	if err := result(uint32(code)); err != nil {
		return nil, err
	}
	var names []string
	for rest := buf[:min(int(n), len(buf))]; len(rest) > 0 && rest[0] != 0; {
		name := windows.UTF16ToString(rest)
		names = append(names, name)
		unit := 0
		for unit < len(rest) && rest[unit] != 0 {
			unit++
		}
		rest = rest[min(unit+1, len(rest)):]
	}
	return names, nil
}

// wait returns when one of the slots is not as given, which it updates, or with scard.ErrTimeout after limit.
func (m *monitor) wait(slots []slot, limit time.Duration) error {
	states := make([]readerState, len(slots))
	for i, s := range slots {
		name, err := windows.UTF16PtrFromString(s.name)
		if err != nil {
			return scard.ErrUnknownReader
		}
		states[i].name, states[i].current = name, s.word
	}
	code, _, _ := m.dll.NewProc("SCardGetStatusChangeW").Call(m.context, uintptr(limit.Milliseconds()),
		uintptr(unsafe.Pointer(&states[0])), uintptr(len(states)))
	if err := result(uint32(code)); err != nil {
		return err
	}
	for i := range slots {
		slots[i].word = states[i].event &^ uint32(scard.StateChanged)
		slots[i].atr = append([]byte(nil), states[i].atr[:min(states[i].atrLength, atrMax)]...)
	}
	return nil
}

func (m *monitor) cancel()  { _, _, _ = m.dll.NewProc("SCardCancel").Call(m.context) }
func (m *monitor) release() { _, _, _ = m.dll.NewProc("SCardReleaseContext").Call(m.context) }

func result(code uint32) error {
	if code == 0 {
		return nil
	}
	return scard.Error(code)
}
