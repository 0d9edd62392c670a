package registry_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/registry"
)

// FuzzLoad: a record is refused with problems in its own file, or it is a client
// that keeps what the issuers rely on.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{plusFile, standardFile} {
		src, err := os.ReadFile(filepath.Join("testdata", "sp", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("client_id = 'x'\njwks_file = '/dev/zero'\nclient_secret_files = ['../../etc/passwd', '/dev/stdin', '']"))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := registry.LoadFS("reg", fstest.MapFS{"sp/x.toml": {Data: src}})
		if err == nil {
			if s.Len() != 1 {
				t.Errorf("%d clients", s.Len())
			}
			return
		}
		var problems stricttoml.Problems
		if !errors.As(err, &problems) || len(problems) == 0 || s != nil {
			t.Fatalf("error %v", err)
		}
		for _, p := range problems {
			if p.File != filepath.Join("reg", "sp", "x.toml") {
				t.Errorf("a problem elsewhere: %v", p)
			}
		}
	})
}
