// Mmap-flush says when to flush: never for other processes, which see a store at once, and for the disk when what was stored
// must survive the machine.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/shm"
)

func main() {
	dir, err := os.MkdirTemp("", "mmap-flush-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(filepath.Join(dir, "table")); err != nil {
		log.Print(err)
	}
}

func run(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// Grow makes the file long enough and finds the room on the disk now: a full disk is an error here, no fault later.
	m, err := shm.MapFile(f, shm.ReadWrite, shm.Options{Length: 1 << 20, Grow: true})
	if err != nil {
		return err
	}
	defer m.Close() // does not flush

	copy(m.Bytes()[5000:], "record 1")
	other := make([]byte, 8)
	if _, err := f.ReadAt(other, 5000); err != nil {
		return err
	}
	fmt.Printf("without a flush others read: %s\n", other)

	if err := m.FlushRange(5000, 8); err != nil { // any range; the kernel writes the pages that it touches
		return err
	}
	fmt.Println("bytes 5000 to 5008 are on the disk")
	if err := m.FlushRange(0, m.Len(), shm.FlushAsync); err != nil { // begins to write, and waits for nothing
		return err
	}
	if err := m.Flush(); err != nil {
		return err
	}
	fmt.Println("all is on the disk")

	private, err := shm.MapFile(f, shm.CopyOnWrite, shm.Options{Offset: 5000, Length: 8})
	if err != nil {
		return err
	}
	defer private.Close()
	copy(private.Bytes(), "scratch!")
	fmt.Printf("a private copy: %s, the file: %s, a flush: %v\n", private.Bytes(), m.Bytes()[5000:5008], private.Flush())
	return nil
}
