//go:build !linux

package store_test

// isolatedChildren: only Linux gives a process mounts of its own.
func isolatedChildren() map[string]childFunc { return make(map[string]childFunc) }
