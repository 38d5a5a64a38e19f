package compile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/isolation"
	"github.com/engine-build/engine/engine/lint"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/warehouse"
)

// Google is what it takes to compile GoogleSQL.
type Google struct {
	// Speller writes references into GoogleSQL text.
	Speller warehouse.Speller
	// Sessions analyze; nil leaves GoogleSQL models unanalyzed.
	Sessions *googlesql.Pool
	// Translator writes GoogleSQL anew for the target; nil where the target reads it itself.
	Translator transpile.Target
	// Cache keeps what analysis found from one compilation to the next; nil keeps nothing.
	Cache Cache
}

// dialectOf is the language of a node's SQL.
func (c *compiler) dialectOf(cfg Config) string {
	if cfg.Dialect != "" {
		return cfg.Dialect
	}
	return c.project.Settings.Dialect.V
}

// spell writes names as a dialect does. Text in the target's own language is spelled by
// the target.
func (c *compiler) spell(dialect string) warehouse.Speller {
	if dialect == project.GoogleSQL && c.options.Google != nil {
		return c.options.Google.Speller
	}
	return c.target.Dialect
}

// lexis is how text of a dialect falls into tokens.
func lexis(dialect string) sql.Lexis {
	if dialect == project.GoogleSQL || dialect == "bigquery" {
		return sql.GoogleSQL
	}
	return sql.Standard
}

// google reports whether the unit's text is GoogleSQL that the engine understands.
func (c *compiler) google(u *unit) bool {
	return u.Dialect == project.GoogleSQL && c.options.Google != nil && !u.plain
}

// chooseDialects gives every text its language.
func (c *compiler) chooseDialects() {
	for _, u := range c.all {
		if u.kind != addr.Model && u.kind != addr.Snapshot && u.kind != addr.Analysis {
			continue
		}
		u.Dialect = c.dialectOf(u.Config)
		at := u.Raw["dialect"].At
		if at.IsZero() {
			at = c.project.Settings.Dialect.At
		}
		if at.IsZero() {
			at = u.at
		}
		if d := c.checkDialect(u.Dialect, at); d != nil {
			d.Model = u.ID
			u.diags.Add(*d)
		}
	}
}

// checkMixed finds ephemeral models in another language than the text that they become
// part of.
func (c *compiler) checkMixed(u *unit, ephemeral []addr.Node) {
	for _, id := range ephemeral {
		e := c.byID[id]
		if e.Dialect == u.Dialect || c.bad[id] {
			continue
		}
		at := u.at
		for _, r := range u.Refs {
			if r.To == id {
				at = r.Span
			}
		}
		u.diags.Add(dialectMixed(u, e, at))
	}
}

// analyzeGoogle finds the columns of a GoogleSQL node and writes it for the target.
func (c *compiler) analyzeGoogle(ctx context.Context, u *unit) {
	if c.options.Google.Sessions == nil {
		u.Unanalyzed = "analysis is off"
		return
	}
	q := query{text: u.Text, m: u.TextMap, at: u.at, node: u.ID, reads: c.readBy(u), loose: u.inline(), stored: u.stored(), judged: c.isolated()}
	a, ok := c.settle(ctx, u, q)
	if !ok {
		return
	}
	u.SQL, u.Map, u.Needs, u.Lineage = a.SQL, a.Map, a.Needs, a.Lineage
	full := a.meant
	c.prove(u, q, a.verdict)
	u.takeFindings(a.findings, q.m)
	found := a.Columns
	if u.Config.Materialized == Ancestry {
		if found, ok = c.closed(u, found); !ok {
			u.Unanalyzed = "it has an error"
			return
		}
	}
	if u.kind == addr.Snapshot {
		found = append(found, snapshotColumns(c.target.Dialect.Words(), u.Config)...)
	}
	c.takeColumns(u, found)
	if u.IncrementalText != "" {
		q.text, q.m, q.self = u.IncrementalText, u.IncrementalTextMap, u
		if a.verdict != nil {
			q.start = a.verdict.Facts
		}
		if a, ok = c.settle(ctx, u, q); !ok {
			return
		}
		c.prove(u, q, a.verdict)
		u.IncrementalSQL, u.IncrementalMap, u.IncrementalLineage = a.SQL, a.Map, a.Lineage
		u.takeMeaning(full, a.meant)
		u.takeFindings(a.findings, q.m)
		u.Needs = append(u.Needs, a.Needs...)
		slices.Sort(u.Needs)
		u.Needs = slices.Compact(u.Needs)
	} else {
		u.takeMeaning(full)
	}
	if c.nativelyRead[u.ID] && u.Config.Materialized != "ephemeral" { // which has no relation; see checkMixed
		c.declare(ctx, u, plain(u.Columns), u.at)
	}
}

// settle asks, and notes in the unit what is wrong.
func (c *compiler) settle(ctx context.Context, u *unit, q query) (answer, bool) {
	a, why, ds := c.ask(ctx, q)
	u.diags.Add(ds...)
	if why == "" && ds.HasErrors() {
		why = "it has an error"
	}
	if why != "" {
		u.Unanalyzed = why
		if why != "it has an error" {
			u.Opaque = why
		}
		return a, false
	}
	return a, true
}

// readBy are the nodes whose relations the text of u names: its parents, and through
// ephemeral ones theirs.
func (c *compiler) readBy(u *unit) []addr.Node {
	var out []addr.Node
	for _, p := range u.Parents {
		if slices.Contains(u.referred, p) {
			continue
		}
		out = append(out, p)
		if parent := c.byID[p]; parent.Config.Materialized == "ephemeral" {
			out = append(out, c.readBy(parent)...)
		}
	}
	return sortReads(out)
}

// judgedNatively reports whether the target's own analyzer has to hear of these columns of u:
// something that is not GoogleSQL reads them, or there is something wrong in them that it alone
// can tell. Opening it takes longer than all the rest of a compilation that finds nothing new.
func (c *compiler) judgedNatively(u *unit, columns []warehouse.Column) bool {
	seen := make(map[string]bool, len(columns))
	for _, col := range columns {
		name := strings.ToLower(col.Name)
		if name == "" || seen[name] || !c.certain(col.Type) {
			return true
		}
		seen[name] = true
	}
	return len(columns) == 0 || c.nativelyRead[u.ID]
}

// certain reports whether a type of the target is one that the translation writes itself.
func (c *compiler) certain(native string) bool {
	t := c.googleType(native)
	if t == nil || c.options.Google.Translator == nil {
		return false
	}
	written, err := c.options.Google.Translator.Type(t)
	return err == nil && strings.EqualFold(written, native)
}

// stored reports whether the rows of the query are kept in a table.
func (u *unit) stored() bool {
	return u.kind == addr.Snapshot || u.kind == addr.Model && (u.Config.Materialized == "table" || u.Config.Materialized == "incremental")
}

// inline reports whether the text was given on the command line.
func (u *unit) inline() bool { return strings.HasPrefix(u.Path, "--") }

// googleType is the GoogleSQL type of a type of the target, nil if there is none.
func (c *compiler) googleType(native string) *ir.Type {
	if c.options.Google == nil || native == "" {
		return nil
	}
	if tr := c.options.Google.Translator; tr != nil {
		if t, ok := tr.Parse(native); ok {
			return t
		}
		return nil
	}
	return c.typeNamed(native)
}

// typed gives a declared column its types. In a project of GoogleSQL data_type is
// GoogleSQL's, or the target's where it is no name of a GoogleSQL type.
func (c *compiler) typed(col *Column) *diag.Diagnostic {
	g := c.options.Google
	if g == nil {
		return nil
	}
	if c.project.Settings.Dialect.V != project.GoogleSQL {
		col.Google = c.googleType(col.Type)
		return nil
	}
	t, _, err := googlesql.ParseType(col.Type)
	if err != nil {
		if g.Translator != nil {
			if t, ok := g.Translator.Parse(col.Type); ok {
				col.Google = t
				return nil
			}
		}
		d := dataTypeUnknown(*col, err)
		return &d
	}
	col.Google = t
	if g.Translator != nil {
		if native, err := g.Translator.Type(t); err == nil {
			col.Type = native
		}
	}
	return nil
}

// seedTypes turns the column_types of a seed into types of the target.
func (c *compiler) seedTypes(u *unit) {
	g := c.options.Google
	if g == nil || g.Translator == nil || c.project.Settings.Dialect.V != project.GoogleSQL {
		return
	}
	for name, written := range u.Config.ColumnTypes {
		if t, _, err := googlesql.ParseType(written); err == nil {
			if native, err := g.Translator.Type(t); err == nil {
				u.Config.ColumnTypes[name] = native
			}
		}
	}
}

// zoned makes the times that were found in a file of a GoogleSQL project points in time,
// in UTC where the file names no zone, as BigQuery's own detection does.
func (c *compiler) zoned(u *unit, found []warehouse.Column) {
	g := c.options.Google
	if g == nil || g.Translator == nil || c.project.Settings.Dialect.V != project.GoogleSQL {
		return
	}
	point, err := g.Translator.Type(&ir.Type{Kind: ir.Timestamp})
	if err != nil {
		return
	}
	for i := range found {
		if _, written := columnType(u.Config.ColumnTypes, found[i].Name); written {
			continue
		}
		if t := c.googleType(found[i].Type); t != nil && t.Kind == ir.Datetime {
			found[i].Type = point
		}
	}
}

func columnType(types map[string]string, name string) (string, bool) {
	for n, t := range types {
		if strings.EqualFold(n, name) {
			return t, true
		}
	}
	return "", false
}

// checkDialect finds SQL in a language that the target does not speak.
func (c *compiler) checkDialect(dialect string, at source.Span) *diag.Diagnostic {
	if dialect == c.target.Dialect.Name() {
		return nil
	}
	if dialect == project.GoogleSQL && c.options.Google != nil {
		return nil
	}
	d := dialectOther(dialect, c.target.Name, c.target.Dialect.Name(), at)
	return &d
}

// query is one GoogleSQL text to analyze and to translate.
type query struct {
	text string
	m    *source.Map
	at   source.Span // where mistakes without a place stand
	node addr.Node   // whose mistakes they are
	// reads are the nodes whose relations the text may name.
	reads []addr.Node
	// given are relations by other names: the rows of a unit test.
	given []given
	// self is the node's own relation with its columns, for the incremental text.
	self *unit
	// stored: the rows become those of a table.
	stored bool
	// loose: the result is no relation, so its columns need no names.
	loose bool
	// judged: it is asked whose rows it yields; start is what is known of those that self holds.
	judged bool
	start  isolation.Facts
	// table spells the relation of a node in the target; nil: its quoted name.
	table func(addr.Node) string
}

type given struct {
	name    string // as the text names it, and the target
	columns []Column
}

// answer is what came of a query.
type answer struct {
	Columns []Column
	SQL     string
	Map     *source.Map
	Needs   []string
	Lineage *Lineage
	// meant is what it means, as record says.
	meant  meant
	record []byte
	// verdict says whose rows it yields; nil where nobody asked.
	verdict *isolation.Verdict
	// findings are suspicious places of the query's text.
	findings []lint.Finding
	// places relates ranges of SQL to ranges of the query's text.
	places []transpile.Range
}

// ask analyzes and translates. It returns the reason when the text cannot be analyzed
// although it may be right.
func (c *compiler) ask(ctx context.Context, q query) (a answer, unknown string, ds diag.List) {
	key := ""
	tables, spelled, why := c.tables(q)
	if why != "" {
		return a, why, nil
	}
	given := c.given(q, tables)
	if c.options.Google.Cache != nil {
		key = cacheKey(c.target.Dialect.Name(), q, c.functionTexts(q.text), tables, spelled, given)
		if kept, ok := c.recall(key, q, tables); ok {
			return kept, "", nil
		}
	}
	var found *googlesql.Analysis
	err := c.options.Google.Sessions.Do(func(s *googlesql.Session) error {
		c.teach(s)
		// What other queries read must not make this one right.
		known := make([]googlesql.Table, len(tables))
		for i, t := range tables {
			known[i] = t.Table
		}
		err := s.Only(known)
		if err != nil {
			return err
		}
		found, err = s.Analyze(q.text)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return a, "interrupted", nil
		}
		why, ds := c.refused(q, err)
		return a, why, ds
	}
	stmt, ok := found.Stmt.(*ir.Query)
	if !ok {
		return a, "", diag.List{notQuery(q, found.Stmt.Kind())}
	}
	a.Columns, ds = c.outputs(q, stmt)
	if ds.HasErrors() {
		return a, "", ds
	}
	ds.Add(c.leftOut(q, tables)...)
	a.Lineage = &Lineage{of: origin.Of(stmt)}
	a.findings = lint.Of(stmt, q.text)
	a.record = c.understand(stmt, q, tables)
	a.meant, _ = understood(string(a.record), q, tables)
	a.verdict = c.verdict(stmt, q, tables, given)
	if more := c.translate(&a, stmt, q, tables, spelled); more.HasErrors() {
		return a, "", append(ds, more...)
	}
	if key != "" && len(ds) == 0 {
		c.keep(key, a)
	}
	c.placed(&a, q)
	return a, "", ds
}

// leftOut finds columns that the stars of a query stand for in the target, but not here,
// since GoogleSQL lacks their types. The query is right without them, so that it names none
// of them: whatever comes out when they are there is a star's doing.
func (c *compiler) leftOut(q query, tables []table) diag.List {
	if q.loose || !slices.ContainsFunc(tables, func(t table) bool { return len(t.foreign) > 0 }) {
		return nil
	}
	known := make([]googlesql.Table, len(tables))
	for i, t := range tables {
		known[i] = t.Table
		known[i].Columns = slices.Clip(known[i].Columns)
		for _, col := range t.foreign {
			known[i].Columns = append(known[i].Columns, googlesql.Column{Name: col.Name, Type: ir.TypeOf(ir.String)})
		}
	}
	var found *googlesql.Analysis
	err := c.options.Google.Sessions.Do(func(s *googlesql.Session) error {
		err := s.Only(known)
		if err == nil {
			found, err = s.Analyze(q.text)
		}
		return err
	})
	if err != nil {
		return nil // with them it would mean something else
	}
	stmt, ok := found.Stmt.(*ir.Query)
	if !ok {
		return nil
	}
	read := map[[2]string]bool{}
	for _, out := range origin.Of(stmt).Columns {
		for _, from := range out.Sources {
			if len(from.Path) > 0 {
				read[[2]string{from.Table, strings.ToLower(from.Path[0])}] = true
			}
		}
	}
	var ds diag.List
	for _, t := range tables {
		var lost []Column
		for _, col := range t.foreign {
			if read[[2]string{t.Name, strings.ToLower(col.Name)}] {
				lost = append(lost, col)
			}
		}
		if len(lost) > 0 {
			ds.Add(columnsLeftOut(q, t.of, lost))
		}
	}
	return ds
}

// table is a relation that a query reads, as declared and as the target has it.
type table struct {
	googlesql.Table
	native  []string // the target's types of the columns; "" where they are as translated
	foreign []Column // columns of types that GoogleSQL lacks: unknown to the analyzer
	of      *unit    // nil for given rows
}

// tables are the relations that the query may name. spelled leads from their declared
// names to how the target reads them.
func (c *compiler) tables(q query) (tables []table, spelled map[string]string, why string) {
	spelled = make(map[string]string, len(q.reads)+1)
	add := func(name, native string, of *unit, columns []Column) {
		t := table{Table: googlesql.Table{Name: name}, of: of}
		for _, col := range columns {
			if col.Google == nil {
				// What names it is told so by the analyzer, see foreignColumn; a star is not.
				t.foreign = append(t.foreign, col)
				continue
			}
			t.Columns = append(t.Columns, googlesql.Column{Name: col.Name, Type: col.Google})
			t.native = append(t.native, c.cast(col))
		}
		tables = append(tables, t)
		spelled[name] = native
	}
	node := func(u *unit, at addr.Relation, columns []Column) {
		native := c.target.Dialect.Quote(at)
		if q.table != nil {
			native = q.table(u.ID)
		}
		add(pathOf(at), native, u, columns)
	}
	for _, id := range q.reads {
		u := c.lookup(id)
		if u.Config.Materialized == "ephemeral" {
			continue // its text is part of the query's
		}
		if u.Unanalyzed != "" {
			return nil, nil, unknownParent(u)
		}
		node(u, c.place(u), u.Columns)
	}
	if q.self != nil {
		node(q.self, q.self.Relation, q.self.Columns)
	}
	for _, g := range q.given {
		add(g.name, c.target.Dialect.Ident(g.name), nil, g.columns)
	}
	slices.SortFunc(tables, func(a, b table) int { return strings.Compare(a.Name, b.Name) })
	return tables, spelled, ""
}

// unknownParent says why what reads u cannot be analyzed.
func unknownParent(u *unit) string {
	if strings.HasPrefix(u.Unanalyzed, "it reads ") {
		return u.Unanalyzed
	}
	return "it reads " + u.ID.Name + ", which is not analyzed: " + u.Unanalyzed
}

// pathOf is the relation as the analyzer names it.
func pathOf(r addr.Relation) string {
	out := r.Name
	if r.Schema != "" {
		out = r.Schema + "." + out
	}
	if r.Database != "" {
		out = r.Database + "." + out
	}
	return out
}

// cast is the target's type that values of the column have to be cast to before
// translated SQL may read them, "" if they are of that type.
func (c *compiler) cast(col Column) string {
	tr := c.options.Google.Translator
	if tr == nil {
		return ""
	}
	want, err := tr.Type(col.Google)
	if err != nil || strings.EqualFold(want, col.Type) {
		return ""
	}
	return want
}

// outputs are the columns of the query's result, which need names to be those of a
// relation. A result that is none gets names where it has none.
func (c *compiler) outputs(q query, stmt *ir.Query) ([]Column, diag.List) {
	if q.loose {
		nameOutputs(stmt)
	}
	var ds diag.List
	var out []Column
	seen := map[string]bool{}
	for i, o := range stmt.Output {
		switch folded := strings.ToLower(o.Name); {
		case o.Name == "" || strings.HasPrefix(o.Name, "$"):
			ds.Add(columnUnnamed(q.output(stmt, i), i+1))
		case seen[folded]:
			ds.Add(columnTwice(q.output(stmt, i), o.Name))
		default:
			seen[folded] = true
			col := Column{Name: o.Name, Google: o.Column.Type, Type: o.Column.Type.String()}
			if tr := c.options.Google.Translator; tr != nil {
				native, err := tr.Type(o.Column.Type)
				if err != nil {
					ds.Add(typeRefused(q.output(stmt, i), o.Name, o.Column.Type, c.target.Dialect.Name()))
					continue
				}
				col.Type = native
			}
			out = append(out, col)
		}
	}
	return out, ds
}

// output is the query, at the place of one of its columns where that can be told.
func (q query) output(stmt *ir.Query, i int) query {
	items := sql.GoogleSQL.Items(q.text)
	if len(items) == len(stmt.Output) {
		if at, ok := q.m.At(items[i][0], items[i][1]); ok {
			q.at = at
		}
	}
	return q
}

// nameOutputs gives every output column a name of its own.
func nameOutputs(stmt *ir.Query) {
	stmt.ValueTable = false
	seen := map[string]bool{}
	for i := range stmt.Output {
		o := &stmt.Output[i]
		if o.Name == "" || strings.HasPrefix(o.Name, "$") {
			o.Name = fmt.Sprintf("_col%d", i+1)
		}
		base := o.Name
		for n := 2; seen[strings.ToLower(o.Name)]; n++ {
			o.Name = fmt.Sprintf("%s_%d", base, n)
		}
		seen[strings.ToLower(o.Name)] = true
	}
}

// translate writes the query for the target.
func (c *compiler) translate(a *answer, stmt *ir.Query, q query, tables []table, spelled map[string]string) diag.List {
	tr := c.options.Google.Translator
	if tr == nil {
		return c.ownFunctions(q)
	}
	res, err := tr.Statement(stmt, transpile.Options{Stored: q.stored, Table: func(t *ir.Table) (string, error) {
		native, ok := spelled[t.Name]
		if !ok {
			return "", fmt.Errorf("no relation is known as %s", t.Name)
		}
		i := slices.IndexFunc(tables, func(k table) bool { return k.Name == t.Name })
		// What the warehouse says of the relation leads back to where it is named.
		return c.adapted(transpile.Mark(native, t.At()), tables[i], t.Names), nil
	}})
	var refusals transpile.Refusals
	switch {
	case errors.As(err, &refusals):
		var ds diag.List
		for _, r := range refusals {
			ds.Add(constructRefused(q, r, c.target.Dialect.Name()))
		}
		return ds
	case err != nil:
		return diag.List{internal(q.at, "translate", err.Error())}
	}
	a.SQL, a.Needs, a.places = res.SQL, res.Needs, res.Map
	return nil
}

// ownFunctions refuses calls of the project's functions in text that passes to the target
// as it is: elsewhere their bodies become part of the translated text.
func (c *compiler) ownFunctions(q query) diag.List {
	var ds diag.List
	for _, f := range c.functions {
		call := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(f.name) + `\s*\(`).FindStringIndex(q.text)
		if f.name == "" || call == nil {
			continue
		}
		ds.Add(constructRefused(q, &transpile.Refusal{What: "the project's function " + f.name, Why: "the engine makes no functions there, and the model's text is sent as it is", At: ir.Span{Start: call[0], End: call[0] + len(f.name)}}, c.target.Dialect.Name()))
	}
	return ds
}

// adapted reads a relation so that its columns have the types that translated SQL counts
// on: a table of the user's may hold an INTEGER where GoogleSQL knows INT64 only.
func (c *compiler) adapted(native string, t table, names []string) string {
	d := c.target.Dialect
	wrong := false
	items := make([]string, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(t.Columns, func(col googlesql.Column) bool { return strings.EqualFold(col.Name, name) })
		item := d.Ident(name)
		if i >= 0 && t.native[i] != "" {
			wrong = true
			item = d.Words().Cast(d.Ident(name), t.native[i]) + " as " + item
		}
		items = append(items, item)
	}
	if !wrong {
		return native
	}
	return "(select " + strings.Join(items, ", ") + " from " + native + ")"
}

// placed gives the answer the map from its SQL through the GoogleSQL text to the user's file.
func (c *compiler) placed(a *answer, q query) {
	if c.options.Google.Translator == nil {
		a.SQL, a.Map = q.text, q.m
		return
	}
	a.Map = &source.Map{}
	at := 0
	put := func(end int, from ir.Span) {
		if end <= at {
			return
		}
		if span, ok := q.m.At(from.Start, from.End); ok {
			a.Map.Append(source.Segment{Start: at, End: end, Src: span})
		}
		at = end
	}
	// The ranges nest; each byte belongs to the innermost one around it.
	var around []transpile.Range
	for _, r := range a.places {
		for len(around) > 0 && around[len(around)-1].End <= r.Start {
			put(around[len(around)-1].End, around[len(around)-1].Source)
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			put(r.Start, around[len(around)-1].Source)
		}
		at = max(at, r.Start)
		around = append(around, r)
	}
	for i := len(around) - 1; i >= 0; i-- {
		put(around[i].End, around[i].Source)
	}
}

// refused words what the analyzer says of a text.
func (c *compiler) refused(q query, err error) (unknown string, ds diag.List) {
	var mistakes googlesql.Errors
	var lacks *googlesql.Unsupported
	switch {
	case errors.As(err, &mistakes):
		for _, e := range mistakes {
			ds.Add(c.mistake(q, e))
		}
		return "it has an error", ds
	case errors.As(err, &lacks):
		if c.options.Google.Translator == nil {
			return lacks.Error(), nil
		}
		return "it has an error", diag.List{notAnalyzed(q, lacks.Error(), c.target.Dialect.Name())}
	default:
		return "it has an error", diag.List{analyzerFault(q, err)}
	}
}
