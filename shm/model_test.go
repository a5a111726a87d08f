package shm_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// model is what a map should be: a slice, the file around it and a cursor.
type model struct {
	file   []byte
	off, n int
	at     int
	access shm.Access
}

func (r *model) data() []byte { return r.file[r.off : r.off+r.n] }

// script turns fuzzed bytes into the arguments of operations.
type script struct{ rest []byte }

func (s *script) byte() byte {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

// number returns numbers near the edges of a range of n bytes, near page ends, and near the ends of int.
func (s *script) number(n int) int {
	edges := [...]int{0, n, n / 2, page, 2 * page, n - page, -n, math.MaxInt, math.MinInt, math.MaxInt - n, math.MaxInt / 2}
	b := s.byte()
	return edges[int(b>>4)%len(edges)] + int(b&0xf) - 8 // may wrap around: so be it
}

func (s *script) bytes() []byte {
	p := make([]byte, int(s.byte())%67)
	for i := range p {
		p[i] = s.byte()%3 + 'a'
	}
	return p
}

// length is a new length of the map that memory is there for.
func (s *script) length() int { return int(s.byte())<<6 | int(s.byte())&63 }

// run does one operation on both, and requires that they agree.
func (r *model) run(t *testing.T, m *shm.Map, s *script) {
	op := operations[int(s.byte())%len(operations)]
	op(t, r, m, s)
	require.Equal(t, int64(r.at), m.Tell())
	if !bytes.Equal(r.data(), m.Bytes()) {
		t.Fatal("the bytes differ")
	}
}

// agree requires that an error is of the kind that the model says.
func agree(t *testing.T, want, got error) {
	t.Helper()
	if want == nil || want == io.EOF {
		require.Equal(t, want, got)
		return
	}
	require.ErrorIs(t, got, want)
}

// fits says what a write of n bytes at off answers.
func (r *model) fits(off, n int) error {
	switch {
	case r.access == shm.ReadOnly:
		return shm.ErrReadOnly
	case off < 0 || off > r.n || n > r.n-off:
		return shm.ErrRange
	}
	return nil
}

var operations = []func(t *testing.T, r *model, m *shm.Map, s *script){
	func(t *testing.T, r *model, m *shm.Map, s *script) { // Read
		p := make([]byte, int(s.byte()))
		n, err := m.Read(p)
		want, rest := error(nil), r.data()[min(r.at, r.n):]
		if len(p) > 0 && len(rest) == 0 {
			want = io.EOF
		}
		agree(t, want, err)
		require.Equal(t, rest[:min(len(rest), len(p))], p[:n])
		r.at += n
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // ReadLine
		line, err := m.ReadLine()
		rest := r.data()[min(r.at, r.n):]
		if len(rest) == 0 {
			agree(t, io.EOF, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, rest[:(bytes.IndexByte(rest, '\n')+len(rest))%len(rest)+1], line)
		r.at += len(line)
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // ReadAt
		p, off := make([]byte, int(s.byte())), s.number(r.n)
		n, err := m.ReadAt(p, int64(off))
		if off < 0 {
			agree(t, shm.ErrRange, err)
			require.Zero(t, n)
			return
		}
		rest, want := r.data()[min(off, r.n):], error(nil)
		if len(p) > len(rest) || off >= r.n {
			want = io.EOF
		}
		agree(t, want, err)
		require.Equal(t, rest[:min(len(rest), len(p))], p[:n])
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // Write
		p := s.bytes()
		n, err := m.Write(p)
		want := r.fits(r.at, len(p))
		agree(t, want, err)
		if want == nil {
			require.Equal(t, copy(r.data()[r.at:], p), n)
			r.at += n
		}
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // WriteAt
		p, off := s.bytes(), s.number(r.n)
		n, err := m.WriteAt(p, int64(off))
		want := r.fits(off, len(p))
		agree(t, want, err)
		if want == nil {
			require.Equal(t, copy(r.data()[off:], p), n)
		}
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // Seek
		off, whence := s.number(r.n), int(s.byte())%4
		at, err := m.Seek(int64(off), whence)
		start := []int{0, r.at, r.n, 0}[whence]
		switch to := start + off; {
		case whence == 3:
			require.Error(t, err)
		case to < 0 || to > r.n || (off > 0 && to < start):
			agree(t, shm.ErrRange, err)
		default:
			require.NoError(t, err)
			require.Equal(t, int64(to), at)
			r.at = to
		}
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // Find, RFind
		sub, start, end := s.bytes(), s.number(r.n), s.number(r.n)
		sub = sub[:len(sub)%4]
		first, err := m.Find(sub, start, end)
		require.NoError(t, err)
		last, err := m.RFind(sub, start, end)
		require.NoError(t, err)
		clip := func(i int) int {
			if i < 0 {
				i += r.n
			}
			return min(max(i, 0), r.n)
		}
		start, end = clip(start), clip(end)
		wantFirst, wantLast := -1, -1
		for i := start; i <= end-len(sub); i++ {
			if bytes.Equal(r.data()[i:i+len(sub)], sub) {
				if wantFirst < 0 {
					wantFirst = i
				}
				wantLast = i
			}
		}
		require.Equal(t, [2]int{wantFirst, wantLast}, [2]int{first, last})
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // Move
		dst, src, n := s.number(r.n), s.number(r.n), s.number(r.n)
		err := m.Move(dst, src, n)
		want := r.fits(dst, n)
		if n < 0 || (want == nil && (src < 0 || src > r.n || n > r.n-src)) {
			want = shm.ErrRange
		}
		agree(t, want, err)
		if want == nil {
			copy(r.data()[dst:dst+n], r.data()[src:])
		}
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // Resize
		n := s.length()
		err := m.Resize(n)
		switch {
		case n == 0:
			agree(t, shm.ErrRange, err)
			return
		case r.access == shm.ReadOnly:
			agree(t, shm.ErrReadOnly, err)
			return
		}
		require.NoError(t, err)
		if end := r.off + n; end > len(r.file) {
			r.file = append(r.file, make([]byte, end-len(r.file))...)
		} else if r.off+r.n == len(r.file) {
			r.file = r.file[:end:end]
		}
		r.n = n
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // a Resize that cannot be
		n := -int(s.byte())
		if s.byte()%2 == 0 {
			n = math.MaxInt + n
		}
		agree(t, shm.ErrRange, m.Resize(n))
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // FlushRange
		off, n := s.number(r.n), s.number(r.n)
		err := m.FlushRange(off, n, shm.FlushAsync)
		if off < 0 || n < 0 || off > r.n || n > r.n-off {
			agree(t, shm.ErrRange, err)
		} else {
			require.NoError(t, err)
		}
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // AdviseRange
		off, n := s.number(r.n), s.number(r.n)
		err := m.AdviseRange(shm.Advice(s.byte()%4), off, n)
		if off < 0 || off >= r.n || n < 0 {
			agree(t, shm.ErrRange, err)
		} else {
			require.NoError(t, err)
		}
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // Protect
		a := shm.Access(s.byte() % 2)
		require.NoError(t, m.Protect(a))
		r.access = a
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // ReadFrom, WriteTo
		p := s.bytes()
		n, err := m.ReadFrom(bytes.NewReader(p))
		room := max(r.n-r.at, 0)
		want := error(nil)
		if r.access == shm.ReadOnly {
			want, room = shm.ErrReadOnly, 0
		} else if len(p) > room || r.at > r.n && len(p) > 0 {
			want = shm.ErrRange
		}
		agree(t, want, err)
		require.Equal(t, int64(min(len(p), room)), n)
		if n > 0 {
			r.at += copy(r.data()[r.at:], p)
		}
		var all bytes.Buffer
		_, err = m.WriteTo(&all)
		require.NoError(t, err)
		require.Equal(t, string(r.data()[min(r.at, r.n):]), all.String())
		r.at = max(r.at, r.n)
	},
	func(t *testing.T, r *model, m *shm.Map, s *script) { // a store and a load through Use
		require.NoError(t, m.Use(func(b []byte) error {
			require.Equal(t, r.n, cap(b))
			if i := s.number(r.n); i >= 0 && i < r.n && r.access != shm.ReadOnly {
				b[i], r.data()[i] = 'u', 'u'
			}
			return nil
		}))
	},
}

// open makes a map and its model as the script says.
func (s *script) open(t *testing.T) (*shm.Map, *model, func() []byte) {
	n := max(s.length(), 1)
	o := shm.Options{Sparse: s.byte()%2 == 0}
	if s.byte()%2 == 0 {
		o.Reserve = 1 << 20
	}
	if s.byte()%4 == 0 {
		o.Private = true
		m, err := shm.Anonymous(n, o)
		require.NoError(t, err)
		return m, &model{file: make([]byte, n), n: n, access: shm.ReadWrite}, nil
	}
	f := file(t, pattern(3*page))
	o.Offset, o.Length, o.Grow = int64(s.length()), n, true
	m, err := shm.MapFile(f, shm.ReadWrite, o)
	require.NoError(t, err)
	r := &model{file: pattern(3 * page), off: int(o.Offset), n: n, access: shm.ReadWrite}
	if end := r.off + n; end > len(r.file) {
		r.file = append(r.file, make([]byte, end-len(r.file))...)
	}
	return m, r, func() []byte { return onDisk(t, f) }
}

// FuzzMap drives a map and its model by the same operations and requires that they never differ, in results, errors,
// cursor, bytes and file.
func FuzzMap(f *testing.F) {
	for seed := range 64 {
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte((i*i + seed*31) * (seed*2 + 1) >> 3)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		s := &script{program}
		m, r, disk := s.open(t)
		defer m.Close()
		for len(s.rest) > 0 {
			r.run(t, m, s)
		}
		if disk != nil {
			require.True(t, bytes.Equal(r.file, disk()), "the file differs")
		}
		require.NoError(t, m.Close())
		require.True(t, errors.Is(m.Resize(1), shm.ErrClosed))
	})
}
