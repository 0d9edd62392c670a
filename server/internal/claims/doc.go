// Package claims owns what a service provider learns of a person: the scopes of
// each profile, the claims that each scope carries, their names for people, and
// the values that are released. Whether a provider may ask for a scope is its
// record's to say; here nothing comes out that was not asked for.
package claims
