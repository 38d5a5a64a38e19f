package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// testsView is the page of all tests.
type testsView struct {
	Verdict verdict
	Tally   tally
	Kinds   []kindCount
	Rows    []testRow
	Hidden  int // passing tests left out of a long list
}

type kindCount struct {
	Kind  string
	Tally tally
}

type testRow struct {
	Status                     pill
	Sentence, Kind, Path, Node string
	Tone, Outcome              string
}

// testListLimit is how many tests the page lists; failures are always among them.
const testListLimit = 1_000

func (b *book) testsView() testsView {
	v := testsView{Verdict: b.verdict()}
	kinds := map[string]*tally{}
	add := func(kind string, id, node addr.Node, sentence string) {
		status := b.checkStatus(id)
		v.Tally.add(status)
		if kinds[kind] == nil {
			kinds[kind] = &tally{}
		}
		kinds[kind].add(status)
		r := testRow{Status: b.checkPill(id), Outcome: b.failingRows(id), Sentence: sentence, Kind: kind, Node: node.Name, Tone: b.tone(node)}
		if _, ok := b.number[node]; ok {
			r.Path = nodePath(node) + "#t-" + slug(id.Name)
		}
		v.Rows = append(v.Rows, r)
	}
	for _, t := range b.in.Program.Tests {
		node := t.Node
		if node.IsZero() && len(t.Parents) > 0 {
			node = t.Parents[0]
		}
		add(strings.ReplaceAll(t.Kind, "_", " "), t.ID, node, b.sentence(t))
	}
	for _, t := range b.in.Program.UnitTests {
		add("unit test", t.ID, t.Node, t.ID.Name)
	}
	slices.SortStableFunc(v.Rows, func(x, y testRow) int {
		return cmp.Or(cmp.Compare(urgency(x.Status), urgency(y.Status)), cmp.Compare(x.Node, y.Node), cmp.Compare(x.Sentence, y.Sentence))
	})
	if n := len(v.Rows); n > testListLimit {
		v.Rows, v.Hidden = v.Rows[:testListLimit], n-testListLimit
	}
	for k, t := range kinds {
		v.Kinds = append(v.Kinds, kindCount{k, *t})
	}
	slices.SortFunc(v.Kinds, func(x, y kindCount) int {
		return cmp.Or(cmp.Compare(y.Tally.Total, x.Tally.Total), cmp.Compare(x.Kind, y.Kind))
	})
	return v
}
