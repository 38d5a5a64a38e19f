package editor

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// quick is what can be said of one file at once.
type quick struct {
	base    *compile.Base // with the file in it; nil: as before
	node    *compile.Node
	broken  bool
	checked bool // found is what is wrong in the file
	found   diag.List
}

// quickly looks at one file by itself. A panic of ours becomes a diagnostic.
func (w *Workspace) quickly(v *View, base *compile.Base, loaded *project.Project, f *source.File) (q quick) {
	defer func() {
		if r := recover(); r != nil {
			q = quick{checked: true, found: diag.List{fault(f.Whole(), "checking the file", r)}}
		}
	}()
	if !utf8.Valid(f.Data) {
		return quick{} // read with everything
	}
	switch ext := strings.ToLower(path.Ext(f.Path)); ext {
	case ".sql":
		if base == nil {
			if loaded != nil && template(loaded, f.Path) {
				return quick{checked: true, found: compile.Parse(loaded, f)}
			}
			return quick{}
		}
		return w.compiled(v, base, f)
	case ".tmpl":
		if base != nil {
			return w.rest(v, f, base.ParseMacros)
		}
	case ".yml", ".yaml", ".md":
		return w.rest(v, f, w.desk.Check)
	}
	return quick{}
}

// template reports whether a file has a template of the project.
func template(p *project.Project, path string) bool {
	for _, list := range [][]*project.File{p.Models, p.Snapshots, p.Analyses, p.Tests, p.Generics} {
		if slices.ContainsFunc(list, func(f *project.File) bool { return f.Source.Path == path }) {
			return true
		}
	}
	return false
}

// compiled compiles a model, snapshot, analysis or test by itself, with the rules about it.
func (w *Workspace) compiled(v *View, base *compile.Base, f *source.File) quick {
	e, ok := w.desk.With(w.ctx, base, f)
	if !ok {
		return quick{}
	}
	q := quick{base: e.Base, node: e.Node, checked: true}
	for _, d := range e.Found {
		if pathOf(d) == f.Path {
			q.found.Add(d)
		}
	}
	if e.Node != nil {
		q.broken = e.Program.Broken[e.Node.ID]
	}
	if n := e.Node; n != nil && n.ID.Kind != addr.Analysis && !base.Partial() {
		for _, d := range check.Run(e.Program, check.Options{Own: n.ID, Partial: v.flawed(f.Path) || e.Found.HasErrors()}) {
			if d.At.File == f {
				q.found.Add(d)
			}
		}
	}
	// What is said of the file's name, and of what is around it, does not depend on its text.
	for _, d := range v.found[f.Path] {
		if d.At.File != nil && len(d.At.File.Data) == 0 && len(f.Data) > 0 {
			q.found.Add(d)
		}
	}
	q.found = q.found.Sorted()
	if before := v.files[f.Path]; before != nil && bytes.Equal(before.Data, f.Data) && v.alone(f.Path) {
		q.found = v.found[f.Path] // the text is back: what others say of it holds again
	}
	return q
}

// rest looks at a file whose parts mean something only together with others: what own finds
// is new, what the last whole check has found besides stays where its text is.
func (w *Workspace) rest(v *View, f *source.File, own func(*source.File) diag.List) quick {
	q := quick{checked: true, found: own(f)}
	before := v.files[f.Path]
	if before == nil {
		return q
	}
	known := map[string]bool{}
	for _, d := range own(before) {
		known[same(d)] = true
	}
	for _, d := range v.found[f.Path] {
		if known[same(d)] {
			continue
		}
		if d.At.File == before {
			at, ok := moved(d.At, f)
			if !ok {
				continue
			}
			d.At = at
			d.Edits = nil // they are of the text that was
			d.Labels = slices.Clone(d.Labels)
			d.Labels = slices.DeleteFunc(d.Labels, func(l diag.Label) bool { return l.At.File == before })
		}
		q.found.Add(d)
	}
	q.found = q.found.Sorted()
	return q
}

func same(d diag.Diagnostic) string {
	return fmt.Sprintf("%d %d %s %s", d.At.Start, d.At.End, d.Code, d.Message)
}

// moved is where a span of an older text is in f, as far as the text around it is the same.
func moved(at source.Span, f *source.File) (source.Span, bool) {
	was, is := at.File.Data, f.Data
	front := 0
	for front < min(len(was), len(is)) && was[front] == is[front] {
		front++
	}
	back := 0
	for back < min(len(was), len(is))-front && was[len(was)-1-back] == is[len(is)-1-back] {
		back++
	}
	switch shift := len(is) - len(was); {
	case at.End <= front:
		return f.Span(at.Start, at.End), true
	case at.Start >= len(was)-back:
		return f.Span(at.Start+shift, at.End+shift), true
	}
	return source.Span{}, false
}

// fault is a panic of ours, as a diagnostic.
func fault(at source.Span, stage string, r any) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Internal, Code: "internal", Message: fmt.Sprintf("the engine stumbled in %s: %v", stage, r), At: at,
		Help: "this is a mistake of the engine; please report it",
	}
}
