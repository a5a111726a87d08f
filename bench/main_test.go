package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/bench/instructions"
	"github.com/mmring/mmring/internal/measure"
)

func TestMain(m *testing.M) {
	switch {
	case measure.IsFar():
		measure.Far(carriers())
	case instructions.IsChild():
		instructions.Child()
	}
	os.Exit(m.Run())
}

// smallest is a budget with which a measurement proves only that it works.
var smallest = budget{time: 1, idle: 1, wakes: 3}

func somewhere(t *testing.T) measure.Place {
	dir := "/dev/shm"
	if _, err := os.Stat(dir); err != nil {
		dir = t.TempDir()
	}
	p, err := measure.FindPlace(dir, -1, -1)
	require.NoError(t, err)
	return p
}

func TestEveryContenderTakesEveryContestItSays(t *testing.T) {
	p := &plan{Place: somewhere(t), budget: smallest, rounds: 1, tries: 1, only: regexp.MustCompile(""), talk: io.Discard}
	var all []sample
	require.NoError(t, p.run(t.Context(), func(s sample) error { all = append(all, s); return nil }))
	seen := map[string]int{}
	for _, s := range all {
		v, ok := s.values[valueMain]
		require.True(t, ok && v >= 0, "%s of %s has no value: %v", s.contest, s.contender, s.values)
		require.Positive(t, s.Before)
		require.Positive(t, s.After)
		seen[s.contender]++
	}
	for _, c := range contenders() {
		require.Positive(t, seen[c.Name()], "%s was not measured", c.Name())
	}
	for _, g := range goals() {
		if g.a.value == valueMain {
			require.Len(t, g.of(all), 1, g.title)
		}
	}
	var out bytes.Buffer
	require.NoError(t, report{&out, p, "a machine", all}.write())
	require.Contains(t, out.String(), "a machine")
}

func TestAWrongByteFailsTheRun(t *testing.T) {
	p := somewhere(t)
	leave, err := p.Take()
	require.NoError(t, err)
	defer func() { require.NoError(t, leave()) }()
	const bad = 5
	for _, c := range contenders() {
		for _, e := range []entry{{contest{latency, 64}, c}, {contest{volume, 4096}, c}} {
			if !c.takes(e.contest) {
				continue
			}
			for side, spoil := range map[string]measure.Spoil{"near": {Near: bad}, "far": {Far: bad}} {
				if (side == "far") == (c.Contender == memcpy{}) && e.kind == volume {
					continue // in a stream the far side sends; memcpy has only a near one
				}
				t.Run(e.String()+" "+c.Name()+" "+side, func(t *testing.T) {
					shape := e.shape()
					shape.Spoil = spoil
					s, err := measure.Start(t.Context(), c, shape, p)
					require.NoError(t, err)
					defer s.Stop()
					if e.kind == latency {
						_, err = s.Latency(1)
					} else {
						_, err = s.Rate(1)
					}
					require.Error(t, err)
					require.Regexp(t, "payload of record 4 is wrong|the other process is gone", err.Error(), "who finds it says so and ends, which the other may see first")
				})
			}
		}
	}
}

func TestADeadFarSideEndsTheRun(t *testing.T) {
	for _, c := range contenders() {
		if !c.takes(contest{latency, 64}) {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			p := somewhere(t)
			leave, err := p.Take()
			require.NoError(t, err)
			defer func() { require.NoError(t, leave()) }()
			s, err := measure.Start(t.Context(), c, contest{latency, 64}.shape(), p)
			require.NoError(t, err)
			defer s.Stop()
			s.Kill()
			_, err = s.Latency(1)
			require.Error(t, err)
		})
	}
}

func TestLinesAreJSON(t *testing.T) {
	somewhere(t)
	path := filepath.Join(t.TempDir(), "lines")
	var out bytes.Buffer
	args := []string{"-quick", "-rounds", "1", "-only", "^latency/32/(raw hop|mmring)$", "-lines", path}
	require.NoError(t, bench(t.Context(), args, &out, io.Discard))
	require.Contains(t, out.String(), "1 rounds")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		var v struct {
			Schema    int
			Contest   string
			Contender string
			Unit      string
			Values    map[string]float64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &v))
		require.Equal(t, schema, v.Schema)
		require.Equal(t, "latency/32", v.Contest)
		require.Equal(t, "ns", v.Unit)
		require.Contains(t, v.Values, valueMain)
	}
}

func TestArgumentsThatCannotBe(t *testing.T) {
	for what, args := range map[string][]string{
		"a flag that is not there":      {"-o", "xml"},
		"a regexp that is none":         {"-only", "("},
		"an argument":                   {"more"},
		"rounds that are no number":     {"-rounds", "x"},
		"a selection of nothing":        {"-only", "nothing is called so"},
		"a processor that is not there": {"-near", "99999"},
		"both sides on one processor":   {"-near", "0", "-far", "0"},
		"lines into a directory":        {"-lines", "/"},
		"shared files in no directory":  {"-only", "latency/32/raw hop", "-dir", "/dev/null"},
	} {
		require.Error(t, bench(t.Context(), args, io.Discard, io.Discard), what)
	}
}

func TestASignalEndsTheRunAndLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	dir := t.TempDir()
	talk := writerFunc(func(b []byte) (int, error) { cancel(os.ErrDeadlineExceeded); return len(b), nil }) // at the first sample
	err := bench(ctx, []string{"-quick", "-dir", dir}, io.Discard, talk)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
