//go:build !linux

package keystore

import "errors"

var errNoTPM = errors.New("this program knows the TPM of Linux alone")

type noTPM struct{}

func newTPM() maker { return noTPM{} }

func (noTPM) create() (Key, Secret, error) { return nil, nil, errNoTPM }
func (noTPM) open(Secret) (Key, error)     { return nil, errNoTPM }
func (noTPM) drop(Secret) error            { return nil }
