package ring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/mmring/mmring/lock"
)

// Remove deletes the ring at path. Unless force is set it refuses, with ErrBusy, while a writer or a registered reader is
// attached; observers are not seen. With force, whoever is attached gets ErrLost.
func Remove(path string, force bool) error {
	info, err := Inspect(path)
	if err != nil && !(force && errors.Is(err, ErrCorrupt)) {
		return fail("remove", path, err)
	}
	if !force {
		if info.Writer.Alive {
			return fail("remove", path, fmt.Errorf("%w: process %d writes", ErrBusy, info.Writer.PID))
		}
		for _, r := range info.Readers {
			if r.Alive {
				return fail("remove", path, fmt.Errorf("%w: process %d reads%s", ErrBusy, r.PID, quoted(r.Name)))
			}
		}
		for _, g := range info.Groups {
			for _, m := range g.Members {
				if m.Alive {
					return fail("remove", path, fmt.Errorf("%w: process %d is a member of group%s", ErrBusy, m.PID, quoted(g.Name)))
				}
			}
		}
	}
	return fail("remove", path, os.Remove(path))
}

// AddReader makes the durable cursor name ahead of its reader, so that nothing is overwritten before it comes. If there is
// one, it stays where it is, and the answer is fs.ErrExist.
func AddReader(ctx context.Context, path, name string, from Start) error {
	r, err := OpenReader(ctx, path, ReaderOptions{Name: name, Durable: true, From: from, fresh: true})
	if err != nil {
		return err
	}
	return r.Close()
}

// MoveReader moves the durable cursor name, which no reader may have just now, to where from says; Next leaves it. An unknown
// name: fs.ErrNotExist. ErrBusy names the process that has the cursor. Where it cannot go, it stays (ErrNoTimes).
func MoveReader(ctx context.Context, path, name string, from Start) error {
	r, err := OpenReader(ctx, path, ReaderOptions{Name: name, Durable: true, From: from, known: true})
	if err != nil {
		return fail("move reader", path, err)
	}
	return r.Close()
}

// RemoveReader removes the durable cursor name, or the group of that name, and the writer no longer waits for it. A living
// reader or member is only removed with force, and gets ErrEvicted; without: ErrBusy. An unknown name: fs.ErrNotExist.
func RemoveReader(ctx context.Context, path, name string, force bool) error {
	if err := checkName(name); err != nil {
		return fail("remove reader", path, err)
	}
	h, err := openHandle(ctx, path, openOptions{write: true, allowFS: true})
	if err != nil {
		return fail("remove reader", path, err)
	}
	defer h.release()
	return fail("remove reader", path, h.removeReader(ctx, name, force))
}

func (h *handle) removeReader(ctx context.Context, name string, force bool) (err error) {
	defer h.settle(debug.SetPanicOnFault(true), "remove reader", &err)
	registry, err := h.holdRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	i, ok := h.find(name)
	if !ok {
		return fmt.Errorf("no reader%s: %w", quoted(name), os.ErrNotExist)
	}
	s := &h.slots[i]
	if slotState(s.word.Load()).kind() == kindGroup {
		defer rouse(h.spaceWake)
		return h.removeGroup(ctx, i, force)
	}
	life, err := lock.TryHold(h.file, lifeByte(i))
	switch {
	case err == nil:
		s.word.Store(uint64(slotState(s.word.Load()) &^ slotUse)) // S6: free; we hold the byte
		err = life.Close()
	case !errors.Is(err, lock.ErrBusy):
		return err
	case !force:
		return fmt.Errorf("%w: process %d reads%s", ErrBusy, s.pid.Load(), quoted(name))
	default:
		st := slotState(s.word.Load())
		s.word.CompareAndSwap(uint64(st), uint64(st.as(stateEvicted)&^flagDurable)) // S7: its owner frees it when it goes
		err = nil
	}
	rouse(h.spaceWake)
	return err
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" %q", name)
}
