// Package shm maps files into memory: any range of a file, at any offset, as bytes that all processes share.
//
// It is for programs that hand data to other processes through a file, and for those that read large files without
// loading them. Mapped memory has three caveats, which come before everything else:
//
//   - A page whose file was cut short, or whose disk fails or is full, cannot be accessed: the access is a fault, and a
//     fault ends the process unless its goroutine has called debug.SetPanicOnFault.
//   - A slice from Bytes is valid until Close. Used later it may show another file.
//   - What other processes change, changes under the reader: load a value once, check it, then use it.
//
// A Map is closed by Close; it is not closed by the garbage collector.
//
// # Concurrency
//
// A Map's methods may be called by several goroutines at a time, Close too. The bytes are the callers' affair.
package shm
