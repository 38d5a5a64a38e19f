package catalog

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/catalog/words"
)

// initial is a letter with the names of columns that begin with it.
type initial struct {
	letter string // a to z, «0–9» or «other»
	path   string
	names  []columnName
}

// columnName is a name that columns have, in the spelling met first.
type columnName struct {
	name string
	at   []spot // by node
	// types are the distinct types it has, the commonest first.
	types []string
}

// spot is a column by the number of its node and its own.
type spot struct{ node, column int }

// columnsPerPage limits the pages of the columns.
const columnsPerPage = 400

// spotsShown is how many places of a name are listed.
const spotsShown = 10

func (b *book) readColumns() {
	at := map[string]int{}
	var list []columnName
	for i, n := range b.c.Nodes {
		for k, c := range n.Columns {
			key := strings.ToLower(c.Name)
			j, ok := at[key]
			if !ok {
				j = len(list)
				at[key] = j
				list = append(list, columnName{name: c.Name})
			}
			list[j].at = append(list[j].at, spot{i, k})
		}
	}
	slices.SortFunc(list, func(x, y columnName) int {
		return cmp.Or(cmp.Compare(strings.ToLower(x.name), strings.ToLower(y.name)), cmp.Compare(x.name, y.name))
	})
	for i := range list {
		list[i].types = b.typesOf(list[i].at)
		letter := letterOf(list[i].name)
		k := slices.IndexFunc(b.initials, func(x initial) bool { return x.letter == letter })
		if k < 0 {
			k = len(b.initials)
			file := letter
			if letter == digits {
				file = "0-9"
			}
			b.initials = append(b.initials, initial{letter: letter, path: "columns/" + file + ".html"})
		}
		b.initials[k].names = append(b.initials[k].names, list[i])
	}
	slices.SortFunc(b.initials, func(x, y initial) int {
		return cmp.Or(cmp.Compare(letterRank(x.letter), letterRank(y.letter)), cmp.Compare(x.letter, y.letter))
	})
}

const digits, others = "0–9", "other"

// letterOf is under which letter a name is found.
func letterOf(name string) string {
	r, _ := utf8.DecodeRuneInString(strings.ToLower(name))
	switch {
	case r >= 'a' && r <= 'z':
		return string(r)
	case r >= '0' && r <= '9':
		return digits
	}
	return others
}

func letterRank(letter string) int {
	switch letter {
	case digits:
		return 1
	case others:
		return 2
	}
	return 0
}

func (b *book) typesOf(at []spot) []string {
	counts := map[string]int{}
	for _, s := range at {
		if t := b.c.Nodes[s.node].Columns[s.column].Type; t != "" {
			counts[t]++
		}
	}
	out := make([]string, 0, len(counts))
	for t := range counts {
		out = append(out, t)
	}
	slices.SortFunc(out, func(x, y string) int { return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y)) })
	return out
}

// columnEntry is the page and anchor of a name in the list of columns.
func (b *book) columnEntry(name string) string {
	letter := letterOf(name)
	for i := range b.initials {
		x := &b.initials[i]
		if x.letter != letter {
			continue
		}
		key := strings.ToLower(name)
		k, ok := slices.BinarySearchFunc(x.names, key, func(c columnName, key string) int {
			return cmp.Compare(strings.ToLower(c.name), key)
		})
		if !ok {
			return ""
		}
		return pagedPath(x.path, k/columnsPerPage) + "#c-" + slug(key)
	}
	return ""
}

type columnsView struct {
	Letters []letterView
	Letter  string
	Total   int
	Names   []columnNameView
	Common  []columnNameView
	Pages   []pageLink
}

type letterView struct {
	Letter, Path string
	Count        int
	Current      bool
}

type columnNameView struct {
	ID, Name, Types string
	Count           int
	At              []rowLink
	More            int
	Link            string
}

func (b *book) lettersView(current string) []letterView {
	var out []letterView
	for _, x := range b.initials {
		out = append(out, letterView{x.letter, x.path, len(x.names), x.letter == current})
	}
	return out
}

func (b *book) columnNameView(c columnName) columnNameView {
	v := columnNameView{ID: "c-" + slug(strings.ToLower(c.name)), Name: c.name, Count: len(c.at), Types: strings.Join(c.types[:min(3, len(c.types))], ", ")}
	if len(c.types) > 3 {
		v.Types += " and " + words.Count(len(c.types)-3) + " more"
	}
	for _, s := range c.at[:min(spotsShown, len(c.at))] {
		n := b.c.Nodes[s.node]
		v.At = append(v.At, rowLink{Path: b.paths[s.node] + "#" + b.anchors[s.node][s.column], Name: n.ID.Name, Tone: n.Tone})
	}
	if v.More = len(c.at) - len(v.At); v.More > 0 {
		v.Link = "search.html#q=" + escapeFragment("col:"+c.name)
	}
	return v
}

// columnJobs are the list of letters, with the commonest names, and the pages of each letter.
func (b *book) columnJobs() []job {
	jobs := []job{{path: "columns.html", view: func(string) view {
		v := columnsView{Letters: b.lettersView("")}
		var common []columnName
		for _, x := range b.initials {
			v.Total += len(x.names)
			for _, c := range x.names {
				if len(c.at) > 1 {
					common = append(common, c)
				}
			}
		}
		slices.SortStableFunc(common, func(x, y columnName) int { return cmp.Compare(len(y.at), len(x.at)) })
		for _, c := range common[:min(50, len(common))] {
			w := b.columnNameView(c)
			w.ID = ""
			w.Link = b.columnEntry(c.name)
			w.At, w.More = w.At[:min(5, len(w.At))], len(c.at)-min(5, len(w.At))
			v.Common = append(v.Common, w)
		}
		return view{Title: "Columns", Section: "columns", Template: "columns", Body: v}
	}}}
	for _, x := range b.initials {
		for p := 0; p*columnsPerPage < len(x.names); p++ {
			jobs = append(jobs, job{path: pagedPath(x.path, p), view: func(string) view {
				v := columnsView{Letters: b.lettersView(x.letter), Letter: x.letter, Total: len(x.names)}
				part := x.names[p*columnsPerPage : min(len(x.names), (p+1)*columnsPerPage)]
				for _, c := range part {
					v.Names = append(v.Names, b.columnNameView(c))
				}
				v.Pages = pageLinks(x.path, p, len(x.names), columnsPerPage)
				return view{Title: "Columns: " + x.letter, Section: "columns", Template: "columns", Body: v}
			}})
		}
	}
	return jobs
}
