package main

import (
	"os/exec"
	"syscall"
)

// ownGroup makes cmd a process group of its own, which the terminal's signals do not reach: its parent ends it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup kills cmd, which has not been waited for, and all it has started.
func endGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it may have ended by itself
