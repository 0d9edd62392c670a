package identity

// Transliterate is the recommended spelling of a name, for the tests.
func Transliterate(name string) (string, bool) { return transliterate(name) }

// HashText is the identityHash itself, which nothing but a subject may see.
func HashText(h Hash) string { return h.text }
