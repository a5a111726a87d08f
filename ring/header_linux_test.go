package ring_test

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// firstPage returns the header of a ring that has everything a header can have, and the file's size.
func firstPage(t testing.TB) (page []byte, size int64) {
	t.Helper()
	path := newRing(t, ring.Config{
		Timestamps: true, Checksums: true, WakeAlways: true, Slots: 7, ContentType: "text/plain", Description: "prices",
	})
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b[:ring.HeaderSize], int64(len(b))
}

// sealed gives a changed page its right checksum.
func sealed(page []byte) []byte {
	le.PutUint32(page[ring.OffChecksum:], ring.HeaderSum(page))
	return page
}

func TestEveryFlippedBitOfTheHeaderIsRefused(t *testing.T) {
	page, size := firstPage(t)
	for bit := range 8 * ring.HeaderSize {
		page[bit/8] ^= 1 << (bit % 8)
		want := ring.ErrCorrupt
		switch off := bit / 8; {
		case off < ring.OffVersion:
			want = ring.ErrNotRing
		case off < ring.OffHeaderSize:
			want = ring.ErrVersion
		}
		_, _, err := ring.DecodeHeader(page, size)
		require.ErrorIs(t, err, want, "bit %d of byte %d", bit%8, bit/8)
		page[bit/8] ^= 1 << (bit % 8)
	}
	_, _, err := ring.DecodeHeader(page, size)
	require.NoError(t, err)
}

func TestAFlippedBitIsRefusedByEveryWayToOpen(t *testing.T) {
	path := newRing(t, ring.Config{})
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for off := 0; off < ring.HeaderSize; off += 257 {
		whole[off] ^= 0x10
		require.NoError(t, os.WriteFile(path, whole, 0o600))
		for way, err := range everyWay(path, false) {
			require.Error(t, err, "%s, byte %d", way, off)
			require.Contains(t, []string{"ErrNotRing", "ErrVersion", "ErrCorrupt"}, kind(err), "%s, byte %d: %v", way, off, err)
			require.ErrorContains(t, err, path)
		}
		whole[off] ^= 0x10
	}
}

// everyWay opens path in every way, closes it again, and returns what each answered.
func everyWay(path string, allowFS bool) map[string]error {
	answers := map[string]error{}
	o, err := ring.Observe(background, path, ring.ObserverOptions{AllowFS: allowFS})
	if answers["observe"] = err; err == nil {
		o.Close()
	}
	r, err := ring.OpenReader(background, path, ring.ReaderOptions{AllowFS: allowFS})
	if answers["reader"] = err; err == nil {
		r.Close()
	}
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{AllowFS: allowFS})
	if answers["writer"] = err; err == nil {
		w.Close()
	}
	_, answers["inspect"] = ring.Inspect(path)
	_, answers["verify"] = ring.Verify(path)
	answers["remove reader"] = ring.RemoveReader(background, path, "nobody", false)
	return answers
}

func TestATruncatedFileIsRefusedAtEveryLength(t *testing.T) {
	whole, err := os.ReadFile(newRing(t, ring.Config{}))
	require.NoError(t, err)
	lengths := []int{ring.HeaderSize + 1, 8191, 8192, 12 << 10, 64 << 10, len(whole) - small, len(whole) - 4096, len(whole) - 1}
	for n := range ring.HeaderSize + 1 {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		want := ring.ErrCorrupt
		if n < 8 {
			want = ring.ErrNotRing
		}
		_, _, err := ring.DecodeHeader(whole[:min(n, ring.HeaderSize)], int64(n))
		require.ErrorIs(t, err, want, "%d bytes", n)
	}
	path := filepath.Join(ringtest.Dir(t), "short.ring")
	for _, n := range []int{0, 1, 7, 8, 9, 100, 4095, 4096, 5000, len(whole) - 1} {
		require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
		for way, err := range everyWay(path, false) {
			require.Contains(t, []string{"ErrNotRing", "ErrCorrupt"}, kind(err), "%s, %d bytes: %v", way, n, err)
			require.ErrorContains(t, err, fmt.Sprint(n), way)
		}
	}
}

func TestAHeaderWithARightChecksumIsStillChecked(t *testing.T) {
	cases := map[string]struct {
		off   int
		size  int
		value uint64
		want  error
		text  string
	}{
		"a magic of the other byte order":       {0, 8, bits.ReverseBytes64(0x0100474e49524d4d), ring.ErrNotRing, "byte order"},
		"another magic":                         {0, 8, 0x0200474e49524d4d, ring.ErrNotRing, "starts with"},
		"a newer version":                       {ring.OffVersion, 4, 2, ring.ErrVersion, "version 2"},
		"version 0":                             {ring.OffVersion, 4, 0, ring.ErrVersion, "version 0"},
		"another header size":                   {ring.OffHeaderSize, 4, 8192, ring.ErrCorrupt, "8192"},
		"an unknown incompatible feature":       {ring.OffIncompat, 8, 1 << 40, ring.ErrVersion, "0x10000000000"},
		"capacity 0":                            {ring.OffCapacity, 8, 0, ring.ErrCorrupt, "capacity 0"},
		"a capacity that is no power of two":    {ring.OffCapacity, 8, small + 4096, ring.ErrCorrupt, "capacity"},
		"a capacity too small":                  {ring.OffCapacity, 8, small / 2, ring.ErrCorrupt, "capacity"},
		"a capacity too large":                  {ring.OffCapacity, 8, 1 << 41, ring.ErrCorrupt, "capacity"},
		"a capacity of 2^63":                    {ring.OffCapacity, 8, 1 << 63, ring.ErrCorrupt, "capacity"},
		"a capacity that the file has not":      {ring.OffCapacity, 8, 2 * small, ring.ErrCorrupt, "file size"},
		"counters elsewhere":                    {ring.OffCounters, 8, 8192, ring.ErrCorrupt, "counters offset 8192, must be 4096"},
		"an index elsewhere":                    {ring.OffIndex, 8, 1 << 63, ring.ErrCorrupt, "index offset"},
		"slots elsewhere":                       {ring.OffSlots, 8, 0, ring.ErrCorrupt, "slots offset"},
		"data elsewhere":                        {ring.OffData, 8, 4096, ring.ErrCorrupt, "data offset"},
		"data far away":                         {ring.OffData, 8, 1<<64 - 1, ring.ErrCorrupt, "data offset"},
		"another file size":                     {ring.OffFileSize, 8, small, ring.ErrCorrupt, "file size"},
		"no slots":                              {ring.OffSlotCount, 4, 0, ring.ErrCorrupt, "0 slots"},
		"too many slots":                        {ring.OffSlotCount, 4, 4097, ring.ErrCorrupt, "4097 slots"},
		"2^32-1 slots":                          {ring.OffSlotCount, 4, 1<<32 - 1, ring.ErrCorrupt, "slots"},
		"slots that move the data region":       {ring.OffSlotCount, 4, 4096, ring.ErrCorrupt, "data offset"},
		"another slot size":                     {ring.OffSlotSize, 4, 64, ring.ErrCorrupt, "slot size 64"},
		"another number of index entries":       {ring.OffIndexCount, 4, 65, ring.ErrCorrupt, "65 index entries"},
		"an unknown bit of the mode":            {ring.OffMode, 4, 1 << 5, ring.ErrCorrupt, "mode 0x20"},
		"all bits of the mode":                  {ring.OffMode, 4, 1<<32 - 1, ring.ErrCorrupt, "mode"},
		"an unknown compatible feature is fine": {ring.OffCompat, 8, 1 << 7, nil, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, size := firstPage(t)
			if c.size == 4 {
				le.PutUint32(page[c.off:], uint32(c.value))
			} else {
				le.PutUint64(page[c.off:], c.value)
			}
			_, _, err := ring.DecodeHeader(sealed(page), size)
			require.ErrorIs(t, err, c.want)
			if c.text != "" {
				require.ErrorContains(t, err, c.text)
			}
		})
	}
}

func TestAReadOnlyCompatibleFeatureForbidsOnlyWriting(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 1)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	le.PutUint64(page[ring.OffROCompat:], 4)
	restored(t, path, sealed(page[:ring.HeaderSize]))

	next(t, observe(t, path, ring.ObserverOptions{}), 1)
	sound(t, path)
	_, err = ring.OpenReader(background, path, ring.ReaderOptions{})
	require.ErrorIs(t, err, ring.ErrVersion)
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrVersion)
}

func TestAHeaderSaysWhatItsConfigSaid(t *testing.T) {
	c := ring.Config{Capacity: 1 << 17, Slots: 4096, Timestamps: true, Checksums: true, WakeAlways: true, ContentType: "a/b", Description: "ü"}
	path := newRing(t, c)
	info := inspect(t, path)
	stat, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, stat.Size(), info.FileSize)
	require.EqualValues(t, c.Capacity, info.Capacity)
	require.Equal(t, c.Slots, info.Slots)
	require.Equal(t, [3]bool{true, true, true}, [3]bool{info.Timestamps, info.Checksums, info.WakeAlways})
	require.Equal(t, [2]string{"a/b", "ü"}, [2]string{info.ContentType, info.Description})
	require.Zero(t, info.DataOffset%(64<<10))
	require.Equal(t, 1<<16-32, info.MaxPayload)
	require.EqualValues(t, 1, info.NextSeq)
	require.Len(t, info.UUID, 36)
}
