package spin_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/spin"
)

func BenchmarkPause(b *testing.B) {
	for range b.N {
		spin.Pause(1)
	}
}

// A count that is counted wrongly, down past 0, would not come back.
func TestPauseReturns(t *testing.T) {
	for _, n := range []int{1, 2, 1000} {
		spin.Pause(n)
	}
	for _, n := range []int{0, -1, math.MinInt + 1} { // not allowed, and still not for ever
		spin.Pause(n)
	}
}

// A spinning goroutine is no obstacle to the garbage collector, which has to stop all of them.
func TestPauseCanBePreempted(t *testing.T) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				spin.Pause(64)
			}
		}
	}()
	for range 10 {
		runtime.GC()
	}
	close(stop)
	<-done
}

func TestSpinningIsUsefulWhereThereIsAnotherProcessor(t *testing.T) {
	require.Equal(t, runtime.NumCPU() > 1, spin.Useful)
}
