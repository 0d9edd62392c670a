// Package registry owns the records of service providers and data providers: a
// folder of TOML files of each in, one immutable [Snapshot] out. It owns neither what a record means, which
// package client does, nor the settings of the broker itself.
//
// A folder is read whole and checked whole. A reload either replaces the snapshot
// in one step or, where anything at all is wrong, leaves it as it is; whoever
// looked a client up goes on with the one that was found.
package registry
