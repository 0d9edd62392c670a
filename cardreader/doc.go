// Package cardreader owns what a citizen has on the desk: which readers there are and what lies in them ([List], [Watch],
// [Find]), a connection to one card ([Open]), and what is wrong when something is, as one of a closed set of problems
// ([Explain]), each with a sentence in package assets. Package session takes an open card from there.
package cardreader
