package tmpl

import (
	"errors"
	"maps"
	"slices"
	"text/template"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// runner executes templates one after the other. Making one costs a table of 200
// functions, so a library keeps them in a pool; the engine functions in the table ask
// the run that is on.
type runner struct {
	base *template.Template
	run  *run
	out  []byte
}

// run is one render.
type run struct {
	t     *Template
	env   *Env
	tmpl  *template.Template // finds definitions and macros by name
	top   *recorder
	calls []Call
	via   source.Span // the include of the model that is being executed
	depth int
	steps int
	size  int
	diag  *diag.Diagnostic
}

// stop keeps the first diagnostic, which is the innermost, and ends the execution.
func (r *run) stop(d diag.Diagnostic) error {
	if r.diag == nil {
		if r.t.lib.has(d.At.File) {
			d.Labels = append(slices.Clone(d.Labels), diag.Label{At: r.entry(), Text: "included here"})
		}
		r.diag = &d
	}
	return errStop
}

func (l *Library) runner() *runner {
	if r, ok := l.runners.Get().(*runner); ok {
		return r
	}
	r := &runner{base: template.New(rootName)}
	r.base.Funcs(pureFuncs()).Funcs(r.functions())
	for _, name := range l.names {
		if m := l.macros[name]; m.unit != nil {
			// The only error is a duplicate name, and names are keys here.
			_, _ = r.base.AddParseTree(name, m.tree)
		}
	}
	return r
}

// Render executes the template. On a mistake the text is empty but for the calls made
// so far.
func (t *Template) Render(env Env) (Text, diag.List) {
	if t == nil {
		return Text{}, nil
	}
	if t.flaws != nil {
		return Text{}, slices.Clone(t.flaws)
	}
	r := t.lib.runner()
	r.run = &run{t: t, env: &env, tmpl: r.base}
	text, d := r.render()
	r.run = nil
	t.lib.runners.Put(r)
	if d != nil {
		return text, diag.List{*d}
	}
	return text, nil
}

func (r *runner) render() (text Text, d *diag.Diagnostic) {
	run, t := r.run, r.run.t
	rec := &recorder{run: run, unit: t.unit, out: r.out[:0], m: &source.Map{}}
	rec.m.Grow(2*len(t.unit.scan.acts) + 1)
	run.calls = make([]Call, 0, len(t.unit.sites))
	run.top = rec
	defer func() {
		// Functions that panic are caught by text/template; this is for its own mistakes.
		if reason := recover(); reason != nil {
			bug := internal(rec.place(), reason)
			text, d = Text{Calls: run.calls}, &bug
		}
		text.Calls = run.calls
		if r.out = rec.out; cap(r.out) > 1<<20 {
			r.out = nil
		}
	}()
	if t.local {
		// The clone's table of functions still asks this runner.
		clone, err := r.base.Clone()
		if err != nil {
			bug := internal(t.unit.file.Whole(), err)
			return text, &bug
		}
		for _, def := range t.unit.defines {
			_, _ = clone.AddParseTree(def.name, def.tree)
		}
		run.tmpl = clone
	}
	tm := run.tmpl.New(rootName)
	tm.Tree = t.unit.root
	if err := tm.Execute(rec, own(run.env.Data)); err != nil {
		_ = run.fail(err)
		return text, run.diag
	}
	rec.flush()
	return Text{Body: string(rec.out), Map: rec.m}, nil
}

// functions are the engine's functions. The first argument of each is the number of the
// site that calls it.
func (r *runner) functions() template.FuncMap {
	return template.FuncMap{
		"ref":    func(n int, args ...any) (string, error) { return r.run.ref(n, args) },
		"source": func(n int, args ...any) (string, error) { return r.run.source(n, args) },
		"config": func(n int, args ...any) (string, error) { return r.run.config(n, args) },
		"var":    func(n int, args ...any) (any, error) { return r.run.variable(n, args) },
		"env_var": func(n int, args ...any) (string, error) {
			return r.run.envVar(n, args)
		},
		"this":             func(n int, args ...any) (string, error) { return r.run.this(n, args) },
		"target":           func(n int, args ...any) (any, error) { return r.run.target(n, args) },
		"is_incremental":   func(n int, args ...any) (bool, error) { return r.run.isIncremental(n, args) },
		"columns":          func(n int, args ...any) (any, error) { return r.run.columns(n, args) },
		"include":          func(n int, args ...any) (any, error) { return r.run.include(n, args) },
		"results":          func(n int, args ...any) (any, error) { return r.run.ended(n, args) },
		"schemas":          func(n int, args ...any) (any, error) { return r.run.ended(n, args) },
		"database_schemas": func(n int, args ...any) (any, error) { return r.run.ended(n, args) },
	}
}

// entry is where the model enters macros.
func (r *run) entry() source.Span {
	if r.via.IsZero() {
		return r.top.place() // a template action
	}
	return r.via
}

// enter records a call and checks the arguments that were not known before.
func (r *run) enter(n int, args []any) (Call, []any, error) {
	s := r.t.site(n)
	c := *s
	if c.Span.File != r.t.unit.file {
		c.Via = r.entry()
	}
	values := make([]any, len(args))
	if c.Static {
		for i, a := range c.Args {
			values[i] = a.Value
		}
	} else {
		c.Args = slices.Clone(c.Args)
		for i, v := range args {
			if i < len(c.Args) {
				c.Args[i].Value, c.Args[i].Known = normal(v), true
				values[i] = c.Args[i].Value
			}
		}
	}
	r.calls = append(r.calls, c)
	if !c.Static {
		if d, bad := checkArgs(c); bad {
			return c, nil, r.stop(d)
		}
	}
	return c, values, nil
}

// answer turns the error of an Env's function into a diagnostic at the call.
func (r *run) answer(c Call, err error) error {
	if err == nil {
		return nil
	}
	var d diag.Diagnostic
	var p *diag.Diagnostic
	switch {
	case errors.As(err, &d):
	case errors.As(err, &p) && p != nil:
		d = *p
	default:
		return r.stop(callError(c.Span, err))
	}
	if d.At.IsZero() {
		d.At = c.Span
	}
	return r.stop(d)
}

func (r *run) ref(n int, args []any) (string, error) {
	c, args, err := r.enter(n, args)
	if err != nil {
		return "", err
	}
	if r.env.Ref == nil {
		return "", r.stop(unavailable(c.Fn, c.Span))
	}
	s, err := r.env.Ref(args)
	return s, r.answer(c, err)
}

func (r *run) source(n int, args []any) (string, error) {
	c, args, err := r.enter(n, args)
	if err != nil {
		return "", err
	}
	if r.env.Source == nil {
		return "", r.stop(unavailable(c.Fn, c.Span))
	}
	s, err := r.env.Source(args[0].(string), args[1].(string))
	return s, r.answer(c, err)
}

func (r *run) config(n int, args []any) (string, error) {
	c, args, err := r.enter(n, args)
	if err != nil || r.env.Config == nil {
		return "", err
	}
	return "", r.answer(c, r.env.Config(args))
}

func (r *run) variable(n int, args []any) (any, error) {
	c, args, err := r.enter(n, args)
	if err != nil {
		return nil, err
	}
	if r.env.Var == nil {
		return nil, r.stop(unavailable(c.Fn, c.Span))
	}
	v, err := r.env.Var(args[0].(string), args[1:])
	return own(v), r.answer(c, err)
}

func (r *run) envVar(n int, args []any) (string, error) {
	c, args, err := r.enter(n, args)
	if err != nil {
		return "", err
	}
	if r.env.EnvVar == nil {
		return "", r.stop(unavailable(c.Fn, c.Span))
	}
	s, err := r.env.EnvVar(args[0].(string), args[1:])
	return s, r.answer(c, err)
}

func (r *run) this(n int, args []any) (string, error) {
	c, _, err := r.enter(n, args)
	if err != nil {
		return "", err
	}
	if r.env.This == nil {
		return "", r.stop(unavailable(c.Fn, c.Span))
	}
	return r.env.This(), nil
}

func (r *run) target(n int, args []any) (any, error) {
	c, args, err := r.enter(n, args)
	if err != nil {
		return nil, err
	}
	if r.env.Target == nil {
		return nil, r.stop(unavailable(c.Fn, c.Span))
	}
	if len(args) == 0 {
		return own(r.env.Target), nil
	}
	v, ok := r.env.Target[args[0].(string)]
	if !ok {
		return nil, r.stop(targetKey(args[0].(string), c.Args[0].Span, slices.Sorted(maps.Keys(r.env.Target))))
	}
	return own(v), nil
}

func (r *run) isIncremental(n int, args []any) (bool, error) {
	if _, _, err := r.enter(n, args); err != nil {
		return false, err
	}
	return r.env.IsIncremental != nil && r.env.IsIncremental(), nil
}

// columns are those of a relation, in order, each with its parts by name.
func (r *run) columns(n int, args []any) (any, error) {
	c, args, err := r.enter(n, args)
	if err != nil {
		return nil, err
	}
	if r.env.Columns == nil {
		return nil, r.stop(unavailable(c.Fn, c.Span))
	}
	list, err := r.env.Columns(args[0].(string))
	return own(list), r.answer(c, err)
}

// ended answers results, schemas and database_schemas: what a run has come to.
func (r *run) ended(n int, args []any) (any, error) {
	c, _, err := r.enter(n, args)
	if err != nil {
		return nil, err
	}
	if r.env.Ended == nil {
		return nil, r.stop(notEnded(c.Fn, c.Span))
	}
	return own(r.env.Ended(c.Fn)), nil
}

// include executes a macro or a local definition into a text, or into what it returns.
func (r *run) include(n int, args []any) (any, error) {
	raw := args // the dot keeps its types
	c, args, err := r.enter(n, args)
	if err != nil {
		return "", err
	}
	name := args[0].(string)
	u := r.t.unit
	if u.tree(name) == nil {
		m := r.t.lib.macros[name]
		if m == nil {
			return "", r.stop(unknownMacro(name, c.Args[0].Span, r.t.lib.names))
		}
		if u = m.unit; u == nil {
			return "", r.stop(runError(c.Span, "the macro's file has mistakes", nil))
		}
	}
	if r.depth >= maxDepth {
		return "", r.stop(runaway(c.Span, "macros are nested more than 100 deep"))
	}
	if r.depth == 0 {
		r.via = c.Span
	}
	r.depth++
	defer func() {
		if r.depth--; r.depth == 0 {
			r.via = source.Span{}
		}
	}()
	var dot any
	if len(raw) > 1 {
		dot = raw[1]
	}
	rec := &recorder{run: r, unit: u}
	if err := r.tmpl.Lookup(name).Execute(rec, dot); err != nil {
		if v, ok := asReturned(err); ok {
			return v, nil
		}
		return "", r.fail(err)
	}
	return string(rec.out), nil
}
