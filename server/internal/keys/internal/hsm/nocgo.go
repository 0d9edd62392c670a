//go:build pkcs11 && !cgo

package hsm

// A program that is asked to have PKCS#11 and cannot is not built.
var _ = the_tag_pkcs11_needs_CGO_ENABLED_1_and_a_C_compiler
