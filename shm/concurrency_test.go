package shm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// maps are all the ways in which memory is kept, each of so many bytes.
func maps(t testing.TB) map[string]func(n int) *shm.Map {
	f := file(t, make([]byte, 100*page))
	open := func(m *shm.Map, err error) *shm.Map {
		if err != nil {
			panic(err)
		}
		return m
	}
	return map[string]func(n int) *shm.Map{
		"a file": func(n int) *shm.Map {
			return open(shm.MapFile(f, shm.ReadWrite, shm.Options{Offset: 14, Length: n, Grow: true, Sparse: true}))
		},
		"memory":           func(n int) *shm.Map { return open(shm.Anonymous(n, shm.Options{})) },
		"private":          func(n int) *shm.Map { return open(shm.Anonymous(n, shm.Options{Private: true})) },
		"reserved":         func(n int) *shm.Map { return open(shm.Anonymous(n, shm.Options{Reserve: 100 * page})) },
		"private reserved": func(n int) *shm.Map { return open(shm.Anonymous(n, shm.Options{Private: true, Reserve: 100 * page})) },
	}
}

// expected reports whether an error may come of a call while the map is closed and resized.
func expected(err error) bool {
	if err == nil || err == io.EOF {
		return true
	}
	var fault *shm.FaultError
	if errors.As(err, &fault) {
		return false
	}
	for _, may := range []error{shm.ErrClosed, shm.ErrRange, shm.ErrPinned, errors.ErrUnsupported} {
		if errors.Is(err, may) {
			return true
		}
	}
	return false
}

// In each round eight goroutines call methods at random while one resizes the map and one closes it.
func TestCloseAndResizeAgainstEveryMethod(t *testing.T) {
	const rounds, callers, each = 2000, 8, 4 // 10,000 rounds in five kinds of maps
	var names, others []string
	for name := range calls {
		names = append(names, name)
	}
	for name := range infallible {
		if name != "Close" { // it comes once a round
			others = append(others, name)
		}
	}
	for kind, open := range maps(t) {
		t.Run(kind, func(t *testing.T) {
			var bad atomic.Pointer[string]
			for round := range rounds {
				m := open(3 * page)
				start := make(chan bool)
				var all sync.WaitGroup
				run := func(do func(random *rand.Rand)) {
					all.Add(1)
					random := rand.New(rand.NewPCG(uint64(round), rand.Uint64()))
					go func() {
						defer all.Done()
						<-start
						do(random)
					}()
				}
				for range callers {
					run(func(random *rand.Rand) {
						for range each {
							name := names[random.IntN(len(names))]
							if err := calls[name](m); !expected(err) {
								text := name + ": " + err.Error()
								bad.Store(&text)
							}
							infallible[others[random.IntN(len(others))]](m)
						}
					})
				}
				run(func(random *rand.Rand) {
					for range each {
						if err := m.Resize(1 + random.IntN(90*page)); !expected(err) {
							text := "Resize: " + err.Error()
							bad.Store(&text)
						}
					}
				})
				run(func(random *rand.Rand) {
					if random.IntN(2) == 0 {
						_ = m.Use(func(b []byte) error {
							_ = m.Close()
							b[len(b)-1]++
							return nil
						})
					}
					_ = m.Close()
				})
				close(start)
				all.Wait()
				if text := bad.Load(); text != nil {
					t.Fatalf("round %d: %s", round, *text)
				}
			}
		})
	}
}

// Eight goroutines keep words of their own while the map grows and moves under them; nobody loses one.
func TestGrowingLosesNoStore(t *testing.T) {
	for kind, open := range maps(t) {
		t.Run(kind, func(t *testing.T) {
			m := open(page)
			defer m.Close()
			var all sync.WaitGroup
			for i := range 8 {
				all.Add(1)
				go func() {
					defer all.Done()
					var word [8]byte
					for count := range uint64(2000) {
						n, err := m.ReadAt(word[:], int64(i*8))
						if err != nil || n != 8 || binary.LittleEndian.Uint64(word[:]) != count {
							t.Errorf("word %d: %d instead of %d, %v", i, binary.LittleEndian.Uint64(word[:]), count, err)
							return
						}
						binary.LittleEndian.PutUint64(word[:], count+1)
						if _, err := m.WriteAt(word[:], int64(i*8)); err != nil {
							t.Error(err)
							return
						}
					}
				}()
			}
			for i := range 500 {
				require.NoError(t, m.Resize(page+(i*7919)%(90*page)))
			}
			all.Wait()
		})
	}
}

// Within a reservation a slice that was got before works on while the map grows.
func TestSlicesWorkWhileTheMapGrows(t *testing.T) {
	m := anonymous(t, page, shm.Options{Reserve: 10_000 * page})
	b := m.Bytes()
	done := make(chan error)
	go func() {
		done <- m.Guard(func() {
			for i := range 100_000 {
				b[i%page] = byte(i)
			}
		})
	}()
	for n := 2; n < 1000; n++ {
		require.NoError(t, m.Resize(n*page))
	}
	require.NoError(t, <-done)
}

// The cursor's calls are whole: what several goroutines write stands there once, in pieces that nobody cut.
func TestCursorCallsAreWhole(t *testing.T) {
	const writers, each, size = 8, 500, 16
	m := anonymous(t, writers*each*size, shm.Options{})
	var all sync.WaitGroup
	for w := range writers {
		all.Add(1)
		go func() {
			defer all.Done()
			piece := bytes.Repeat([]byte{byte('a' + w)}, size)
			for range each {
				if _, err := m.Write(piece); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	count := map[byte]int{}
	for b := m.Bytes(); len(b) > 0; b = b[size:] {
		require.Equal(t, bytes.Repeat(b[:1], size), b[:size])
		count[b[0]]++
	}
	for w := range writers {
		require.Equal(t, each, count[byte('a'+w)])
	}
}
