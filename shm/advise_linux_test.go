package shm_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// harmless is all advice that loses no byte.
var harmless = []shm.Advice{shm.Normal, shm.Random, shm.Sequential, shm.WillNeed, shm.DontFork, shm.DoFork, shm.DontDump,
	shm.DoDump, shm.Mergeable, shm.Unmergeable, shm.HugePage, shm.NoHugePage, shm.Cold, shm.PageOut, shm.PopulateRead, shm.PopulateWrite}

func TestHarmlessAdviceChangesNoByte(t *testing.T) {
	content := pattern(5*page + 7)
	f := file(t, content)
	for _, a := range harmless {
		t.Run(a.String(), func(t *testing.T) {
			m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14})
			for _, r := range [][2]int{{0, m.Len()}, {1, 1}, {page - 15, 2}, {page, page}, {m.Len() - 1, 1}, {3, math.MaxInt}, {5, 0}} {
				require.NoError(t, m.AdviseRange(a, r[0], r[1]), "%v", r)
			}
			require.NoError(t, m.Advise(a))
			require.True(t, bytes.Equal(content[14:], m.Bytes()))
			require.True(t, bytes.Equal(content, onDisk(t, f)))
		})
	}
}

func TestAdviceOutsideOfTheMapIsRefused(t *testing.T) {
	m := anonymous(t, 100, shm.Options{})
	for name, r := range map[string][2]int{
		"before the start":     {-1, 1},
		"at the end":           {100, 1},
		"nothing at the end":   {100, 0},
		"behind the end":       {101, 1},
		"less than nothing":    {0, -1},
		"the largest start":    {math.MaxInt, math.MaxInt},
		"the smallest numbers": {math.MinInt, math.MinInt},
	} {
		t.Run(name, func(t *testing.T) {
			says(t, m.AdviseRange(shm.Normal, r[0], r[1]), shm.ErrRange, "advise", "100 bytes")
		})
	}
}

func TestUnknownAdviceIsUnsupported(t *testing.T) {
	m := anonymous(t, 100, shm.Options{})
	for _, a := range []shm.Advice{-1, shm.NoSync, shm.AutoSync, 99} {
		says(t, m.Advise(a), errors.ErrUnsupported, "advise", a.String())
	}
}

func TestAdviceThatThisMemoryDoesNotKnowIsUnsupported(t *testing.T) {
	shared := anonymous(t, 2*page, shm.Options{})
	err := shared.Advise(shm.WipeOnFork) // for private memory only
	says(t, err, errors.ErrUnsupported, "advise", "wipe on fork")
	require.ErrorIs(t, err, syscall.EINVAL)
	require.NoError(t, shared.Lock())
	says(t, shared.Advise(shm.DiscardDontNeed), errors.ErrUnsupported, "advise")
	require.NoError(t, shared.Advise(shm.DiscardDontNeedLocked))
	private := anonymous(t, 2*page, shm.Options{Private: true})
	require.NoError(t, private.Advise(shm.WipeOnFork))
	require.NoError(t, private.Advise(shm.KeepOnFork))
	says(t, private.Advise(shm.DiscardRemove), errors.ErrUnsupported, "advise") // it has no blocks
}

// The pages of a range that are not wholly inside have bytes of others: advice that loses bytes must leave them.
func TestDiscardingLosesNothingOutsideOfTheRange(t *testing.T) {
	const off, n = 14, 3 // bytes at the start, pages
	for _, c := range []struct {
		name   string
		a      shm.Advice
		map_   func(t *testing.T) *shm.Map
		lo, hi int // what is discarded
		lost   [2]int
	}{
		{"private memory, all", shm.DiscardDontNeed, private, 0, n * page, [2]int{0, n * page}},
		{"private memory, the middle", shm.DiscardDontNeed, private, 1, n*page - 1, [2]int{page, (n - 1) * page}},
		{"private memory, less than a page", shm.DiscardDontNeed, private, 1, page, [2]int{}},
		{"private memory, up to the end", shm.DiscardDontNeed, private, page + 1, n * page, [2]int{2 * page, n * page}},
		{"private memory, from the start", shm.DiscardDontNeed, private, 0, 2*page - 1, [2]int{0, page}},
		{"the blocks of a file, all", shm.DiscardRemove, ofFile, 0, n * page, [2]int{page - off, n*page - off}},
		{"the blocks of a file, the middle", shm.DiscardRemove, ofFile, page - off + 1, n * page, [2]int{2*page - off, n*page - off}},
		{"the blocks of a file, less than a page", shm.DiscardRemove, ofFile, page, page + 100, [2]int{}},
		{"the pages of a file: nothing is lost", shm.DiscardDontNeed, ofFile, 0, n * page, [2]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.map_(t)
			want := pattern(n * page)
			copy(m.Bytes(), want)
			clear(want[c.lost[0]:c.lost[1]])
			require.NoError(t, m.AdviseRange(c.a, c.lo, c.hi-c.lo))
			require.True(t, bytes.Equal(want, m.Bytes()))
		})
	}
}

func private(t *testing.T) *shm.Map { return anonymous(t, 3*page, shm.Options{Private: true}) }

// ofFile maps three pages from byte 14 on of a file in memory, where holes can be made.
func ofFile(t *testing.T) *shm.Map {
	whole := anonymous(t, 5*page, shm.Options{})
	fill(whole.Bytes(), 0xee)
	f, err := whole.File()
	require.NoError(t, err)
	defer f.Close()
	m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14, Length: 3 * page})
	t.Cleanup(func() {
		require.Equal(t, bytes.Repeat([]byte{0xee}, 14), whole.Bytes()[:14], "what lies before the map")
		require.Equal(t, bytes.Repeat([]byte{0xee}, 2*page-14), whole.Bytes()[14+3*page:], "what lies behind it")
	})
	return m
}

func TestDiscardedChangesOfACopyShowTheFileAgain(t *testing.T) {
	content := pattern(page + 10) // the last page is not whole
	m := mapped(t, file(t, content), shm.CopyOnWrite, shm.Options{Offset: 3})
	fill(m.Bytes(), 1)
	require.NoError(t, m.Advise(shm.DiscardDontNeed))
	require.Equal(t, content[3:], m.Bytes())
}

func TestFreedMemoryHoldsItsBytesOrZeros(t *testing.T) {
	m := private(t)
	fill(m.Bytes(), 7)
	require.NoError(t, m.Advise(shm.DiscardFree))
	for _, b := range m.Bytes() {
		require.True(t, b == 7 || b == 0)
	}
	m.Bytes()[0] = 8
	require.Equal(t, byte(8), m.Bytes()[0])
}

func TestAdviceHasNames(t *testing.T) {
	seen := map[string]bool{}
	for a := shm.Normal; a <= shm.DiscardRemove; a++ {
		require.NotContains(t, a.String(), "advice ")
		require.NotEmpty(t, a.String())
		require.False(t, seen[a.String()], a)
		seen[a.String()] = true
	}
	require.Equal(t, "advice -1", shm.Advice(-1).String())
	require.Equal(t, "advice 25", (shm.DiscardRemove + 1).String())
}

// smaps returns what the kernel knows of the mapping that starts with that name in /proc/self/smaps.
func smaps(t *testing.T, name string) string {
	t.Helper()
	all, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	_, found, ok := strings.Cut(string(all), name)
	require.True(t, ok, "%s is not mapped", name)
	rest, _, _ := strings.Cut(found, "VmFlags")
	return rest
}

func TestPopulateBringsAllPagesIn(t *testing.T) {
	const name = "shm-populate-test"
	m := anonymous(t, 100*page, shm.Options{Name: name, Populate: true})
	all := fmt.Sprintf("%d kB\n", 100*page/1024)
	require.Regexp(t, `\nRss: +`+all, smaps(t, name))
	require.Regexp(t, `\nPrivate_Dirty: +0 kB`, smaps(t, name))
	require.NoError(t, m.Advise(shm.PopulateWrite))
	require.Regexp(t, `\nPrivate_Dirty: +`+all, smaps(t, name))
}
