package config

import (
	"path/filepath"
	"strings"
)

// Token says in which PKCS#11 token the private halves of the signing keys are.
// Its zero value is none: they rest sealed in the data folder.
type Token struct {
	Module string // path of the PKCS#11 library, absolute
	Label  string // of the token
	PIN    string // a file, or "credential:NAME"
}

// Token is where signing keys are made.
func (c Config) Token() Token { return c.token }

// token reads three keys that are given together or not at all.
func (p parser) token(raw keys) Token {
	values := [...]struct{ key, value string }{
		{"keys.pkcs11_module", raw.PKCS11Module}, {"keys.pkcs11_token", raw.PKCS11Token}, {"keys.pkcs11_pin_file", raw.PKCS11PINFile},
	}
	given := 0
	for _, v := range values {
		if v.value != "" {
			given++
		}
	}
	if given == 0 {
		return Token{}
	}
	for _, v := range values {
		if v.value == "" && given < len(values) {
			p.report.Refuse(v.key, "required: pkcs11_module, pkcs11_token and pkcs11_pin_file are given together or not at all")
		}
	}
	if raw.PKCS11Module != "" && (!filepath.IsAbs(raw.PKCS11Module) || strings.ContainsRune(raw.PKCS11Module, 0)) {
		p.report.Refuse("keys.pkcs11_module", "want an absolute path: a library is code, and must not be looked for")
	}
	if raw.PKCS11Token != "" && !labelled(raw.PKCS11Token) {
		p.report.Refuse("keys.pkcs11_token", "want the label of a token: 1 to 32 printable ASCII characters, no space at its end")
	}
	return Token{Module: raw.PKCS11Module, Label: raw.PKCS11Token, PIN: p.secret("keys.pkcs11_pin_file", raw.PKCS11PINFile)}
}

// labelled reports whether value is a label as tokens have them: 32 characters,
// filled up with spaces (PKCS #11 v2.40 §3.2, CK_TOKEN_INFO).
func labelled(value string) bool {
	const most = 32
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return len(value) <= most && !strings.HasSuffix(value, " ")
}
