package shm_test

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/fault"
	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/shm"
)

func init() { roles["unguarded"] = unguarded }

// cut maps a file of four pages from byte 14 on and then cuts all but the first page.
func cut(t *testing.T, a shm.Access) *shm.Map {
	f := file(t, pattern(4*page))
	m := mapped(t, f, a, shm.Options{Offset: 14})
	require.NoError(t, f.Truncate(int64(page)))
	return m
}

func TestUseGivesTheRange(t *testing.T) {
	m := holding(t, "0123456789")
	require.NoError(t, m.Use(func(b []byte) error {
		require.Equal(t, "0123456789", string(b))
		require.Equal(t, 10, cap(b))
		return nil
	}))
	bad := errors.New("bad")
	require.Equal(t, bad, m.Use(func([]byte) error { return bad }), "what the function returns is returned as it is")
}

func TestGuardAndUseTurnFaultsIntoErrors(t *testing.T) {
	for name, run := range map[string]func(m *shm.Map, fn func(b []byte)) error{
		"Guard": func(m *shm.Map, fn func(b []byte)) error { return m.Guard(func() { fn(m.Bytes()) }) },
		"Use":   func(m *shm.Map, fn func(b []byte)) error { return m.Use(func(b []byte) error { fn(b); return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			m := cut(t, shm.ReadWrite)
			done := false
			err := run(m, func(b []byte) {
				b[0]++ // is there still
				b[2*page]++
				done = true
			})
			require.False(t, done)
			var fault *shm.FaultError
			require.ErrorAs(t, err, &fault)
			require.ErrorIs(t, err, shm.ErrBeyondEOF)
			require.Equal(t, int64(2*page+14), fault.Offset)
			require.Equal(t, 4*page-14, fault.Length)
			require.Equal(t, shm.ReadWrite, fault.Access)
			require.NotEmpty(t, fault.Path)
			require.NoError(t, run(m, func(b []byte) { b[0]++ }), "the map works where its pages are")
		})
	}
}

func TestOtherPanicsGoOn(t *testing.T) {
	m, other := cut(t, shm.ReadWrite), cut(t, shm.ReadWrite)
	for name, run := range map[string]func(fn func()) error{
		"Guard": func(fn func()) error { return m.Guard(fn) },
		"Use":   func(fn func()) error { return m.Use(func([]byte) error { fn(); return nil }) },
	} {
		require.PanicsWithValue(t, "mine", func() { _ = run(func() { panic("mine") }) }, name)
		require.Panics(t, func() { _ = run(func() { _ = m.Bytes()[m.Len()] }) }, "%s: an index out of range is no fault", name)
		var nowhere *int
		require.Panics(t, func() { _ = run(func() { *nowhere = 1 }) }, "%s: a nil pointer is no fault of the map", name)
		addr, ok := recovered(func() { _ = run(func() { other.Bytes()[other.Len()-1] = 1 }) })
		require.True(t, ok, "%s: a fault in another map is passed on", name)
		require.True(t, other.Contains(addr))
		require.False(t, m.Contains(addr))
	}
	require.ErrorIs(t, other.Guard(func() { _ = m.Guard(func() { other.Bytes()[other.Len()-1] = 1 }) }), shm.ErrBeyondEOF,
		"and caught by that map's Guard around")
}

// recovered returns where fn made a fault.
func recovered(fn func()) (addr uintptr, ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { addr, ok = fault.Addr(recover()) }()
	fn()
	return 0, false
}

func TestThePanicSwitchIsAsItWas(t *testing.T) {
	m := cut(t, shm.ReadWrite)
	for _, was := range []bool{false, true} {
		old := debug.SetPanicOnFault(was)
		for name, call := range calls {
			if name != "Resize" {
				_ = call(m)
			}
			require.Equal(t, was, debug.SetPanicOnFault(was), name)
		}
		_ = m.Use(func(b []byte) error { b[len(b)-1] = 1; return nil })
		require.Equal(t, was, debug.SetPanicOnFault(was))
		debug.SetPanicOnFault(old)
	}
}

func TestASliceIsValidUntilUseReturns(t *testing.T) {
	m := holding(t, "0123456789")
	inside, closed, outside := make(chan []byte), make(chan bool), make(chan error)
	go func() {
		outside <- m.Use(func(b []byte) error {
			inside <- b
			<-closed
			require.Equal(t, "0123456789", string(b))
			return m.Use(func([]byte) error { return nil })
		})
	}()
	b := <-inside
	require.NoError(t, m.Close())
	require.True(t, m.Closed())
	require.Equal(t, byte('0'), b[0], "the Use that runs keeps the memory")
	closed <- true
	require.ErrorIs(t, <-outside, shm.ErrClosed, "a second one does not begin")
}

func TestAUseThatPanicsOrEndsItsGoroutineLetsGo(t *testing.T) {
	m := holding(t, "0123456789")
	require.Panics(t, func() { _ = m.Use(func([]byte) error { panic("mine") }) })
	require.NoError(t, m.Resize(5), "nothing is pinned")
	done := make(chan bool)
	go func() {
		defer close(done)
		_ = m.Use(func([]byte) error { runtime.Goexit(); return nil })
	}()
	<-done
	require.NoError(t, m.Resize(6))
}

func TestAFaultAfterCloseIsTold(t *testing.T) {
	m, err := shm.Anonymous(10*page, shm.Options{})
	require.NoError(t, err)
	b := m.Bytes()
	err = m.Guard(func() {
		require.NoError(t, m.Close())
		b[5*page] = 1
	})
	var fault *shm.FaultError
	require.ErrorAs(t, err, &fault)
	require.ErrorIs(t, err, shm.ErrClosed)
	require.Equal(t, int64(5*page), fault.Offset)
}

func TestContainsKnowsThePagesOfTheMap(t *testing.T) {
	m := cut(t, shm.ReadWrite)
	addr, ok := recovered(func() { m.Bytes()[m.Len()-1] = 1 })
	require.True(t, ok)
	require.True(t, m.Contains(addr))
	require.True(t, m.Contains(addr-uintptr(m.Len()-1)))
	require.False(t, m.Contains(addr+uintptr(page)))
	require.False(t, m.Contains(addr-uintptr(5*page)))
}

// The documented limit: a goroutine that is started inside is not protected, and its fault ends the process.
func TestAGoroutineStartedInsideIsNotProtected(t *testing.T) {
	p := proctest.Start(t, "unguarded", file(t, pattern(2*page)).Name())
	p.Expect("mapped")
	require.Error(t, p.Wait())
}

func unguarded(args []string) {
	m, err := shm.Open(args[0], shm.ReadOnly, shm.Options{})
	proctest.Die(err)
	proctest.Die(os.Truncate(args[0], 0))
	proctest.Say("mapped")
	done := make(chan byte)
	_ = m.Guard(func() {
		go func() { done <- m.Bytes()[0] + 1 }()
		<-done
	})
}
