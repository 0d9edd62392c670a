// Package identity owns the pivot identity (identité pivot): the values by which
// a civil register knows a person, checked once when they enter and opaque
// afterwards. It says how such a value is sealed, found again, compared with the
// machine readable zone of a document, and turned into the pairwise subject that
// a service provider sees.
//
// Everything here is personal data: values print redacted, and errors name a
// field but never quote it.
package identity
