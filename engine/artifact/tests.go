package artifact

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/project"
)

func (w *writer) tests(o *object) {
	for _, t := range w.p.Tests {
		if singular(t) {
			o.put(w.ids[t.ID], singularNode{common: w.testCommon(t), code: w.testCode(t)})
			continue
		}
		o.put(w.ids[t.ID], w.generic(t))
	}
}

func (w *writer) testCommon(t *compile.Test) common {
	short, name := t.DBTNames()
	c := common{
		Database:         w.database(addr.Relation{}),
		Schema:           w.p.Target.FailuresAt(t).Schema,
		Name:             name,
		ResourceType:     "test",
		PackageName:      w.project,
		Path:             short + ".sql",
		OriginalFilePath: t.Path,
		UniqueID:         w.ids[t.ID],
		FQN:              w.fqn(t.Path, name),
		Alias:            w.p.Target.FailuresAt(t).Name,
		Config:           testConfig(t),
		Tags:             list(t.Config.Tags),
		Description:      t.Description,
		Columns:          map[string]column{},
		Meta:             plainMap(t.Config.Meta),
		Docs:             docsConfig{Show: true},
		UnrenderedConfig: map[string]any{},
		CreatedAt:        w.m.epoch(),
		DocBlocks:        []string{},
		Checksum:         checksum{Name: "none"},
	}
	if singular(t) {
		c.Path = w.below(t.Path)
		c.RawCode, c.Checksum = raw(t.At.File)
	} else {
		namespace, kind := t.DBTKind()
		if namespace != "" {
			namespace += "."
		}
		c.RawCode = "{{ " + namespace + "test_" + kind + "(**_dbt_generic_test_kwargs) }}"
	}
	if node := w.p.Nodes[t.Node]; node != nil {
		c.Group = text(node.Config.Group)
	}
	if t.Config.StoreFailures {
		c.RelationName = text(w.quote(addr.Relation{Schema: c.Schema, Name: c.Alias}))
	}
	return c
}

func (w *writer) testCode(t *compile.Test) code {
	c := w.blankCode()
	for _, n := range w.testReads(t) {
		w.addRef(&c, n)
		if id := w.ids[n]; id != "" {
			c.DependsOn.Nodes = append(c.DependsOn.Nodes, id)
		}
	}
	if sql := w.testSQL(t); sql != "" {
		c.Compiled = true
		c.CompiledCode = text(sql)
		if singular(t) {
			c.CompiledPath = text(w.compiledPath(t.Path))
		}
	}
	return c
}

// testSQL is the query for failing rows over the published relations, "" for a test that
// cannot be rendered (the plan says why).
func (w *writer) testSQL(t *compile.Test) string {
	d := w.p.Target.Dialect
	read := func(n addr.Node) string {
		node := w.p.Nodes[n]
		switch {
		case node == nil:
			return d.Ident(n.Name)
		case node.Config.Materialized == "ephemeral":
			return "(" + node.SQL + "\n)"
		}
		return d.Quote(node.Relation)
	}
	in := datatest.In{Dialect: d, Read: read}
	if t.SQL != "" {
		in.Bound, in.Map = compile.Bind(t.SQL, t.Map, read)
	}
	q, ds := datatest.Render(t, in)
	if ds.HasErrors() {
		return ""
	}
	return q.Rows
}

// testReads lists what a test reads as dbt does: sources first, and the tested node last, for
// dbt-metabase finds the target of a foreign key by this order.
func (w *writer) testReads(t *compile.Test) []addr.Node {
	out := slices.DeleteFunc(slices.Clone(t.Parents), func(n addr.Node) bool { return n == t.Node })
	if !t.Node.IsZero() {
		out = append(out, t.Node)
	}
	slices.SortStableFunc(out, func(a, b addr.Node) int {
		switch {
		case (a.Kind == addr.Source) == (b.Kind == addr.Source):
			return 0
		case a.Kind == addr.Source:
			return -1
		}
		return 1
	})
	return out
}

func (w *writer) generic(t *compile.Test) genericNode {
	namespace, kind := t.DBTKind()
	g := genericNode{
		common: w.testCommon(t), code: w.testCode(t), ColumnName: text(t.Column),
		TestMetadata: testMetadata{Name: kind, Kwargs: plainMap(kwargs(w.p, t)), Namespace: text(namespace)},
	}
	switch t.Node.Kind {
	case addr.Source:
		g.FileKeyName = "sources." + sourcePair(w.p, t.Node)[0]
	default:
		g.FileKeyName = string(t.Node.Kind) + "s." + t.Node.Name
		if n := w.p.Nodes[t.Node]; n != nil && n.Version != nil {
			g.FileKeyName = string(t.Node.Kind) + "s." + n.Version.Model
		}
		g.AttachedNode = text(w.ids[t.Node])
	}
	return g
}

func testConfig(t *compile.Test) map[string]any {
	c := t.Config
	severity := "ERROR" // dbt's word where nothing is said
	if c.Severity != "" && c.Severity != "error" {
		severity = c.Severity
	}
	if t.Written != nil {
		if said, ok := t.Written.Config["severity"].V.(string); ok {
			severity = said
		}
	}
	out := map[string]any{
		"enabled": true, "alias": text(c.Alias), "schema": orElse(c.Schema, compile.FailuresSchema), "database": text(c.Database), "tags": list(c.Tags), "meta": plainMap(c.Meta),
		"group": nil, "materialized": "test", "severity": severity, "store_failures": nil, "store_failures_as": nil,
		"where": text(c.Where), "limit": nil, "fail_calc": orElse(c.FailCalc, "count(*)"),
		"warn_if": orElse(c.WarnIf, "!= 0"), "error_if": orElse(c.ErrorIf, "!= 0"), "sql_header": nil, "static_analysis": nil,
	}
	if c.Limit > 0 {
		out["limit"] = c.Limit
	}
	if c.StoreFailures {
		out["store_failures"], out["store_failures_as"] = true, "table"
	} else if c.StoreNever {
		out["store_failures"], out["store_failures_as"] = false, "ephemeral"
	}
	return out
}

func (w *writer) unitTests(o *object) {
	written := map[string]*project.UnitTest{}
	for _, u := range w.p.Project.UnitTests {
		written[u.Name.V] = u
	}
	for _, u := range w.p.UnitTests {
		if from := written[u.ID.Name]; from != nil {
			o.put(w.ids[u.ID], w.unitTest(u, from))
		}
	}
}

func (w *writer) unitTest(u *compile.UnitTest, from *project.UnitTest) unitTestNode {
	file := fileOf(from.At.File, from.Name.At.File)
	out := unitTestNode{
		Model:            u.Node.Name,
		Given:            make([]unitTestGiven, len(from.Given)),
		Expect:           stated(from.Expect, from.ExpectAs),
		Name:             w.unitTestName(u),
		ResourceType:     "unit_test",
		PackageName:      w.project,
		Path:             w.below(file),
		OriginalFilePath: file,
		UniqueID:         w.ids[u.ID],
		FQN:              w.fqn(file, modelName(w.p, u.Node), w.unitTestName(u)),
		Description:      u.Description,
		Overrides:        unitTestOverrides{Macros: map[string]any{}, Vars: plainMap(from.Overrides.Vars), EnvVars: plainMap(from.Overrides.EnvVars)},
		DependsOn:        dependsOn{Macros: []string{}, Nodes: w.sortedIDs([]addr.Node{u.Node})},
		Config:           map[string]any{"tags": list(u.Tags), "meta": plainMap(from.Meta), "enabled": true, "static_analysis": nil},
		Checksum:         text(u.Fingerprint),
		Schema:           text(w.schemaOf(u.Node)),
		CreatedAt:        w.m.epoch(),
	}
	for i, g := range from.Given {
		as := stated(g.Rows, g.As)
		out.Given[i] = unitTestGiven{Input: g.Input.V, Rows: as.Rows, Format: as.Format, Fixture: as.Fixture}
	}
	if n := w.p.Nodes[u.Node]; n != nil && n.Version != nil {
		out.Model, out.Version = n.Version.Model, versionNumber(n.Version.V.V)
	}
	if v := from.Overrides.IsIncremental; v != nil {
		out.Overrides.Macros["is_incremental"] = *v
	}
	return out
}

// stated is rows as they are written. Those of CSV are given as rows, like dbt does.
func stated(in []project.Row, as project.Stated) unitTestRows {
	out := unitTestRows{Rows: rows(in), Format: "dict", Fixture: text(as.Fixture.V)}
	if as.Format == "sql" {
		out.Rows, out.Format = as.SQL.V, "sql"
	}
	return out
}

// unitTestName is the name as written: of tests of versions, the id has the version behind it.
func (w *writer) unitTestName(u *compile.UnitTest) string {
	if n := w.p.Nodes[u.Node]; n != nil && n.Version != nil {
		return strings.TrimSuffix(u.ID.Name, project.FlatName("", n.Version.V.V))
	}
	return u.ID.Name
}

func rows(in []project.Row) []map[string]any {
	out := make([]map[string]any, len(in))
	for i, r := range in {
		out[i] = make(map[string]any, len(r.Cells))
		for name, cell := range r.Cells {
			out[i][name] = plain(cell.V)
		}
	}
	return out
}
