// Anonymous is a ring without a path: a parent makes it, hands its descriptor to a child, and publishes; the child reads. No
// other process can open it, and none, not even the child, can make its memory a fault for the others.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"

	"github.com/mmring/mmring/ring"
)

func main() {
	ctx, err := context.Background(), error(nil)
	if len(os.Args) > 1 { // the child, whose descriptor 3 is the ring's
		err = child(ctx, os.NewFile(3, "ring"))
	} else {
		err = parent(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func parent(ctx context.Context) error {
	f, err := ring.CreateAnonymous("squares", ring.Config{Capacity: 64 << 10})
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := ring.OpenWriterFile(ctx, f, ring.WriterOptions{})
	if err != nil {
		return err
	}
	defer w.Close()

	cmd := exec.Command(os.Args[0], "child")
	cmd.ExtraFiles = []*os.File{f} // becomes its descriptor 3
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	for i := range uint64(5) {
		n := i + 1
		if _, err := w.Publish(ctx, binary.LittleEndian.AppendUint64(nil, n*n)); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	return cmd.Wait()
}

func child(ctx context.Context, f *os.File) error {
	r, err := ring.OpenReaderFile(ctx, f, ring.ReaderOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	fmt.Println("the child reads", r.Path())
	for rec := range r.Records(ctx) {
		fmt.Println(rec.Seq, binary.LittleEndian.Uint64(rec.Payload))
	}
	if err := r.Err(); err != nil {
		return err
	}
	fmt.Println("the child cannot truncate it:", errors.Is(f.Truncate(0), fs.ErrPermission))
	_, err = ring.OpenWriterFile(ctx, f, ring.WriterOptions{})
	fmt.Println("a second writer is refused:", errors.Is(err, ring.ErrBusy))
	return nil
}
