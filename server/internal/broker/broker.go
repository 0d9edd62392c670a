// Package broker wires one deployment: it names the concrete types, gives each edge what it needs, starts and stops. It
// decides nothing of a login.
package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/config"
	"pivot/server/internal/desk"
	"pivot/server/internal/events"
	"pivot/server/internal/farewell"
	"pivot/server/internal/fetch"
	"pivot/server/internal/keys"
	"pivot/server/internal/registry"
	"pivot/server/internal/store"
	"pivot/server/internal/trust"
)

// Broker is one running deployment.
type Broker struct {
	secrets
	judgement
	partners

	config    config.Config
	log       *slog.Logger
	now       func() time.Time
	store     *store.Store
	bus       *events.Bus
	written   []byte // the checkpoint in its file; the sequencing job's alone
	probe     probe
	listeners []net.Listener
	servers   []*http.Server
}

// secrets are the deployment's keys.
type secrets struct {
	folder  *keys.Folder
	ring    *keys.Ring
	signing map[string]*keys.Signing // by name: see signingNames
	note    audit.Key
}

// partners are service providers: their records, and how they are asked for what they publish.
type partners struct {
	registry *registry.Registry
	fetcher  *fetch.Fetcher
	courier  *farewell.Courier
	keysets  *fetch.Keys
}

// judgement is what citizens' cards are judged by, and who activates them.
type judgement struct {
	testPKI  bool // see Options
	trust    *trust.Store
	register *register
	desk     *desk.Service
}

// probe is what the store last said of itself.
type probe struct {
	sync.Mutex

	at  time.Time
	err error
}

// steady is a clock that a step back of the system's does not set back: rights would live longer by it. It is the later of
// the system's clock and of the time that has passed since the start.
func steady() func() time.Time {
	start := time.Now()
	return func() time.Time {
		now := time.Now()
		return later(now.Round(0), start.Round(0).Add(now.Sub(start)))
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Options say which deployment to open.
type Options struct {
	Config      string       // path of the configuration file
	Log         *slog.Logger // required
	TestAnchors bool         // accept authorities named TEST: for the demonstration alone
}

// read checks a configuration file. Errors say file and line.
func read(path string) (config.Config, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return config.Config{}, err
	}
	return config.Parse(path, src)
}

// Open reads the configuration, the registry and the keys, opens the store and listens, so that what can be wrong is wrong
// before anybody is served. Close gives everything back.
func Open(ctx context.Context, o Options) (*Broker, error) {
	c, err := read(o.Config)
	if err != nil {
		return nil, err
	}
	b := newBroker(c, o)
	if err := b.openTrust(); err != nil { // what serving needs, and administration does not
		return nil, err
	}
	if err := b.open(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.refuseOlder(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	for _, i := range c.Issuers() {
		if err := b.mount(ctx, i); err != nil {
			return nil, errors.Join(fmt.Errorf("issuer %s: %w", i.Identifier(), err), b.Close())
		}
	}
	return b, nil
}

func newBroker(c config.Config, o Options) *Broker {
	b := &Broker{
		config: c, log: o.Log, now: steady(), bus: events.New(), partners: partners{fetcher: fetch.New(fetch.Options{Loopback: c.Loopback()})},
		secrets: secrets{signing: make(map[string]*keys.Signing)}, judgement: judgement{testPKI: o.TestAnchors},
	}
	b.keysets = fetch.NewKeys(b.fetcher, func() time.Time { return b.now() })
	return b
}

// open brings up what rests on the disk, in the order in which it is needed.
func (b *Broker) open(ctx context.Context) error {
	if err := closed(b.config.DataDir()); err != nil {
		return err
	}
	var err error
	if b.registry, err = registry.Open(b.config.RegistryDir(), b.config.Loopback()); err != nil {
		return err
	}
	if err := b.openKeys(); err != nil {
		return err
	}
	if b.store, err = store.Open(ctx, store.Options{
		Dir: b.config.DataDir(), Sealer: b.ring, Now: b.now, Retention: b.config.Retention().Audit, Written: b.event,
	}); err != nil {
		return err
	}
	if err := b.openFarewell(); err != nil {
		return err
	}
	b.desk, err = desk.New(desk.Parts{Book: b.store, Log: b.store, Now: b.now})
	return err
}

// closed refuses a data folder that others than its owner may enter: the admin socket lies in it. A folder that is not
// there yet is made with the right mode.
func closed(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || runtime.GOOS == "windows" { // where modes say nothing
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("data_dir %q: others than its owner may enter (mode %04o): chmod 0700", dir, info.Mode().Perm())
	}
	return nil
}

// Close stops listening and closes the store. It may be called on a broker that is half open.
func (b *Broker) Close() error {
	var errs []error
	for _, l := range b.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if b.store != nil {
		errs = append(errs, b.store.Close())
	}
	if b.folder != nil {
		errs = append(errs, b.folder.Close())
	}
	return errors.Join(errs...)
}

// shutdownPatience is how long answers in progress may take once the broker is told to stop.
const shutdownPatience = 10 * time.Second

// Serve answers until ctx ends or a server fails, then lets the answers in progress finish. A signal on reload reads the
// registry again.
func (b *Broker) Serve(ctx context.Context, reload <-chan os.Signal) error {
	admin, err := b.listenAdmin()
	if err != nil {
		return err
	}
	failed := make(chan error, len(b.servers)+1)
	serve := func(s *http.Server, l net.Listener) {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}
	for i, s := range b.servers {
		b.log.Info("serving", "issuer", b.config.Issuers()[i].Identifier(), "address", b.listeners[i].Addr().String())
		go serve(s, b.listeners[i])
	}
	adminServer := &http.Server{Handler: b.admin(), ReadHeaderTimeout: time.Second}
	go serve(adminServer, admin)
	background, cancel := context.WithCancel(ctx)
	done := b.background(background)
	err = b.wait(ctx, reload, failed)
	cancel()
	<-done
	b.bus.Close() // pages that wait and streams of events end; they would hold up the stop
	stop, cancelStop := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
	defer cancelStop()
	for _, s := range append(b.servers, adminServer) {
		err = errors.Join(err, s.Shutdown(stop))
	}
	return err
}

// wait returns when ctx ends or a server fails, and reloads meanwhile.
func (b *Broker) wait(ctx context.Context, reload <-chan os.Signal, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-reload:
			if err := b.Reload(ctx); err != nil {
				b.log.Error("reload refused: what was served goes on being served", "error", err)
			}
		}
	}
}

// Reload reads records, anchors and the civil register again, each whole or not at all, and records which snapshot of the
// records is in force.
func (b *Broker) Reload(ctx context.Context) error {
	entry := audit.Entry{Event: audit.ConfigReloaded, At: b.now()}
	err := errors.Join(b.registry.Reload(), b.trust.Reload(), b.register.Reload())
	if err != nil {
		entry.Event, entry.Reason = audit.ConfigRefused, "invalid"
	}
	entry = entry.With("registry", b.registry.Snapshot().Digest())
	return errors.Join(err, b.store.Record(ctx, entry))
}

// The rhythms of what runs beside the answers.
const (
	sequenceEvery = time.Second
	sweepEvery    = 10 * time.Second
	rotateEvery   = time.Minute // looks whether a planned rotation is due
	farewellEvery = time.Second
)

// background numbers audit entries, sweeps what is over, rotates keys when they are due and tells of logouts, each at its own pace, until ctx
// ends; the channel is closed then.
func (b *Broker) background(ctx context.Context) <-chan struct{} {
	var jobs sync.WaitGroup
	job := func(every time.Duration, do func(context.Context) error) {
		jobs.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if err := do(ctx); err != nil && ctx.Err() == nil {
					b.log.Error("in the background", "error", err)
				}
			}
		})
	}
	job(sequenceEvery, b.sequence)
	job(sweepEvery, func(ctx context.Context) error {
		_, err := b.store.Sweep(ctx)
		return err
	})
	job(rotateEvery, b.rotateDue)
	job(farewellEvery, b.courier.Deliver)
	done := make(chan struct{})
	go func() {
		jobs.Wait()
		close(done)
	}()
	return done
}

// checkpointFile is where the last signed checkpoint lies, for a witness on another host to fetch.
func (b *Broker) checkpointFile() string { return filepath.Join(b.config.DataDir(), "checkpoint") }

var errOlder = errors.New("the database is older than its last checkpoint: if a backup was restored, run `pivot-server store epoch` first, or what was spent since could be spent again")

// refuseOlder does not serve from a database in which less happened than the checkpoint beside it says.
func (b *Broker) refuseOlder(ctx context.Context) error {
	signed, err := os.ReadFile(b.checkpointFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	last, err := audit.OpenCheckpoint(signed, b.note.Verifier())
	if err != nil {
		return fmt.Errorf("%s: %w", b.checkpointFile(), err)
	}
	size, err := b.store.Sequenced(ctx)
	if err != nil {
		return err
	}
	if size < last.Size {
		return errOlder
	}
	return nil
}

// startEpoch refuses what was pending before, and sets the checkpoint of the lost history aside.
func (b *Broker) startEpoch(ctx context.Context) (store.Epoch, error) {
	epoch, err := b.store.NewEpoch(ctx)
	if err != nil {
		return epoch, err
	}
	aside := fmt.Sprintf("%s.before-epoch-%d", b.checkpointFile(), epoch.Number)
	if err := os.Rename(b.checkpointFile(), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return epoch, err
	}
	return epoch, nil
}

// sequence numbers what waits, and leaves the signed checkpoint where a witness on another host fetches it.
func (b *Broker) sequence(ctx context.Context) error {
	checkpoint, err := b.store.Sequence(ctx, b.note)
	if err != nil || checkpoint == nil {
		return err
	}
	if bytes.Equal(checkpoint, b.written) { // nothing happened since: the signature is deterministic
		return nil
	}
	if err := replaceFile(b.checkpointFile(), checkpoint); err != nil {
		return err
	}
	b.written = checkpoint
	return nil
}

// replaceFile replaces a file whole: after a loss of power there is the old one or the new one. An empty checkpoint would
// keep the broker from starting.
func replaceFile(name string, content []byte) error {
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
