// Package proctest gives tests real processes: the test binary starts itself again in a role, talks with the child in lines
// and kills, stops or continues it. Only tests import it.
//
// A package lists its roles in TestMain:
//
//	func TestMain(m *testing.M) {
//		proctest.Main(m, map[string]func(args []string){"holder": holder})
//	}
//
//	func holder(args []string) {
//		hold(args[0])
//		proctest.Say("holding")
//		proctest.Hear() // returns with the test's next Send; at the test's end the process exits here
//	}
//
// and a test plays with them:
//
//	p := proctest.Start(t, "holder", path)
//	p.Expect("holding")
//	p.Kill()
//
// Everything is an event: there is nothing to sleep for. A child that says nothing for a minute fails the test; so does one
// that dies when a line is expected. What it writes to stderr goes into the test's log. No child survives its test: it is
// killed there, and it exits by itself when the test process is gone.
//
// On Linux, Stop waits until the child is stopped, PidNamespace gives it process id 1, and a child may make its own system
// calls fail (RefuseCall) or return early (Interruptible).
//
// # Concurrency
//
// The methods of a Proc belong to the goroutine of the test, as t.Fatal does. Several children run at the same time.
package proctest
