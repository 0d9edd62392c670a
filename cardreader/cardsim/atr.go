package cardsim

import (
	"encoding/hex"
	"fmt"
)

// longestATR is an answer to reset of 33 bytes, the most that ISO/IEC 7816-3 §8.2 allows: T=1 with every interface
// byte that has no effect, and fifteen historical bytes.
func longestATR() string {
	const body = "FF110000E1000AF1FE4500F1FE450001" + "0031C164093772135049564F549000"
	return "3B" + body + checkByte(body)
}

// checkByte is TCK: with it, the exclusive or of everything after TS is zero (ISO/IEC 7816-3 §8.2.5).
func checkByte(body string) string {
	var tck byte
	for _, b := range unhex(body) {
		tck ^= b
	}
	return fmt.Sprintf("%02X", tck)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("internal error: cardsim: constant " + s)
	}
	return b
}
