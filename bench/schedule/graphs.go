package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/engine-build/engine/engine/schedule"
)

// project is a graph with the time that each node really takes. Task.Expected is what the
// scheduler is told.
type project struct {
	name   string
	slots  int
	tasks  []schedule.Task
	actual []time.Duration
}

// nodes is the size of every project.
const nodes = 1000

// shapes are the forms that projects have.
var shapes = []struct {
	name string
	make func(r *rand.Rand) [][]int
}{
	{"layers", layers},
	{"chains", chains},
	{"wide", wide},
	{"diamonds", diamonds},
	{"real-like", realLike},
}

// projects are the 20 that are measured: each shape with few and with many slots.
func projects() []*project {
	var out []*project
	for _, s := range shapes {
		for _, slots := range []int{8, 16, 32, 64} {
			r := rand.New(rand.NewPCG(uint64(len(out))+1, uint64(slots)))
			p := &project{name: s.name, slots: slots}
			for _, after := range s.make(r) {
				took := heavy(r)
				p.actual = append(p.actual, took)
				p.tasks = append(p.tasks, schedule.Task{After: after, Expected: took})
			}
			if len(p.tasks) != nodes {
				panic(fmt.Sprintf("%s has %d nodes", s.name, len(p.tasks)))
			}
			out = append(out, p)
		}
	}
	return out
}

// heavy is a duration of a model: log-normal with a median of 4 s, of which one in a
// hundred takes longer than a minute and one in a thousand longer than two.
func heavy(r *rand.Rand) time.Duration {
	return max(time.Duration(4*float64(time.Second)*math.Exp(1.2*r.NormFloat64())), 50*time.Millisecond)
}

// mistaken is p with expectations that are wrong by a log-normal factor.
func (p *project) mistaken(sigma float64, seed uint64) *project {
	r := rand.New(rand.NewPCG(seed, 77))
	out := *p
	out.tasks = append([]schedule.Task(nil), p.tasks...)
	for i := range out.tasks {
		out.tasks[i].Expected = time.Duration(float64(p.actual[i]) * math.Exp(sigma*r.NormFloat64()))
	}
	return &out
}

// ignorant is p without any expectation: a first run.
func (p *project) ignorant() *project {
	out := *p
	out.tasks = append([]schedule.Task(nil), p.tasks...)
	for i := range out.tasks {
		out.tasks[i].Expected = 0
	}
	return &out
}

// layers is a warehouse in four parts of 30, 30, 25 and 15 percent, each of three levels, so
// 12 deep; a node has 1.2 parents on average, the first of which is one level above.
func layers(r *rand.Rand) [][]int {
	var out [][]int
	var above []int // nodes of the level above
	for part, share := range []int{300, 300, 250, 150} {
		for level := range 3 {
			size := share / 3
			if level == 0 {
				size = share - 2*(share/3)
			}
			var here []int
			for range size {
				i := len(out)
				here = append(here, i)
				var after []int
				if part+level > 0 {
					after = append(after, above[r.IntN(len(above))])
					if first := after[0]; r.Float64() < 0.31 {
						if second := r.IntN(above[len(above)-1] + 1); second != first {
							after = append(after, second)
						}
					}
				}
				out = append(out, after)
			}
			above = here
		}
	}
	return out
}

// chains are 40 lines of 25 nodes that do not meet.
func chains(*rand.Rand) [][]int {
	out := make([][]int, nodes)
	for i := range out {
		if i >= 40 {
			out[i] = []int{i - 40}
		}
	}
	return out
}

// wide are 50 sources with 900 readers and 50 reports on those.
func wide(r *rand.Rand) [][]int {
	out := make([][]int, nodes)
	for i := range out {
		switch {
		case i >= 950:
			out[i] = distinct(r, 4, 50, 900)
		case i >= 50:
			out[i] = []int{r.IntN(50)}
		}
	}
	return out
}

// diamonds are five rows, each of ten diamonds: one node, 18 that read it, and one that
// reads those and is what the next one reads.
func diamonds(*rand.Rand) [][]int {
	var out [][]int
	for len(out) < nodes {
		top := len(out)
		var after []int
		if top >= 100 {
			after = []int{top - 100 + 19}
		}
		out = append(out, after)
		var middle []int
		for range 18 {
			middle = append(middle, len(out))
			out = append(out, []int{top})
		}
		out = append(out, middle)
	}
	return out
}

// realLike grows as projects do: staging models that read nothing of the project, then
// models that read what is popular, and reports that read several.
func realLike(r *rand.Rand) [][]int {
	out := make([][]int, 0, nodes)
	readers := []int{} // each node once, and once more for each reader
	for i := range nodes {
		n := 0
		switch {
		case i < 250: // staging
		case i < 850:
			n = 1 + r.IntN(3)
		default:
			n = 2 + r.IntN(5)
		}
		seen := map[int]bool{}
		var after []int
		for len(after) < n {
			if p := readers[r.IntN(len(readers))]; !seen[p] {
				seen[p] = true
				after = append(after, p)
				readers = append(readers, p)
			}
		}
		readers = append(readers, i)
		out = append(out, after)
	}
	return out
}

// distinct are n different numbers from a range of size numbers that begins with from.
func distinct(r *rand.Rand, n, from, size int) []int {
	seen := map[int]bool{}
	var out []int
	for len(out) < n {
		if v := from + r.IntN(size); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
