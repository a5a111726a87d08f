package proctest

// Environment is what a test adds to the environment of the test binary to start it in a role under another program, such
// as a tracer. The child lives as long as its stdin stays open.
func Environment(role string) string { return roleVariable + "=" + role }
