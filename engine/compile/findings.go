package compile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/lint"
	"github.com/engine-build/engine/engine/source"
)

// Finding is a suspicious place in a node's text, see package lint. Whether it matters is
// decided elsewhere.
type Finding struct {
	Rule          string
	At            source.Span
	Message, Help string
	// Edits are empty where the text at fault is not written as it is, but made by a template.
	Edits []source.Edit
}

// takeFindings adds what was found in a text of u. Text of ephemeral parents has been
// looked at with them.
func (u *unit) takeFindings(list []lint.Finding, m *source.Map) {
	for _, f := range list {
		at, ok := m.At(f.At.Start, f.At.End)
		if !ok || strings.HasSuffix(at.File.Path, ".sql") && at.File != u.File {
			continue
		}
		out := Finding{Rule: f.Rule, At: at, Message: f.Message, Help: f.Help}
		for _, e := range f.Edits {
			span, ok := exact(m, e.At.Start, e.At.End)
			if !ok {
				out.Edits = nil
				break
			}
			out.Edits = append(out.Edits, source.Edit{At: span, New: e.New})
		}
		if !slices.ContainsFunc(u.Findings, func(o Finding) bool { return o.Rule == out.Rule && o.At == out.At }) {
			u.Findings = append(u.Findings, out)
		}
	}
	slices.SortStableFunc(u.Findings, func(a, b Finding) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Rule, b.Rule))
	})
}

// exact is the source of [start, end) where it was copied from there as it is, and nowhere
// else to.
func exact(m *source.Map, start, end int) (source.Span, bool) {
	var out source.Span
	segments := m.Segments()
	for _, s := range segments {
		if s.Verbatim && s.Start <= start && start < s.End && end <= s.End {
			out = s.Src.Sub(start-s.Start, end-s.Start)
			break
		}
	}
	if out.File == nil {
		return out, false
	}
	times := 0
	for _, s := range segments {
		if s.Verbatim && s.Src.File == out.File && s.Src.Start <= out.Start && out.Start < s.Src.End && out.End <= s.Src.End {
			if times++; times > 1 {
				return out, false
			}
		}
	}
	return out, true
}
