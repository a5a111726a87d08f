package ring_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func mirroring(t testing.TB, path string, m ring.Mirror) *ring.Writer {
	t.Helper()
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Mirror: m})
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

// deathBeforeW4 is what a writer leaves in the file that dies after it has written dead, stored the stamp (M1) and copied so
// many words of it into the mirror. Its first record is published, and reading, a reader's, has been read.
func deathBeforeW4(t *testing.T, path string, dead []byte, words int) {
	t.Helper()
	w := mirroring(t, path, ring.MirrorAlways)
	publish(t, w, 1)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = w.Publish(background, dead)
	require.NoError(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	copy(after[ring.OffPublished:], before[ring.OffPublished:ring.OffPublished+8])
	if words < 0 { // not even M1
		copy(after[ring.OffStamp:], before[ring.OffStamp:ring.OffStamp+8])
		words = 0
	}
	copy(after[ring.OffMirror+8*words:], before[ring.OffMirror+8*words:ring.OffMirror+240])
	restored(t, path, after)
}

func TestNoReaderReturnsTheBytesOfADeadWriter(t *testing.T) {
	const size = 32
	const words = (16 + size) / 8
	dead, alive := bytes.Repeat([]byte("dead"), size/4), bytes.Repeat([]byte("live"), size/4)
	for n := -1; n <= words; n++ {
		for _, next := range []ring.Mirror{ring.MirrorNever, ring.MirrorAlways} {
			t.Run(fmt.Sprintf("%d of %d words copied, next writer %d", n, words, next), func(t *testing.T) {
				path := newRing(t, ring.Config{})
				r, v := openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
				deathBeforeW4(t, path, dead, n)
				readers := []nexter{r, v}
				for _, c := range readers {
					rec, err := c.Next(background)
					require.NoError(t, err)
					require.Equal(t, "1", string(rec.Payload))
				}
				w := mirroring(t, path, next)
				seq, err := w.Publish(background, alive)
				require.NoError(t, err)
				require.Equal(t, uint64(2), seq, "the dead one had published nothing")
				for _, c := range readers {
					rec, err := c.Next(background)
					require.NoError(t, err)
					require.Equal(t, string(alive), string(rec.Payload), "bytes that were never published")
				}
				sound(t, path)
			})
		}
	}
}

func TestTheClearingOfTheStampIsWhatKeepsTheDeadAway(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the package again")
	}
	out, err := exec.Command("go", "test", "-count=1", "-tags", "mmring_bug_m0", "-run", "TestNoReaderReturnsTheBytesOfADeadWriter", ".").CombinedOutput()
	require.Error(t, err, "without M0 a reader must be seen to return a dead writer's bytes")
	require.Contains(t, string(out), "bytes that were never published", "%s", out)
}

func TestAHostileMirrorIsBoundedAndNeverBelieved(t *testing.T) {
	header := func(size uint32, kind byte, seq uint64) []byte {
		b := le.AppendUint32(nil, size)
		b = append(b, kind, 0, 0, 0)
		return le.AppendUint64(b, seq)
	}
	for name, mirror := range map[string][]byte{
		"zeroes":                  make([]byte, 240),
		"ones":                    bytes.Repeat([]byte{0xff}, 240),
		"a size of 2^31":          header(1<<31, 1, 2),
		"a size beyond the copy":  header(64, 1, 2),
		"a size below the header": header(3, 1, 2),
		"padding":                 header(32, 2, 2),
		"an unknown kind":         header(32, 77, 2),
		"another number":          header(32, 1, 3),
		"number 0":                header(32, 1, 0),
		"number 2^64-1":           header(32, 1, 1<<64-1),
	} {
		for _, stamp := range []string{"published", "0", "2^64-1", "lower"} {
			t.Run(name+", stamp "+stamp, func(t *testing.T) {
				path := newRing(t, ring.Config{})
				w := mirroring(t, path, ring.MirrorNever)
				r, v := openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
				publish(t, w, 1)
				next(t, r, 1)
				next(t, v, 1)
				publish(t, w, 1)
				overwrite(t, path, ring.OffMirror, mirror)
				p := peek(t, path, ring.OffPublished)
				poke(t, path, ring.OffStamp, map[string]uint64{"published": p, "0": 0, "2^64-1": 1<<64 - 1, "lower": p - 16}[stamp])
				next(t, r, 2) // the data region has it
				next(t, v, 2)
			})
		}
	}
}

func TestAHostileLeaseChangesNothingButSpeed(t *testing.T) {
	for _, lease := range []uint64{0, 1, 1 << 31, 1 << 63, 1<<64 - 1} {
		t.Run(fmt.Sprintf("%#x", lease), func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			r := openReader(t, path, ring.ReaderOptions{})
			for i := range 500 {
				poke(t, path, ring.OffLease, lease)
				publish(t, w, 1)
				next(t, r, uint64(i+1))
			}
			sound(t, path)
		})
	}
}

// The mirror's own question, in a ring where every answer comes from it or from the data region: is it the record?
func TestReadersOfDifferentPaceGetTheSameRecordsFromMirrorAndData(t *testing.T) {
	for _, m := range []ring.Mirror{ring.MirrorAuto, ring.MirrorAlways, ring.MirrorNever} {
		for _, from := range []uint64{0, 1<<32 - 4096, 1<<63 - 1<<20} {
			t.Run(fmt.Sprintf("mirror %d from position %#x", m, from), func(t *testing.T) {
				path := newRing(t, ring.Config{})
				if from > 0 {
					startAt(t, path, from, 1)
				}
				w := mirroring(t, path, m)
				quick, slow, v := openReader(t, path, ring.ReaderOptions{}), openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
				sizes := []int{0, 1, 15, 16, 17, 32, 223, 224, 225, 240, 1000}
				want := func(seq uint64) []byte { return pattern(seq, sizes[seq%uint64(len(sizes))]) }
				read := func(c nexter, seq uint64) {
					rec, err := c.Next(background)
					require.NoError(t, err)
					require.Equal(t, seq, rec.Seq)
					require.True(t, bytes.Equal(want(seq), rec.Payload), "record %d", seq)
				}
				behind := uint64(1)
				for seq := uint64(1); seq <= 2000; seq++ {
					_, err := w.Publish(background, want(seq))
					require.NoError(t, err)
					read(quick, seq)
					read(v, seq)
					for ; seq%7 == 0 && behind <= seq; behind++ {
						read(slow, behind)
					}
				}
				sound(t, path)
			})
		}
	}
}
