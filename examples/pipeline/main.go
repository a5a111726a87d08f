// Pipeline is four processes and two rings: lines are published into the first, a stage splits them into words and
// publishes these into the second, and two readers, one that counts and one that looks for the longest, each get all of
// them. No process knows how the others are doing: whoever has nothing to read or no room to write waits.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mmring/mmring/ring"
)

const text = `one file is the whole channel
a writer publishes and readers consume
nobody polls nobody locks nobody loses`

// stages are what a process does with the rings in its folder.
var stages = map[string]func(ctx context.Context, lines, words string) error{
	"split": split, "count": count, "longest": longest,
}

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	if len(os.Args) > 2 { // pipeline STAGE DIR: one of the processes
		dir := os.Args[2]
		if err := stages[os.Args[1]](ctx, filepath.Join(dir, "lines.ring"), filepath.Join(dir, "words.ring")); err != nil {
			log.Fatal(os.Args[1], ": ", err)
		}
		return
	}
	dir, err := os.MkdirTemp("/dev/shm", "pipeline-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(ctx, dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	lines, words := filepath.Join(dir, "lines.ring"), filepath.Join(dir, "words.ring")
	w, err := ring.OpenWriter(ctx, lines, ring.WriterOptions{Create: &ring.Config{Capacity: 64 << 10}})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := ring.Create(words, ring.Config{Capacity: 64 << 10}); err != nil {
		return err
	}
	// The cursors are made before anything is published: nothing is overwritten before the stages come to read it.
	for path, names := range map[string][]string{lines: {"split"}, words: {"count", "longest"}} {
		for _, name := range names {
			if err := ring.AddReader(ctx, path, name, ring.Oldest); err != nil {
				return err
			}
		}
	}
	var processes []*exec.Cmd
	for stage := range stages {
		p := exec.Command(os.Args[0], stage, dir)
		p.Stdout, p.Stderr = os.Stdout, os.Stderr
		if err := p.Start(); err != nil {
			return err
		}
		processes = append(processes, p)
	}
	for line := range strings.Lines(text) {
		if _, err := w.Publish(ctx, []byte(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	for _, p := range processes {
		if err := p.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// split reads lines and publishes their words.
func split(ctx context.Context, lines, words string) error {
	w, err := ring.OpenWriter(ctx, words, ring.WriterOptions{})
	if err != nil {
		return err
	}
	defer w.Close()
	err = each(ctx, lines, "split", func(line string) error {
		for word := range strings.FieldsSeq(line) {
			if _, err := w.Publish(ctx, []byte(word)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.End()
}

func count(ctx context.Context, _, words string) error {
	n := 0
	err := each(ctx, words, "count", func(string) error { n++; return nil })
	fmt.Println("words:", n)
	return err
}

func longest(ctx context.Context, _, words string) error {
	best := ""
	err := each(ctx, words, "longest", func(word string) error {
		if len(word) > len(best) {
			best = word
		}
		return nil
	})
	fmt.Println("longest:", best)
	return err
}

// each calls use with every record of a ring until the ring ends.
func each(ctx context.Context, path, name string, use func(string) error) error {
	r, err := ring.OpenReader(ctx, path, ring.ReaderOptions{Name: name, Durable: true})
	if err != nil {
		return err
	}
	defer r.Close()
	for rec := range r.Records(ctx) {
		if err := use(string(rec.Payload)); err != nil {
			return err
		}
	}
	return r.Err()
}
