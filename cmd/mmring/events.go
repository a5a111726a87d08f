package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/mmring/mmring/ring"
)

// spoken is a Handler that says on stderr what a person wants to know of the library's events: who was evicted, and that a
// reader falls behind.
type spoken struct{ a *app }

// Enabled takes what the library warns of.
func (s spoken) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && !s.a.quiet
}

// Handle says one line.
func (s spoken) Handle(_ context.Context, event slog.Record) error {
	switch event.Message {
	case "reader evicted":
		s.evicted(event)
	case "falling behind":
		event.Attrs(func(a slog.Attr) bool {
			if a.Key == "share" {
				s.a.say("falling behind: %.0f%% of the ring is still to be read", 100*a.Value.Float64())
			}
			return true
		})
	}
	return nil
}

func (s spoken) evicted(event slog.Record) {
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
	s.a.say("evicted %s (process %d), which had held the writer back for %s", who, r.PID, held.Round(time.Millisecond))
}

// WithAttrs and WithGroup are for those who add to a Logger, which nobody does.
func (s spoken) WithAttrs([]slog.Attr) slog.Handler { return s }

// WithGroup returns s.
func (s spoken) WithGroup(string) slog.Handler { return s }
