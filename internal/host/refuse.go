//go:build 386 || arm || mips || mipsle || mips64 || ppc64 || s390x

package host

// Counters of 64 bits are shared between processes. On 32-bit machines Go emulates their atomics with locks that only the
// own process sees, and on big-endian machines every word would be read backwards.
var _ = package_ring_needs_a_64_bit_little_endian_machine_such_as_amd64_or_arm64
