package fault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/fault"
	"github.com/mmring/mmring/internal/view"
)

// caught returns the panic that touch ends with.
func caught(touch func()) (r any) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { r = recover() }()
	touch()
	return nil
}

// mapped returns a mapping of two pages of a file that is cut after the first.
func mapped(t *testing.T) []byte {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	page := os.Getpagesize()
	require.NoError(t, f.Truncate(int64(2*page)))
	mem, err := unix.Mmap(int(f.Fd()), 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(mem)) })
	require.NoError(t, f.Truncate(int64(page)))
	return mem
}

// What the compiler must not leave out.
var (
	sink byte
	same bool
)

func TestAnAccessToMemoryThatIsGoneIsAFaultInThatPage(t *testing.T) {
	mem := mapped(t)
	page := os.Getpagesize()
	for _, c := range []struct {
		name  string
		touch func()
	}{
		{"a load", func() { sink = mem[page+5] }},
		{"a store", func() { mem[page+5] = 1 }},
		{"an atomic load", func() { view.Uint64(mem, page+8).Load() }},
		{"an atomic store", func() { view.Uint64(mem, page+8).Store(1) }},
		{"a compare and swap", func() { view.Uint32(mem, page+8).CompareAndSwap(0, 1) }},
		{"a copy that runs into it", func() { copy(make([]byte, page+8), mem[8:]) }},
		{"a copy out of it", func() { copy(make([]byte, 100), mem[page:]) }},
		{"a copy into it", func() { copy(mem[page:], make([]byte, 100)) }},
		{"clearing it", func() { clear(mem[page:]) }},
		{"a comparison", func() { same = bytes.Equal(mem[page:page+100], make([]byte, 100)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr, ok := fault.Addr(caught(c.touch))
			require.True(t, ok)
			start := view.Address(mem) + uintptr(page)
			require.True(t, addr >= start && addr < start+uintptr(page), "%#x is not in the page at %#x", addr, start)
		})
	}
	require.Nil(t, caught(func() { sink = mem[page-1] }), "the page before is there")
}

func TestOtherPanicsAreNoFaults(t *testing.T) {
	var missing *[4096]byte
	index := 9
	for _, c := range []struct {
		name  string
		value any
	}{
		{"no panic", nil},
		{"a nil pointer", caught(func() { sink = missing[0] })},
		{"an index out of range", caught(func() { sink = make([]byte, 4)[index] })},
		{"a text", caught(func() { panic("text") })},
		{"an error", caught(func() { panic(errors.New("error")) })},
		{"the runtime's own error type", caught(func() { panic(new(runtime.TypeAssertionError)) })},
		{"what has an address and is no error", caught(func() { panic(addressed{}) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ok := fault.Addr(c.value)
			require.False(t, ok)
		})
	}
}

type addressed struct{}

func (addressed) Addr() uintptr { return 4096 }
