// Mmap-regions maps several regions of one file at once, at offsets that Python's mmap module refuses. They overlap, and
// all show the same bytes.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/shm"
)

func main() {
	dir, err := os.MkdirTemp("", "mmap-regions-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(filepath.Join(dir, "file")); err != nil {
		log.Print(err)
	}
}

func run(path string) error {
	if err := os.WriteFile(path, []byte("first region, second region, third region"), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var regions []*shm.Map
	for _, r := range []shm.Options{{Offset: 0, Length: 12}, {Offset: 14, Length: 13}, {Offset: 29}, {}} {
		m, err := shm.MapFile(f, shm.ReadWrite, r)
		if err != nil {
			return err
		}
		defer m.Close()
		fmt.Printf("offset %2d: %s\n", m.Offset(), m.Bytes())
		regions = append(regions, m)
	}
	if err := f.Close(); err != nil { // the maps do not need it
		return err
	}

	copy(regions[1].Bytes(), "SECOND")
	fmt.Printf("all of it: %s\n", regions[3].Bytes())

	// A region ends where it ends: append copies, and does not write into the next one.
	_ = append(regions[0].Bytes(), "!!"...)
	fmt.Printf("afterwards: %s\n", regions[3].Bytes()[:20])
	return nil
}
