package diag

import (
	"cmp"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
)

// Severity says what a diagnostic means for the run.
type Severity int

const (
	Error    Severity = iota // the user's mistake; nothing is written
	Warning                  // worth a look; the run goes on
	Remark                   // a fact
	Internal                 // our mistake
)

func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Remark:
		return "note"
	case Internal:
		return "internal error"
	}
	return "unknown"
}

// Code names a kind of mistake in kebab words, for example «ref-unknown».
// Every code has an Entry in the catalogue.
type Code string

// Label explains another place that belongs to the mistake. At most two per diagnostic,
// except for the links of a cycle.
type Label struct {
	At   source.Span
	Text string
}

// Diagnostic is one mistake and what to do about it. Message is one line, lower case,
// without a full stop, and names the thing in quotes. At is the smallest text at fault.
type Diagnostic struct {
	Severity Severity
	Code     Code
	Message  string
	At       source.Span
	// AtText stands under the caret: what is wrong with exactly this text. Optional.
	AtText string
	Labels []Label
	Notes  []string
	Help   string
	Edits  []source.Edit
	Model  addr.Node
	Cause  error
}

// Error makes a Diagnostic an error for APIs that need one.
func (d Diagnostic) Error() string { return d.Line() }

// Unwrap gives the cause.
func (d Diagnostic) Unwrap() error { return d.Cause }

// List is a set of diagnostics under construction. It is not safe for concurrent use:
// parallel stages keep one list per model and merge them at the end.
type List []Diagnostic

// Add appends diagnostics.
func (l *List) Add(d ...Diagnostic) { *l = append(*l, d...) }

// HasErrors reports whether any diagnostic is an error or an internal error.
func (l List) HasErrors() bool { return l.Count(Error)+l.Count(Internal) > 0 }

// Count counts the diagnostics of one severity.
func (l List) Count(s Severity) int {
	n := 0
	for _, d := range l {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Sorted is the list ordered by file, offset, code and message, equal ones removed.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message), a.Model.Compare(b.Model))
	})
	return slices.CompactFunc(out, func(a, b Diagnostic) bool {
		return a.At == b.At && a.Code == b.Code && a.Message == b.Message && a.Severity == b.Severity
	})
}
