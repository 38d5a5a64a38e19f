package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Budget is the most that a run may take. The zero value sets no limit.
type Budget struct {
	Bytes  Limit // bytes billed
	Amount Limit // money, in the currency of the target's price
	// AllowUnknown lets a run begin although some of its cost is not known. What is not
	// known otherwise counts as too much: a budget that looks away is none.
	AllowUnknown bool
}

// Limit is one bound of a Budget: none if Max is 0.
type Limit struct {
	Max float64
	// From says what was set and where: «--max-bytes 5GB», «max_cost_per_run (2.50) of target
	// prod»; At is the place, if that is a file.
	From string
	At   source.Span
}

// IsSet reports whether there is any limit.
func (b Budget) IsSet() bool { return b.Bytes.Max > 0 || b.Amount.Max > 0 }

// MaxBilled is the budget in bytes, 0 for no limit.
func (b Budget) MaxBilled(price warehouse.Price) int64 {
	most := b.Bytes.Max
	if b.Amount.Max > 0 && price.PerTiB > 0 {
		if bytes := b.Amount.Max / price.PerTiB * (1 << 40); most == 0 || bytes < most {
			most = bytes
		}
	}
	if most > 0 {
		return max(int64(most), 1)
	}
	return 0
}

// Check compares what a plan will read with the budget, and each action with its own limit.
func (b Budget) Check(p *Plan, c *Cost) diag.List {
	ds := checkLimits(p, c)
	switch {
	case b.Bytes.Max > 0 && float64(c.Billed) > b.Bytes.Max:
		ds.Add(budgetExceeded(b.Bytes, c))
	case b.Amount.Max > 0 && c.Amount > b.Amount.Max:
		ds.Add(budgetExceeded(b.Amount, c))
	case b.IsSet() && !b.AllowUnknown && c.Unknown > 0:
		ds.Add(costUnknown(b, c))
	}
	return ds
}

// checkLimits finds actions that have a statement which the warehouse would refuse.
func checkLimits(p *Plan, c *Cost) diag.List {
	limits := make(map[addr.Node]*Action, len(p.Actions))
	for _, a := range p.Actions {
		limits[a.Node] = a
	}
	var ds diag.List
	for _, e := range c.Actions {
		if a := limits[e.Node]; a != nil && a.Limits.MaxBytes > 0 && e.Largest > a.Limits.MaxBytes {
			ds.Add(limitExceeded(a, e))
		}
	}
	return ds
}

// named is how many of the most expensive nodes a diagnostic lists.
const named = 5

func budgetExceeded(l Limit, c *Cost) diag.Diagnostic {
	sum := warehouse.FormatSize(c.Billed)
	if c.Currency != "" {
		sum += ", " + money(c.Amount, c.Currency)
	}
	d := diag.Diagnostic{
		Code: codeBudget, At: l.At,
		Message: fmt.Sprintf("the run would be billed for %s, more than %s allows: nothing was sent", sum, l.From),
		Help:    "raise the budget, or build less of it with --select",
	}
	dear := c.dearest()
	for i, e := range dear {
		if i == named {
			d.Notes = append(d.Notes, fmt.Sprintf("and %d more", len(dear)-named))
			break
		}
		d.Notes = append(d.Notes, describe(e, c.Currency))
	}
	if c.Unknown > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%d of %d are not in it, because what they cost is not known", c.Unknown, len(c.Actions)))
	}
	return d
}

// describe is one estimate in words: «orders 3.2 GiB, 0.02 USD (dry run)».
func describe(e Estimate, currency string) string {
	text := e.Node.Name + " " + warehouse.FormatSize(e.Billed)
	if e.Basis == Unknown {
		text = e.Node.Name + " at least " + warehouse.FormatSize(e.Billed)
	}
	if currency != "" {
		text += ", " + money(e.Amount, currency)
	}
	return text + " (" + strings.ReplaceAll(string(e.Basis), "_", " ") + ")"
}

func costUnknown(b Budget, c *Cost) diag.Diagnostic {
	l := b.Bytes
	if l.Max <= 0 {
		l = b.Amount
	}
	d := diag.Diagnostic{
		Code: codeCostUnknown, At: l.At,
		Message: fmt.Sprintf("what %d of %d nodes cost is not known, so %s cannot be kept: nothing was sent", c.Unknown, len(c.Actions), l.From),
		Help:    "--allow-unknown-cost lets them run, until the budget is used up",
	}
	n := 0
	add := func(name, why string) {
		if n++; n <= named {
			d.Notes = append(d.Notes, name+": "+why)
		}
	}
	for _, e := range c.Actions {
		if e.Basis == Unknown {
			add(e.Node.Name, e.Why)
		}
	}
	if c.Hooks != nil && c.Hooks.Basis == Unknown {
		add("the hooks of the run", c.Hooks.Why)
	}
	if n > named {
		d.Notes = append(d.Notes, fmt.Sprintf("and %d more", n-named))
	}
	return d
}

func limitExceeded(a *Action, e Estimate) diag.Diagnostic {
	return diag.Diagnostic{
		Code: codeBudget, Model: a.Node, At: a.Origin.At,
		Message: fmt.Sprintf("a statement of %q would be billed for %s, and its maximum_bytes_billed allows %s: nothing was sent", a.Node.Name, warehouse.FormatSize(e.Largest), warehouse.FormatSize(a.Limits.MaxBytes)),
		Help:    "raise maximum_bytes_billed, or let the model read less",
	}
}

// money writes an amount: «0.02 USD».
func money(amount float64, currency string) string {
	return FormatAmount(amount) + " " + currency
}

// FormatAmount writes an amount of money with two decimals, below a cent with four.
func FormatAmount(amount float64) string {
	switch {
	case amount > 0 && amount < 0.0001:
		return "<0.0001"
	case amount > 0 && amount < 0.01:
		return strconv.FormatFloat(amount, 'f', 4, 64)
	}
	return strconv.FormatFloat(amount, 'f', 2, 64)
}
