package genealogy_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/genealogy"
)

// reader walks through the files as the page does.
type reader struct {
	t     *testing.T
	files map[string]func() []byte
	got   map[string][]any
	loads int
	index struct {
		Stamp                 string
		Lots, Runs, Shipments int
		Per, Page             int
		Words                 map[string][]string
		LotTimes              []*int64
		Keys                  []string
		Facets                []struct {
			Name   string
			Counts []int
			Chunks []int
		}
	}
}

func read(t *testing.T, g *genealogy.Graph) *reader {
	t.Helper()
	r := &reader{t: t, files: map[string]func() []byte{}, got: map[string][]any{}}
	for _, f := range g.Files() {
		if r.files[f.Path] != nil {
			t.Fatalf("%s twice", f.Path)
		}
		r.files[f.Path] = f.Body
	}
	if err := json.Unmarshal([]byte(r.text("m/index")), &r.index); err != nil {
		t.Fatal(err)
	}
	return r
}

// text is what a file hands to the page.
func (r *reader) text(name string) string {
	r.t.Helper()
	body := r.files["d/"+name+".js"]
	if body == nil {
		r.t.Fatalf("no file %s", name)
	}
	call := string(body())
	rest, ok := strings.CutPrefix(call, "catalog("+strconv.Quote(name)+",")
	if rest, ok = strings.CutSuffix(rest, ");\n"); !ok {
		r.t.Fatalf("%s: %.80s", name, call)
	}
	if strings.ContainsAny(call, "<>&\u2028\u2029") {
		r.t.Fatalf("%s holds what has to be escaped", name)
	}
	var text string
	if err := json.Unmarshal([]byte(rest), &text); err != nil {
		r.t.Fatal(err)
	}
	return text
}

func (r *reader) shard(name string) []any {
	r.t.Helper()
	if had := r.got[name]; had != nil {
		return had
	}
	var v []any
	if err := json.Unmarshal([]byte(r.text(name)), &v); err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	if v[0] != r.index.Stamp {
		r.t.Fatalf("%s has the stamp %v", name, v[0])
	}
	r.got[name] = v
	r.loads++
	return v
}

func whole(v []any, i int) int {
	if i >= len(v) || v[i] == nil {
		return 0
	}
	return int(v[i].(float64))
}

func text(v []any, i int) string {
	if i < len(v) {
		if s, ok := v[i].(string); ok {
			return s
		}
	}
	return ""
}

func list(v []any, i int) []any {
	if i < len(v) {
		if l, ok := v[i].([]any); ok {
			return l
		}
	}
	return nil
}

func (r *reader) lot(n int) (rec []any, made, used []int) {
	s := r.shard(fmt.Sprintf("m/l%d", n/r.index.Per))
	rec = s[3+n%r.index.Per].([]any)
	for i, to := range []*[]int{&made, &used} {
		at := whole(s, 1)
		for _, d := range list(rec, 8+i) {
			at += int(d.(float64))
			*to = append(*to, at)
		}
	}
	return rec, made, used
}

type flowRead struct {
	lot      int
	quantity float64
	unit     string
}

func (r *reader) run(n int) (rec []any, in, out []flowRead) {
	s := r.shard(fmt.Sprintf("m/r%d", n/r.index.Per))
	rec = s[3+n%r.index.Per].([]any)
	for i, to := range []*[]flowRead{&in, &out} {
		at := whole(s, 1)
		for _, v := range list(rec, 10+i) {
			f := v.([]any)
			at += whole(f, 0)
			q := math.NaN()
			if len(f) > 1 && f[1] != nil {
				q = f[1].(float64)
			}
			*to = append(*to, flowRead{at, q, r.index.Words["unit"][whole(f, 2)]})
		}
	}
	return rec, in, out
}

// find looks a key up in the directory.
func (r *reader) find(key string) []int {
	folded := strings.ToLower(key)
	page, ok := slices.BinarySearch(r.index.Keys, folded)
	if !ok {
		page--
	} else {
		for page > 0 && r.index.Keys[page-1] == folded {
			page--
		}
		if page > 0 {
			page--
		}
	}
	var out []int
	for p := max(page, 0); p < len(r.index.Keys) && (p <= page || r.index.Keys[p] <= folded); p++ {
		s := r.shard(fmt.Sprintf("m/d%d", p))
		before := ""
		for i := 1; i+2 < len(s)+0; i += 3 {
			before = before[:whole(s, i)] + text(s, i+1)
			if before == key {
				out = append(out, whole(s, i+2))
			}
		}
	}
	return out
}

// trace is breadth first through the files: the hops to all lots.
func (r *reader) trace(from int, back bool) map[string]int {
	hops := map[int]int{from: 0}
	queue := []int{from}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		_, made, used := r.lot(n)
		runs := used
		if back {
			runs = made
		}
		for _, run := range runs {
			_, in, out := r.run(run)
			lots := out
			if back {
				lots = in
			}
			for _, f := range lots {
				if _, had := hops[f.lot]; !had {
					hops[f.lot] = hops[n] + 1
					queue = append(queue, f.lot)
				}
			}
		}
	}
	out := map[string]int{}
	for n, h := range hops {
		rec, _, _ := r.lot(n)
		out[text(rec, 0)] = h
	}
	return out
}

// world are rows with splits, merges, rework and cycles.
type world struct {
	lots  []genealogy.Lot
	runs  []genealogy.Run
	flows []genealogy.Flow
	edges []genealogy.Edge
}

var day = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func random(rng *rand.Rand, n int) world {
	var w world
	id := func(i int) string { return fmt.Sprintf("Lot-%05d", i) }
	for i := range n {
		l := genealogy.Lot{ID: id(i), Label: fmt.Sprintf("tag %d", i/2), Material: fmt.Sprintf("product %d", i%7), Quantity: float64(i) / 3, Unit: []string{"kg", "pcs"}[i%2], Tenant: fmt.Sprint(i % 3)}
		if rng.IntN(10) > 0 {
			l.At = day.Add(time.Duration(i) * time.Hour)
		}
		if rng.IntN(20) > 0 {
			w.lots = append(w.lots, l)
		}
	}
	some := func(from, to int) string { return id(from + rng.IntN(max(1, to-from))) }
	for i := 1; i < n; i++ {
		run := strconv.Itoa(i)
		if rng.IntN(4) > 0 {
			r := genealogy.Run{ID: run, Kind: "step", Machine: fmt.Sprintf("machine %d", rng.IntN(4)), Step: "mix", Scrap: math.NaN()}
			if rng.IntN(3) > 0 {
				r.Ended = day.Add(time.Duration(i) * time.Hour)
			}
			w.runs = append(w.runs, r)
		}
		for range 1 + rng.IntN(3) {
			w.flows = append(w.flows, genealogy.Flow{Run: run, Kind: "step", Lot: some(max(0, i-20), i), Quantity: float64(rng.IntN(100)), Share: math.NaN(), Unit: "kg"})
		}
		for range 1 + rng.IntN(2) {
			w.flows = append(w.flows, genealogy.Flow{Run: run, Kind: "step", Lot: some(i, min(n, i+5)), Out: true, Quantity: math.NaN(), Share: math.NaN()})
		}
		if rng.IntN(10) == 0 { // rework: back into something earlier
			w.flows = append(w.flows, genealogy.Flow{Run: run, Kind: "step", Lot: some(max(0, i-30), i), Out: true, Quantity: 1, Share: math.NaN(), Unit: "pcs"})
		}
		if rng.IntN(5) == 0 {
			w.edges = append(w.edges, genealogy.Edge{Parent: some(0, i), Child: some(i, n), Quantity: math.NaN()})
		}
		if rng.IntN(5) == 0 { // a run of another kind with the same name, and one that flows know
			w.edges = append(w.edges, genealogy.Edge{Parent: some(0, i), Child: some(i, n), Run: run, Kind: "transfer", Quantity: math.NaN(), At: day},
				genealogy.Edge{Parent: id(0), Child: id(n - 1), Run: run, Kind: "step", Quantity: math.NaN()})
		}
	}
	return w
}

func (w world) build(t *testing.T, o genealogy.Options) *genealogy.Graph {
	t.Helper()
	b := genealogy.NewBuilder(o)
	var err error
	for _, l := range w.lots {
		err = errors.Join(err, b.Lot(l))
	}
	for _, r := range w.runs {
		err = errors.Join(err, b.Run(r))
	}
	for _, f := range w.flows {
		err = errors.Join(err, b.Flow(f))
	}
	for _, e := range w.edges {
		err = errors.Join(err, b.Edge(e))
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Graph()
}

// neighbours is the same graph, straight from the rows.
func (w world) neighbours(closed bool) (back, forward map[string]map[string]bool, all map[string]bool) {
	all = map[string]bool{}
	for _, l := range w.lots {
		all[l.ID] = true
	}
	in, out := map[string][]string{}, map[string][]string{}
	known := func(l string) bool {
		if !closed {
			all[l] = true
		}
		return all[l]
	}
	for _, f := range w.flows {
		if !known(f.Lot) {
			continue
		}
		if f.Out {
			out[f.Run] = append(out[f.Run], f.Lot)
		} else {
			in[f.Run] = append(in[f.Run], f.Lot)
		}
	}
	back, forward = map[string]map[string]bool{}, map[string]map[string]bool{}
	link := func(p, c string) {
		for _, x := range []struct {
			m    map[string]map[string]bool
			a, b string
		}{{back, c, p}, {forward, p, c}} {
			if x.m[x.a] == nil {
				x.m[x.a] = map[string]bool{}
			}
			x.m[x.a][x.b] = true
		}
	}
	for run, ps := range in {
		for _, p := range ps {
			for _, c := range out[run] {
				link(p, c)
			}
		}
	}
	byRun := map[string][2][]string{}
	for _, e := range w.edges {
		if e.Kind == "step" || e.Parent == e.Child {
			continue
		}
		key := "\x00" + e.Child
		if e.Run != "" {
			key = e.Run
		}
		x := byRun[key]
		if known(e.Parent) {
			x[0] = append(x[0], e.Parent)
		}
		if known(e.Child) {
			x[1] = append(x[1], e.Child)
		}
		byRun[key] = x
	}
	for _, x := range byRun {
		for _, p := range x[0] {
			for _, c := range x[1] {
				link(p, c)
			}
		}
	}
	return back, forward, all
}

func brute(next map[string]map[string]bool, from string) map[string]int {
	hops := map[string]int{from: 0}
	for at, hop := []string{from}, 1; len(at) > 0; hop++ {
		var then []string
		for _, l := range at {
			for _, n := range slices.Sorted(maps.Keys(next[l])) {
				if _, had := hops[n]; !had {
					hops[n] = hop
					then = append(then, n)
				}
			}
		}
		at = then
	}
	return hops
}

// TestFilesAreTheRows: a walk through the files finds what a walk over the rows finds, for
// every lot and in both directions, and every lot is found by its names.
func TestFilesAreTheRows(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := random(rng, 40+int(seed)*300)
		closed := seed%2 == 1
		back, forward, all := w.neighbours(closed)
		r := read(t, w.build(t, genealogy.Options{Closed: closed}))
		if r.index.Lots != len(all) {
			t.Fatalf("seed %d: %d lots, want %d", seed, r.index.Lots, len(all))
		}
		last := int64(math.MinInt64)
		for n := range r.index.Lots {
			rec, _, _ := r.lot(n)
			id := text(rec, 0)
			if got := r.find(id); !slices.Equal(got, []int{n}) {
				t.Fatalf("seed %d: %s is lot %d, the directory says %v", seed, id, n, got)
			}
			if label := text(rec, 1); label != "" && !slices.Contains(r.find(label), n) {
				t.Fatalf("seed %d: %s is not found by %q", seed, id, label)
			}
			if len(rec) > 5 && rec[5] != nil {
				s := r.shard(fmt.Sprintf("m/l%d", n/r.index.Per))
				at := int64(whole(s, 2) + whole(rec, 5))
				if at < last {
					t.Fatalf("seed %d: lot %d is earlier than the one before", seed, n)
				}
				last = at
			}
			if n%7 != 0 && seed > 1 {
				continue
			}
			if diff := cmp.Diff(brute(back, id), r.trace(n, true)); diff != "" {
				t.Fatalf("seed %d, back from %s (-rows +files):\n%s", seed, id, diff)
			}
			if diff := cmp.Diff(brute(forward, id), r.trace(n, false)); diff != "" {
				t.Fatalf("seed %d, forward from %s (-rows +files):\n%s", seed, id, diff)
			}
		}
		r.facets(w)
	}
}

// facets checks that each word has its lots.
func (r *reader) facets(w world) {
	of := map[string]string{}
	for _, l := range w.lots {
		of[l.ID] = l.Material
	}
	for _, f := range r.index.Facets {
		got := map[int][]int{}
		for k := range f.Chunks {
			for _, v := range r.shard(fmt.Sprintf("m/%s%d", f.Name, k))[1:] {
				p := v.([]any)
				at := 0
				for _, d := range p[1:] {
					at += int(d.(float64))
					got[whole(p, 0)] = append(got[whole(p, 0)], at)
				}
			}
		}
		for word, n := range f.Counts {
			if len(got[word]) != n || !slices.IsSorted(got[word]) {
				r.t.Fatalf("%s %d has %d lots, want %d", f.Name, word, len(got[word]), n)
			}
			if f.Name != "material" {
				continue
			}
			for _, l := range got[word] {
				rec, _, _ := r.lot(l)
				if of[text(rec, 0)] != r.index.Words["material"][word] {
					r.t.Fatalf("%s is no %s", text(rec, 0), r.index.Words["material"][word])
				}
			}
		}
	}
}

// TestSameRowsSameBytes: the order of rows within a relation does not show.
func TestSameRowsSameBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	w := random(rng, 700)
	all := func() []byte {
		var b bytes.Buffer
		for _, f := range w.build(t, genealogy.Options{}).Files() {
			fmt.Fprintln(&b, f.Path)
			b.Write(f.Body())
		}
		return b.Bytes()
	}
	one := all()
	rng.Shuffle(len(w.lots), func(i, j int) { w.lots[i], w.lots[j] = w.lots[j], w.lots[i] })
	rng.Shuffle(len(w.runs), func(i, j int) { w.runs[i], w.runs[j] = w.runs[j], w.runs[i] })
	rng.Shuffle(len(w.flows), func(i, j int) { w.flows[i], w.flows[j] = w.flows[j], w.flows[i] })
	if !bytes.Equal(one, all()) {
		t.Error("other bytes of the same rows in another order")
	}
	w.lots[0].Quantity++
	if bytes.Equal(one, all()) {
		t.Error("the same bytes of other rows")
	}
}

// TestQuantities: flows of one lot are added up by unit, and what is unknown stays so.
func TestQuantities(t *testing.T) {
	b := genealogy.NewBuilder(genealogy.Options{})
	for _, f := range []genealogy.Flow{
		{Run: "r", Lot: "a", Quantity: 0.1, Unit: "kg", Share: math.NaN()},
		{Run: "r", Lot: "a", Quantity: 0.2, Unit: "kg", Share: math.NaN()},
		{Run: "r", Lot: "a", Quantity: 3, Unit: "pcs", Share: math.NaN()},
		{Run: "r", Lot: "b", Quantity: math.NaN(), Unit: "kg", Share: math.NaN()},
		{Run: "r", Lot: "b", Quantity: 1, Unit: "kg", Share: math.NaN()},
	} {
		if err := b.Flow(f); err != nil {
			t.Fatal(err)
		}
	}
	_, in, out := read(t, b.Graph()).run(0)
	if len(in) != 3 || len(out) != 0 || in[0] != (flowRead{0, 0.3, "kg"}) || in[1] != (flowRead{0, 3, "pcs"}) || in[2].lot != 1 || !math.IsNaN(in[2].quantity) {
		t.Errorf("in: %v, out: %v", in, out)
	}
}

// TestLimits: too many lots are refused, and so are rows in the wrong order.
func TestLimits(t *testing.T) {
	b := genealogy.NewBuilder(genealogy.Options{MaxLots: 1})
	if err := errors.Join(b.Lot(genealogy.Lot{ID: "a"}), b.Lot(genealogy.Lot{ID: "a"})); err != nil {
		t.Fatal(err)
	}
	var many *genealogy.TooManyError
	if err := b.Flow(genealogy.Flow{Run: "r", Lot: "b"}); !errors.As(err, &many) || many.Most != 1 {
		t.Errorf("a second lot: %v", err)
	}
	if err := b.Lot(genealogy.Lot{ID: "a"}); !errors.Is(err, genealogy.ErrLate) {
		t.Errorf("a lot after flows: %v", err)
	}
}

// TestClosed: what others have is nowhere in the files.
func TestClosed(t *testing.T) {
	b := genealogy.NewBuilder(genealogy.Options{Closed: true})
	err := errors.Join(
		b.Lot(genealogy.Lot{ID: "own"}), b.Lot(genealogy.Lot{ID: "own2"}),
		b.Run(genealogy.Run{ID: "CANARY-run", Kind: "CANARY-kind", Machine: "CANARY-m", Step: "CANARY-step", Unit: "CANARY-unit"}),
		b.Flow(genealogy.Flow{Run: "r", Lot: "CANARY-in"}), b.Flow(genealogy.Flow{Run: "r", Lot: "own", Out: true}),
		b.Flow(genealogy.Flow{Run: "CANARY-run", Kind: "CANARY-kind", Lot: "CANARY-in", Unit: "CANARY-u"}),
		b.Edge(genealogy.Edge{Parent: "CANARY-up", Child: "own2", Run: "t", Kind: "transfer"}), b.Edge(genealogy.Edge{Parent: "CANARY-x", Child: "CANARY-y", Run: "CANARY-z"}),
		b.Shipment(genealogy.Shipment{Lot: "CANARY-in", ID: "CANARY-s", Customer: "CANARY-c"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	g := b.Graph()
	r := read(t, g)
	if r.index.Lots != 2 || r.index.Runs != 2 {
		t.Errorf("%d lots, %d runs", r.index.Lots, r.index.Runs)
	}
	for n := range 2 {
		if rec, _, _ := r.run(n); whole(rec, 9)&2 == 0 {
			t.Errorf("run %v does not say that there was more", rec)
		}
	}
	for _, f := range g.Files() {
		if bytes.Contains(f.Body(), []byte("CANARY")) {
			t.Errorf("%s tells of others", f.Path)
		}
	}
}

// TestHostile: texts come back as they were, whatever they are.
func TestHostile(t *testing.T) {
	ids := []string{"</script><b a=\"'\">", "`${x}`", "\u2028\u2029", "\x00\t\n\\", "日本", "😀a", "😀b", "Ä", "ä", "A", "a", strings.Repeat("x", 200), "__proto__", "0", "\xff", "\xfe"}
	b := genealogy.NewBuilder(genealogy.Options{})
	for _, id := range ids {
		if err := b.Lot(genealogy.Lot{ID: id, Label: id + "!", Material: id}); err != nil {
			t.Fatal(err)
		}
	}
	r := read(t, b.Graph())
	var got []string
	for n := range r.index.Lots {
		rec, _, _ := r.lot(n)
		got = append(got, text(rec, 0))
		if !slices.Contains(r.find(text(rec, 0)), n) {
			t.Errorf("%q is not found", text(rec, 0))
		}
	}
	want := slices.Clone(ids)
	want[14], want[15] = `"\xff"`, `"\xfe"`
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// sizes are what a folder holds.
func sizes(g *genealogy.Graph) (files int, raw, packed, largest int64) {
	for _, f := range g.Files() {
		body := f.Body()
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body)
		_ = z.Close()
		files++
		raw += int64(len(body))
		packed += int64(b.Len())
		if !strings.HasSuffix(f.Path, "/index.js") {
			largest = max(largest, int64(b.Len()))
		}
	}
	return files, raw, packed, largest
}

// TestSizes: a file that a walk loads stays small.
func TestSizes(t *testing.T) {
	g := random(rand.New(rand.NewPCG(1, 1)), 20000).build(t, genealogy.Options{})
	files, raw, packed, largest := sizes(g)
	t.Logf("%d lots, %d runs: %d files, %d kB, %d kB compressed, the largest %d kB", g.Lots(), g.Runs(), files, raw>>10, packed>>10, largest>>10)
	if largest > 60<<10 {
		t.Errorf("the largest file has %d bytes compressed", largest)
	}
}

func BenchmarkGraph(b *testing.B) {
	w := random(rand.New(rand.NewPCG(1, 1)), 100000)
	for b.Loop() {
		x := genealogy.NewBuilder(genealogy.Options{})
		for _, l := range w.lots {
			_ = x.Lot(l)
		}
		for _, r := range w.runs {
			_ = x.Run(r)
		}
		for _, f := range w.flows {
			_ = x.Flow(f)
		}
		g := x.Graph()
		for _, f := range g.Files() {
			f.Body()
		}
	}
}
