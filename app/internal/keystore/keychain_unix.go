//go:build unix && !darwin

package keystore

import (
	"errors"
	"os"
	"path/filepath"
)

// reachable says whether there is a session bus. To ask for one where there is none would start one, which would outlive us.
func reachable() error {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "bus")); err == nil {
			return nil
		}
	}
	return errors.New("no session bus, so no keychain")
}
