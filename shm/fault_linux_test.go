package shm_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// touches is every method that touches the bytes of a map from its cursor, or from byte at, to its end.
var touches = map[string]func(m *shm.Map, at int) error{
	"Read":   func(m *shm.Map, at int) error { _, err := m.Read(make([]byte, m.Len())); return err },
	"ReadAt": func(m *shm.Map, at int) error { _, err := m.ReadAt(make([]byte, m.Len()-at), int64(at)); return err },
	"ReadByte": func(m *shm.Map, at int) error {
		_, err := m.ReadByte()
		return err
	},
	"ReadLine": func(m *shm.Map, at int) error { _, err := m.ReadLine(); return err },
	"Lines": func(m *shm.Map, at int) error {
		for _, err := range m.Lines() {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"WriteTo": func(m *shm.Map, at int) error { _, err := m.WriteTo(io.Discard); return err },
	"Find":    func(m *shm.Map, at int) error { _, err := m.Find([]byte("nowhere"), at, m.Len()); return err },
	"RFind":   func(m *shm.Map, at int) error { _, err := m.RFind([]byte("nowhere"), at, m.Len()); return err },
	"Advise":  func(m *shm.Map, at int) error { return m.AdviseRange(shm.PopulateRead, at, m.Len()) },
}

// stores is every method that stores into them.
var stores = map[string]func(m *shm.Map, at int) error{
	"Write":       func(m *shm.Map, at int) error { _, err := m.Write(make([]byte, m.Len()-at)); return err },
	"WriteString": func(m *shm.Map, at int) error { _, err := m.WriteString(strings.Repeat("x", m.Len()-at)); return err },
	"WriteAt":     func(m *shm.Map, at int) error { _, err := m.WriteAt(make([]byte, m.Len()-at), int64(at)); return err },
	"WriteByte":   func(m *shm.Map, at int) error { return m.WriteByte('x') },
	"ReadFrom": func(m *shm.Map, at int) error {
		_, err := m.ReadFrom(bytes.NewReader(make([]byte, m.Len()-at)))
		return err
	},
	"Move":   func(m *shm.Map, at int) error { return m.Move(at, 0, m.Len()-at) },
	"Advise": func(m *shm.Map, at int) error { return m.AdviseRange(shm.PopulateWrite, at, m.Len()) },
}

// faults requires that the error is a fault at or behind byte at of the map, which begins at byte off of the file.
func faults(t *testing.T, err, cause error, m *shm.Map, at int) {
	t.Helper()
	var fault *shm.FaultError
	require.ErrorAs(t, err, &fault)
	require.ErrorIs(t, err, cause)
	require.GreaterOrEqual(t, fault.Offset, m.Offset()+int64(at))
	require.Less(t, fault.Offset, m.Offset()+int64(m.Len()))
	require.Equal(t, m.Len(), fault.Length)
	require.Equal(t, m.Access(), fault.Access)
	require.Contains(t, err.Error(), fault.Path)
	require.Contains(t, err.Error(), "fault at offset")
}

func TestEveryMethodReportsATruncatedFile(t *testing.T) {
	const off = 14
	at := 2*page - off // the first byte that is gone
	for _, a := range []shm.Access{shm.ReadOnly, shm.ReadWrite, shm.CopyOnWrite} {
		methods := []map[string]func(*shm.Map, int) error{touches}
		if a != shm.ReadOnly {
			methods = append(methods, stores)
		}
		for _, table := range methods {
			for name, call := range table {
				t.Run(a.String()+" "+name, func(t *testing.T) {
					f := file(t, make([]byte, 4*page))
					m := mapped(t, f, a, shm.Options{Offset: off})
					require.NoError(t, f.Truncate(int64(2*page-1000)))
					_, err := m.Seek(int64(at), io.SeekStart)
					require.NoError(t, err)
					faults(t, call(m, at), shm.ErrBeyondEOF, m, at)
					require.Equal(t, int64(at), m.Tell(), "the cursor stays")
					_, err = m.ReadAt(make([]byte, at), 0)
					require.NoError(t, err, "the pages that are there can be read")
					require.NoError(t, f.Truncate(int64(4*page)))
					require.NoError(t, call(m, at), "and all of them when the file is whole again")
				})
			}
		}
	}
}

func TestPopulateNamesTheFirstPageThatIsNotThere(t *testing.T) {
	f := file(t, make([]byte, 100*page))
	m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14})
	for _, there := range []int{99, 64, 51, 50, 49, 3, 1, 0} {
		require.NoError(t, f.Truncate(int64(there*page)))
		for _, a := range []shm.Advice{shm.PopulateRead, shm.PopulateWrite} {
			var fault *shm.FaultError
			require.ErrorAs(t, m.Advise(a), &fault)
			require.Equal(t, int64(there*page), fault.Offset)
		}
		require.NoError(t, m.AdviseRange(shm.PopulateRead, 99*page, 0), "of no bytes none is missing")
		if n := there*page - 14; n > 0 {
			require.NoError(t, m.AdviseRange(shm.PopulateRead, 0, n))
		}
	}
}

func TestAFaultWithoutADescriptorHasNoCause(t *testing.T) {
	f := file(t, pattern(2*page))
	m := mapped(t, f, shm.ReadWrite, shm.Options{NoTrack: true})
	require.NoError(t, f.Truncate(0))
	_, err := m.ReadByte()
	faults(t, err, syscall.EFAULT, m, 0)
}

func TestGrowOnAFullDiskIsAnError(t *testing.T) {
	f := fileOn(t, disk(t, "tmpfs", "size=1m"))
	_, err := shm.MapFile(f, shm.ReadWrite, shm.Options{Length: 4 * MiB, Grow: true})
	says(t, err, syscall.ENOSPC, "map", "4194304 bytes needed", "1048576 free", "length 4194304")
	require.Zero(t, sizeOf(t, f))
	require.Equal(t, MiB, freeOn(t, f))

	m := mapped(t, f, shm.ReadWrite, shm.Options{Length: MiB / 2, Grow: true})
	fill(m.Bytes(), 7)
	says(t, m.Resize(2*MiB), syscall.ENOSPC, "resize", "1572864 bytes needed", "524288 free", "to 2097152")
	require.Equal(t, MiB/2, m.Len())
	require.Equal(t, MiB/2, sizeOf(t, f))
	require.Equal(t, MiB/2, freeOn(t, f))
	require.Equal(t, bytes.Repeat([]byte{7}, MiB/2), m.Bytes())
	require.NoError(t, m.Resize(MiB), "what there is room for works")
}

func TestGrowFillsTheHolesOfAFile(t *testing.T) {
	f := fileOn(t, disk(t, "tmpfs", "size=1m"))
	require.NoError(t, f.Truncate(MiB/2))
	mapped(t, f, shm.ReadWrite, shm.Options{Length: MiB / 2, Grow: true})
	require.Equal(t, MiB/2, freeOn(t, f))
	require.NoError(t, f.Truncate(4*MiB))
	_, err := shm.MapFile(f, shm.ReadWrite, shm.Options{Length: 4 * MiB, Grow: true})
	says(t, err, syscall.ENOSPC, "map", "3670016 bytes needed")
	require.Equal(t, 4*MiB, sizeOf(t, f))
}

func TestAHoleOnAFullDiskIsAFault(t *testing.T) {
	for name, table := range map[string]map[string]func(*shm.Map, int) error{"reading": touches, "storing": stores} {
		for method, call := range table {
			t.Run(name+" "+method, func(t *testing.T) {
				f := fileOn(t, disk(t, "tmpfs", "size=1m"))
				m := mapped(t, f, shm.ReadWrite, shm.Options{Length: 4 * MiB, Grow: true, Sparse: true})
				require.Equal(t, 4*MiB, sizeOf(t, f))
				_, err := m.WriteAt(make([]byte, MiB), 0) // takes all the blocks
				require.NoError(t, err)
				_, err = m.Seek(MiB, io.SeekStart)
				require.NoError(t, err)
				faults(t, call(m, MiB), syscall.ENOSPC, m, MiB)
				_, err = m.WriteAt(make([]byte, MiB), 0)
				require.NoError(t, err)
				require.NoError(t, m.Resize(MiB))
			})
		}
	}
}

func TestPopulateReportsAFullDisk(t *testing.T) {
	f := fileOn(t, disk(t, "tmpfs", "size=1m"))
	m, err := shm.MapFile(f, shm.ReadWrite, shm.Options{Length: 4 * MiB, Grow: true, Sparse: true, Populate: true})
	require.Nil(t, m)
	var fault *shm.FaultError
	require.ErrorAs(t, err, &fault)
	says(t, err, syscall.ENOSPC, "map")
	require.Zero(t, sizeOf(t, f), "as it was")
}

func TestASparseMapGrowsOnAFullDisk(t *testing.T) {
	f := fileOn(t, disk(t, "tmpfs", "size=1m"))
	m := mapped(t, f, shm.ReadWrite, shm.Options{Length: 1, Grow: true, Sparse: true})
	require.NoError(t, m.Resize(100*MiB))
	require.Equal(t, 100*MiB, sizeOf(t, f))
	require.Equal(t, MiB, freeOn(t, f))
}

func TestAFaultSaysAllItKnows(t *testing.T) {
	e := &shm.FaultError{Op: "read", Path: "p", Offset: math.MaxInt64, Length: 1, Access: shm.CopyOnWrite, Err: io.ErrUnexpectedEOF}
	require.Equal(t, "read p: memory fault at offset 9223372036854775807 of the file, copy-on-write map of 1 bytes: unexpected EOF",
		e.Error())
	require.Equal(t, io.ErrUnexpectedEOF, errors.Unwrap(e))
}
