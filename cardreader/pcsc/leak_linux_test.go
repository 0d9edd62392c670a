//go:build cgo && !nopcsc

package pcsc_test

import (
	"regexp"
	"runtime"
	"testing"
	"time"
)

// noGoroutines returns once no goroutine runs code of the package any more: one that has handed its result over
// may need a moment to end.
func noGoroutines(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		all := stacks[:runtime.Stack(stacks, true)]
		if !code.Match(all) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("goroutines are left:\n%s", all)
		}
	}
}

// code is a line of a stack that lies in a source file of the package, tests excepted.
var code = regexp.MustCompile(`cardreader/pcsc/(card|watch|pcsc|monitor_unix)\.go:`)

func collect() {
	for range 3 {
		runtime.GC()
	}
}
