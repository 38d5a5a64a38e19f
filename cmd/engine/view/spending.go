package view

import (
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// Spending is what statements took, for programs. What the warehouse does not say is left out.
type Spending struct {
	Bytes      *int64            `json:"bytes,omitempty"`        // read
	Billed     *int64            `json:"bytes_billed,omitempty"` // charged for
	SlotMillis int64             `json:"slot_millis,omitempty"`
	Cost       *float64          `json:"cost,omitempty"`
	Currency   string            `json:"currency,omitempty"`
	Jobs       []string          `json:"job_ids,omitempty"`
	Retries    []warehouse.Retry `json:"retries,omitempty"`
}

func spendingOf(u run.Usage, price warehouse.Price) Spending {
	out := Spending{SlotMillis: u.SlotMillis, Jobs: u.Jobs, Retries: u.Retries}
	if !u.Known() {
		return out
	}
	out.Bytes, out.Billed = &u.Bytes, &u.Billed
	if price.PerTiB > 0 {
		cost := price.Of(u.Billed)
		out.Cost, out.Currency = &cost, price.Currency
	}
	return out
}

// totals is spendingOf a whole run, without the list of its jobs.
func totals(r *run.Result) *Spending {
	u := r.Usage()
	if !u.Known() && len(u.Retries) == 0 {
		return nil
	}
	out := spendingOf(u, r.Price)
	out.Jobs = nil
	return &out
}

// spent is «1.2 GiB, 0.01 USD, 2 retries», empty where nothing was charged for.
func spent(u run.Usage, price warehouse.Price, billed string) string {
	text := ""
	if u.Billed > 0 {
		text = warehouse.FormatSize(u.Billed) + billed
		if price.PerTiB > 0 {
			text += ", " + plan.FormatAmount(price.Of(u.Billed)) + " " + price.Currency
		}
	}
	if n := len(u.Retries); n > 0 {
		if text != "" {
			text += ", "
		}
		text += pluralOf(int64(n), "retry", "retries")
	}
	return text
}
