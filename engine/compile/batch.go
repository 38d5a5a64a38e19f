package compile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

// Microbatch is the incremental_strategy that builds a model in batches of time: each reads of
// its inputs the rows of its time, and replaces the rows of that time in the table. The
// IncrementalText of such a model is that of one batch, from BatchStart to BatchEnd.
const Microbatch = "microbatch"

// BatchStart and BatchEnd stand for the begin of a batch and its end, which is not part of it,
// in the text of a batch. They are times that no data has, and all their digits count.
var (
	BatchStart = time.Date(1677, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	BatchEnd   = time.Date(1677, 2, 3, 4, 5, 6, 789_012_000, time.UTC)
)

// batchKeys are the keys that only Microbatch has a use for.
var batchKeys = []string{"batch_size", "begin", "lookback"}

// checkBatches finds what the configuration of batches lacks.
func checkBatches(u *unit) diag.List {
	var ds diag.List
	if u.kind != addr.Model || u.Config.Materialized != "incremental" || u.Config.IncrementalStrategy != Microbatch {
		for _, key := range batchKeys {
			if v := u.Raw[key]; v.V != nil && v.At.File == u.File {
				ds.Add(batchesWrong(u, v.At, fmt.Sprintf("%s is for models in batches", key), `set "materialized" "incremental" "incremental_strategy" "microbatch", or remove it`))
			}
		}
		return ds
	}
	at := u.Raw["incremental_strategy"].At
	for _, key := range []struct{ name, value, help string }{
		{"event_time", u.Config.EventTime, "the column of the result with the time of what a row tells"},
		{"batch_size", u.Config.BatchSize, "how much time one batch spans: hour, day, month or year"},
		{"begin", u.Config.Begin, `the time at which the first batch begins: "2024-01-01"`},
	} {
		if key.value == "" {
			ds.Add(batchesWrong(u, at, "microbatch needs "+key.name, key.help))
		}
	}
	if _, ok := project.Moment(u.Config.Begin); u.Config.Begin != "" && !ok {
		ds.Add(batchesWrong(u, u.Raw["begin"].At, fmt.Sprintf("begin %q is no time", u.Config.Begin), `write a date or a time in UTC: "2024-01-01", "2024-01-01 06:00:00"`))
	}
	return ds
}

// batchCalls finds calls in the text of a batch that would ask for what no batch is about.
func batchCalls(u *unit, text tmpl.Text) (ds diag.List) {
	for _, call := range text.Calls {
		if call.Fn == "this" || call.Fn == "is_incremental" {
			ds.Add(batchesWrong(u, call.Span, fmt.Sprintf("a model in batches cannot use %s", call.Fn), "its inputs are filtered by their event_time already: remove the condition"))
		}
	}
	return ds
}

// batchInputs refuses a model none of whose inputs has a time: each batch would read all of them.
func (c *compiler) batchInputs(u *unit) {
	var names []string
	for _, r := range u.Refs {
		to := c.unitOf(r.To)
		if to == nil || to.Config.EventTime != "" {
			return
		}
		if !slices.Contains(names, to.ID.Name) {
			names = append(names, to.ID.Name)
		}
	}
	help := "it has to read a model, seed or source with an event_time"
	if len(names) > 0 {
		help = fmt.Sprintf("set event_time in the config of what the batches are cut from: %s", strings.Join(names, ", "))
	}
	u.diags.Add(batchesWrong(u, u.Raw["incremental_strategy"].At, "no input of the batches has an event_time", help))
}

func batchesWrong(u *unit, at source.Span, why, help string) diag.Diagnostic {
	if at.IsZero() {
		at = u.at
	}
	return diag.Diagnostic{Code: codeBatches, Message: fmt.Sprintf("model %q: %s", u.ID.Name, why), At: at, Model: u.ID, Help: help}
}
