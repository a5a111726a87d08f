package ring

import (
	"context"
	"fmt"
	"log/slog"
)

// Recovery is what a writer, or Repair, found when it took a ring over, and what it did.
type Recovery struct {
	Dirty    bool // the last writer did not close
	Rebooted bool // the machine was started anew since
	Copied   bool // the file is another one than the last writer's
	Full     bool // everything was looked at, checksums too; else at most the last stride

	Records uint64 // looked at
	Bytes   uint64 // of the ring that they take: the time was proportional to it
	Sums    uint64 // checksums compared

	Oldest    uint64 // position, as it is now
	Published uint64 // position, as it is now
	Next      uint64 // number that the next record will have

	Skipped uint64 // bytes given up at the start, because records there were overwritten or not whole
	Cut     uint64 // bytes cut off the end, from the first record on that was not whole
	Lost    uint64 // records that were in them
	AtLeast bool   // or more: the damage hides how many

	Mended []Fault // what was wrong and is right now; Text says how
	Left   []Fault // what is wrong and stays so; Text says what to do
}

// RepairOptions say how to repair. The zero value is good.
type RepairOptions struct {
	// AllowOwner repairs a ring that belongs neither to this user nor to root.
	AllowOwner bool
	// AllowFS repairs a ring on a file system where mapped memory may not be coherent.
	AllowFS bool
	// Logger is told what OpenWriter's is told; nil: nobody.
	Logger *slog.Logger
}

// Repair does under the writer's role what OpenWriter does, looks at every record from oldest to published, at its
// checksum too where it has one, and closes the ring. An ended ring stays ended. What it found and did is in the answer,
// also beside an error.
//
// What it cannot mend: a header that is not right, a file that is too short, counters that contradict each other (nothing
// else tells what was published), and a durable cursor that the writer dropped (see Recovery.Left).
//
// Errors: ErrBusy while a writer lives, or while a living reader is in the way of a cut; ErrCorrupt for what cannot be
// mended; the others of OpenWriter; and the context's cause: the next recovery begins again.
func Repair(ctx context.Context, path string, o RepairOptions) (Recovery, error) {
	var report Recovery
	w, err := openWriter(ctx, path, WriterOptions{AllowOwner: o.AllowOwner, AllowFS: o.AllowFS, Logger: o.Logger, repair: &report})
	if err != nil {
		return report, fail("repair", path, err)
	}
	return report, fail("repair", path, w.Close())
}

// Recovery returns what OpenWriter found and did.
func (w *Writer) Recovery() Recovery { return w.recovered }

func (r *Recovery) mended(off int64, what, format string, args ...any) {
	r.Mended = append(r.Mended, Fault{off, what, fmt.Sprintf(format, args...)})
}

func (r *Recovery) left(off int64, what, format string, args ...any) {
	r.Left = append(r.Left, Fault{off, what, fmt.Sprintf(format, args...)})
}

// tell tells the logger.
func (h *handle) tell(r *Recovery) {
	if !r.Dirty && !r.Rebooted && !r.Copied && !r.Full {
		return
	}
	level := slog.LevelInfo
	if r.Dirty || r.Skipped+r.Cut > 0 {
		level = slog.LevelWarn
	}
	h.event(level, "ring recovered", "dirty", r.Dirty, "rebooted", r.Rebooted, "copied", r.Copied, "full", r.Full, "records", r.Records,
		"skipped", r.Skipped, "cut", r.Cut, "lost", r.Lost, "next", r.Next)
	for _, f := range r.Mended {
		h.event(slog.LevelInfo, "mended", "offset", f.Offset, "what", f.What, "text", f.Text)
	}
	for _, f := range r.Left {
		h.event(slog.LevelWarn, "not mended", "offset", f.Offset, "what", f.What, "text", f.Text)
	}
}
