package ring_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
)

// refusal names, in the environment of a test process, the error that the newer system calls answer there: "1", or "1
// membarrier" for that one alone.
const refusal = "MMRING_TEST_REFUSE"

// refuseCalls makes this a process in a container whose filter does not know futex_waitv and membarrier, if its
// environment says so.
func refuseCalls() {
	var errno syscall.Errno
	var only string
	n, _ := fmt.Sscan(os.Getenv(refusal), (*uintptr)(&errno), &only)
	if n == 0 {
		return
	}
	proctest.Die(proctest.RefuseCall(errno, unix.SYS_MEMBARRIER))
	if only != "membarrier" {
		proctest.Die(proctest.RefuseCall(errno, unix.SYS_FUTEX_WAITV))
	}
}

// TestEverythingThatWaitsAlsoDoesWithoutTheNewerCalls runs the tests of this package that wait once more, in a process
// where the kernel has neither futex_waitv nor membarrier.
func TestEverythingThatWaitsAlsoDoesWithoutTheNewerCalls(t *testing.T) {
	again := []string{
		"TestAWaitEndsWhenWhatItWaitsForHappens", "TestAContextEndsAWait", "TestTheContextOfAnEarlierCallDoesNotMatter",
		"TestCloseEndsAWait", "TestOfManyClosesAllReturnWhenItIsDone", "TestASecondGoroutineIsToldOfItsMisuse", "TestCloseEndsACallThatRuns",
		"TestWakingIsCounted", "TestWhoWaitsUsesNoProcessor", "TestSignalsDoNotEndAWait", "TestNoWakeUpOfAWriterIsMissed",
		"TestAStoppedReaderIsNotRobbed", "TestADeadReaderInTheWayIsRemoved", "TestTheEndWakesEverybody",
		"TestTheMutexOfADeadWriterIsTakenOver", "TestCloseEndsAWaitForTheMutex", "TestEachGoroutineHasAWriterOfItsOwn",
		"TestAWaiterIsWokenByEachOfItsRings", "TestWhileItWaitsARingOfAWaiterMayEndOrBeClosed", "TestAWaiterFollows", "TestNoWakeUpOfAWaiterIsMissed",
	}
	errnos := []syscall.Errno{unix.ENOSYS, unix.EPERM}
	if slower > 1 {
		errnos = errnos[:1]
	}
	for _, errno := range errnos {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^("+strings.Join(again, "|")+")$", "-test.timeout", "100s")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", refusal, uintptr(errno)))
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			require.NoError(t, err)
			require.Equal(t, len(again), strings.Count(string(out), "\n--- PASS"))
		})
	}
}
