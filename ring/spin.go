package ring

// Spin says how long a call that has to wait looks again and again before it sleeps in the kernel. It changes latency and
// what the processor is used for, and nothing else. Whatever it says, a context, Close, a lost file and a dead reader in the way
// are noticed.
type Spin uint8

const (
	// SpinAuto looks for some 20 microseconds, about as long as a wake-up takes, and then sleeps.
	SpinAuto Spin = iota
	// SpinBusy never sleeps: it takes a whole processor for the lowest latency. Where there is but one, or more that spin than
	// there are, it makes everything slower.
	SpinBusy
	// SpinNone sleeps at once: for those who wait long, and have other things for the processor to do.
	SpinNone
)
