package ring

// stat numbers the words of the statistics group.
type stat int

const (
	statBytes      stat = iota // payload bytes published
	statBlocked                // times a writer had to wait for space
	statBlockedNS              // nanoseconds it waited
	statFull                   // times TryPublish answered ErrFull
	statWakes                  // times sleeping readers were woken
	statHelped                 // times a sleep's time-out found work that nobody woke it for
	statReaped                 // slots of dead readers freed
	statCorrupt                // slots dropped because their cursor could not be
	statEvictions              // readers evicted
	statRecoveries             // times a writer found the ring not closed cleanly
	statCut                    // bytes that recovery had to give up
	statLost                   // records that were in them, at least
	statCutDue                 // what the two will be when the recovery that writes this down has done it; 0: nothing is due
	statLostDue
	statHeldSince // unix time in nanoseconds since when a writer has found no space; 0: none
	statWords
)

// Stats are counts since the ring was made. They survive a writer's death but for what it counted since it last crossed
// a stride.
type Stats struct {
	Records    uint64 `json:"records"`     // published
	Bytes      uint64 `json:"bytes"`       // of their payloads
	Blocked    uint64 `json:"blocked"`     // times a writer had to wait for space
	BlockedNS  uint64 `json:"blocked_ns"`  // how long, together, in nanoseconds
	Full       uint64 `json:"full"`        // times TryPublish answered ErrFull
	Wakes      uint64 `json:"wakes"`       // times sleeping readers were woken
	Helped     uint64 `json:"helped"`      // times a sleep's time-out found work without a wake-up
	Reaped     uint64 `json:"reaped"`      // slots of dead readers freed
	Corrupt    uint64 `json:"corrupt"`     // slots dropped because their cursor could not be
	Evictions  uint64 `json:"evictions"`   // readers evicted
	Recoveries uint64 `json:"recoveries"`  // times a writer found the ring not closed cleanly
	CutBytes   uint64 `json:"cut_bytes"`   // bytes that recovery had to give up
	CutRecords uint64 `json:"cut_records"` // records that were in them, at least
}

// loadStats reads the statistics of a ring whose next record has the number nextSeq.
func (m *memory) loadStats(nextSeq uint64) Stats {
	v := func(s stat) uint64 { return m.stats[s].Load() }
	return Stats{
		Records: max(nextSeq, 1) - 1, Bytes: v(statBytes), Blocked: v(statBlocked), BlockedNS: v(statBlockedNS), Full: v(statFull),
		Wakes: v(statWakes), Helped: v(statHelped), Reaped: v(statReaped), Corrupt: v(statCorrupt), Evictions: v(statEvictions),
		Recoveries: v(statRecoveries), CutBytes: v(statCut), CutRecords: v(statLost),
	}
}
