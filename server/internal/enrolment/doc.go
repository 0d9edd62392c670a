// Package enrolment decides whether a card and the civil register speak of the same person, and who that is. The chip
// gives names in the letters of a machine readable zone, a birth date without its century and a place of birth in free
// text; the register gives the pivot identity. A card that was proved is matched with the register, and the register's
// values are those that count: nothing of the chip is copied into an identity.
//
// A doubt is a refusal with a reason, and a person at a desk decides. The package is pure. Everything here is personal
// data: values print redacted, and errors quote none of them.
package enrolment
