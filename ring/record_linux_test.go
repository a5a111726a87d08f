package ring_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// modes are the kinds of rings that store records differently.
var modes = map[string]ring.Config{
	"plain":      {},
	"timestamps": {Timestamps: true},
	"checksums":  {Checksums: true},
	"both":       {Timestamps: true, Checksums: true},
	"wake":       {WakeAlways: true},
}

// pattern is a payload of n bytes that no other record has.
func pattern(seq uint64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seq*31 + uint64(i)*7 + uint64(i)>>8)
	}
	return b
}

func TestRecordsOfEverySizeComeBackAsTheyWere(t *testing.T) {
	for name, c := range modes {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, c)
			w := openWriter(t, path)
			r := openReader(t, path, ring.ReaderOptions{})
			v := observe(t, path, ring.ObserverOptions{})
			most := w.MaxPayload()
			require.Equal(t, most, r.MaxPayload())
			var sizes []int
			for n := range 100 {
				sizes = append(sizes, n)
			}
			for _, near := range []int{1 << 10, 16 << 10, most} { // a stride, a reader's window, the largest
				for d := -70; d <= 70 && near+d <= most; d++ {
					sizes = append(sizes, near+d)
				}
			}
			for i, n := range sizes {
				seq := uint64(i + 1)
				want := pattern(seq, n)
				before := time.Now()
				got, err := w.PublishTagged(background, uint16(seq*77), want)
				require.NoError(t, err)
				require.Equal(t, seq, got)
				for _, from := range []nexter{r, v} {
					rec, err := from.Next(background)
					require.NoError(t, err, "%d bytes", n)
					require.True(t, bytes.Equal(want, rec.Payload), "%d bytes", n)
					require.Equal(t, [3]uint64{seq, 0, uint64(uint16(seq * 77))}, [3]uint64{rec.Seq, rec.Lost, uint64(rec.Tag)})
					if !c.Timestamps {
						require.True(t, rec.Time().IsZero())
						continue
					}
					require.False(t, rec.Time().Before(before.Round(0)), "published at %v, after %v", rec.Time(), before)
					require.False(t, rec.Time().After(time.Now().Round(0)))
				}
				require.NoError(t, r.Ack()) // the largest record may need all of the ring, with the padding before it
			}
			sound(t, path)
		})
	}
}

func TestPaddingFillsTheRegionsEndAtEveryDistance(t *testing.T) {
	const step = 16
	for left := step; left <= 12*step; left += step { // bytes before the region's end, where the next record starts
		for _, payload := range []int{0, 1, left - step - 1, left - step, left - step + 1, left, left + 100, small/2 - step} {
			if payload < 0 {
				continue // the record's header alone needs all that is left
			}
			path := newRing(t, ring.Config{})
			startAt(t, path, uint64(5*small-left), 77)
			w := openWriter(t, path)
			r := openReader(t, path, ring.ReaderOptions{})
			v := observe(t, path, ring.ObserverOptions{})
			name := fmt.Sprintf("%d bytes left, payload %d", left, payload)
			for i := range uint64(3) {
				want := pattern(i, payload)
				seq, err := w.TryPublish(want)
				require.NoError(t, err, name)
				require.Equal(t, 77+i, seq, name)
				for _, from := range []nexter{r, v} {
					rec, err := from.Next(background)
					require.NoError(t, err, name)
					require.Equal(t, seq, rec.Seq, name)
					require.Zero(t, rec.Lost, name)
					require.True(t, bytes.Equal(want, rec.Payload), name)
				}
				require.NoError(t, r.Ack(), name)
			}
			sound(t, path)
		}
	}
}

func TestARecordTooLargeIsRefusedWithBothNumbers(t *testing.T) {
	for name, c := range modes {
		path := newRing(t, c)
		w := openWriter(t, path)
		most := w.MaxPayload()
		publish(t, w, 1)
		_, errPublish := w.Publish(background, make([]byte, most+1))
		_, errTry := w.TryPublish(make([]byte, 10*most))
		_, errClaim := w.Claim(background, most+1)
		n, errBatch := w.PublishBatch(background, [][]byte{nil, []byte("x"), make([]byte, most+1), nil})
		require.Equal(t, 2, n, name)
		for _, err := range []error{errPublish, errTry, errClaim, errBatch} {
			require.ErrorIs(t, err, ring.ErrTooLarge, name)
			require.ErrorContains(t, err, fmt.Sprintf("at most %d", most), name)
			require.ErrorContains(t, err, path, name)
		}
		require.ErrorContains(t, errPublish, fmt.Sprintf("payload of %d bytes", most+1), name)
		require.ErrorContains(t, errTry, fmt.Sprintf("payload of %d bytes", 10*most), name)
		_, err := w.Claim(background, -1)
		require.ErrorIs(t, err, ring.ErrTooLarge, name)
		require.EqualValues(t, 4, publish(t, w, 1), "the writer goes on")
		require.EqualValues(t, 4, sound(t, path).Records)
	}
}

func TestPositionsBeyond32BitsAndTheStreamsEnd(t *testing.T) {
	for _, start := range []uint64{1<<32 - 3*small, 1<<63 - 3*small} {
		path := newRing(t, ring.Config{Checksums: true})
		startAt(t, path, start, start)
		w := openWriter(t, path)
		r := openReader(t, path, ring.ReaderOptions{})
		v := observe(t, path, ring.ObserverOptions{})
		var err error
		n := uint64(0)
		for ; n < 100 && err == nil; n++ {
			var seq uint64
			if seq, err = w.TryPublish(pattern(n, 5000)); err != nil {
				break
			}
			require.Equal(t, start+n, seq)
			for _, c := range []nexter{r, v} {
				rec, err := c.Next(background)
				require.NoError(t, err)
				require.Equal(t, seq, rec.Seq)
				require.True(t, bytes.Equal(pattern(n, 5000), rec.Payload))
			}
		}
		if start < 1<<62 {
			require.NoError(t, err)
			require.Greater(t, inspect(t, path).Published, uint64(1)<<32)
			continue
		}
		require.ErrorIs(t, err, ring.ErrTooLarge)
		require.ErrorContains(t, err, "the stream is over")
		require.Greater(t, n, uint64(30))
		sound(t, path)
		require.NoError(t, w.End(), "and may be ended")
		_, err = r.Next(background)
		require.ErrorIs(t, err, io.EOF)
	}
}
