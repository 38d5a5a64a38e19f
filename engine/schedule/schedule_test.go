package schedule

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const s = time.Second

// script drives a schedule and notes what it answers: «1s: a b» are the tasks that begin
// after what happened at that time.
type script struct {
	t    *testing.T
	of   *Schedule
	said []string
}

func play(t *testing.T, l Limits, tasks ...Task) *script {
	t.Helper()
	of, err := New(tasks, l)
	if err != nil {
		t.Fatal(err)
	}
	return &script{t: t, of: of}
}

func name(i int) string { return string(rune('a' + i)) }

func (p *script) ask(now time.Duration) *script {
	line := fmt.Sprintf("%v:", now)
	for {
		i, ok := p.of.Next(now)
		if !ok {
			break
		}
		line += " " + name(i)
	}
	if at, ok := p.of.Wake(now); ok {
		line += fmt.Sprintf(" (again at %v)", at)
	}
	p.said = append(p.said, line)
	return p
}

// over ends tasks, and asks.
func (p *script) over(now time.Duration, names string) *script {
	for _, n := range strings.Fields(names) {
		p.of.Finish(int(n[0]-'a'), now)
	}
	return p.ask(now)
}

func (p *script) limited(now, wait time.Duration) *script {
	p.of.Limited(now, wait)
	return p.ask(now)
}

func (p *script) want(lines ...string) {
	p.t.Helper()
	if diff := cmp.Diff(lines, p.said); diff != "" {
		p.t.Errorf("begins (-want +got):\n%s", diff)
	}
}

func after(expected time.Duration, tasks ...int) Task { return Task{Expected: expected, After: tasks} }

func TestNext(t *testing.T) {
	t.Run("the longest path goes first", func(t *testing.T) {
		// a is long; b is short, and c after it is longer than a.
		play(t, Limits{Slots: 1}, after(5*s), after(1*s), after(6*s, 1)).
			ask(0).over(1*s, "b").over(7*s, "c").over(12*s, "a").
			want("0s: b", "1s: c", "7s: a", "12s:")
	})
	t.Run("of paths of one length the one with more behind it", func(t *testing.T) {
		play(t, Limits{Slots: 1}, after(1*s), after(1*s), after(3*s, 0), after(3*s, 1), after(3*s, 1)).
			ask(0).want("0s: b")
	})
	t.Run("the lower number among equals", func(t *testing.T) {
		play(t, Limits{Slots: 2}, after(s), after(s), after(s)).ask(0).over(1*s, "b").want("0s: a b", "1s: c")
	})
	t.Run("durations that are not known count alike", func(t *testing.T) {
		play(t, Limits{Slots: 1}, after(0), after(0), after(0, 1)).ask(0).want("0s: b")
	})
	t.Run("a child waits for all", func(t *testing.T) {
		play(t, Limits{Slots: 4}, after(s), after(s), after(s, 0, 1)).
			ask(0).over(1*s, "a").over(2*s, "b").over(3*s, "c").
			want("0s: a b", "1s:", "2s: c", "3s:")
	})
	t.Run("no slots count as one", func(t *testing.T) {
		play(t, Limits{}, after(s), after(s)).ask(0).want("0s: a")
	})
	t.Run("a limit of a group leaves the slots to others", func(t *testing.T) {
		heavy := Task{Expected: 9 * s, Groups: []int{0}}
		play(t, Limits{Slots: 3, Groups: []int{1}}, heavy, heavy, heavy, after(s), after(s)).
			ask(0).over(1*s, "d e").over(9*s, "a").over(18*s, "b").
			want("0s: a d e", "1s:", "9s: b", "18s: c")
	})
	t.Run("who waits for one limit does not keep the place of another", func(t *testing.T) {
		// b and c want group 0; b wants group 1 as well, which d has.
		play(t, Limits{Slots: 4, Groups: []int{1, 1}},
			Task{Expected: 9 * s, Groups: []int{0}},
			Task{Expected: 8 * s, Groups: []int{0, 1}},
			Task{Expected: 7 * s, Groups: []int{0}},
			Task{Expected: 99 * s, Groups: []int{1}}).
			ask(0).over(9*s, "a").over(16*s, "c").over(99*s, "d").
			want("0s: d a", "9s: c", "16s:", "1m39s: b")
	})
	t.Run("late tasks come last", func(t *testing.T) {
		late := Task{Expected: 50 * s, Late: true}
		play(t, Limits{Slots: 1}, late, after(s), after(s, 1)).
			ask(0).over(1*s, "b").over(2*s, "c").want("0s: b", "1s: c", "2s: a")
	})
	t.Run("late tasks leave the slots that will be needed", func(t *testing.T) {
		// Two slots; b and c need both when a ends: d has to wait although one is free.
		late := Task{Late: true}
		play(t, Limits{Slots: 2}, after(s), after(s, 0), after(s, 0), late).
			ask(0).over(1*s, "a").over(2*s, "b").over(3*s, "c").
			want("0s: a", "1s: b c", "2s: d", "3s:")
	})
	t.Run("late tasks take the slots that nothing will need", func(t *testing.T) {
		play(t, Limits{Slots: 2}, after(s), after(s, 0), Task{Late: true}).ask(0).want("0s: a c")
	})
}

func TestLimited(t *testing.T) {
	many := make([]Task, 12)
	t.Run("half as many after a pause, soon as many as went well before", func(t *testing.T) {
		p := play(t, Limits{Slots: 4}, many...).ask(0)
		p.limited(1*s, 5*s).limited(2*s, 5*s) // one burst
		if got := p.of.allowed; got != 2 {
			t.Errorf("%d are allowed", got)
		}
		p.over(3*s, "a").over(4*s, "b").ask(7*s).over(8*s, "c d").over(9*s, "e f g")
		p.want("0s: a b c d", "1s: (again at 6s)", "2s: (again at 7s)", "3s: (again at 7s)", "4s: (again at 7s)",
			"7s: e", "8s: f g", "9s: h i j")
	})
	t.Run("never below one, and no more than configured", func(t *testing.T) {
		p := play(t, Limits{Slots: 2}, many...).ask(0)
		for i := range 9 {
			p.of.Limited(time.Duration(i)*s, s)
		}
		if got := p.of.allowed; got != 1 {
			t.Errorf("%d are allowed", got)
		}
		now := 20 * s
		for p.of.Left() > 0 {
			p.of.Finish(running(p.of), now)
			for {
				if _, ok := p.of.Next(now); !ok {
					break
				}
			}
			if p.of.running > 2 {
				t.Fatalf("%d run", p.of.running)
			}
			now += s
		}
		if got := p.of.allowed; got != 2 {
			t.Errorf("%d are allowed in the end", got)
		}
	})
	t.Run("one more than went well before only after a while", func(t *testing.T) {
		// The warehouse takes four: of a fifth it says that it is too many.
		p := play(t, Limits{Slots: 8}, make([]Task, 400)...)
		now, refused := time.Duration(0), 0
		for p.of.Left() > 0 {
			for {
				if _, ok := p.of.Next(now); !ok {
					break
				}
			}
			if p.of.running > 4 {
				p.of.Limited(now, s)
				refused++
			}
			now += s
			if p.of.running > 0 {
				p.of.Finish(running(p.of), now)
			}
		}
		if refused > 30 {
			t.Errorf("%d were refused of 400", refused)
		}
		if now > 430*s {
			t.Errorf("it took %v", now)
		}
	})
	t.Run("a refusal of what began before the last one is the same burst", func(t *testing.T) {
		p := play(t, Limits{Slots: 8}, many...).ask(0)
		p.limited(0, s).limited(5*s, s)
		if got := p.of.allowed; got != 4 {
			t.Errorf("%d are allowed", got)
		}
	})
	t.Run("half of what runs, not of what may", func(t *testing.T) {
		p := play(t, Limits{Slots: 64}, many[:8]...).ask(0)
		p.of.Limited(0, s)
		if got := p.of.allowed; got != 4 {
			t.Errorf("%d are allowed", got)
		}
	})
}

// running is a task that has begun and is not over.
func running(s *Schedule) int {
	return slices.IndexFunc(s.spans, func(x Span) bool { return x.Ran && x.End == 0 && x.Start >= 0 })
}

func TestBorrow(t *testing.T) {
	p := play(t, Limits{Slots: 3}, after(s), after(s), after(s, 0)).ask(0)
	if !p.of.Borrow(0) || p.of.Borrow(0) {
		t.Error("one slot is free, not none or two")
	}
	p.over(1*s, "a")
	if p.of.Borrow(1 * s) {
		t.Error("all slots are taken")
	}
	p.of.Return(2 * s)
	if !p.of.Borrow(2 * s) {
		t.Error("one is free again")
	}
	p.of.Return(s)
	p.over(3*s, "b").over(4*s, "c").want("0s: a b", "1s: c", "3s:", "4s:")
	if got := p.of.Report(); got.Busy != 1*s+3*s+3*s+3*s || got.Peak != 3 {
		t.Errorf("busy %v, peak %d", got.Busy, got.Peak)
	}
}

func TestStop(t *testing.T) {
	p := play(t, Limits{Slots: 1, Groups: []int{1}},
		Task{Groups: []int{0}}, Task{Groups: []int{0}}, after(s, 1), Task{After: []int{0}, Late: true})
	if i, ok := p.of.Next(0); !ok || i != 1 {
		t.Fatalf("%d begins", i)
	}
	p.of.Limited(0, time.Hour)
	p.of.Stop()
	var order []string
	for {
		i, ok := p.of.Next(s)
		if !ok {
			break
		}
		order = append(order, name(i))
		p.of.Skip(i, s)
	}
	p.of.Finish(1, 2*s)
	for p.of.Left() > 0 {
		i, ok := p.of.Next(2 * s)
		if !ok {
			t.Fatal("not all is handed out")
		}
		order = append(order, name(i))
		p.of.Skip(i, 2*s)
	}
	if diff := cmp.Diff([]string{"a", "d", "c"}, order); diff != "" {
		t.Error(diff)
	}
	if r := p.of.Report(); r.Makespan != 2*s || r.Busy != 2*s || len(r.Path) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestReport(t *testing.T) {
	// Two slots. a and c are a chain; b holds a slot; d waits for b's.
	p := play(t, Limits{Slots: 2}, after(4*s), after(9*s), after(9*s, 0), after(1*s))
	p.ask(0).over(6*s, "a").over(9*s, "b").over(12*s, "d").over(15*s, "c")
	p.want("0s: a b", "6s: c", "9s: d", "12s:", "15s:")
	want := Report{
		Slots: 2, Peak: 2, Makespan: 15 * s, Busy: 27 * s, Idle: 3 * s, Longest: 15 * s, LongestPath: []int{0, 2},
		Waiting: map[Reason]time.Duration{Slot: 9 * s}, Path: []int{0, 2},
	}
	if diff := cmp.Diff(want, p.of.Report()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Span{Start: 9 * s, End: 12 * s, Wait: Slot, Previous: -1, Behind: 1, Slot: 1, Ran: true}, p.of.Spans()[3]); diff != "" {
		t.Error(diff)
	}
	if got := want.Bound(); got != 15*s {
		t.Errorf("bound %v", got)
	}
}

func TestWaits(t *testing.T) {
	heavy := Task{Groups: []int{0}}
	p := play(t, Limits{Slots: 2, Groups: []int{1}}, heavy, heavy)
	p.ask(0).over(3*s, "a").over(4*s, "b")
	if got := p.of.Spans()[1]; got.Wait != Group || got.Behind != 0 {
		t.Errorf("it waited for %q behind %d", got.Wait, got.Behind)
	}
	p = play(t, Limits{Slots: 2}, after(s), after(s), after(s))
	p.ask(0).limited(1*s, 9*s).over(2*s, "a b").ask(10*s).over(11*s, "c")
	if got := p.of.Spans()[2]; got.Wait != BackOff || got.Behind != -1 {
		t.Errorf("it waited for %q behind %d", got.Wait, got.Behind)
	}
}

func TestPredict(t *testing.T) {
	f, err := Predict([]Task{after(4 * s), after(9 * s), after(9*s, 0), after(1 * s)}, Limits{Slots: 2})
	if err != nil {
		t.Fatal(err)
	}
	if f.Makespan != 13*s || f.Longest != 13*s || !slices.Equal(f.LongestPath, []int{0, 2}) || f.Spans[3].Start != 9*s {
		t.Errorf("%+v", f)
	}
	if f, err := Predict(nil, Limits{}); err != nil || f.Makespan != 0 {
		t.Errorf("nothing takes %v, %v", f.Makespan, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for want, tasks := range map[string][]Task{
		"2 of 3 tasks wait for each other in a circle":            {{}, {After: []int{2}}, {After: []int{1}}},
		"task 0 waits for task 7, which is not another one of 1":  {{After: []int{7}}},
		"task 0 waits for task 0, which is not another one of 1":  {{After: []int{0}}},
		"task 1 waits for task 0, which is late":                  {{Late: true}, {After: []int{0}}},
		"task 0 counts against limit 1, which is not one of 1":    {{Groups: []int{1}}},
		"task 0 counts against limit 0, which is not one of 0":    {{Groups: []int{0}}},
		"task 0 counts against limit 0 twice":                     {{Groups: []int{0, 0}}},
		"task 1 waits for task -1, which is not another one of 2": {{}, {After: []int{-1}}},
	} {
		limits := Limits{Groups: []int{1}}
		if strings.HasSuffix(want, "one of 0") {
			limits.Groups = nil
		}
		_, err := New(tasks, limits)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// world is a random project and what happens to it.
type world struct {
	tasks  []Task
	limits Limits
	actual []time.Duration
}

func randomWorld(r *rand.Rand) world {
	n := 1 + r.IntN(60)
	w := world{limits: Limits{Slots: 1 + r.IntN(8)}}
	for range r.IntN(4) {
		w.limits.Groups = append(w.limits.Groups, 1+r.IntN(3))
	}
	lates := map[int]bool{}
	for i := range n {
		t := Task{Expected: time.Duration(r.IntN(10)) * s, Late: r.IntN(6) == 0}
		for p := range i {
			if !lates[p] && r.IntN(8) == 0 {
				t.After = append(t.After, p)
			}
		}
		for g := range w.limits.Groups {
			if r.IntN(3) == 0 {
				t.Groups = append(t.Groups, g)
			}
		}
		lates[i] = t.Late
		w.tasks = append(w.tasks, t)
		w.actual = append(w.actual, time.Duration(1+r.IntN(9))*s)
	}
	return w
}

// live runs a world with refusals, borrowed slots, skipped tasks and an end before its time,
// and returns what happened as text. It fails t when a limit is exceeded, a task begins too
// early or twice, or the end is never reached.
func (w world) live(t *testing.T, r *rand.Rand) string {
	t.Helper()
	of, err := New(w.tasks, w.limits)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	var ends ending
	over := make([]bool, len(w.tasks))
	begun := make([]bool, len(w.tasks))
	used := make([]int, len(w.limits.Groups))
	var loans []time.Duration
	now, stopped := time.Duration(0), false
	for steps := 0; of.Left() > 0; steps++ {
		if steps > 10000 {
			t.Fatalf("it never ends: %d left", of.Left())
		}
		for {
			i, ok := of.Next(now)
			if !ok {
				break
			}
			if begun[i] {
				t.Fatalf("task %d begins twice", i)
			}
			begun[i] = true
			for _, p := range w.tasks[i].After {
				if !over[p] {
					t.Fatalf("task %d begins before task %d is over", i, p)
				}
			}
			if stopped || r.IntN(20) == 0 {
				of.Skip(i, now)
				over[i] = true
				fmt.Fprintf(&log, "%v skip %d\n", now, i)
				continue
			}
			for _, g := range w.tasks[i].Groups {
				if used[g]++; used[g] > w.limits.Groups[g] {
					t.Fatalf("%d tasks of group %d run", used[g], g)
				}
			}
			fmt.Fprintf(&log, "%v begin %d\n", now, i)
			ends.push(end{now + w.actual[i], i})
		}
		if got, want := of.running, len(ends)+len(loans); got != want {
			t.Fatalf("%d slots are taken, %d tasks run", got, want)
		}
		if of.running > w.limits.Slots {
			t.Fatalf("%d slots are taken of %d", of.running, w.limits.Slots)
		}
		switch r.IntN(12) {
		case 0:
			if len(ends) > 0 {
				of.Limited(now, time.Duration(1+r.IntN(5))*s)
				fmt.Fprintf(&log, "%v limited\n", now)
			}
		case 1, 2:
			if len(ends) > 0 && of.Borrow(now) {
				loans = append(loans, now)
			}
		case 3:
			if len(loans) > 0 {
				of.Return(now - loans[0])
				loans = loans[1:]
				continue
			}
		case 4:
			if r.IntN(10) == 0 {
				of.Stop()
				stopped = true
				continue
			}
		}
		at, wake := of.Wake(now)
		switch {
		case len(ends) > 0 && (!wake || ends[0].at <= at):
			e := ends.pop()
			now = e.at
			if r.IntN(9) == 0 {
				of.Fail(e.task, now)
			} else {
				of.Finish(e.task, now)
			}
			over[e.task] = true
			for _, g := range w.tasks[e.task].Groups {
				used[g]--
			}
		case wake:
			now = at
		case len(loans) > 0:
			of.Return(now - loans[0])
			loans = loans[1:]
		case of.Left() > 0 && !stopped:
			t.Fatalf("nothing runs, nothing begins, %d are left", of.Left())
		}
	}
	fmt.Fprintf(&log, "%+v", of.Report())
	report := of.Report()
	if report.Busy > time.Duration(report.Slots)*(report.Makespan+now) || report.Longest > report.Makespan {
		t.Errorf("the report cannot be: %+v", report)
	}
	for k, i := range report.Path {
		if k > 0 && !slices.Contains(w.tasks[i].After, report.Path[k-1]) {
			t.Errorf("%d does not follow %d", i, report.Path[k-1])
		}
	}
	return log.String()
}

func TestRandomWorlds(t *testing.T) {
	for seed := range uint64(3000) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 1)))
		one := w.live(t, rand.New(rand.NewPCG(seed, 2)))
		if two := w.live(t, rand.New(rand.NewPCG(seed, 2))); one != two {
			t.Fatalf("seed %d: two runs differ:\n%s", seed, cmp.Diff(one, two))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestNoSlotIdlesInVain: a task that could begin does not wait while a slot is free.
func TestNoSlotIdlesInVain(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := randomWorld(r)
		for i := range w.tasks {
			w.tasks[i].Late, w.tasks[i].Groups = false, nil
		}
		f, err := Predict(w.tasks, w.limits)
		if err != nil {
			t.Fatal(err)
		}
		for i, span := range f.Spans {
			if span.Start == span.Ready {
				continue
			}
			// At any moment of the wait all slots are taken.
			for at := span.Ready; at < span.Start; at += s / 2 {
				taken := 0
				for _, other := range f.Spans {
					if other.Start <= at && at < other.End {
						taken++
					}
				}
				if taken < w.limits.Slots {
					t.Fatalf("seed %d: task %d waits at %v, %d of %d slots are taken", seed, i, at, taken, w.limits.Slots)
				}
			}
		}
	}
}

// BenchmarkBetweenNodes is the time from the end of a task to the start of the next one.
func BenchmarkBetweenNodes(b *testing.B) {
	const n = 30000
	tasks := make([]Task, n)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range tasks {
		tasks[i].Expected = time.Duration(r.IntN(1e9))
		if i >= 5000 {
			tasks[i].After = []int{r.IntN(i)}
		}
	}
	of, err := New(tasks, Limits{Slots: 64})
	if err != nil {
		b.Fatal(err)
	}
	var queue []int
	fill := func(now time.Duration) {
		for {
			i, ok := of.Next(now)
			if !ok {
				return
			}
			queue = append(queue, i)
		}
	}
	fill(0)
	at := time.Duration(0)
	for b.Loop() {
		if len(queue) == 0 {
			b.StopTimer()
			if of, err = New(tasks, Limits{Slots: 64}); err != nil {
				b.Fatal(err)
			}
			fill(at)
			b.StartTimer()
		}
		at++
		of.Finish(queue[0], at)
		queue = queue[1:]
		fill(at)
	}
}

func BenchmarkNew(b *testing.B) {
	const n = 30000
	tasks := make([]Task, n)
	for i := range tasks {
		tasks[i].Expected = time.Duration(i % 977)
		if i >= 5000 {
			tasks[i].After = []int{i / 3, i / 2}
		}
	}
	for b.Loop() {
		if _, err := New(tasks, Limits{Slots: 64}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLearn(t *testing.T) {
	for _, c := range []struct{ expected, took, want time.Duration }{
		{0, 4 * s, 4 * s}, {-1, 4 * s, 4 * s}, {4 * s, 0, 4 * s}, {4 * s, 8 * s, 6 * s}, {0, -s, 0}, {0, 0, 0},
	} {
		if got := Learn(c.expected, c.took); got != c.want {
			t.Errorf("%v after %v: %v, want %v", c.took, c.expected, got, c.want)
		}
	}
}
