package lock_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/lock"
)

func BenchmarkTryRole(b *testing.B) {
	path := newFile(b)
	b.ReportAllocs()
	for b.Loop() {
		r, err := lock.TryRole(path, lock.Exclusive)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTryHold(b *testing.B) {
	f := open(b, newFile(b), os.O_RDWR)
	b.ReportAllocs()
	for b.Loop() {
		l, err := lock.TryHold(f, far)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// The kernel walks the list of the file's locks: to ask costs more the more there are.
func BenchmarkHeld(b *testing.B) {
	for _, others := range []int{0, 16, 256} {
		b.Run(fmt.Sprintf("%d held", others), func(b *testing.B) {
			path := newFile(b)
			f, holder := open(b, path, os.O_RDONLY), open(b, path, os.O_RDWR)
			for i := range others {
				l, err := lock.TryHold(holder, int64(2*i))
				require.NoError(b, err)
				defer l.Close()
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := lock.Held(f, 2*int64(others)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
