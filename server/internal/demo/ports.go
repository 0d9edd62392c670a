package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
)

// Ports are looked for below the range that systems take outgoing ports from (32768 upwards on Linux), so that what is
// free now is not taken by somebody's connection a moment later.
const firstPort, lastPort = 20_000, 32_000

// portsUsed are the broker's for FranceConnect+, the services', and the broker's for FranceConnect.
const portsUsed = 3

// FreePort returns a port on loopback that nobody listens on, nor on the next two.
func FreePort() (int, error) {
	for range 1000 {
		port := firstPort + portsUsed*rand.IntN((lastPort-firstPort)/portsUsed)
		if allFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("demo: no free ports")
}

func allFree(port int) bool {
	for i := range portsUsed {
		if !free(port + i) {
			return false
		}
	}
	return true
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// KeptPort returns the port that the demo of a folder had before, when it is free, so that a companion that was paired
// finds its broker again; else a free one.
func KeptPort(dir string) (int, error) {
	if port := portOf(dir); port != 0 && allFree(port) {
		return port, nil
	}
	return FreePort()
}

// portOf is the port that the demo of a folder had last; 0 for none.
func portOf(dir string) int {
	raw, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		return 0
	}
	var w World
	if json.Unmarshal(raw, &w) != nil {
		return 0
	}
	u, err := url.Parse(w.Issuers["plus"])
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535-portsUsed {
		return 0
	}
	return port
}

// dataFolder is where the broker's database lies.
const dataFolder = "data"

// swapData puts the database of another port aside, and takes that of this port back: accounts, devices and the audit log
// belong to the issuer that they were made for. Errors: a demo runs in the folder.
func swapData(dir string, port int) error {
	before := portOf(dir)
	if before == 0 || before == port {
		return nil
	}
	data := filepath.Join(dir, dataFolder)
	if c, err := net.Dial("unix", filepath.Join(data, "admin.sock")); err == nil {
		return errors.Join(fmt.Errorf("demo: a demo runs in %q on port %d: stop it, or give this one another folder", dir, before), c.Close())
	}
	if err := os.Rename(data, fmt.Sprintf("%s-%d", data, before)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(fmt.Sprintf("%s-%d", data, port), data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
