package main

import (
	"fmt"
	"io"

	"github.com/mmring/mmring/ring"
)

// groupJSON is a group.
type groupJSON struct {
	Slot       int          `json:"slot"`
	Name       string       `json:"name"`
	State      string       `json:"state"`
	Cursor     uint64       `json:"cursor"`
	Seq        uint64       `json:"seq"`
	LagBytes   uint64       `json:"lag_bytes"`
	LagRecords uint64       `json:"lag_records"`
	HoldsBack  bool         `json:"holds_back"`
	Members    []memberJSON `json:"members"`
}

// memberJSON is a claim of a group's member, or its slot while it has none.
type memberJSON struct {
	Slot         int    `json:"slot"`
	State        string `json:"state"`
	Alive        bool   `json:"alive"`
	PID          int    `json:"pid"`
	Since        string `json:"since,omitempty"`
	ClaimStart   uint64 `json:"claim_start"`
	ClaimEnd     uint64 `json:"claim_end"`
	ClaimSeq     uint64 `json:"claim_seq"`
	ClaimRecords uint64 `json:"claim_records"`
	ClaimBytes   uint64 `json:"claim_bytes"`
	Delivery     int    `json:"delivery"`
	Records      uint64 `json:"records"`
	Bytes        uint64 `json:"bytes"`
	Waits        uint64 `json:"waits"`
	HoldsBack    bool   `json:"holds_back"`
}

func groupsOf(i ring.Info) (groups []groupJSON) {
	for _, g := range i.Groups {
		members := []memberJSON{}
		for _, m := range g.Members {
			members = append(members, memberJSON{
				m.Slot, m.State, m.Alive, m.PID, stampText(m.Since), m.ClaimStart, m.ClaimEnd, m.ClaimSeq, m.ClaimRecords, m.ClaimBytes,
				m.Delivery, m.Records, m.Bytes, m.Waits, m.HoldsBack,
			})
		}
		groups = append(groups, groupJSON{g.Slot, g.Name, g.State, g.Cursor, g.Seq, g.LagBytes, g.LagRecords, g.HoldsBack, members})
	}
	return groups
}

// groupRows writes the rows of the groups, and of what their members have, into the table of the readers.
func groupRows(t io.Writer, i ring.Info) {
	for _, g := range i.Groups {
		kind, note := "group", ""
		if g.State != "active" {
			kind = g.State
		}
		if g.HoldsBack {
			note = "holds the writer back"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", nameOr(g.Name, g.Slot), kind, plural(members(g), "member"), g.Seq,
			countText(g.LagRecords), sizeText(g.LagBytes), note)
		for _, m := range g.Members {
			process, note := "none", ""
			if m.Alive {
				process = fmt.Sprint(m.PID)
			}
			if m.ClaimEnd > 0 {
				note = "works on"
			}
			if m.ClaimEnd > 0 && !m.Alive {
				note = "left"
			}
			if m.HoldsBack {
				note += ", holds the writer back"
			}
			fmt.Fprintf(t, " (slot %d)\tmember\t%s\t%d\t%s\t%s\t%s\n", m.Slot, process, m.ClaimSeq, countText(m.ClaimRecords), sizeText(m.ClaimBytes), note)
		}
	}
}

// nameOr is the name, or which slot it is that has none.
func nameOr(name string, slot int) string {
	if name == "" {
		return fmt.Sprintf("(slot %d)", slot)
	}
	return name
}

// groupText names a group in a sentence.
func groupText(g ring.GroupInfo) string {
	if n := members(g); n > 0 {
		return fmt.Sprintf("group %q (%s)", g.Name, plural(n, "member"))
	}
	return fmt.Sprintf("group %q (no process is attached)", g.Name)
}

// members is how many processes a group has: one that works on several claims has several slots.
func members(g ring.GroupInfo) uint64 {
	pids := map[int]bool{}
	for _, m := range g.Members {
		if m.Alive {
			pids[m.PID] = true
		}
	}
	return uint64(len(pids))
}

// alive is how many slots of a group's members have a process.
func alive(g ring.GroupInfo) (n int) {
	for _, m := range g.Members {
		if m.Alive {
			n++
		}
	}
	return n
}

// needs is the first position that a group still needs.
func needs(g ring.GroupInfo) uint64 {
	first := g.Cursor
	for _, m := range g.Members {
		if m.ClaimEnd > 0 && m.State == "active" {
			first = min(first, m.ClaimStart)
		}
	}
	return first
}
