package ring

import "github.com/mmring/mmring/internal/release"

// The mirror: a reader that waits gets the news with one transfer of a cache line, and would fetch the record with a
// second. So the writer also copies a small record beside published, as long as its position is below the lease that
// readers who take their records one by one renew. Who does not know the mirror reads the data region.

const (
	// lineSize is that of a cache line on amd64 and most arm64: what lies on one comes with one transfer. It changes speed only.
	lineSize    = 64
	mirrorLines = (offMirror - offPublished + mirrorSize) / lineSize

	// askAfter is how many looks in a row have to bring one record each before a reader asks for the mirror.
	askAfter = 16
	// leaseLength is how far ahead of its position a reader asks, in bytes. It asks again at half.
	leaseLength = 32 << 10
)

// askMirror renews the lease while records come one by one. Observers cannot: they may not write.
func (c *consumer) askMirror() {
	if c.lookout.alone < askAfter || c.slot == nil || c.leased >= c.pos+leaseLength/2 {
		return
	}
	c.leased = c.pos + leaseLength
	if c.lease.Load() < c.leased { // a reader that is further may have asked
		release.Store(c.lease, c.leased)
	}
}

// takeMirror fills the window from the mirror if that holds the one record between pos and pub. After the look that
// found pub:
//
//	copy the mirror, order the loads, and look at the stamp (M2): if it is pub, the writer had not begun another copy
//	when the last byte was read, and had ended this one before it stored pub
func (c *consumer) takeMirror() {
	n := c.pub - c.pos
	c.lines = 1
	if n > mirrorSize || c.expect == 0 || c.stamp.Load() != c.pub {
		return
	}
	b := c.own[:n]
	copyOut(b, c.mirror)
	order(&c.fence)
	if c.stamp.Load() != c.pub || c.wary && c.cut() { // M2
		return
	}
	word := le.Uint64(b[0:8])
	if le.Uint64(b[8:16]) != c.expect || uint8(word>>32) != kindData || align16(uint64(uint32(word))) != n {
		return // padding came before it, or it is not what it should be: the data region tells
	}
	c.window = b
	c.lines = int(16+n+lineSize-1) / lineSize
}
