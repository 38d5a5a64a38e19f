package transpile

import (
	"fmt"
	"sort"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Options say what the writer cannot know.
type Options struct {
	// Table gives the quoted name of a declared table in the target. Nil quotes
	// each part of the name as declared.
	Table func(*ir.Table) (string, error)
	// Zone is the default time zone, an IANA name; "" is UTC.
	Zone string
	// Stored: the rows of the query become those of a table. BigQuery keeps no NULL arrays
	// in tables: they are empty when they are read again.
	Stored bool
}

// Result is a transpiled statement.
type Result struct {
	SQL string
	// Needs names what the statement uses of the target's run time, sorted.
	Needs []string
	// Map relates ranges of SQL to the bytes of the statement they come from, by
	// start, the outer range before the inner one.
	Map []Range
}

// Range relates the bytes [Start, End) of the generated text to a place in the source.
type Range struct {
	Start, End int
	Source     ir.Span
}

// At gives the narrowest source span around a byte offset of the generated text.
func (r Result) At(offset int) (ir.Span, bool) {
	var best *Range
	for i := range r.Map {
		m := &r.Map[i]
		if m.Start > offset {
			break
		}
		if offset < m.End && (best == nil || m.End-m.Start <= best.End-best.Start) {
			best = m
		}
	}
	if best == nil {
		return ir.Span{}, false
	}
	return best.Source, true
}

// Refusal says that the target cannot express a construct.
type Refusal struct {
	Target string // the target's name, as in the message
	What   string // the construct: "JSON_KEYS with mode"
	Why    string
	At     ir.Span
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Why == "" {
		return fmt.Sprintf("%s is not available on %s", r.What, r.Target)
	}
	return fmt.Sprintf("%s is not available on %s: %s", r.What, r.Target, r.Why)
}

// Refusals are all refusals of one statement, by place.
type Refusals []*Refusal

// Error implements error.
func (rs Refusals) Error() string {
	lines := make([]string, len(rs))
	for i, r := range rs {
		lines[i] = r.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single refusals to errors.As.
func (rs Refusals) Unwrap() []error {
	errs := make([]error, len(rs))
	for i, r := range rs {
		errs[i] = r
	}
	return errs
}

// sorted orders refusals by place and drops repeated ones.
func (rs Refusals) sorted() Refusals {
	sort.SliceStable(rs, func(i, j int) bool {
		if rs[i].At.Start != rs[j].At.Start {
			return rs[i].At.Start < rs[j].At.Start
		}
		return rs[i].Error() < rs[j].Error()
	})
	out := rs[:0]
	for i, r := range rs {
		if i == 0 || *r != *rs[i-1] {
			out = append(out, r)
		}
	}
	return out
}

// Finish makes the result of a marked text, or the refusals.
func Finish(text string, needs []string, refusals Refusals) (Result, error) {
	if len(refusals) > 0 {
		return Result{}, refusals.sorted()
	}
	sql, ranges := unmark(text)
	return Result{SQL: sql, Needs: needs, Map: ranges}, nil
}
