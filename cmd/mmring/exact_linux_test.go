package main_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What comes out is what went in: the lines that the contract calls exact, and more of their kind.
var exact = map[string]string{
	"a registered reader": `mmring create $R && (mmring pub $R --min-readers 1 --end F & mmring sub $R | cmp - F)`,
	"a durable cursor that was made before": `mmring create $R && mmring readers add $R keep &&
		(mmring pub $R --end F & mmring sub $R --name keep | cmp - F)`,
	"a whole file": `mmring pub $R --create --capacity 64MiB --framing whole --end F && mmring sub $R -o raw | cmp - F`,
	"lengths, through standard input and output": `mmring create $R --capacity 64KiB &&
		(perl -pe '$_ = pack("V/a*", $_)' F | mmring pub $R --min-readers 1 --end --framing u32le & mmring sub $R -o u32le |
		perl -e 'while (read(STDIN, $n, 4)) { read(STDIN, $b, unpack("V", $n)) if unpack("V", $n); print $b }' | cmp - F)`,
	"NUL bytes": `mmring create $R && (tr '\n' '\0' <F | mmring pub $R --min-readers 1 --framing nul --end & mmring sub $R | cmp - F)`,
	"several readers, a slow one among them": `mmring create $R --capacity 64KiB && (mmring pub $R --min-readers 3 --end F & pub=$!
		mmring sub $R | cmp - F & fast=$!
		mmring sub $R | (dd bs=1 count=20000 status=none; cat) | cmp - F & slow=$!
		mmring sub $R --name keep | cmp - F && wait $pub && wait $fast && wait $slow)`,
	"several inputs":      `mmring create $R && (mmring pub $R --min-readers 1 --end F - F </dev/null & mmring sub $R | cmp - <(cat F F))`,
	"checksums and times": `mmring create $R --checksums --timestamps && (mmring pub $R --min-readers 1 --end F & mmring sub $R | cmp - F)`,
	"what cat shows":      `mmring create $R --capacity 256MiB && mmring pub $R F && mmring cat $R | cmp - F`,
}

func TestWhatComesOutIsWhatWentIn(t *testing.T) {
	for name, input := range map[string][]byte{"lines of all lengths": manyLines(20 << 20), "no line": {}, "one line": []byte("x\n"), "empty lines": bytes.Repeat([]byte{'\n'}, 100000)} {
		for way, script := range exact {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				f := filepath.Join(t.TempDir(), "F")
				require.NoError(t, os.WriteFile(f, input, 0o600))
				r := shell(t, "cp "+f+" F; "+script+" && mmring verify $R")
				require.Zero(t, r.code, "%s%s", r.out, r.said)
				require.Contains(t, r.out, "no fault")
			})
		}
	}
}

// manyLines is about n bytes of text: short lines, long ones, empty ones.
func manyLines(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 0, n+40000)
	for len(b) < n {
		size := random.IntN(80)
		if random.IntN(1000) == 0 {
			size = random.IntN(30000)
		}
		for range size {
			b = append(b, byte(32+random.IntN(95)))
		}
		b = append(b, '\n')
	}
	return b
}
