package check

import (
	"cmp"
	"slices"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Change is a file as it should be.
type Change struct {
	File *source.File
	New  []byte
	// Done is how many findings it settles.
	Done int
}

// mechanical are codes of compilation whose edits leave no choice: a table's own name
// becomes a reference to the node that makes the table.
var mechanical = []diag.Code{"table-unknown"}

// Fix applies the edits of findings that no person has to decide on. Findings whose edits
// overlap those of an earlier one wait for another round. Changes are sorted by path.
func Fix(found diag.List) []Change {
	type job struct {
		edits []source.Edit
		done  int
	}
	files := map[*source.File]*job{}
	for _, d := range found.Sorted() {
		if len(d.Edits) == 0 || !fixable(d.Code) {
			continue
		}
		f := d.Edits[0].At.File
		one := f != nil && !slices.ContainsFunc(d.Edits, func(e source.Edit) bool { return e.At.File != f })
		if !one {
			continue
		}
		j := files[f]
		if j == nil {
			j = &job{}
			files[f] = j
		}
		fresh := slices.DeleteFunc(slices.Clone(d.Edits), func(e source.Edit) bool { return slices.Contains(j.edits, e) })
		if slices.ContainsFunc(fresh, func(e source.Edit) bool {
			return slices.ContainsFunc(j.edits, func(o source.Edit) bool { return touch(e, o) })
		}) {
			continue
		}
		j.edits = append(j.edits, fresh...)
		j.done++
	}
	var out []Change
	for f, j := range files {
		if len(j.edits) == 0 {
			continue
		}
		slices.SortFunc(j.edits, func(a, b source.Edit) int { return a.At.Start - b.At.Start })
		var text []byte
		at := 0
		for _, e := range j.edits {
			text = append(append(text, f.Data[at:e.At.Start]...), e.New...)
			at = e.At.End
		}
		out = append(out, Change{f, append(text, f.Data[at:]...), j.done})
	}
	slices.SortFunc(out, func(a, b Change) int { return cmp.Compare(a.File.Path, b.File.Path) })
	return out
}

// touch reports whether two edits cannot both be applied.
func touch(a, b source.Edit) bool {
	if a.At.Start == b.At.Start {
		return true
	}
	return a.At.Start < b.At.End && b.At.Start < a.At.End
}

func fixable(code diag.Code) bool {
	r, ok := lookup(code)
	return ok && r.Fixes || slices.Contains(mechanical, code)
}
