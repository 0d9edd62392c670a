package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"pivot/server/internal/config/stricttoml"
)

const (
	services   = "sp" // folders of a registry
	providers  = "dp"
	suffix     = ".toml"
	mostFiles  = 10_000
	mostSecret = 4 << 10
	mostJWKS   = 64 << 10
)

// secretMode are the permissions that a file with a secret must not give: any to
// everybody, and to its group any but reading, which is how orchestrators hand
// secrets to a service.
const secretMode = 0o037

// names lists the records of a folder of a registry: its regular files *.toml,
// or links to such inside the registry. What begins with a dot is an editor's or
// an orchestrator's. There need not be data providers.
func names(fsys fs.FS, folder string) ([]string, error) {
	entries, err := fs.ReadDir(fsys, folder)
	if folder == providers && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, cause(err)
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, path.Join(folder, e.Name()))
		}
	}
	if len(out) > mostFiles {
		return nil, fmt.Errorf("holds %d records; at most %d are read", len(out), mostFiles)
	}
	return out, nil
}

// read reads a regular file of bounded size below the registry.
func read(fsys fs.FS, name string, most int64) ([]byte, fs.FileMode, error) {
	info, err := fs.Stat(fsys, name) // before opening it: a pipe would wait for a writer
	if err != nil {
		return nil, 0, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("not a regular file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, cause(err)
	}
	defer f.Close()
	info, err = f.Stat()
	if err != nil {
		return nil, 0, cause(err)
	}
	src, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, 0, cause(err)
	}
	if int64(len(src)) > most {
		return nil, 0, fmt.Errorf("longer than %d bytes", most)
	}
	return src, info.Mode(), nil
}

// beside reads a file that a record names: relative to the record's folder and
// then inside the registry, or absolute.
func (r reader) beside(name string, most int64) ([]byte, fs.FileMode, error) {
	if filepath.IsAbs(name) {
		return read(os.DirFS(filepath.Dir(name)), filepath.Base(name), most)
	}
	inside := path.Join(r.folder, filepath.ToSlash(name))
	if !fs.ValidPath(inside) {
		return nil, 0, errors.New("a relative path stays inside the registry")
	}
	return read(r.fsys, inside, most)
}

// secret reads a file with a secret; one line end behind it is not part of it.
func (r reader) secret(name string) (string, error) {
	src, mode, err := r.beside(name, mostSecret)
	if err != nil {
		return "", err
	}
	if runtime.GOOS != "windows" && mode.Perm()&secretMode != 0 {
		return "", fmt.Errorf("mode %#o: a secret is readable by its owner and at most its group", mode.Perm())
	}
	text, _ := strings.CutSuffix(string(src), "\n")
	text, _ = strings.CutSuffix(text, "\r")
	return text, nil
}

// cause leaves the path out of an error: the problem names the key that holds it,
// and what was written there may be no path at all.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// whole is a problem of a file as such.
func whole(file string, err error) stricttoml.Problem {
	return stricttoml.Problem{File: file, Reason: err.Error()}
}
