// Package ring passes records from one process to others on the same host through one file that all of them map. The file
// is the whole channel: there is no daemon and no second file.
//
//   - A [Writer] publishes. One process at a time has that role; whoever has it dies with it, and the next one goes on. In a
//     ring made for shared writers ([Config].Shared) several publish at a time, into one order.
//   - A [Reader] is registered in the file. The writer waits for it: it loses nothing. Its cursor is ephemeral, gone with its
//     process, or durable, kept under its name.
//   - A [Member] is one of the processes of a group, which share one durable cursor: each record goes to one of them, and to
//     another if that one dies or leaves before the record is done.
//   - An [Observer] is not registered and needs only permission to read. It never holds the writer back, can be overrun, and is
//     told exactly how many records it lost.
//
// It is for pipelines, producers and consumers in several processes, which must hand each other records in well under a
// microsecond and go on when one of them is killed at any instruction.
//
// # Caveats
//
//   - After a power failure only what was synced is promised ([Writer.Sync], docs/durability.md). What else a crashed machine
//     left of a ring on a disk is found out record by record where the ring has checksums ([Config].Checksums).
//   - A durable cursor holds the writer back for ever, also when nobody reads, unless the ring was made to evict it: Inspect and
//     the tool mmring name it.
//   - A stopped process (SIGSTOP, a frozen container) is alive: its role is not taken over, its cursor is waited for. A shared
//     writer that is stopped while it publishes stops the others.
//   - Records come at least once to a durable reader that was killed: what it consumed since its cursor was last stored, at
//     most a 64th of the capacity, comes again. [Reader.Ack] stores it.
//   - So they come to the members of a group. Work.Delivery tells those that another member may have had. The writer waits for
//     the slowest: what has been given out and is not done holds it back, also without a process.
//   - Whoever may write to the file may destroy what is in it. Others get an error then, never a crash, an endless loop or
//     somebody else's memory. A [Claim] and a [Lease] are the exceptions: they are the mapping itself (see Claim.Bytes, Lease.Use).
//   - Forked children that do not exec keep the locks of their parent alive.
//   - Rings need Linux on a 64-bit little-endian machine and a file system whose mappings are coherent: tmpfs, ext4, xfs and
//     the like. A build for another kind of machine fails; on other systems every function answers errors.ErrUnsupported.
//
// # How
//
//	w, err := ring.OpenWriter(ctx, "/dev/shm/prices.ring", ring.WriterOptions{Create: &ring.Config{}})
//	seq, err := w.Publish(ctx, payload)
//
//	r, err := ring.OpenReader(ctx, "/dev/shm/prices.ring", ring.ReaderOptions{Name: "risk", Durable: true})
//	for rec := range r.Records(ctx) {
//		fmt.Println(rec.Seq, string(rec.Payload))
//	}
//	err = r.Err() // nil only after the writer's End
//
// Payloads that come out are copies in the reader's own memory, valid until its next call; [Reader.Lease] lends a record out
// where it lies, until it is released. Sizes and positions are in bytes. Records are numbered from 1 without gaps. To publish
// and to read are a copy and a store each: there is no system call, no allocation and no lock until somebody has to wait.
//
// A [Waiter] waits for several rings with one sleep: whichever has a record first. Of all goroutines of a process that wait for
// one ring, each with a handle of its own, one takes a thread of the operating system; each Waiter that sleeps takes one, too, and so
// does each shared writer that waits for another.
//
// # Slow readers
//
// A writer waits for registered readers ([Writer.Publish]) or answers ErrFull ([Writer.TryPublish]). In a ring made with
// [Config].EvictAfter it does so only for a time: a reader that has not moved while the writer was held back for so long is
// evicted. It gets ErrEvicted from every call, as an *[Evicted] that says how far it was. One that is opened under its durable name goes
// on at the oldest record, or where it was if that is still there, and the first record says in Lost how many are missing.
// The time is the writer's own running time: a stopped writer and a machine that slept evict nobody. [Writer.HeldBack] and
// [Info].HeldBack say who is in the way, and since when. The other side is warned by Pressure and [ReaderOptions].WarnAt, which
// observers have, too.
//
// A ring without a path is made by [CreateAnonymous], handed to other processes as a descriptor, and opened by that
// ([OpenWriterFile], [OpenReaderFile], [ObserveFile]).
//
// # Errors
//
// Every error is an *fs.PathError with operation and path, around one of the variables below or one of the standard
// library's. A file that went away under a handle (truncated, deleted, renamed, replaced) is ErrLost, and stays so for that
// handle. Who waits finds out within 250 ms (two seconds where a directory on the path was renamed); a writer that never waits
// looks as often, when it wakes a reader and once a stride; a reader that never waits has a writer that does not know yet.
// [ReaderOptions].Follow goes on with the next ring.
//
// # Concurrency
//
// Functions may be called from any goroutine. A Writer, a Reader, a Member and an Observer belong to one goroutine at a time,
// all but Close, which may come from any and ends waits with os.ErrClosed. Two goroutines in one handle get ErrMisuse, mostly:
// it is found as Go's maps find it. A [Lease] may be released by any goroutine, and where a Member has a Window above 1, any
// may say that a record is done. Different handles have nothing to do with each other, also those of one ring.
//
// Several goroutines that publish into one ring each open a Writer of their own on a ring of shared writers (a slot and a
// mapping each), or share one under a mutex of their own, which is all that an exclusive ring needs.
//
// # Logging
//
// A Logger is told of what the hot path never does: "ring recovered" (the writer before was killed, the machine was
// restarted, or the file is a copy), "mended" and "not mended" (what was wrong in it), "ring followed" (Follow), "ring lost",
// "reader reaped" (a dead reader was in the way), "slot corrupt" (a cursor that could not be was dropped), "held back" (the
// writer has found no space for a second, and whose fault that is), "reader evicted", "falling behind" (WarnAt), "mutex taken over"
// (a shared writer died while it published), "writer stalled" (one has published for a second, stopped perhaps, and others
// wait), "claim taken over" (a group's member died or left before its records were done) and "record damaged" (a member has
// passed one over).
package ring

import _ "github.com/mmring/mmring/internal/host" // refuses machines on which a ring cannot be right
