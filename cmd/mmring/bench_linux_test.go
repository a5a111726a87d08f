package main_test

import (
	"bytes"
	"encoding/json"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	command "github.com/mmring/mmring/cmd/mmring"
)

func TestBenchWritesWhatItHasFound(t *testing.T) {
	var b bytes.Buffer
	text, note, err := command.KnownBench(&b)
	require.NoError(t, err)
	golden(t, "bench.txt", "PATH", text)
	golden(t, "bench.json", "PATH", b.String())
	require.Equal(t, "not steady: 4 KiB one way; wake-up, bare futex (raw hops before and after differ by up to 362 %, "+
		"other processes used up to 50 % of the processors)", note)
}

func TestBenchHasNoHopOnOneProcessor(t *testing.T) {
	text, note := command.LonelyBench()
	require.Empty(t, note)
	require.Contains(t, text, "two processes that take turns on processor 0")
	require.NotContains(t, text, "NaN")
	require.NotContains(t, text, "Inf")
}

// contract is what the command line promises of bench -o json.
const contract = `{"v":1,"hop_ns":[1,1],"one_way":[{"size":32,"mean_ns":0,"p50_ns":0,"p99_ns":0,"p999_ns":0,"p9999_ns":0,"max_ns":0,"hop_ns":0}],"rate":[{"size":64,"batch":1,"records_per_s":0,"bytes_per_s":0,"hop_ns":0}],"wake":{"p50_ns":0,"p99_ns":0,"futex_p50_ns":0}}`

func TestBenchMeasuresInRealProcesses(t *testing.T) {
	var out, talk bytes.Buffer
	require.NoError(t, command.ShortBench(t.Context(), &out, &talk))
	require.Contains(t, talk.String(), "mmring: measuring on processors ")
	var got, want map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.NoError(t, json.Unmarshal([]byte(contract), &want))
	require.Equal(t, shapeOf(want), shapeOf(got))
	var r struct {
		Hop    []float64            `json:"hop_ns"`
		OneWay []map[string]float64 `json:"one_way"`
		Rate   []map[string]float64 `json:"rate"`
		Wake   map[string]float64   `json:"wake"`
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.Len(t, r.Hop, 2)
	require.Len(t, r.OneWay, 4)
	require.Len(t, r.Rate, 5)
	for i, size := range []float64{32, 64, 224, 4096} {
		e := r.OneWay[i]
		require.Equal(t, size, e["size"])
		require.True(t, e["mean_ns"] > 0 && e["p50_ns"] > 0 && e["max_ns"] >= e["p50_ns"] && e["hop_ns"] > 0, "%+v", e)
	}
	for i, shape := range [][2]float64{{64, 1}, {64, 64}, {64, 256}, {4096, 1}, {65536, 1}} {
		e := r.Rate[i]
		require.Equal(t, shape, [2]float64{e["size"], e["batch"]})
		require.InEpsilon(t, e["records_per_s"]*e["size"], e["bytes_per_s"], 0.01)
	}
	require.True(t, r.Wake["p50_ns"] > 0 && r.Wake["futex_p50_ns"] > 0, "%+v", r.Wake)
}

// shapeOf replaces all values by their types, and lists by the shape of their elements.
func shapeOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		shape := map[string]any{}
		for k, e := range v {
			shape[k] = shapeOf(e)
		}
		return shape
	case []any:
		return []any{shapeOf(v[0])}
	case float64:
		return "number"
	}
	return v
}

func TestBenchEndsWithASignal(t *testing.T) {
	for s, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		p := start(t, "bench")
		p.await(&p.said, "measuring on processors")
		p.signal(s)
		r := p.end()
		require.Equal(t, code, r.code)
		require.Empty(t, r.out)
	}
}

func TestBenchRefuses(t *testing.T) {
	for what, args := range map[string][]string{
		"an argument":                  {"bench", "ring"},
		"an output that is not there":  {"bench", "-o", "xml"},
		"a far side that nobody needs": {"bench-far"},
		"a far side with an argument":  {"bench-far", "x"},
	} {
		r := mmring(t, args...)
		require.Equal(t, 2, r.code, what)
		require.Empty(t, r.out, what)
		require.Contains(t, r.said, "hint: ", what)
	}
}
