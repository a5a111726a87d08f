// Package integration_test lets real processes publish and read through one ring, kills and stops them, and accounts for
// every record.
package integration_test
