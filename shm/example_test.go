package shm_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/mmring/mmring/shm"
)

// temporary returns a file with that content; the caller removes it.
func temporary(content string) *os.File {
	f, err := os.CreateTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := f.WriteString(content); err != nil {
		log.Fatal(err)
	}
	return f
}

func ExampleMapFile() {
	f := temporary("first region, second region")
	defer os.Remove(f.Name())
	m, err := shm.MapFile(f, shm.ReadWrite, shm.Options{Offset: 14, Length: 6})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	copy(m.Bytes(), "SECOND")
	text, err := os.ReadFile(f.Name())
	fmt.Printf("%s, %v\n", text, err)
	// Output: first region, SECOND region, <nil>
}

// A file is cut short by somebody else. What would kill the process is an error.
func ExampleMap_Use() {
	f := temporary("some text")
	defer os.Remove(f.Name())
	m, err := shm.MapFile(f, shm.ReadOnly, shm.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	count := func() (n int, err error) {
		err = m.Use(func(b []byte) error {
			for _, c := range b {
				if c == 'e' {
					n++
				}
			}
			return nil
		})
		return n, err
	}
	fmt.Println(count())
	if err := f.Truncate(0); err != nil {
		log.Fatal(err)
	}
	_, err = count()
	var fault *shm.FaultError
	fmt.Println(errors.As(err, &fault), errors.Is(err, shm.ErrBeyondEOF))
	// Output:
	// 2 <nil>
	// true true
}

// Memory that grows in place: a slice from before stays valid.
func ExampleMap_Resize() {
	m, err := shm.Anonymous(5, shm.Options{Reserve: 1 << 30})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	first := m.Bytes()
	copy(first, "hello")
	if err := m.Resize(1 << 20); err != nil {
		log.Fatal(err)
	}
	first[0] = 'J'
	fmt.Printf("%s %d\n", m.Bytes()[:5], m.Len())
	// Output: Jello 1048576
}

func ExampleLines() {
	f := temporary("one\ntwo\nthree")
	defer os.Remove(f.Name())
	for line, err := range shm.Lines(f) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", line)
	}
	// Output:
	// "one\n"
	// "two\n"
	// "three"
}

func ExampleCreate() {
	name := fmt.Sprint("example-", os.Getpid())
	m, err := shm.Create(name, 4096, shm.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	defer shm.Remove(name)
	other, err := shm.OpenNamed(name, shm.ReadOnly, shm.Options{Length: 5}) // in another process
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()
	copy(m.Bytes(), "hello")
	fmt.Printf("%s, %s\n", other.Bytes(), other.Access())
	// Output: hello, read-only
}
