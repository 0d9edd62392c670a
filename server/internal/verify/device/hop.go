package device

import (
	"crypto/hmac"

	"pivot/shared/wire"
)

// HopParts is one hop as the broker knows it.
type HopParts struct {
	Ceremony string
	A        string // what the page's address ended with
	Device   string
	Port     int // of 127.0.0.1, as the device announced it
}

const secretLen = 32

// VerifyHop reports, in constant time, whether presented is what the app that holds secret answers to this hop
// ([wire.HopProof]). That the cookie is the one of the browser that began is the caller's to see.
func VerifyHop(secret []byte, h HopParts, presented []byte) bool {
	if len(secret) != secretLen || h.Ceremony == "" || h.A == "" || h.Device == "" || h.Port < 1 || h.Port > 65535 {
		return false
	}
	return hmac.Equal(wire.HopProof(secret, h.Ceremony, h.A, h.Device, h.Port), presented)
}
