package brainpool_test

import (
	"bytes"
	"fmt"
	"log"

	"pivot/shared/brainpool"
)

// A key agreement with a card, whose point arrives as octets.
func ExampleSharedX() {
	curve, ok := brainpool.ByParameterID(13)
	if !ok {
		log.Fatal("no such curve")
	}
	ours, err := curve.RandomScalar()
	if err != nil {
		log.Fatal(err)
	}
	theirs, err := curve.RandomScalar()
	if err != nil {
		log.Fatal(err)
	}
	fromCard, err := curve.ParsePoint(curve.BaseMul(theirs).Bytes())
	if err != nil {
		log.Fatal(err)
	}
	x, err := brainpool.SharedX(ours, fromCard)
	if err != nil {
		log.Fatal(err)
	}
	y, err := brainpool.SharedX(theirs, curve.BaseMul(ours))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(curve.Name(), len(x), bytes.Equal(x, y))
	fmt.Println(ours)
	// Output:
	// brainpoolP256r1 32 true
	// brainpoolP256r1 scalar (redacted)
}
