package example

// The steps of the process, in its order.
var (
	propagate  = step{kind: "propagate", waste: 40, cost: 300, hours: 8}
	vegetate   = step{kind: "vegetate", waste: 150, cost: 60, hours: 6}
	flowering  = step{kind: "flower", waste: 100, cost: 50, hours: 4}
	harvest    = step{kind: "harvest", waste: 280, cost: 40, hours: 5}
	dry        = step{kind: "dry", machine: "dryer", waste: 720, cost: 30, hours: 96}
	redry      = step{kind: "dry", machine: "dryer", waste: 60, cost: 30, hours: 24, rework: true}
	trimming   = step{kind: "trim", machine: "trimmer", waste: 25, cost: 90, hours: 6}
	sorting    = step{kind: "sort", machine: "sorter", waste: 5, cost: 20, hours: 3}
	remediate  = step{kind: "remediate", waste: 15, cost: 150, hours: 30, rework: true}
	packaging  = step{kind: "package", machine: "packer", waste: 2, cost: 15, hours: 2}
	repackage  = step{kind: "repackage", waste: 1, cost: 10, hours: 1}
	combine    = step{kind: "combine", waste: 0, cost: 8, hours: 1}
	milling    = step{kind: "mill", machine: "mill", waste: 10, cost: 12, hours: 2}
	rolling    = step{kind: "preroll", machine: "filler", waste: 12, cost: 220, hours: 5}
	extraction = step{kind: "extract", machine: "extractor", waste: 870, cost: 35, hours: 9}
	distill    = step{kind: "distill", machine: "still", waste: 180, cost: 400, hours: 12}
	redistill  = step{kind: "distill", machine: "still", waste: 60, cost: 400, hours: 12, rework: true}
	blending   = step{kind: "blend", waste: 5, cost: 60, hours: 2}
	filling    = step{kind: "fill", machine: "filler", waste: 8, cost: 500, hours: 4}
	cooking    = step{kind: "cook", machine: "kettle", waste: 40, cost: 20, hours: 5}
	correction = step{kind: "correction"}
)

// batch grows one batch and follows its material to the end of the chain, through every
// tenant that gets hold of it.
func (g *generator) batch(t *tenant, at int64) {
	dried := g.grow(t, at)
	if dried == nil {
		return
	}
	at = dried.made + 5*day
	lots := g.make(t, at, trimming, all(dried), made{"flower", 790}, made{"trim", 210})
	if lots == nil {
		return
	}
	flower, trim := lots[0], lots[1]
	graded := g.make(t, at+2*day, sorting, all(flower), made{"grade_a", 520}, made{"grade_b", 280}, made{"smalls", 200})
	a := g.tested(graded[0], remediate)
	at += 4 * day
	g.flowers(t, a, at)
	g.prerolls(t, graded[1], graded[2], at)
	g.extracts(t, trim, graded[2], at)
}

// grow takes cuttings from the mother plant and returns the dried harvest.
func (g *generator) grow(t *tenant, at int64) *material {
	plants := g.between(3, 7)
	cuttings := g.consumable(t, "mother", int64(plants)*220_000, 18_000_000, at)
	tray := g.make(t, at, propagate, []take{cuttings}, made{"tray", 1000})[0]
	water := g.consumable(t, "nutrient", int64(plants)*12_000_000, 1_200_000_000, at)
	at += 14 * day
	out := make([]made, plants)
	for i := range out {
		out[i] = made{"plant", int64(1000 / plants)}
	}
	grown := g.make(t, at, vegetate, append(all(tray), water), out...)
	at += 21 * day
	if g.permille(400) {
		for i, p := range grown {
			water := g.consumable(t, "nutrient", 5_000_000, 1_200_000_000, at)
			grown[i] = g.make(t, at+int64(g.n(40))*hour, flowering, append(all(p), water), made{"flowering", 1000})[0]
		}
	}
	at += 56 * day
	var wet []*material
	for len(grown) > 0 {
		n := min(g.between(1, 3), len(grown))
		wet = append(wet, g.make(t, at+int64(g.n(30))*hour, harvest, all(grown[:n]...), made{"wet", 1000})...)
		grown = grown[n:]
	}
	dried := g.make(t, at+2*day, dry, all(wet...), made{"dried", 1000})[0]
	if g.permille(90) { // still too moist
		dried = g.make(t, dried.made+day, redry, all(dried), made{"dried", 1000})[0]
	}
	return dried
}

// tested sends a sample to the laboratory; a lot that fails is reworked and tested again.
func (g *generator) tested(m *material, rework step) *material {
	for range 3 {
		if g.lab(m) {
			return m
		}
		m.held = true
		m = g.make(m.t, m.made+2*day, rework, all(m), made{m.product.key, 1000})[0]
	}
	return m
}

func (g *generator) flowers(t *tenant, a *material, at int64) {
	packs := g.packs(t, a, "pack", g.between(3, 9), at)
	if len(packs) > 3 && g.permille(250) { // small rests go into one package
		n := g.between(2, 3)
		merged := g.make(t, at+2*day, combine, all(packs[:n]...), made{"pack", 1000})
		packs = append(merged, packs[n:]...)
	}
	for _, p := range packs {
		g.distribute(p, at+int64(g.between(1, 20))*day, 0)
	}
}

// packs packages a whole lot into n packages.
func (g *generator) packs(t *tenant, m *material, product string, n int, at int64) []*material {
	out := make([]made, n)
	for i := range out {
		out[i] = made{product, int64(1000 / n)}
	}
	return g.make(t, at, packaging, all(m), out...)
}

func (g *generator) prerolls(t *tenant, b, smalls *material, at int64) {
	ground := g.make(t, at, milling, []take{part(b, 700), part(smalls, 500)}, made{"ground", 1000})
	if ground == nil {
		return
	}
	n := g.between(2, 4)
	out := make([]made, n)
	for i := range out {
		out[i] = made{"preroll", int64(1000 / n)}
	}
	for _, p := range g.make(t, at+day, rolling, all(ground[0]), out...) {
		g.distribute(p, at+int64(g.between(2, 25))*day, 0)
	}
	if g.permille(500) {
		g.sell(b, 1000, at+int64(g.between(2, 25))*day)
	}
}

// extracts sends the trim to a processor, whose distillate is blended with the rest of the
// last one: this is how lots of different batches come together.
func (g *generator) extracts(t *tenant, trim, smalls *material, at int64) {
	p := t
	if t.kind == "cultivator" || g.permille(300) {
		p = g.processors[g.n(len(g.processors))]
	}
	feed := []*material{trim, smalls}
	if p != t {
		for i, m := range feed {
			if feed[i] = g.send(m, p, at); feed[i] == nil {
				return
			}
		}
	}
	at += 3 * day
	in := append(all(feed...), g.consumable(p, "ethanol", feed[0].left/2, 800_000_000, at))
	crude := g.make(p, at, extraction, in, made{"crude", 1000})
	if crude == nil {
		return
	}
	in = all(crude...)
	if p.heel != nil && p.heel.left > 0 && p.heelAge < 9 && !g.permille(420) {
		in = append(in, all(p.heel)...)
		p.heelAge++
	} else {
		p.heelAge = 0
	}
	d := g.make(p, at+2*day, distill, in, made{"distillate", 1000})[0]
	d = g.tested(d, redistill)
	at = d.made + 2*day
	g.cartridges(p, d, at)
	g.edibles(p, d, at+day)
	p.heel = d
}

func (g *generator) cartridges(p *tenant, d *material, at int64) {
	base := part(d, 600)
	oil := g.make(p, at, blending, []take{base, g.consumable(p, "terpene", base.qty/12+1, 40_000_000, at)}, made{"oil", 1000})
	if oil == nil {
		return
	}
	n := g.between(2, 5)
	out := make([]made, n)
	for i := range out {
		out[i] = made{"cartridge", int64(1000 / n)}
	}
	for _, m := range g.make(p, at+day, filling, all(oil[0]), out...) {
		g.distribute(m, at+int64(g.between(3, 25))*day, 0)
	}
}

func (g *generator) edibles(p *tenant, d *material, at int64) {
	base := part(d, 700)
	lot := g.make(p, at, cooking, []take{base, g.consumable(p, "sugar", base.qty*40+1, 1_800_000_000, at)}, made{"gummies", 1000})
	if lot == nil {
		return
	}
	for _, m := range g.packs(p, lot[0], "edible", g.between(2, 4), at+day) {
		g.distribute(m, at+int64(g.between(3, 25))*day, 0)
	}
}

// distribute decides what becomes of a package: sold, transferred, repackaged or kept.
func (g *generator) distribute(m *material, at int64, hop int) {
	if at > g.end || hop > 4 {
		return
	}
	switch r := g.n(1000); {
	case r < 330:
		to := g.retailers[g.n(len(g.retailers))]
		if to == m.t {
			g.sell(m, 1000, at)
			return
		}
		if got := g.send(m, to, at); got != nil {
			g.distribute(got, got.made+int64(g.between(1, 12))*day, hop+1)
		}
	case r < 640:
		g.sell(m, int64([]int{1000, 1000, 600}[g.n(3)]), at)
	case r < 820:
		key := m.product.key
		if key == "pack" {
			key = "jar"
		}
		n := g.between(2, 3)
		out := make([]made, n)
		for i := range out {
			out[i] = made{key, int64(1000 / n)}
		}
		for _, p := range g.make(m.t, at, repackage, all(m), out...) {
			g.distribute(p, at+int64(g.between(1, 12))*day, hop+1)
		}
	}
}
