// Package release has the stores that end a publication: a store that every earlier store comes before, without the
// full fence that sync/atomic adds on amd64, and the same store behind a copy of the record (the mirror). Free is such a
// store of half a word.
//
// They are for words whose readers load them with sync/atomic. On amd64 stores become visible in the order of the
// program, so they are plain moves; on arm64 they are STLR, and DMB ISHST within the mirror. A loop over them costs a
// call each, 1 to 2 ns, where an atomic store of a line that another processor holds costs the way to that processor.
//
// The build tag purego, the race detector, and other machines take the twin in pure Go (sync/atomic).
package release
