package plan

import (
	"cmp"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Basis says what an estimate is built on.
type Basis string

const (
	// DryRun: the warehouse was asked about every statement that reads anything.
	DryRun Basis = "dry_run"
	// LastRun: what the node took when it was last built, because some statements read what
	// is not there yet.
	LastRun Basis = "last_run"
	// Nothing is read: views, seeds, tests that compare given rows.
	Nothing Basis = "nothing"
	// Unknown: some statements read what is not there yet, and there is no earlier build to
	// go by. Bytes is what is known all the same.
	Unknown Basis = "unknown"
)

// Estimate is what the statements of one action will read, those of its tests included.
type Estimate struct {
	Node  addr.Node `json:"node"`
	Basis Basis     `json:"basis"`
	Bytes int64     `json:"bytes"` // with Unknown: at least
	// Billed is what the warehouse charges for, in bytes: Bytes and what it rounds up.
	Billed int64 `json:"billed"`
	// Upper: the warehouse gave an upper bound.
	Upper bool `json:"upper,omitempty"`
	// Largest is the most that a single statement is billed for, as far as the warehouse was asked.
	Largest int64 `json:"largest,omitempty"`
	// Amount is the price of Billed, 0 without a price.
	Amount float64 `json:"amount,omitempty"`
	// Why says what keeps the warehouse from being asked, for LastRun and Unknown.
	Why string `json:"why,omitempty"`
}

// Cost is what a plan will read and what that costs, in the order of its actions.
type Cost struct {
	Actions []Estimate `json:"actions"`
	// Hooks are the statements at the start and the end of the run, nil if there are none.
	Hooks *Estimate `json:"hooks,omitempty"`
	// Bytes, Billed and Amount are the sums of what is known; Unknown counts the estimates without
	// a figure, for which there is more to come.
	Bytes   int64 `json:"bytes"`
	Billed  int64 `json:"billed"`
	Unknown int   `json:"unknown"`
	Upper   bool  `json:"upper,omitempty"`
	// PerTiB is the price of 2^40 bytes in Currency, 0 where reading has no price.
	PerTiB   float64 `json:"per_tib,omitempty"`
	Amount   float64 `json:"amount,omitempty"`
	Currency string  `json:"currency,omitempty"`
}

// Sum fills the totals and the amounts.
func (c *Cost) Sum(price warehouse.Price) {
	c.Bytes, c.Billed, c.Unknown, c.Upper = 0, 0, 0, false
	count := func(e *Estimate) {
		e.Amount = price.Of(e.Billed)
		c.Bytes += e.Bytes
		c.Billed += e.Billed
		c.Upper = c.Upper || e.Upper
		if e.Basis == Unknown {
			c.Unknown++
		}
	}
	for i := range c.Actions {
		count(&c.Actions[i])
	}
	if c.Hooks != nil {
		count(c.Hooks)
	}
	c.PerTiB, c.Amount = price.PerTiB, price.Of(c.Billed)
	if price.PerTiB > 0 {
		c.Currency = price.Currency
	}
}

// dearest lists estimates that cost anything, the largest first.
func (c *Cost) dearest() []Estimate {
	out := slices.DeleteFunc(slices.Clone(c.Actions), func(e Estimate) bool { return e.Billed <= 0 })
	slices.SortStableFunc(out, func(a, b Estimate) int { return cmp.Compare(b.Billed, a.Billed) })
	return out
}
