//go:build !linux

package readertest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// RunChild does nothing on this system, where no private reader can be started.
func RunChild(map[string]CardFunc) {}

func supported() error {
	return fmt.Errorf("%w: it needs the namespaces of Linux, this is %s", ErrUnavailable, runtime.GOOS)
}

func namespaces() *syscall.SysProcAttr { return nil }

func lockFolder(context.Context, string) (*os.File, error) { return nil, supported() }
