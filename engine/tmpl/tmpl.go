package tmpl

import (
	"text/template/parse"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Call is one call of an engine function found in the parse tree.
type Call struct {
	Fn   string // ref, source, config, var, env_var, this, target, is_incremental, include, results, schemas, database_schemas
	Args []Arg
	// Span covers the call itself: «ref "orders"» without the braces. Of a call inside a
	// macro it is the place in the macro's file.
	Span source.Span
	// Static reports whether every argument was known without executing the template.
	Static bool
	// Via is the include (or template) in the model that leads to the macro which makes the
	// call. It is zero for calls in the file itself.
	Via source.Span
}

// Arg is one argument. Value is nil, string, int64, float64, bool, []any or
// map[string]any when Known; Span covers its text. Nobody changes a Value.
type Arg struct {
	Value any
	Known bool
	Span  source.Span
}

// Env answers the engine's functions while a template runs. All functions may be called
// from one goroutine only; each render has its own Env. A returned error stops the render
// and becomes a diagnostic at the call: a diag.Diagnostic is kept and gets its place, any
// other error becomes a call-error. A function that is nil is reported as meaningless in
// this place when it is called, unless its comment says otherwise.
type Env struct {
	Ref           func(args []any) (string, error)
	Source        func(source, table string) (string, error)
	Config        func(args []any) error // nil: ignore
	Var           func(name string, def []any) (any, error)
	EnvVar        func(name string, def []any) (string, error)
	This          func() string
	Target        map[string]any // name, schema, database, type …
	IsIncremental func() bool    // nil: false
	// Columns lists those of a relation, which is given as ref and source write it: mappings
	// with name, type and quoted.
	Columns func(relation string) ([]any, error)
	// Ended answers results, schemas and database_schemas, by the function's name: lists of what
	// the run has come to. Nil everywhere but in statements at the end of a run.
	Ended func(fn string) []any
	// Data is the dot of the template (arguments of a generic test), nil for models.
	Data any
}

// Text is rendered output with its way back to the template.
type Text struct {
	Body string
	Map  *source.Map
	// Calls are the engine calls that ran, in order, with evaluated arguments: the ones
	// that Parse could not know statically are resolved here.
	Calls []Call
}

// Template is one parsed file. It is immutable and safe for concurrent use.
type Template struct {
	unit  *unit
	lib   *Library
	calls []Call
	local bool // has definitions of its own
	flaws diag.List
}

// Parse reads a template and finds its mistakes, all of them. The template is nil when
// the syntax is broken. With other mistakes its good calls can be listed, and Render
// gives nothing but the mistakes again.
func Parse(f *source.File, lib *Library) (*Template, diag.List) {
	if lib == nil {
		lib = noMacros
	}
	u, ds := newUnit(f, rootName, len(lib.sites))
	if u != nil {
		ds.Add(lib.checkEdges(u)...)
		ds.Add(lib.shadowed(u)...)
		ds.Add(u.circles()...)
	}
	ds = withoutCommented(ds)
	if u == nil {
		return nil, ds
	}
	t := &Template{unit: u, lib: lib, local: len(u.defines) > 0}
	if ds.HasErrors() {
		t.flaws = ds
	}
	t.calls = t.findCalls()
	return t, ds
}

// Calls lists the calls of engine functions in all branches, in the order of the text.
// The calls of macros that are included by name follow their include. The caller must
// not change the list.
func (t *Template) Calls() []Call {
	if t == nil {
		return nil
	}
	return t.calls
}

func (t *Template) findCalls() []Call {
	own := t.unit.ordered(func(*parse.Tree) bool { return true })
	if len(t.unit.edges) == 0 {
		return own
	}
	calls := make([]Call, 0, 2*len(own))
	edges := t.unit.edges
	through := func(upTo int) {
		for len(edges) > 0 && edges[0].span.Start < upTo {
			e := edges[0]
			edges = edges[1:]
			if m := t.lib.macros[e.name]; m != nil && t.unit.tree(e.name) == nil {
				for _, c := range m.calls {
					c.Via = e.span
					calls = append(calls, c)
				}
			}
		}
	}
	for _, c := range own {
		through(c.Span.Start)
		calls = append(calls, c)
	}
	through(len(t.unit.file.Data) + 1)
	return calls
}

// shadowed reports definitions that take a macro's name.
func (l *Library) shadowed(u *unit) diag.List {
	var ds diag.List
	for _, d := range u.defines {
		if m := l.macros[d.name]; m != nil {
			ds.Add(definedTwice(d.name, d.at, m.at))
		}
	}
	return ds
}

// circles reports definitions of one file that call each other in a circle.
func (u *unit) circles() diag.List {
	if len(u.defines) == 0 {
		return nil
	}
	local := &Library{macros: map[string]*macro{}}
	for _, d := range u.defines {
		local.macros[d.name] = &macro{name: d.name, unit: u, tree: d.tree, at: d.at}
		local.names = append(local.names, d.name)
	}
	return local.circles()
}

// site finds a call by the number that it passed.
func (t *Template) site(n int) *Call {
	if n < len(t.lib.sites) {
		return &t.lib.sites[n]
	}
	return &t.unit.sites[n-len(t.lib.sites)]
}
