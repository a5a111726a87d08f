package shm_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// calls is every method that can fail, in a way that succeeds for a shared map that can be written.
var calls = map[string]func(m *shm.Map) error{
	"Advise":      func(m *shm.Map) error { return m.Advise(shm.WillNeed) },
	"AdviseRange": func(m *shm.Map) error { return m.AdviseRange(shm.Normal, 0, 1) },
	"File": func(m *shm.Map) error {
		f, err := m.File()
		if err == nil {
			f.Close()
		}
		return err
	},
	"FileSize":    func(m *shm.Map) error { _, err := m.FileSize(); return err },
	"Find":        func(m *shm.Map) error { _, err := m.Find([]byte("x"), 0, 1); return err },
	"Flush":       func(m *shm.Map) error { return m.Flush() },
	"FlushRange":  func(m *shm.Map) error { return m.FlushRange(0, 1, shm.FlushAsync) },
	"Guard":       func(m *shm.Map) error { return m.Guard(func() {}) },
	"Lines":       func(m *shm.Map) error { return firstLine(m) },
	"Lock":        func(m *shm.Map) error { return m.Lock() },
	"Move":        func(m *shm.Map) error { return m.Move(0, 0, 1) },
	"Protect":     func(m *shm.Map) error { return m.Protect(shm.ReadWrite) },
	"RFind":       func(m *shm.Map) error { _, err := m.RFind([]byte("x"), 0, 1); return err },
	"Read":        func(m *shm.Map) error { _, err := m.Read(make([]byte, 1)); return err },
	"ReadAt":      func(m *shm.Map) error { _, err := m.ReadAt(make([]byte, 1), 0); return err },
	"ReadByte":    func(m *shm.Map) error { _, err := m.ReadByte(); return err },
	"ReadFrom":    func(m *shm.Map) error { _, err := m.ReadFrom(strings.NewReader("x")); return err },
	"ReadLine":    func(m *shm.Map) error { _, err := m.ReadLine(); return err },
	"Resize":      func(m *shm.Map) error { return m.Resize(m.Len() + 1) },
	"Seal":        func(m *shm.Map) error { return m.Seal(0) },
	"Seals":       func(m *shm.Map) error { _, err := m.Seals(); return err },
	"Seek":        func(m *shm.Map) error { _, err := m.Seek(0, io.SeekStart); return err },
	"Send":        sendToNobody,
	"SetName":     func(m *shm.Map) error { return m.SetName("good") },
	"Unlock":      func(m *shm.Map) error { return m.Unlock() },
	"Use":         func(m *shm.Map) error { return m.Use(func([]byte) error { return nil }) },
	"Write":       func(m *shm.Map) error { _, err := m.Write([]byte("x")); return err },
	"WriteAt":     func(m *shm.Map) error { _, err := m.WriteAt([]byte("x"), 0); return err },
	"WriteByte":   func(m *shm.Map) error { return m.WriteByte('x') },
	"WriteString": func(m *shm.Map) error { _, err := m.WriteString("x"); return err },
	"WriteTo":     func(m *shm.Map) error { _, err := m.WriteTo(io.Discard); return err },
}

// infallible is every other method.
var infallible = map[string]func(m *shm.Map) any{
	"Access":   func(m *shm.Map) any { return m.Access() },
	"Bytes":    func(m *shm.Map) any { return len(m.Bytes()) },
	"Close":    func(m *shm.Map) any { return m.Close() == nil },
	"Closed":   func(m *shm.Map) any { return m.Closed() },
	"Contains": func(m *shm.Map) any { return m.Contains(0) || m.Contains(4096) || m.Contains(^uintptr(0)) },
	"Len":      func(m *shm.Map) any { return m.Len() },
	"Offset":   func(m *shm.Map) any { return m.Offset() },
	"String":   func(m *shm.Map) any { return m.String() },
	"Tell":     func(m *shm.Map) any { return m.Tell() },
}

func firstLine(m *shm.Map) error {
	for _, err := range m.Lines() {
		return err
	}
	return nil
}

func sendToNobody(m *shm.Map) error {
	err := m.Send(nil)
	if errors.Is(err, os.ErrInvalid) { // as it should be
		return nil
	}
	return err
}

func TestTheTablesOfThisFileHaveEveryMethod(t *testing.T) {
	for i, of := 0, reflect.TypeFor[*shm.Map](); i < of.NumMethod(); i++ {
		name := of.Method(i).Name
		require.True(t, (calls[name] == nil) != (infallible[name] == nil), name)
	}
}

func TestClosedMapsAnswerErrClosed(t *testing.T) {
	closed, err := shm.Anonymous(100, shm.Options{})
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	used, err := shm.Anonymous(100, shm.Options{})
	require.NoError(t, err)
	require.NoError(t, used.Use(func([]byte) error { return used.Close() }))
	for name, m := range map[string]*shm.Map{"nil": nil, "zero": {}, "closed": closed, "closed in use": used} {
		for method, call := range calls {
			t.Run(name+" "+method, func(t *testing.T) {
				err := call(m)
				require.ErrorIs(t, err, shm.ErrClosed)
				says(t, err, os.ErrClosed, strings.Fields(err.Error())[0])
			})
		}
		require.Empty(t, m.Bytes())
		require.Nil(t, m.Bytes())
		require.Zero(t, m.Len())
		require.Zero(t, m.Tell())
		require.Zero(t, m.Offset())
		require.Equal(t, shm.ReadOnly, m.Access())
		require.True(t, m.Closed())
		require.Equal(t, false, infallible["Contains"](m))
		require.Equal(t, "shm.Map{closed}", m.String())
		require.NoError(t, m.Close())
		require.NoError(t, m.Close())
	}
}

func TestOpenMapsAnswerEveryMethod(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			m := anonymous(t, 100, shm.Options{})
			if err := call(m); err != nil && (name != "SetName" || !errors.Is(err, errors.ErrUnsupported)) {
				t.Fatal(err)
			}
		})
	}
	for name, call := range infallible {
		t.Run(name, func(t *testing.T) {
			m := anonymous(t, 100, shm.Options{})
			require.NotPanics(t, func() { call(m) })
		})
	}
}

// Each of these closes or resizes the map from inside a callback that the map calls.
func TestCallbacksMayCloseAndResizeTheMap(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(m *shm.Map, change func()) error
	}{
		{"the reader of ReadFrom", func(m *shm.Map, change func()) error {
			_, err := m.ReadFrom(hook{change})
			return err
		}},
		{"the writer of WriteTo", func(m *shm.Map, change func()) error {
			_, err := m.WriteTo(hook{change})
			return err
		}},
		{"the body of Lines", func(m *shm.Map, change func()) (err error) {
			for _, err = range m.Lines() {
				change()
			}
			return err
		}},
		{"the body of Use", func(m *shm.Map, change func()) error {
			return m.Use(func(b []byte) error {
				change()
				b[len(b)-1] = 1 // valid until Use returns
				return nil
			})
		}},
		{"the body of Guard", func(m *shm.Map, change func()) error {
			return m.Guard(func() { change() })
		}},
	} {
		t.Run(c.name+" closes it", func(t *testing.T) {
			m, err := shm.Anonymous(1<<20, shm.Options{})
			require.NoError(t, err)
			copy(m.Bytes(), bytes.Repeat([]byte("line\n"), 1<<20/5))
			err = c.run(m, func() { require.NoError(t, m.Close()) })
			require.True(t, err == nil || errors.Is(err, shm.ErrClosed), err)
			require.True(t, m.Closed())
		})
		t.Run(c.name+" resizes it", func(t *testing.T) {
			m := anonymous(t, 1<<20, shm.Options{})
			copy(m.Bytes(), bytes.Repeat([]byte("line\n"), 1<<20/5))
			n := 0
			err := c.run(m, func() {
				if n++; n < 3 {
					err := m.Resize(n * 1000)
					require.True(t, err == nil || errors.Is(err, shm.ErrPinned), err)
				}
			})
			require.True(t, err == nil || errors.Is(err, shm.ErrRange), err)
		})
	}
}

// hook calls a function when it is read or written.
type hook struct{ call func() }

func (h hook) Read(p []byte) (int, error)  { h.call(); return len(p), nil }
func (h hook) Write(p []byte) (int, error) { h.call(); return len(p), nil }
