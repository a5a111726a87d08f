package shm_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

func TestMethodsAllocateNothing(t *testing.T) {
	m := anonymous(t, 100*page, shm.Options{})
	private := anonymous(t, 100*page, shm.Options{Private: true})
	p, sub, r := make([]byte, 64), []byte("nowhere"), bytes.NewReader(make([]byte, 64))
	start := func() { _, _ = m.Seek(0, io.SeekStart) }
	once, use := func() {}, func([]byte) error { return nil }
	for name, call := range map[string]func() error{
		"Access":          func() error { m.Access(); return nil },
		"Advise":          func() error { return m.Advise(shm.Random) },
		"AdviseRange":     func() error { return m.AdviseRange(shm.Random, 5, page) },
		"Bytes":           func() error { m.Bytes(); return nil },
		"Closed":          func() error { m.Closed(); return nil },
		"Contains":        func() error { m.Contains(1); return nil },
		"FileSize":        func() error { _, err := m.FileSize(); return err },
		"Find":            func() error { _, err := m.Find(sub, 0, -1); return err },
		"Flush":           func() error { return m.Flush() },
		"FlushRange":      func() error { return m.FlushRange(1, 2) },
		"FlushRange with": func() error { return m.FlushRange(1, 2, shm.FlushAsync) },
		"Guard":           func() error { return m.Guard(once) },
		"Len":             func() error { m.Len(); return nil },
		"Lock":            func() error { return m.Lock() },
		"Unlock":          func() error { return m.Unlock() },
		"Move":            func() error { return m.Move(0, 5, 10) },
		"Offset":          func() error { m.Offset(); return nil },
		"Protect":         func() error { return m.Protect(shm.ReadWrite) },
		"RFind":           func() error { _, err := m.RFind(sub, 0, -1); return err },
		"Read":            func() error { start(); _, err := m.Read(p); return err },
		"ReadAt":          func() error { _, err := m.ReadAt(p, 14); return err },
		"ReadByte":        func() error { start(); _, err := m.ReadByte(); return err },
		"ReadFrom":        func() error { start(); r.Reset(p); _, err := m.ReadFrom(r); return err },
		"Resize":          func() error { return m.Resize(m.Len() ^ 1) },
		"Resize private":  func() error { return private.Resize(private.Len() ^ page) },
		"Seal":            func() error { return m.Seal(0) },
		"Seals":           func() error { _, err := m.Seals(); return err },
		"Seek":            func() error { _, err := m.Seek(3, io.SeekStart); return err },
		"Tell":            func() error { m.Tell(); return nil },
		"Use":             func() error { return m.Use(use) },
		"Write":           func() error { start(); _, err := m.Write(p); return err },
		"WriteAt":         func() error { _, err := m.WriteAt(p, 14); return err },
		"WriteByte":       func() error { start(); return m.WriteByte(1) },
		"WriteString":     func() error { start(); _, err := m.WriteString("string"); return err },
		"WriteTo":         func() error { start(); _, err := m.WriteTo(io.Discard); return err },
		"the end":         func() error { _, _ = m.Seek(0, io.SeekEnd); _, _ = m.Read(p); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, call())
			require.Zero(t, testing.AllocsPerRun(100, func() {
				if err := call(); err != nil {
					t.Error(err)
				}
			}))
		})
	}
}
