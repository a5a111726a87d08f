// Evicted shows a reader that holds the writer back for longer than its ring allows: it is dropped and told how far it was, and
// whoever comes under its name is told what is missing.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/mmring/mmring/ring"
)

func main() {
	dir, err := os.MkdirTemp("/dev/shm", "evicted-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(context.Background(), filepath.Join(dir, "slow.ring"))
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string) error {
	config := ring.Config{Capacity: 64 << 10, EvictAfter: 50 * time.Millisecond}
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{Create: &config})
	if err != nil {
		return err
	}
	defer w.Close()
	options := ring.ReaderOptions{Name: "slow", Durable: true}
	r, err := ring.OpenReader(ctx, path, options)
	if err != nil {
		return err
	}
	const published = 10_000
	for i := range published { // more than the ring holds, and nobody reads: the writer waits, and then goes on
		if _, err := w.Publish(ctx, fmt.Appendf(nil, "record %d", i+1)); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	_, err = r.Next(ctx)
	var evicted *ring.Evicted
	if !errors.As(err, &evicted) {
		return fmt.Errorf("not evicted: %w", err)
	}
	fmt.Println("evicted before record", evicted.Seq)
	if err := r.Close(); err != nil {
		return err
	}

	if r, err = ring.OpenReader(ctx, path, options); err != nil {
		return err
	}
	defer r.Close()
	received, lost := 0, uint64(0)
	for rec := range r.Records(ctx) {
		received++
		lost += rec.Lost
	}
	fmt.Println("received and lost together:", uint64(received)+lost)
	return r.Err()
}
