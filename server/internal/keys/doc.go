// Package keys owns the broker's secrets: the keys that sign for an issuer, the
// ring that seals what the store keeps, and the files in which both rest.
//
// Everything rests in one folder, one file a set, sealed under a key-encryption
// key ([KEK]) that the operator keeps elsewhere: a file of mode 0600 or a
// systemd credential. A file is replaced whole and atomically, so a rotation
// has happened or has not. What is sealed authenticates the whole set, states
// and times included. Who can write the folder can still put back an older file
// of it: nothing here notices, so the caller writes each rotation to the audit
// log.
//
// [Signing] signs by ES256, or by RS256 where its folder says so
// ([Folder.RS256]). A key is published before it is used and after, for
// as long as somebody may hold an old key set or a token; each signature is
// verified before it leaves. [Ring] seals columns and gives derived secrets.
// The private halves may be in a PKCS#11 token instead ([Folder.UseToken]): the
// file then has their names, public halves, states and times.
// Both are safe for concurrent use. One process writes a folder: the caller
// holds the store's lock, or is the running server.
package keys
