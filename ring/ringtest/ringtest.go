// Package ringtest gives tests a ring to work with.
//
//	path := ringtest.Path(t, ring.Config{Capacity: 1 << 20})
//	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
//
// The ring lies in memory where the machine has /dev/shm, and is gone when the test ends. When the test has failed, what
// the ring looked like then is in its log.
package ringtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmring/mmring/ring"
)

// memory is where Linux keeps files in memory for everybody.
const memory = "/dev/shm"

// Path makes a ring as c says and returns its path. The test fails if it cannot be made. Another ring of the same test
// gets another directory.
func Path(t testing.TB, c ring.Config) string {
	t.Helper()
	path := filepath.Join(Dir(t), "test.ring")
	if err := ring.Create(path, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(Dump(path))
		}
	})
	return path
}

// Dir returns an empty directory on a file system that rings can live on, for as long as the test runs.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(memory, "ringtest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Dump says in text what Inspect and Verify know of the ring at path.
func Dump(path string) string {
	var b strings.Builder
	info, err := ring.Inspect(path)
	if err != nil {
		fmt.Fprintf(&b, "inspect: %v\n", err)
	}
	fmt.Fprintf(&b, "ring %s: capacity %d, oldest %d (record %d), published %d (next %d), epoch %d, clean %t, ended %t\n",
		path, info.Capacity, info.Oldest, info.FirstSeq, info.Published, info.NextSeq, info.Epoch, info.Clean, info.Ended)
	fmt.Fprintf(&b, "writer %+v\n", info.Writer)
	for _, r := range info.Readers {
		fmt.Fprintf(&b, "reader %+v\n", r)
	}
	fmt.Fprintf(&b, "stats %+v\n", info.Stats)
	report, err := ring.Verify(path)
	if err != nil {
		fmt.Fprintf(&b, "verify: %v\n", err)
	}
	fmt.Fprintf(&b, "verified %d records, %d bytes, %d checksums, overtaken %t\n", report.Records, report.Bytes, report.Sums, report.Lost)
	for i, f := range report.Faults {
		if i == 20 {
			fmt.Fprintf(&b, "and %d more\n", uint64(len(report.Faults)-i)+report.More)
			break
		}
		fmt.Fprintln(&b, f)
	}
	return b.String()
}
