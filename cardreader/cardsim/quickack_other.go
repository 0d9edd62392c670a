//go:build !linux

package cardsim

import "net"

// quickAck does nothing: the option is Linux's, and so is the virtual reader.
func quickAck(net.Conn) func() { return func() {} }
