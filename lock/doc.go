// Package lock answers two questions about a file that several processes share: who may act on it, and who is alive.
// Both answers come from the kernel, which forgets a process the moment it ends: there is no pid, no clock, no heartbeat
// and no second file.
//
//   - A [Role] is the right to act, for example to be the one writer: flock on the file itself.
//   - A [Life] is the proof of being alive: one byte of the file, locked through an open description (F_OFD_SETLK).
//     Anybody who can open the file may ask for it ([Held]) or wait for its end ([WaitFree]).
//
// It is for programs that share a file and have to survive kill -9 at any instruction, in containers and pid namespaces
// of their own. A program that only wants a lock file is served well by github.com/gofrs/flock.
//
// # Caveats
//
//   - The locks are advisory. They bind those who ask. Whoever may open the file, even for reading only, can also hold
//     its role against you, or a byte: a lock protects against accidents, file permissions protect against people.
//   - A stopped process (SIGSTOP, a debugger, a frozen container) holds what it holds. Nothing is ever taken from it.
//   - Roles and lives do not see each other, and POSIX locks (F_SETLK, lockf, Java's FileLock) collide with lives, not
//     with roles. Use each for one purpose.
//   - What is held belongs to the open file description. C code that forks without exec, descriptors passed to a child or
//     over a socket, and mappings that a forked child inherits all keep it held when this process is dead. This package
//     opens every descriptor close-on-exec; children of os/exec keep nothing.
//   - A big mapping delays the end: the kernel gives locks back after it has torn down the memory of a killed process (about
//     1 ms, 92 ms with 1 GiB mapped and populated).
//   - A file that is replaced is another file. The role is checked against its path when it is taken, not afterwards;
//     compare [Role.Info] with your own descriptor. A wait for the role of a file that is replaced meanwhile ends when the
//     old file's holder lets go, and then goes on at the path.
//   - Not for network file systems: there locks are emulated, lost with the connection, or known to one host only.
//
// # Who may hold what
//
//	                            exclusive role       shared role          life (one byte)
//	tolerates beside it         no role              shared roles         no other life of that byte
//	second try, same process    ErrBusy              as between processes ErrBusy
//	process dies, kill -9       free at once         this one is gone     free at once
//	process is stopped          held                 held                 held
//	process forks and execs     held by the parent alone, whatever becomes of the child
//	file opened and closed      held                 held                 held
//	again by the same process
//	value forgotten             held until the process ends: the package keeps it from the garbage collector
//	Close                       free                 this one is gone     free
//	its *os.File is closed      held (it has its own)                     free; Close then answers os.ErrClosed
//	file renamed or removed     held, of the file that had the name; the name's next file is free
//
// # How
//
// A role is taken with [TryRole], which never waits, or with [WaitRole], which sleeps in the kernel and so gets the role
// well below a millisecond after it is free; [TryRoleFile] takes the role of an open file that has no name yet. [Role.Share]
// turns an exclusive role into a shared one, for those who repair alone and then work together.
//
// Where the bytes of lives lie is for the users of a file to agree on. They need not exist: offsets far beyond the end of the
// file are best, and a range of them costs nothing.
//
// Errors are *fs.PathError: they name operation, path and, for lives, the offset, and wrap ErrBusy, an error of package fs,
// the context's cause or the kernel's syscall.Errno.
//
// Roles work wherever flock exists, TryRoleFile and lives on Linux. Everything else answers errors.ErrUnsupported.
//
// # Concurrency
//
// All functions may be called from any goroutine. A Role and a Life may be used from several goroutines at once. A waiting
// call occupies one operating system thread. A wait whose context ended leaves its thread in the kernel (no portable call
// takes it out): it gives back at once what it then gets, so that for a moment others may see ErrBusy, and the next wait
// of this process for the same thing goes on with that thread instead of a new one.
package lock
