package compile

import (
	"context"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// checkTests binds the SQL of data tests offline, so that a test on a column or function
// that does not exist is found before anything is built.
func (c *compiler) checkTests(ctx context.Context) {
	if c.options.Analyzer == nil && c.options.Google == nil {
		return
	}
	for _, t := range c.tests {
		kind, ok := datatest.Lookup(t.Kind)
		if u := c.lookup(t.Node); ok && kind.Shape && c.generics[t.Kind] == nil && u.Unanalyzed == "" && c.testDialect(t) == project.GoogleSQL {
			t.Shape = plain(u.Columns)
			for i, col := range u.Columns {
				t.Shape[i].Type = c.typeIn(project.GoogleSQL, col)
			}
		}
	}
	found := make([]diag.List, len(c.tests))
	c.parallel(len(c.tests), func(i int) {
		switch t := c.tests[i]; {
		case ctx.Err() != nil:
		case c.bindable(t):
			found[i] = c.bindTestQuery(ctx, t)
		case ofColumn(t) && c.generics[t.Kind] == nil && hasColumn(c.lookup(t.Node).Columns, t.Column) && c.lookup(t.Node).Unanalyzed == "":
			t.Reads = map[addr.Node]Reading{t.Node: {Columns: []string{strings.ToLower(t.Column)}}}
		}
	})
	for i, ds := range found {
		if len(ds) > 0 {
			c.ofTests[c.tests[i]] = ds
		}
	}
}

// bindable: all that the test reads is known, and there is something in it that the
// column check has not covered.
func (c *compiler) bindable(t *Test) bool {
	for _, p := range t.Parents {
		if u := c.lookup(p); u.Unanalyzed != "" {
			return false
		}
	}
	if !t.Node.IsZero() && t.Column != "" && !hasColumn(c.lookup(t.Node).Columns, t.Column) {
		return false // reported at the column
	}
	return !ofColumn(t)
}

// ofColumn reports whether the test is one of a column that has nothing of the user's SQL in it.
func ofColumn(t *Test) bool {
	plain := slices.Contains([]string{"unique", "not_null", "accepted_values"}, t.Kind)
	return plain && t.Column != "" && t.Config.Where == ""
}

// bindTestQuery analyzes a test in the language of its SQL. What the engine writes by
// itself is analyzed like the user's SQL around it, and sent in the target's own words.
func (c *compiler) bindTestQuery(ctx context.Context, t *Test) diag.List {
	if c.options.Google != nil && c.options.Google.Sessions != nil && c.testDialect(t) == project.GoogleSQL {
		return c.translateTest(ctx, t)
	}
	if c.options.Analyzer == nil {
		return nil
	}
	return c.bindQuery(ctx, t)
}

func (c *compiler) bindQuery(ctx context.Context, t *Test) diag.List {
	read := func(n addr.Node) string {
		u := c.lookup(n)
		if u.Config.Materialized == "ephemeral" {
			return "(" + u.SQL + "\n)"
		}
		return c.target.Dialect.Quote(u.Relation)
	}
	in := datatest.In{Dialect: c.target.Dialect, Read: read}
	if t.SQL != "" {
		in.Bound, in.Map = Bind(t.SQL, t.Map, read)
	}
	q, ds := datatest.Render(t, in)
	if ds.HasErrors() {
		return ds
	}
	_, err := c.options.Analyzer.Analyze(ctx, addr.Relation{}, q.Rows)
	if err == nil || ctx.Err() != nil {
		return nil
	}
	d := warehouse.Trace(c.target.Dialect, warehouse.Statement{SQL: q.Rows, BodyEnd: len(q.Rows)}, q.Map, argumentAt(t), err)
	d.Code, d.Model = codeTestSQL, t.ID
	return diag.List{d}
}

// argumentAt is the place of a test's only argument, or of the test.
func argumentAt(t *Test) source.Span {
	if len(t.ArgAt) == 1 {
		for _, at := range t.ArgAt {
			return at
		}
	}
	return t.At
}
