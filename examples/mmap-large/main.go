// Mmap-large reads from a file of 6 GiB without loading it: a window at any offset, windows one after the other, and lines.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/shm"
)

const (
	gib  = int64(1 << 30)
	size = 6 * gib
)

func main() {
	dir, err := os.MkdirTemp("", "mmap-large-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(filepath.Join(dir, "large")); err != nil {
		log.Print(err)
	}
}

func run(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil { // a hole: it takes no room on the disk
		return err
	}
	const end = "\nthe last but one line\nthe last line\n"
	if _, err := f.WriteAt([]byte(end), size-int64(len(end))); err != nil {
		return err
	}

	// A window beyond 4 GiB, at an offset that is a multiple of nothing.
	m, err := shm.MapFile(f, shm.ReadOnly, shm.Options{Offset: size - 14, Length: 13})
	if err != nil {
		return err
	}
	fmt.Printf("a window at %d: %q\n", m.Offset(), m.Bytes())
	if err := m.Close(); err != nil {
		return err
	}

	// All of the file, with no more than 1 GiB of addresses at a time. A page is read when it is touched.
	for m, err := range shm.Windows(f, int(gib), shm.ReadOnly, shm.Options{}) {
		if err != nil {
			return err
		}
		fmt.Printf("%3d%%: %d bytes from %d on\n", 100*(m.Offset()+int64(m.Len()))/size, m.Len(), m.Offset())
	}

	// Lines from the cursor on. shm.Lines(f) does the same for all of a file, by windows.
	if m, err = shm.MapFile(f, shm.ReadOnly, shm.Options{}); err != nil {
		return err
	}
	defer m.Close()
	if _, err := m.Seek(1-int64(len(end)), io.SeekEnd); err != nil {
		return err
	}
	for line, err := range m.Lines() {
		if err != nil {
			return err
		}
		fmt.Printf("%s", line)
	}
	return nil
}
