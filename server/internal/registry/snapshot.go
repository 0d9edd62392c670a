package registry

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io/fs"
	"os"
	"path/filepath"

	"pivot/server/internal/client"
	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/oauth"
)

// A Snapshot is every record of a registry as it was read at one time. It is
// immutable and safe for concurrent use.
type Snapshot struct {
	members   map[string]member         // by client_id
	providers map[string]providerMember // data providers, likewise
	files     map[string]string         // where each of both is written
	digest    [sha256.Size]byte
}

type member struct {
	client  *client.Client
	profile string
}

// Load reads the registry in a folder. loopback says that the issuers are on
// loopback, where redirect addresses may be as well. The error is a
// [stricttoml.Problems] that names every file at fault.
func Load(dir string, loopback bool) (*Snapshot, error) {
	root, err := os.OpenRoot(dir) // a link inside leads nowhere outside
	if err != nil {
		return nil, stricttoml.Problems{whole(dir, cause(err))}
	}
	defer root.Close()
	return load(dir, root.FS(), loopback)
}

// Check gives everything that is wrong with the registry in a folder: nothing
// when [Load] would succeed.
func Check(dir string, loopback bool) []stricttoml.Problem {
	_, err := Load(dir, loopback)
	if err == nil {
		return nil
	}
	return problemsOf(dir, err)
}

// loader reads one registry once.
type loader struct {
	fsys     fs.FS
	loopback bool
	sum      hash.Hash // of all that the snapshot comes of
}

func load(dir string, fsys fs.FS, loopback bool) (*Snapshot, error) {
	l := &loader{fsys, loopback, sha256.New()}
	s := &Snapshot{members: map[string]member{}, providers: map[string]providerMember{}, files: map[string]string{}}
	var problems stricttoml.Problems
	for _, of := range []struct {
		folder string
		add    func(s *Snapshot, name, shown string) error
	}{{services, l.add}, {providers, l.addProvider}} {
		files, err := names(fsys, of.folder)
		if err != nil {
			return nil, stricttoml.Problems{whole(filepath.Join(dir, of.folder), err)}
		}
		for _, name := range files {
			shown := filepath.Join(dir, filepath.FromSlash(name))
			if err := of.add(s, name, shown); err != nil {
				problems = append(problems, problemsOf(shown, err)...)
			}
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	l.sum.Sum(s.digest[:0])
	return s, nil
}

// add takes the client of one file in, unless another has its name.
func (l *loader) add(s *Snapshot, name, shown string) error {
	src, _, err := read(l.fsys, name, stricttoml.MaxSize)
	if err != nil {
		return err
	}
	l.witness([]byte(name))
	l.witness(src)
	m, report, err := l.parse(shown, src)
	if err != nil {
		return err
	}
	id := m.client.ID()
	if before, ok := s.files[id]; ok {
		report.Refuse("client_id", "that of "+before+" as well")
		return report.Err()
	}
	s.files[id], s.members[id] = shown, m
	return nil
}

// witness puts a part into the digest, its length before it, or two parts could
// pass for one.
func (l *loader) witness(part []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	l.sum.Write(length[:])
	l.sum.Write(part)
}

func problemsOf(file string, err error) stricttoml.Problems {
	var problems stricttoml.Problems
	if errors.As(err, &problems) {
		return problems
	}
	return stricttoml.Problems{whole(file, err)}
}

// Lookup finds a client of the issuers of one profile. It gives nil, which is the
// unknown client, where there is none.
func (s *Snapshot) Lookup(p oauth.Profile, clientID string) *client.Client {
	m, ok := s.members[clientID]
	if !ok || m.profile != p.Name() {
		return nil
	}
	return m.client
}

// Len is how many records there are.
func (s *Snapshot) Len() int { return len(s.files) }

// Digest is the SHA-256 in hexadecimal of all that the snapshot comes of, key
// sets and secrets in files of their own included: the audit log tells by it which
// records were in force.
func (s *Snapshot) Digest() string { return hex.EncodeToString(s.digest[:]) }
