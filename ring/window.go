package ring

// windowSize is how much of the ring a reader copies at a time: large enough that the copy's overhead and an observer's
// look at oldest are shared by many small records, small enough to stay in a processor's first cache.
const windowSize = 16 << 10

// The window, consumer.window, is a private copy of the ring's bytes from pos on. Records are parsed and delivered from it, so
// that what was checked cannot change any more, whatever other processes do.

// pass moves pos, and the window with it, behind a record or padding.
func (c *consumer) pass(whole uint64) {
	c.pos += whole
	c.window = c.window[min(whole, uint64(len(c.window))):]
}

// fill copies at least need bytes from pos on, which must be published and not reach past the region's end. It reports
// false if they may have been overwritten meanwhile: under an observer, whose pos has moved, or because this reader was
// dropped.
func (c *consumer) fill(need uint64) bool {
	off := c.pos & c.mask
	n := min(max(need, windowSize), c.pub-c.pos, c.capacity()-off)
	if n > uint64(len(c.own)) {
		c.own = make([]byte, n)
	}
	c.window = c.own[:n]
	copyOut(c.window, c.data[off:off+n])
	if c.overwritten() {
		c.window = nil
		return false
	}
	return true
}

// load returns the record at pos, or padding's header, from the window. A record larger than the window comes as its
// header alone if brief is set; otherwise the window grows. good is false if there is no record; over says that an
// observer was overrun and pos has moved, or a reader dropped.
func (c *consumer) load(brief bool) (h head, raw []byte, good, over bool) {
	raw = c.window
	if len(raw) < recordSize {
		if !c.fill(recordSize) {
			return h, nil, false, true
		}
		raw = c.window
	}
	h, good = c.parsePrivate(raw)
	if !good || h.kind == kindPadding || h.whole <= uint64(len(raw)) {
		return h, raw[:min(uint64(h.size), uint64(len(raw)))], good, false
	}
	need := h.whole
	if brief && need > windowSize {
		need = recordSize + timeSize + sumSize
	}
	if !c.fill(need) {
		return h, nil, false, true
	}
	raw = c.window
	again, good := c.parsePrivate(raw)
	return h, raw[:min(uint64(h.size), uint64(len(raw)))], good && again == h, false
}

// loadPayload copies the payload of a record at pos that is larger than the window straight into into, which has its
// size. It reports false as fill does.
func (c *consumer) loadPayload(h head, into []byte) bool {
	off := c.pos & c.mask
	copyOut(into, c.data[off+uint64(h.prefix):off+uint64(h.size)])
	return !c.overwritten()
}

// parsePrivate parses the header of the record at pos in a private copy of at least its first bytes.
func (c *consumer) parsePrivate(raw []byte) (head, bool) {
	left := min(c.pub-c.pos, c.capacity()-c.pos&c.mask)
	return c.parseWords(le.Uint64(raw[0:8]), le.Uint64(raw[8:16]), c.pos, left)
}
