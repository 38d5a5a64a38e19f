package run

import (
	"maps"
	"slices"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/schedule"
)

// agenda is a plan as tasks of a schedule: one for each action, with the same index, and
// behind those one for the late tests of each action that has any.
type agenda struct {
	tasks  []schedule.Task
	action []int  // index of the action that a task belongs to
	known  []bool // the expected duration was learned from an earlier run
	limits schedule.Limits
}

// late reports whether a task is the late tests of its action.
func (g *agenda) late(task int) bool { return g.tasks[task].Late }

func agendaOf(p *plan.Plan, jobs int) *agenda {
	n := len(p.Actions)
	g := &agenda{tasks: make([]schedule.Task, n, n+8), action: make([]int, n, n+8), limits: schedule.Limits{Slots: max(jobs, 1)}}
	index := make(map[addr.Node]int, n)
	for i, a := range p.Actions {
		index[a.Node], g.action[i] = i, i
	}
	tags := slices.Sorted(maps.Keys(p.AtOnce))
	for _, tag := range tags {
		g.limits.Groups = append(g.limits.Groups, p.AtOnce[tag])
	}
	var expected []time.Duration
	expected, g.known = expectations(p)
	for i, a := range p.Actions {
		t := schedule.Task{Expected: expected[i], After: indexes(index, a.Deps, i)}
		for _, tag := range a.Tags {
			if group, ok := slices.BinarySearch(tags, tag); ok {
				t.Groups = append(t.Groups, group)
			}
		}
		g.tasks[i] = t
		var reads []addr.Node
		any := false
		for _, test := range a.Tests {
			if test.Late {
				any = true
				reads = append(reads, test.Parents...)
			}
		}
		if any {
			slices.SortFunc(reads, addr.Node.Compare)
			after := append([]int{i}, indexes(index, slices.Compact(reads), i)...)
			g.tasks = append(g.tasks, schedule.Task{After: after, Late: true, Groups: t.Groups})
			g.action = append(g.action, i)
			g.known = append(g.known, false)
		}
	}
	return g
}

// indexes are those of nodes that the plan has, own excepted, each once.
func indexes(index map[addr.Node]int, nodes []addr.Node, own int) []int {
	var out []int
	for _, n := range nodes {
		if i, ok := index[n]; ok && i != own && !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	return out
}

// unheardOf is how long an action is expected to take when nothing is known of any.
const unheardOf = time.Second

// expectations say how long each action will take: what was learned; or else what it will
// read, at the speed of the actions of which both is known; or else the median of what is
// known of its kind, or of all.
func expectations(p *plan.Plan) (expected []time.Duration, known []bool) {
	expected, known = make([]time.Duration, len(p.Actions)), make([]bool, len(p.Actions))
	bytes := make(map[addr.Node]int64, len(p.Actions))
	for _, a := range p.Actions {
		if a.Last != nil {
			bytes[a.Node] = a.Last.Bytes
		}
	}
	if p.Cost != nil {
		for _, e := range p.Cost.Actions {
			if e.Basis == plan.DryRun || e.Basis == plan.LastRun {
				bytes[e.Node] = e.Bytes
			}
		}
	}
	var all, pace []time.Duration // pace is per MiB
	kinds := map[string][]time.Duration{}
	for i, a := range p.Actions {
		if a.Millis <= 0 {
			continue
		}
		d := time.Duration(a.Millis) * time.Millisecond
		expected[i], known[i] = d, true
		all = append(all, d)
		kinds[kindOf(a)] = append(kinds[kindOf(a)], d)
		if b := bytes[a.Node]; b >= mib {
			pace = append(pace, d/time.Duration(b/mib))
		}
	}
	for i, a := range p.Actions {
		if known[i] {
			continue
		}
		b := bytes[a.Node]
		switch per, ok := median(pace); {
		case ok && b >= mib:
			// Many small ones say nothing about a huge one: it is taken for a thousand times
			// the median at most.
			typical, _ := median(all)
			expected[i] = time.Duration(min(float64(per)*float64(b/mib), 1000*float64(max(typical, unheardOf))))
		case len(kinds[kindOf(a)]) > 0:
			expected[i], _ = median(kinds[kindOf(a)])
		case len(all) > 0:
			expected[i], _ = median(all)
		default:
			expected[i] = unheardOf
		}
	}
	return expected, known
}

const mib = 1 << 20

// kindOf tells actions apart that take very different times.
func kindOf(a *plan.Action) string { return string(a.Verb) + " " + a.Materialized }

// median is the lower one of an even number; ok is false for none.
func median(of []time.Duration) (d time.Duration, ok bool) {
	if len(of) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)-1)/2], true
}

// learned is how many milliseconds an action is expected to take the next time. It is never
// 0, which stands for not known.
func learned(a *plan.Action, took time.Duration) int64 {
	return max(schedule.Learn(time.Duration(a.Millis)*time.Millisecond, took).Milliseconds(), 1)
}
