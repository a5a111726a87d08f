package shm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/shm"
)

// holdings is what a process has of the kernel.
type holdings struct{ descriptors, mappings, addresses int }

func held() holdings {
	fds, err := os.ReadDir("/proc/self/fd")
	check(err)
	maps, err := os.ReadFile("/proc/self/maps")
	check(err)
	return holdings{len(fds), bytes.Count(maps, []byte("\n")), status("VmSize") / 1024}
}

// leaks reports what is left of doing that many times. The collector, which would close lost files, must not help; the Go
// runtime takes some memory of its own meanwhile.
func leaks(do func()) error {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const times = 200
	do()
	before := held()
	for range times {
		do()
	}
	after := held()
	if after.descriptors != before.descriptors || after.mappings > before.mappings+times/4 || after.addresses > before.addresses+500 {
		return fmt.Errorf("before %+v, after %+v", before, after)
	}
	return nil
}

// must and check are for calls whose error is not what the test is about.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// closes maps and closes again.
func closes(m *shm.Map, err error) { check(must(m, err).Close()) }

func TestNothingIsLeftAfterClose(t *testing.T) {
	f := file(t, pattern(10*page))
	here, there := pair(t)
	name := unused(t)
	for what, do := range map[string]func(){
		"a file":        func() { closes(shm.MapFile(f, shm.ReadWrite, shm.Options{Offset: 14})) },
		"a copy":        func() { closes(shm.MapFile(f, shm.CopyOnWrite, shm.Options{Offset: 14, Populate: true})) },
		"a path":        func() { closes(shm.Open(f.Name(), shm.ReadOnly, shm.Options{})) },
		"a descriptor":  func() { closes(shm.MapFD(int(f.Fd()), shm.ReadOnly, shm.Options{})) },
		"untracked":     func() { closes(shm.MapFile(f, shm.ReadOnly, shm.Options{NoTrack: true})) },
		"reserved":      func() { closes(shm.MapFile(f, shm.ReadWrite, shm.Options{Offset: 14, Reserve: 1 << 30})) },
		"memory":        func() { closes(shm.Anonymous(10*page, shm.Options{})) },
		"private":       func() { closes(shm.Anonymous(100<<20, shm.Options{Private: true})) },
		"private, more": func() { closes(shm.Anonymous(1, shm.Options{Private: true, Reserve: 1 << 30})) },
		"a segment": func() {
			closes(shm.Create(name, 10*page, shm.Options{}))
			closes(shm.OpenNamed(name, shm.ReadOnly, shm.Options{}))
			check(shm.Remove(name))
		},
		"resized": func() {
			for _, o := range []shm.Options{{}, {Private: true}, {Reserve: 1 << 30}, {Private: true, Reserve: 1 << 30}} {
				m := must(shm.Anonymous(1, o))
				for _, n := range []int{100 * page, page, 1000 * page, 3*page + 1, 1} {
					check(m.Resize(n))
				}
				check(m.Close())
			}
		},
		"resized in parts": func() {
			m := must(shm.Anonymous(3*page, shm.Options{}))
			check(m.AdviseRange(shm.DontFork, page, page))
			check(m.Resize(100 * page))
			check(m.Close())
		},
		"closed in use": func() {
			m := must(shm.Anonymous(100*page, shm.Options{Reserve: 1 << 30}))
			check(m.Use(func([]byte) error { return errors.Join(m.Close(), m.Close()) }))
		},
		"a file of a map": func() {
			m := must(shm.Anonymous(1, shm.Options{}))
			own := must(m.File())
			check(m.Close())
			closes(shm.MapFile(own, shm.ReadOnly, shm.Options{}))
			check(own.Close())
		},
		"sent and received": func() {
			m := must(shm.Anonymous(1, shm.Options{}))
			check(m.Send(there))
			closes(shm.Receive(here, shm.ReadOnly, shm.Options{}))
			check(m.Close())
		},
		"windows and lines": func() {
			for _, err := range shm.Windows(f, page, shm.ReadOnly, shm.Options{}) {
				check(err)
			}
			for range shm.Windows(f, page, shm.ReadOnly, shm.Options{}) {
				break
			}
			for range shm.Lines(f) {
				break
			}
		},
	} {
		t.Run(what, func(t *testing.T) { require.NoError(t, leaks(do)) })
	}
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	require.NotContains(t, string(maps), f.Name())
	require.NotContains(t, string(maps), "memfd:anonymous")
}

func TestNothingIsLeftAfterAnError(t *testing.T) {
	f := file(t, pattern(10*page))
	empty := file(t, nil)
	full := fileOn(t, disk(t, "tmpfs", "size=1m"))
	reader := must(os.Open(f.Name()))
	defer reader.Close()
	dir := must(os.Open(t.TempDir()))
	defer dir.Close()
	device := must(os.OpenFile("/dev/null", os.O_RDWR, 0))
	defer device.Close()
	name := unused(t)
	closes(shm.Create(name, 1, shm.Options{}))
	here, there := pair(t)
	send := func(n int, files ...*os.File) {
		var fds []int
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		_, _, err := there.WriteMsgUnix(make([]byte, n), unix.UnixRights(fds...), nil)
		check(err)
	}
	fails := func(m *shm.Map, err error) {
		if err == nil || m != nil {
			check(errors.New("it should not work"))
		}
	}
	for what, do := range map[string]func(){
		"bad options":     func() { fails(shm.MapFile(f, shm.ReadOnly, shm.Options{Offset: -1})) },
		"beyond the end":  func() { fails(shm.MapFile(f, shm.ReadOnly, shm.Options{Length: 100 * page})) },
		"empty":           func() { fails(shm.MapFile(empty, shm.ReadOnly, shm.Options{})) },
		"the wrong mode":  func() { fails(shm.MapFile(reader, shm.ReadWrite, shm.Options{})) },
		"the wrong mode ": func() { fails(shm.MapFile(reader, shm.ReadWrite, shm.Options{Reserve: 1 << 30})) },
		"a directory":     func() { fails(shm.MapFile(dir, shm.ReadOnly, shm.Options{})) },
		"a path to one":   func() { fails(shm.Open(dir.Name(), shm.ReadOnly, shm.Options{})) },
		"a device":        func() { fails(shm.MapFile(device, shm.ReadOnly, shm.Options{Length: 1, Reserve: 1 << 30})) },
		"a full disk":     func() { fails(shm.MapFile(full, shm.ReadWrite, shm.Options{Length: 2 * MiB, Grow: true})) },
		"a hole on it": func() {
			fails(shm.MapFile(full, shm.ReadWrite, shm.Options{Length: 2 * MiB, Grow: true, Sparse: true, Populate: true, Reserve: 1 << 30}))
		},
		"too much memory":  func() { fails(shm.Anonymous(math.MaxInt/4, shm.Options{})) },
		"too much private": func() { fails(shm.Anonymous(math.MaxInt/4, shm.Options{Private: true})) },
		"too much address": func() { fails(shm.Anonymous(1, shm.Options{Reserve: math.MaxInt / 4})) },
		"a taken name":     func() { fails(shm.Create(name, 10*page, shm.Options{})) },
		"no such name":     func() { fails(shm.OpenNamed(name+"x", shm.ReadOnly, shm.Options{})) },
		"received nothing": func() { send(16); fails(shm.Receive(here, shm.ReadOnly, shm.Options{})) },
		"received two":     func() { send(16, f, f); fails(shm.Receive(here, shm.ReadOnly, shm.Options{})) },
		"received five":    func() { send(16, f, f, f, f, f); fails(shm.Receive(here, shm.ReadOnly, shm.Options{})) },
		"received no size": func() { send(16, f); fails(shm.Receive(here, shm.ReadOnly, shm.Options{})) },
		"resized too far": func() {
			m := must(shm.MapFile(full, shm.ReadWrite, shm.Options{Length: 1, Grow: true}))
			if m.Resize(2*MiB) == nil || m.Resize(-1) == nil {
				check(errors.New("there is no room"))
			}
			check(m.Close())
		},
		"a fault": func() {
			m := must(shm.MapFile(full, shm.ReadWrite, shm.Options{Length: 2 * MiB, Grow: true, Sparse: true}))
			if _, err := m.ReadFrom(io.LimitReader(endless{}, 2*MiB)); !errors.Is(err, unix.ENOSPC) {
				check(err)
			}
			check(errors.Join(m.Resize(1), m.Close(), full.Truncate(0)))
		},
	} {
		t.Run(what, func(t *testing.T) { require.NoError(t, leaks(do)) })
	}
	names, err := filepath.Glob(filepath.Join(shm.SegmentDir(), ".shm-*"))
	require.NoError(t, err)
	require.Empty(t, names)
}
