package cardsim

import (
	"strings"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/der"
	"pivot/shared/apdu"
)

// emptyCard has no application that we know of.
type emptyCard struct{}

// Reset implements applet.
func (emptyCard) Reset() {}

// Process implements applet.
func (emptyCard) Process(command []byte) chip.Outcome {
	if _, err := apdu.ParseCommand(command); err != nil {
		return bare(apdu.WrongLength)
	}
	return bare(0x6A82)
}

// bankCard answers to the payment applications alone (EMV Book 1 §12).
type bankCard struct{}

// Reset implements applet.
func (bankCard) Reset() {}

const (
	paymentEnvironment = "2PAY.SYS.DDF01"
	paymentPrefix      = "\xA0\x00\x00\x00\x03"
	paymentApplication = paymentPrefix + "\x10\x10"
)

// Process implements applet.
func (bankCard) Process(command []byte) chip.Outcome {
	cmd, err := apdu.ParseCommand(command)
	if err != nil {
		return bare(apdu.WrongLength)
	}
	if cmd.CLA != 0 || cmd.INS != 0xA4 || cmd.P1 != 0x04 {
		return bare(0x6D00)
	}
	switch name := string(cmd.Data); {
	case name == paymentEnvironment:
		entry := der.Wrap(0x61, der.Wrap(0x4F, []byte(paymentApplication)), der.Wrap(0x50, []byte("TEST BANK")))
		return control(name, der.Wrap(0xBF0C, entry))
	case len(name) >= len(paymentPrefix) && strings.HasPrefix(paymentApplication, name):
		return control(paymentApplication, der.Wrap(0x50, []byte("TEST BANK")))
	}
	return bare(0x6A82)
}

// control is the file control information of an application.
func control(name string, proprietary []byte) chip.Outcome {
	fci := der.Wrap(0x6F, der.Wrap(0x84, []byte(name)), der.Wrap(0xA5, proprietary))
	return chip.Outcome{Response: append(fci, 0x90, 0x00)}
}
