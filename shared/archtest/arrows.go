package archtest

import "slices"

// The shelf: values and arithmetic that both sides need. Arrows point down.
const shelfReason = "the shelf rests on the standard library, x/crypto and bigmod: an auditor reads it whole"

var shelfOutside = []string{"golang.org/x/crypto/...", "filippo.io/bigmod"}

var shelfArrows = []Arrow{
	{From: "shared/archtest", Reason: "the judge depends on nothing that it judges"},
	{From: "shared/tlv", Outside: shelfOutside, Reason: "a leaf"},
	{From: "shared/apdu", Outside: shelfOutside, Reason: "a leaf"},
	{From: "shared/cmac", Outside: shelfOutside, Reason: "a leaf"},
	{
		From: "shared/brainpool/...", Ours: []string{"shared/brainpool/..."}, Outside: shelfOutside,
		Reason: "a leaf: curves know nothing of cards",
	},
	{
		From: "shared/sm", Ours: []string{"shared/tlv", "shared/apdu", "shared/cmac"}, Outside: shelfOutside,
		Reason: shelfReason,
	},
	{
		From: "shared/mrtd", Ours: []string{"shared/tlv", "shared/sm", "shared/brainpool"}, Outside: shelfOutside,
		Reason: shelfReason,
	},
	{From: "shared/...", Ours: []string{"shared/..."}, Outside: shelfOutside, Reason: shelfReason},
	{
		From: "assets", Outside: []string{"github.com/nicksnyder/go-i18n/v2/i18n", "golang.org/x/text/language"},
		Reason: "embedded files and the messages in them: no behaviour, no trust anchor",
	},
}

var cardArrows = []Arrow{
	{
		From: "cardreader/pcsc", Outside: []string{"github.com/ebfe/scard", "golang.org/x/sys/..."},
		Reason: "the only door to PC/SC: it carries bytes and knows nothing of cards",
	},
	{
		From: "cardreader/cardsim/...", Ours: []string{"cardreader/cardsim/...", "shared/tlv", "shared/apdu"},
		Outside: []string{"golang.org/x/crypto/...", "golang.org/x/sys/..."},
		Reason:  "the simulated card has its own cryptography, or card and reader would share their mistakes and agree",
	},
	{
		From: "cardreader/readertest", Ours: []string{"shared/apdu", "cardreader/cardsim"},
		Outside: []string{"golang.org/x/sys/..."},
		Reason:  "the private reader starts a daemon and a card; it does not read",
	},
	{
		From: "cardreader/...",
		Ours: []string{
			"cardreader/pcsc", "cardreader/pace", "cardreader/bac", "cardreader/lds", "cardreader/session",
			"cardreader/internal/...", "shared/...",
		},
		Outside: []string{"golang.org/x/crypto/..."},
		Reason:  "reading a card needs the reader, the access protocols and the shelf, and neither side of the network",
	},
}

// server/cardcheck is the one package of the server that the app may import.
const cardcheckReason = "`pivot card read` runs the very verifier in process; it returns a report, never a proof or a level"

var appArrows = []Arrow{
	{
		From: "app/internal/ui", Ours: []string{"app/internal/...", "shared/...", "assets"},
		Outside: []string{"..."}, Reason: "the window shows what the flows say; it judges nothing and calls nobody",
	},
	{
		From: "app/...", Ours: []string{
			"app/internal/...", "cardreader", "cardreader/pace", "cardreader/session", "shared/...", "assets", "server/cardcheck",
		},
		Outside: []string{"..."},
		Reason:  "the app opens cards with a typed password (pace) and reads them by sessions; of the server it knows cardcheck alone: " + cardcheckReason,
	},
}

var serverArrows = slices.Concat([]Arrow{
	{
		From: "server", Ours: []string{
			"server/internal/broker", "server/internal/demo", "server/internal/store",
			"cardreader/cardsim", "cardreader/readertest",
		},
		Outside: []string{"..."}, Reason: "main chooses between serve, demo and store; it wires nothing itself",
	},
	{
		From: "server/cardcheck", Ours: []string{"server/internal/verify/...", "server/internal/trust", "shared/..."}, Reason: cardcheckReason,
	},
	{
		From:    "server/internal/broker",
		Ours:    slices.Concat([]string{"server/internal/web", "server/internal/rendezvous", "server/internal/store", "shared/...", "assets"}, edges, services, core),
		Outside: []string{"..."}, Reason: "wiring names every concrete type of the server, and nothing of the demonstration",
	},
	{
		From:    "server/internal/demo",
		Ours:    slices.Concat([]string{"cardreader/cardsim", "cardreader/readertest", "shared/...", "assets"}, services, core),
		Outside: []string{"..."}, Reason: "the demonstration stands beside the broker and reaches it by its files and its addresses",
	},
	{
		From: "server/internal/web", Ours: slices.Concat([]string{"shared/...", "assets"}, services, core),
		Outside: []string{"..."}, Reason: "the edge kit serves the edges and knows none of them",
	},
	{
		From: "server/internal/rendezvous", Ours: slices.Concat([]string{"server/internal/web", "shared/...", "assets"}, services, core),
		Outside: []string{"..."}, Reason: "the browser's side of a ceremony serves the edges that show one, and knows none of them",
	},
	{
		From: "server/internal/store/...", Ours: slices.Concat([]string{"server/internal/store/...", "shared/..."}, services, core),
		Outside: []string{"..."}, Reason: "the store implements what services and core declare",
	},
}, edgeArrows(), serviceArrows(), coreArrows)

// edgeArrows: edges meet by URL and return to login, which alone decides.
func edgeArrows() []Arrow {
	var out []Arrow
	for _, edge := range edges {
		out = append(out, Arrow{
			From:    edge + "/...",
			Ours:    slices.Concat([]string{edge + "/...", "server/internal/web", "server/internal/rendezvous", "shared/...", "assets"}, services, core),
			Outside: []string{"..."},
			Reason:  "steps do not call steps: an edge returns to login, which alone decides what comes next",
		})
	}
	return out
}

func serviceArrows() []Arrow {
	var out []Arrow
	for _, service := range services {
		out = append(out, Arrow{
			From:    service + "/...",
			Ours:    slices.Concat([]string{service + "/...", "shared/..."}, core),
			Outside: []string{"..."},
			Reason:  "a service rests on the core; who needs two services is an edge",
		})
	}
	return out
}

const coreReason = "the trusted core is small and pure: an auditor must be able to hold it in mind"

var coreArrows = []Arrow{
	{From: "server/internal/assurance", Reason: "levels and the policy table depend on nothing"},
	{From: "server/internal/oauth", Reason: "a protocol vocabulary depends on nothing"},
	{From: "server/internal/identity", Outside: []string{"golang.org/x/text/..."}, Reason: "an identity is a value"},
	{From: "server/internal/audit", Outside: []string{"golang.org/x/mod/sumdb/..."}, Reason: "tree arithmetic depends on nothing of ours"},
	{
		From: "server/internal/verify/...",
		Ours: []string{"server/internal/verify/...", "server/internal/assurance", "shared/..."},
		Outside: []string{
			"golang.org/x/crypto/...", "github.com/go-jose/go-jose/v4/...", "github.com/go-webauthn/webauthn/...", "github.com/cloudflare/circl/...",
		},
		Reason: "a proof is made from evidence alone; levels are all it knows of us",
	},
	{
		From:   "server/internal/txn",
		Ours:   []string{"server/internal/verify", "server/internal/audit", "server/internal/client", "server/internal/assurance", "server/internal/identity"},
		Reason: coreReason,
	},
	{
		From: "server/internal/record", Ours: []string{"server/internal/txn", "server/internal/audit"},
		Reason: "a record is what a store keeps beside transactions: it knows nothing of what it holds",
	},
	{
		From:   "server/internal/means",
		Ours:   []string{"server/internal/record", "server/internal/verify/...", "server/internal/assurance", "server/internal/identity", "shared/..."},
		Reason: coreReason,
	},
	{
		From:   "server/internal/ceremony",
		Ours:   []string{"server/internal/record", "server/internal/audit", "server/internal/verify/...", "shared/..."},
		Reason: coreReason,
	},
	{
		From: "server/internal/enrolment", Ours: []string{"server/internal/identity", "shared/mrtd"}, Outside: []string{"golang.org/x/text/..."},
		Reason: "whether a card and the register name the same person is a question of values",
	},
	{
		From: "server/internal/session", Ours: []string{"server/internal/record", "server/internal/txn"},
		Reason: "a session is a value: it opens nothing, and knows what it has to end",
	},
	{
		From: "server/internal/keyset", Ours: []string{"server/internal/oauth"}, Outside: []string{"github.com/go-jose/go-jose/v4/..."},
		Reason: "a key set is a value; who can ask for one is told apart by an interface",
	},
	{
		From: "server/internal/dpop", Ours: []string{"server/internal/oauth", "server/internal/keyset"}, Outside: []string{"github.com/go-jose/go-jose/v4/..."},
		Reason: "a proof of possession is judged from its text, the request and the time",
	},
	{
		From:    "server/internal/token",
		Ours:    []string{"server/internal/client", "server/internal/claims", "server/internal/assurance", "server/internal/oauth"},
		Outside: []string{"github.com/go-jose/go-jose/v4/..."}, Reason: coreReason,
	},
	{From: "server/internal/claims", Ours: []string{"server/internal/identity", "server/internal/assurance"}, Reason: coreReason},
	{
		From: "server/internal/client", Ours: []string{"server/internal/oauth", "server/internal/assurance", "server/internal/keyset"},
		Outside: []string{"github.com/go-jose/go-jose/v4/..."}, Reason: coreReason,
	},
	{
		From: "server/internal/config/stricttoml", Outside: []string{"github.com/pelletier/go-toml/v2/..."},
		Reason: "a strict reader of TOML knows nothing of what it reads",
	},
	{
		From: "server/internal/config", Ours: []string{"server/internal/assurance", "server/internal/config/stricttoml"},
		Reason: coreReason,
	},
}
