package catalog

import (
	"cmp"
	"html/template"
	"slices"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
)

type runsView struct {
	Runs    []runRow
	Chart   template.HTML
	Path    []chainRow
	PathSum string
	PathOf  string
	Models  []costRow
	Owners  []costRow
	Charged bool // the warehouse says what it charges for
	Builds  int
}

type runRow struct {
	ID, Started, Took, Work, Charged string
	Status                           words.Pill
	Nodes                            int
}

// chainRow is a step of the longest chain of a run.
type chainRow struct {
	rowLink
	Took, Share string
	Bar         template.HTML
}

// costRow sums builds of a node or of an owner.
type costRow struct {
	rowLink
	Builds              int
	Took, Mean, Charged string
	Bar                 template.HTML
}

// runTotal is what the builds of one run took together.
type runTotal struct {
	nodes   int
	work    time.Duration
	charged int64
}

const runsShown, costShown = 60, 40

func (b *book) runsView() runsView {
	v := runsView{}
	totals := map[string]*runTotal{}
	for _, n := range b.c.Nodes {
		for _, x := range n.History {
			t := totals[x.Run]
			if t == nil {
				t = &runTotal{}
				totals[x.Run] = t
			}
			t.nodes++
			t.work += x.Took
			t.charged += max(0, x.Billed)
			v.Charged = v.Charged || x.Billed > 0
			v.Builds++
		}
	}
	for _, r := range b.c.Runs[:min(runsShown, len(b.c.Runs))] {
		row := runRow{ID: r.ID, Started: words.When(r.Started), Status: words.Tested(r.Verdict)}
		if r.Ended.After(r.Started) && !r.Started.IsZero() {
			row.Took = words.Took(r.Ended.Sub(r.Started))
		}
		if t := totals[r.ID]; t != nil {
			row.Nodes, row.Work = t.nodes, words.Took(t.work)
			if t.charged > 0 {
				row.Charged = words.Size(t.charged)
			}
		}
		v.Runs = append(v.Runs, row)
	}
	v.Chart = b.runsChart()
	for _, r := range b.c.Runs {
		if t := totals[r.ID]; t != nil {
			b.longest(&v, r)
			break
		}
	}
	b.costs(&v)
	return v
}

// runsChart draws how long the runs took, the oldest first.
func (b *book) runsChart() template.HTML {
	var took []time.Duration
	var runs []*content.Run
	for _, r := range b.c.Runs[:min(runsShown, len(b.c.Runs))] {
		if d := r.Ended.Sub(r.Started); d > 0 && !r.Started.IsZero() {
			took, runs = append(took, d), append(runs, r)
		}
	}
	if len(took) < 2 {
		return ""
	}
	most := slices.Max(took)
	const step, height = 14, 72
	var w markup.Writer
	w.Raw(`<svg class="chart" viewBox="0 0 `, itoa(step*len(took)), " ", itoa(height), `" width="`, itoa(step*len(took)), `" height="`, itoa(height), `" role="img" aria-label="`)
	w.Text("Duration of the last " + words.Plural(len(took), "run") + ", the longest " + words.Took(most))
	w.Raw(`">`)
	for i := range took {
		k := len(took) - 1 - i
		h := max(2, float64(height-2)*float64(took[k])/float64(most))
		w.Raw(`<rect class="`, words.Tested(runs[k].Verdict).Class, `" x="`, itoa(i*step+2), `" y="`)
		w.Coord(height - h)
		w.Raw(`" width="10" height="`)
		w.Coord(h)
		w.Raw(`" rx="2"><title>`)
		w.Text(words.When(runs[k].Started) + ": " + words.Took(took[k]) + ", " + words.Tested(runs[k].Verdict).Word)
		w.Raw("</title></rect>")
	}
	w.Raw("</svg>")
	return template.HTML(w.Bytes())
}

// longest finds the chain of builds of a run that no number of workers makes shorter: of all
// ways from parents to children, the one whose durations sum up to most.
func (b *book) longest(v *runsView, r *content.Run) {
	n := len(b.c.Nodes)
	took, sum, from := make([]time.Duration, n), make([]time.Duration, n), make([]int, n)
	last := -1
	for i, x := range b.c.Nodes { // parents come first
		from[i] = -1
		k := slices.IndexFunc(x.History, func(h content.Build) bool { return h.Run == r.ID })
		if k >= 0 {
			took[i] = x.History[k].Took
		}
		for _, p := range x.Parents {
			if sum[p] > sum[i] {
				sum[i], from[i] = sum[p], p
			}
		}
		sum[i] += took[i]
		if last < 0 || sum[i] > sum[last] {
			last = i
		}
	}
	if last < 0 || sum[last] == 0 {
		return
	}
	v.PathSum, v.PathOf = words.Took(sum[last]), words.When(r.Started)
	var chain []int
	for i := last; i >= 0; i = from[i] {
		if took[i] > 0 {
			chain = append(chain, i)
		}
	}
	slices.Reverse(chain)
	var before time.Duration
	for _, i := range chain {
		v.Path = append(v.Path, chainRow{b.link(i), words.Took(took[i]), words.Share(int64(took[i]), int64(sum[last])), span(before, took[i], sum[last])})
		before += took[i]
	}
}

// span draws a part of a whole where it lies in it.
func span(before, took, all time.Duration) template.HTML {
	var w markup.Writer
	w.Raw(`<svg class="span" viewBox="0 0 200 10" width="200" height="10" preserveAspectRatio="none" aria-hidden="true"><rect class="m-all" width="200" height="10" rx="2"/><rect class="m-part" x="`)
	w.Coord(200 * float64(before) / float64(all))
	w.Raw(`" width="`)
	w.Coord(max(1, 200*float64(took)/float64(all)))
	w.Raw(`" height="10" rx="2"/></svg>`)
	return template.HTML(w.Bytes())
}

// costs sums what builds took, or were charged for, by node and by owner.
func (b *book) costs(v *runsView) {
	type sum struct {
		link    rowLink
		builds  int
		took    time.Duration
		charged int64
	}
	var nodes []sum
	owners := map[string]*sum{}
	for i, n := range b.c.Nodes {
		if len(n.History) == 0 {
			continue
		}
		s := sum{link: b.link(i), builds: len(n.History), charged: billed(n)}
		for _, x := range n.History {
			s.took += x.Took
		}
		nodes = append(nodes, s)
		name := ownerOf(n)
		o := owners[name]
		if o == nil {
			o = &sum{link: rowLink{Path: ownerPath(name), Name: name}}
			if name == "" {
				o.link = rowLink{Name: "nobody named"}
			}
			owners[name] = o
		}
		o.builds, o.took, o.charged = o.builds+s.builds, o.took+s.took, o.charged+s.charged
	}
	size := func(s sum) int64 {
		if v.Charged {
			return s.charged
		}
		return int64(s.took)
	}
	rows := func(list []sum) []costRow {
		slices.SortFunc(list, func(x, y sum) int {
			return cmp.Or(cmp.Compare(size(y), size(x)), cmp.Compare(y.took, x.took), cmp.Compare(x.link.Path, y.link.Path))
		})
		list = list[:min(costShown, len(list))]
		var out []costRow
		for _, s := range list {
			r := costRow{rowLink: s.link, Builds: s.builds, Took: words.Took(s.took), Mean: words.Took(s.took / time.Duration(s.builds)), Bar: bar(int(size(s)>>10), int(size(list[0])>>10), "meter")}
			if v.Charged {
				r.Charged = words.Size(s.charged)
			}
			out = append(out, r)
		}
		return out
	}
	v.Models = rows(nodes)
	var list []sum
	for _, o := range owners {
		list = append(list, *o)
	}
	v.Owners = rows(list)
}
