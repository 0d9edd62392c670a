package brainpool_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"pivot/shared/brainpool"
)

func onEachBench(b *testing.B, bench func(b *testing.B, r reference)) {
	b.Helper()
	for _, r := range references() {
		b.Run(r.curve.Name(), func(b *testing.B) { bench(b, r) })
	}
}

func BenchmarkMul(b *testing.B) {
	onEachBench(b, func(b *testing.B, r reference) {
		k := r.scalar(b, r.randoms(20, 1)[0])
		p := r.parse(b, r.base(r.randoms(21, 1)[0]))
		for b.Loop() {
			p.Mul(k)
		}
	})
}

func BenchmarkBaseMul(b *testing.B) {
	onEachBench(b, func(b *testing.B, r reference) {
		k := r.scalar(b, r.randoms(20, 1)[0])
		r.curve.BaseMul(k) // the tables, once
		for b.Loop() {
			r.curve.BaseMul(k)
		}
	})
}

func BenchmarkVerifyECDSA(b *testing.B) {
	onEachBench(b, func(b *testing.B, r reference) {
		v := sign(b, r, r.randoms(22, 1)[0], bytes.Repeat([]byte{0x5a}, 32))
		if !v.verify(r.curve) {
			b.Fatal("refused")
		}
		for b.Loop() {
			v.verify(r.curve)
		}
	})
}

func BenchmarkMapToPoint(b *testing.B) {
	onEachBench(b, func(b *testing.B, r reference) {
		u := bytes.Repeat([]byte{0xe4}, 48)
		for b.Loop() {
			if _, err := r.curve.MapToPoint(u); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBesideOpenSSL measures a key agreement next to OpenSSL's in the same
// run on the same machine. Below 1 of ratio-to-openssl we are faster; OpenSSL has
// no special code for brainpool.
func BenchmarkBesideOpenSSL(b *testing.B) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		b.Skip("no openssl to compare with")
	}
	for _, c := range []struct {
		name  string
		curve *brainpool.Curve
	}{
		{"brp256r1", brainpool.P256r1()},
		{"brp384r1", brainpool.P384r1()},
		{"brp512r1", brainpool.P512r1()},
	} {
		b.Run(c.curve.Name(), func(b *testing.B) {
			theirs, err := opensslAgreement(b, openssl, c.name)
			if err != nil {
				b.Skipf("openssl gives no figure: %v", err)
			}
			k, err := c.curve.RandomScalar()
			if err != nil {
				b.Fatal(err)
			}
			peer := c.curve.BaseMul(k)
			for b.Loop() {
				if _, err := brainpool.SharedX(k, peer); err != nil {
					b.Fatal(err)
				}
			}
			ours := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(theirs.Nanoseconds()), "openssl-ns/op")
			b.ReportMetric(float64(ours)/float64(theirs), "ratio-to-openssl")
		})
	}
}

// opensslAgreement is the time of one ECDH as `openssl speed` finds it in one
// second.
func opensslAgreement(b *testing.B, openssl, curve string) (time.Duration, error) {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), openssl, "speed", "-seconds", "1", "ecdh"+curve).Output()
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`\(brainpool\w+\)\s+[\d.]+s\s+([\d.]+)`).FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("no line to read in %d octets of output", len(out))
	}
	perSecond, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil || perSecond <= 0 {
		return 0, fmt.Errorf("rate %q", found[1])
	}
	return time.Duration(float64(time.Second) / perSecond), nil
}
