// Package audit owns the audit log: its entries, and the Merkle tree over them whose signed checkpoints show that
// nothing was changed or removed since. It stores nothing and numbers nothing; that is the store's.
//
// A leaf is SHA-256(salt ‖ sealed payload): when retention ends, salt and payload are destroyed, the leaf stays, and
// the tree still verifies. The tree is that of RFC 6962 §2.1, by golang.org/x/mod/sumdb/tlog; a checkpoint is a signed
// note (golang.org/x/mod/sumdb/note, C2SP tlog-checkpoint) that leaves the host.
package audit
