package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
)

// batchFlags say which batches of time are built of models that are built in such.
type batchFlags struct{ start, end string }

func (b *batchFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.start, "event-time-start", "", "build the batches of microbatch models from this `time` in UTC on, too")
	f.StringVar(&b.end, "event-time-end", "", "and those before this `time`")
}

// apply puts the span into a selection.
func (b *batchFlags) apply(sel *plan.Selection) error {
	for _, flag := range []struct {
		name, text string
		at         *time.Time
	}{{"event-time-start", b.start, &sel.EventStart}, {"event-time-end", b.end, &sel.EventEnd}} {
		if flag.text == "" {
			continue
		}
		at, ok := project.Moment(flag.text)
		if !ok {
			return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--%s %q is no time", flag.name, flag.text), Help: "write a date, or a time in UTC: 2026-01-31, 2026-01-31T06:00:00"})
		}
		*flag.at = at
	}
	switch {
	case b.end != "" && b.start == "":
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--event-time-end is given without --event-time-start", Help: "say where the batches begin, too"})
	case b.start != "" && b.end != "" && !sel.EventStart.Before(sel.EventEnd):
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--event-time-start is not before --event-time-end", Help: "the end is not part of the span"})
	}
	return nil
}
