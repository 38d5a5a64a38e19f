package view

import (
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// layers are the actions of a plan by their depth: an action lies one below the deepest of
// those that it comes after, so the layers fill from the first to the last.
type layers struct {
	index    map[addr.Node]int
	layer    []int   // of each action
	children [][]int // actions that come directly after
	over     []bool
	count    []layer
}

// layer counts the actions of one depth by what has become of them.
type layer struct{ done, failed, skipped, running, total int }

func layersOf(p *plan.Plan) layers {
	n := len(p.Actions)
	l := layers{index: make(map[addr.Node]int, n), layer: make([]int, n), children: make([][]int, n), over: make([]bool, n)}
	for i, a := range p.Actions {
		l.index[a.Node] = i
	}
	pending := make([]int, n)
	for i, a := range p.Actions {
		for _, d := range a.Deps {
			if from, ok := l.index[d]; ok && from != i {
				l.children[from] = append(l.children[from], i)
				pending[i]++
			}
		}
	}
	var ready []int
	for i := range p.Actions {
		if pending[i] == 0 {
			ready = append(ready, i)
		}
	}
	for at := 0; at < len(ready); at++ {
		i := ready[at]
		for _, c := range l.children[i] {
			l.layer[c] = max(l.layer[c], l.layer[i]+1)
			if pending[c]--; pending[c] == 0 {
				ready = append(ready, c)
			}
		}
	}
	for _, depth := range l.layer {
		for len(l.count) <= depth {
			l.count = append(l.count, layer{})
		}
		l.count[depth].total++
	}
	return l
}

func (l *layers) start(n addr.Node) {
	if i, ok := l.index[n]; ok {
		l.count[l.layer[i]].running++
	}
}

// end takes note of an outcome; ran is whether start was called before.
func (l *layers) end(n *run.NodeResult, ran bool) {
	i, ok := l.index[n.Node]
	if !ok || l.over[i] {
		return
	}
	l.over[i] = true
	c := &l.count[l.layer[i]]
	if ran {
		c.running--
	}
	switch n.Status {
	case run.Done, run.Warned, run.Kept, run.Unpublished:
		c.done++
	case run.Failed, run.Errored:
		c.failed++
	case run.Skipped, run.Canceled:
		c.skipped++
	}
}

// behind is how many actions that are not over cannot begin before n is.
func (l *layers) behind(n addr.Node) int {
	first, ok := l.index[n]
	if !ok {
		return 0
	}
	seen := map[int]bool{first: true}
	for next := []int{first}; len(next) > 0; next = next[1:] {
		for _, c := range l.children[next[0]] {
			if !seen[c] && !l.over[c] {
				seen[c] = true
				next = append(next, c)
			}
		}
	}
	return len(seen) - 1
}

// maxStrip is the widest that the layers are drawn.
const maxStrip = 100

// strip draws the layers from left to right, each with cells for what is done, failed,
// skipped, running and waiting: «██████ ███▓░ ░░ ░». Neighbours share a place where there are
// more than fit; it is empty where there is no room for three cells.
func (l *layers) strip(s Screen, width int) string {
	if len(l.count) == 0 || width < 3 {
		return ""
	}
	places := min(len(l.count), (width+1)/2)
	merged := make([]layer, places)
	all := 0
	for i, c := range l.count {
		m := &merged[i*places/len(l.count)]
		m.done, m.failed, m.skipped = m.done+c.done, m.failed+c.failed, m.skipped+c.skipped
		m.running, m.total = m.running+c.running, m.total+c.total
		all += c.total
	}
	cells := width - (places - 1)
	var b strings.Builder
	for i, c := range merged {
		if i > 0 {
			b.WriteByte(' ')
		}
		n := c.total
		if all > cells { // one cell each, and the rest of them by size
			n = 1 + c.total*(cells-places)/all
		}
		b.WriteString(s.cells(c, n))
	}
	return b.String()
}

// cells draws a layer in n cells. What failed and what runs is seen, however little it is.
func (s Screen) cells(c layer, n int) string {
	sign := []string{"#", "X", "-", ">", "."}
	if s.Unicode {
		sign = []string{"█", "✗", "·", "▓", "░"}
	}
	styles := []Style{Green, Red, Dim, Cyan, Dim}
	counts := []int{c.done, c.failed, c.skipped, c.running, max(c.total-c.done-c.failed-c.skipped-c.running, 0)}
	// The cell in the middle of each share of the layer says what stands there.
	var share [5]int
	for cell := range n {
		at, kind := (2*cell+1)*c.total, 0
		for sum := counts[0]; kind < 4 && 2*n*sum <= at; {
			kind++
			sum += counts[kind]
		}
		share[kind]++
	}
	for _, must := range []int{3, 1} { // running, failed
		if counts[must] == 0 || share[must] > 0 {
			continue
		}
		most := 0
		for kind := range share {
			if share[kind] > share[most] {
				most = kind
			}
		}
		share[most]--
		share[must]++
	}
	// A layer is full only when it is.
	if share[0] == n && c.done < c.total {
		share[0]--
		share[4]++
	}
	var b strings.Builder
	for kind, k := range share {
		b.WriteString(s.Paint(styles[kind], strings.Repeat(sign[kind], k)))
	}
	return b.String()
}
