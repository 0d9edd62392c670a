package chip

import (
	"time"

	"pivot/cardreader/cardsim/internal/secure"
	"pivot/shared/apdu"
)

// Status words of ISO/IEC 7816-4 §5.6 that the chip answers.
const (
	ok            = apdu.Status(0x9000)
	endOfFile     = apdu.Status(0x6282)
	failed        = apdu.Status(0x6300)
	wrongLength   = apdu.Status(0x6700)
	chainExpected = apdu.Status(0x6883)
	denied        = apdu.Status(0x6982)
	conditions    = apdu.Status(0x6985)
	noCurrentFile = apdu.Status(0x6986)
	wrongData     = apdu.Status(0x6A80)
	notFound      = apdu.Status(0x6A82)
	wrongP1P2     = apdu.Status(0x6A86)
	noReference   = apdu.Status(0x6A88)
	wrongOffset   = apdu.Status(0x6B00)
	unknownINS    = apdu.Status(0x6D00)
	unknownCLA    = apdu.Status(0x6E00)
)

const (
	smBits      = 0x0C
	chainingBit = 0x10
	maxChain    = 1 << 16
)

// allTries is how often a wrong password is answered at once.
const allTries = 3

// Chip is one chip. It is not safe for concurrent use.
type Chip struct {
	conf     Config
	entropy  Entropy
	tries    int     // left before a wrong password costs time
	failures int     // wrong passwords since the last right one
	out      Outcome // of the command under way
	volatile
}

// volatile is what a chip loses with its power.
type volatile struct {
	session *secure.Session
	next    *secure.Session // takes over after the response that announces it
	replay  bool            // the session is answered from a recording
	app     bool            // the eMRTD application is selected
	current []byte          // the selected file
	stage   stage           // of PACE, or nil
	caReady bool            // MSE:Set AT for Chip Authentication was accepted
	chain   []byte          // a chained command so far: header and data
}

// New returns a chip without power.
func New(conf Config) *Chip {
	c := &Chip{conf: conf, entropy: conf.Entropy, tries: allTries}
	if c.entropy == nil {
		c.entropy = random{}
	}
	if conf.Quirks.TriesAtStart != nil {
		c.tries = *conf.Quirks.TriesAtStart
	}
	return c
}

// Reset is a loss of power: sessions and selections are gone, the try counter is not.
func (c *Chip) Reset() { c.volatile = volatile{} }

// Process answers one command, whatever its bytes are. The response is never longer than 65535 bytes.
func (c *Chip) Process(command []byte) Outcome {
	c.out = Outcome{}
	cmd, err := apdu.ParseCommand(command)
	if err != nil {
		return c.refuse(wrongLength)
	}
	cmd, done, sw := c.assemble(cmd)
	if !done {
		return c.answer(nil, sw)
	}
	if c.session != nil {
		return c.protected(cmd)
	}
	if cmd.CLA&smBits != 0 {
		return c.refuse(secure.Wrong) // no session: no key that could be right
	}
	data, sw := c.execute(cmd, cmd.Ne)
	c.adopt()
	return c.answer(data, sw)
}

// protected serves a command under secure messaging. A command in clear ends the session (ICAO 9303-11 §9.8.2), and
// so does every error of it.
func (c *Chip) protected(cmd apdu.Command) Outcome {
	if cmd.CLA&smBits == 0 {
		return c.refuse(denied)
	}
	if c.replay {
		return c.old(cmd)
	}
	plain, sw := c.session.Unwrap(cmd)
	if sw != ok {
		return c.refuse(sw)
	}
	session := c.session // the response that announces new keys is still under the old ones
	data, sw := c.execute(plain, secure.Room(min(cmd.Ne, 65533)))
	if q := c.conf.Quirks; q.PlainOn != 0 && c.out.Operation == Read && c.out.File == q.PlainOn {
		return c.refuse(q.PlainStatus)
	}
	c.out.Response = session.Wrap(data, sw, cmd.INS&1 == 1)
	c.adopt()
	return c.out
}

// adopt lets the session that was agreed on take over.
func (c *Chip) adopt() {
	if c.next != nil {
		c.session, c.next = c.next, nil
		c.replay = c.conf.Quirks.Replay && c.out.Operation == CAKey
		c.stage, c.caReady = nil, false
	}
}

// refuse answers in clear and forgets every session.
func (c *Chip) refuse(sw apdu.Status) Outcome {
	c.Reset()
	return c.answer(nil, sw)
}

func (c *Chip) answer(data []byte, sw apdu.Status) Outcome {
	c.out.Response = append(append([]byte{}, data...), byte(sw>>8), byte(sw))
	return c.out
}

// assemble collects a chained command (ISO/IEC 7816-4 §5.3.3) and reports whether the command is whole. The General
// Authenticate commands of PACE carry the chaining bit too, but each is answered by itself (TR-03110-3 B.1).
func (c *Chip) assemble(cmd apdu.Command) (apdu.Command, bool, apdu.Status) {
	chained := cmd.CLA&chainingBit != 0
	if c.chain == nil && (!chained || cmd.INS == insGeneralAuthenticate && c.session == nil) {
		return cmd, true, ok
	}
	header := []byte{cmd.CLA &^ chainingBit, cmd.INS, cmd.P1, cmd.P2}
	if c.chain == nil {
		c.chain = header
	}
	if string(c.chain[:4]) != string(header) {
		c.chain = nil
		return cmd, false, chainExpected
	}
	c.chain = append(c.chain, cmd.Data...)
	if len(c.chain) > maxChain {
		c.chain = nil
		return cmd, false, wrongLength
	}
	if chained {
		return cmd, false, ok
	}
	cmd.Data, c.chain = c.chain[4:], nil
	return cmd, true, ok
}

const (
	insManageSecurity      = 0x22
	insGeneralAuthenticate = 0x86
	insSelect              = 0xA4
	insReadBinary          = 0xB0
	insReadBinaryOdd       = 0xB1
)

// execute serves a command in clear; room is how many bytes of data the response can carry.
func (c *Chip) execute(cmd apdu.Command, room int) ([]byte, apdu.Status) {
	if cmd.CLA&^chainingBit != 0 {
		return nil, unknownCLA
	}
	switch cmd.INS {
	case insSelect:
		c.out.Operation = Select
		return nil, c.selectFile(cmd)
	case insReadBinary:
		c.out.Operation = Read
		return c.readBinary(cmd, room)
	case insReadBinaryOdd:
		c.out.Operation = Read
		return c.readBinaryOdd(cmd, room)
	case insManageSecurity:
		return nil, c.manageSecurity(cmd)
	case insGeneralAuthenticate:
		return c.generalAuthenticate(cmd)
	}
	return nil, unknownINS
}

// penalty is how long the chip thinks before it takes up PACE once the tries are used up: 1, 2, 4 seconds and so on.
func (c *Chip) penalty() time.Duration {
	if c.tries > 0 {
		return 0
	}
	return time.Second << min(max(c.failures-allTries, 0), 5)
}
