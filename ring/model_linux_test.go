package ring_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// model is what a ring should be: a slice of all records, and how far each reader is in it.
type model struct {
	records  []modelRecord
	position uint64 // where the next record starts
	prefix   uint64
	readers  []*modelReader
}

type modelRecord struct {
	tag        uint16
	payload    []byte
	start, end uint64 // positions
}

// modelReader is a registered reader, also one that is not open, or an observer.
type modelReader struct {
	s    source       // nil: not open
	r    *ring.Reader // nil: an observer
	name string       // of a durable cursor
	next uint64       // number of the record that it gets next
	done uint64       // number of the first record that is not consumed
}

func (m *model) newest() uint64 { return uint64(len(m.records)) }

// place returns where a record with so many bytes of payload ends that is written next.
func (m *model) place(payload int) (end uint64) {
	whole := (m.prefix + uint64(payload) + 15) &^ 15
	start := m.position
	if left := small - start%small; whole > left {
		start += left
	}
	return start + whole
}

func (m *model) publish(tag uint16, payload []byte) {
	end := m.place(len(payload))
	start := end - (m.prefix+uint64(len(payload))+15)&^15
	m.records = append(m.records, modelRecord{tag, payload, start, end})
	m.position = end
}

// mayFit and mustFit tell whether a record may, or must, find room. Between them lie the padding before a reader's next
// record and the stride within which its cursor is stored.
func (m *model) mayFit(payload int) bool {
	return m.fits(payload, func(seq uint64) uint64 {
		if seq > m.newest() {
			return m.position
		}
		return m.records[seq-1].start
	})
}

func (m *model) mustFit(payload int) bool {
	return m.fits(payload, func(seq uint64) uint64 {
		if seq < 2 {
			return 0
		}
		return m.records[seq-2].end - min(small/ring.IndexEntries, m.records[seq-2].end)
	})
}

// fits tells whether a record finds room if a reader whose next record to consume is seq stands at that position.
func (m *model) fits(payload int, at func(seq uint64) uint64) bool {
	for _, r := range m.readers {
		if r.registered() && m.place(payload) > at(r.done)+small {
			return false
		}
	}
	return true
}

func (r *modelReader) registered() bool { return r.r != nil || r.name != "" }

// check compares a delivered record with the one that should come.
func (m *model) check(t *testing.T, r *modelReader, rec ring.Record) {
	t.Helper()
	if r.registered() {
		require.Zero(t, rec.Lost)
	}
	require.Equal(t, r.next+rec.Lost, rec.Seq)
	require.LessOrEqual(t, rec.Seq, m.newest())
	want := m.records[rec.Seq-1]
	require.Equal(t, want.tag, rec.Tag)
	require.True(t, bytes.Equal(want.payload, rec.Payload), "record %d", rec.Seq)
	r.next = rec.Seq + 1
}

// compare requires that the file says what the model says.
func (m *model) compare(t *testing.T, path string) {
	t.Helper()
	info := inspect(t, path)
	require.Equal(t, [2]uint64{m.newest() + 1, m.position}, [2]uint64{info.NextSeq, info.Published})
	require.LessOrEqual(t, info.Published-info.Oldest, uint64(small))
	oldest := info.FirstSeq
	if oldest == 0 {
		oldest = info.NextSeq
	}
	for _, r := range m.readers {
		if r.registered() {
			require.LessOrEqual(t, oldest, r.done, "what is not consumed is there")
		}
	}
	sound(t, path)
}

// String says in short what a test's log needs.
func (r *modelReader) String() string {
	return fmt.Sprintf("%T %q next %d done %d", r.s, r.name, r.next, r.done)
}
