package cardsim

import (
	"net"
	"syscall"
)

// quickAck returns what asks the kernel to acknowledge the next segment at once. The option is not sticky: it is set
// again before each read (tcp(7), TCP_QUICKACK).
func quickAck(conn net.Conn) func() {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return func() {}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return func() {}
	}
	return func() {
		// Only speed is lost if it fails.
		_ = raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
		})
	}
}
