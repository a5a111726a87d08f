package lock_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
)

// Where rings live: a disk file system and tmpfs.
func eachFileSystem(t *testing.T, test func(t *testing.T, path string)) {
	t.Run("in the temporary directory", func(t *testing.T) { test(t, newFile(t)) })
	t.Run("in /dev/shm", func(t *testing.T) {
		f, err := os.CreateTemp("/dev/shm", "lock")
		require.NoError(t, err)
		require.NoError(t, f.Close())
		t.Cleanup(func() { os.Remove(f.Name()) })
		test(t, f.Name())
	})
}

func TestTheRoleOfAKilledProcessGoesToTheOneThatWaits(t *testing.T) {
	eachFileSystem(t, func(t *testing.T, path string) {
		holder := proctest.Start(t, "role", path, "exclusive")
		holder.Expect("holding")
		busy(t, path)
		heir := proctest.Start(t, "wait-role", path, "exclusive")
		asleep(t, stat(t, path), 1)
		holder.Kill()
		heir.Expect("got")
		busy(t, path)
	})
}

func TestAStoppedProcessKeepsItsRole(t *testing.T) {
	path := newFile(t)
	holder := proctest.Start(t, "role", path, "exclusive")
	holder.Expect("holding")
	heir := proctest.Start(t, "wait-role", path, "exclusive")
	asleep(t, stat(t, path), 1)
	for range 3 {
		holder.Stop()
		busy(t, path)
		asleep(t, stat(t, path), 1)
		holder.Cont()
		holder.Send("open and close")
		holder.Expect("done")
	}
	holder.Stop()
	holder.Kill() // the stopped die as well
	heir.Expect("got")
}

func TestTheHolderMayOpenAndCloseTheFileAgain(t *testing.T) {
	path := newFile(t)
	holder := proctest.Start(t, "role", path, "exclusive")
	holder.Expect("holding")
	holder.Send("open and close")
	holder.Expect("done")
	busy(t, path)
	holder.Send("end")
	holder.Expect("done")
	r, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

func TestTheExclusiveRoleWaitsForTheLastOfTheShared(t *testing.T) {
	path := newFile(t)
	one := proctest.Start(t, "role", path, "exclusive")
	one.Expect("holding")
	two := proctest.Start(t, "wait-role", path, "shared")
	asleep(t, stat(t, path), 1)
	one.Send("share")
	one.Expect("done")
	two.Expect("got")
	heir := proctest.Start(t, "wait-role", path, "exclusive")
	asleep(t, stat(t, path), 1)
	one.Kill()
	require.Error(t, one.Wait())
	busy(t, path)
	asleep(t, stat(t, path), 1)
	two.Kill()
	heir.Expect("got")
}

func TestAChildOfTheHolderKeepsNothing(t *testing.T) {
	path := newFile(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	holder := proctest.Config{Files: []*os.File{r}}.Start(t, "role", path, "exclusive")
	require.NoError(t, r.Close())
	holder.Expect("holding")
	holder.Send("start a child")
	require.ElementsMatch(t, []string{"done", "child"}, []string{holder.Line(), holder.Line()})

	holder.Kill()
	role, err := lock.WaitRole(t.Context(), path, lock.Exclusive)
	require.NoError(t, err)
	defer role.Close()
	_, err = w.WriteString("are you alive?\n")
	require.NoError(t, err)
	holder.Expect("child") // it is
}

func TestARoleWorksAcrossPidNamespaces(t *testing.T) {
	path := newFile(t)
	inside := proctest.Config{Attr: proctest.PidNamespace()}
	holder := inside.Start(t, "role", path, "exclusive")
	holder.Expect("holding")
	busy(t, path)
	heir := inside.Start(t, "wait-role", path, "exclusive") // both are number 1
	asleep(t, stat(t, path), 1)
	holder.Stop()
	busy(t, path)
	holder.Kill()
	heir.Expect("got")
	heir.Kill()
	r, err := lock.WaitRole(t.Context(), path, lock.Exclusive)
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

func TestForgottenLocksStayHeldUntilTheProcessEnds(t *testing.T) {
	path := newFile(t)
	p := proctest.Config{Env: []string{"GOGC=1"}}.Start(t, "forgetful", path)
	p.Expect("collected")
	busy(t, path)
	require.True(t, held(t, path))
	p.Kill()
	r, err := lock.WaitRole(t.Context(), path, lock.Exclusive)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, lock.WaitFree(t.Context(), open(t, path, os.O_RDONLY), far))
}

func TestOfManyProcessesOneGetsTheRole(t *testing.T) {
	path := newFile(t)
	var all []*proctest.Proc
	for range 8 {
		all = append(all, proctest.Start(t, "contender", path))
	}
	for range 200 {
		for _, p := range all {
			p.Expect("ready")
		}
		for _, p := range all {
			p.Send("try")
		}
		won := 0
		for _, p := range all {
			if p.Line() == "won" {
				won++
			}
		}
		require.Equal(t, 1, won)
		for _, p := range all {
			p.Send("let go")
		}
	}
}

func TestAKernelWithoutLocksIsNamed(t *testing.T) {
	path := newFile(t)
	p := proctest.Start(t, "enolck", path)
	for _, op := range []string{
		"take exclusive role of ", "wait for shared role of ",
		"hold byte 4611686018427387911 of ", "look at byte 4611686018427387911 of ", "wait for byte 4611686018427387911 of ",
	} {
		require.Equal(t, "true "+op+path+": no locks available", p.Expect("answer"))
	}
	require.NoError(t, p.Wait())

	p = proctest.Start(t, "no-ofd", path)
	for range 2 {
		require.Contains(t, p.Expect("answer"), "this kernel has no OFD locks (invalid argument)")
	}
	require.NoError(t, p.Wait())
}

func TestWithoutProcTheRestStillWorks(t *testing.T) {
	path := newFile(t)
	holder := proctest.Start(t, "life", path)
	holder.Expect("holding")
	p := proctest.Config{Attr: proctest.MountNamespace()}.Start(t, "no-proc", path)
	for _, want := range []string{
		"true take exclusive role of " + path + ": unsupported operation: opening the file a second time needs /proc, which is not mounted here",
		"true wait for byte 4611686018427387911 of " + path + ": unsupported operation: opening the file a second time needs /proc, which is not mounted here",
		"true hold byte 4611686018427387911 of " + path + ": busy: somebody else holds it",
		"true <nil>",
	} {
		require.Equal(t, want, p.Expect("answer"))
	}
	require.NoError(t, p.Wait())
}
