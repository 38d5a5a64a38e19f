package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// terminal is what a person sees: the whole of what was written, with what was drawn over gone.
func terminal(columns, rows int, text string) []string {
	t := vt10x.New(vt10x.WithSize(columns, rows))
	_, _ = t.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	var out []string
	for y := range rows {
		var b strings.Builder
		for x := range columns {
			if c := t.Cell(x, y).Char; c != 0 {
				b.WriteRune(c)
			} else {
				b.WriteByte(' ')
			}
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

var (
	nodeRow  = regexp.MustCompile(`^\[\d+/\d+\] (\S+) \S+ +(\S+)(.*)$`)
	testRow  = regexp.MustCompile(`^ +(\S+) test (\S+)  (\d+) failing rows?$`)
	rowsWord = regexp.MustCompile(`([0-9,]+) rows?\b`)
	timeWord = regexp.MustCompile(`\b\d+(\.\d+s|m\d\ds)`)
	headWord = regexp.MustCompile(`^error(\[[^]]*\])?: (.*)$`)
)

// textFacts reads what a text tells of a run: outcome, rows, whether the duration is known, and
// why not, for each node and for each test that did not pass.
func textFacts(lines []string) []string {
	var facts []string
	for _, line := range lines {
		if m := nodeRow.FindStringSubmatch(line); m != nil {
			word := map[string]string{"✓": "good", "✗": "bad", "-": "skipped"}[m[1]]
			_, because, _ := strings.Cut(m[3], "because ")
			rows := ""
			if r := rowsWord.FindStringSubmatch(m[3]); r != nil {
				rows = strings.ReplaceAll(r[1], ",", "")
			}
			facts = append(facts, fmt.Sprintf("%s: %s, rows %q, duration known: %v, because of %q", m[2], word, rows, timeWord.MatchString(m[3]), because))
		}
		if m := testRow.FindStringSubmatch(line); m != nil {
			facts = append(facts, fmt.Sprintf("test %s: %s, %s failing", m[2], map[string]string{"✗": "bad", "!": "warned"}[m[1]], m[3]))
		}
		if m := headWord.FindStringSubmatch(line); m != nil {
			facts = append(facts, "reason: "+m[2])
		}
	}
	slices.Sort(facts)
	return facts
}

// lineFacts reads the same from JSON lines.
func lineFacts(t *testing.T, text string) []string {
	t.Helper()
	var facts []string
	for line := range strings.Lines(text) {
		var l Line
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		word := map[string]string{"done": "good", "warned": "warned", "failed": "bad", "errored": "bad", "skipped": "skipped"}[l.Status]
		switch l.Event {
		case "node_ended":
			rows := ""
			if l.Rows != nil {
				rows = fmt.Sprint(*l.Rows)
			}
			_, because, _ := strings.Cut(l.Because, ".")
			facts = append(facts, fmt.Sprintf("%s: %s, rows %q, duration known: %v, because of %q", l.Relation, word, rows, l.Seconds > 0, because))
			for _, d := range l.Diagnostics {
				facts = append(facts, "reason: "+d.Message)
			}
		case "test_ended":
			if l.Status == "done" {
				continue
			}
			_, name, _ := strings.Cut(l.Node, ".")
			facts = append(facts, fmt.Sprintf("test %s: %s, %d failing", name, word, *l.Failures))
			if word == "bad" {
				_, of, _ := strings.Cut(l.Of, ".")
				facts = append(facts, fmt.Sprintf("reason: %s of %s against the rule: %s", plural(*l.Failures, "row"), of, l.Sentence))
			}
		}
	}
	slices.Sort(facts)
	return facts
}

// TestEveryFormTellsTheSame: plain text, what stays of the live view on terminals of several
// sizes, and JSON lines tell the same facts of the same run.
func TestEveryFormTellsTheSame(t *testing.T) {
	want := lineFacts(t, show(Screen{}, lines))
	if len(want) < 9 {
		t.Fatalf("the example has %d facts: %q", len(want), want)
	}
	if d := cmp.Diff(want, textFacts(strings.Split(show(Screen{Unicode: true}, human), "\n"))); d != "" {
		t.Errorf("plain text (-JSON +text):\n%s", d)
	}
	for _, columns := range []int{90, 120, 200} {
		for _, rows := range []int{3, 5, 10, 30, 0} {
			size := func() (int, int) { return columns, rows }
			text := show(Screen{Unicode: true, Color: true, Live: true, Width: columns, Size: size}, human)
			if d := cmp.Diff(want, textFacts(terminal(columns, 200, text))); d != "" {
				t.Errorf("live, %d × %d (-JSON +live):\n%s", columns, rows, d)
			}
		}
	}
}

// TestLiveFits: at each moment and in every size of terminal the area fits, and when it is gone
// nothing of it is left; neither where the size changes on the way.
func TestLiveFits(t *testing.T) {
	sizes := [][2]int{{200, 60}, {120, 30}, {80, 24}, {40, 24}, {40, 6}, {30, 3}, {20, 2}, {12, 4}, {80, 1}, {5, 5}}
	for i, size := range sizes {
		for _, later := range [][2]int{size, sizes[(i+3)%len(sizes)]} {
			for _, uni := range []bool{true, false} {
				// The emulator gives every rune one cell, whatever it is.
				foreign := "plain"
				if size != later {
					foreign = "売上_e\u0301te\u0301"
				}
				p := bigPlan(130, foreign)
				now, clock := size, epoch
				var out bytes.Buffer
				s := Screen{Out: &out, Unicode: uni, Color: true, Live: true, Width: size[0], Size: func() (int, int) { return now[0], now[1] }, Now: func() time.Time { return clock }}
				h := NewHuman(s, RunOptions{Jobs: 12}, p)
				play(h, p, func(at time.Time) {
					clock = at
					if at.Sub(epoch) > 20*time.Second {
						now = later
					}
					h.Tick()
					for _, line := range h.live.shown {
						if n := paintedWidth(line); n >= now[0] {
							t.Fatalf("%v → %v: %d columns: %q", size, later, n, line)
						}
					}
					if n := len(h.live.shown); n >= now[1] && n > 0 {
						t.Fatalf("%v → %v: %d lines on %d rows", size, later, n, now[1])
					}
				})
				h.Finish(&run.Result{Plan: p})
				if size == later && size[0] >= 40 {
					for _, line := range terminal(size[0], 400, out.String()) {
						if strings.ContainsAny(line, "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏░▓") || strings.Contains(line, "running") {
							t.Errorf("%v: of the live area is left %q", size, line)
						}
					}
				}
				if strings.Contains(out.String(), "\x1b[?") {
					t.Error("the view changes modes of the terminal: a killed process would leave them")
				}
			}
		}
	}
}

// bigPlan is one of n tables in layers of ten, each after two of the layer before, with names
// of all widths.
func bigPlan(n int, foreign string) *plan.Plan {
	p := &plan.Plan{Project: "shop", Target: "dev"}
	names := []string{"orders_%d", "größe_der_bestellungen_%d", foreign + "_%d", "x_%d", "a_very_long_name_of_a_table_that_says_all_that_it_holds_%d"}
	for i := range n {
		a := &plan.Action{Node: model(fmt.Sprintf(names[i%len(names)], i)), Verb: plan.Replace, Materialized: "table", Millis: int64(300 + i%7*400)}
		a.Relation = rel(a.Node.Name)
		if i >= 10 {
			a.Deps = []addr.Node{p.Actions[i-10].Node, p.Actions[i/10*10-10].Node}
		}
		p.Actions = append(p.Actions, a)
	}
	return p
}

// play runs a plan on twelve workers, every node as long as expected, and calls tick ten times a
// second. Every thirtieth node fails; what reads it runs all the same.
func play(v Run, p *plan.Plan, tick func(time.Time)) {
	total := len(p.Actions)
	v.Event(run.Event{Kind: run.RunStarted, At: epoch, Total: total})
	started, over := make([]time.Time, total), map[addr.Node]bool{}
	running := 0
	for at := epoch; len(over) < total; at = at.Add(100 * time.Millisecond) {
		for i, a := range p.Actions {
			if took := time.Duration(a.Millis) * time.Millisecond; started[i].IsZero() || over[a.Node] || at.Sub(started[i]) < took {
				continue
			}
			over[a.Node] = true
			running--
			n := &run.NodeResult{Node: a.Node, Verb: a.Verb, Materialized: a.Materialized, Relation: a.Relation, Status: run.Done, Start: started[i], End: at, Rows: int64(1000 * i)}
			if i%30 == 29 {
				n.Status = run.Failed
				n.Tests = []run.TestResult{{ID: check("unique_" + a.Node.Name), Of: a.Node, Status: run.Failed, Failures: 3}}
			}
			v.Event(run.Event{Kind: run.NodeEnded, At: at, Node: a.Node, Action: a, Result: n, Total: total})
		}
		for i, a := range p.Actions {
			ready := started[i].IsZero() && running < 12
			for _, d := range a.Deps {
				ready = ready && over[d]
			}
			if ready {
				started[i] = at
				running++
				v.Event(run.Event{Kind: run.NodeStarted, At: at, Node: a.Node, Action: a, Total: total})
			}
		}
		tick(at)
	}
}

var toldLeft = regexp.MustCompile(`about (\d+) (s|min) left|a few seconds left`)

// TestTheTimeLeftIsCalm: it is told from the beginning of a run that is known, comes down
// without going back and forth, and is right.
func TestTheTimeLeftIsCalm(t *testing.T) {
	p := bigPlan(130, "売上_報告")
	var out bytes.Buffer
	clock := epoch
	h := NewHuman(Screen{Out: &out, Unicode: true, Live: true, Width: 120, Now: func() time.Time { return clock }}, RunOptions{Jobs: 12}, p)
	type said struct{ at, left time.Duration }
	var told []said
	play(h, p, func(at time.Time) {
		clock = at
		h.Tick()
		if len(h.live.shown) == 0 {
			return
		}
		m := toldLeft.FindStringSubmatch(h.live.shown[len(h.live.shown)-1])
		if m == nil {
			if h.done < h.total {
				t.Fatalf("after %v nothing is said of the time left: %q", at.Sub(epoch), h.live.shown)
			}
			return
		}
		left := time.Duration(0)
		if m[1] != "" {
			var n int
			_, _ = fmt.Sscan(m[1], &n)
			left = time.Duration(n) * map[string]time.Duration{"s": time.Second, "min": time.Minute}[m[2]]
		}
		told = append(told, said{at.Sub(epoch), left})
	})
	end := clock.Sub(epoch)
	ups := 0
	for i, s := range told {
		if i > 0 && s.left > told[i-1].left {
			ups++
		}
		really := end - s.at
		if off := (s.left - really).Abs(); off > max(really*3/10, 6*time.Second) {
			t.Errorf("after %v %v are said to be left, and %v were", s.at, s.left, really)
		}
	}
	if len(told) < 100 || ups > 2 {
		t.Errorf("the time left went up %d times in %d pictures", ups, len(told))
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4 * time.Second: "5 s", 17 * time.Second: "15 s", 64 * time.Second: "60 s", 100 * time.Second: "2 min", 14 * time.Minute: "14 min",
		43 * time.Minute: "45 min", 100 * time.Minute: "1.5 h", 5 * time.Hour: "5 h", 0: "1 s",
	} {
		if got := Roughly(d); got != want {
			t.Errorf("Roughly(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestLayers(t *testing.T) {
	p := bigPlan(30, "x")
	l := layersOf(p)
	s := Screen{Unicode: true}
	strips := func(width int, want string) {
		t.Helper()
		if got := l.strip(s, width); got != want {
			t.Errorf("in %d columns %q, want %q", width, got, want)
		}
		if w := textWidth(l.strip(s, width)); w > width {
			t.Errorf("%d columns where there are %d", w, width)
		}
	}
	strips(60, "░░░░░░░░░░ ░░░░░░░░░░ ░░░░░░░░░░")
	end := func(i int, st run.Status) { l.end(&run.NodeResult{Node: p.Actions[i].Node, Status: st}, true) }
	for i := range 12 {
		l.start(p.Actions[i].Node)
	}
	if n := l.behind(p.Actions[0].Node); n != 20 {
		t.Errorf("%d wait for the first, want 20", n)
	}
	for i := range 10 {
		end(i, run.Done)
	}
	end(11, run.Failed)
	strips(60, "██████████ ✗▓░░░░░░░░ ░░░░░░░░░░")
	strips(20, "██████ ✗▓░░░░ ░░░░░░")
	strips(5, "█ ✗ ░")
	strips(3, "✗ ░")
	strips(2, "")
	s.Unicode = false
	strips(20, "###### X>.... ......")
	// A layer looks full only when it is.
	for i := 10; i < 19; i++ {
		end(i, run.Done)
	}
	if got := l.strip(s, 20); strings.Count(strings.Fields(got)[1], "#") == 6 {
		t.Errorf("a layer with a failure looks done: %q", got)
	}
}
