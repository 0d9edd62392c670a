package registry

import (
	"sync"
	"sync/atomic"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// A Registry is the folder that a running broker serves from. It is safe for
// concurrent use.
type Registry struct {
	dir      string
	loopback bool
	reload   sync.Mutex // one at a time, so that the last one read is the last one served
	current  atomic.Pointer[Snapshot]
}

// Open loads the registry in a folder, as [Load] does.
func Open(dir string, loopback bool) (*Registry, error) {
	r := &Registry{dir: dir, loopback: loopback}
	if err := r.Reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload reads the folder again. With an error nothing has changed: the snapshot
// that was served goes on being served.
func (r *Registry) Reload() error {
	r.reload.Lock()
	defer r.reload.Unlock()
	s, err := Load(r.dir, r.loopback)
	if err != nil {
		return err
	}
	r.current.Store(s)
	return nil
}

// Snapshot is what is served now. A request that looks up more than once takes
// one snapshot and keeps it.
func (r *Registry) Snapshot() *Snapshot { return r.current.Load() }

// Lookup finds a client in what is served now, as [Snapshot.Lookup] does.
func (r *Registry) Lookup(p oauth.Profile, clientID string) *client.Client {
	return r.Snapshot().Lookup(p, clientID)
}
