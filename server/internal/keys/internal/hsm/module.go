//go:build pkcs11 && cgo

package hsm

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/pkcs11"
)

// A module is a PKCS#11 library in this process. PKCS#11 has one state for all
// of a process (v2.40 §5.4), so whoever uses the same library shares it.
type module struct {
	mu    sync.RWMutex // read during a call into the library, written while it starts or ends
	ctx   *pkcs11.Ctx
	epoch uint64 // starts and ends of the library: handles of another epoch mean nothing, or something else
	users int    // guarded by loaded
}

// loaded are the libraries of this process. They are never unloaded: some do
// not survive it.
var loaded = struct {
	sync.Mutex
	modules map[string]*module
}{modules: make(map[string]*module)}

// load loads and starts the library at path. release is owed for it.
func load(path string) (*module, error) {
	loaded.Lock()
	defer loaded.Unlock()
	m := loaded.modules[path]
	if m == nil {
		ctx := pkcs11.New(path)
		if ctx == nil {
			return nil, fmt.Errorf("%q is not a PKCS#11 library that can be loaded", path)
		}
		m = &module{ctx: ctx}
		loaded.modules[path] = m
	}
	if m.users == 0 {
		if err := m.start(); err != nil {
			return nil, err
		}
	}
	m.users++
	return m, nil
}

// release ends the library once nobody uses it.
func (m *module) release() error {
	loaded.Lock()
	defer loaded.Unlock()
	if m.users--; m.users > 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	if err := m.ctx.Finalize(); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) {
		return fmt.Errorf("end the library: %w", err)
	}
	return nil
}

// start starts the library, and ends it first: most libraries see a token that
// was lost again only so. Nobody is inside it meanwhile.
func (m *module) start() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	// What the end of a library that has lost its device says is of no use.
	_ = m.ctx.Finalize()
	if err := m.ctx.Initialize(); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return fmt.Errorf("start the library: %w", err)
	}
	return nil
}

// is reports whether the library answered with one of these codes.
func is(err error, codes ...uint) bool {
	code, ok := errors.AsType[pkcs11.Error](err)
	if !ok {
		return false
	}
	return slices.Contains(codes, uint(code))
}
