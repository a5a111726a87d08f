package proctest

import (
	"bufio"
	"fmt"
	"os"
	"testing"
)

// roleVariable names the role in the child's environment.
const roleVariable = "MMRING_PROCTEST_ROLE"

// heard has the lines of the child's stdin.
var heard chan string

// Main is the body of TestMain: it runs the tests, or, in a child, the role that Start named.
func Main(m *testing.M, roles map[string]func(args []string)) {
	name := os.Getenv(roleVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	role := roles[name]
	if role == nil {
		Die(fmt.Errorf("no role %q", name))
	}
	heard = make(chan string)
	go listen()
	role(os.Args[1:])
	os.Exit(0)
}

// listen passes the lines of stdin on. When the test closes it, or is gone, so is the child.
func listen() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		heard <- lines.Text()
	}
	os.Exit(0)
}

// Say writes a line to the test. Only children call it.
func Say(format string, args ...any) {
	if _, err := fmt.Printf(format+"\n", args...); err != nil {
		Die(err)
	}
}

// Hear returns the test's next line. When none can come any more, the process exits. Only children call it.
func Hear() string { return <-heard }

// Die ends a child with exit code 1 and a message for the test's log, unless err is nil. Only children call it.
func Die(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
