package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// budgetFlags bound what a command may cost.
type budgetFlags struct {
	bytes, cost  bound
	allowUnknown bool
}

func (b *budgetFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	b.bytes.parse = func(text string) (float64, error) {
		n, err := warehouse.ParseSize(text)
		return float64(n), err
	}
	b.bytes.kind, b.cost.kind = "size", "amount"
	b.cost.parse = parseAmount
	f.Var(&b.bytes, "max-bytes", "`size` that the run may be billed for at most, as 10GB or 1TiB; none lifts the target's limit")
	f.Var(&b.cost, "max-cost", "`amount` of money that the run may cost at most, in the target's currency; none lifts the target's limit")
	f.BoolVar(&b.allowUnknown, "allow-unknown-cost", false, "with a budget: begin although some of the cost is not known, and stop when the budget is used up")
}

// bound is a flag with a limit: not set, a positive number, or «none».
type bound struct {
	text  string
	max   float64
	kind  string
	parse func(string) (float64, error)
}

var _ pflag.Value = (*bound)(nil)

const noBound = "none"

func (b *bound) String() string { return b.text }
func (b *bound) Type() string   { return b.kind }
func (b *bound) Set(v string) error {
	n := 0.0
	if v != noBound {
		var err error
		if n, err = b.parse(v); err != nil {
			return err
		}
		if n <= 0 {
			return errors.New("a budget of nothing lets nothing run; none lifts the limit")
		}
	}
	b.text, b.max = v, n
	return nil
}

// parseAmount reads a positive number.
func parseAmount(text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("want a number, for example 2.50")
	}
	return n, nil
}

// limit is the stronger of a flag and a key of the target.
func (b *bound) limit(flag, key, target string, value float64, at source.Span) plan.Limit {
	switch {
	case b.text != "":
		return plan.Limit{Max: b.max, From: flag + " " + b.text}
	case !at.IsZero():
		shown := plan.FormatAmount(value)
		if b.kind == "size" {
			shown = warehouse.FormatSize(int64(value))
		}
		return plan.Limit{Max: value, From: fmt.Sprintf("%s (%s) of target %s", key, shown, target), At: at}
	}
	return plan.Limit{}
}

// budget is what the flags and the target allow. A limit that the warehouse cannot be held
// to is a mistake: it would promise what nobody keeps.
func (s *session) budget(conn warehouse.Conn, f budgetFlags) (plan.Budget, error) {
	t, found := s.project.Settings.Target(s.program.Target.Name, s.options.Env)
	if found.HasErrors() {
		return plan.Budget{}, &mistakes{found, exitMistake}
	}
	b := plan.Budget{
		Bytes:        f.bytes.limit("--max-bytes", "max_bytes_per_run", t.Name, float64(t.MaxBytesPerRun.V), t.MaxBytesPerRun.At),
		Amount:       f.cost.limit("--max-cost", "max_cost_per_run", t.Name, t.MaxCostPerRun.V, t.MaxCostPerRun.At),
		AllowUnknown: f.allowUnknown,
	}
	switch {
	case b.IsSet() && !conn.Dialect().Caps().DryRun:
		l := b.Bytes
		if l.Max <= 0 {
			l = b.Amount
		}
		return b, mistake(budgetBlind(l, conn.Dialect().Name()))
	case b.Amount.Max > 0 && warehouse.PriceOf(conn).PerTiB <= 0:
		return b, mistake(priceMissing(b.Amount, t.Name))
	case f.allowUnknown && !b.IsSet():
		return b, mistake(diag.Diagnostic{Code: codeFlag, Message: "--allow-unknown-cost without a budget", Help: "give --max-bytes or --max-cost too"})
	}
	return b, nil
}

// afford ends the command before anything is sent when the plan would cost more than it
// may: the run as a whole, or a statement of a model that has a limit of its own.
func (s *session) afford(ctx context.Context, conn warehouse.Conn, p *plan.Plan, b plan.Budget) error {
	limited := func(a *plan.Action) bool { return a.Limits.MaxBytes > 0 }
	of := limited
	if b.IsSet() {
		of = nil
	}
	any := b.IsSet()
	for _, a := range p.Actions {
		any = any || limited(a)
	}
	if !any || !conn.Dialect().Caps().DryRun {
		return nil
	}
	cost, err := s.estimate(ctx, conn, p, of)
	if err != nil {
		return err
	}
	return s.within(b, p, cost)
}

// within holds a plan to its budget.
func (s *session) within(b plan.Budget, p *plan.Plan, cost *plan.Cost) error {
	if found := b.Check(p, cost); found.HasErrors() {
		return &mistakes{found, exitMistake}
	}
	return nil
}

// estimate asks the warehouse what a plan will read.
func (s *session) estimate(ctx context.Context, conn warehouse.Conn, p *plan.Plan, of func(*plan.Action) bool) (*plan.Cost, error) {
	cost, found, err := run.Estimate(ctx, p, conn, s.jobs(), of)
	switch {
	case err != nil:
		return nil, err
	case found.HasErrors():
		return nil, &mistakes{found, exitFailed}
	}
	return cost, nil
}

func budgetBlind(l plan.Limit, warehouse string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFlag, At: l.At, Message: fmt.Sprintf("%s cannot be kept: %s does not say what a statement will read", l.From, warehouse), Help: "leave it out; reading is not charged for there"}
}

func priceMissing(l plan.Limit, target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFlag, At: l.At, Message: fmt.Sprintf("%s cannot be kept: target %q has no price for what is read", l.From, target), Help: "set price_per_tib of the target, or give the limit in bytes: --max-bytes"}
}

func noEstimate(warehouse string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeNoEstimate, Message: fmt.Sprintf("there is no cost to show: %s does not charge for reading, and does not say what a statement will read", warehouse)}
}
