package main

import (
	"errors"
	"runtime"
)

// allocations returns how many are made in a turn in which records are published and read by every call that writers and
// readers have for it. What the rest of the process allocates meanwhile is less than one a turn.
func allocations(dir string) (float64, error) {
	a, err := newAlone(dir)
	if err != nil {
		return 0, err
	}
	if err := a.everyCall(64); err != nil { // what is made once is made here
		return 0, errors.Join(err, a.close())
	}
	var before, after runtime.MemStats
	const times = 4096
	runtime.ReadMemStats(&before)
	err = a.everyCall(times)
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / times), errors.Join(err, a.close())
}

// recordsOfEveryCall is how many records one turn of everyCall publishes and reads.
const recordsOfEveryCall = 6

func (a *alone) everyCall(times int) error {
	batch := [][]byte{a.payload, a.payload, a.payload}
	buf := make([]byte, len(a.payload))
	one := func(seq uint64, err error) error { return err }
	for range times {
		if err := one(a.w.Publish(a.ctx, a.payload)); err != nil {
			return err
		}
		if err := one(a.w.TryPublish(a.payload)); err != nil {
			return err
		}
		if _, err := a.w.PublishBatch(a.ctx, batch); err != nil {
			return err
		}
		c, err := a.w.Claim(a.ctx, len(a.payload))
		if err != nil {
			return err
		}
		copy(c.Bytes(), a.payload)
		if _, err := c.Commit(len(a.payload)); err != nil {
			return err
		}
		if _, err := a.r.Next(a.ctx); err != nil {
			return err
		}
		if _, err := a.r.Read(a.ctx, buf); err != nil {
			return err
		}
	}
	return a.drain(times * (recordsOfEveryCall - 2))
}

// drain reads n records by Records.
func (a *alone) drain(n int) error {
	for range a.r.Records(a.ctx) {
		if n--; n == 0 {
			return a.r.Ack()
		}
	}
	return a.r.Err()
}
