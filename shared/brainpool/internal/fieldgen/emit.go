package main

import (
	"fmt"
	"strings"
)

// emitter writes straight-line code for one limb count. Nothing it emits
// branches on, or indexes by, a limb.
type emitter struct {
	n int
	b strings.Builder
}

func newEmitter(n int) *emitter { return &emitter{n: n} }

func (e *emitter) linef(format string, args ...any) {
	fmt.Fprintf(&e.b, format+"\n", args...)
}

// take returns what was written since the last call.
func (e *emitter) take() string {
	s := e.b.String()
	e.b.Reset()
	return s
}

// bodies are the unrolled functions that field.tmpl frames.
type bodies struct {
	Add, Sub, Mul, Square, Pick, Zero, Less string
}

func (e *emitter) bodies() bodies {
	return bodies{
		Add: e.add(), Sub: e.sub(), Mul: e.mul(), Square: e.square(),
		Pick: e.pick(), Zero: e.zero(), Less: e.less(),
	}
}

// names returns prefix0 ... prefix(n-1), comma separated.
func names(prefix string, n int) string {
	s := make([]string, n)
	for i := range n {
		s[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return strings.Join(s, ", ")
}

// link is what the first and the later links of a carry chain read.
func link(carry string, first bool) string {
	if first {
		return "0"
	}
	return carry
}

// subtractModulus emits z = t-m if carry:t >= m, else t, where t starts at limb
// from.
func (e *emitter) subtractModulus(from int, carry string) {
	e.linef("var b uint64")
	for i := range e.n {
		e.linef("r%d, b := bits.Sub64(t%d, f.m[%d], %s)", i, from+i, i, link("b", i == 0))
	}
	e.linef("_, b = bits.Sub64(%s, 0, b)", carry)
	e.linef("keep := -b // all ones when the subtraction was too much")
	for i := range e.n {
		e.linef("z[%d] = r%d ^ keep&(r%d^t%d)", i, i, i, from+i)
	}
}

func (e *emitter) add() string {
	e.linef("var c uint64")
	for i := range e.n {
		e.linef("t%d, c := bits.Add64(x[%d], y[%d], %s)", i, i, i, link("c", i == 0))
	}
	e.subtractModulus(0, "c")
	return e.take()
}

func (e *emitter) sub() string {
	e.linef("var b, c uint64")
	for i := range e.n {
		e.linef("t%d, b := bits.Sub64(x[%d], y[%d], %s)", i, i, i, link("b", i == 0))
	}
	e.linef("back := -b // all ones when the difference is negative")
	for i := range e.n {
		out := "c"
		if i == e.n-1 {
			out = "_"
		}
		e.linef("z[%d], %s = bits.Add64(t%d, back&f.m[%d], %s)", i, out, i, i, link("c", i == 0))
	}
	return e.take()
}

func (e *emitter) zero() string {
	terms := make([]string, e.n)
	for i := range e.n {
		terms[i] = fmt.Sprintf("x[%d]", i)
	}
	return strings.Join(terms, " | ")
}

func (e *emitter) pick() string {
	for i := range e.n {
		e.linef("z[%d] ^= mask & (z[%d] ^ x[%d])", i, i, i)
	}
	return e.take()
}

func (e *emitter) less() string {
	e.linef("var b uint64")
	for i := range e.n {
		e.linef("_, b = bits.Sub64(x[%d], f.m[%d], %s)", i, i, link("b", i == 0))
	}
	return e.take()
}

// product emits r0 ... rn = multiplier * vector, reusing the scratch names h
// and l. The top limb cannot overflow: (2^64-1)(2^64n-1) < 2^64(n+1). The
// multiplications come a few at a time: with a whole row of them before the
// first addition, the compiler runs out of registers from eight limbs on.
func (e *emitter) product(r, multiplier, vector string) {
	const few = 4
	for from := 0; from < e.n; from += few {
		to := min(from+few, e.n)
		for j := from; j < to; j++ {
			e.linef("h%d, l%d = bits.Mul64(%s, %s[%d])", j, j, multiplier, vector, j)
		}
		for j := from; j < to; j++ {
			if j == 0 {
				e.linef("%s0 = l0", r)
				continue
			}
			e.linef("%s%d, c = bits.Add64(l%d, h%d, %s)", r, j, j, j-1, link("c", j == 1))
		}
	}
	e.linef("%s%d = h%d + c", r, e.n, e.n-1)
}

// mul emits Montgomery multiplication: the product at double length, row by row,
// then its reduction. One extra limb of carry is kept, since the moduli may fill
// their top limb.
func (e *emitter) mul() string {
	n := e.n
	e.scratch()
	for i := range n {
		e.linef("\n// row %d", i)
		if i == 0 {
			e.product("t", "x[0]", "y")
			continue
		}
		e.product("p", fmt.Sprintf("x[%d]", i), "y")
		for j := range n {
			e.linef("t%d, c = bits.Add64(t%d, p%d, %s)", i+j, i+j, j, link("c", j == 0))
		}
		e.linef("t%d = p%d + c", i+n, n)
	}
	e.reduce()
	return e.take()
}

// scratch declares the names that products and reductions use.
func (e *emitter) scratch() {
	n := e.n
	e.linef("var c, k uint64")
	e.linef("var %s uint64", names("h", n))
	e.linef("var %s uint64", names("l", n))
	e.linef("var %s uint64", names("p", n+1))
	e.linef("var %s uint64", names("t", 2*n))
}

// square emits Montgomery squaring: the products above the diagonal once,
// doubled, plus the diagonal, then one reduction of the double-length result.
func (e *emitter) square() string {
	n := e.n
	e.scratch()
	for i := range n - 1 {
		e.linef("\n// above the diagonal, row %d", i)
		e.triangleRow(i)
	}
	e.linef("\n// doubled")
	e.linef("t%d = t%d >> 63", 2*n-1, 2*n-2)
	for j := 2*n - 2; j > 1; j-- {
		e.linef("t%d = t%d<<1 | t%d>>63", j, j, j-1)
	}
	e.linef("t1 <<= 1")
	e.linef("\n// the diagonal")
	for i := range n {
		e.linef("h%d, l%d = bits.Mul64(x[%d], x[%d])", i, i, i, i)
	}
	e.linef("t0 = l0")
	for i := range n {
		if i > 0 {
			e.linef("t%d, c = bits.Add64(t%d, l%d, c)", 2*i, 2*i, i)
		}
		out := "c"
		if i == n-1 {
			out = "_" // the square of x fits in 2n limbs
		}
		e.linef("t%d, %s = bits.Add64(t%d, h%d, %s)", 2*i+1, out, 2*i+1, i, link("c", i == 0))
	}
	e.reduce()
	return e.take()
}

// triangleRow adds x[i] * (x[i+1], ..., x[n-1]) to t from limb 2i+1 on.
func (e *emitter) triangleRow(i int) {
	n := e.n
	for j := i + 1; j < n; j++ {
		e.linef("h%d, l%d = bits.Mul64(x[%d], x[%d])", j, j, i, j)
	}
	r := "p"
	if i == 0 {
		r = "t"
	}
	e.linef("%s%d = l%d", r, i+1, i+1)
	for j := i + 2; j < n; j++ {
		e.linef("%s%d, c = bits.Add64(l%d, h%d, %s)", r, j, j, j-1, link("c", j == i+2))
	}
	carry := " + c"
	if i+2 >= n {
		carry = ""
	}
	e.linef("%s%d = h%d%s", r, n, n-1, carry)
	if i == 0 {
		return
	}
	for j := i + 1; j <= n; j++ {
		if i+j == n+i {
			e.linef("t%d = p%d + c", i+j, j)
			continue
		}
		e.linef("t%d, c = bits.Add64(t%d, p%d, %s)", i+j, i+j, j, link("c", j == i+1))
	}
}

// reduce emits the Montgomery reduction of t0 ... t(2n-1).
func (e *emitter) reduce() {
	n := e.n
	e.linef("var over uint64")
	for i := range n {
		e.linef("\n// clear limb %d", i)
		e.linef("k = t%d * f.inverse", i)
		e.product("p", "k", "f.m")
		e.linef("_, c = bits.Add64(t%d, p0, 0)", i)
		for j := 1; j < n; j++ {
			e.linef("t%d, c = bits.Add64(t%d, p%d, c)", i+j, i+j, j)
		}
		// p[n] + over cannot overflow: p[n] <= 2^64-2.
		e.linef("t%d, c = bits.Add64(t%d, p%d+over, c)", i+n, i+n, n)
		e.linef("over = c")
	}
	e.linef("")
	e.subtractModulus(n, "over")
}
