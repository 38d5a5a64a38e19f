package genealogy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// The files of a Graph are classic scripts, catalog("m/…", text), where text is JSON that
// begins with the stamp of the making:
//
//	d/m/index.js    sizes, the words that records name by number, first times and first keys
//	d/m/l<k>.js     lots k·perShard and following: a record each
//	d/m/r<k>.js     runs k·perShard and following, with their flows
//	d/m/d<k>.js     a page of the directory: keys (ids and labels) with their lots
//	d/m/<class><k>.js   lots by material, site, tenant, machine or step, ascending
const (
	perShard = 512
	perPage  = 2048
	perPosts = 30000
)

// File is one file, relative to the root of the site.
type File struct {
	Path string
	Body func() []byte
}

// Files are all data files, in a fixed order; the index is the last. A Body is rendered when
// it is asked for, the same bytes each time, and may be by several goroutines at once.
func (g *Graph) Files() []File {
	var out []File
	add := func(name string, body func() []byte) {
		out = append(out, File{"d/" + name + ".js", func() []byte { return script(name, body()) }})
	}
	for k := range shards(len(g.lots), perShard) {
		add("m/l"+strconv.Itoa(k), func() []byte { return g.lotShard(k) })
	}
	for k := range shards(len(g.runs), perShard) {
		add("m/r"+strconv.Itoa(k), func() []byte { return g.runShard(k) })
	}
	for k := range shards(len(g.keys), perPage) {
		add("m/d"+strconv.Itoa(k), func() []byte { return g.page(k) })
	}
	for _, f := range g.facets {
		for k := range f.chunks {
			add("m/"+f.name+strconv.Itoa(k), func() []byte { return g.posts(f, k) })
		}
	}
	add("m/index", g.indexFile)
	return out
}

func shards(n, per int) int { return (n + per - 1) / per }

// script hands text to the page. JSON strings are JavaScript strings, and the encoder
// escapes <, >, & and the line separators.
func script(name string, text []byte) []byte {
	quoted, err := json.Marshal(string(text))
	if err != nil { // a string always encodes
		panic(err)
	}
	return slices.Concat([]byte("catalog("+strconv.Quote(name)+","), quoted, []byte(");\n"))
}

// writer appends JSON. Empty values at the end of an array are left out.
type writer struct {
	b      []byte
	solid  []int // for each open array: its length up to the last value that is not empty
	commas []int // for each open array: how many values it has
}

func (w *writer) sep() {
	if n := len(w.commas) - 1; n >= 0 {
		if w.commas[n] > 0 {
			w.b = append(w.b, ',')
		}
		w.commas[n]++
	}
}

func (w *writer) keep() {
	if n := len(w.solid) - 1; n >= 0 {
		w.solid[n] = len(w.b)
	}
}

func (w *writer) open() {
	w.sep()
	w.b = append(w.b, '[')
	w.solid, w.commas = append(w.solid, len(w.b)), append(w.commas, 0)
}

// close ends an array; one without values is empty itself.
func (w *writer) close() {
	n := len(w.solid) - 1
	empty := w.b[w.solid[n]-1] == '['
	w.b = append(w.b[:w.solid[n]], ']')
	w.solid, w.commas = w.solid[:n], w.commas[:n]
	if !empty {
		w.keep()
	}
}

func (w *writer) whole(n int64) {
	w.sep()
	w.b = strconv.AppendInt(w.b, n, 10)
	if n != 0 {
		w.keep()
	}
}

func (w *writer) text(s string) {
	w.sep()
	if s == "" {
		w.b = append(w.b, '0')
		return
	}
	w.b = appendText(w.b, s)
	w.keep()
}

// amount writes a number, or null where it is not known.
func (w *writer) amount(f float64) {
	w.sep()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.b = append(w.b, "null"...)
		return
	}
	w.b = strconv.AppendFloat(w.b, round(f), 'f', -1, 64)
	w.keep()
}

// round takes the dust off sums: fifteen digits are what a float64 surely has.
func round(f float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64)
	if err != nil {
		return f
	}
	return r
}

func (w *writer) time(t, from int64) {
	w.sep()
	if t == none {
		w.b = append(w.b, "null"...)
		return
	}
	w.b = strconv.AppendInt(w.b, t-from, 10)
	w.keep()
}

func appendText(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return append(b, quoted...)
}

// lotShard has [stamp, first run, first time, lot…], a lot being [id, label, material,
// quantity, unit, time, site, tenant, [runs that made it], [runs that used it], [shipments],
// time from its runs]. Numbers of runs count from the first run, times from the first time.
func (g *Graph) lotShard(k int) []byte {
	from, to := k*perShard, min((k+1)*perShard, len(g.lots))
	w := &writer{}
	w.open()
	w.text(g.stamp)
	run0 := g.runsAt(g.lots[from].when)
	time0 := g.epoch(g.lots[from].when)
	w.whole(int64(run0))
	w.whole(time0)
	w.keep()
	for n := from; n < to; n++ {
		l := &g.lots[n]
		w.open()
		w.text(l.id)
		w.text(l.label)
		w.whole(int64(l.material))
		w.amount(l.quantity)
		w.whole(int64(l.unit))
		w.time(l.at, time0)
		w.whole(int64(l.site))
		w.whole(int64(l.tenant))
		for _, runs := range [][]int32{g.made.at(n), g.used.at(n)} {
			w.open()
			last := int32(run0)
			for _, r := range runs {
				w.whole(int64(r - last))
				w.keep()
				last = r
			}
			w.close()
		}
		w.open()
		for _, s := range g.shipments[g.shipped[n]:g.shipped[n+1]] {
			w.open()
			w.text(s.id)
			w.whole(int64(s.customer))
			w.amount(s.quantity)
			w.whole(int64(s.unit))
			w.time(s.at, time0)
			w.close()
			w.keep()
		}
		w.close()
		if l.at == none {
			w.time(l.when, time0)
		}
		w.close()
		w.keep()
	}
	w.close()
	return w.b
}

// runsAt is the number of the first run that is not before a time.
func (g *Graph) runsAt(when int64) int {
	return sort.Search(len(g.runs), func(i int) bool { return g.runs[i].when >= when })
}

// epoch is a time to count from.
func (g *Graph) epoch(when int64) int64 {
	if when == none {
		return 0
	}
	return when
}

// Flags of a run.
const (
	isRework = 1 << iota
	isWithheld
	isJoint
)

// runShard has [stamp, first lot, first time, run…], a run being [id, kind, machine, step,
// order, started, ended, scrap, unit, flags, [input…], [output…], time from its lots]; a flow
// is [lot, quantity, unit, estimated, share], its lot counted from the one before.
func (g *Graph) runShard(k int) []byte {
	from, to := k*perShard, min((k+1)*perShard, len(g.runs))
	w := &writer{}
	w.open()
	w.text(g.stamp)
	time0 := g.epoch(g.runs[from].when)
	lot0 := sort.Search(len(g.lots), func(i int) bool { return g.lots[i].when >= g.runs[from].when })
	w.whole(int64(lot0))
	w.whole(time0)
	w.keep()
	for n := from; n < to; n++ {
		r := &g.runs[n]
		w.open()
		w.text(r.id)
		w.whole(int64(r.kind))
		w.whole(int64(r.machine))
		w.whole(int64(r.step))
		w.text(r.order)
		w.time(r.started, time0)
		w.time(r.ended, time0)
		w.amount(r.scrap)
		w.whole(int64(r.unit))
		w.whole(bit(r.rework)*isRework | bit(r.withheld)*isWithheld | bit(r.joint)*isJoint)
		flows := g.flows[g.firstFlow[n]:g.firstFlow[n+1]]
		for _, out := range []bool{false, true} {
			w.open()
			last := int32(lot0)
			for _, f := range flows {
				if f.out != out {
					continue
				}
				w.open()
				w.whole(int64(f.lot - last))
				last = f.lot
				w.keep()
				w.amount(f.quantity)
				w.whole(int64(f.unit))
				w.whole(bit(f.estimated))
				w.amount(f.share)
				w.close()
				w.keep()
			}
			w.close()
		}
		if r.started == none && r.ended == none {
			w.time(r.when, time0)
		}
		w.close()
		w.keep()
	}
	w.close()
	return w.b
}

// key is a name that a lot is looked for by.
type key struct {
	folded, text string
	lot          int32
}

// fold makes ASCII letters small: what both sides of the page's search can agree on.
func fold(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

// directory lists the keys by their folded form, in the order of code points.
func (g *Graph) directory() []key {
	out := make([]key, 0, len(g.lots))
	for n := range g.lots {
		l := &g.lots[n]
		out = append(out, key{fold(l.id), l.id, int32(n)})
		if l.label != "" && l.label != l.id {
			out = append(out, key{fold(l.label), l.label, int32(n)})
		}
	}
	slices.SortFunc(out, func(x, y key) int {
		return cmp.Or(cmp.Compare(x.folded, y.folded), cmp.Compare(x.text, y.text), cmp.Compare(x.lot, y.lot))
	})
	return out
}

// page has [stamp, how much of the key before is at the beginning, the rest, lot, …].
func (g *Graph) page(k int) []byte {
	w := &writer{}
	w.open()
	w.text(g.stamp)
	before := ""
	for _, key := range g.keys[k*perPage : min((k+1)*perPage, len(g.keys))] {
		n := 0
		for n < len(before) && n < len(key.text) && before[n] == key.text[n] && before[n] < 0x80 {
			n++
		}
		w.whole(int64(n))
		w.text(key.text[n:])
		w.whole(int64(key.lot))
		w.keep()
		before = key.text
	}
	w.close()
	return w.b
}

// facet is a way to choose lots: by a word that they, or the run that made them, have.
type facet struct {
	name   string
	words  []string
	counts []int32
	first  []int32 // of each word in lots
	lots   []int32
	chunks []int // the word that each file begins with
}

// classes sorts the lots by the words that say anything.
func (g *Graph) classes() []facet {
	var out []facet
	for _, f := range []struct {
		name  string
		words []string
		of    func(l int, add func(int32))
	}{
		{"material", g.materials, func(l int, add func(int32)) { add(g.lots[l].material) }},
		{"machine", g.machines, func(l int, add func(int32)) {
			for _, r := range g.made.at(l) {
				add(g.runs[r].machine)
			}
		}},
		{"step", g.steps, func(l int, add func(int32)) {
			for _, r := range g.made.at(l) {
				add(g.runs[r].step)
			}
		}},
		{"site", g.sites, func(l int, add func(int32)) { add(g.lots[l].site) }},
		{"tenant", g.tenants, func(l int, add func(int32)) { add(g.lots[l].tenant) }},
	} {
		if len(f.words) < 2 {
			continue
		}
		c := facet{name: f.name, words: f.words, counts: make([]int32, len(f.words)), first: make([]int32, len(f.words)+1)}
		last := make([]int32, len(f.words))
		all := func(do func(word, lot int32)) {
			clear(last)
			for n := range g.lots {
				f.of(n, func(word int32) {
					if word > 0 && last[word] != int32(n)+1 {
						last[word] = int32(n) + 1
						do(word, int32(n))
					}
				})
			}
		}
		all(func(word, _ int32) { c.counts[word]++ })
		for i, n := range c.counts {
			c.first[i+1] = c.first[i] + n
		}
		c.lots = make([]int32, c.first[len(f.words)])
		next := slices.Clone(c.first)
		all(func(word, lot int32) { c.lots[next[word]] = lot; next[word]++ })
		for at := 0; at < len(c.lots); at += perPosts {
			c.chunks = append(c.chunks, sort.Search(len(f.words), func(i int) bool { return int(c.first[i+1]) > at }))
		}
		out = append(out, c)
	}
	return out
}

// posts has [stamp, [word, lot…]…]: lots of each word that has some in this file, the first as
// it is, each other as its distance from the one before.
func (g *Graph) posts(f facet, k int) []byte {
	from, to := k*perPosts, min((k+1)*perPosts, len(f.lots))
	w := &writer{}
	w.open()
	w.text(g.stamp)
	for word := f.chunks[k]; word < len(f.words) && int(f.first[word]) < to; word++ {
		lots := f.lots[max(from, int(f.first[word])):min(to, int(f.first[word+1]))]
		if len(lots) == 0 {
			continue
		}
		w.open()
		w.whole(int64(word))
		last := int32(0)
		for _, l := range lots {
			w.whole(int64(l - last))
			w.keep()
			last = l
		}
		w.close()
		w.keep()
	}
	w.close()
	return w.b
}

// indexJSON is d/m/index.js.
type indexJSON struct {
	Stamp     string       `json:"stamp"`
	Title     string       `json:"title"`
	Lots      int          `json:"lots"`
	Runs      int          `json:"runs"`
	Shipments int          `json:"shipments"`
	Per       int          `json:"per"`
	Page      int          `json:"page"`
	Words     indexWords   `json:"words"`
	LotTimes  []*int64     `json:"lotTimes"` // of the first lot of each file; null: not known
	Keys      []string     `json:"keys"`     // the first of each page, folded
	Facets    []indexFacet `json:"facets"`
	Closed    bool         `json:"closed,omitempty"`
}

type indexWords struct {
	Material []string `json:"material"`
	Unit     []string `json:"unit"`
	Site     []string `json:"site"`
	Tenant   []string `json:"tenant"`
	Kind     []string `json:"kind"`
	Machine  []string `json:"machine"`
	Step     []string `json:"step"`
	Customer []string `json:"customer"`
}

type indexFacet struct {
	Name   string  `json:"name"`
	Counts []int32 `json:"counts"`
	Chunks []int   `json:"chunks"`
}

func (g *Graph) indexFile() []byte {
	x := indexJSON{
		Stamp: g.stamp, Title: valid(g.o.Title), Lots: len(g.lots), Runs: len(g.runs), Shipments: len(g.shipments), Per: perShard, Page: perPage,
		Words:    indexWords{g.materials, g.units, g.sites, g.tenants, g.kinds, g.machines, g.steps, g.customers},
		LotTimes: []*int64{}, Keys: []string{}, Facets: []indexFacet{}, Closed: g.o.Closed,
	}
	for k := range shards(len(g.lots), perShard) {
		var at *int64
		if when := g.lots[k*perShard].when; when != none {
			at = &when
		}
		x.LotTimes = append(x.LotTimes, at)
	}
	for k := range shards(len(g.keys), perPage) {
		x.Keys = append(x.Keys, g.keys[k*perPage].folded)
	}
	for _, f := range g.facets {
		x.Facets = append(x.Facets, indexFacet{f.name, f.counts, f.chunks})
	}
	text, err := json.Marshal(x)
	if err != nil { // plain texts and numbers always encode
		panic(fmt.Sprintf("index of lots: %v", err))
	}
	return text
}
