package brainpool

// digitBits is the width of a scalar digit. Digits are signed (Booth), from
// -2^(digitBits-1) to 2^(digitBits-1), so that a table holds half as many
// points; five bits balance the table against the additions at every size here.
const digitBits = 5

// digits counts the digits of a scalar of so many bits, with room for the carry
// that a signed top digit would otherwise lose.
func digits(bits int) int {
	return (bits + digitBits) / digitBits
}

// digit returns digit i of k, big-endian, as its magnitude and as a mask that is
// all ones when the digit is negative. Only i decides what is read.
func digit(k []byte, i int) (uint64, uint64) {
	var v uint64
	if i == 0 {
		v = uint64(k[len(k)-1]) << 1
	} else {
		low := i*digitBits - 1
		at := len(k) - 1 - low/8
		v = uint64(k[at])
		if at > 0 {
			v |= uint64(k[at-1]) << 8
		}
		v >>= low % 8
	}
	v &= 1<<(digitBits+1) - 1
	negative := -(v >> digitBits)
	v = v&^negative | (1<<(digitBits+1)-1-v)&negative
	return v>>1 + v&1, negative
}
