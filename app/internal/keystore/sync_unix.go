//go:build unix

package keystore

import (
	"errors"
	"os"
)

// syncFolder makes a rename last through a loss of power.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
