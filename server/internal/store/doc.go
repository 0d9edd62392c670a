// Package store owns what must survive: pending transactions, records of accounts and means, spent rights and the audit
// log, in one SQL database that answers only once the answer is on disk. It implements the interfaces that the core
// declares (txn.Ledger, record.Book, client.Once, audit.Log) and decides nothing: which transition is legal is the
// core's, and the store makes sure that each applies once.
//
// One goroutine writes. Callers hand it finished statements, never code: identities are sealed, hashes computed and
// entries encoded before, so that nothing but SQL happens between BEGIN and COMMIT. Each caller has a savepoint, many
// callers share a commit, and nobody is answered before it. Readers have connections of their own and never wait.
//
// Statements are portable: $1 parameters, ON CONFLICT, integers for times (UTC milliseconds); what differs between
// SQLite and PostgreSQL is in one value, the dialect. SQLite runs with write-ahead logging and synchronous=FULL.
package store
