package search

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/catalog/content"
)

// Sizes in bytes of files before they are compressed, about.
const (
	termShardSize  = 72 << 10
	aboutShardSize = 96 << 10
)

// A word that occurs in more than a quarter of all texts tells nothing: it is listed, since
// filters want to know exactly, but searches pass it over. Projects with fewer texts than
// fewTexts have no such words.
const fewTexts, oftenShare = 40, 4

// texts calls f with all that is written about a thing.
func (x *index) texts(i int, f func(string)) {
	n, t, m, test := x.thing(i)
	switch {
	case n != nil:
		f(describe(n))
		f(n.Label)
		for _, c := range n.Columns {
			f(c.Description)
		}
	case t != nil:
		f(t.Text)
	case m != nil:
		f(m.Description)
	default:
		f(test.Description)
	}
}

// describe is what a node says of itself; tables that say nothing are told of by their source.
func describe(n *content.Node) string {
	if n.Description == "" && n.Source != nil {
		return n.Source.Description
	}
	return n.Description
}

// code calls f with all SQL of a thing. Tests that a line of YAML asks for have none of their own.
func (x *index) code(i int, f func(string)) {
	n, _, m, test := x.thing(i)
	switch {
	case n != nil:
		f(n.Template.Text)
		f(n.SQL.Text)
	case m != nil:
		f(m.Text)
	case test != nil && (test.Kind == "singular" || test.Kind == "unit"):
		f(test.SQL)
	}
}

// shard is a range of words, in order, with the things they occur in.
type shard struct {
	words []string
	at    [][]int32
}

// text has two sections: words, and the things of each.
func (s shard) text() string {
	lists := make([]string, len(s.at))
	for i, list := range s.at {
		lists[i] = string(posting(nil, list))
	}
	return strings.Join(s.words, lineMark) + sectionMark + strings.Join(lists, lineMark)
}

func firsts(shards []shard) []string {
	out := make([]string, len(shards))
	for i, s := range shards {
		out[i] = s.words[0]
	}
	return out
}

// terms indexes the texts of all things. Words that are too frequent to tell anything are named, too.
func (x *index) terms(of func(i int, f func(string))) (out []shard, stops []string) {
	total := x.things()
	workers := min(runtime.GOMAXPROCS(0), 1+total/1024)
	type part struct {
		at    map[string]*[]int32
		texts int
	}
	parts := make([]part, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			p := part{at: map[string]*[]int32{}}
			for i := w * total / workers; i < (w+1)*total/workers; i++ {
				some := false
				of(i, func(s string) {
					words(s, func(word []byte) {
						some = true
						list := p.at[string(word)]
						if list == nil {
							list = new([]int32)
							p.at[string(word)] = list
						}
						if k := len(*list); k == 0 || (*list)[k-1] != int32(i) {
							*list = append(*list, int32(i))
						}
					})
				})
				if some {
					p.texts++
				}
			}
			parts[w] = p
		})
	}
	wait.Wait()
	// Workers have ranges in order, so lists in the order of workers are in order.
	all, texts := map[string]*[]int32{}, 0
	for _, p := range parts {
		texts += p.texts
		for word, list := range p.at {
			if have := all[word]; have != nil {
				*have = append(*have, *list...)
			} else {
				all[word] = list
			}
		}
	}
	var s shard
	size := 0
	for _, word := range slices.SortedFunc(maps.Keys(all), compare) {
		list := *all[word]
		if texts >= fewTexts && len(list) > texts/oftenShare {
			stops = append(stops, word)
		}
		if size > termShardSize {
			out = append(out, s)
			s, size = shard{}, 0
		}
		s.words = append(s.words, word)
		s.at = append(s.at, list)
		size += len(word) + 2 + 3*len(list)/2
	}
	if len(s.words) > 0 {
		out = append(out, s)
	}
	return out, stops
}

// abouts cuts the texts that results show into files.
func (x *index) abouts() {
	size := aboutShardSize + 1
	for i := range x.things() {
		here := 1
		x.texts(i, func(s string) { here += len(s) + 8 })
		if size > aboutShardSize || size+here > 2*aboutShardSize {
			x.about = append(x.about, i)
			size = 0
		}
		size += here
	}
}

// aboutShard is one line for each thing: its description, then, for every column that has one,
// name and description.
func (x *index) aboutShard(from, to int) string {
	lines := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		n, t, m, test := x.thing(i)
		switch {
		case n != nil:
			parts := []string{plain(describe(n))}
			for _, c := range n.Columns {
				if d := plain(c.Description); d != "" {
					parts = append(parts, field(c.Name), d)
				}
			}
			lines = append(lines, strings.Join(parts, fieldMark))
		case t != nil:
			lines = append(lines, plain(t.Text))
		case m != nil:
			lines = append(lines, plain(m.Description))
		default:
			lines = append(lines, plain(test.Description))
		}
	}
	return strings.Join(slices.Clip(lines), lineMark)
}
