package genealogy

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Lot is an amount of material that has a name of its own.
type Lot struct {
	ID string
	// Label is another name that people look for, such as a tag; may be empty.
	Label string
	// Material is what it is: a product, a raw material.
	Material string
	// Quantity is NaN where it is not known.
	Quantity           float64
	Unit, Site, Tenant string
	// At is when it came to be; zero: not known.
	At time.Time
}

// Run is an event that turns lots into others: a transaction, a machine's run, a transfer.
type Run struct {
	// ID is unique among the runs of its Kind.
	ID, Kind             string
	Machine, Step, Order string
	Started, Ended       time.Time
	// Scrap is what went in and came out as nothing, in Unit; NaN: not known.
	Scrap  float64
	Unit   string
	Rework bool
}

// Flow is a lot that goes into a run or comes out of it.
type Flow struct {
	Run, Kind, Lot string
	Out            bool
	// Quantity and Share are NaN where they are not known. Share is the lot's part of all that
	// the run took, or gave, where it has no quantity.
	Quantity, Share float64
	Unit            string
	// Estimated: the quantity or the share was not measured.
	Estimated bool
}

// Edge says that Child was made of Parent. Without Run it is a run of its own, one for each child.
type Edge struct {
	Parent, Child string
	Run, Kind     string
	// Quantity is how much of Parent went into Child, NaN: not known.
	Quantity  float64
	Unit      string
	Estimated bool
	At        time.Time
}

// Shipment is a lot that left for somebody.
type Shipment struct {
	Lot, ID, Customer, Unit string
	Quantity                float64
	At                      time.Time
}

// Options of a Builder.
type Options struct {
	// MaxLots is the largest number of lots, 0: DefaultMaxLots.
	MaxLots int
	// Closed: there are no lots but those that Lot named. Flows of others are left out, and
	// their runs say that there was more.
	Closed bool
	// Title is what the lots are, in a word or two; the name of their model.
	Title string
}

// DefaultMaxLots is how many lots a folder of pages can reasonably hold: about 60 MB compressed.
const DefaultMaxLots = 1_000_000

// TooManyError is more lots than Options.MaxLots.
type TooManyError struct{ Most int }

func (e *TooManyError) Error() string { return fmt.Sprintf("more than %d lots", e.Most) }

// ErrLate is a lot that is named after the first flow of a closed Builder, or a flow after the
// first edge.
var ErrLate = errors.New("rows come in the order lots, runs, flows, edges, shipments")

// words are texts that repeat; 0 is the empty one.
type words struct {
	texts []string
	at    map[string]int32
}

func newWords() *words { return &words{texts: []string{""}, at: map[string]int32{"": 0}} }

func (w *words) add(s string) int32 {
	s = valid(s)
	if i, ok := w.at[s]; ok {
		return i
	}
	i := int32(len(w.texts))
	w.texts = append(w.texts, s)
	w.at[s] = i
	return i
}

// valid keeps texts apart that are no UTF-8: they are shown as Go would quote them.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strconv.QuoteToASCII(s)
}

// none is an unknown time.
const none = math.MinInt64

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return none
	}
	return t.Unix()
}

type lot struct {
	id, label                    string
	material, unit, site, tenant int32
	quantity                     float64
	at, when                     int64 // as said, and as its runs tell where that is unknown
	named                        bool
}

type run struct {
	id                   string
	kind, machine, step  int32
	unit                 int32
	order                string
	started, ended, when int64
	scrap                float64
	rework               bool
	named, told          bool // by Run; by Flow
	withheld             bool
	joint                bool // stands for an edge without a run
}

type flow struct {
	run, lot        int32
	quantity, share float64
	unit            int32
	out, estimated  bool
}

type shipment struct {
	lot            int32
	id             string
	customer, unit int32
	quantity       float64
	at             int64
}

// Builder takes rows and makes a Graph of them. Rows come in the order lots, runs, flows,
// edges, shipments; a part without rows is left out. It is used by one goroutine, once.
type Builder struct {
	o                                                             Options
	lotAt                                                         map[string]int32
	runAt                                                         map[runKey]int32
	lots                                                          []lot
	runs                                                          []run
	flows                                                         []flow
	shipments                                                     []shipment
	materials, units, sites, tenants, kinds, machines, steps, who *words
	stage                                                         int
}

type runKey struct {
	kind  int32
	id    string
	joint bool
}

// NewBuilder is an empty one.
func NewBuilder(o Options) *Builder {
	o.MaxLots = cmp.Or(o.MaxLots, DefaultMaxLots)
	return &Builder{
		o: o, lotAt: map[string]int32{}, runAt: map[runKey]int32{},
		materials: newWords(), units: newWords(), sites: newWords(), tenants: newWords(), kinds: newWords(), machines: newWords(), steps: newWords(), who: newWords(),
	}
}

// The order in which rows come.
const (
	stageLots = iota
	stageRuns
	stageFlows
	stageEdges
	stageShipments
)

func (b *Builder) at(stage int) error {
	if stage < b.stage {
		return ErrLate
	}
	b.stage = stage
	return nil
}

func (b *Builder) lot(id string) (int32, bool, error) {
	id = valid(id)
	if n, ok := b.lotAt[id]; ok {
		return n, true, nil
	}
	if b.o.Closed && b.stage > stageLots {
		return 0, false, nil
	}
	if len(b.lots) >= b.o.MaxLots {
		return 0, false, &TooManyError{b.o.MaxLots}
	}
	n := int32(len(b.lots))
	b.lots = append(b.lots, lot{id: id, quantity: math.NaN(), at: none, when: none})
	b.lotAt[id] = n
	return n, true, nil
}

// Lot adds a lot. A second row of the same lot fills in what the first left open.
func (b *Builder) Lot(l Lot) error {
	if err := b.at(stageLots); err != nil {
		return err
	}
	n, _, err := b.lot(l.ID)
	if err != nil {
		return err
	}
	to := &b.lots[n]
	to.named = true
	to.label = cmp.Or(to.label, valid(l.Label))
	to.material = cmp.Or(to.material, b.materials.add(l.Material))
	to.site = cmp.Or(to.site, b.sites.add(l.Site))
	to.tenant = cmp.Or(to.tenant, b.tenants.add(l.Tenant))
	if math.IsNaN(to.quantity) {
		to.quantity, to.unit = l.Quantity, b.units.add(l.Unit)
	}
	if to.at == none {
		to.at = seconds(l.At)
	}
	return nil
}

func (b *Builder) run(kind, id string, joint bool) int32 {
	key := runKey{b.kinds.add(kind), valid(id), joint}
	if n, ok := b.runAt[key]; ok {
		return n
	}
	n := int32(len(b.runs))
	b.runs = append(b.runs, run{id: key.id, kind: key.kind, joint: joint, started: none, ended: none, when: none, scrap: math.NaN()})
	b.runAt[key] = n
	return n
}

// Run adds a run. Of several rows of one run the first counts.
func (b *Builder) Run(r Run) error {
	if err := b.at(stageRuns); err != nil {
		return err
	}
	to := &b.runs[b.run(r.Kind, r.ID, false)]
	if to.named {
		return nil
	}
	to.named, to.order, to.rework, to.scrap = true, valid(r.Order), r.Rework, r.Scrap
	to.machine, to.step, to.unit = b.machines.add(r.Machine), b.steps.add(r.Step), b.units.add(r.Unit)
	to.started, to.ended = seconds(r.Started), seconds(r.Ended)
	return nil
}

// Flow adds a flow. Flows of the same lot into the same run, or out of it, are added up.
func (b *Builder) Flow(f Flow) error {
	if err := b.at(stageFlows); err != nil {
		return err
	}
	lot, ok, err := b.lot(f.Lot)
	if err != nil {
		return err
	}
	n := b.run(f.Kind, f.Run, false)
	b.runs[n].told = true
	if !ok {
		b.runs[n].withheld = true
		return nil
	}
	b.flows = append(b.flows, flow{run: n, lot: lot, out: f.Out, quantity: f.Quantity, share: f.Share, unit: b.units.add(f.Unit), estimated: f.Estimated})
	return nil
}

// Edge adds an edge. One whose run has flows says nothing that they do not say better, and is
// left out, as is one from a lot to itself.
func (b *Builder) Edge(e Edge) error {
	if err := b.at(stageEdges); err != nil {
		return err
	}
	if e.Parent == e.Child {
		return nil
	}
	id, joint := e.Run, e.Run == ""
	if joint {
		id = e.Child
	}
	n := b.run(e.Kind, id, joint)
	if b.runs[n].told {
		return nil
	}
	if at := seconds(e.At); at != none && !b.runs[n].named && b.runs[n].ended < at {
		b.runs[n].ended = at
	}
	parent, from, err := b.lot(e.Parent)
	if err != nil {
		return err
	}
	child, to, err := b.lot(e.Child)
	if err != nil {
		return err
	}
	if from {
		b.flows = append(b.flows, flow{run: n, lot: parent, quantity: e.Quantity, share: math.NaN(), unit: b.units.add(e.Unit), estimated: e.Estimated})
	}
	if to {
		b.flows = append(b.flows, flow{run: n, lot: child, out: true, quantity: math.NaN(), share: math.NaN(), estimated: e.Estimated})
	}
	if !from || !to {
		b.runs[n].withheld = true
	}
	return nil
}

// Shipment adds a shipment. Those of lots that are not there are left out.
func (b *Builder) Shipment(s Shipment) error {
	if err := b.at(stageShipments); err != nil {
		return err
	}
	if n, ok := b.lotAt[valid(s.Lot)]; ok {
		b.shipments = append(b.shipments, shipment{lot: n, id: valid(s.ID), customer: b.who.add(s.Customer), unit: b.units.add(s.Unit), quantity: s.Quantity, at: seconds(s.At)})
	}
	return nil
}

// Graph numbers what came by time and forgets the rows. The Builder cannot be used again.
func (b *Builder) Graph() *Graph {
	b.dropEmpty()
	b.guessTimes()
	g := &Graph{o: b.o}
	lots := b.numberLots()
	runs := b.numberRuns()
	g.lots, g.runs = reorder(b.lots, lots), reorder(b.runs, runs)
	b.lots, b.runs, b.lotAt, b.runAt = nil, nil, nil, nil
	lotNumber, runNumber := inverse(lots), inverse(runs)
	for i := range b.flows {
		f := &b.flows[i]
		f.run, f.lot = runNumber[f.run], lotNumber[f.lot]
	}
	for i := range b.shipments {
		b.shipments[i].lot = lotNumber[b.shipments[i].lot]
	}
	g.flows = addUp(b.flows)
	g.shipments = b.shipments
	b.flows, b.shipments = nil, nil
	slices.SortFunc(g.shipments, func(x, y shipment) int {
		return cmp.Or(cmp.Compare(x.lot, y.lot), cmp.Compare(x.at, y.at), cmp.Compare(x.id, y.id), cmp.Compare(x.customer, y.customer), cmp.Compare(x.unit, y.unit), cmp.Compare(x.quantity, y.quantity))
	})
	for _, w := range []struct {
		from *words
		to   *[]string
		each func(func(*int32))
	}{
		{b.materials, &g.materials, func(f func(*int32)) { each(g.lots, func(l *lot) { f(&l.material) }) }},
		{b.sites, &g.sites, func(f func(*int32)) { each(g.lots, func(l *lot) { f(&l.site) }) }},
		{b.tenants, &g.tenants, func(f func(*int32)) { each(g.lots, func(l *lot) { f(&l.tenant) }) }},
		{b.machines, &g.machines, func(f func(*int32)) { each(g.runs, func(r *run) { f(&r.machine) }) }},
		{b.steps, &g.steps, func(f func(*int32)) { each(g.runs, func(r *run) { f(&r.step) }) }},
		{b.kinds, &g.kinds, func(f func(*int32)) { each(g.runs, func(r *run) { f(&r.kind) }) }},
		{b.who, &g.customers, func(f func(*int32)) { each(g.shipments, func(s *shipment) { f(&s.customer) }) }},
		{b.units, &g.units, func(f func(*int32)) {
			each(g.lots, func(l *lot) { f(&l.unit) })
			each(g.runs, func(r *run) { f(&r.unit) })
			each(g.flows, func(x *flow) { f(&x.unit) })
			each(g.shipments, func(s *shipment) { f(&s.unit) })
		}},
	} {
		*w.to = w.from.settle(w.each)
	}
	g.index()
	return g
}

func each[T any](list []T, f func(*T)) {
	for i := range list {
		f(&list[i])
	}
}

// settle orders the words that are used and forgets the others: what was left out does not
// show, nor in which order rows came.
func (w *words) settle(each func(func(*int32))) []string {
	used := make([]bool, len(w.texts))
	used[0] = true
	each(func(n *int32) { used[*n] = true })
	var texts []string
	for n, t := range w.texts {
		if used[n] {
			texts = append(texts, t)
		}
	}
	slices.Sort(texts)
	to := make([]int32, len(w.texts))
	for i, t := range texts {
		to[w.at[t]] = int32(i)
	}
	each(func(n *int32) { *n = to[*n] })
	return texts
}

// dropEmpty leaves out runs without flows: there is no lot that leads to them.
func (b *Builder) dropEmpty() {
	has := make([]bool, len(b.runs))
	for _, f := range b.flows {
		has[f.run] = true
	}
	to := make([]int32, len(b.runs))
	kept := b.runs[:0]
	for i, r := range b.runs {
		if has[i] {
			to[i] = int32(len(kept))
			kept = append(kept, r)
		}
	}
	b.runs = kept
	for i := range b.flows {
		b.flows[i].run = to[b.flows[i].run]
	}
}

// guessTimes gives an order to what has no time: a run is as late as what it made or took,
// a lot as early as the run that made it, or used it.
func (b *Builder) guessTimes() {
	for i := range b.runs {
		r := &b.runs[i]
		if r.when = r.ended; r.when == none {
			r.when = r.started
		}
	}
	for _, out := range []bool{true, false} {
		late := map[int32]int64{}
		for _, f := range b.flows {
			if f.out == out && b.runs[f.run].when == none && b.lots[f.lot].at != none {
				if at, ok := late[f.run]; !ok || b.lots[f.lot].at > at {
					late[f.run] = b.lots[f.lot].at
				}
			}
		}
		for n, at := range late {
			b.runs[n].when = at
		}
	}
	each(b.lots, func(l *lot) { l.when = l.at })
	for _, out := range []bool{true, false} {
		early := map[int32]int64{}
		for _, f := range b.flows {
			if f.out == out && b.lots[f.lot].when == none && b.runs[f.run].when != none {
				if at, ok := early[f.lot]; !ok || b.runs[f.run].when < at {
					early[f.lot] = b.runs[f.run].when
				}
			}
		}
		for n, at := range early {
			b.lots[n].when = at
		}
	}
}

func (b *Builder) numberLots() []int32 {
	order := identity(len(b.lots))
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(b.lots[x].when, b.lots[y].when), cmp.Compare(b.lots[x].id, b.lots[y].id))
	})
	return order
}

func (b *Builder) numberRuns() []int32 {
	order := identity(len(b.runs))
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(b.runs[x].when, b.runs[y].when), cmp.Compare(b.kinds.texts[b.runs[x].kind], b.kinds.texts[b.runs[y].kind]), cmp.Compare(b.runs[x].id, b.runs[y].id), compareBool(b.runs[x].joint, b.runs[y].joint))
	})
	return order
}

func identity(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

func reorder[T any](list []T, order []int32) []T {
	out := make([]T, len(list))
	for i, n := range order {
		out[i] = list[n]
	}
	return out
}

func inverse(order []int32) []int32 {
	out := make([]int32, len(order))
	for i, n := range order {
		out[n] = int32(i)
	}
	return out
}

// addUp sorts flows by run, inputs first, lot and unit, and adds up those of the same. What
// is partly unknown is unknown.
func addUp(flows []flow) []flow {
	slices.SortFunc(flows, func(x, y flow) int {
		return cmp.Or(cmp.Compare(x.run, y.run), compareBool(x.out, y.out), cmp.Compare(x.lot, y.lot), cmp.Compare(x.unit, y.unit), cmp.Compare(x.quantity, y.quantity), cmp.Compare(x.share, y.share))
	})
	out := flows[:0]
	for _, f := range flows {
		if n := len(out); n > 0 && out[n-1].run == f.run && out[n-1].out == f.out && out[n-1].lot == f.lot && out[n-1].unit == f.unit {
			last := &out[n-1]
			last.quantity += f.quantity
			last.share += f.share
			last.estimated = last.estimated || f.estimated
			continue
		}
		out = append(out, f)
	}
	return slices.Clip(out)
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// Graph is lots, runs and flows, numbered by time. It is immutable and safe for concurrent use.
type Graph struct {
	o         Options
	lots      []lot
	runs      []run
	flows     []flow // by run, inputs first
	shipments []shipment
	materials, units, sites, tenants, kinds, machines, steps,
	customers []string

	firstFlow []int32 // of each run, and one more
	made      list    // runs that gave a lot
	used      list    // runs that took it
	shipped   []int32 // first shipment of each lot, and one more
	stamp     string
	keys      []key
	facets    []facet
}

// list is lists of numbers, one for each lot.
type list struct {
	first []int32
	of    []int32
}

func (l list) at(n int) []int32 { return l.of[l.first[n]:l.first[n+1]] }

// Lots and Runs are how many there are.
func (g *Graph) Lots() int { return len(g.lots) }

// Runs is the number of runs.
func (g *Graph) Runs() int { return len(g.runs) }

func (g *Graph) index() {
	g.firstFlow = make([]int32, len(g.runs)+1)
	for _, f := range g.flows {
		g.firstFlow[f.run+1]++
	}
	for i := range g.runs {
		g.firstFlow[i+1] += g.firstFlow[i]
	}
	g.made, g.used = g.listed(true), g.listed(false)
	g.shipped = make([]int32, len(g.lots)+1)
	for _, s := range g.shipments {
		g.shipped[s.lot+1]++
	}
	for i := range g.lots {
		g.shipped[i+1] += g.shipped[i]
	}
	g.keys = g.directory()
	g.facets = g.classes()
	g.stamp = g.sum()
}

// listed are the runs of each lot, ascending and each once.
func (g *Graph) listed(out bool) list {
	l := list{first: make([]int32, len(g.lots)+1)}
	last := make([]int32, len(g.lots))
	count := func(f flow, do func()) {
		if f.out == out && last[f.lot] != f.run+1 {
			last[f.lot] = f.run + 1
			do()
		}
	}
	for _, f := range g.flows {
		count(f, func() { l.first[f.lot+1]++ })
	}
	for i := range g.lots {
		l.first[i+1] += l.first[i]
	}
	l.of = make([]int32, l.first[len(g.lots)])
	next := slices.Clone(l.first)
	clear(last)
	for _, f := range g.flows {
		count(f, func() { l.of[next[f.lot]] = f.run; next[f.lot]++ })
	}
	return l
}

// sum names the content, so that files of two makings are never read together.
func (g *Graph) sum() string {
	h := fnv.New64a()
	var b []byte
	text := func(s string) { b = strconv.AppendInt(b, int64(len(s)), 36); b = append(append(b, ':'), s...) }
	whole := func(ns ...int64) {
		for _, n := range ns {
			b = append(strconv.AppendInt(b, n, 36), ' ')
		}
	}
	amount := func(f float64) { b = append(strconv.AppendUint(b, math.Float64bits(f), 36), ' ') }
	flush := func() { _, _ = h.Write(b); b = b[:0] }
	text(g.o.Title)
	for _, list := range [][]string{g.materials, g.units, g.sites, g.tenants, g.kinds, g.machines, g.steps, g.customers} {
		whole(int64(len(list)))
		for _, s := range list {
			text(s)
		}
		flush()
	}
	for _, l := range g.lots {
		text(l.id)
		text(l.label)
		whole(int64(l.material), int64(l.unit), int64(l.site), int64(l.tenant), l.at, l.when)
		amount(l.quantity)
		flush()
	}
	for _, r := range g.runs {
		text(r.id)
		text(r.order)
		whole(int64(r.kind), int64(r.machine), int64(r.step), int64(r.unit), r.started, r.ended, r.when, bit(r.rework), bit(r.withheld), bit(r.joint))
		amount(r.scrap)
		flush()
	}
	for _, f := range g.flows {
		whole(int64(f.run), int64(f.lot), int64(f.unit), bit(f.out), bit(f.estimated))
		amount(f.quantity)
		amount(f.share)
		flush()
	}
	for _, s := range g.shipments {
		text(s.id)
		whole(int64(s.lot), int64(s.customer), int64(s.unit), s.at)
		amount(s.quantity)
		flush()
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
