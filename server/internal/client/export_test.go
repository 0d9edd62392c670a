package client

// Decoy is the key that unknown clients are verified with.
var Decoy = decoy
