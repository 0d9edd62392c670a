package brainpool

import "testing"

func benchField[E any](b *testing.B, f arithmetic[E]) {
	x, y := f.reduce([]byte{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 9}), f.reduce([]byte{2, 7, 1, 8, 2, 8})
	b.Run("mul", func(b *testing.B) {
		for b.Loop() {
			f.mul(&x, &x, &y)
		}
	})
	b.Run("square", func(b *testing.B) {
		for b.Loop() {
			f.square(&x, &x)
		}
	})
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			f.add(&x, &x, &y)
		}
	})
}

func BenchmarkField(b *testing.B) {
	b.Run("4", func(b *testing.B) { benchField(b, newField4(P256r1().p)) })
	b.Run("6", func(b *testing.B) { benchField(b, newField6(P384r1().p)) })
	b.Run("8", func(b *testing.B) { benchField(b, newField8(P512r1().p)) })
	b.Run("9", func(b *testing.B) { benchField(b, newField9(NISTP521().p)) })
}
