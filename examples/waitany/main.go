// Waitany is one goroutine that serves several rings: a process for each ring publishes some records at its own pace and
// ends it, and one sleep waits for all of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/mmring/mmring/ring"
)

var names = []string{"prices", "orders", "alarms"}

const records = 1000

func main() {
	if len(os.Args) > 1 { // a child: the writer of one ring
		if err := write(context.Background(), os.Args[1]); err != nil {
			log.Fatal(err)
		}
		return
	}
	dir, err := os.MkdirTemp("/dev/shm", "waitany-")
	if err != nil {
		log.Fatal(err)
	}
	err = serve(context.Background(), dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func write(ctx context.Context, path string) error {
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
	if err != nil {
		return err
	}
	defer w.Close()
	for i := range records {
		if _, err := w.Publish(ctx, fmt.Append(nil, i)); err != nil {
			return err
		}
	}
	return w.End()
}

func serve(ctx context.Context, dir string) error {
	readers := map[ring.Waitable]*ring.Reader{}
	counts := map[string]int{}
	var open []ring.Waitable
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := ring.Create(path, ring.Config{Capacity: 64 << 10}); err != nil {
			return err
		}
		r, err := ring.OpenReader(ctx, path, ring.ReaderOptions{})
		if err != nil {
			return err
		}
		defer r.Close()
		readers[r], open = r, append(open, r)
		child := exec.Command(os.Args[0], path)
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			return err
		}
		defer child.Wait()
	}
	for w := ring.NewWaiter(open...); len(open) > 0; {
		i, err := w.Wait(ctx)
		switch {
		case errors.Is(err, io.EOF): // this one is done, the others go on
			r := readers[open[i]]
			fmt.Printf("%s: %d records\n", filepath.Base(r.Path()), counts[r.Path()])
			open = append(open[:i], open[i+1:]...)
			w = ring.NewWaiter(open...)
			continue
		case err != nil:
			return err
		}
		r := readers[open[i]]
		if _, err := r.Next(ctx); err != nil {
			return err
		}
		counts[r.Path()]++
	}
	return nil
}
