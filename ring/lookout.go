package ring

// lookout decides how a reader that has caught up looks for more. Each look takes the cache line of published away from
// the writer. In a ping-pong the reader should look at once; in a stream it should let records collect, or the writer
// spends its time getting the line back. From the reader's side both look alike - one record a look - so it tries: now and
// then it waits before a look, and stays with waiting as long as that brings several records. It knows what looks
// brought, and no clock.
//
//	state      before a look     what the last look brought            next
//	eager      nothing           less than a crowd, gap times          probing
//	                             a crowd (a batch, or a backlog)       eager, counting anew
//	probing    probe PAUSEs      a flow, at once                       patient, with as many PAUSEs
//	                             less, or nothing at first             eager; the gap doubles, up to lastGap
//	patient    patience PAUSEs   less than a flow/2, or nothing first  eager, with firstGap
//	                             less than few                         patient, PAUSEs doubled, up to mostWait
//	                             many, or much of the ring's capacity  patient with half, and below leastWait eager
//
// A ping-pong pays one wait in gap looks: 1/4096 in the long run, which is beyond its p99.9. It also counts looks in a
// row that brought one record each: that is when the mirror is worth asking for.
type lookout struct {
	patience int  // PAUSEs before a look; 0: eager or probing
	probing  bool // the next look is, or the last was, a trial
	gap      int  // eager looks between two trials
	left     int  // of them
	empty    bool // the last look found nothing at first
	alone    int  // looks in a row that brought one record
}

const (
	probeWait = 64 // PAUSEs: 0.7 to 3 microseconds
	mostWait  = 128
	leastWait = 16
	firstGap  = 64 // looks
	lastGap   = 4096

	flow  = 8 // records
	few   = 64
	crowd = 200
	many  = 512
)

func newLookout() lookout { return lookout{gap: firstGap, left: firstGap} }

// next takes how many records the last look brought, and whether they were much of the ring's capacity, and returns how
// many PAUSEs to wait before the next one. After it, the caller says in empty whether the look found nothing at first.
func (l *lookout) next(brought uint64, much bool) (pauses int) {
	if brought == 1 {
		l.alone++
	} else if brought > 1 {
		l.alone = 0
	}
	switch {
	case l.patience > 0:
		l.adjust(brought, much)
	case l.probing:
		l.judge(brought)
	case brought >= crowd || much:
		l.left = l.gap
	default:
		l.left--
		if l.left <= 0 {
			l.probing = true
			return probeWait
		}
	}
	return l.patience
}

// judge ends a trial.
func (l *lookout) judge(brought uint64) {
	l.probing = false
	if !l.empty && brought >= flow {
		l.patience = probeWait
		return
	}
	l.gap = min(2*l.gap, lastGap)
	l.left = l.gap
}

// adjust goes on with patience as the last look suggests, or gives it up.
func (l *lookout) adjust(brought uint64, much bool) {
	switch {
	case l.empty || brought < flow/2:
		l.patience, l.gap, l.left = 0, firstGap, firstGap
	case brought >= many || much:
		if l.patience /= 2; l.patience < leastWait {
			l.patience, l.gap, l.left = 0, firstGap, firstGap
		}
	case brought < few:
		l.patience = min(2*l.patience, mostWait)
	}
}
