// Package shm maps files into memory: any range of a file, at any offset, as bytes that all processes share. It does what
// Python's mmap module does, and turns faults into errors.
//
// It is for programs that hand data to other processes through memory, and for those that read large files without
// loading them. Mapped memory has four caveats, which come before everything else:
//
//   - A page whose file was cut short, or whose disk fails or is full, cannot be accessed. The methods of a Map answer a
//     *FaultError then. An access through a slice from Bytes is a fault, which ends the process, unless it is made inside of
//     Guard or Use, on the goroutine that called them: one that is started there is not protected.
//   - A slice from Bytes is valid until Close, and until a Resize that may move the map. Used later it is a fault, or it
//     shows another file, which no guard can know.
//   - What other processes change, changes under the reader: load a value once, check it, then use it. A mapped string or
//     map key is never safe.
//   - A CopyOnWrite map is no snapshot: pages that were not stored into show later changes of the file.
//
// A Map is closed by Close, which does not flush; the garbage collector does not close it.
//
// # Five things to start with
//
// Basic mapping: Open, or MapFile for a file that is open. Bytes is the memory itself; a Map is also an io.ReadWriteSeeker
// with a cursor of its own, an io.ReaderAt and an io.WriterAt.
//
//	m, err := shm.Open("data", shm.ReadWrite, shm.Options{})
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	copy(m.Bytes()[100:], "hello")
//
// Flush: other processes see a store at once. Flush and FlushRange, of any range, are for the disk.
//
// Large files: Options.Offset is any number, Windows walks through a file by maps of a size, Lines by lines; nothing is
// read that is not touched.
//
// Several regions at once: as many maps of a file as needed, at offsets like 14, that overlap or not. All are the same bytes.
//
// Several processes: a file, a segment (Create, OpenNamed, Remove), or Anonymous memory, whose File goes to a child by
// exec.Cmd.ExtraFiles (MapFD there), or to anybody over a Unix socket (Send, Receive).
//
// Each is a program in examples (mmap-basic and so on). docs/shm.md lists what each name of Python's module is here, what
// systems lack, and what things cost.
//
// # Disks that are full
//
// Options.Grow and Resize make a file longer and find the room for it first: a full disk is an error that says how much is
// needed and how much is free, and nothing has changed. With Options.Sparse there is no room until a page is stored into;
// then a full disk is a fault. Advise(PopulateWrite) asks for the room, and answers a *FaultError where there is none.
//
// # Errors
//
// Errors are a *fs.PathError that names operation and path, and whose text has offset and length, around one of the
// package's errors or of the kernel's (syscall.Errno); a *FaultError; or, at the end of the range, a bare io.EOF. What a
// system lacks is errors.ErrUnsupported.
//
// # Concurrency
//
// A Map's methods may be called by several goroutines at a time, Close too: it waits for calls that run, and for none of
// the functions that they call. ReadAt, WriteAt, Find and their like run in parallel; calls that move the cursor come one
// after the other, each as a whole. The bytes are the callers' affair, and the race detector does not see them.
package shm
