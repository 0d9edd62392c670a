// Package config owns the settings of one deployment: a TOML document in, an
// opaque value that was checked whole out. It opens no file: what a key names is
// read by whoever uses it, and a secret is only ever named.
//
// Everything wrong is told at once, each with file, line and column; a key that
// nobody knows is wrong. [Explain] prints the reference of all keys.
package config
