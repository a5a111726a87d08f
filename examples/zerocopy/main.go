// Zerocopy fills records in the ring itself, and reads them there: encoding/binary writes straight into what the readers will
// see, and reads straight from what the writer has written.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/ring"
)

func main() {
	dir, err := os.MkdirTemp("/dev/shm", "zerocopy-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(context.Background(), filepath.Join(dir, "squares.ring"))
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
	for i := range uint64(5) {
		c, err := w.Claim(ctx, 16)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(c.Bytes(), i)
		binary.LittleEndian.PutUint64(c.Bytes()[8:], i*i)
		if i == 3 {
			c.Abort() // nobody will ever know
			continue
		}
		if _, err := c.Commit(16); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}

	r, err := ring.OpenReader(ctx, path, ring.ReaderOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	for l := range r.Leases(ctx) { // each is released by the next turn
		fmt.Println(l.Seq, binary.LittleEndian.Uint64(l.Payload), binary.LittleEndian.Uint64(l.Payload[8:]))
	}
	return r.Err()
}
