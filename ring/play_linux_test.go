package ring_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// script is a stream of bytes that says what to do.
type script []byte

// pick takes a number below n from the script; 0 at its end.
func (s *script) pick(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

// sizes of payloads: small, around a stride, a reader's window, and the largest.
var sizes = []int{0, 1, 16, 17, 100, 200, 224, 1000, 1008, 5000, 16<<10 - 16, 16 << 10, 20_000, small/2 - 32}

func (s *script) size() int { return sizes[s.pick(len(sizes))] + s.pick(3) }

// game is a ring, its writer and its model.
type game struct {
	*model
	t    *testing.T
	s    script
	path string
	w    *ring.Writer

	names int // given to durable readers
}

// play lets a ring and its model do what a script says, and compares them.
func play(t *testing.T, s script) {
	config := ring.Config{Timestamps: s.pick(4) == 1, Checksums: s.pick(4) == 1, WakeAlways: s.pick(8) == 1}
	path := newRing(t, config)
	g := &game{model: &model{prefix: 16}, t: t, s: s, path: path}
	for _, on := range []bool{config.Timestamps, config.Checksums} {
		if on {
			g.prefix += 8
		}
	}
	g.openWriter(ring.WriterOptions{})
	moves := []func(){
		g.publish, g.publish, g.publish, g.batch, g.claim, g.next, g.next, g.next, g.read, g.ack, g.loop, g.batches,
		g.open, g.close, g.observe, g.reopenWriter, g.end,
	}
	for steps := 0; len(g.s) > 0; steps++ {
		moves[g.s.pick(len(moves))]()
		if steps%16 == 0 {
			g.compare(t, path)
		}
	}
	g.drain()
	g.compare(t, path)
	require.NoError(t, g.w.Close())
	g.compare(t, path)
}

func (g *game) openWriter(o ring.WriterOptions) {
	o.Mirror = []ring.Mirror{ring.MirrorAuto, ring.MirrorAlways, ring.MirrorNever}[g.s.pick(3)]
	w, err := ring.OpenWriter(background, g.path, o)
	require.NoError(g.t, err)
	g.t.Cleanup(func() { w.Close() })
	g.w = w
}

func (g *game) payload(size int) []byte { return pattern(g.newest()+1, size) }

func (g *game) publish() {
	size, tag := g.s.size(), uint16(g.s.pick(256))
	payload := g.payload(min(size, g.w.MaxPayload()))
	seq, err := g.w.TryPublishTagged(tag, payload)
	g.published(len(payload), err)
	if err == nil {
		g.model.publish(tag, payload)
		require.Equal(g.t, g.newest(), seq)
	}
}

// published checks that a record found room, or did not, as it should.
func (g *game) published(size int, err error) {
	if err == nil {
		require.True(g.t, g.mayFit(size), "overwrote what was not consumed")
		return
	}
	if !errors.Is(err, errEnough) {
		require.ErrorIs(g.t, err, ring.ErrFull)
	}
	require.False(g.t, g.mustFit(size), "there was room: %v", g.readers)
}

func (g *game) batch() {
	batch := make([][]byte, g.s.pick(20))
	for i := range batch {
		batch[i] = pattern(g.newest()+1+uint64(i), min(g.s.size(), g.w.MaxPayload()))
	}
	ctx, cause := ended()
	n, err := g.w.PublishBatch(ctx, batch)
	if err != nil && n == 0 {
		n, err = g.w.PublishBatch(ctx, batch) // that may have been the look at the context that comes once in 256 calls
	}
	for _, payload := range batch[:n] {
		require.True(g.t, g.mayFit(len(payload)))
		g.model.publish(0, payload)
	}
	if err != nil {
		require.ErrorIs(g.t, err, cause)
		g.published(len(batch[n]), err)
		return
	}
	require.Len(g.t, batch, n)
}

func (g *game) claim() {
	size := min(g.s.size(), g.w.MaxPayload())
	ctx, cause := ended()
	c, err := g.w.Claim(ctx, size)
	if err != nil {
		c, err = g.w.Claim(ctx, size)
	}
	if err != nil {
		require.ErrorIs(g.t, err, cause)
		g.published(size, err)
		return
	}
	copy(c.Bytes(), g.payload(size))
	if g.s.pick(3) == 0 {
		c.Abort()
		return
	}
	short := size - min(size, g.s.pick(256))
	before := g.place(size)
	_, err = c.Commit(short)
	require.NoError(g.t, err)
	g.commit(before, size, short)
}

// commit adds a record to the model for which room for size bytes of payload was made, ending at end, and which was
// committed with less: it starts where the larger one would have started.
func (g *game) commit(end uint64, size, short int) {
	whole := func(n int) uint64 { return (g.prefix + uint64(n) + 15) &^ 15 }
	g.position = end - whole(size)
	g.model.publish(0, g.payload(size)[:short])
}

// any returns one of the readers that are open, nil if none is.
func (g *game) any() *modelReader {
	var opened []*modelReader
	for _, r := range g.readers {
		if r.s != nil {
			opened = append(opened, r)
		}
	}
	if len(opened) == 0 {
		return nil
	}
	return opened[g.s.pick(len(opened))]
}

// consumed is what asking for the next record means.
func (r *modelReader) consumed() { r.done = r.next }

// took checks a record that came, or that none was there.
func (g *game) took(r *modelReader, rec ring.Record, ok bool) {
	if ok {
		g.check(g.t, r, rec)
		return
	}
	require.Equal(g.t, g.newest()+1, r.next, "%v got nothing", r)
}

func (g *game) next() {
	r := g.any()
	if r == nil {
		return
	}
	r.consumed()
	rec, ok := try(g.t, r.s)
	g.took(r, rec, ok)
}

func (g *game) read() {
	r := g.any()
	if r == nil {
		return
	}
	r.consumed()
	buf := make([]byte, g.s.size())
	ctx, cause := ended()
	rec, err := r.s.Read(ctx, buf)
	if errors.Is(err, cause) {
		rec, err = r.s.Read(ctx, buf)
	}
	if errors.Is(err, io.ErrShortBuffer) {
		rec, err = r.s.Read(ctx, make([]byte, small))
		if errors.Is(err, cause) {
			rec, err = r.s.Read(ctx, make([]byte, small))
		}
	}
	g.took(r, rec, err == nil)
}

func (g *game) ack() {
	r := g.any()
	if r == nil || r.r == nil {
		return
	}
	if g.s.pick(2) == 0 {
		require.NoError(g.t, r.r.Ack())
		r.done = r.next
		return
	}
	if r.next > r.done { // something was delivered
		seq := r.next - min(r.next, 1+uint64(g.s.pick(3)))
		require.NoError(g.t, r.r.AckTo(seq))
		r.done = max(r.done, seq+1)
	}
}

func (g *game) loop() {
	r := g.any()
	if r == nil {
		return
	}
	turns := g.s.pick(30)
	ctx, _ := ended()
	for rec := range r.s.Records(ctx) {
		r.consumed()
		g.took(r, rec, true)
		if turns--; turns <= 0 {
			r.next = r.done // comes again
			return
		}
	}
	require.ErrorIs(g.t, r.s.Err(), errEnough)
	r.consumed()
}

func (g *game) batches() {
	r := g.any()
	if r == nil {
		return
	}
	turns, most := g.s.pick(10), g.s.pick(40)
	ctx, _ := ended()
	for batch := range r.s.Batches(ctx, most) {
		r.consumed()
		require.NotEmpty(g.t, batch)
		require.LessOrEqual(g.t, len(batch), max(most, 1))
		for _, rec := range batch {
			g.took(r, rec, true)
		}
		if turns--; turns <= 0 {
			r.next = r.done
			return
		}
	}
	require.ErrorIs(g.t, r.s.Err(), errEnough)
	r.consumed()
}

// open opens a reader whose cursor is there, or a new one.
func (g *game) open() {
	if g.s.pick(2) == 0 {
		for _, r := range g.readers {
			if r.s == nil {
				g.attach(r)
				return
			}
		}
	}
	if len(g.readers) < 8 {
		r := &modelReader{done: g.oldest()}
		if g.s.pick(2) == 0 {
			g.names++
			r.name = fmt.Sprintf("r%d", g.names)
		}
		g.attach(r)
		g.readers = append(g.readers, r)
	}
}

// attach opens r, which goes on with what it has not consumed.
func (g *game) attach(r *modelReader) {
	r.r = openReader(g.t, g.path, ring.ReaderOptions{Name: r.name, Durable: r.name != ""})
	r.s, r.next = r.r, r.done
}

// oldest is the number of the oldest record that is still there.
func (g *game) oldest() uint64 {
	info := inspect(g.t, g.path)
	if info.FirstSeq == 0 {
		return info.NextSeq
	}
	return info.FirstSeq
}

func (g *game) observe() {
	if len(g.readers) >= 8 {
		return
	}
	v := observe(g.t, g.path, ring.ObserverOptions{})
	g.readers = append(g.readers, &modelReader{s: v, next: g.oldest()})
}

// close closes a reader, which is then forgotten unless its cursor is durable.
func (g *game) close() {
	r := g.any()
	if r == nil {
		return
	}
	require.NoError(g.t, r.s.Close())
	r.s, r.r = nil, nil
	if r.name != "" {
		return
	}
	for i, other := range g.readers {
		if other == r {
			g.readers = append(g.readers[:i], g.readers[i+1:]...)
			return
		}
	}
}

// reopenWriter closes the writer, or lets it look as if it had died, and opens another.
func (g *game) reopenWriter() {
	require.NoError(g.t, g.w.Close())
	if g.s.pick(2) == 0 {
		poke32(g.t, g.path, ring.OffClean, 0)
		if g.oldest() <= g.newest() {
			poke(g.t, g.path, ring.OffNextSeq, uint64(g.s.pick(256)))
		}
	}
	g.openWriter(ring.WriterOptions{})
}

// end ends the ring, lets everybody find that out, and goes on.
func (g *game) end() {
	require.NoError(g.t, g.w.End())
	g.drain()
	for _, r := range g.readers {
		if r.s != nil {
			r.consumed()
			_, err := r.s.Next(background)
			require.ErrorIs(g.t, err, io.EOF)
		}
	}
	require.NoError(g.t, g.w.Close())
	_, err := ring.OpenWriter(background, g.path, ring.WriterOptions{})
	require.ErrorIs(g.t, err, ring.ErrEnded)
	g.openWriter(ring.WriterOptions{Reopen: true})
}

// drain reads everything with every reader that is open.
func (g *game) drain() {
	for _, r := range g.readers {
		for r.s != nil && r.next <= g.newest() {
			r.consumed()
			rec, err := r.s.Next(background)
			require.NoError(g.t, err)
			g.took(r, rec, true)
		}
	}
}

// TestARingDoesWhatItsModelDoes plays random games.
func TestARingDoesWhatItsModelDoes(t *testing.T) {
	for seed := range uint64(200 / slower) {
		random := rand.New(rand.NewPCG(seed, 4711))
		s := make(script, 1000)
		for i := range s {
			s[i] = byte(random.Uint32())
		}
		if !t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { play(t, s) }) {
			return
		}
	}
}

// FuzzOperations plays the games that the fuzzer thinks of.
func FuzzOperations(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		s := make([]byte, 300)
		for i := range s {
			s[i] = byte(random.Uint32())
		}
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s []byte) { play(t, s) })
}
