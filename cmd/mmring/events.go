package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/mmring/mmring/ring"
)

// evictions is a Handler that says which readers the writer has evicted, and nothing else.
type evictions struct{ a *app }

// Enabled takes what the writer warns of.
func (e evictions) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && !e.a.quiet
}

// Handle says one line.
func (e evictions) Handle(_ context.Context, event slog.Record) error {
	if event.Message != "reader evicted" {
		return nil
	}
	var r ring.ReaderInfo
	var held time.Duration
	event.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "name":
			r.Name = a.Value.String()
		case "pid":
			r.PID = int(a.Value.Uint64())
		case "held":
			held = a.Value.Duration()
		}
		return true
	})
	who := "a reader"
	if r.Name != "" {
		who = fmt.Sprintf("reader %q", r.Name)
	}
	e.a.say("evicted %s (process %d), which had held the writer back for %s", who, r.PID, held.Round(time.Millisecond))
	return nil
}

// WithAttrs and WithGroup are for those who add to a Logger, which nobody does.
func (e evictions) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup returns e.
func (e evictions) WithGroup(string) slog.Handler { return e }
