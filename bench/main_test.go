package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	beFar()
	os.Exit(m.Run())
}

// smallest is a budget with which a measurement proves only that it works.
var smallest = budget{time: 1, idle: 1, wakes: 3}

func somewhere(t *testing.T) place {
	dir := "/dev/shm"
	if _, err := os.Stat(dir); err != nil {
		dir = t.TempDir()
	}
	p, err := findPlace(dir, -1, -1)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pin(p.all...)) })
	return p
}

func TestEveryContenderTakesEveryMeasureItSays(t *testing.T) {
	p := &plan{place: somewhere(t), budget: smallest, rounds: 1, only: regexp.MustCompile(""), talk: io.Discard}
	var all []sample
	require.NoError(t, p.run(func(s sample) error { all = append(all, s); return nil }))
	seen := map[string]int{}
	for _, s := range all {
		v, ok := s.values[valueMain]
		require.True(t, ok && v >= 0, "%s of %s has no value: %v", s.measure, s.contender, s.values)
		require.Positive(t, s.before)
		require.Positive(t, s.after)
		seen[s.contender]++
	}
	for _, c := range contenders() {
		require.Positive(t, seen[c.name()], "%s was not measured", c.name())
	}
	var out bytes.Buffer
	require.NoError(t, report{&out, p, "a machine", all}.write())
	require.Contains(t, out.String(), "a machine")
}

func TestAWrongByteFailsTheRun(t *testing.T) {
	p := somewhere(t)
	const bad, records = 5, 16
	for _, m := range []measure{{latency, 64}, {volume, 4096}} {
		for _, c := range contenders() {
			if !c.takes(m) {
				continue
			}
			for side, spoil := range map[string]spoiled{"near": {bad, none}, "far": {none, bad}} {
				if side == "far" && c == (memcpy{}) {
					continue // its far side does nothing
				}
				t.Run(m.String()+" "+c.name()+" "+side, func(t *testing.T) {
					s, err := start(c, m, p, spoil)
					require.NoError(t, err)
					defer s.stop()
					if m.kind == latency {
						_, err = s.roundTrips(records, nil)
					} else if side == "far" || c == (memcpy{}) {
						_, err = s.stream(records)
					} else {
						err = s.give(records)
					}
					require.ErrorContains(t, err, "payload of record 5 is wrong")
				})
			}
		}
	}
}

// give has the far side receive n records.
func (s *session) give(n uint64) error {
	first, err := s.order(orderTake, n)
	if err != nil {
		return err
	}
	return s.finish(s.send(first, n))
}

func TestADeadFarSideEndsTheRun(t *testing.T) {
	p := somewhere(t)
	for _, c := range contenders() {
		if m := (measure{latency, 32}); c.takes(m) {
			t.Run(c.name(), func(t *testing.T) {
				s, err := start(c, m, p, unspoiled)
				require.NoError(t, err)
				defer s.stop()
				require.NoError(t, s.cmd.Process.Kill())
				<-s.gone
				_, err = s.trips(0, 8, nil)
				require.Error(t, err)
			})
		}
	}
}

func TestEveryByteOfAPayloadIsChecked(t *testing.T) {
	for _, m := range measures() {
		p := payload{m.size(), none}
		b := make([]byte, p.size)
		p.fill(b, 7)
		require.NoError(t, p.check(b, 7))
		require.Error(t, p.check(b, 8))
		require.Error(t, p.check(b[:p.size-1], 7))
		for i := range b {
			b[i] ^= 1
			require.Error(t, p.check(b, 7), "byte %d", i)
			b[i] ^= 1
		}
	}
}

func TestJSONIsOneLineForEachSample(t *testing.T) {
	somewhere(t)
	var out bytes.Buffer
	require.NoError(t, bench([]string{"-quick", "-rounds", "1", "-only", "^latency/32/(raw hop|mmring)$", "-o", "json"}, &out, io.Discard))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		var v struct {
			Schema    int
			Measure   string
			Contender string
			Unit      string
			Values    map[string]float64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &v))
		require.Equal(t, schema, v.Schema)
		require.Equal(t, "latency/32", v.Measure)
		require.Equal(t, "ns", v.Unit)
		require.Contains(t, v.Values, valueMain)
	}
}

func TestArgumentsThatCannotBe(t *testing.T) {
	for _, args := range [][]string{{"-o", "xml"}, {"-only", "("}, {"more"}, {"-rounds", "x"}, {"-only", "nothing is called so"}} {
		require.Error(t, bench(args, io.Discard, io.Discard), "%q", args)
	}
}
