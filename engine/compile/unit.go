package compile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/warehouse"
)

// bindUnitTests turns the unit tests of some models into queries over literals.
func (c *compiler) bindUnitTests(ctx context.Context, of func(*unit) bool) {
	for _, w := range c.project.UnitTests {
		if !w.Enabled || !of(c.names[w.Model.V]) {
			continue
		}
		before := len(c.diags)
		if t := c.bindUnitTest(ctx, w); t != nil {
			c.unitTests = append(c.unitTests, t)
		}
		if u := c.names[w.Model.V]; u != nil {
			u.said.Add(c.diags[before:]...)
			c.diags = c.diags[:before:before]
		}
	}
	slices.SortFunc(c.unitTests, func(a, b *UnitTest) int { return a.ID.Compare(b.ID) })
}

func (c *compiler) bindUnitTest(ctx context.Context, w *project.UnitTest) *UnitTest {
	u := c.names[w.Model.V]
	if u == nil || u.kind != addr.Model {
		c.diags.Add(refUnknown(w.Model.V, w.Model.At, c.candidates(addr.Model), c.names, len(c.names)))
		return nil
	}
	if !u.Config.Enabled || c.bad[u.ID] || u.template == nil {
		return nil
	}
	if c.google(u) && (u.Unanalyzed != "" || c.options.Google.Sessions == nil) && asksForRows(w) {
		return nil // reported, or analysis is off
	}
	given, ok := c.givenRows(ctx, u, w)
	if !ok {
		return nil
	}
	text, m, ok := c.renderOverGiven(u, w, given)
	if !ok {
		return nil
	}
	t := &UnitTest{ID: addr.Node{Kind: addr.UnitTest, Name: w.Name.V}, Node: u.ID, Description: w.Description, At: w.Name.At, Tags: w.Tags}
	if !c.expectation(ctx, t, u, w) {
		return nil
	}
	var names []string
	for _, col := range t.Columns {
		names = append(names, c.target.Dialect.Ident(col.Name))
	}
	if c.google(u) {
		if u.Unanalyzed != "" {
			return nil // reported, or analysis is off
		}
		a, ok := c.translateUnitTest(ctx, u, w, text, m, given)
		if !ok {
			return nil
		}
		text, m, t.Needs = a.SQL, a.Map, a.Needs
	}
	text, m = sql.AddCTEs(text, m, c.givenCTEs(given)) // in the target's own language by now
	head := "select " + strings.Join(names, ", ") + " from (\n"
	t.SQL = head + text + "\n) as actual"
	t.Map = m.Splice(0, 0, len(head))
	if c.options.Analyzer != nil && u.Unanalyzed == "" && !c.google(u) {
		if _, err := c.options.Analyzer.Analyze(ctx, addr.Relation{}, t.SQL); err != nil && ctx.Err() == nil {
			c.diags.Add(unitTestBroken(w, err))
			return nil
		}
	}
	h := &digest{}
	put(h, formatVersion, sql.Canonical(t.SQL), sql.Canonical(t.ExpectSQL))
	t.Fingerprint = h.fingerprint()
	return t
}

// input is what one reference of the model reads in a unit test.
type input struct {
	cte     string
	columns []Column
	rows    []project.Row
	// body is the query for the rows in the target's language, where they are given as one.
	body string
}

// asksForRows reports whether rows of a unit test are given as queries.
func asksForRows(w *project.UnitTest) bool {
	return w.ExpectAs.Format == "sql" || slices.ContainsFunc(w.Given, func(g project.Given) bool { return g.As.Format == "sql" })
}

// stated is the query that rows of a unit test are given as: its text in the target's own
// language, and its columns where they are known.
func (c *compiler) stated(ctx context.Context, u *unit, w *project.UnitTest, as project.Stated) (body string, columns []Column, ok bool) {
	text := strings.TrimRight(strings.TrimSpace(as.SQL.V), ";")
	broken := func(d diag.Diagnostic) {
		d.Code, d.At, d.Labels, d.Edits, d.Model = codeUnitSQL, as.SQL.At, nil, nil, u.ID
		d.Message = fmt.Sprintf("the query for rows of unit test %q is wrong: %s", w.Name.V, d.Message)
		c.diags.Add(d)
	}
	switch {
	case text == "":
		broken(diag.Diagnostic{Message: "it is empty", Help: "write one: select 1 as id"})
		return "", nil, false
	case c.google(u):
		a, why, ds := c.ask(ctx, query{text: text, at: as.SQL.At, node: u.ID})
		for _, d := range ds {
			if d.Severity == diag.Error {
				broken(d)
			}
		}
		if why != "" && !ds.HasErrors() {
			broken(diag.Diagnostic{Message: why, Help: "give the rows as a list"})
		}
		return a.SQL, a.Columns, why == "" && !ds.HasErrors()
	case c.options.Analyzer == nil:
		return text, nil, true
	}
	found, err := c.options.Analyzer.Analyze(ctx, addr.Relation{}, text)
	if err != nil {
		if ctx.Err() == nil {
			broken(warehouse.Trace(c.target.Dialect, warehouse.Statement{SQL: text}, nil, as.SQL.At, err))
		}
		return "", nil, false
	}
	for _, col := range found.Columns {
		columns = append(columns, Column{Name: col.Name, Type: col.Type})
	}
	return text, columns, true
}

// over reads columns from a query for rows: each in its own type, NULL where the query has none
// of the name.
func (c *compiler) over(body string, has, want []Column) string {
	d, w := c.target.Dialect, c.target.Dialect.Words()
	cells := make([]string, len(want))
	for i, col := range want {
		expr := "null"
		if at := slices.IndexFunc(has, func(h Column) bool { return strings.EqualFold(h.Name, col.Name) }); at >= 0 {
			expr = "rows_." + d.Ident(has[at].Name)
		}
		if col.Type != "" {
			expr = w.Cast(expr, col.Type)
		}
		cells[i] = expr + " as " + d.Ident(col.Name)
	}
	return "select " + strings.Join(cells, ", ") + " from (\n" + body + "\n) as rows_"
}

const thisInput = "this"

// givenRows resolves the given inputs by node («this» for the model itself).
func (c *compiler) givenRows(ctx context.Context, u *unit, w *project.UnitTest) (map[string]input, bool) {
	out := map[string]input{}
	ok := true
	for _, g := range w.Given {
		key, columns := "", []Column(nil)
		if g.Input.V == thisInput {
			key = thisInput
			if u.Unanalyzed == "" {
				columns = u.Columns
			}
		} else {
			fn, args, err := datatest.ParseRef(g.Input.V)
			if err != nil {
				c.diags.Add(badReference(g.Input))
				ok = false
				continue
			}
			to, d := c.resolveText(fn, args, g.Input.At)
			if d != nil {
				c.diags.Add(*d)
				ok = false
				continue
			}
			if !slices.Contains(u.Parents, to.ID) {
				c.diags.Add(givenNotRead(u, to, g.Input.At))
				ok = false
				continue
			}
			key = to.ID.String()
			if to.Unanalyzed == "" {
				columns = to.Columns
			}
		}
		cte := "_engine_given__" + strings.ReplaceAll(key, ".", "__")
		if g.As.Format == "sql" {
			body, has, good := c.stated(ctx, u, w, g.As)
			if !good {
				ok = false
				continue
			}
			for _, h := range has {
				if len(columns) > 0 && !hasColumn(columns, h.Name) {
					c.diags.Add(cellUnknown(h.Name, g.Input.V, g.As.SQL.At, columns))
					ok = false
				}
			}
			switch {
			case len(columns) == 0:
				columns = has
			case len(has) > 0:
				body = c.over(body, has, columns)
			}
			out[key] = input{cte: cte, columns: columns, body: body}
			continue
		}
		if len(columns) == 0 {
			columns = columnsOfRows(g.Rows)
		}
		for _, row := range g.Rows {
			for _, name := range row.Order {
				if !hasColumn(columns, name) {
					c.diags.Add(cellUnknown(name, g.Input.V, row.Cells[name].At, columns))
					ok = false
				}
			}
		}
		out[key] = input{cte: cte, columns: columns, rows: g.Rows}
	}
	for _, p := range u.Parents {
		if _, has := out[p.String()]; has || slices.Contains(u.referred, p) {
			continue
		}
		to := c.lookup(p)
		if to.Unanalyzed != "" || len(to.Columns) == 0 {
			c.diags.Add(givenMissing(to, w.Name.At))
			ok = false
			continue
		}
		out[p.String()] = input{cte: "_engine_given__" + strings.ReplaceAll(p.String(), ".", "__"), columns: to.Columns}
	}
	return out, ok
}

// columnsOfRows are the columns that the rows mention, for inputs that are not analyzed.
func columnsOfRows(rows []project.Row) []Column {
	var out []Column
	for _, r := range rows {
		for _, name := range r.Order {
			if !hasColumn(out, name) {
				out = append(out, Column{Name: name})
			}
		}
	}
	return out
}

// renderOverGiven renders the model with every reference reading its given rows.
func (c *compiler) renderOverGiven(u *unit, w *project.UnitTest, given map[string]input) (string, *source.Map, bool) {
	d := c.spell(u.Dialect)
	var ds diag.List
	env := c.env(nil, d)
	read := func(key string) string { return d.Ident(given[key].cte) }
	env.Ref = func(args []any) (string, error) {
		to, bad := c.resolveRef(args, source.Span{}, u)
		if bad != nil {
			return "", *bad
		}
		return read(to.ID.String()), nil
	}
	env.Source = func(s, table string) (string, error) {
		to, bad := c.resolveSource(s, table, source.Span{})
		if bad != nil {
			return "", *bad
		}
		return read(to.ID.String()), nil
	}
	env.This = func() string {
		if _, ok := given[thisInput]; ok {
			return read(thisInput)
		}
		return d.Quote(u.Relation)
	}
	base := env.Var
	env.Var = func(name string, def []any) (any, error) {
		if v, ok := w.Overrides.Vars[name]; ok {
			return v, nil
		}
		return base(name, def)
	}
	baseEnv := env.EnvVar
	env.EnvVar = func(name string, def []any) (string, error) {
		if v, ok := w.Overrides.EnvVars[name]; ok {
			return fmt.Sprint(v), nil
		}
		return baseEnv(name, def)
	}
	env.IsIncremental = func() bool { return w.Overrides.IsIncremental != nil && *w.Overrides.IsIncremental }
	text, more := u.template.Render(env)
	ds.Add(more...)
	c.diags.Add(ds...)
	if ds.HasErrors() {
		return "", nil, false
	}
	if _, ok := given[thisInput]; !ok && env.IsIncremental() && slices.ContainsFunc(text.Calls, func(k tmpl.Call) bool { return k.Fn == "this" }) {
		c.diags.Add(givenThisMissing(u, w.Name.At))
		return "", nil, false
	}
	var aliases []sql.Alias
	for _, call := range text.Calls {
		var to *unit
		key := thisInput
		switch call.Fn {
		case "ref", "source":
			to, _ = c.resolveCall(call, u)
		case "this":
			to = u
		}
		if to == nil {
			continue
		}
		if call.Fn != "this" {
			key = to.ID.String()
		}
		in, ok := given[key]
		if name := c.tableName(to); ok {
			aliases = appendAlias(aliases, sql.Alias{Table: d.Ident(in.cte), Name: name, Spelled: d.Ident(name), Real: to.Config.Materialized != "ephemeral"})
		}
	}
	text.Body, text.Map = lexis(u.Dialect).AddAliases(text.Body, text.Map, aliases, c.columnless(u.Parents))
	body, m := lexis(u.Dialect).Trim(text.Body, text.Map)
	return body, m, true
}

// givenCTEs are the given rows in the target's own SQL.
func (c *compiler) givenCTEs(given map[string]input) []sql.CTE {
	var ctes []sql.CTE
	for _, key := range slices.Sorted(maps.Keys(given)) {
		in := given[key]
		if in.body != "" {
			ctes = append(ctes, sql.CTE{Name: c.target.Dialect.Ident(in.cte), SQL: in.body})
			continue
		}
		ctes = append(ctes, sql.CTE{Name: c.target.Dialect.Ident(in.cte), SQL: datatest.RowsSQL(plain(in.columns), in.rows, c.target.Dialect)})
	}
	return ctes
}

// expectation fills the expected rows, over the columns that they mention.
func (c *compiler) expectation(ctx context.Context, t *UnitTest, u *unit, w *project.UnitTest) bool {
	columns := u.Columns
	if u.Edges != nil {
		columns = u.Edges // it is the query that is tested
	}
	if u.Unanalyzed != "" {
		columns = nil
	}
	mentioned := columnsOfRows(w.Expect)
	body, has := "", []Column(nil)
	if w.ExpectAs.Format == "sql" {
		var ok bool
		if body, has, ok = c.stated(ctx, u, w, w.ExpectAs); !ok {
			return false
		}
		mentioned = has
	}
	if len(mentioned) == 0 {
		// «No rows»: all columns are compared.
		mentioned = columns
	}
	if len(mentioned) == 0 {
		c.diags.Add(expectNothing(w))
		return false
	}
	for _, m := range mentioned {
		if columns == nil {
			t.Columns = append(t.Columns, m)
			continue
		}
		i := slices.IndexFunc(columns, func(col Column) bool { return strings.EqualFold(col.Name, m.Name) })
		if i < 0 {
			c.diags.Add(cellUnknown(m.Name, u.ID.Name, w.ExpectAt, columns))
			return false
		}
		t.Columns = append(t.Columns, columns[i])
	}
	if body != "" {
		t.ExpectSQL = body
		if len(has) > 0 {
			t.ExpectSQL = c.over(body, has, t.Columns)
		}
		return true
	}
	for _, row := range w.Expect {
		values := make([]any, len(t.Columns))
		for i, col := range t.Columns {
			for name, cell := range row.Cells {
				if strings.EqualFold(name, col.Name) {
					values[i] = cell.V
				}
			}
		}
		t.Expect = append(t.Expect, values)
	}
	t.ExpectSQL = datatest.RowsSQL(plain(t.Columns), w.Expect, c.target.Dialect)
	return true
}
