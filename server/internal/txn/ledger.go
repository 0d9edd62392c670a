package txn

import (
	"context"
	"errors"
	"fmt"

	"pivot/server/internal/audit"
)

// The errors of a [Ledger]. Any other error says that the ledger could not answer.
var (
	// ErrSpent says that the transaction was not in the state given: another request was faster, and the transition
	// did not happen. Nothing was written.
	ErrSpent = errors.New("txn: the transaction is no longer in that state")
	// ErrUnknown says that there is no such transaction at that issuer: never was, expired, or of an older epoch.
	ErrUnknown = errors.New("txn: no such transaction")
)

// Ledger keeps transactions, each with its audit entries. An answer means that it is on disk.
type Ledger interface {
	// Begin stores a new transaction and its entry. Errors: [ErrSpent] when the identifier is taken.
	Begin(ctx context.Context, w Waiting, e audit.Entry) error
	// Advance replaces from by next and stores the entry, all or nothing, by one statement guarded by issuer,
	// identifier, name and version of from. A [Granted] that names means needs each of them good still, by the same
	// statement. Errors: what [Follows] says, before anything is written; [ErrSpent].
	Advance(ctx context.Context, from, next State, e audit.Entry) error
	// Load finds a transaction that has not expired. Errors: [ErrUnknown].
	Load(ctx context.Context, issuer string, id ID) (State, error)
	// ByCode finds the transaction that a code was issued in, by the code's hash. Errors: [ErrUnknown].
	ByCode(ctx context.Context, issuer string, code [32]byte) (State, error)
	// ByToken finds the transaction that an access token was issued in, by its hash. Errors: [ErrUnknown].
	ByToken(ctx context.Context, issuer string, token [32]byte) (State, error)
}

// Follows says whether next can replace from: the same transaction of the same issuer, one version later, by a
// transition that exists. A ledger asks it before it writes, so that two transactions are never mixed up.
func Follows(from, next State) error {
	switch {
	case !genuine(from) || !genuine(next):
		return errNoState
	case from.Issuer() != next.Issuer() || from.ID() != next.ID():
		return errors.New("txn: two states of different transactions")
	case next.Version() != from.Version()+1 || !leads(from.Name(), next.Name()):
		return fmt.Errorf("txn: %s (version %d) does not lead to %s (version %d)",
			from.Name(), from.Version(), next.Name(), next.Version())
	}
	return nil
}

// genuine reports whether s is one of the six states, and not its zero value. A pointer to a state and a type that embeds
// one implement [State] as well; neither is what a transition made.
func genuine(s State) bool {
	switch s.(type) {
	case Waiting, Proven, Consented, Granted, Redeemed, Ended:
		return !s.ID().IsZero()
	}
	return false
}

// leads reports whether a transition leads from one state to another.
func leads(from, next StateName) bool {
	switch next {
	case NameProven:
		return from == NameWaiting
	case NameConsented:
		return from == NameProven
	case NameGranted:
		return from == NameConsented
	case NameRedeemed:
		return from == NameGranted || from == NameRedeemed
	case NameEnded:
		return from != NameEnded
	}
	return false
}
