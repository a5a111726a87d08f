// Package integration is only tests: real processes publish and read through one ring, are killed and stopped, and every
// record is accounted for. Its roles are the programs that the test binary becomes when it starts itself again.
package integration
