package measure

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownGroup makes cmd a process group of its own.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// affinity returns the processors that this process may run on.
func affinity() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var cpus []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// pin lets all threads of this process, and those to come, run on cpus only.
func pin(cpus ...int) error {
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	for range 2 { // a thread started during the first turn by one that was still free is caught by the second
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
				return os.NewSyscallError("sched_setaffinity", err)
			}
		}
	}
	return nil
}

// MapShared maps size bytes of the file at path, which it makes if it is missing, with all pages present.
func MapShared(path string, size int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	return mem, os.NewSyscallError("mmap", err)
}

// Unmap undoes MapShared.
func Unmap(mem []byte) { _ = unix.Munmap(mem) }

// clock is a time in nanoseconds that all processes agree on.
func clock() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // this clock is always there
	}
	return t.Nano()
}

// cpuTime returns the processor time, user and system, that all threads of process pid have used.
func cpuTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	id := int32(^pid<<3 | 2) // as clock_getcpuclockid does: 2 is CPUCLOCK_SCHED
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(t.Nano()), nil
}

// busyTime returns how much time the processors have spent on anything, in steps of a clock tick.
func busyTime(cpus []int) (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	const tick = time.Second / 100 // USER_HZ, the same on all systems that Go runs on
	var busy time.Duration
	for line := range strings.Lines(string(stat)) {
		var name string
		var user, nice, system, idle, wait, irq, soft, steal time.Duration
		_, err := fmt.Sscan(line, &name, &user, &nice, &system, &idle, &wait, &irq, &soft, &steal)
		if n, e := strconv.Atoi(strings.TrimPrefix(name, "cpu")); err == nil && e == nil && slices.Contains(cpus, n) {
			busy += (user + nice + system + irq + soft + steal) * tick
		}
	}
	return busy, nil
}

// ownTime returns the processor time of this process and of all children it has waited for.
func ownTime() (time.Duration, error) {
	var own time.Duration
	for _, who := range [...]int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		if err := unix.Getrusage(who, &r); err != nil {
			return 0, os.NewSyscallError("getrusage", err)
		}
		own += time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return own, nil
}

// asleep reports whether every thread of process pid sleeps.
func asleep(pid int) (bool, error) {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(stats) == 0 {
		return false, ErrGone
	}
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if !strings.HasPrefix(rest, "S") {
			return false, nil
		}
	}
	return true, nil
}

// Machine describes where the figures come from.
func Machine() string {
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel, load := "unknown", "unknown"
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	if l, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(l), " ")
	}
	return fmt.Sprintf("%s, Linux %s, load at the start %s", model, kernel, load)
}
