//go:build cgo && !nopcsc

package pcsc_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// What the script card does is chosen by the instruction byte of a command.
const (
	insEcho   = 0xE0 // answers the whole command, and 9000
	insBytes  = 0xE1 // answers P1P2 bytes, and 9000
	insHold   = 0xE2 // says "held" to the test, and answers 9000 when told to
	insMute   = 0xE3 // never answers
	insLeave  = 0xE4 // leaves the reader instead of answering
	insRemind = 0xE5 // answers how many commands came since the last reset (one byte), and 9000
)

// script is a card for the reader: args are its ATR in hexadecimal and the path of the test's socket. Frames are
// those of the vpicc protocol: two bytes of length, big endian, then the content; one byte is a control code.
func script(ctx context.Context, args []string, addr string) error {
	atr, err := hex.DecodeString(args[0])
	if err != nil {
		return err
	}
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer tcp.Close()
	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	defer stop()
	conn, err := quicken(tcp)
	if err != nil {
		return err
	}
	commands := byte(0)
	for {
		frame, err := readFrame(conn)
		if err != nil {
			return err
		}
		switch {
		case len(frame) == 1 && frame[0] == 4:
			err = writeFrame(conn, atr)
		case len(frame) == 1:
			commands = 0
		case len(frame) >= 4:
			commands++
			if frame[1] == insLeave {
				_ = tcp.Close()
				<-ctx.Done()
				return nil
			}
			err = answer(ctx, conn, args, frame, commands)
		}
		if err != nil {
			return err
		}
	}
}

func answer(ctx context.Context, conn io.Writer, args []string, command []byte, commands byte) error {
	switch command[1] {
	case insMute:
		<-ctx.Done()
		return ctx.Err()
	case insHold:
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, "unix", args[1])
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprintln(c, "held")
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			return err
		}
		return writeFrame(conn, []byte{0x90, 0x00})
	case insBytes:
		n := int(binary.BigEndian.Uint16(command[2:4]))
		return writeFrame(conn, append(pattern(n), 0x90, 0x00))
	case insRemind:
		return writeFrame(conn, []byte{commands, 0x90, 0x00})
	}
	return writeFrame(conn, append(command[:len(command):len(command)], 0x90, 0x00))
}

// pattern is n bytes that do not repeat with any power of two.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// quick acknowledges at once what vpcd sends in two pieces with Nagle's algorithm on; the option does not stick.
type quick struct {
	net.Conn
	raw syscall.RawConn
}

func quicken(c net.Conn) (quick, error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	return quick{c, raw}, err
}

func (q quick) Read(b []byte) (int, error) {
	_ = q.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
	return q.Conn.Read(b)
}

func readFrame(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func writeFrame(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}
