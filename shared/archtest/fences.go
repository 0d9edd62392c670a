package archtest

import "slices"

// Standard packages that reach outside the process.
var outward = []string{
	"C", "database/sql/...", "net", "net/http/...", "net/rpc/...", "net/smtp", "net/textproto",
	"log", "os/...", "syscall",
}

var forbidden = []Forbidden{
	{
		From:   []string{"cardreader", "cardreader/pcsc", "cardreader/pace", "cardreader/bac", "cardreader/lds", "cardreader/session", "app/..."},
		Import: []string{"cardreader/cardsim/...", "cardreader/readertest"},
		Reason: "no program that a citizen runs contains a simulated card",
	},
	{
		From: []string{"app/internal/..."}, Import: []string{"app/internal/ui"},
		Reason: "flows run without a window: the command line does all that the window does",
	},
	{
		From: core, Import: []string{"cardreader/..."},
		Reason: "the verifier judges bytes; it must not share code with what produced them",
	},
	{
		From: []string{"server/internal/broker"}, Import: []string{"server/internal/demo"},
		Reason: "a production broker must not be able to start its own demonstration",
	},
	{
		From: []string{"server/..."}, Except: []string{"server/internal/broker", "server", "server/internal/store/..."},
		Import: []string{"server/internal/store/..."},
		Reason: "services and core declare what they need of a store; wiring alone names the store",
	},
	{
		From: core, Import: outward,
		Reason: "the trusted core is pure: no network, file, database or log, so the same evidence always gives the same verdict",
	},
	{
		From: []string{"shared/..."}, Except: []string{"shared/brainpool/internal/fieldgen"}, Import: outward,
		Reason: "the shelf does no input or output: both sides link it, and fuzzing runs it millions of times",
	},
}

var fences = []Fence{
	{
		Import: "github.com/ebfe/scard", In: []string{"cardreader/pcsc"}, Tests: true,
		Reason: "one package owns PC/SC, or tests and servers would need cgo",
	},
	{
		Import: "C", In: []string{"cardreader/pcsc"}, Tests: true,
		Reason: "the only cgo of ours is behind one build tag",
	},
	{
		Import: "fyne.io/fyne/v2/...", In: []string{"app/internal/ui"}, Tests: true,
		Reason: "flows run and are tested without a window",
	},
	{
		Import: "github.com/gin-gonic/gin/...", In: httpFloors, Tests: true,
		Reason: "only an edge speaks HTTP; below it there is no request",
	},
	{
		Import: "github.com/alecthomas/kong", In: []string{"app", "app/internal/cli/...", "server"}, Tests: true,
		Reason: "a command line belongs to a program",
	},
	{
		Import: "github.com/mrjoshuak/go-jpeg2000/...", In: []string{"app/...", "cardreader/cardsim/internal/portrait"}, Tests: true,
		Reason: "a young decoder of outside input: kept in the app, which shows portraits, and out of the broker; the simulated card's portraits were drawn with it",
	},
	{
		Import: "github.com/ProtonMail/go-crypto/...",
		Reason: "an oracle for our curves: were it linked, it would no longer be a second opinion",
	},
	{
		Import: "github.com/cloudflare/circl/...", In: []string{"server/internal/verify/device", "app/internal/pin"}, Tests: true,
		Reason: "the oblivious function of the PIN has two ends, and nobody else computes it",
	},
	{
		Import: "github.com/google/go-tpm/...", In: []string{"app/internal/keystore/..."}, Tests: true,
		Reason: "one package knows where the device's key lives",
	},
	{
		Import: "github.com/zalando/go-keyring", In: []string{"app/internal/keystore/..."}, Tests: true,
		Reason: "one package knows where the device's key lives",
	},
	{
		Import: "github.com/miekg/pkcs11", In: []string{"server/internal/keys/internal/hsm"}, Tests: true,
		Reason: "one package owns PKCS#11, behind a build tag, or the server would need cgo",
	},
	{Import: "github.com/coreos/go-oidc/...", Reason: "a judge of our answers: for tests"},
	{Import: "golang.org/x/oauth2/...", Reason: "a judge of our answers: for tests"},
	{Import: "github.com/chromedp/...", Reason: "it drives a browser: for tests"},
	{
		Import: "pivot/server/internal/verify/prooftest",
		Reason: "it makes proofs of nothing: no program may contain it",
	},
	{Import: "github.com/google/go-cmp/...", Reason: "it panics by design on unexported fields: for tests"},
	{
		Import: "math/rand/...", In: []string{"cardreader/cardsim/...", "server/internal/demo"},
		Reason: "randomness comes from crypto/rand; a simulated citizen may be reproducible, and a port may be guessed",
	},
	{Import: "testing/...", In: []string{"cardreader/readertest", "cardreader/cardsim/simtest", "server/internal/verify/prooftest", "server/internal/store/storetest", "server/internal/rp/rptest"}, Reason: "test kits alone link testing"},
}

var httpFloors = below(slices.Concat([]string{"server/internal/web", "server/internal/rendezvous", "server/internal/broker", "server/internal/demo"}, edges))

// below widens patterns to what lies below the packages they name.
func below(packages []string) []string {
	out := make([]string, 0, len(packages))
	for _, p := range packages {
		out = append(out, p+"/...")
	}
	return out
}

var selectors = []Selector{
	{
		From: append([]string{"shared/..."}, core...), Import: "time",
		Deny:   []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"},
		Reason: "time is a parameter: a verdict that depends on a hidden clock cannot be replayed",
	},
	{
		From: append([]string{"shared/..."}, core...), Import: "log/slog",
		Only:   []string{"Value", "StringValue", "GroupValue", "LogValuer", "Attr"},
		Reason: "a value may say how it is printed (redacted); it never logs",
	},
	{
		From: slices.Concat(
			[]string{"server", "server/internal/web/...", "server/internal/broker/...", "server/internal/demo/..."},
			below(edges), below(services), core,
		),
		Import: "pivot/server/internal/txn", Deny: []string{"Decode"},
		Reason: "only the store, which unsealed the bytes, may make a state without a transition",
	},
	{
		From: []string{"..."}, Tests: true, Import: "time", Deny: []string{"Sleep"},
		Reason: "a test that sleeps is slow or flaky, usually both; wait for the event or use testing/synctest",
	},
}

// modules: every direct dependency of go.mod.
var modules = []Module{
	{"github.com/ProtonMail/go-crypto", "an independent implementation of the brainpool curves, as an oracle in tests"},
	{"github.com/alecthomas/kong", "command lines declared as structs, with help and exact errors"},
	{"github.com/ebfe/scard", "PC/SC on Linux, macOS and Windows behind one small API"},
	{"github.com/google/go-cmp", "readable differences in tests"},
	{"github.com/mrjoshuak/go-jpeg2000", "portraits in data group 2 are JPEG 2000, which the standard library does not read; pure Go"},
	{"github.com/nicksnyder/go-i18n/v2", "French and English messages in one catalogue format for both programs"},
	{"golang.org/x/crypto", "cryptobyte: the strict DER cursor of the Go team"},
	{"golang.org/x/sys", "system calls that the frozen syscall package lacks: namespaces, TCP_QUICKACK"},
	{"golang.org/x/term", "reads a CAN without echo"},
	{"golang.org/x/text", "language matching for messages, and Unicode normalisation of names"},
	{"github.com/gin-gonic/gin", "HTTP routing of the edges"},
	{"github.com/go-jose/go-jose/v4", "JOSE: signatures and encryption of what leaves, and of client assertions"},
	{"github.com/pelletier/go-toml/v2", "TOML with positions, for configuration and records that are refused by file and line"},
	{"golang.org/x/mod", "sumdb/tlog and note: the Merkle tree of the audit log and its signed checkpoints, by the Go team"},
	{"fyne.io/fyne/v2", "the companion's window, on every desktop from one source"},
	{"github.com/chromedp/cdproto", "the messages of chromedp, pinned to what it was written for"},
	{"github.com/chromedp/chromedp", "a real browser in tests, from Go, by the one installed"},
	{"github.com/cloudflare/circl", "RFC 9497: the oblivious function that hardens the PIN"},
	{"github.com/coreos/go-oidc/v3", "another OpenID Connect client, as a judge in tests"},
	{"golang.org/x/oauth2", "the OAuth client of that judge"},
	{"github.com/google/go-tpm", "a device key that cannot be copied, where the machine has a TPM"},
	{"github.com/miekg/pkcs11", "PKCS#11 tokens (HSM), behind the build tag pkcs11"},
	{"github.com/zalando/go-keyring", "the desktop's own keychain, without cgo on Linux"},
	{"modernc.org/sqlite", "the embedded database, without cgo"},
}
