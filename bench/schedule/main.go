package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	write(out)
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// usual is the warehouse of all tables but the last: a tenth of a second to send a
// statement, and as long until its end is known.
var usual = warehouse{latency: 100 * time.Millisecond}

// longest is the longest path of a project by what its nodes really take on w.
func (p *project) longest(w warehouse) time.Duration {
	var most time.Duration
	end := make([]time.Duration, len(p.tasks))
	for i, t := range p.tasks { // parents have lower numbers
		for _, parent := range t.After {
			end[i] = max(end[i], end[parent])
		}
		end[i] += p.actual[i] + 2*w.latency
		most = max(most, end[i])
	}
	return most
}

// work is the time that one slot would take.
func (p *project) work(w warehouse) time.Duration {
	var sum time.Duration
	for _, d := range p.actual {
		sum += d + 2*w.latency
	}
	return sum
}

// bound is the least that a run can take: the longest path, or the work divided by the slots.
func (p *project) bound(w warehouse) time.Duration {
	slots := p.slots
	if w.most > 0 {
		slots = min(slots, w.most)
	}
	return max(p.longest(w), p.work(w)/time.Duration(slots))
}

// run lets a tool build a project. The ratio is the makespan by the bound.
func (t tool) run(p *project, w warehouse) (outcome, float64) {
	bound := p.bound(w)
	if t.shared {
		w.shared = p.slots
	}
	out := w.run(p, t.make(p))
	return out, float64(out.makespan) / float64(bound)
}

// write prints the tables.
func write(out io.Writer) {
	all := projects()
	fmt.Fprint(out, "Makespan divided by max(longest path, work / slots), durations known:\n\n")
	head := []string{"graph", "slots", "longest path", "work / slots"}
	for _, t := range tools {
		head = append(head, t.name)
	}
	worst, mean := make([]float64, len(tools)), make([]float64, len(tools))
	table(out, head, func(row func(...string)) {
		for _, p := range all {
			cells := []string{p.name, fmt.Sprint(p.slots), seconds(p.longest(usual)), seconds(p.work(usual) / time.Duration(p.slots))}
			for i, t := range tools {
				_, ratio := t.run(p, usual)
				worst[i], mean[i] = max(worst[i], ratio), mean[i]+math.Log(ratio)/float64(len(all))
				cells = append(cells, number(ratio))
			}
			row(cells...)
		}
		most, middle := []string{"**worst**", "", "", ""}, []string{"**geometric mean**", "", "", ""}
		for i := range tools {
			most, middle = append(most, number(worst[i])), append(middle, number(math.Exp(mean[i])))
		}
		row(most...)
		row(middle...)
	})

	fmt.Fprint(out, "\nThe engine when the durations that it expects are wrong by a log-normal factor, and in a first run:\n\n")
	table(out, []string{"expected", "geometric mean", "worst", "graph of the worst"}, func(row func(...string)) {
		for _, c := range expectations {
			mean, worst, of := 0.0, 0.0, ""
			for i, p := range all {
				_, ratio := tools[0].run(c.of(p, uint64(i)), usual)
				mean += math.Log(ratio) / float64(len(all))
				if ratio > worst {
					worst, of = ratio, fmt.Sprintf("%s, %d slots", p.name, p.slots)
				}
			}
			row(c.name, number(math.Exp(mean)), number(worst), of)
		}
	})

	fmt.Fprint(out, "\nA warehouse that takes half as many statements as there are slots, and refuses the others:\n\n")
	table(out, []string{"tool", "geometric mean", "worst", "refused per node"}, func(row func(...string)) {
		for _, t := range tools {
			if t.shared {
				continue // it has no slots of its own
			}
			mean, worst, refused := 0.0, 0.0, 0
			for _, p := range all {
				w := usual
				w.most = p.slots / 2
				o, ratio := t.run(p, w)
				mean += math.Log(ratio) / float64(len(all))
				worst = max(worst, ratio)
				refused += o.refused
			}
			row(t.name, number(math.Exp(mean)), number(worst), fmt.Sprintf("%.2f", float64(refused)/float64(nodes*len(all))))
		}
	})
}

// expectations are what the scheduler may be told.
var expectations = []struct {
	name string
	of   func(p *project, seed uint64) *project
}{
	{"right", func(p *project, _ uint64) *project { return p }},
	{"σ 0.3: two thirds within 35 %", func(p *project, seed uint64) *project { return p.mistaken(0.3, seed) }},
	{"σ 0.7: two thirds within twice", func(p *project, seed uint64) *project { return p.mistaken(0.7, seed) }},
	{"nothing: a first run", func(p *project, _ uint64) *project { return p.ignorant() }},
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }

func number(f float64) string { return fmt.Sprintf("%.3f", f) }

func table(out io.Writer, head []string, fill func(row func(...string))) {
	row := func(cells ...string) { fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")) }
	row(head...)
	row(strings.Split(strings.Repeat("---,", len(head)-1)+"---", ",")...)
	fill(row)
}
