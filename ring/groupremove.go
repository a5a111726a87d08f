package ring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"

	"github.com/mmring/mmring/lock"
)

// AddGroup makes a group ahead of its members, so that nothing is overwritten before they come. If there is one, it stays
// where it is, and the answer is fs.ErrExist.
func AddGroup(ctx context.Context, path, name string, from Start) error {
	if err := checkName(name); err != nil {
		return fail("add group", path, err)
	}
	h, err := openHandle(ctx, path, openOptions{write: true, allowFS: true})
	if err != nil {
		return fail("add group", path, err)
	}
	defer h.release()
	return fail("add group", path, h.addGroup(ctx, name, from))
}

func (h *handle) addGroup(ctx context.Context, name string, from Start) (err error) {
	defer h.settle(debug.SetPanicOnFault(true), "add group", &err)
	if err := h.knows(from); err != nil {
		return err
	}
	registry, err := h.holdRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	if h.stands(name) {
		return fmt.Errorf("group %q: %w", name, fs.ErrExist)
	}
	_, err = h.findGroup(ctx, name, from)
	return err
}

// removeGroup removes the group of slot i, and what its members have claimed, with it. Living members are only removed with
// force, and get ErrEvicted; the slot keeps the name until they have gone: they may still be about to move its cursor. The
// registry is held. Nobody keeps the group's byte, but who looks for a free slot may have it for a moment: it is waited for.
//
//	S7 the group is evicted: the writer does not wait for it, nobody joins
//	S6 the slots of dead members, S7 those of the living
//	S6 the group's
func (h *handle) removeGroup(ctx context.Context, i int, force bool) error {
	life, err := h.holdByte(ctx, lifeByte(i))
	if err != nil {
		return err
	}
	defer life.Close()
	s := &h.slots[i]
	if !force {
		if err := h.dismiss(i, false, true); err != nil {
			return err
		}
	}
	st := slotState(s.word.Load())
	s.word.CompareAndSwap(uint64(st), uint64(st.as(stateEvicted))) // S7
	defer alarm(h.dataWake)                                        // who sleeps finds out
	if err := h.dismiss(i, force, false); err != nil {
		if errors.Is(err, ErrBusy) {
			err = nil
		}
		return err
	}
	s.word.Store(uint64(slotState(s.word.Load()) &^ slotUse)) // S6: free; we hold the byte
	return nil
}

// removeEvicted frees the slot of a group that was made or removed by half, if it has no living members. The registry is
// held.
func (h *handle) removeEvicted(ctx context.Context, i int) error {
	life, err := h.holdByte(ctx, lifeByte(i))
	if err != nil {
		return err
	}
	defer life.Close()
	if err := h.dismiss(i, false, false); err != nil {
		return err
	}
	s := &h.slots[i]
	s.word.Store(uint64(slotState(s.word.Load()) &^ slotUse)) // S6: free; we hold the byte
	return nil
}

// dismiss frees the slots of the dead members of the group in that slot. With force it drops those of the living. If there are
// such, it answers ErrBusy; with dry it only looks.
func (h *handle) dismiss(group int, force, dry bool) (err error) {
	g := slotState(h.slots[group].word.Load()).tieOf(group)
	for i := range h.used() {
		s := &h.slots[i]
		st := slotState(s.word.Load())
		if st.state() == stateFree || st.kind() != kindMember || tie(s.group.Load()) != g {
			continue
		}
		life, e := lock.TryHold(h.file, lifeByte(i))
		switch {
		case errors.Is(e, lock.ErrBusy):
			for range claimTries { // again if somebody takes it over meanwhile
				if !force || !st.mayClaim() || tie(s.group.Load()) != g {
					break
				}
				if s.word.CompareAndSwap(uint64(st), uint64(st.as(stateEvicted)&^flagDurable)) { // S7: its owner frees it when it goes
					break
				}
				st = slotState(s.word.Load())
			}
			err = fmt.Errorf("%w: process %d is a member", ErrBusy, s.pid.Load())
			continue
		case e != nil:
			return e
		}
		if st := slotState(s.word.Load()); !dry && st.kind() == kindMember {
			s.claimEnd.Store(0)                 // G6
			s.word.Store(uint64(st &^ slotUse)) // S6: free; we hold the byte
		}
		if e := life.Close(); e != nil {
			return e
		}
	}
	return err
}
