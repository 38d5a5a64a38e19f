package schedule

import (
	"fmt"
	"slices"
	"time"
)

// Task is one thing to do. Tasks are known by their index in the list given to New.
type Task struct {
	// After are the tasks that must be over before this one begins.
	After []int
	// Expected is how long the task is expected to take. A task whose duration is not
	// positive counts as one nanosecond, so that chains of such tasks are told apart by length.
	Expected time.Duration
	// Late: nothing waits for the task. It begins in slots that nothing else needs.
	Late bool
	// Groups are the limits that it counts against: indexes of Limits.Groups.
	Groups []int
}

// Limits bound what runs at once. Numbers below 1 count as 1.
type Limits struct {
	Slots  int
	Groups []int // tasks of each group
}

// Reason says what a task waited for after all that it depends on was over.
type Reason string

const (
	Nothing Reason = ""         // it began at once
	Slot    Reason = "slot"     // all slots were taken
	Group   Reason = "limit"    // as many of its group were running as may run at once
	BackOff Reason = "back_off" // the warehouse had asked for less
)

// Span is what became of one task. Times are since the beginning of the schedule.
type Span struct {
	// Ready is when everything before it was over, Start when it began, End when it was over.
	Ready, Start, End time.Duration
	// Wait says what it waited for between Ready and Start.
	Wait Reason
	// Previous is the task whose end made it ready, -1 if it was ready from the beginning.
	Previous int
	// Behind is the task that held what it waited for last, -1 if it did not wait for one.
	Behind int
	Slot   int
	// Ran is false for a task that has not begun, and for one that was skipped.
	Ran bool
}

// Schedule is the state of a run. It is not safe for concurrent use. The same tasks,
// limits and calls give the same answers.
type Schedule struct {
	*graph
	rank   []int // position in the order of preference, by task
	spans  []Span
	limits Limits

	pending   []int // parents that are not over, by task
	unstarted []int // parents that have not begun, by task
	soon      int   // tasks that are ready when those that run are over
	ready     ranked
	late      ranked
	left      int // tasks that are not over
	stopped   bool

	slots    slotHeap // numbers of those that are free
	running  int      // slots taken, borrowed ones included
	plain    int      // tasks running that others may wait for
	borrowed time.Duration
	peak     int // most slots taken at once

	groups []group
	offer  []int // group+1 in whose name a waiting task was put back into ready, by task

	allowed int           // slots in use at most, from 1 to limits.Slots
	ceiling int           // as many at once were not refused when the warehouse last asked for less
	credit  int           // tasks that went well since allowed last changed
	until   time.Duration // nothing begins before
	bursts  int
	freed   int    // task that ended last and has left its slot to others, -1
	why     Reason // what held back tasks that were ready when Next was last asked
}

type group struct {
	most, used, offered int
	waiting             ranked
	freed               int // task of the group that ended last, -1
}

// New makes a schedule. The error is a graph with a cycle or an index that names nothing.
func New(tasks []Task, l Limits) (*Schedule, error) {
	g, err := newGraph(tasks)
	if err != nil {
		return nil, err
	}
	for i, t := range tasks {
		for k, group := range t.Groups {
			switch {
			case group < 0 || group >= len(l.Groups):
				return nil, fmt.Errorf("task %d counts against limit %d, which is not one of %d", i, group, len(l.Groups))
			case slices.Contains(t.Groups[:k], group):
				return nil, fmt.Errorf("task %d counts against limit %d twice", i, group)
			}
		}
	}
	n, rank := len(tasks), g.ranks(l.Slots)
	s := &Schedule{
		graph: g, rank: rank, spans: make([]Span, n), limits: l,
		pending: make([]int, n), unstarted: make([]int, n), offer: make([]int, n), left: n, freed: -1,
	}
	s.limits.Slots = max(l.Slots, 1)
	s.allowed, s.ceiling = s.limits.Slots, s.limits.Slots
	for i := range s.limits.Slots {
		s.slots = append(s.slots, i) // ascending, which is a heap
	}
	s.ready.rank, s.late.rank = rank, rank
	for _, most := range l.Groups {
		s.groups = append(s.groups, group{most: max(most, 1), waiting: ranked{rank: rank}, freed: -1})
	}
	for i, t := range s.tasks {
		s.spans[i] = Span{Previous: -1, Behind: -1}
		s.pending[i], s.unstarted[i] = len(t.After), len(t.After)
		if len(t.After) == 0 {
			s.makeReady(i)
		}
	}
	return s, nil
}

func (s *Schedule) makeReady(i int) {
	if s.tasks[i].Late {
		s.late.push(i)
	} else {
		s.ready.push(i)
	}
}

// Next names a task to start now, and takes a slot for it: the caller starts it, or skips
// it. It is to be asked until ok is false, after every event.
func (s *Schedule) Next(now time.Duration) (task int, ok bool) {
	if s.stopped {
		return s.drain(now)
	}
	if s.held(now) {
		return 0, false
	}
	for s.ready.len() > 0 {
		i := s.ready.pop()
		if !s.within(i) {
			continue
		}
		s.begin(i, now)
		return i, true
	}
	if s.late.len() == 0 || !s.spare() {
		return 0, false
	}
	for s.late.len() > 0 {
		i := s.late.pop()
		if !s.within(i) {
			continue
		}
		s.begin(i, now)
		return i, true
	}
	return 0, false
}

// held reports whether nothing may begin, and keeps the reason for those that could.
func (s *Schedule) held(now time.Duration) bool {
	switch {
	case now < s.until:
		s.why = BackOff
	case s.running >= s.limits.Slots:
		s.why = Slot
	case s.running >= s.allowed:
		s.why = BackOff
	default:
		return false
	}
	return true
}

// spare reports whether a slot can be given away for as long as a late task may take: the
// tasks that follow those that run have slots of their own, even if all come at once.
func (s *Schedule) spare() bool {
	free := s.allowed - s.running
	return free-1 >= s.soon-s.plain
}

// within reports whether the groups of a task let it begin; if not it waits there.
func (s *Schedule) within(i int) bool {
	offered := s.offer[i] - 1
	if offered >= 0 {
		s.groups[offered].offered--
		s.offer[i] = 0
	}
	for _, g := range s.tasks[i].Groups {
		at := &s.groups[g]
		if at.used+at.offered < at.most {
			continue
		}
		at.waiting.push(i)
		s.spans[i].Wait = Group
		if offered >= 0 {
			s.wake(offered) // the place it was offered is another's
		}
		return false
	}
	return true
}

// wake offers free places of a group to those that wait for them.
func (s *Schedule) wake(g int) {
	at := &s.groups[g]
	for at.waiting.len() > 0 && at.used+at.offered < at.most {
		i := at.waiting.pop()
		at.offered++
		s.offer[i] = g + 1
		s.makeReady(i)
	}
}

// begin takes a slot for a task.
func (s *Schedule) begin(i int, now time.Duration) {
	span := &s.spans[i]
	span.Start, span.Ran, span.Slot = now, true, s.slots.pop()
	switch {
	case now <= span.Ready:
		span.Wait = Nothing
	case span.Wait == Group:
		for _, g := range s.tasks[i].Groups {
			if f := s.groups[g].freed; f >= 0 && (span.Behind < 0 || s.spans[f].End > s.spans[span.Behind].End) {
				span.Behind = f
			}
		}
	case s.why == BackOff:
		span.Wait = BackOff
	default:
		span.Wait, span.Behind = Slot, s.freed
	}
	s.running++
	s.peak = max(s.peak, s.running)
	for _, g := range s.tasks[i].Groups {
		s.groups[g].used++
	}
	if !s.tasks[i].Late {
		s.plain++
	}
	for _, c := range s.children[i] {
		if s.unstarted[c]--; s.unstarted[c] == 0 && !s.tasks[c].Late {
			s.soon++
		}
	}
}

// drain hands out what is left, whatever the limits: nothing of it will run.
func (s *Schedule) drain(now time.Duration) (int, bool) {
	for g := range s.groups {
		for s.groups[g].waiting.len() > 0 {
			s.makeReady(s.groups[g].waiting.pop())
		}
	}
	for _, from := range []*ranked{&s.ready, &s.late} {
		if from.len() > 0 {
			i := from.pop()
			s.spans[i].Start, s.spans[i].Slot, s.spans[i].Wait = now, -1, Nothing
			return i, true
		}
	}
	return 0, false
}

// Finish says that a task ended well, and gives its slot back.
func (s *Schedule) Finish(task int, now time.Duration) {
	if s.allowed < s.limits.Slots {
		s.grow()
	}
	s.end(task, now)
}

// Fail says that a task ended, and not well. To those that come after it in the graph it is
// over all the same: whether they are skipped is for the caller to say.
func (s *Schedule) Fail(task int, now time.Duration) { s.end(task, now) }

// probing is how many rounds of as many tasks as run at once go well before one more is
// tried than the warehouse took last.
const probing = 4

// grow lets one more task run at once when enough have gone well: one for each that did
// until there are as many as the warehouse took before, then, after a while, one for each
// round. So the time below what the warehouse takes is short, and so is that above.
func (s *Schedule) grow() {
	need := s.allowed
	switch {
	case s.allowed < s.ceiling:
		need = 1
	case s.allowed == s.ceiling:
		need = probing * s.allowed
	}
	if s.credit++; s.credit >= need {
		s.allowed++
		s.credit = 0
	}
}

// Skip says that a task that Next named is over and has not run.
func (s *Schedule) Skip(task int, now time.Duration) {
	s.end(task, now)
	s.spans[task].Ran = false
}

func (s *Schedule) end(i int, now time.Duration) {
	span := &s.spans[i]
	span.End = now
	s.left--
	if span.Slot >= 0 {
		s.slots.push(span.Slot)
		s.running--
		s.freed = i
		if !s.tasks[i].Late {
			s.plain--
		}
		for _, g := range s.tasks[i].Groups {
			s.groups[g].used--
			s.groups[g].freed = i
			s.wake(g)
		}
	} else { // drained: it has not begun
		for _, c := range s.children[i] {
			if s.unstarted[c]--; s.unstarted[c] == 0 && !s.tasks[c].Late {
				s.soon++
			}
		}
	}
	for _, c := range s.children[i] {
		if s.pending[c]--; s.pending[c] == 0 {
			s.spans[c].Ready, s.spans[c].Previous = now, i
			if !s.tasks[c].Late {
				s.soon--
			}
			s.makeReady(c)
		}
	}
}

// Limited says that the warehouse has asked for less: nothing begins for the time of wait,
// and half as many tasks run at once from then on. The number grows again as tasks end
// well. What is said during the pause, or while more run than that number because they had
// begun before, belongs to the same burst and only makes the pause longer.
func (s *Schedule) Limited(now, wait time.Duration) {
	if now >= s.until && s.running <= s.allowed {
		s.ceiling = max(1, s.running-1)
		s.allowed = max(1, s.running/2)
		s.credit = 0
		s.bursts++
	}
	s.until = max(s.until, now+wait)
}

// Wake is when Next is to be asked again although nothing ended before; ok is false where
// there is no such time.
func (s *Schedule) Wake(now time.Duration) (at time.Duration, ok bool) {
	if now >= s.until || s.stopped || s.ready.len()+s.late.len() == 0 {
		return 0, false
	}
	return s.until, true
}

// Borrow takes another slot for a task that runs, if one is free now. Return gives it back.
func (s *Schedule) Borrow(now time.Duration) bool {
	if s.stopped || s.held(now) {
		return false
	}
	s.running++
	s.peak = max(s.peak, s.running)
	return true
}

// Return gives back what Borrow took, after so long.
func (s *Schedule) Return(held time.Duration) {
	s.running--
	s.freed = -1
	s.borrowed += held
}

// Stop says that nothing will run any more: Next hands out all that is left, in an order
// in which parents come first, to be skipped.
func (s *Schedule) Stop() { s.stopped = true }

// Left is the number of tasks that are not over.
func (s *Schedule) Left() int { return s.left }

// Spans are what became of the tasks so far. The caller must not change them.
func (s *Schedule) Spans() []Span { return s.spans }

// graph is a list of tasks with their children.
type graph struct {
	tasks    []Task
	children [][]int
	order    []int // parents first
}

func newGraph(tasks []Task) (*graph, error) {
	n := len(tasks)
	g := &graph{tasks: tasks, children: make([][]int, n), order: make([]int, 0, n)}
	pending := make([]int, n)
	for i, t := range tasks {
		for _, p := range t.After {
			if p < 0 || p >= n || p == i {
				return nil, fmt.Errorf("task %d waits for task %d, which is not another one of %d", i, p, n)
			}
			g.children[p] = append(g.children[p], i)
		}
		if pending[i] = len(t.After); pending[i] == 0 {
			g.order = append(g.order, i)
		}
	}
	for at := 0; at < len(g.order); at++ {
		for _, c := range g.children[g.order[at]] {
			if tasks[g.order[at]].Late {
				return nil, fmt.Errorf("task %d waits for task %d, which is late", c, g.order[at])
			}
			if pending[c]--; pending[c] == 0 {
				g.order = append(g.order, c)
			}
		}
	}
	if len(g.order) < n {
		return nil, fmt.Errorf("%d of %d tasks wait for each other in a circle", n-len(g.order), n)
	}
	return g, nil
}

func (t Task) expected() time.Duration { return max(t.Expected, 1) }

// ranked is a heap of tasks, the one of the lowest rank first.
type ranked struct {
	rank  []int
	items []int
}

func (h *ranked) len() int { return len(h.items) }

func (h *ranked) push(i int) {
	h.items = append(h.items, i)
	s := h.items
	for at := len(s) - 1; at > 0; {
		up := (at - 1) / 2
		if h.rank[s[up]] <= h.rank[s[at]] {
			return
		}
		s[up], s[at] = s[at], s[up]
		at = up
	}
}

func (h *ranked) pop() int {
	s := h.items
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	h.items = s
	for at := 0; ; {
		least := at
		for _, down := range [2]int{2*at + 1, 2*at + 2} {
			if down < len(s) && h.rank[s[down]] < h.rank[s[least]] {
				least = down
			}
		}
		if least == at {
			return top
		}
		s[least], s[at] = s[at], s[least]
		at = least
	}
}

// slotHeap holds numbers, the lowest first.
type slotHeap []int

func (h *slotHeap) push(n int) {
	*h = append(*h, n)
	s := *h
	for at := len(s) - 1; at > 0; {
		up := (at - 1) / 2
		if s[up] <= s[at] {
			return
		}
		s[up], s[at] = s[at], s[up]
		at = up
	}
}

func (h *slotHeap) pop() int {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	*h = s
	for at := 0; ; {
		least := at
		for _, down := range [2]int{2*at + 1, 2*at + 2} {
			if down < len(s) && s[down] < s[least] {
				least = down
			}
		}
		if least == at {
			return top
		}
		s[least], s[at] = s[at], s[least]
		at = least
	}
}
