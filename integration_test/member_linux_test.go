package integration_test

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// group is what the members of the play share.
const group = "crew"

// member PATH NOTES takes its share of a group's records to the end. It notes each of them before it is done.
func member(args []string) {
	notes, err := os.OpenFile(args[1], os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	proctest.Die(err)
	m, err := ring.JoinGroup(background, args[0], group, ring.GroupOptions{})
	proctest.Die(err)
	told := obey(m.Close)
	proctest.Say("working")
	var scratch []byte
	for work := range m.Records(background) {
		scratch = check(work.Record, scratch)
		_, err := notes.Write(note(work.Seq, work.Delivery > 1))
		proctest.Die(err)
	}
	if told.left(m.Err()) {
		return
	}
	proctest.Die(m.Err())
	proctest.Die(m.Close())
	proctest.Say("worked")
}

// note is one system call, which a kill comes before or after: the number, and whether the record came again.
func note(seq uint64, again bool) []byte {
	seq <<= 1
	if again {
		seq |= 1
	}
	return binary.LittleEndian.AppendUint64(nil, seq)
}

// accountGroup requires that each record up to last came to a member, and to another only with a mark.
func accountGroup(t *testing.T, notes string, last uint64) {
	t.Helper()
	b, err := os.ReadFile(notes)
	require.NoError(t, err)
	had, fresh := make([]int, last+1), make([]int, last+1)
	for ; len(b) >= 8; b = b[8:] {
		n := binary.LittleEndian.Uint64(b)
		require.LessOrEqual(t, n>>1, last)
		had[n>>1]++
		if n&1 == 0 {
			fresh[n>>1]++
		}
	}
	require.Empty(t, b)
	for seq := uint64(1); seq <= last; seq++ {
		if had[seq] == 0 || fresh[seq] > 1 {
			require.Failf(t, "a record came to no member, or again without a mark", "record %d: %d times, %d of them fresh", seq, had[seq], fresh[seq])
		}
	}
}
