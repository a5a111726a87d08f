// Mmap-basic maps a file and uses it in the three ways that there are: as a slice, as a file with a cursor, and by offsets.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"

	"github.com/mmring/mmring/shm"
)

func main() {
	dir, err := os.MkdirTemp("", "mmap-basic-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(filepath.Join(dir, "greeting.txt")); err != nil {
		log.Print(err)
	}
}

func run(path string) error {
	if err := os.WriteFile(path, []byte("Hello, world!\nA second line.\n"), 0o600); err != nil {
		return err
	}
	m, err := shm.Open(path, shm.ReadWrite, shm.Options{}) // all of the file
	if err != nil {
		return err
	}
	defer m.Close()

	b := m.Bytes() // the file itself: what is stored here is in the file
	fmt.Printf("%d bytes, the first five: %s\n", m.Len(), b[:5])
	copy(b[7:12], "there")
	b[12] = '.'
	fmt.Printf("words: %q\n", regexp.MustCompile(`\w+`).FindAll(b, 3))

	line, err := m.ReadLine() // the cursor: Read, Write, Seek and their kin
	if err != nil {
		return err
	}
	fmt.Printf("a line: %q, the cursor is at %d\n", line, m.Tell())
	if _, err := m.Seek(2, io.SeekCurrent); err != nil {
		return err
	}
	if _, err := m.WriteString("better"); err != nil {
		return err
	}

	if _, err := m.WriteAt([]byte("too long for the end"), 20); err != nil { // offsets: all of it, or nothing
		fmt.Println("refused:", err.(*os.PathError).Op)
	}
	i, err := m.Find([]byte("line"), 0, m.Len())
	if err != nil {
		return err
	}
	fmt.Println("found at", i)

	text, err := os.ReadFile(path) // no flush is needed: it is the same memory
	fmt.Printf("the file: %q\n", text)
	return err
}
