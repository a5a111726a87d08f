// Durable kills a reader in the middle of its work and starts it again: its cursor is in the ring, under its name, and it
// goes on where it stood. The reader takes a record for done when it says so (Ack), after it has printed it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/mmring/mmring/ring"
)

const records = 100_000 // far more than the pipe between the two processes holds

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	if len(os.Args) > 1 { // durable PATH: the reader
		if err := read(ctx, os.Args[1]); err != nil {
			log.Fatal(err)
		}
		return
	}
	dir, err := os.MkdirTemp("/dev/shm", "durable-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(ctx, filepath.Join(dir, "work.ring"))
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// read prints the number of every record, and acknowledges it then.
func read(ctx context.Context, path string) error {
	r, err := ring.OpenReader(ctx, path, ring.ReaderOptions{Name: "worker", Durable: true})
	if err != nil {
		return err
	}
	defer r.Close()
	for rec := range r.Records(ctx) {
		fmt.Println(rec.Seq)
		if err := r.Ack(); err != nil {
			return err
		}
	}
	return r.Err()
}

func run(ctx context.Context, path string) error {
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{Create: &ring.Config{}})
	if err != nil {
		return err
	}
	defer w.Close()
	for i := range records {
		if _, err := w.Publish(ctx, fmt.Appendf(nil, "job %d", i+1)); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	last, err := work(path, 0, records/2) // and then it is killed
	if err != nil {
		return err
	}
	fmt.Println("killed in the middle:", last < records)
	if last, err = work(path, last, records); err != nil {
		return err
	}
	fmt.Println("all records came:", last == records)
	return nil
}

// work starts the reader and follows what it prints, which goes on after last, or with last once more. At enough it kills
// the reader; what it printed until then counts. It returns the last number.
func work(path string, last, enough int) (int, error) {
	reader := exec.Command(os.Args[0], path)
	reader.Stderr = os.Stderr
	out, err := reader.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := reader.Start(); err != nil {
		return 0, err
	}
	first := true
	for lines := bufio.NewScanner(out); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return 0, err
		}
		if n != last+1 && !(first && n == last) {
			return 0, fmt.Errorf("record %d came after record %d", n, last)
		}
		first, last = false, n
		if n == enough {
			_ = reader.Process.Kill() // it may just have come to its end
		}
	}
	_ = reader.Wait() // killed, or done
	return last, nil
}
