package shm_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/shm"
)

func init() { roles["lock too much"] = lockTooMuch }

func TestProtectTakesTheRightToStoreAndGivesItBack(t *testing.T) {
	for name, m := range map[string]*shm.Map{
		"read-write":    mapped(t, file(t, pattern(2*page)), shm.ReadWrite, shm.Options{Offset: 14}),
		"copy-on-write": mapped(t, file(t, pattern(2*page)), shm.CopyOnWrite, shm.Options{Offset: 14}),
		"memory":        anonymous(t, 2*page, shm.Options{}),
		"private":       anonymous(t, 2*page, shm.Options{Private: true}),
		"reserved":      mapped(t, file(t, pattern(2*page)), shm.ReadWrite, shm.Options{Reserve: 9 * page}),
	} {
		t.Run(name, func(t *testing.T) {
			was := m.Access()
			require.NoError(t, m.Protect(shm.ReadOnly))
			require.Equal(t, shm.ReadOnly, m.Access())
			_, err := m.WriteAt([]byte("x"), 0)
			says(t, err, shm.ErrReadOnly, "write")
			var fault *shm.FaultError
			require.ErrorAs(t, m.Guard(func() { m.Bytes()[m.Len()-1] = 1 }), &fault)
			require.ErrorIs(t, fault, shm.ErrReadOnly)
			require.NoError(t, m.Protect(was))
			require.Equal(t, was, m.Access())
			_, err = m.WriteAt([]byte("x"), int64(m.Len()-1))
			require.NoError(t, err)
		})
	}
}

func TestProtectGivesNoMoreThanTheFileWasOpenedFor(t *testing.T) {
	f := file(t, pattern(100))
	m := mapped(t, f, shm.ReadOnly, shm.Options{})
	require.NoError(t, m.Protect(shm.ReadWrite), "a file open for writing may be written")
	_, err := m.WriteAt([]byte("new"), 0)
	require.NoError(t, err)
	require.NoError(t, m.Flush())
	require.Equal(t, "new", string(onDisk(t, f)[:3]))

	m, err = shm.Open(f.Name(), shm.ReadOnly, shm.Options{})
	require.NoError(t, err)
	defer m.Close()
	says(t, m.Protect(shm.ReadWrite), fs.ErrPermission, "protect", "reading only", "read-write")
	require.Equal(t, shm.ReadOnly, m.Access())
}

func TestProtectDoesNotMakePrivateMemoryShared(t *testing.T) {
	f := file(t, pattern(100))
	copied := mapped(t, f, shm.CopyOnWrite, shm.Options{})
	shared := mapped(t, f, shm.ReadWrite, shm.Options{})
	says(t, copied.Protect(shm.ReadWrite), fs.ErrInvalid, "protect", "copy-on-write")
	says(t, shared.Protect(shm.CopyOnWrite), fs.ErrInvalid, "protect", "read-write")
	says(t, anonymous(t, 1, shm.Options{Private: true}).Protect(shm.CopyOnWrite), fs.ErrInvalid, "protect")
	says(t, shared.Protect(5), fs.ErrInvalid, "protect", "access 5")
	require.Equal(t, shm.ReadWrite, shared.Access())
}

func TestLockKeepsPagesInMemory(t *testing.T) {
	const name = "shm-lock-test"
	m := anonymous(t, 5*page, shm.Options{Name: name})
	require.NoError(t, m.Lock())
	require.Regexp(t, `Locked: +[1-9]`, smaps(t, name))
	require.NoError(t, m.Unlock())
	require.Regexp(t, `Locked: +0 kB`, smaps(t, name))
	unaligned := mapped(t, file(t, pattern(3*page)), shm.ReadOnly, shm.Options{Offset: 14})
	require.NoError(t, unaligned.Lock())
	if err := unaligned.FlushRange(0, 1, shm.FlushInvalidate); err != nil { // nothing is written through this map
		t.Fatal(err)
	}
	require.NoError(t, unaligned.Unlock())
	written := mapped(t, file(t, pattern(3*page)), shm.ReadWrite, shm.Options{Offset: 14})
	require.NoError(t, written.Lock())
	says(t, written.FlushRange(5, 10, shm.FlushInvalidate), syscall.EBUSY, "flush", "10 bytes at offset 5")
	require.NoError(t, written.Unlock())
	require.NoError(t, written.FlushRange(5, 10, shm.FlushInvalidate))
}

func TestLockBeyondTheLimitIsAnError(t *testing.T) {
	p := proctest.Start(t, "lock too much")
	require.Equal(t, "true true", p.Expect("locked"))
	require.NoError(t, p.Wait())
}

func lockTooMuch([]string) {
	proctest.Die(unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: 0, Max: 0}))
	proctest.Die(proctest.BecomeNobody())
	m, err := shm.Anonymous(100*os.Getpagesize(), shm.Options{})
	proctest.Die(err)
	err = m.Lock()
	proctest.Say("locked %t %t", errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EPERM), strings.Contains(err.Error(), "lock anonymous"))
}

func TestSetNameNamesPrivateMemory(t *testing.T) {
	m := anonymous(t, 100, shm.Options{Private: true})
	for _, bad := range []string{"", strings.Repeat("x", 80), "a\x00b", "a[b", "a]b", "a\\b", "a`b", "a$b", "ä", "a\nb"} {
		says(t, m.SetName(bad), fs.ErrInvalid, "name")
	}
	says(t, anonymous(t, 100, shm.Options{}).SetName("good"), errors.ErrUnsupported, "name", "good")
	says(t, mapped(t, file(t, pattern(1)), shm.ReadOnly, shm.Options{}).SetName("good"), errors.ErrUnsupported, "name")
	for _, good := range []string{"x", strings.Repeat("x", 79), "with spaces: (and) <more>"} {
		err := m.SetName(good)
		if errors.Is(err, errors.ErrUnsupported) { // this kernel was built without names
			says(t, err, errors.ErrUnsupported, "name", good)
			continue
		}
		require.NoError(t, err)
		smaps(t, "[anon:"+good+"]")
	}
}
