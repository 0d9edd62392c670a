package readertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	runFolder     = "/run"
	ipcFolder     = "/run/pcscd"            // where Debian's pcscd is built to put its socket
	driverFolder  = "/usr/lib/pcsc/drivers" // where it is built to look for drivers of USB readers
	vpcdLibrary   = "libifdvpcd.so"
	privateDriver = "/run/driver"
	lockWait      = 20 * time.Millisecond
)

// supported says whether pcscd and vpcd are installed, without starting anything.
func supported() error {
	if !ready.Load() {
		return errors.New("RunChild was not called at the start of this program")
	}
	if _, err := pcscdPath(); err != nil {
		return err
	}
	library := filepath.Join(driverFolder, "serial", vpcdLibrary)
	if _, err := os.Stat(library); err != nil {
		return fmt.Errorf("%w: %s is missing (Debian package vsmartcard-vpcd)", ErrUnavailable, library)
	}
	return nil
}

func pcscdPath() (string, error) {
	for _, name := range []string{"/usr/sbin/pcscd", "pcscd"} { // sbin is rarely in a user's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: pcscd is missing (Debian package pcscd)", ErrUnavailable)
}

// namespaces makes the child root of its own user namespace, with its own mounts and network. The process group
// is its own too, so that an interrupt typed at a terminal reaches the parent alone.
func namespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		GidMappingsEnableSetgroups: false,
		Setpgid:                    true,
		Pdeathsig:                  syscall.SIGKILL,
	}
}

// lockFolder takes the folder for one reader, waiting for one that is leaving.
func lockFolder(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the folder of the private reader: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			select {
			case <-time.After(lockWait):
				continue
			case <-ctx.Done():
				err = errors.New("another private reader uses it")
			}
		}
		return nil, errors.Join(fmt.Errorf("folder %q: %w", filepath.Dir(path), err), f.Close())
	}
}

// isolate gives the namespace its loopback and its own /run with dir/pcscd as pcscd's folder, and hides every
// reader driver but vpcd: a pcscd that found the machine's USB readers would take them from the system's own.
func isolate(dir string) error {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	}
	// Held open from here on, because /run may hide them: a temporary folder can lie in /run/user.
	ipc, err := os.Open(filepath.Join(dir, "pcscd"))
	if err != nil {
		return err
	}
	defer ipc.Close()
	drivers, err := os.Open(filepath.Join(driverFolder, "serial"))
	if err != nil {
		return err
	}
	defer drivers.Close()
	steps := []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"none", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{"tmpfs", runFolder, "tmpfs", unix.MS_NOSUID | unix.MS_NODEV},
		{descriptor(ipc), ipcFolder, "", unix.MS_BIND},
		{descriptor(drivers), privateDriver, "", unix.MS_BIND},
		{"tmpfs", driverFolder, "tmpfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_RDONLY},
	}
	for _, s := range steps {
		if err := os.MkdirAll(s.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(s.source, s.target, s.kind, s.flags, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", s.target, err)
		}
	}
	return nil
}

func descriptor(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// loopbackUp does what `ip link set lo up` does (netdevice(7)).
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, lo); err != nil {
		return err
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo)
}
