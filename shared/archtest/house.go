package archtest

import "slices"

// House is the policy of this repository: DESIGN of the packages as arrows,
// the budgets, and what we depend on. Rows name packages that do not exist yet;
// they wait.
func House() Policy {
	return Policy{
		Arrows:    slices.Concat(shelfArrows, cardArrows, appArrows, serverArrows),
		Forbidden: forbidden,
		Fences:    fences,
		Selectors: selectors,
		Modules:   modules,
		Core:      core,
		Budget: Budget{
			Cyclomatic:         15,
			FileLines:          400,
			FuncLines:          60,
			Fields:             12,
			FieldsEver:         20,
			Parameters:         4,
			Exported:           15,
			Methods:            5,
			FanOut:             8,
			Vocabulary:         []string{"server/internal/oauth", "shared/mrtd"},
			VocabularyExported: 30,
		},
		Exceptions: exceptions,
	}
}

// The floors of the server. An edge speaks HTTP to the outside, a service holds
// state or talks to the network, the core is pure.
var (
	edges = []string{
		"server/internal/op", "server/internal/rp", "server/internal/companion", "server/internal/webauthn",
		"server/internal/login", "server/internal/logout", "server/internal/portal", "server/internal/desk",
	}
	services = []string{
		"server/internal/registry", "server/internal/keys", "server/internal/trust",
		"server/internal/rnipp", "server/internal/notify", "server/internal/events", "server/internal/fetch", "server/internal/farewell",
	}
	core = []string{
		"server/internal/txn", "server/internal/verify/...", "server/internal/assurance", "server/internal/identity",
		"server/internal/claims", "server/internal/token", "server/internal/client", "server/internal/audit",
		"server/internal/oauth", "server/internal/config/...",
		"server/internal/record", "server/internal/means", "server/internal/ceremony", "server/internal/enrolment",
		"server/internal/keyset", "server/internal/dpop", "server/internal/session",
	}
)

// exceptions to the budget, one reason each.
var exceptions = []Exception{
	{
		Rule: "fan-out", Where: "server/internal/broker", Limit: 25,
		Reason: "wiring names every concrete type",
	},
	{
		Rule: "fan-out", Where: "server/internal/op", Limit: 13,
		Reason: "the provider is where protocol, client, transaction and token meet; each of its files uses a few of them",
	},
	{
		Rule: "fan-out", Where: "server/internal/companion", Limit: 17,
		Reason: "here every kind of evidence meets the means, the register and the transaction that it is for; each of its files uses a few of them",
	},
	{
		Rule: "fan-out", Where: "server/internal/logout", Limit: 9,
		Reason: "an edge where session, token, client and page meet; each of its files uses a few of them",
	},
	{
		Rule: "exported", Where: "server/internal/oauth", Limit: 38,
		Reason: "the vocabulary of seven endpoints: a parser and its result for each, and the faults",
	},
	{
		Rule: "exported", Where: "server/internal/token", Limit: 21,
		Reason: "each kind of token is a type, and sealing one is a function",
	},
	{
		Rule: "struct-fields", Where: "server/internal/means.deskBody", Limit: 14,
		Reason: "what is sealed of a case, a field for each thing kept",
	},
	{
		Rule: "struct-fields", Where: "server/internal/means.deviceBody", Limit: 13,
		Reason: "what is sealed of a device, a field for each thing kept",
	},
	{
		Rule: "struct-fields", Where: "server/internal/txn.Params", Limit: 13,
		Reason: "the values of an authorize request, a field a parameter",
	},
	{
		Rule: "exported", Where: "server/internal/client", Limit: 19,
		Reason: "two kinds of records, of services and of data providers, that authenticate alike",
	},
	{
		Rule: "exported", Where: "server/internal/audit", Limit: 21,
		Reason: "the entry, the tree over entries and its checkpoints, and the business names that ministries' reports know",
	},
	{
		Rule: "fan-out", Where: "server/internal/verify/card", Limit: 9,
		Reason: "the digest of what a card answered is spelled where both programs find it",
	},
	{
		Rule: "exported", Where: "server/internal/verify/device", Limit: 18,
		Reason: "four judgements, each with its input and its result as a type",
	},
	{
		Rule: "exported", Where: "server/internal/means", Limit: 19,
		Reason: "four things that an account has, each with its parts, its constructor and its reader",
	},
	{
		Rule: "exported", Where: "shared/wire", Limit: 62,
		Reason: "the messages between the two programs, a type each, and the addresses they go to",
	},
	{
		Rule: "exported", Where: "app/internal/flow", Limit: 19,
		Reason: "what a window and a command line both have to show and to ask, named once",
	},
	{
		Rule: "exported", Where: "assets", Limit: 22,
		Reason: "each page is a type, which its template alone can show",
	},
	{
		Rule: "struct-fields", Where: "shared/wire.Request", Limit: 15,
		Reason: "one signed message whose members are its documentation",
	},
	{
		Rule: "parameters", Where: "shared/wire.HopProof", Limit: 5,
		Reason: "the parts of one MAC, in their order",
	},
	{
		Rule: "exported", Where: "server/internal/verify/card", Limit: 18,
		Reason: "each state of the judgement is a type, so that no step can be left out; half of the names are those states and what passes between them",
	},
	{
		Rule: "exported", Where: "server/internal/txn", Limit: 26,
		Reason: "each state of a login is a type, whose only constructor is the transition before: the names are the six states, what goes into them and what a ledger answers",
	},
	{
		Rule: "struct-fields", Where: "app/internal/cli.result", Limit: 19,
		Reason: "one JSON object whose members scripts rely on: its fields are its documentation",
	},
}
