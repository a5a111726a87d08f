package lock_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
)

func TestWhichRolesGoTogether(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second lock.Mode
		busy          bool
	}{
		{"exclusive beside exclusive is busy", lock.Exclusive, lock.Exclusive, true},
		{"exclusive beside shared is busy", lock.Shared, lock.Exclusive, true},
		{"shared beside exclusive is busy", lock.Exclusive, lock.Shared, true},
		{"shared beside shared is granted", lock.Shared, lock.Shared, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newFile(t)
			first, err := lock.TryRole(path, c.first)
			require.NoError(t, err)
			second, err := lock.TryRole(path, c.second)
			if c.busy {
				require.ErrorIs(t, err, lock.ErrBusy)
				require.ErrorContains(t, err, "take "+c.second.String()+" role of "+path)
				require.Nil(t, second)
			} else {
				require.NoError(t, err)
				require.NoError(t, second.Close())
			}
			require.NoError(t, first.Close())
			require.NoError(t, first.Close(), "the second Close")

			second, err = lock.TryRole(path, c.second)
			require.NoError(t, err, "after Close")
			require.NoError(t, second.Close())
		})
	}
}

func TestAClosedRoleAnswersErrClosed(t *testing.T) {
	path := newFile(t)
	r, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	_, err = r.Info()
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorContains(t, err, path)
	require.ErrorIs(t, r.Share(), os.ErrClosed)
}

func TestWhatCannotHaveARoleIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		mode lock.Mode
		is   error
		says string
	}{
		{"a missing file stays missing", func(*testing.T, string) {}, 0, fs.ErrNotExist, "no such file"},
		{"a named pipe does not hang us", func(t *testing.T, path string) {
			require.NoError(t, unix.Mkfifo(path, 0o600))
		}, 0, fs.ErrInvalid, "a named pipe, not a regular file"},
		{"a symbolic link is not followed", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+".target", nil, 0o600))
			require.NoError(t, os.Symlink(path+".target", path))
		}, 0, fs.ErrInvalid, "a symbolic link, not a regular file"},
		{"a dangling symbolic link is not filled", func(t *testing.T, path string) {
			require.NoError(t, os.Symlink(path+".missing", path))
		}, 0, fs.ErrInvalid, "a symbolic link, not a regular file"},
		{"a directory", func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
		}, 0, fs.ErrInvalid, "a directory, not a regular file"},
		{"a socket", func(t *testing.T, path string) {
			s, err := net.Listen("unix", path)
			require.NoError(t, err)
			t.Cleanup(func() { s.Close() })
		}, 0, fs.ErrInvalid, "a socket, not a regular file"},
		{"a mode that is none", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}, 7, fs.ErrInvalid, "take Mode(7) role"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "lock") // short: the name of a socket has room for 108 bytes
			require.NoError(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			path := filepath.Join(dir, "file")
			c.make(t, path)
			before, err := os.ReadDir(dir)
			require.NoError(t, err)

			_, err = lock.TryRole(path, c.mode)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, path)
			_, err = lock.WaitRole(t.Context(), path, c.mode)
			require.ErrorIs(t, err, c.is)

			after, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, after, len(before), "nothing is created")
		})
	}
	_, err := lock.TryRole("/dev/null", lock.Exclusive)
	require.ErrorContains(t, err, "a device, not a regular file")
}

func TestAReadOnlyFileIsRefusedToThoseWhoMayNotWrite(t *testing.T) {
	dir, err := os.MkdirTemp("", "lock") // others may enter it, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Chmod(path, 0o444))

	p := proctest.Start(t, "try-role", path)
	require.Equal(t, "true: take exclusive role of "+path+": permission denied", p.Expect("permission"))
}

func TestInfoIsThatOfTheLockedFile(t *testing.T) {
	path := newFile(t)
	r, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, os.Rename(path, path+".old"))
	require.NoError(t, os.WriteFile(path, nil, 0o600))

	info, err := r.Info()
	require.NoError(t, err)
	require.True(t, os.SameFile(info, stat(t, path+".old")))
	require.False(t, os.SameFile(info, stat(t, path)))
}

func TestAReplacedFileHasARoleOfItsOwn(t *testing.T) {
	path := newFile(t)
	old, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	defer old.Close()
	require.NoError(t, os.WriteFile(path+".new", nil, 0o600))
	require.NoError(t, os.Rename(path+".new", path))

	r, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	defer r.Close()
	info, err := r.Info()
	require.NoError(t, err)
	require.True(t, os.SameFile(info, stat(t, path)))
}

func TestARoleTakenWhileTheFileIsReplacedAllTheTimeIsNeverHeldTwice(t *testing.T) {
	path := newFile(t)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
				stopped <- err
				return
			}
			if err := os.Rename(path+".new", path); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 500 {
		r, err := lock.TryRole(path, lock.Exclusive)
		if err != nil {
			require.ErrorContains(t, err, "replaced 100 times")
			continue
		}
		info, err := r.Info()
		require.NoError(t, err)
		if os.SameFile(info, stat(t, path)) {
			if second, err := lock.TryRole(path, lock.Exclusive); err == nil {
				other, err := second.Info()
				require.NoError(t, err)
				require.False(t, os.SameFile(info, other), "two roles of one file")
				require.NoError(t, second.Close())
			}
		}
		require.NoError(t, r.Close())
	}
	close(stop)
	require.NoError(t, <-stopped)
}

// Between a look at the path and its open anything may take the name: nothing of it hangs us, is followed or gets a role.
func TestARoleIsOnlyThatOfAFileWhateverTakesItsName(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string) error
	}{
		{"a named pipe", func(path string) error { return unix.Mkfifo(path, 0o600) }},
		{"a symbolic link to a file", func(path string) error { return os.Symlink("target", path) }},
		{"a dangling symbolic link", func(path string) error { return os.Symlink("missing", path) }},
		{"nothing", func(path string) error { return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "target"), nil, 0o600))
			path := filepath.Join(dir, "file")
			stop, stopped := make(chan struct{}), make(chan error, 1)
			go func() { stopped <- alternate(path, c.make, stop) }()
			roles := 0
			for range 2000 {
				r, err := lock.TryRole(path, lock.Exclusive)
				if err != nil {
					continue
				}
				info, err := r.Info()
				require.NoError(t, err)
				require.True(t, info.Mode().IsRegular())
				require.False(t, os.SameFile(info, stat(t, filepath.Join(dir, "target"))), "a link was followed")
				require.NoError(t, r.Close())
				roles++
			}
			close(stop)
			require.NoError(t, <-stopped)
			require.NoFileExists(t, filepath.Join(dir, "missing"))
			t.Logf("%d roles of 2000 tries", roles)
		})
	}
}

// alternate gives the path to a file and to something else in turn.
func alternate(path string, other func(path string) error, stop chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		err := os.WriteFile(path, nil, 0o600)
		if err == nil {
			err = os.Remove(path)
		}
		if err == nil {
			err = other(path)
		}
		if err == nil {
			err = os.RemoveAll(path)
		}
		if err != nil {
			return err
		}
	}
}

func TestAFileWithoutANameHasARole(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, os.O_RDWR|unix.O_TMPFILE)
	r, err := lock.TryRoleFile(f, lock.Exclusive)
	require.NoError(t, err)
	_, err = lock.TryRoleFile(f, lock.Shared)
	require.ErrorIs(t, err, lock.ErrBusy)

	// 1. the file gets its name  2. the role is that of the name  3. and outlives f
	path := filepath.Join(dir, "file")
	require.NoError(t, unix.Linkat(unix.AT_FDCWD, descriptor(f), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)) // 1
	busy(t, path)                                                                                              // 2
	require.NoError(t, f.Close())                                                                              // 3
	busy(t, path)
	info, err := r.Info()
	require.NoError(t, err)
	require.True(t, os.SameFile(info, stat(t, path)))
	require.NoError(t, r.Close())
	r, err = lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

func TestTryRoleFileRefusesWhatHasNoRole(t *testing.T) {
	_, err := lock.TryRoleFile(open(t, t.TempDir(), os.O_RDONLY), lock.Exclusive)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.ErrorContains(t, err, "a directory")

	f := open(t, newFile(t), os.O_RDWR)
	_, err = lock.TryRoleFile(f, 7)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.NoError(t, f.Close())
	_, err = lock.TryRoleFile(f, lock.Exclusive)
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = lock.TryRoleFile(nil, lock.Exclusive)
	require.ErrorIs(t, err, fs.ErrInvalid)
}

func TestShareLetsOthersInBesideUs(t *testing.T) {
	path := newFile(t)
	r, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	for range 2 { // to share what is shared changes nothing
		require.NoError(t, r.Share())
		other, err := lock.TryRole(path, lock.Shared)
		require.NoError(t, err)
		busy(t, path)
		require.NoError(t, other.Close())
	}
	require.NoError(t, r.Close())
	r, err = lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err, "both modes are gone after Close")
	require.NoError(t, r.Close())
}

func TestShareLeavesNoGapForAWaiter(t *testing.T) {
	path := newFile(t)
	r, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	p := proctest.Start(t, "wait-role", path, "exclusive")
	asleep(t, stat(t, path), 1)
	require.NoError(t, r.Share())
	asleep(t, stat(t, path), 1)
	require.NoError(t, r.Share(), "it is still ours")
	require.NoError(t, r.Close())
	p.Expect("got")
}

func TestRoleAndLifeDoNotSeeEachOther(t *testing.T) {
	path := newFile(t)
	r, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	defer r.Close()
	require.False(t, held(t, path))
	l, err := lock.TryHold(open(t, path, os.O_RDWR), far)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
