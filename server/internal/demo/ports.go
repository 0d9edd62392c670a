package demo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are looked for below the range that systems take outgoing ports from (32768 upwards on Linux), so that what is
// free now is not taken by somebody's connection a moment later.
const firstPort, lastPort = 20_000, 32_000

// FreePort returns a port on loopback that nobody listens on, nor on the next one: the broker's and the service's.
func FreePort() (int, error) {
	for range 1000 {
		port := firstPort + 2*rand.IntN((lastPort-firstPort)/2)
		if free(port) && free(port+1) {
			return port, nil
		}
	}
	return 0, errors.New("demo: no free port")
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
