package main

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// demoInput is what the demo publishes: the lines of a file, or of all files below a directory, in the order of their names.
type demoInput struct {
	files   []string
	refused uint64 // files and directories that may not be read
	long    uint64 // lines that were left out
}

// defaultInput is the Go source tree of this machine, or another tree that most machines have.
func defaultInput() (dir, note string, err error) {
	roots := []string{os.Getenv("GOROOT")}
	if out, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		roots = append(roots, strings.TrimSpace(string(out)))
	}
	for _, root := range append(roots, "/usr/local/go") {
		src := filepath.Join(root, "src")
		if isDir(src) && root != "" {
			return src, "", nil
		}
	}
	for _, dir := range []string{"/usr/include", "/usr/share"} {
		if isDir(dir) {
			return dir, "there is no Go on this machine: " + dir + " is published instead", nil
		}
	}
	return "", "", hinted{errors.New("there is no Go source tree on this machine"), "name a file or a directory: mmring demo DIR"}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// openDemoInput lists the files. Only regular ones count, and below a directory those that may be read.
func openDemoInput(root string) (*demoInput, error) {
	in := &demoInput{}
	resolved, err := filepath.EvalSymlinks(root) // a walk does not follow a link, also not this one
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(resolved, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission) && path != resolved:
			in.refused++
			return nil
		case err != nil:
			return err
		case !d.Type().IsRegular():
			return nil
		case path != resolved && !readable(path):
			in.refused++
			return nil
		}
		in.files = append(in.files, path)
		return nil
	})
	if err == nil && len(in.files) == 0 {
		err = fmt.Errorf("%s: no regular file", root)
	}
	return in, err
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return !errors.Is(err, fs.ErrPermission)
}

// longestLine is how many bytes a line has at most: longer ones, of binary files, are left out.
const longestLine = 1 << 20

// each hands out the lines in order, as many at a time as one read brought. They are valid during the call.
func (in *demoInput) each(ctx context.Context, take func(lines [][]byte) error) error {
	var lines [][]byte
	buffer := make([]byte, pieceSize)
	for _, name := range in.files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		cut := &framer{
			framing: "lines", name: name, max: longestLine, skip: true, skipped: func(error) { in.long++ },
			emit: func(rec []byte) error { lines = append(lines, rec); return nil },
		}
		for err == nil {
			var n int
			n, err = f.Read(buffer)
			if e := cut.feed(buffer[:n]); e != nil {
				err = e
			}
			if isEnd(err) {
				if e := cut.finish(); e != nil {
					err = e
				}
			}
			if e := take(lines); e != nil {
				err = e
			}
			lines = lines[:0]
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
		}
		f.Close()
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// tally counts and hashes records, each with a newline behind it, so that sha256sum of the records' text is the same.
type tally struct {
	hash    hash.Hash
	pending []byte
	count   uint64
	bytes   uint64
}

func newTally() *tally { return &tally{hash: sha256.New()} }

func (t *tally) add(payload []byte) {
	t.pending = append(append(t.pending, payload...), '\n')
	t.count++
	t.bytes += uint64(len(payload)) + 1
	if len(t.pending) >= 32<<10 {
		t.settle()
	}
}

// settle makes the hash one of everything added.
func (t *tally) settle() {
	t.hash.Write(t.pending)
	t.pending = t.pending[:0]
}

func (t *tally) sum() string {
	t.settle()
	return hex.EncodeToString(t.hash.Sum(nil))
}

// state returns the hash in the middle of its work.
func (t *tally) state() ([]byte, error) {
	t.settle()
	return t.hash.(encoding.BinaryMarshaler).MarshalBinary()
}

// restore goes on where state was taken.
func (t *tally) restore(state []byte) error {
	return t.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
}
