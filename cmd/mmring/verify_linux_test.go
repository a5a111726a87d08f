package main_test

import (
	"crypto/sha256"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestVerifyFindsNothingInARingThatIsWhole(t *testing.T) {
	path := busy(t)
	golden(t, "verify.json", path, done(t, "verify", path, "-o", "json"))
	golden(t, "verify.txt", path, done(t, "verify", path))
	require.Contains(t, done(t, "verify", newRing(t)), ": 0 records, 0B of payload, 0 checksums compared, no fault\n")
}

func TestVerifySaysEachFaultAndChangesNothing(t *testing.T) {
	path := damaged(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	for output, file := range map[string]string{"json": "verify-fault.json", "text": "verify-fault.txt"} {
		r := mmring(t, "verify", path, "-o", output)
		require.Equal(t, 5, r.code)
		require.Empty(t, r.said, "stdout has said it")
		golden(t, file, path, r.out)
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(before), sha256.Sum256(after))
}

func TestARingThatContradictsItselfIsCorrupt(t *testing.T) {
	path := nine(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("\xff\xff\xff\xff"), info.DataOffset+4*32) // the size of record 5
	require.NoError(t, err)
	for _, command := range []string{"cat R", "sub R", "sub R --observe", "sub R --name keep"} {
		r := mmring(t, strings.Fields(at(path, command))...)
		require.Equal(t, 5, r.code, "%s: %s", command, r.said)
		require.Equal(t, lines(1, 4), r.out, "%s: what comes before is written", command)
		require.Regexp(t, `^mmring: read \S+: ring is corrupt: .*\nhint: mmring verify PATH says where\n$`, r.said)
	}

	_, err = f.WriteAt([]byte{0xff}, 40) // the header: its checksum is not right any more
	require.NoError(t, err)
	for _, command := range []string{"info R", "stat R", "verify R", "readers R", "cat R", "sub R", "pub R /dev/null"} {
		r := mmring(t, strings.Fields(at(path, command))...)
		require.Equal(t, 5, r.code, "%s: %s", command, r.said)
		require.Empty(t, r.out, command)
		require.Regexp(t, spoken, r.said, command)
	}
}
