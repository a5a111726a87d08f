// Package host refuses machines on which a ring cannot be right. Importing it is the check: on a 32-bit or big-endian
// target it does not compile, and the compiler's one message says why.
package host
