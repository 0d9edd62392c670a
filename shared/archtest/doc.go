// Package archtest owns the rules of the house that a compiler does not check:
// which package may import which, what each dependency is for, how large a
// file, a function or an interface may grow, and a few manners such as "no
// clock in the trusted core". The rules are data (see [House]), every row
// carries its reason, and [Check] reports each breach with file, line and that
// reason.
//
// The files are parsed, never compiled: all build tags are seen at once, and
// the test gives the same answer with and without cgo, on any system.
//
// When a check fails, the code is wrong more often than the table. A row is
// changed together with its reason, in the commit that needs it.
package archtest
