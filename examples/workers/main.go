// Workers shares jobs among three processes, one of which is killed in the middle of a job: that one goes to another, which is
// told that somebody has had it before.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/mmring/mmring/ring"
)

const (
	workers = 3
	jobs    = 50_000
	fatal   = 20_000 // the job that a worker does not survive
)

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	if len(os.Args) > 1 { // workers PATH: one of them
		if err := work(ctx, os.Args[1]); err != nil {
			log.Fatal(err)
		}
		return
	}
	dir, err := os.MkdirTemp("/dev/shm", "workers-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(ctx, filepath.Join(dir, "jobs.ring"))
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// work does what comes: it prints the number of each job, and how often it has been given out.
func work(ctx context.Context, path string) error {
	m, err := ring.JoinGroup(ctx, path, "workers", ring.GroupOptions{})
	if err != nil {
		return err
	}
	defer m.Close()
	for job := range m.Records(ctx) { // asking for the next job says that this one is done
		if job.Seq == fatal && job.Delivery == 1 {
			self, _ := os.FindProcess(os.Getpid()) // finds every process
			if err := self.Kill(); err != nil {
				return err
			}
			select {} // until it dies
		}
		fmt.Println(job.Seq, job.Delivery)
	}
	return m.Err()
}

func run(ctx context.Context, path string) error {
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{Create: &ring.Config{Capacity: 1 << 20}})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := ring.AddGroup(ctx, path, "workers", ring.Oldest); err != nil { // before the first job: nothing is overwritten
		return err
	}
	counts := make(chan tally)
	for range workers {
		worker := exec.Command(os.Args[0], path)
		worker.Stderr = os.Stderr
		out, err := worker.StdoutPipe()
		if err != nil {
			return err
		}
		if err := worker.Start(); err != nil {
			return err
		}
		go func() {
			counts <- count(out)
			_ = worker.Wait() // killed, or done
		}()
	}
	for i := range jobs {
		if _, err := w.Publish(ctx, fmt.Appendf(nil, "job %d", i+1)); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	done, again := map[int]bool{}, 0
	for range workers {
		t := <-counts
		for _, job := range t.jobs {
			done[job] = true
		}
		again += t.again
	}
	fmt.Println("all jobs are done:", len(done) == jobs)
	fmt.Println("given out again, because a worker died:", again)
	return nil
}

// tally is what a worker did, and how many of its jobs another one had had before.
type tally struct {
	jobs  []int
	again int
}

func count(out io.Reader) (t tally) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var job, delivery int
		if _, err := fmt.Sscan(lines.Text(), &job, &delivery); err != nil {
			continue // it was killed in the middle of a line
		}
		t.jobs = append(t.jobs, job)
		if delivery > 1 {
			t.again++
		}
	}
	return t
}
