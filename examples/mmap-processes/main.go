// Mmap-processes gives memory to another process in the two ways that there are: a descriptor that a child inherits, and a
// name that anybody opens. A program of Python would fork; a program of Go starts itself again.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/mmring/mmring/shm"
)

func main() {
	log.SetFlags(0)
	run := parent
	if len(os.Args) > 1 { // mmap-processes SEGMENT: the child
		run = child
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func parent() error {
	m, err := shm.Anonymous(100, shm.Options{Name: "numbers"}) // no file, no path
	if err != nil {
		return err
	}
	defer m.Close()
	name := fmt.Sprint("mmap-processes-", os.Getpid())
	segment, err := shm.Create(name, 100, shm.Options{}) // a file in /dev/shm
	if err != nil {
		return err
	}
	defer shm.Remove(name)
	defer segment.Close()

	copy(m.Bytes(), "from the parent")
	f, err := m.File()
	if err != nil {
		return err
	}
	defer f.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	again := exec.Command(self, name)
	again.Stdout, again.Stderr, again.ExtraFiles = os.Stdout, os.Stderr, []*os.File{f} // descriptor 3 of the child
	if err := again.Run(); err != nil {
		return err
	}
	fmt.Printf("the parent reads: %s\n", m.Bytes()[:14])
	fmt.Printf("and in the segment: %s\n", segment.Bytes()[:5])
	return nil
}

func child() error {
	m, err := shm.MapFD(3, shm.ReadWrite, shm.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	fmt.Printf("the child reads: %s\n", m.Bytes()[:15])
	copy(m.Bytes(), "from the child")

	segment, err := shm.OpenNamed(os.Args[1], shm.ReadWrite, shm.Options{})
	if err != nil {
		return err
	}
	defer segment.Close()
	copy(segment.Bytes(), "hello")
	return nil
}
