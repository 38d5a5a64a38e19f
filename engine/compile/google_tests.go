package compile

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// testDialect is the language of a test's own SQL.
func (c *compiler) testDialect(t *Test) string {
	if t.Config.Dialect != "" {
		return t.Config.Dialect
	}
	return c.project.Settings.Dialect.V
}

var plainName = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

// ownSQL reports whether there is SQL of the user's in the test.
func (c *compiler) ownSQL(t *Test) bool {
	if t.SQL != "" || t.Config.Where != "" || t.Config.FailCalc != "" && t.Config.FailCalc != "count(*)" {
		return true
	}
	kind, ok := datatest.Lookup(t.Kind)
	if !ok {
		return true
	}
	if t.Args["row_condition"] != nil {
		return true
	}
	for _, a := range kind.Args {
		text, isText := t.Args[a.Name].(string)
		if isText && (a.Type == datatest.SQL || a.Type == datatest.Scalar || a.Name == "column_name" || a.Name == "field") && !plainName.MatchString(text) {
			return true
		}
	}
	return false
}

// translateTest analyzes the query of a test and writes it for the target, with
// placeholders for the relations, because only the plan knows where they are read.
func (c *compiler) translateTest(ctx context.Context, t *Test) diag.List {
	s := c.options.Google.Speller
	for _, p := range t.Parents {
		u := c.lookup(p)
		if u.Unanalyzed == "" {
			continue
		}
		if c.silent(u) {
			return nil // it is the consequence of something that is reported
		}
		if !c.ownSQL(t) || c.options.Google.Translator == nil {
			return nil
		}
		return diag.List{testNotAnalyzed(t, unknownParent(u), c.target.Dialect.Name())}
	}
	read := func(n addr.Node) string {
		u := c.lookup(n)
		if u.Config.Materialized == "ephemeral" {
			return "(" + u.Text + "\n)"
		}
		return s.Quote(c.place(u))
	}
	bare := *t
	bare.Config.Limit = 0 // it is the target's to apply
	in := datatest.In{Dialect: s, Read: read}
	if t.SQL != "" {
		in.Bound, in.Map = Bind(t.SQL, t.Map, read)
	}
	q, ds := datatest.Render(&bare, in)
	if ds.HasErrors() {
		return ds
	}
	ask := func(text string, head int) (answer, diag.List) {
		m := q.Map
		if m != nil && head > 0 {
			m = m.Splice(0, 0, head)
		}
		a, _, ds := c.ask(ctx, query{text: text, m: m, at: argumentAt(t), node: t.ID, reads: t.Parents, table: placeholder, loose: true})
		for i := range ds {
			if ds[i].Code != codeNotAvailable && ds[i].Code != codeNotAnalyzed && ds[i].Severity == diag.Error {
				ds[i].Code = codeTestSQL
			}
		}
		return a, ds
	}
	a, ds := ask(q.Rows, 0)
	if ds.HasErrors() || ctx.Err() != nil {
		return ds
	}
	reads := a.meant.reads
	if reads != nil {
		t.Volatile = a.meant.volatile
	}
	if !t.Config.StoreFailures {
		reads = a.meant.rows() // only their number counts
	}
	out := &datatest.Translated{Rows: a.SQL, Map: a.Map, Sentence: q.Sentence}
	if q.FailCalc != "count(*)" {
		rows := q.Rows
		if t.Config.Limit > 0 {
			rows = fmt.Sprintf("select * from (\n%s\n) as failing limit %d", rows, t.Config.Limit)
		}
		head := "select " + q.FailCalc + " as t0 from (\n"
		tally, more := ask(head+rows+"\n) as failing", len(head)+strings.Index(rows, q.Rows))
		if ds = append(ds, more...); more.HasErrors() {
			return ds
		}
		out.Tally, a.Needs = tally.SQL, append(a.Needs, tally.Needs...)
		if reads != nil && tally.meant.reads != nil {
			reads, t.Volatile = readBoth(reads, tally.meant.reads), a.meant.and(tally.meant).volatile
		} else {
			reads = nil
		}
	}
	t.Reads = reads
	if c.ownSQL(t) && c.options.Google.Translator != nil {
		// A target that reads GoogleSQL itself gets the test as every native one does.
		out.Needs = a.Needs
		t.Translated = out
	}
	return ds
}

// silent reports whether what is wrong with the unit, or with what it reads, is reported.
func (c *compiler) silent(u *unit) bool {
	if c.bad[u.ID] || c.wrong[u.ID] || u.Unanalyzed == "it has an error" || u.Unanalyzed == notYet {
		return true
	}
	return slices.ContainsFunc(u.Parents, func(p addr.Node) bool { return c.silent(c.lookup(p)) })
}

// translateUnitTest writes a model over given rows for the target. The rows themselves
// are the target's own SQL.
func (c *compiler) translateUnitTest(ctx context.Context, u *unit, w *project.UnitTest, text string, m *source.Map, rows map[string]input) (answer, bool) {
	q := query{text: text, m: m, at: w.Name.At, node: u.ID, loose: true}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		q.given = append(q.given, given{name: rows[key].cte, columns: rows[key].columns})
	}
	if _, ok := rows[thisInput]; !ok {
		q.self = u
	}
	a, why, ds := c.ask(ctx, q)
	for i := range ds {
		if ds[i].Severity == diag.Error {
			ds[i].Code = codeUnitSQL
		}
	}
	c.diags.Add(ds...)
	return a, why == "" && !ds.HasErrors()
}
