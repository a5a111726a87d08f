package lock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/mmring/mmring/lock"
)

// shared makes the file of the examples.
func shared() *os.File {
	f, err := os.CreateTemp("", "shared")
	if err != nil {
		log.Fatal(err)
	}
	return f
}

func ExampleTryRole() {
	f := shared()
	defer os.Remove(f.Name())

	role, err := lock.TryRole(f.Name(), lock.Exclusive)
	if err != nil {
		log.Fatal(err)
	}
	_, err = lock.TryRole(f.Name(), lock.Exclusive)
	fmt.Println("a second writer is refused:", errors.Is(err, lock.ErrBusy))

	// The path may have been replaced between our open and TryRole.
	locked, err := role.Info()
	if err != nil {
		log.Fatal(err)
	}
	ours, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the role is that of our file:", os.SameFile(locked, ours))

	if err := role.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// a second writer is refused: true
	// the role is that of our file: true
}

// A standby writer sleeps until the writer before it has gone, however that ended.
func ExampleWaitRole() {
	f := shared()
	defer os.Remove(f.Name())
	writer, err := lock.TryRole(f.Name(), lock.Exclusive)
	if err != nil {
		log.Fatal(err)
	}

	patience, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = lock.WaitRole(patience, f.Name(), lock.Exclusive)
	fmt.Println("gave up:", errors.Is(err, context.DeadlineExceeded))

	go writer.Close()
	standby, err := lock.WaitRole(context.Background(), f.Name(), lock.Exclusive)
	if err != nil {
		log.Fatal(err)
	}
	defer standby.Close()
	fmt.Println("took over")
	// Output:
	// gave up: true
	// took over
}

// Repair alone, then work with others.
func ExampleRole_Share() {
	f := shared()
	defer os.Remove(f.Name())

	first, err := lock.TryRole(f.Name(), lock.Exclusive)
	if err != nil {
		log.Fatal(err)
	}
	defer first.Close()
	fmt.Println("repairs")
	if err := first.Share(); err != nil {
		log.Fatal(err)
	}
	second, err := lock.TryRole(f.Name(), lock.Shared)
	if err != nil {
		log.Fatal(err)
	}
	defer second.Close()
	fmt.Println("both work")
	// Output:
	// repairs
	// both work
}

// A process shows that it is alive, and another one, which may only read the file, watches.
func ExampleTryHold() {
	f := shared()
	defer os.Remove(f.Name())
	const slot = 1 << 62 // far beyond the data

	life, err := lock.TryHold(f, slot)
	if err != nil {
		log.Fatal(err)
	}
	watcher, err := os.Open(f.Name())
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()
	alive, err := lock.Held(watcher, slot)
	fmt.Println(alive, err)

	go life.Close() // or kill -9
	err = lock.WaitFree(context.Background(), watcher, slot)
	fmt.Println("gone", err)
	// Output:
	// true <nil>
	// gone <nil>
}
