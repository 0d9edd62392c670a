//go:build ignore

// Command generate makes the shared TEST PKI anew, in the folder pki.
package main

import (
	"log"
	"os"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
)

func main() {
	log.SetFlags(0)
	p, err := cardsim.NewPKI(simtest.Now())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.RemoveAll("pki"); err != nil {
		log.Fatal(err)
	}
	if err := p.Save("pki"); err != nil {
		log.Fatal(err)
	}
}
