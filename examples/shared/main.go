// Shared lets four goroutines, which might as well be four processes, publish into one ring, and one reader see one order.
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
	dir, err := os.MkdirTemp("/dev/shm", "shared-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(context.Background(), filepath.Join(dir, "shared.ring"))
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

const (
	writers = 4
	each    = 10_000
)

func run(ctx context.Context, path string) error {
	if err := ring.Create(path, ring.Config{Shared: true}); err != nil {
		return err
	}
	r, err := ring.OpenReader(ctx, path, ring.ReaderOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	errs := make(chan error, writers)
	for i := range writers {
		go func() { errs <- write(ctx, path, i) }()
	}
	seen := map[string]int{}
	for n := uint64(1); n <= writers*each; n++ {
		rec, err := r.Next(ctx)
		if err != nil {
			return err
		}
		if rec.Seq != n {
			return fmt.Errorf("record %d came as number %d", rec.Seq, n)
		}
		seen[string(rec.Payload)]++
	}
	for range writers {
		if err := <-errs; err != nil {
			return err
		}
	}
	for i := range writers {
		fmt.Printf("writer %d: %d\n", i, seen[fmt.Sprint("writer ", i)])
	}
	return nil
}

// write is one writer, with a handle of its own.
func write(ctx context.Context, path string, i int) error {
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
	if err != nil {
		return err
	}
	for range each {
		if _, err := w.Publish(ctx, fmt.Appendf(nil, "writer %d", i)); err != nil {
			return err
		}
	}
	return w.Close()
}
