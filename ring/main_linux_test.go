package ring_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestMain(m *testing.M) {
	refuseCalls()
	proctest.Main(m, map[string]func(args []string){
		"claim":    claimRole,
		"claims":   claimsRole,
		"piped":    pipedRole,
		"echo":     echoRole,
		"echo any": echoAnyRole,
		"spin":     spinRole,
		"blind":    blindRole,
		"lease":    leaseRole,
		"partner":  partnerRole,
		"socket":   socketRole,

		"without-proc":   withoutProcRole,
		"nobody-by-file": nobodyByFileRole,
		"locked":         lockedRole,
		"grouped":        groupedRole,

		"wait":        waitRole,
		"interrupted": interruptedRole,
		"ephemeral":   func(args []string) { readWith(args[0], ring.ReaderOptions{Name: args[1]}) },
		"recover":     recoverRole,
		"report":      reportRole,
		"shared":      sharedRole,
		"deed":        deedRole,
		"drain":       drainRole,
		"member":      memberRole,
		"worker":      workerRole,
		"consume":     consumeRole,
		"evictee":     evicteeRole,
		"flood":       floodRole,
		"standby":     standbyRole,
		"writer":      writerRole,
		"reader":      func(args []string) { readWith(args[0], ring.ReaderOptions{Name: args[1], Durable: args[1] != ""}) },
		"nobody":      nobodyRole,
		"slots":       slotsRole,
		"no-space":    noSpaceRole,
		"overlay":     overlayRole,
		"ramfs":       ramfsRole,
	})
}

// writerRole writes to a ring: "publish TEXT", "close", or nothing more.
func writerRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	proctest.Say("ready")
	for {
		var what, text string
		_, _ = fmt.Sscanf(proctest.Hear(), "%s %s", &what, &text) // the text may be missing
		switch what {
		case "publish":
			seq, err := w.Publish(background, []byte(text))
			proctest.Die(err)
			proctest.Say("published %d", seq)
		case "close":
			proctest.Die(w.Close())
			proctest.Say("closed")
		default:
			proctest.Die(fmt.Errorf("what is %q?", what))
		}
	}
}

// readWith registers and reads a record whenever it is told to: "next", "ack", "close".
func readWith(path string, o ring.ReaderOptions) {
	r, err := ring.OpenReader(background, path, o)
	proctest.Die(err)
	proctest.Say("ready")
	for {
		switch what := proctest.Hear(); what {
		case "next":
			rec, err := r.Next(background)
			proctest.Die(err)
			proctest.Say("record %d %s", rec.Seq, rec.Payload)
		case "ack":
			proctest.Die(r.Ack())
			proctest.Say("acked")
		case "close":
			proctest.Die(r.Close())
			proctest.Say("closed")
		default:
			proctest.Die(fmt.Errorf("what is %q?", what))
		}
	}
}

// slotsRole takes so many slots of a ring and says when it has them.
func slotsRole(args []string) {
	var n int
	if _, err := fmt.Sscan(args[1], &n); err != nil {
		proctest.Die(err)
	}
	for range n {
		_, err := ring.OpenReader(background, args[0], ring.ReaderOptions{})
		proctest.Die(err)
	}
	proctest.Say("ready")
	proctest.Hear()
}

// nobodyRole opens a ring in every way as a user without rights, and says how each went.
func nobodyRole(args []string) {
	proctest.Die(proctest.BecomeNobody())
	path := args[0]
	o, err := ring.Observe(background, path, ring.ObserverOptions{})
	var rec ring.Record
	if err == nil {
		rec, err = o.Next(background)
	}
	proctest.Say("observe %s %s", kind(err), rec.Payload)
	_, err = ring.Inspect(path)
	proctest.Say("inspect %s", kind(err))
	_, err = ring.Verify(path)
	proctest.Say("verify %s", kind(err))
	_, err = ring.OpenReader(background, path, ring.ReaderOptions{})
	proctest.Say("reader %s", kind(err))
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	proctest.Say("writer %s", kind(err))
}

// kind names the sentinel in err.
func kind(err error) string {
	for _, k := range []struct {
		name string
		err  error
	}{
		{"ErrNotRing", ring.ErrNotRing}, {"ErrCorrupt", ring.ErrCorrupt}, {"ErrVersion", ring.ErrVersion}, {"ErrFS", ring.ErrFS},
		{"ErrOwner", ring.ErrOwner}, {"ErrConfig", ring.ErrConfig}, {"ErrLost", ring.ErrLost}, {"ErrFull", ring.ErrFull},
		{"ErrBusy", ring.ErrBusy}, {"ErrPermission", os.ErrPermission}, {"ErrExist", os.ErrExist},
		{"ErrNotExist", os.ErrNotExist}, {"ErrUnsupported", errors.ErrUnsupported}, {"ErrClosed", os.ErrClosed},
	} {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}
