package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
)

// child is a process of the demo.
type child struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer   // it ends when this is closed
	killed atomic.Bool // its death was asked for
	gone   chan struct{}
}

// heard is an event of a child, or the error it died with.
type heard struct {
	name  string
	event demoEvent
	err   error
}

// spawn starts this program again in a role.
func (d *demo) spawn(ctx context.Context, name, role string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "demo-process", role, "--dir", d.job.dir, "--input", d.job.input,
		"--paced", strconv.FormatUint(d.job.paced, 10), "--gate", strconv.FormatUint(d.job.gate, 10))
	return d.run(ctx, name, cmd, func(c *child, stdout io.Reader) error {
		lines := json.NewDecoder(stdout)
		for {
			var e demoEvent
			if err := lines.Decode(&e); err != nil {
				return nil // it has ended; how, its exit code says
			}
			d.pass(ctx, heard{name: name, event: e})
		}
	})
}

// spawnPipeline starts a shell with a pipeline, as a user would.
func (d *demo) spawnPipeline(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	hash, err := hashCommand()
	if err != nil {
		return err
	}
	d.screen.say("the pipeline: mmring sub %s | %s", d.job.ring(), hash)
	cmd := exec.Command("sh", "-c", `"$0" sub -q "$1" | `+hash, self, d.job.ring())
	return d.run(ctx, pipelineName, cmd, func(c *child, stdout io.Reader) error {
		out, err := io.ReadAll(stdout)
		sum, _, _ := strings.Cut(string(out), " ")
		if err == nil && !c.killed.Load() && len(sum) > 0 {
			d.pass(ctx, heard{name: pipelineName, event: demoEvent{Event: "done", SHA256: sum}})
		}
		return err
	})
}

// run starts cmd, has its output listened to, and tells when it ends in a way that was not asked for.
func (d *demo) run(ctx context.Context, name string, cmd *exec.Cmd, listen func(c *child, stdout io.Reader) error) error {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	c := &child{name: name, cmd: cmd, stdin: stdin, gone: make(chan struct{})}
	d.children[name] = c
	go func() {
		heardErr := listen(c, stdout)
		err := cmd.Wait()
		close(c.gone)
		if err = errors.Join(heardErr, err); err != nil && !c.killed.Load() {
			d.pass(ctx, heard{name: name, err: fmt.Errorf("%s (process %d): %w: %s", name, cmd.Process.Pid, err, strings.TrimSpace(said.String()))})
		}
	}()
	return nil
}

// pass hands an event to the watch, unless the demo is over.
func (d *demo) pass(ctx context.Context, h heard) {
	select {
	case d.events <- h:
	case <-ctx.Done():
	}
}

// kill kills a child with SIGKILL and waits until it is gone.
func (d *demo) kill(name string) error {
	c := d.children[name]
	c.killed.Store(true)
	if err := c.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	<-c.gone
	delete(d.children, name)
	return nil
}

// endChildren leaves no process behind.
func (d *demo) endChildren() {
	for _, c := range d.children {
		c.killed.Store(true)
		select {
		case <-c.gone: // its number may be another's by now
		default:
			endGroup(c.cmd)
		}
		c.stdin.Close()
	}
	for _, c := range d.children {
		<-c.gone
	}
}

// hashCommand is how the pipeline makes a SHA-256.
func hashCommand() (string, error) {
	for _, command := range []string{"sha256sum", "shasum -a 256"} {
		program, _, _ := strings.Cut(command, " ")
		if _, err := exec.LookPath(program); err == nil {
			return command, nil
		}
	}
	return "", hinted{errors.New("neither sha256sum nor shasum is there for the pipeline"), "install coreutils"}
}
