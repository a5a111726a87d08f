package spin_test

import (
	"testing"

	"github.com/mmring/mmring/internal/spin"
)

func BenchmarkPause(b *testing.B) {
	for range b.N {
		spin.Pause(1)
	}
}

func TestPauseReturns(t *testing.T) {
	for _, n := range []int{1, 2, 1000} {
		spin.Pause(n)
	}
}
