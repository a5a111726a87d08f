// Package measure lets two processes, each pinned to a processor, exchange records by whatever a Contender is made of, and
// takes the time. The benchmarks in bench and the tool's bench command stand on it.
//
// The near side Starts a Session, which starts this program again as the far side (see Far) and gives it orders in lines.
// Every byte of every payload is written by the sender and checked by the receiver. Times are taken on the near side, and
// never in the way of what is measured: see Latency, Rate, Wake and Idle for how. A HopMeter measures the raw hop of a
// cache line right before and after, the machine's mood: figures of different moods must not be compared.
//
// A session that has ended, however, leaves neither a process nor a file behind: the far side ends when the near one does,
// and removes the files if the near side was killed.
//
// # Concurrency
//
// A Session and a HopMeter belong to one goroutine. They pin the whole process while they last.
package measure
