// Package chip is the eMRTD application of the simulated card: its files, PACE, Chip Authentication and secure
// messaging, as a state machine from command bytes to response bytes (ICAO 9303-10 and 9303-11, ISO/IEC 7816-4).
package chip

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"time"

	"pivot/cardreader/cardsim/internal/ec"
	"pivot/shared/apdu"
)

// FID is a file identifier of the LDS (ICAO 9303-10 §4.6). A short identifier is its low five bits.
type FID uint16

// The files that the chip treats by name.
const (
	CardAccess FID = 0x011C
	SOD        FID = 0x011D
	COM        FID = 0x011E
)

// DG returns the identifier of a data group's file.
func DG(n int) FID { return 0x0100 | FID(n) }

// Mapping is a PACE mapping, numbered as in its object identifier (TR-03110-3 A.1.1.1).
type Mapping byte

// The mappings.
const (
	Generic    Mapping = 2
	Integrated Mapping = 4
)

// PACE is one PACE protocol that the chip speaks: ECDH and AES.
type PACE struct {
	Mapping Mapping
	KeyLen  int // bytes of the AES key: 16, 24 or 32
	Curve   *ec.Curve
}

// OID is the protocol's object identifier, id-PACE-ECDH-*-AES-CBC-CMAC-* (TR-03110-3 A.1.1.1).
func (p PACE) OID() string {
	return fmt.Sprintf("0.4.0.127.0.7.2.2.4.%d.%d", p.Mapping, p.KeyLen/8)
}

// ChipKey is the chip's Chip Authentication key and its protocol.
type ChipKey struct {
	KeyLen int // bytes of the AES key: 16, 24 or 32
	Curve  *ec.Curve
	Key    *big.Int
}

// OID is id-CA-ECDH-AES-CBC-CMAC-* (TR-03110-3 A.1.1.2).
func (k ChipKey) OID() string { return fmt.Sprintf("0.4.0.127.0.7.2.2.3.2.%d", k.KeyLen/8) }

// Entropy is where the chip takes its random numbers from.
type Entropy interface {
	Nonce(n int) []byte
	Scalar(c *ec.Curve) *big.Int
}

// Config is what a chip is personalised with.
type Config struct {
	Files   map[FID][]byte
	Sealed  []FID // files that need Terminal Authentication: never read
	PACE    []PACE
	CA      ChipKey
	CAN     string
	MRZ     string  // document number, birth and expiry with their check digits (ICAO 9303-11 §9.7.2)
	Master  bool    // the chip has a master file that can be selected
	Quirks  Quirks  // how it departs from a good chip
	Entropy Entropy // nil: crypto/rand
}

// Quirks are the ways in which a chip departs from a good one. The zero Quirks is none.
type Quirks struct {
	Map, Key     PointFault  // the points that it sends in PACE
	LeadingZero  bool        // the shared secret of PACE begins with a zero byte
	Replay       bool        // after Chip Authentication it answers with responses of an old session
	PlainOn      FID         // reading this file is answered by PlainStatus in clear under secure messaging
	PlainStatus  apdu.Status //
	ReadLimit    int         // at most so many bytes a read; 0: no limit
	EndWarning   bool        // 6282 whenever a read touches the end of the file
	Refuse256    apdu.Status // answer to a read of 256 bytes; 0: it is served
	RefuseCAN    apdu.Status // answer to MSE:Set AT for PACE; 0: it is served
	NoCounter    bool        // a wrong password gives 6300 instead of 63Cx
	TriesAtStart *int        // tries left when the card is made; nil: three
}

// PointFault is what is wrong with a point that the chip sends.
type PointFault uint8

// The faults.
const (
	GoodPoint  PointFault = iota
	OffCurve              // the equation does not hold
	Infinity              // the encoding of infinity
	Unreduced             // x at or above p
	EchoedPeer            // the terminal's own point
)

// Operation is what a command turned out to be, for those who watch the card from outside.
type Operation uint8

// The operations.
const (
	Other Operation = iota
	Select
	Read
	PACESet
	PACENonce
	PACEMap
	PACEKey
	PACEToken
	CASet
	CAKey
)

// Outcome is the answer to one command.
type Outcome struct {
	Response  []byte
	Operation Operation
	File      FID           // of a Read
	Delay     time.Duration // how long the chip takes before it answers
}

// random is crypto/rand.
type random struct{}

func (random) Nonce(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

func (r random) Scalar(c *ec.Curve) *big.Int { return c.Scalar(r.Nonce(c.Size + 16)) }
