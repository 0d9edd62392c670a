package pace_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pivot/cardreader/pace"
	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
)

type transmit func(command []byte) []byte

func (t transmit) Transmit(_ context.Context, command []byte) ([]byte, error) { return t(command), nil }

// build compiles one of the C programs of testdata, or skips the test.
func build(t *testing.T, name string, libraries ...string) string {
	t.Helper()
	for _, tool := range []string{"cc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s: %s is not compiled", tool, name)
		}
	}
	flags, err := exec.Command("pkg-config", append([]string{"--cflags", "--libs"}, libraries...)...).Output()
	if err != nil {
		t.Skipf("pkg-config does not know %v: install libeac-dev and libssl-dev", libraries)
	}
	bin := filepath.Join(t.TempDir(), "chip")
	args := append([]string{"-O1", "-o", bin, filepath.Join("testdata", name, "chip.c")}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return bin
}

// program is a chip that runs outside, fed a line per command.
type program struct {
	in  io.Writer
	out *bufio.Reader
}

func start(t *testing.T, bin string, args ...string) *program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
		if stderr.Len() > 0 {
			t.Logf("chip: %s", stderr.String())
		}
	})
	return &program{in, bufio.NewReader(out)}
}

func (p *program) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if _, err := fmt.Fprintf(p.in, "%x\n", command); err != nil {
		return nil, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(strings.TrimSpace(line))
}

// TestLibeac opens channels with a chip played by libeac, on every curve and
// suite of the generic mapping, and exchanges a protected command with it.
// libeac has no integrated mapping: its own is not that of ICAO 9303-11.
func TestLibeac(t *testing.T) {
	t.Parallel()
	bin := build(t, "libeac", "libeac", "libcrypto")
	for _, suite := range []sm.Suite{sm.AES128, sm.AES192, sm.AES256} {
		protocol := fmt.Sprintf("id-PACE-ECDH-GM-AES-CBC-CMAC-%d", 8*suite.KeyLen())
		for _, id := range curveIDs {
			info := offer(t, mrtd.GenericMapping, suite, id)
			t.Run(fmt.Sprintf("%v/%s", suite, info.Curve.Name()), func(t *testing.T) {
				t.Parallel()
				args := []string{protocol, fmt.Sprint(id), "can", rightCAN}
				card := start(t, bin, args...)
				channel, err := pace.Run(t.Context(), card, info, can(t, rightCAN))
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range []string{"a", "sixteen letters!", "something longer than a block"} {
					command := apdu.Command{INS: 0x88, Data: []byte(text), Ne: 256}
					if r, err := channel.Send(t.Context(), card, command, false); err != nil || string(r.Data) != text || r.SW != apdu.OK {
						t.Fatalf("%v %v", r, err)
					}
				}
				_, err = pace.Run(t.Context(), start(t, bin, args...), info, can(t, wrongCAN))
				if wrong, ok := errors.AsType[*pace.WrongPasswordError](err); !ok || wrong.Known {
					t.Errorf("wrong CAN: got %v", err)
				}
			})
		}
	}
}

// TestOpenSSL opens channels with a chip on OpenSSL, on every curve and suite of
// the integrated mapping.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	bin := build(t, "openssl", "libcrypto")
	mrz, err := pace.MRZ("T22000129", "640812", "101031")
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range []sm.Suite{sm.AES128, sm.AES192, sm.AES256} {
		for _, id := range curveIDs {
			info := offer(t, mrtd.IntegratedMapping, suite, id)
			t.Run(fmt.Sprintf("%v/%s", suite, info.Curve.Name()), func(t *testing.T) {
				t.Parallel()
				bits, parameter, oid := fmt.Sprint(8*suite.KeyLen()), fmt.Sprint(id), fmt.Sprintf("%x", info.OIDBytes)
				card := start(t, bin, bits, parameter, "can", rightCAN, oid)
				if _, err := pace.Run(t.Context(), card, info, can(t, rightCAN)); err != nil {
					t.Fatal(err)
				}
				_, err := pace.Run(t.Context(), card, info, can(t, wrongCAN))
				if wrong, ok := errors.AsType[*pace.WrongPasswordError](err); !ok || wrong.TriesLeft != 2 {
					t.Errorf("wrong CAN: got %v", err)
				}
				// ICAO 9303-11 G.1: the SHA-1 of the MRZ fields.
				card = start(t, bin, bits, parameter, "hash", "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD", oid)
				if _, err := pace.Run(t.Context(), card, info, mrz); err != nil {
					t.Errorf("MRZ: %v", err)
				}
			})
		}
	}
}
