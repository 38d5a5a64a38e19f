package run

import (
	"cmp"
	"slices"
	"time"

	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
)

// Usage is what statements took, summed up. The zero value is that of statements about
// which the warehouse said nothing.
type Usage struct {
	Bytes      int64 // read
	Billed     int64 // charged for
	SlotMillis int64
	// Time is how long the engine waited for the warehouse.
	Time    time.Duration
	Jobs    []string // ids, in the order in which they were sent
	Retries []warehouse.Retry
	// Project and Location say where the last job ran.
	Project, Location string
}

// Known reports whether the warehouse said anything: zero bytes are a figure only then.
func (u Usage) Known() bool { return u.Bytes > 0 || u.Billed > 0 || len(u.Jobs) > 0 }

// add counts a finished statement, whether it went well or not.
func (u *Usage) add(s warehouse.JobStats) {
	u.Bytes += max(s.Bytes, 0)
	u.Billed += max(s.Billed, 0)
	u.SlotMillis += max(s.SlotMillis, 0)
	if s.JobID != "" {
		u.Jobs = append(u.Jobs, s.JobID)
	}
	u.Retries = append(u.Retries, s.Retries...)
	u.Project, u.Location = cmp.Or(s.Project, u.Project), cmp.Or(s.Location, u.Location)
}

// Plus is the usage of both.
func (u Usage) Plus(v Usage) Usage {
	return Usage{
		Bytes: u.Bytes + v.Bytes, Billed: u.Billed + v.Billed, SlotMillis: u.SlotMillis + v.SlotMillis, Time: u.Time + v.Time,
		Jobs: slices.Concat(u.Jobs, v.Jobs), Retries: slices.Concat(u.Retries, v.Retries),
		Project: cmp.Or(v.Project, u.Project), Location: cmp.Or(v.Location, u.Location),
	}
}

// spent is the usage as the state keeps it.
func (u Usage) spent() plan.Spent {
	if !u.Known() {
		return plan.Spent{Bytes: -1, Billed: -1}
	}
	return plan.Spent{Bytes: u.Bytes, Billed: u.Billed, SlotMillis: u.SlotMillis}
}

// Total is the usage of a node and of all its tests.
func (n *NodeResult) Total() Usage {
	sum := n.Usage
	for _, t := range n.Tests {
		sum = sum.Plus(t.Usage)
	}
	return sum
}

// Usage is that of the whole run: its nodes, its hooks and the engine's own records.
func (r *Result) Usage() Usage {
	sum := r.Overhead
	for _, n := range r.Nodes {
		sum = sum.Plus(n.Total())
	}
	return sum
}
