package trust

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"pivot/server/internal/verify/csca"
)

// Bounds of an anchor folder: the ICAO master list holds fewer than 800 certificates.
const (
	maxFiles    = 2000
	maxFileSize = 8 << 20
)

// rootsFolder holds the pinned authorities.
const rootsFolder = "csca"

// readAnchors reads DIR/csca, DIR/link and DIR/crl; the last two may be absent.
func readAnchors(dir string) (csca.AnchorFiles, error) {
	var files csca.AnchorFiles
	if dir == "" {
		return files, nil
	}
	var err error
	if files.Roots, err = readFolder(filepath.Join(dir, rootsFolder), "CERTIFICATE", csca.ParseCertificate); err != nil {
		return files, err
	}
	if len(files.Roots) == 0 {
		return files, fmt.Errorf("trust: no certificate in %q", filepath.Join(dir, rootsFolder))
	}
	files.Links, err = readFolder(filepath.Join(dir, "link"), "CERTIFICATE", csca.ParseCertificate)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return files, err
	}
	files.CRLs, err = readFolder(filepath.Join(dir, "crl"), "X509 CRL", csca.ParseCRL)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return files, err
	}
	return files, nil
}

// readFolder parses every certificate or list of a folder, in the order of the names. One bad file is an error: a
// trust store is used whole or not at all.
func readFolder[T any](dir, kind string, parse func([]byte) (T, error)) ([]T, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("trust: over %d files in %q", maxFiles, dir)
	}
	var out []T
	for _, e := range entries {
		if !slices.Contains([]string{".pem", ".der", ".crt", ".cer", ".crl"}, filepath.Ext(e.Name())) {
			continue
		}
		name := filepath.Join(dir, e.Name())
		blocks, err := readBlocks(name, kind)
		if err != nil {
			return nil, err
		}
		for _, der := range blocks {
			v, err := parse(der)
			if err != nil {
				return nil, fmt.Errorf("trust: %q: %w", name, err)
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// readBlocks returns the DER of a file: its PEM blocks of one kind, or the file itself when it is not PEM.
func readBlocks(name, kind string) ([][]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	if info.Size() > maxFileSize {
		return nil, fmt.Errorf("trust: %q is over %d bytes", name, maxFileSize)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	var out [][]byte
	for rest := raw; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != kind {
			return nil, fmt.Errorf("trust: %q holds a %q, not a %q", name, block.Type, kind)
		}
		out = append(out, block.Bytes)
	}
	if len(out) == 0 {
		out = [][]byte{raw}
	}
	return out, nil
}
