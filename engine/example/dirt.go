package example

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rates of what is wrong in the data, per mille of the rows concerned unless it says
// otherwise. models/docs.md tells the user the same.
const (
	noTagRate      = 180 // materials without their own tag …
	noRecordRate   = 30  // … of which the track-and-trace service does not know this many
	sloppyRefRate  = 30  // references in wrong case or with spaces
	duplicateRate  = 10  // rows delivered twice by the track-and-trace service
	badValueRate   = 8   // custom field values that do not cast
	lateRate       = 5   // rows whose updated_at is up to 45 days late
	doubleScanRate = 12  // scans sent twice
	orphansPer     = 5000
	minOrphans     = 3
)

// updated is the updated_at of a row that changed at a time: sometimes late.
func (g *generator) updated(at int64) int64 {
	if g.permille(lateRate) {
		return at + int64(g.between(5, 45))*day
	}
	return at
}

// tagged reports whether the law wants a tag on the material.
func (m *material) tagged() bool { return m.product.category != "consumable" }

func (t *tenant) flush(g *generator) {
	kept := t.pending[:0]
	for _, m := range t.pending {
		if m == t.heel {
			kept = append(kept, m)
			continue
		}
		m.write(g)
	}
	clear(t.pending[len(kept):])
	t.pending = kept
}

// flushStock writes what a tenant still holds at the end, in a fixed order.
func (g *generator) flushStock(t *tenant) {
	t.heel = nil
	t.flush(g)
	for _, key := range []string{"mother", "nutrient", "ethanol", "terpene", "sugar"} {
		if m := t.stock[key]; m != nil {
			m.write(g)
		}
	}
}

// write writes the material's row and what other systems know about it.
func (m *material) write(g *generator) {
	status := "active"
	switch {
	case m.left <= 0:
		status = "consumed"
	case m.held:
		status = "quarantined"
	}
	own := m.tag
	missing := m.tagged() && g.permille(noTagRate)
	if missing {
		own = ""
	}
	var units int64
	if m.product.weight > 0 {
		units = max(1, m.qty/m.product.weight)
	}
	g.f.material.int(m.id).int(m.t.id).int(m.t.products[m.product.key]).int(m.location).text(m.code).text(own).
		text(m.product.category).text(status).dec(m.qty).id(units).dec(m.cost).text(g.customFields(m)).
		at(m.made).at(g.updated(m.touched)).end()
	if m.tagged() && (!missing || !g.permille(noRecordRate)) {
		g.record(m)
	}
	g.scans(m)
}

// record writes the track-and-trace service's row, sometimes twice.
func (g *generator) record(m *material) {
	ref, tag := m.code, m.tag
	if g.permille(sloppyRefRate) {
		ref = []string{strings.ToLower(ref), " " + ref, ref + " "}[g.n(3)]
	}
	if g.permille(sloppyRefRate / 3) {
		tag = strings.ToLower(tag)
	}
	unit := []string{"Grams", "Grams", "Grams", "grams", "GRAMS"}[g.n(5)]
	status, hold := "Active", "false"
	if m.left <= 0 {
		status = "Finished"
	}
	if m.held {
		hold = []string{"true", "Y"}[g.n(2)]
	}
	row := func(status string, at int64) {
		g.f.ttPackage.text(tag).int(m.t.id).text(m.t.license).text(ref).int(m.t.products[m.product.key]).text(grams(m.qty)).
			text(unit).text(time.Unix(m.made, 0).UTC().Format("01/02/2006")).text(status).text(hold).at(at).end()
	}
	if g.permille(duplicateRate) {
		row("Active", m.made)
	}
	row(status, m.touched)
}

func grams(qty int64) string { return string(appendThousandths(nil, qty)) }

// lab tests a lot for a few things and reports whether it passed.
func (g *generator) lab(m *material) bool {
	passed := true
	for _, test := range []string{"potency", "moisture", "pesticides"} {
		result, unit, ok := "", "%", true
		switch test {
		case "potency":
			result = fmt.Sprintf("%d.%02d", g.between(14, 31), g.n(100))
		case "moisture":
			result = fmt.Sprintf("%d.%d", g.between(8, 12), g.n(10))
		case "pesticides":
			ok = !g.permille(50)
			result, unit = "<LOQ", "ppm"
			if !ok {
				result = fmt.Sprintf("0.%03d", g.between(100, 900))
			}
		}
		passed = passed && ok
		verdict := "pass"
		if !ok {
			verdict = "fail"
		}
		if g.permille(20) {
			verdict = strings.ToUpper(verdict)
		}
		at := m.made + day
		g.f.ttLabResult.int(g.next("lab_result")).int(m.t.id).text(m.tag).text(test).text(result).text(unit).text(verdict).
			at(at / day * day).at(g.updated(at)).end()
	}
	return passed
}

// customFields is the JSON object of a material's custom fields; about half have one.
func (g *generator) customFields(m *material) string {
	if m.product.category == "consumable" || m.product.category == "plant" || !g.permille(600) {
		return ""
	}
	var b []byte
	add := func(f field, value string) {
		sep := byte(',')
		if b == nil {
			sep = '{'
		}
		b = append(b, sep, '"')
		b = append(b, f.id...)
		b = append(b, `":`...)
		b = append(b, value...)
	}
	for _, f := range m.t.fields {
		if g.permille(450) {
			add(f, g.fieldValue(f, m))
		}
	}
	if b == nil {
		return ""
	}
	return string(append(b, '}'))
}

func (g *generator) fieldValue(f field, m *material) string {
	bad := g.permille(badValueRate)
	switch f.kind {
	case "date":
		d := time.Unix(m.made+int64(g.between(180, 540))*day, 0).UTC()
		if bad {
			return `"` + d.Format("02.01.2006") + `"`
		}
		return `"` + d.Format(time.DateOnly) + `"`
	case "datetime":
		return `"` + time.Unix(m.made+3*hour, 0).UTC().Format(time.RFC3339) + `"`
	case "number":
		if bad {
			return `"n/a"`
		}
		return fmt.Sprintf("%d.%d", g.between(5, 30), g.between(1, 9))
	case "integer":
		if bad {
			return `"two"`
		}
		return strconv.Itoa(g.between(1, 48))
	case "boolean":
		return strconv.FormatBool(g.permille(400))
	case "multi_select":
		return []string{`["nuts"]`, `["gluten","soy"]`, `[]`, `["lactose","nuts"]`}[g.n(4)]
	default:
		return `"` + []string{"A-01", "B-17", "C-03", "top, left"}[g.n(4)] + `"`
	}
}

// scans are the barcode scans of the material in its life.
func (g *generator) scans(m *material) {
	if !g.permille(350) {
		return
	}
	for i := range g.between(1, 2) {
		at := m.made + int64(i)*(m.touched-m.made)/2 + int64(g.n(int(6*hour)))
		user, code := m.t.users[g.n(len(m.t.users))], m.code
		if g.permille(sloppyRefRate) {
			code = strings.ToLower(code)
		}
		times := 1
		if g.permille(doubleScanRate) {
			times = 2
		}
		for range times {
			g.f.scan.int(g.next("scan")).int(m.t.id).int(m.id).int(m.location).int(user).text(code).at(at).at(g.updated(at)).end()
		}
	}
}

// badCycle writes one chain that a wrong correction has closed: three materials, each of
// which is its own ancestor, with a lot above and a lot below.
func (g *generator) badCycle() {
	t := g.tenants[1]
	at := g.start + 2*day
	root := g.buy(t, "sugar", 5_000_000, at)
	a := g.make(t, at+day, repackage, []take{{root, 1_000_000}}, made{"smalls", 1000})[0]
	b := g.make(t, at+2*day, repackage, []take{part(a, 500)}, made{"smalls", 1000})[0]
	c := g.make(t, at+3*day, repackage, []take{part(b, 800)}, made{"smalls", 1000})[0]
	g.transact(t, at+4*day, correction, []take{{c, 100_000}}, []take{{a, 100_000}}, 0)
	g.make(t, at+5*day, repackage, []take{part(c, 500)}, made{"smalls", 1000})
	root.write(g)
}

// orphans writes inputs and scans of materials that the app has deleted.
func (g *generator) orphans() {
	t := g.tenants[0]
	missing := int64(900_000_000)
	for range max(minOrphans, g.o.Materials/orphansPer) {
		missing++
		at := g.start + int64(g.n(300))*day
		tx := g.next("transaction")
		g.f.transaction.int(tx).int(t.id).id(0).int(t.users[0]).int(t.locations[2]).text("repackage").bool(false).dec(500_000).
			text("").at(at).at(at).end()
		g.f.input.int(g.next("input")).int(t.id).int(tx).int(missing).dec(500_000).at(at).end()
		g.f.scan.int(g.next("scan")).int(t.id).int(missing).int(t.locations[0]).int(t.users[0]).
			text(fmt.Sprintf("M-%09d", missing)).at(at).at(at).end()
	}
}
