package measure_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/measure"
	"github.com/mmring/mmring/internal/proctest"
)

// contenders are those of this package.
var contenders = []measure.Contender{measure.RawHop{}, measure.BareFutex{}}

func TestMain(m *testing.M) {
	if measure.IsFar() {
		measure.Far(contenders)
	}
	proctest.Main(m, map[string]func(args []string){"near": near})
}

// near is a near side that waits for its death.
func near(args []string) {
	p, err := measure.FindPlace(args[0], -1, -1)
	proctest.Die(err)
	s, err := measure.Start(context.Background(), measure.BareFutex{}, measure.Shape{Size: 64, Batch: 1}, p)
	proctest.Die(err)
	proctest.Die(s.Tell(measure.OrderTake))
	proctest.Say("started %d", s.Pid())
	proctest.Hear()
}

func place(t *testing.T) measure.Place {
	p, err := measure.FindPlace(t.TempDir(), -1, -1)
	require.NoError(t, err)
	leave, err := p.Take()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, leave()) })
	return p
}

func start(t *testing.T, ctx context.Context, c measure.Contender, p measure.Place) *measure.Session {
	s, err := measure.Start(ctx, c, measure.Shape{Size: 64, Batch: 1}, p)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

func requireEmpty(t *testing.T, dir string) {
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
