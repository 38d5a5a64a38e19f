package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// limitFlags bound what models and snapshots read.
type limitFlags struct {
	empty  bool
	sample string
}

func (l *limitFlags) register(cmd *cobra.Command, sample bool) {
	cmd.Flags().BoolVar(&l.empty, "empty", false, "read no rows of anything that is ref'd: every statement runs, and tables come out with their columns")
	if sample {
		cmd.Flags().StringVar(&l.sample, "sample", "", "read only rows of this `span` by event_time: \"3 days\" (hours, days, months, years), or {start: 2026-01-01, end: 2026-02-01}")
	}
}

// limiting makes what is loaded from now on read no more than the flags say.
func (a *app) limiting(l limitFlags) error {
	switch {
	case l.empty && l.sample != "":
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--empty and --sample exclude each other", Help: "--empty reads no rows at all"})
	case l.empty:
		a.limit = &compile.Limit{Empty: true}
	case l.sample != "":
		limit, bad := parseSample(l.sample, a.now().UTC())
		if bad != nil {
			return mistake(*bad)
		}
		a.limit = limit
	}
	return nil
}

// grains are the units of --sample, with dbt's words.
var grains = []string{"hour", "day", "month", "year"}

// parseSample reads a span as dbt has it: a number of units before now, or a mapping of both
// ends, the first of which belongs to it. Times without a zone are UTC.
func parseSample(text string, now time.Time) (*compile.Limit, *diag.Diagnostic) {
	wrong := func(message, help string) (*compile.Limit, *diag.Diagnostic) {
		f := source.NewFile("--sample", []byte(text))
		return nil, &diag.Diagnostic{Code: codeFlag, Message: message, At: f.Span(0, len(text)), Help: help}
	}
	const forms = `write --sample "3 days", or --sample '{start: 2026-01-01, end: 2026-02-01}'`
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		var span map[string]any
		if err := yaml.Unmarshal([]byte(text), &span); err != nil {
			return wrong("the span cannot be read: "+strings.ReplaceAll(err.Error(), "\n", " "), forms)
		}
		for key := range span {
			if key != "start" && key != "end" {
				return wrong(fmt.Sprintf("a span has no key %q", key), forms)
			}
		}
		start, why := sampleTime(span["start"])
		if why != "" {
			return wrong("start "+why, forms)
		}
		end, why := sampleTime(span["end"])
		if why != "" {
			return wrong("end "+why, forms)
		}
		if !start.Before(end) {
			return wrong("the span ends before it begins", forms)
		}
		return &compile.Limit{Start: start, End: end}, nil
	}
	count, grain, ok := strings.Cut(strings.TrimSpace(text), " ")
	grain = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(grain)), "s")
	if !ok || grain == "" {
		return wrong("a span is a number and a unit", forms)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > 1_000_000 {
		return wrong(fmt.Sprintf("%q is no number of units", count), "want 1 or more")
	}
	start := now
	switch grain {
	case "hour":
		start = now.Add(-time.Duration(n) * time.Hour)
	case "day":
		start = now.AddDate(0, 0, -n)
	case "month":
		start = monthsBefore(now, n)
	case "year":
		start = monthsBefore(now, 12*n)
	default:
		d := forms
		if near, ok := diag.Suggest(grain, grains); ok {
			d = fmt.Sprintf("did you mean %ss?", near)
		}
		return wrong(fmt.Sprintf("%q is no unit", grain), d)
	}
	return &compile.Limit{Start: start, End: now}, nil
}

// monthsBefore counts months as calendars do: where the earlier month has no such day, its last.
func monthsBefore(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()).AddDate(0, -n, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// sampleTime reads one end of a span; why says what is wrong with it.
func sampleTime(v any) (t time.Time, why string) {
	switch v := v.(type) {
	case nil:
		return t, "is missing"
	case time.Time:
		return v.UTC(), ""
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC(), ""
			}
		}
	}
	return t, fmt.Sprintf("is no day and no time: %v", v)
}

// limitAgain bounds a retry as the run was that it repeats.
func (s *session) limitAgain(args map[string]any) error {
	var l limitFlags
	l.empty, _ = args["empty"].(bool)
	switch span := args["sample"].(type) {
	case string:
		l.sample = span
	case map[string]any:
		l.sample = fmt.Sprintf("{start: %q, end: %q}", fmt.Sprint(span["start"]), fmt.Sprint(span["end"]))
	}
	if err := s.app.limiting(l); err != nil {
		return err
	}
	s.options.Limit = s.app.limit
	return nil
}
