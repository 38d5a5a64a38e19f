package compile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// bindTests makes the data tests: those written in YAML and the singular ones.
func (c *compiler) bindTests() {
	for _, name := range slices.Sorted(maps.Keys(c.generics)) {
		c.generics[name].raw = project.Config{}
		c.testCalls(c.generics[name], c.generics[name].raw)
	}
	for _, u := range c.all {
		var written []*project.Test
		if u.Props != nil {
			written = slices.Concat(columnTests(u.Props.Columns), u.Props.Tests)
		} else if u.Source != nil {
			written = slices.Concat(columnTests(u.Source.Columns), u.Source.Tests)
		}
		for _, w := range written {
			c.bindTest(u, w)
		}
	}
	for _, f := range c.singular {
		c.bindSingular(f)
	}
	c.nameTests()
	c.nameFailures()
}

// nameFailures finds tests whose failing rows would be kept under a name that is taken: what
// stands there would be replaced. Names that tests have of themselves are in a schema of their
// own, and differ.
func (c *compiler) nameFailures() {
	taken := map[addr.Relation]string{}
	for _, u := range c.all {
		taken[c.relationKey(u.Relation)] = string(u.kind) + " " + strconv.Quote(u.ID.Name)
	}
	for _, t := range c.tests {
		if t.Config.Alias == "" && t.Config.Schema == "" {
			continue
		}
		rel := c.target.FailuresAt(t)
		key := c.relationKey(rel)
		if other := taken[key]; other != "" {
			c.diags.Add(failuresTwice(t, rel, other))
			continue
		}
		taken[key] = "test " + strconv.Quote(t.ID.Name)
	}
}

// FailuresSchema ends the schema that failing rows of tests are kept in.
const FailuresSchema = "test_failures"

// FailuresAt is where failing rows of a test are kept, if they are.
func (t Target) FailuresAt(test *Test) addr.Relation {
	out := addr.Relation{Database: t.Database, Schema: t.Schema + "_" + FailuresSchema, Name: test.ID.Name}
	if test.Config.Schema != "" {
		out.Schema = t.schema(test.Config.Schema)
	}
	if test.Config.Database != "" && !t.OneDatabase {
		out.Database = test.Config.Database
	}
	if test.Config.Alias != "" {
		out.Name = test.Config.Alias
	}
	return out
}

func columnTests(columns []*project.Column) []*project.Test {
	var out []*project.Test
	for _, col := range columns {
		out = append(out, col.Tests...)
	}
	return out
}

func (c *compiler) bindTest(u *unit, w *project.Test) {
	var own project.Config
	if g := c.generics[w.Kind.V]; g != nil {
		own = g.raw
	}
	cfg := c.testConfig(w.At.File, own, w.Config)
	if !cfg.enabled {
		return
	}
	customs := slices.Sorted(maps.Keys(c.generics))
	args, ds := datatest.Check(w, customs)
	c.diags.Add(ds...)
	c.diags.Add(cfg.diags...)
	if ds.HasErrors() || cfg.diags.HasErrors() {
		return
	}
	cfg.Tags = slices.Sorted(slices.Values(slices.Concat(cfg.Tags, inheritedTags(u, w.Column))))
	cfg.Tags = slices.Compact(cfg.Tags)
	t := &Test{
		Kind: datatest.Canonical(w.Kind.V), Node: u.ID, Column: w.Column, Args: args, Config: cfg.TestConfig,
		Path: u.Path, At: w.At, ArgAt: map[string]source.Span{}, Description: w.Description, Written: w,
	}
	if !w.At.IsZero() {
		t.Path = w.At.File.Path
	}
	for name, v := range w.Args {
		t.ArgAt[name] = v.At
	}
	t.ID = addr.Node{Kind: addr.Test, Name: w.Name.V}
	if u.Version != nil && w.Name.V != "" {
		t.ID.Name = project.FlatName(w.Name.V, u.Version.V.V) // each version has the test
	}
	parents := []addr.Node{u.ID}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		text, isText := args[name].(string)
		if !isText {
			continue
		}
		fn, names, err := datatest.ParseRef(text)
		if err != nil {
			continue
		}
		to, d := c.resolveText(fn, names, t.ArgAt[name])
		if d != nil {
			c.diags.Add(*d)
			return
		}
		parents = append(parents, to.ID)
		args[name] = to.ID
	}
	if g := c.generics[w.Kind.V]; g != nil {
		if !c.renderGeneric(t, g, u, &parents) {
			return
		}
	}
	c.addTest(t, parents)
}

// inheritedTags are the tags that a test has of what it is written at: of its column and, as in
// dbt, of a source, but not of a model.
func inheritedTags(u *unit, column string) []string {
	var out []string
	var columns []*project.Column
	switch {
	case u.Source != nil:
		out, columns = append(out, u.Source.Tags...), u.Source.Columns
	case u.Props != nil:
		columns = u.Props.Columns
	}
	for _, c := range columns {
		if column != "" && c.Name.V == column {
			out = append(out, c.Tags...)
		}
	}
	return out
}

// resolveText resolves a reference written as text in YAML: ref('x') or source('a','b').
func (c *compiler) resolveText(fn string, args []string, at source.Span) (*unit, *diag.Diagnostic) {
	if fn == "source" {
		return c.resolveSource(args[0], args[1], at)
	}
	anyArgs := make([]any, len(args))
	for i, a := range args {
		anyArgs[i] = a
	}
	return c.resolveRef(anyArgs, at, nil)
}

// renderGeneric renders a custom generic test: its dot has model, column and the arguments.
func (c *compiler) renderGeneric(t *Test, g *testFile, u *unit, parents *[]addr.Node) bool {
	model := placeholder(u.ID)
	if t.Config.Where != "" {
		// Without a name of its own: the test may give it one.
		model = fmt.Sprintf("(select * from %s where (%s\n))", model, t.Config.Where)
	}
	column := c.spell(c.testDialect(t)).Ident(t.Column)
	data := map[string]any{"model": model, "column": column, "column_name": column}
	for name, v := range t.Args {
		if to, isNode := v.(addr.Node); isNode {
			v = placeholder(to)
		}
		data[name] = v
	}
	return c.renderTest(t, g, data, parents)
}

// renderTest renders a singular or custom generic test with placeholders for relations.
func (c *compiler) renderTest(t *Test, f *testFile, data any, parents *[]addr.Node) bool {
	if f.template == nil || f.diags.HasErrors() {
		return false
	}
	ok := true
	for _, call := range f.template.Calls() {
		if call.Fn != "ref" && call.Fn != "source" || !call.Static {
			continue
		}
		to, d := c.resolveCall(call, nil)
		if d != nil {
			c.diags.Add(*d)
			ok = false
			continue
		}
		*parents = append(*parents, to.ID)
	}
	if !ok {
		return false
	}
	var ds diag.List
	env := c.env(nil, c.spell(c.testDialect(t)))
	resolve := func(to *unit, d *diag.Diagnostic) (string, error) {
		if d != nil {
			return "", *d
		}
		*parents = append(*parents, to.ID)
		return placeholder(to.ID), nil
	}
	env.Ref = func(args []any) (string, error) { return resolve(c.resolveRef(args, source.Span{}, nil)) }
	env.Source = func(s, table string) (string, error) { return resolve(c.resolveSource(s, table, source.Span{})) }
	env.Data = data
	text, more := f.template.Render(env)
	ds.Add(more...)
	for i := range ds {
		ds[i].Model = t.ID
	}
	c.diags.Add(ds...)
	if ds.HasErrors() {
		return false
	}
	t.SQL, t.Map = lexis(c.testDialect(t)).Trim(text.Body, text.Map)
	c.testNames(t)
	if strings.TrimSpace(t.SQL) == "" {
		c.diags.Add(testEmpty(f.file.Source.Whole()))
		return false
	}
	return true
}

// testNames lets the query of a test call columns by the name of their table: a test reads the text
// of an ephemeral model, and the table that is not published yet, which has another name.
func (c *compiler) testNames(t *Test) {
	s := c.spell(c.testDialect(t))
	quote := s.Ident("")[:1]
	var aliases []sql.Alias
	var tables []string
	var nodes []addr.Node
	for i, text := range strings.Split(t.SQL, mark) {
		if i%2 == 0 {
			continue // between placeholders
		}
		id, err := addr.ParseNode(text)
		to := c.lookup(id)
		if err != nil || to == nil {
			return
		}
		name := c.tableName(to)
		a := sql.Alias{Table: quote + id.String() + quote, Name: name, Spelled: s.Ident(name), Real: to.Config.Materialized != "ephemeral"}
		if strings.Contains(t.SQL, a.Table) {
			return // the user's own
		}
		tables = append(tables, a.Table)
		aliases = appendAlias(aliases, a)
		nodes = append(nodes, id)
	}
	// As names in quotes, which are as long, the placeholders are tokens.
	body, m := lexis(c.testDialect(t)).AddAliases(strings.ReplaceAll(t.SQL, mark, quote), t.Map, aliases, c.columnless(nodes))
	for _, table := range tables {
		body = strings.ReplaceAll(body, table, mark+table[1:len(table)-1]+mark)
	}
	t.SQL, t.Map = body, m
}

// testCalls reads the config calls of the file of a test over what raw holds.
func (c *compiler) testCalls(f *testFile, raw project.Config) {
	if f.template == nil {
		return
	}
	for _, call := range f.template.Calls() {
		if call.Fn != "config" {
			continue
		}
		for i := 0; i+1 < len(call.Args); i += 2 {
			key, _ := call.Args[i].Value.(string)
			v, d := project.CheckConfig(key, call.Args[i+1].Value, addr.Test, call.Args[i].Span)
			if d != nil {
				c.diags.Add(*d)
				continue
			}
			known, _ := project.LookupKey(key, addr.Test)
			merge(raw, addr.Test, project.Config{known.Name: {V: v, At: call.Span}})
		}
	}
}

func (c *compiler) bindSingular(f *testFile) {
	t := &Test{ID: addr.Node{Kind: addr.Test, Name: f.file.Name}, Kind: "singular", Path: f.file.Source.Path, At: f.file.Source.Whole()}
	raw := project.Config{}
	for _, p := range c.project.TestProps {
		if p.Name.V == f.file.Name {
			t.Description = p.Description.V
			merge(raw, addr.Test, p.Config)
		}
	}
	if f.template == nil {
		return
	}
	c.testCalls(f, raw)
	cfg := c.testConfig(f.file.Source, raw)
	c.diags.Add(cfg.diags...)
	if !cfg.enabled {
		return
	}
	t.Config = cfg.TestConfig
	if written := raw["where"]; written.IsSet() {
		c.diags.Add(whereOnSingular(written.At))
	}
	t.Config.Where = "" // a folder's is meant for the tests of relations
	var parents []addr.Node
	if !c.renderTest(t, f, nil, &parents) {
		return
	}
	if len(parents) == 0 {
		c.diags.Add(testReadsNothing(t))
	}
	c.addTest(t, parents)
}

func (c *compiler) addTest(t *Test, parents []addr.Node) {
	// What an ephemeral parent reads is what the test reads.
	for i := 0; i < len(parents); i++ {
		u := c.names[parents[i].Name]
		if parents[i].Kind == addr.Model && u.Config.Materialized == "ephemeral" {
			parents = append(parents, u.Parents...)
		}
	}
	slices.SortFunc(parents, addr.Node.Compare)
	t.Parents = slices.Compact(parents)
	h := &digest{}
	put(h, formatVersion, t.Kind, t.Node.String(), t.Column, lexis(c.testDialect(t)).Canonical(t.SQL), fmt.Sprint(t.Config.Severity, t.Config.WarnIf, t.Config.ErrorIf, t.Config.Where, t.Config.Limit, t.Config.FailCalc))
	for _, name := range slices.Sorted(maps.Keys(t.Args)) {
		put(h, name, fmt.Sprintf("%T %v", t.Args[name], t.Args[name]))
	}
	for _, p := range t.Parents {
		put(h, p.String(), c.lookup(p).Relation.String())
	}
	t.Fingerprint = h.fingerprint()
	t.Volatile = c.volatileTest(t)
	c.tests = append(c.tests, t)
}

// volatileTest are the functions in the words of a test whose value changes from call to call.
func (c *compiler) volatileTest(t *Test) []string {
	text := []string{t.SQL, t.Config.Where, t.Config.FailCalc}
	for _, name := range slices.Sorted(maps.Keys(t.Args)) {
		if s, ok := t.Args[name].(string); ok {
			text = append(text, s)
		}
	}
	found := lexis(c.testDialect(t)).Volatile(strings.Join(text, "\n"))
	if kind, ok := datatest.Lookup(t.Kind); ok && kind.Clock && c.generics[t.Kind] == nil {
		found = append(found, "current_timestamp")
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (c *compiler) lookup(n addr.Node) *unit {
	if n.Kind == addr.Source {
		return c.sources[n]
	}
	return c.names[n.Name]
}

// nameTests gives each test without a name dbt's style of name, and makes all names unique:
// equal ones get a part of the fingerprint.
func (c *compiler) nameTests() {
	count := map[string]int{}
	for _, t := range c.tests {
		if t.ID.Name == "" {
			t.ID = addr.Node{Kind: addr.Test, Name: testName(t)}
		}
		count[t.ID.Name]++
	}
	seen := map[addr.Node]*Test{}
	c.tests = slices.DeleteFunc(c.tests, func(t *Test) bool {
		if count[t.ID.Name] > 1 {
			t.ID.Name += "_" + t.Fingerprint[:8]
		}
		if first := seen[t.ID]; first != nil {
			c.diags.Add(testTwice(t, first))
			return true
		}
		seen[t.ID] = t
		return false
	})
	datatest.MarkTwins(c.tests)
	slices.SortFunc(c.tests, func(a, b *Test) int { return a.ID.Compare(b.ID) })
}

func testName(t *Test) string {
	node := t.Node.Name
	if t.Node.Kind == addr.Source {
		node = "source_" + node
	}
	node = strings.ReplaceAll(node, ".", "_") // of a source, or before a version
	parts := []string{t.Kind, node}
	if t.Column != "" {
		parts = append(parts, t.Column)
	}
	return strings.Join(parts, "_")
}

type checkedTestConfig struct {
	TestConfig
	enabled bool
	diags   diag.List
}

// testConfig resolves the configuration of a test that is written in file: the folders
// that the file lies in, general first, then the config calls of its kind, then what stands at
// the test.
func (c *compiler) testConfig(file *source.File, written ...project.Config) checkedTestConfig {
	out := checkedTestConfig{enabled: true, TestConfig: TestConfig{Severity: "error", WarnIf: "!= 0", ErrorIf: "!= 0", FailCalc: "count(*)"}}
	raw := project.Config{}
	if file != nil {
		s := c.project.Settings
		below := foldersBelow(file.Path, slices.Concat(s.TestPaths, s.ModelPaths, s.SeedPaths, s.SnapshotPaths))
		for _, layer := range c.layers(addr.Test, below) {
			merge(raw, addr.Test, layer)
		}
	}
	for _, layer := range written {
		merge(raw, addr.Test, layer)
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		v := raw[key]
		text, _ := v.V.(string)
		switch key {
		case "enabled":
			out.enabled, _ = v.V.(bool)
		case "severity":
			out.Severity = strings.ToLower(text)
		case "warn_if", "error_if":
			if _, err := datatest.ParseThreshold(text); err != nil {
				out.diags.Add(badThreshold(key, text, v.At))
			}
			if key == "warn_if" {
				out.WarnIf = text
			} else {
				out.ErrorIf = text
			}
		case "where":
			dialect, _ := raw["dialect"].V.(string)
			if dialect == "" {
				dialect = c.project.Settings.Dialect.V
			}
			out.Where = strings.Join(c.hooks(nil, c.spell(dialect), []string{text}, v.At), "")
		case "limit":
			out.Limit, _ = v.V.(int64)
		case "fail_calc":
			out.FailCalc = text
		case "dialect":
			out.Dialect = text
		case "store_failures":
			if _, also := raw["store_failures_as"].V.(string); !also {
				out.StoreFailures, _ = v.V.(bool)
				out.StoreNever = !out.StoreFailures
			}
		case "store_failures_as":
			out.StoreFailures = text == "table"
			out.StoreNever = !out.StoreFailures
		case "schema":
			out.Schema = text
		case "database":
			out.Database = text
		case "alias":
			out.Alias = text
		case "tags":
			out.Tags = texts(v.V)
		case "meta":
			out.Meta = dict(v.V)
		}
	}
	return out
}

func (c *compiler) bindExposures() {
	for _, e := range c.project.Exposures {
		if !e.Enabled {
			continue
		}
		x := &Exposure{ID: addr.Node{Kind: addr.Exposure, Name: e.Name.V}, Props: e}
		for _, dep := range e.DependsOn {
			fn, args, err := datatest.ParseRef(dep.V)
			if err != nil {
				c.diags.Add(badReference(dep))
				continue
			}
			to, d := c.resolveText(fn, args, dep.At)
			if d != nil {
				c.diags.Add(*d)
				continue
			}
			x.Parents = append(x.Parents, to.ID)
		}
		slices.SortFunc(x.Parents, addr.Node.Compare)
		x.Parents = slices.Compact(x.Parents)
		c.exposures = append(c.exposures, x)
	}
	slices.SortFunc(c.exposures, func(a, b *Exposure) int { return a.ID.Compare(b.ID) })
}
