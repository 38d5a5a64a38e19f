package example

import (
	"context"
	"math/rand/v2"
)

const (
	hour = int64(3600)
	day  = 24 * hour
)

// generator is the state of one simulation. It is sequential: the rows are a function of
// the options only.
type generator struct {
	o          Options
	f          *files
	rng        *rand.Rand
	start, end int64
	ids        map[string]*int64
	materials  int
	tenants    []*tenant

	growers, processors, retailers []*tenant
}

// material is a lot that is still needed: quantities in thousandths of a gram.
type material struct {
	id        int64
	t         *tenant
	product   *product
	qty, left int64
	cost      int64 // thousandths of the currency per gram
	made      int64 // when it came to be
	touched   int64 // when it was last used
	location  int64
	code, tag string
	held      bool // failed a laboratory test
	transfer  bool // came from another tenant
}

// Manufacturing writes the raw data of the manufacturing company to w: what the app's
// database and the track-and-trace service would hold. It streams: memory does not grow
// with the number of materials. The files are CSV whatever the format: Write makes Parquet
// files of them.
func Manufacturing(ctx context.Context, w Writer, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	f, err := openFiles(w)
	if err != nil {
		return err
	}
	g := &generator{
		o: o, f: f,
		rng:   rand.New(rand.NewPCG(o.Seed, 0x6d616e7566616374)),
		start: o.Start.Unix(), end: o.End.Unix(),
		ids: map[string]*int64{},
	}
	g.run(ctx)
	err = f.close()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// run simulates batches, spread evenly over the time, until there are enough materials
// or ctx ends.
func (g *generator) run(ctx context.Context) {
	g.tenants = g.company()
	for _, t := range g.tenants {
		switch t.kind {
		case "cultivator":
			g.growers = append(g.growers, t)
		case "processor":
			g.processors = append(g.processors, t)
		case "retailer":
			g.retailers = append(g.retailers, t)
		default:
			g.growers = append(g.growers, t)
			g.processors = append(g.processors, t)
			g.retailers = append(g.retailers, t)
		}
	}
	g.badCycle()
	span := g.end - g.start - 150*day // the last batches still come to an end
	for g.materials < g.o.Materials {
		if g.failed() || ctx.Err() != nil {
			return
		}
		begin := g.start + span*int64(g.materials)/int64(g.o.Materials) + int64(g.n(int(3*day)))
		g.batch(g.growers[g.n(len(g.growers))], begin)
		for _, t := range g.tenants {
			g.checkout(t)
			t.flush(g)
		}
	}
	for _, t := range g.tenants {
		g.flushStock(t)
	}
	g.orphans()
}

// failed reports whether the file that grows most could not be written: going on would
// only burn time.
func (g *generator) failed() bool { return g.f.material.err != nil || g.f.output.err != nil }

func (g *generator) n(n int) int         { return g.rng.IntN(n) }
func (g *generator) permille(p int) bool { return g.rng.IntN(1000) < p }

// between returns a number in [lo, hi].
func (g *generator) between(lo, hi int) int { return lo + g.rng.IntN(hi-lo+1) }

// next is the next id of an app table.
func (g *generator) next(table string) int64 {
	p := g.ids[table]
	if p == nil {
		p = new(int64)
		*p = 1000
		g.ids[table] = p
	}
	*p++
	return *p
}
