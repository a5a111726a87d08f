package measure_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/measure"
	"github.com/mmring/mmring/internal/proctest"
)

func TestEveryMeasurementHasSomethingToTell(t *testing.T) {
	p := place(t)
	for _, c := range contenders {
		t.Run(c.Name(), func(t *testing.T) {
			d, err := start(t, t.Context(), c, p).Latency(measure.Short)
			require.NoError(t, err)
			require.Positive(t, d.Mean)
			require.Positive(t, d.P50)
			require.GreaterOrEqual(t, d.Max, d.P50)
			require.Positive(t, d.Samples)
		})
	}
	t.Run("wake", func(t *testing.T) {
		d, err := start(t, t.Context(), measure.BareFutex{}, p).Wake(3)
		require.NoError(t, err)
		require.Equal(t, 3, d.Samples)
		require.Positive(t, d.P50)
	})
	t.Run("idle", func(t *testing.T) {
		percent, err := start(t, t.Context(), measure.BareFutex{}, p).Idle(measure.Short, false)
		require.NoError(t, err)
		require.GreaterOrEqual(t, percent, 0.0)
	})
	requireEmpty(t, p.Dir)
}

func TestOneProcessorIsEnoughForWhatSleeps(t *testing.T) {
	all, err := measure.FindPlace(t.TempDir(), -1, -1)
	require.NoError(t, err)
	require.NoError(t, measure.Pin(all.All[0]))
	defer func() { require.NoError(t, measure.Pin(all.All...)) }()
	p := place(t)
	require.True(t, p.Alone())
	d, err := start(t, t.Context(), measure.BareFutex{}, p).Latency(measure.Short)
	require.NoError(t, err)
	require.Positive(t, d.P50)
	meter, err := measure.NewHopMeter(t.Context(), p)
	require.NoError(t, err)
	defer meter.Stop()
	hop, err := meter.Hop()
	require.NoError(t, err)
	require.Zero(t, hop)
}

func TestAWrongByteOfEitherSideIsFound(t *testing.T) {
	p := place(t)
	for _, c := range contenders {
		for side, spoil := range map[string]measure.Spoil{"near": {Near: 5}, "far": {Far: 5}} {
			t.Run(c.Name()+" "+side, func(t *testing.T) {
				s, err := measure.Start(t.Context(), c, measure.Shape{Size: 64, Batch: 1, Spoil: spoil}, p)
				require.NoError(t, err)
				defer s.Stop()
				_, err = s.Latency(measure.Short)
				require.ErrorContains(t, err, "payload of record 4 is wrong")
			})
		}
	}
}

func TestASessionEndsWith(t *testing.T) {
	for what, end := range map[string]func(s *measure.Session, cancel func()){
		"its context":  func(_ *measure.Session, cancel func()) { cancel() },
		"its far side": func(s *measure.Session, _ func()) { s.Kill() },
	} {
		for _, c := range contenders {
			t.Run(what+", "+c.Name(), func(t *testing.T) {
				p := place(t)
				ctx, cancel := context.WithCancel(t.Context())
				s := start(t, ctx, c, p)
				end(s, cancel)
				_, err := s.Latency(measure.Short)
				require.Error(t, err)
				s.Stop()
				requireEmpty(t, p.Dir)
			})
		}
	}
}

func TestTheFarSideOutlivesNoNearSide(t *testing.T) {
	dir := t.TempDir()
	p := proctest.Start(t, "near", dir)
	pid := p.Expect("started")
	p.Kill()
	require.Error(t, p.Wait())
	proctest.Until(t, "the far side has ended", func() bool { return ended(pid) })
	requireEmpty(t, dir)
}

// ended reports whether the process is gone, or waits only to be reaped.
func ended(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	_, state, _ := strings.Cut(string(stat), ") ")
	return errors.Is(err, os.ErrNotExist) || strings.HasPrefix(state, "Z")
}

func TestAFarSideWithoutAContenderSaysSo(t *testing.T) {
	p := place(t)
	_, err := measure.Start(t.Context(), stranger{}, measure.Shape{Size: 64, Batch: 1}, p)
	require.ErrorContains(t, err, `no contender "stranger"`)
	requireEmpty(t, p.Dir)
}

// stranger is known only to the near side.
type stranger struct{ measure.RawHop }

func (stranger) Name() string { return "stranger" }

func TestPlacesThatCannotBe(t *testing.T) {
	_, err := measure.FindPlace("", 99999, -1)
	require.ErrorContains(t, err, "processor 99999")
	p := place(t)
	p.Dir = filepath.Join(p.Dir, "missing")
	_, err = measure.Start(t.Context(), measure.RawHop{}, measure.Shape{Size: 64, Batch: 1}, p)
	require.ErrorIs(t, err, os.ErrNotExist)
}
