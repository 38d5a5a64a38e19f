package editor

import (
	"bytes"
	"maps"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// View is the project at one moment. It is not changed once it is there; all methods are
// safe for concurrent use.
type View struct {
	// Project is what the last whole check has read, buffers included; nil before the first.
	Project *project.Project
	// Program is what the last whole check has compiled; nil before the first.
	Program *compile.Program

	// Of the last whole check, by path. Views share them.
	files map[string]*source.File
	nodes map[string]addr.Node
	good  map[string]*compile.Node // of nodes with mistakes, as they were before
	found map[string]diag.List

	// since is what has changed after it, by path.
	since map[string]since
	// book is what names stand for, shared by the Views of one Program; nil: it is made anew.
	book *book
}

// since is a file that has changed after the last whole check.
type since struct {
	file *source.File // nil: it is as the check read it
	node *compile.Node
	good *compile.Node
	// checked: found is what is wrong in it, in the place of what the whole check said.
	checked bool
	found   diag.List
}

// newView is the View after a whole check. before is the one that it follows, nil if none.
func newView(p *project.Project, program *compile.Program, files map[string]*source.File, found diag.List, before *View) *View {
	v := &View{Project: p, Program: program, files: files, found: byPath(found), nodes: map[string]addr.Node{}, good: map[string]*compile.Node{}}
	v.book = newBook(p, program)
	if program == nil {
		return v
	}
	for id, n := range program.Nodes {
		if id.Kind != addr.Source {
			v.nodes[n.Path] = id
		}
	}
	for _, n := range program.Analyses {
		v.nodes[n.Path] = n.ID
	}
	for id := range program.Broken {
		n := program.Find(id)
		if n == nil || id.Kind == addr.Source || before == nil {
			continue
		}
		if last, ok := before.LastGood(n.Path); ok {
			v.good[n.Path] = last
		}
	}
	return v
}

// byPath sorts diagnostics by the files that they stand in.
func byPath(list diag.List) map[string]diag.List {
	out := map[string]diag.List{}
	for _, d := range list {
		out[pathOf(d)] = append(out[pathOf(d)], d)
	}
	return out
}

// pathOf is the file that a diagnostic stands in, empty for the whole project.
func pathOf(d diag.Diagnostic) string {
	if d.At.File == nil {
		return ""
	}
	return d.At.File.Path
}

// with is the View with one file in another state.
func (v *View) with(path string, s since) *View {
	out := *v
	out.since = maps.Clone(v.since)
	if out.since == nil {
		out.since = map[string]since{}
	}
	out.since[path] = s
	return &out
}

// File is a file of the project as it is now: the text of its buffer, or of the disk.
func (v *View) File(path string) (*source.File, bool) {
	if s := v.since[path]; s.file != nil {
		return s.file, true
	}
	f, ok := v.files[path]
	return f, ok
}

// Node is the model, snapshot, seed or analysis of a file, compiled from its newest text as
// far as there is time: the text of its File says which one it was.
func (v *View) Node(path string) (*compile.Node, bool) {
	if n := v.since[path].node; n != nil {
		return n, true
	}
	return v.checked(path)
}

// checked is the node of a file as the last whole check has it.
func (v *View) checked(path string) (*compile.Node, bool) {
	id, ok := v.nodes[path]
	if !ok || v.Program == nil {
		return nil, false
	}
	n := v.Program.Find(id)
	return n, n != nil
}

// LastGood is the node of a file as it was when it was last compiled without a mistake: what
// to complete from while the text does not parse. Its places are those of an older text.
func (v *View) LastGood(path string) (*compile.Node, bool) {
	if n := v.since[path].good; n != nil {
		return n, true
	}
	n, ok := v.checked(path)
	if !ok || v.Program.Broken[n.ID] {
		n = v.good[path]
	}
	return n, n != nil
}

// Diagnostics are what is wrong in a file, sorted by place. Those of the project as a whole
// are under the empty path.
func (v *View) Diagnostics(path string) diag.List {
	if s := v.since[path]; s.checked {
		return s.found
	}
	return v.found[path]
}

// Paths are the files with diagnostics, sorted; the empty path if the project as a whole has
// some.
func (v *View) Paths() []string {
	var out []string
	for path := range v.found {
		if len(v.Diagnostics(path)) > 0 {
			out = append(out, path)
		}
	}
	for path, s := range v.since {
		if _, known := v.found[path]; !known && s.checked && len(s.found) > 0 {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// flawed reports whether any other file has a mistake that is not a rule's.
func (v *View) flawed(but string) bool {
	rules := map[diag.Code]bool{}
	for _, r := range check.Rules() {
		rules[r.ID] = true
	}
	mistake := func(d diag.Diagnostic) bool {
		return (d.Severity == diag.Error || d.Severity == diag.Internal) && !rules[d.Code]
	}
	for path, list := range v.found {
		if s := v.since[path]; path != but && !s.checked && slices.ContainsFunc(list, mistake) {
			return true
		}
	}
	for path, s := range v.since {
		if path != but && s.checked && slices.ContainsFunc(s.found, mistake) {
			return true
		}
	}
	return false
}

// alone reports whether no other file has changed since the last whole check.
func (v *View) alone(path string) bool {
	for p, s := range v.since {
		if p != path && s.file != nil && (v.files[p] == nil || !bytes.Equal(v.files[p].Data, s.file.Data)) {
			return false
		}
	}
	return true
}
