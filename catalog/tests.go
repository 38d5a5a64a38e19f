package catalog

import (
	"cmp"
	"html/template"
	"slices"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
)

// testsView is the page of all tests, or of those of one outcome.
type testsView struct {
	Title    string
	Verdict  *verdict // on the first page
	Tally    words.Tally
	Parts    []testsPart
	Kinds    []kindCount
	Rows     []testRow
	From, To int
	Total    int
	Pages    []pageLink
	Dotted   bool // a row has earlier outcomes
}

// testsPart leads to the tests of one outcome.
type testsPart struct {
	Path, Word, Class string
	Count             int
}

type kindCount struct {
	Kind  string
	Tally words.Tally
}

type testRow struct {
	Status               words.Pill
	Path, Sentence, Kind string
	Node, NodePath, Tone string
	Outcome, Where       string
	History              template.HTML
}

// testsPerPage limits the lists of tests.
const testsPerPage = 400

// outcomes are the parts that tests are sorted into, in the order of their urgency.
var outcomes = []struct{ key, word, class string }{
	{"failed", "failed", "bad"}, {"warned", "warned", "warn"}, {"passed", "passed", "ok"}, {"not-run", "not run", "calm"},
}

// testJobs are the page of the tests, and where they are many, a list for each outcome.
func (b *book) testJobs() []job {
	order := make([]int, len(b.c.Tests))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		s, t := b.c.Tests[x], b.c.Tests[y]
		return cmp.Or(cmp.Compare(words.Tested(s.Status).Urgency(), words.Tested(t.Status).Urgency()), cmp.Compare(b.testNode(s), b.testNode(t)), cmp.Compare(s.Sentence, t.Sentence), s.ID.Compare(t.ID))
	})
	var by [4][]int
	for _, i := range order {
		u := words.Tested(b.c.Tests[i].Status).Urgency()
		by[u] = append(by[u], i)
	}
	whole := len(order) <= testsPerPage
	parts := func() []testsPart {
		var out []testsPart
		for k, o := range outcomes {
			if len(by[k]) > 0 {
				p := testsPart{"tests/" + o.key + ".html", o.word, o.class, len(by[k])}
				if b.c.Audience != "" && o.class == "calm" {
					p.Word = b.tested(content.Unknown).Word
				}
				if whole {
					p.Path = ""
				}
				out = append(out, p)
			}
		}
		return out
	}
	jobs := []job{{path: "tests.html", view: func(string) view {
		verdict := b.verdict()
		verdict.Link = ""
		v := testsView{Title: "Tests", Verdict: &verdict, Tally: b.tally, Parts: parts(), Kinds: b.testKinds()}
		rows := order
		if !whole {
			rows = slices.Concat(by[0], by[1])
			rows = rows[:min(len(rows), testsPerPage)]
		}
		b.testRows(&v, rows)
		v.From, v.To, v.Total = 1, len(rows), len(order)
		return view{Title: "Tests", Section: "tests", Template: "tests", Body: v}
	}}}
	if whole {
		return jobs
	}
	for k, o := range outcomes {
		path := "tests/" + o.key + ".html"
		for p := 0; p*testsPerPage < len(by[k]); p++ {
			jobs = append(jobs, job{path: pagedPath(path, p), view: func(string) view {
				v := testsView{Title: "Tests: " + o.word, Total: len(by[k]), Pages: pageLinks(path, p, len(by[k]), testsPerPage)}
				part := by[k][p*testsPerPage : min(len(by[k]), (p+1)*testsPerPage)]
				v.From, v.To = p*testsPerPage+1, p*testsPerPage+len(part)
				b.testRows(&v, part)
				return view{Title: v.Title, Section: "tests", Template: "tests", Body: v}
			}})
		}
	}
	return jobs
}

// testNode is the name of the node a test is about.
func (b *book) testNode(t *content.Test) string {
	if t.Of >= 0 {
		return nameOf(b.c.Nodes[t.Of])
	}
	if len(t.Reads) > 0 {
		return nameOf(b.c.Nodes[t.Reads[0]])
	}
	return ""
}

func (b *book) testKinds() []kindCount {
	kinds := map[string]*words.Tally{}
	for _, t := range b.c.Tests {
		k := words.Kind(t.Kind)
		if kinds[k] == nil {
			kinds[k] = &words.Tally{}
		}
		kinds[k].Add(t.Status)
	}
	var out []kindCount
	for k, t := range kinds {
		out = append(out, kindCount{k, *t})
	}
	slices.SortFunc(out, func(x, y kindCount) int {
		return cmp.Or(cmp.Compare(y.Tally.Total, x.Tally.Total), cmp.Compare(x.Kind, y.Kind))
	})
	return out
}

func (b *book) testRows(v *testsView, tests []int) {
	for _, i := range tests {
		t := b.c.Tests[i]
		r := testRow{Status: b.tested(t.Status), Path: b.tests[i], Sentence: cmp.Or(t.Sentence, t.ID.Name), Kind: words.Kind(t.Kind), Node: b.testNode(t), Where: t.Where}
		n := t.Of
		if n < 0 && len(t.Reads) > 0 {
			n = t.Reads[0]
		}
		if n >= 0 {
			r.NodePath, r.Tone = b.paths[n], b.c.Nodes[n].Tone
		}
		if t.Failures > 0 {
			r.Outcome = words.Plural(t.Failures, "failing row")
		}
		r.History = historyDots(t.History)
		v.Dotted = v.Dotted || r.History != ""
		v.Rows = append(v.Rows, r)
	}
}

// dotsShown is how many earlier outcomes a row shows.
const dotsShown = 12

// historyDots writes earlier outcomes, the oldest first: a dot where the test passed, a cross
// where it did not, so that colour is not all there is.
func historyDots(history []content.Outcome) template.HTML {
	if len(history) < 2 {
		return ""
	}
	shown := history[:min(dotsShown, len(history))]
	var w, dots markup.Writer
	bad := 0
	for _, o := range slices.Backward(shown) {
		switch words.Tested(o.Status).Class {
		case "ok":
			dots.Raw("●")
		case "calm":
			dots.Raw("○")
		default:
			bad++
			dots.Raw("<b>✕</b>")
		}
	}
	w.Raw(`<span class="outcomes" role="img" aria-label="`)
	w.Text(words.Plural(len(shown), "outcome") + ", " + words.Count(bad) + " not passed")
	w.Raw(`">`, string(dots.Bytes()), "</span>")
	return template.HTML(w.Bytes())
}

// tested is the outcome of a test. Readers who are not told of outcomes are told so.
func (b *book) tested(s content.Status) words.Pill {
	p := words.Tested(s)
	if s == content.Unknown && b.c.Audience != "" {
		p.Word = "not told"
	}
	return p
}
