// Package stricttoml reads a TOML document into a struct, whole or not at all,
// and gives file, line and column for everything that is wrong with it.
//
// A struct describes its document by tags: `toml` names the key, `help` says what
// it means, `default` what holds where it is absent, `required` that it may not
// be absent, `oneof` the words it may be ("plus standard"), `range` the
// numbers ("60..600"). Fields are string, int64, bool, []string, a struct (a
// table), a slice of structs (tables in double brackets) or a map of strings; the
// fields of an embedded struct stand beside its own. A key is left out or has a
// value: an empty string is refused, and so is an empty list where one is required.
// [Explain] prints the same tags, so that the reference cannot drift from what is
// read.
//
// The package is stricter than the TOML library below it: a key must be written
// exactly, letter case included. What a reason quotes is the name of a key, never
// a value: a value may be a secret in the wrong place.
package stricttoml
