package ring_test

import (
	"bytes"
	"testing"

	"github.com/mmring/mmring/ring"
)

// FuzzHeader: whatever parses re-encodes to the same bytes, but for what this version does not know and need not.
func FuzzHeader(f *testing.F) {
	page, size := firstPage(f)
	f.Add(page, size, true)
	f.Add(page[:100], int64(100), false)
	f.Add([]byte{}, int64(0), false)
	f.Fuzz(func(t *testing.T, page []byte, size int64, seal bool) {
		page = append([]byte(nil), page[:min(len(page), ring.HeaderSize)]...)
		if seal && len(page) == ring.HeaderSize {
			sealed(page)
		}
		again, readOnly, err := ring.DecodeHeader(page, size)
		if err != nil {
			return
		}
		if readOnly || bytes.Equal(again, page) || unknown(page, again) {
			return
		}
		t.Fatalf("parsed, and encoded differently:\n%x\n%x", page, again)
	})
}

// unknown reports whether a page differs from its copy only where this version has no field: compatible features,
// reserved bytes, and what stands behind the end of a text.
func unknown(page, again []byte) bool {
	known := [][2]int{{0, 16}, {24, 40}, {48, 144}}
	for _, r := range known {
		if !bytes.Equal(page[r[0]:r[1]], again[r[0]:r[1]]) {
			return false
		}
	}
	return true
}
