// Observer shows loss as it is told: a ring of 64 KiB, far more published than fits, and somebody who comes late.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/ring"
)

func main() {
	dir, err := os.MkdirTemp("/dev/shm", "observer-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(context.Background(), filepath.Join(dir, "late.ring"))
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string) error {
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{Create: &ring.Config{Capacity: 64 << 10}})
	if err != nil {
		return err
	}
	defer w.Close()
	o, err := ring.Observe(ctx, path, ring.ObserverOptions{}) // before anything is published: it wants record 1
	if err != nil {
		return err
	}
	defer o.Close()

	const published = 100_000
	for i := range published {
		if _, err := w.Publish(ctx, fmt.Appendf(nil, "record %d", i+1)); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	received, lost := 0, uint64(0)
	for rec := range o.Records(ctx) {
		received++
		lost += rec.Lost
	}
	fmt.Println("received and lost together:", uint64(received)+lost)
	return o.Err()
}
