package example

import (
	"fmt"
)

// take is a quantity of a lot that goes into a transaction, made a share (per mille of the
// good output) that comes out as a new lot.
type take struct {
	m   *material
	qty int64
}

type made struct {
	product string
	share   int64
}

// step is a kind of transaction.
type step struct {
	kind    string
	machine string // by hand when empty
	waste   int64  // per mille of the input
	cost    int64  // thousandths of the currency per gram of input
	hours   int64
	rework  bool
}

func all(ms ...*material) []take {
	out := make([]take, len(ms))
	for i, m := range ms {
		out[i] = take{m, m.left}
	}
	return out
}

func part(m *material, perMille int64) take { return take{m, m.left * perMille / 1000} }

// make runs a step at a tenant: inputs are consumed, new lots come out; outputs and waste
// are exactly the inputs. It never runs before its inputs exist.
func (g *generator) make(t *tenant, at int64, s step, in []take, out ...made) []*material {
	var total, cost int64
	for _, i := range in {
		total += i.qty
		cost += i.qty * i.m.cost
		at = max(at, i.m.made+hour)
	}
	waste := total * s.waste / 1000
	good := total - waste
	if good <= int64(len(out)) {
		return nil
	}
	ms, rest := make([]*material, len(out)), good
	for i, o := range out {
		qty := good * o.share / 1000
		if i == len(out)-1 {
			qty = rest
		}
		rest -= qty
		ms[i] = g.lot(t, o.product, qty, at+s.hours*hour)
		ms[i].cost = max(1, (cost+total*s.cost)/good)
	}
	outs := make([]take, len(ms))
	for i, m := range ms {
		outs[i] = take{m, m.qty}
	}
	g.transact(t, at, s, in, outs, waste)
	return ms
}

// lot is a new material, kept until its tenant is flushed.
func (g *generator) lot(t *tenant, product string, qty, at int64) *material {
	id := g.next("material")
	g.materials++
	m := &material{
		id: id, t: t, product: productOf(product), qty: qty, left: qty, made: at, touched: at,
		location: t.locations[g.n(len(t.locations))],
		code:     fmt.Sprintf("M-%09d", id),
	}
	if m.product.category == "package" {
		m.location = t.vault
	}
	if m.tagged() {
		m.tag = fmt.Sprintf("1A4%05d%016d", t.id, id)
	}
	t.pending = append(t.pending, m)
	return m
}

func productOf(key string) *product {
	for i := range catalogue {
		if catalogue[i].key == key {
			return &catalogue[i]
		}
	}
	panic("example: no product " + key) // a literal of this package
}

// transact writes the rows of one transaction and moves the quantities.
func (g *generator) transact(t *tenant, at int64, s step, in, out []take, waste int64) {
	tx, user := g.next("transaction"), t.users[g.n(len(t.users))]
	ended := at + s.hours*hour
	var run int64
	if s.machine != "" {
		run = g.next("machinerun")
		status := "completed"
		if g.permille(15) {
			status = "aborted"
		}
		g.f.machinerun.int(run).int(t.id).int(t.machines[s.machine]).int(user).at(at).at(ended).text(status).
			dec(s.hours * int64(g.between(900, 4200))).at(ended).end()
	}
	note := ""
	if g.permille(40) {
		note = `{"operator_note":"` + []string{"humidity high", "belt replaced", "second \\\"shift\\\"", "líquido extra"}[g.n(4)] + `"}`
	}
	g.f.transaction.int(tx).int(t.id).id(run).int(user).int(t.locations[2]).text(s.kind).bool(s.rework).dec(waste).text(note).
		at(at).at(g.updated(ended)).end()
	for _, i := range in {
		g.f.input.int(g.next("input")).int(t.id).int(tx).int(i.m.id).dec(i.qty).at(g.updated(ended)).end()
		i.m.left -= i.qty
		i.m.touched = max(i.m.touched, ended)
	}
	for _, o := range out {
		g.f.output.int(g.next("output")).int(t.id).int(tx).int(o.m.id).dec(o.qty).at(g.updated(ended)).end()
	}
}

// consumable takes qty from the tenant's open lot of a purchased product, buying a new lot
// when the open one does not suffice.
func (g *generator) consumable(t *tenant, product string, qty, lotSize, at int64) take {
	m := t.stock[product]
	if m == nil || m.left < qty {
		if m != nil {
			m.write(g)
		}
		m = g.buy(t, product, max(lotSize, 2*qty), at-int64(g.between(2, 9))*day)
		t.stock[product] = m
	}
	return take{m, qty}
}

// buy makes a purchased lot; it belongs to the stock and is written when it is used up.
func (g *generator) buy(t *tenant, product string, qty, at int64) *material {
	m := g.lot(t, product, qty, at)
	t.pending = t.pending[:len(t.pending)-1]
	m.cost = m.product.price
	g.f.purchase.int(g.next("purchase")).int(t.id).int(t.suppliers[g.n(len(t.suppliers))]).int(m.id).dec(qty).
		dec(m.cost).text("USD").at(at).at(g.updated(at)).end()
	return m
}

// send transfers a lot to another tenant, which gets a material of its own. It is nil when
// the transfer did not arrive.
func (g *generator) send(m *material, to *tenant, at int64) *material {
	at = max(at, m.made+hour)
	arrives := at + int64(g.between(6, 60))*hour
	status, received := "received", int64(0)
	switch {
	case g.permille(12):
		status = "rejected"
	case arrives > g.end:
		status = "in_transit"
	}
	var got *material
	qty := m.left
	if status == "received" {
		got = g.lot(to, m.product.key, qty, arrives)
		got.cost, got.tag, got.transfer = m.cost*115/100, m.tag, true
		if g.permille(10) { // short receipt
			got.qty = qty * 995 / 1000
			got.left = got.qty
		}
		received = got.id
	}
	if status != "rejected" {
		m.left = 0
	}
	m.touched = max(m.touched, at)
	id := g.next("transfer")
	manifest := fmt.Sprintf("MAN-%09d", id)
	if status != "received" {
		arrives = 0
	}
	g.f.transfer.int(id).int(m.t.id).int(m.t.id).int(to.id).int(m.id).id(received).dec(qty).text(manifest).text(status).
		at(at).at(arrives).at(g.updated(max(at, arrives))).end()
	g.f.ttTransfer.text(manifest).int(m.t.id).text(m.t.license).text(to.license).text(m.tag).text(grams(qty)).
		text(status).at(at).at(g.updated(max(at, arrives))).end()
	return got
}

// line is a sale line that waits for its sale.
type line struct {
	m   *material
	qty int64
	at  int64
}

func (g *generator) sell(m *material, perMille int64, at int64) {
	qty := m.left * perMille / 1000
	if qty == 0 {
		return
	}
	m.left -= qty
	at = max(at, m.made+hour)
	m.touched = max(m.touched, at)
	m.t.cart = append(m.t.cart, line{m, qty, at})
}

// checkout turns the waiting lines of a tenant into sales of one to four lines.
func (g *generator) checkout(t *tenant) {
	for len(t.cart) > 0 {
		n := min(g.between(1, 4), len(t.cart))
		lines := t.cart[:n]
		t.cart = t.cart[n:]
		at := int64(0)
		for _, l := range lines {
			at = max(at, l.at)
		}
		status := "completed"
		if g.permille(20) {
			status = []string{"cancelled", "refunded"}[g.n(2)]
		}
		if g.permille(5) { // typed by hand
			status = " " + "Completed"
		}
		id := g.next("sale")
		g.f.sale.int(id).int(t.id).int(t.buyers[g.n(len(t.buyers))]).int(t.users[4]).text(fmt.Sprintf("S-%08d", id)).
			text(status).text("USD").at(at).at(g.updated(at)).end()
		for _, l := range lines {
			price := l.m.cost*int64(g.between(130, 210))/100 + 1
			discount := int64(0)
			if g.permille(120) {
				discount = int64(g.between(1, 20)) * 10 // a share: 0.01 to 0.2
			}
			g.f.saleItem.int(g.next("sale_item")).int(t.id).int(id).int(l.m.id).dec(l.qty).dec(price).dec(discount).
				at(g.updated(at)).end()
		}
	}
	t.cart = t.cart[:0]
}
