package compile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Contract is what a model promises its readers.
type Contract struct {
	Enforced bool
	// Literal: a type has to be written by its own name, no alias is as good.
	Literal bool
	// Ordered: the order of the columns is promised too.
	Ordered bool
	// Protected are the columns that may not go away or change their type without a new
	// version, sorted, as they are written; it holds without Enforced as well.
	Protected []string
}

// Any reports whether anything is promised.
func (c Contract) Any() bool { return c.Enforced || len(c.Protected) > 0 }

// Promised is a column of an enforced contract.
type Promised struct {
	Name string
	// Type is in the target's spelling, Written as it stands in YAML.
	Type, Written string
}

func contractOf(m map[string]any) Contract {
	var c Contract
	c.Enforced, _ = m["enforced"].(bool)
	aliases, set := m["alias_types"].(bool)
	c.Literal = set && !aliases
	c.Ordered, _ = m["ordered"].(bool)
	c.Protected = texts(m["protected"])
	return c
}

// protect adds the columns that are protected where they are declared.
func (u *unit) protect() {
	if u.Props != nil {
		for _, col := range u.Props.Columns {
			if col.Protected.V {
				u.Config.Contract.Protected = append(u.Config.Contract.Protected, col.Name.V)
			}
		}
	}
	slices.Sort(u.Config.Contract.Protected)
	u.Config.Contract.Protected = slices.Compact(u.Config.Contract.Protected)
}

// checkContracts holds the columns of every model with a contract against what it promises,
// and makes the tests for what the warehouse does not check by itself.
func (c *compiler) checkContracts(ctx context.Context) {
	for _, u := range c.all {
		if u.kind != addr.Model {
			if u.Props != nil {
				for _, col := range u.Props.Columns {
					if col.Protected.V {
						u.tell(contractElsewhere(u, col.Protected.At))
					}
				}
			}
			continue
		}
		if !u.Config.Contract.Any() || c.bad[u.ID] {
			continue
		}
		c.checkProtected(u)
		if u.Config.Contract.Enforced {
			c.checkContract(ctx, u)
		}
		c.report(u)
	}
	if slices.ContainsFunc(c.tests, func(t *Test) bool { return t.Contract }) {
		c.nameTests()
	}
}

// checkProtected finds protected columns that are not there.
func (c *compiler) checkProtected(u *unit) {
	if u.Unanalyzed != "" || len(u.Columns) == 0 {
		return
	}
	for _, name := range u.Config.Contract.Protected {
		if hasColumn(u.Columns, name) {
			continue
		}
		at := wordIn(u.Raw["contract"].At, name)
		for _, col := range u.written() {
			if col.Name.V == name {
				at = col.Name.At
			}
		}
		if u.Config.Contract.Enforced && u.declares(name) {
			continue // said of the contract
		}
		u.diags.Add(contractProtected(u, name, at))
	}
}

func (u *unit) written() []*project.Column {
	if u.Props == nil {
		return nil
	}
	return u.Props.Columns
}

func (u *unit) declares(name string) bool {
	return slices.ContainsFunc(u.written(), func(c *project.Column) bool { return strings.EqualFold(c.Name.V, name) })
}

// checkContract compares what is declared with what the query returns. What is wrong is
// said all at once.
func (c *compiler) checkContract(ctx context.Context, u *unit) {
	at := u.contractAt()
	if u.Config.Materialized == "ephemeral" {
		u.diags.Add(contractEphemeral(u, at))
		return
	}
	if u.Config.Materialized == "incremental" && u.Config.OnSchemaChange == "ignore" {
		where := u.Raw["on_schema_change"].At
		if where.IsZero() {
			where = at
		}
		u.diags.Add(contractIgnores(u, where))
	}
	known := u.Unanalyzed == "" && len(u.Columns) > 0
	if len(u.written()) == 0 {
		u.diags.Add(contractEmpty(u, at))
		return
	}
	var promised []Promised
	for i, w := range u.written() {
		name := w.Name.V
		found := slices.IndexFunc(u.Columns, func(col Column) bool { return strings.EqualFold(col.Name, name) })
		field := known && found < 0 && isField(u.Columns, name) || !known && strings.Contains(name, ".")
		if field && w.DataType.V == "" {
			continue // its column has the type
		}
		if w.DataType.V == "" {
			actual := ""
			if known && found >= 0 {
				actual = u.Columns[found].spelling()
			}
			u.diags.Add(contractUntyped(u, w, actual))
			continue
		}
		want, d := c.declaredType(u, w)
		if d != nil {
			u.diags.Add(*d)
			continue
		}
		if !known && !want.params.None() {
			// The engine's own check of them needs the query. The target's type may have them.
			want.own, want.native = true, want.written
		}
		if field {
			if known {
				c.checkField(u, w, want)
			}
			continue
		}
		promised = append(promised, Promised{Name: name, Type: want.native, Written: w.DataType.V})
		switch {
		case !known:
		case found < 0:
			u.diags.Add(contractMissing(u, w))
			continue
		case !c.sameType(ctx, u, want, u.Columns[found]):
			u.diags.Add(contractType(u, w, u.Columns[found], c.selected(u, found, u.Columns[found].Name)))
			continue
		}
		if known && u.Config.Contract.Ordered && found != i && len(u.written()) == len(u.Columns) {
			u.diags.Add(contractOrder(u, w, i, found))
		}
		c.boundType(u, w, want)
	}
	if known {
		for i, col := range u.Columns {
			if !u.declares(col.Name) {
				u.diags.Add(contractSurplus(u, col, at, c.selected(u, i, col.Name)))
			}
		}
	}
	if u.diags.HasErrors() {
		return
	}
	u.Promised = promised
	c.checkPromises(ctx, u)
}

func (u *unit) contractAt() source.Span {
	if at := u.Raw["contract"].At; !at.IsZero() {
		return at
	}
	return u.at
}

// spelling is the type in GoogleSQL's words if there is one, else in the target's.
func (c Column) spelling() string {
	if c.Google != nil {
		return c.Google.String()
	}
	return c.Type
}

// declared is a data_type that was understood.
type declared struct {
	written string
	google  *ir.Type // nil: it is a type of the target that GoogleSQL does not have
	params  ir.Params
	native  string
	// own: it is written in the target's language.
	own bool
}

// declaredType reads a data_type as typed does.
func (c *compiler) declaredType(u *unit, w *project.Column) (declared, *diag.Diagnostic) {
	out := declared{written: w.DataType.V, native: w.DataType.V, own: true}
	g := c.options.Google
	if g == nil || c.project.Settings.Dialect.V != project.GoogleSQL {
		out.google = c.googleType(w.DataType.V)
		return out, nil
	}
	t, params, err := googlesql.ParseType(w.DataType.V)
	if err != nil {
		if g.Translator != nil {
			if t, ok := g.Translator.Parse(w.DataType.V); ok {
				out.google = t
				return out, nil
			}
		}
		if u.Dialect != project.GoogleSQL {
			return out, nil // the target has the last word
		}
		d := dataTypeUnknown(Column{Name: w.Name.V, Type: w.DataType.V, At: w.DataType.At}, err)
		return out, &d
	}
	out.google, out.params, out.own = t, params, false
	if g.Translator != nil {
		if native, err := g.Translator.Type(t); err == nil {
			out.native = native
		}
	}
	return out, nil
}

// sameType reports whether a column has the type that was declared of it.
func (c *compiler) sameType(ctx context.Context, u *unit, want declared, col Column) bool {
	if u.Config.Contract.Literal {
		same := func(a, b string) bool { return b != "" && strings.EqualFold(squeeze(a), squeeze(b)) }
		bare := want.written
		if !want.own && !want.params.None() {
			bare = want.google.String()
		}
		return same(bare, col.spelling()) || want.own && same(bare, col.Type)
	}
	if !want.own {
		have := col.Google
		if have == nil {
			have = c.googleType(col.Type)
		}
		if have != nil {
			return want.google.Equal(have)
		}
	}
	if warehouse.SameType(want.written, col.Type) || warehouse.SameType(want.native, col.Type) {
		return true
	}
	// What the target itself calls the type.
	if c.options.Analyzer == nil || strings.ContainsAny(want.native, ";'\"") {
		return false
	}
	a, err := c.options.Analyzer.Analyze(ctx, addr.Relation{}, "select cast(null as "+want.native+") as c")
	return err == nil && len(a.Columns) == 1 && warehouse.SameType(a.Columns[0].Type, col.Type)
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// checkField compares the type of a field inside a struct.
func (c *compiler) checkField(u *unit, w *project.Column, want declared) {
	name, rest, _ := strings.Cut(w.Name.V, ".")
	i := slices.IndexFunc(u.Columns, func(col Column) bool { return strings.EqualFold(col.Name, name) })
	if i < 0 || u.Columns[i].Google == nil || want.google == nil {
		return
	}
	if have := fieldType(u.Columns[i].Google, rest); have != nil && !have.Equal(want.google) {
		u.diags.Add(contractType(u, w, Column{Name: w.Name.V, Google: have}, c.selected(u, i, name)))
	}
}

// fieldType is the type of the field that a path leads to; arrays on the way are passed through.
func fieldType(t *ir.Type, path string) *ir.Type {
	name, rest, nested := strings.Cut(path, ".")
	for t.Kind == ir.Array && t.Elem != nil {
		t = t.Elem
	}
	for _, f := range t.Fields {
		if t.Kind == ir.Struct && strings.EqualFold(f.Name, name) {
			if nested {
				return fieldType(f.Type, rest)
			}
			return f.Type
		}
	}
	return nil
}

// selected is where the text makes a column: the item of the select list, as far as those
// can be counted, else the place that has the column's name last.
func (c *compiler) selected(u *unit, i int, name string) source.Span {
	if u.TextMap == nil {
		return source.Span{}
	}
	items := lexis(u.Dialect).Items(u.Text)
	if len(items) == len(u.Columns) {
		if at, ok := u.TextMap.At(items[i][0], items[i][1]); ok && at.File == u.File {
			return at
		}
	}
	for _, item := range items {
		text := u.Text[item[0]:item[1]]
		if len(text) >= len(name) && strings.EqualFold(text[len(text)-len(name):], name) {
			if at, ok := u.TextMap.At(item[0], item[1]); ok && at.File == u.File {
				return at
			}
		}
	}
	return source.Span{}
}

// boundType makes a test of the parameters of a GoogleSQL type, «(10, 2)», which belong to
// no type of a query's result.
func (c *compiler) boundType(u *unit, w *project.Column, want declared) {
	if want.own || want.params.None() {
		return
	}
	if len(want.params.Children) > 0 {
		u.diags.Add(contractNested(u, w))
		return
	}
	col := c.spell(project.GoogleSQL).Ident(w.Name.V)
	cond := ""
	switch p := want.params; want.google.Kind {
	case ir.String:
		cond = fmt.Sprintf("char_length(%s) <= %d", col, p.Length)
	case ir.Bytes:
		cond = fmt.Sprintf("byte_length(%s) <= %d", col, p.Length)
	case ir.Numeric, ir.BigNumeric:
		cond = fmt.Sprintf("%s = round(%s, %d) and abs(%s) < %s '1%s'", col, col, p.Scale, col, want.google.Kind, strings.Repeat("0", int(p.Precision-p.Scale)))
	default:
		u.diags.Add(contractNested(u, w))
		return
	}
	t := c.contractTest(u, "expression", w.DataType.At, w.Name.V, "type")
	t.Args["expression"], t.Description = cond, fmt.Sprintf("%q of %s is a %s", w.Name.V, u.ID.Name, want.written)
	c.addTest(t, []addr.Node{u.ID})
}

// enforced reports whether the warehouse refuses rows that break a constraint of u, in
// every way that u is built. A table that is changed in place may be older than its constraints.
func (c *compiler) enforced(u *unit, k warehouse.Constraint) bool {
	caps := c.target.Dialect.Caps()
	return u.Config.Materialized == "table" && caps.Constraints && (k.Type == "not_null" || caps.Enforces)
}

// checkPromises makes a test of each constraint that the warehouse does not check, unless
// the query proves it, or a test of the user's does the same.
func (c *compiler) checkPromises(ctx context.Context, u *unit) {
	places := u.constraintPlaces()
	for i, k := range u.Constraints {
		if c.enforced(u, k) {
			continue
		}
		at := u.contractAt()
		if i < len(places) {
			at = places[i]
		}
		switch k.Type {
		case "not_null":
			c.promiseNotNull(u, k.Columns, at)
		case "unique":
			c.promiseUnique(u, k.Columns, at)
		case "primary_key":
			c.promiseNotNull(u, k.Columns, at)
			c.promiseUnique(u, k.Columns, at)
		case "check":
			t := c.contractTest(u, "expression", at, "", "check")
			t.Args["expression"] = k.Expression
			t.Config.Dialect = c.target.Dialect.Name()
			if u.Unanalyzed == "" && !u.declared && (c.google(u) || u.kind == addr.Seed) {
				c.declare(ctx, u, plain(u.Columns), at) // for the target's own binder
			}
			c.addTest(t, []addr.Node{u.ID})
		case "foreign_key":
			c.promiseForeign(u, k, at)
		}
	}
}

// constraintPlaces are where the constraints of u are written, in the order of bindConstraints.
func (u *unit) constraintPlaces() []source.Span {
	if u.Props == nil {
		return nil
	}
	var out []source.Span
	for _, w := range u.Props.Constraints {
		out = append(out, w.At)
	}
	for _, col := range u.Props.Columns {
		for _, w := range col.Constraints {
			out = append(out, w.At)
		}
	}
	return out
}

func (c *compiler) contractTest(u *unit, kind string, at source.Span, parts ...string) *Test {
	name := "contract_" + kind + "_" + flatName(u)
	for _, p := range parts {
		if p != "" {
			name += "_" + p
		}
	}
	t := &Test{
		ID: addr.Node{Kind: addr.Test, Name: name}, Kind: kind, Node: u.ID, Args: map[string]any{}, Path: u.Path, At: at, ArgAt: map[string]source.Span{}, Contract: true,
		Config: TestConfig{Severity: "error", WarnIf: "!= 0", ErrorIf: "!= 0", FailCalc: "count(*)"},
	}
	if at.File != nil {
		t.Path = at.File.Path
	}
	if u.Unanalyzed != "" {
		t.Config.Dialect = c.target.Dialect.Name() // nobody could translate it
	}
	return t
}

func (c *compiler) promiseNotNull(u *unit, columns []string, at source.Span) {
	for _, name := range columns {
		t := c.contractTest(u, "not_null", at, name)
		t.Column = name
		c.addTest(t, []addr.Node{u.ID})
	}
}

func (c *compiler) promiseUnique(u *unit, columns []string, at source.Span) {
	if c.proven(u, columns) {
		return
	}
	if len(columns) == 1 {
		t := c.contractTest(u, "unique", at, columns[0])
		t.Column = columns[0]
		c.addTest(t, []addr.Node{u.ID})
		return
	}
	t := c.contractTest(u, "unique_combination", at, columns...)
	t.Args["combination_of_columns"], t.Args["quote_columns"] = slices.Clone(columns), true
	// To a constraint NULL is equal to nothing.
	spell := c.spell(c.testDialect(t))
	var present []string
	for _, name := range columns {
		present = append(present, spell.Ident(name)+" is not null")
	}
	t.Config.Where = strings.Join(present, " and ")
	c.addTest(t, []addr.Node{u.ID})
}

// proven reports whether the query alone sees to it that no two rows agree in the columns.
// Rows that were there before count as well where a table is changed in place.
func (c *compiler) proven(u *unit, columns []string) bool {
	l := u.Lineage.Get()
	if l == nil || len(l.Opaque) > 0 || u.Config.Materialized == "incremental" || u.Config.Materialized == Ancestry {
		return false
	}
	return slices.ContainsFunc(l.Unique, func(set []string) bool {
		return !slices.ContainsFunc(set, func(name string) bool {
			return !slices.ContainsFunc(columns, func(x string) bool { return strings.EqualFold(x, name) })
		})
	})
}

// promiseForeign finds rows whose key is whole and leads nowhere.
func (c *compiler) promiseForeign(u *unit, k warehouse.Constraint, at source.Span) {
	to := c.referred(k.To)
	if to == nil {
		return // reported where it is written
	}
	if len(k.Columns) == 1 {
		t := c.contractTest(u, "relationships", at, k.Columns[0])
		t.Column = k.Columns[0]
		t.Args["to"], t.Args["field"] = to.ID, k.ToColumns[0]
		c.addTest(t, []addr.Node{u.ID, to.ID})
		return
	}
	t := c.contractTest(u, "relationships", at, k.Columns...)
	spell := c.spell(c.testDialect(t))
	var on, present []string
	for i, name := range k.Columns {
		mine := "c." + spell.Ident(name)
		on, present = append(on, mine+" = p."+spell.Ident(k.ToColumns[i])), append(present, mine+" is not null")
	}
	t.SQL = "select c.*\nfrom " + placeholder(u.ID) + " as c\nwhere " + strings.Join(present, " and ") +
		"\n  and not exists (select 1 from " + placeholder(to.ID) + " as p where " + strings.Join(on, " and ") + ")"
	t.Description = fmt.Sprintf("(%s) of %s occurs as (%s) of %s", strings.Join(k.Columns, ", "), u.ID.Name, strings.Join(k.ToColumns, ", "), to.ID.Name)
	c.addTest(t, []addr.Node{u.ID, to.ID})
}

// referred is the node whose relation a foreign key refers to.
func (c *compiler) referred(r addr.Relation) *unit {
	for _, u := range c.everything() {
		if u.Relation == r && u.kind != addr.Source {
			return u
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(c.sources), addr.Node.Compare) {
		if c.sources[id].Relation == r {
			return c.sources[id]
		}
	}
	return nil
}

// wordIn is the first place of a word in a span, or the span.
func wordIn(at source.Span, word string) source.Span {
	if at.IsZero() {
		return at
	}
	if i := strings.Index(at.Text(), word); i >= 0 {
		return at.Sub(i, i+len(word))
	}
	return at
}

const (
	codeContractMissing diag.Code = "contract-column-missing"
	codeContractSurplus diag.Code = "contract-column-undeclared"
	codeContractType    diag.Code = "contract-column-type"
	codeContractOrder   diag.Code = "contract-column-order"
	codeContractUntyped diag.Code = "contract-type-missing"
	codeContractKind    diag.Code = "contract-not-possible"
)

var contractCodes = []diag.Entry{
	{Code: codeContractMissing, Title: "a contract promises a column that the query does not return", Explain: "With contract: {enforced: true} the columns of a model are those that YAML declares, no more and no less. A protected column has to be there as well.", Bad: "columns: [{name: id, data_type: INT64}, {name: amount, data_type: NUMERIC}] # and the query returns id only", Good: "columns: [{name: id, data_type: INT64}]"},
	{Code: codeContractSurplus, Title: "a query returns a column that the contract does not have", Explain: "With contract: {enforced: true} every column of a model is declared in YAML, with its data_type.", Bad: "columns: [{name: id, data_type: INT64}] # and the query returns id and amount", Good: "columns: [{name: id, data_type: INT64}, {name: amount, data_type: NUMERIC}]"},
	{Code: codeContractType, Title: "a column of another type than the contract promises", Explain: "The data_type of a column is GoogleSQL's, or the target's own; aliases of a type are as good as its name, inside of ARRAY and STRUCT too, unless alias_types is false.", Bad: "columns: [{name: id, data_type: STRING}] # select 1 as id", Good: "columns: [{name: id, data_type: INT64}]"},
	{Code: codeContractOrder, Title: "columns in another order than the contract promises", Explain: "With ordered: true the columns of the query stand in the order in which YAML declares them.", Bad: "contract: {enforced: true, ordered: true}\ncolumns: [{name: b, data_type: INT64}, {name: a, data_type: INT64}] # select 1 as a, 2 as b", Good: "columns: [{name: a, data_type: INT64}, {name: b, data_type: INT64}]"},
	{Code: codeContractUntyped, Title: "a column of a contract without a data_type", Explain: "A contract promises names and types: every column needs its data_type, and there is at least one column.", Bad: "contract: {enforced: true}\ncolumns: [{name: id}]", Good: "contract: {enforced: true}\ncolumns: [{name: id, data_type: INT64}]"},
	{Code: codeContractKind, Title: "a contract that cannot be kept", Explain: "An ephemeral model is no relation that anybody could rely on. An incremental one has to say with on_schema_change what becomes of its table when its columns change, so that the table follows the contract. The parameters of a type inside of ARRAY and STRUCT cannot be checked.", Bad: `{{ config "materialized" "ephemeral" "contract" (dict "enforced" true) }}`, Good: `{{ config "materialized" "view" "contract" (dict "enforced" true) }}`},
}

func contractLabels(at source.Span, text string) []diag.Label {
	if at.IsZero() {
		return nil
	}
	return []diag.Label{{At: at, Text: text}}
}

func contractMissing(u *unit, w *project.Column) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeContractMissing, Message: fmt.Sprintf("%q does not return %q, which its contract promises", u.ID.Name, w.Name.V), At: w.Name.At, Model: u.ID,
		Labels: contractLabels(u.at, "the query"), Help: "return the column, or take it out of the contract"}
	if near, ok := diag.Suggest(w.Name.V, columnNames(u.Columns)); ok {
		d.Help = fmt.Sprintf("did you mean %q? Otherwise return the column, or take it out of the contract", near)
	}
	return d
}

func contractSurplus(u *unit, col Column, at, selected source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContractSurplus, Message: fmt.Sprintf("%q returns %q, which its contract does not declare", u.ID.Name, col.Name), At: at, Model: u.ID,
		Labels: contractLabels(selected, "returned here"), Help: fmt.Sprintf("declare it: {name: %s, data_type: %s}, or leave it out of the query", col.Name, quoteType(col.spelling()))}
}

// quoteType writes a type so that YAML takes it for one text.
func quoteType(t string) string {
	if strings.ContainsAny(t, "{}[],:'\"") {
		return `"` + strings.ReplaceAll(t, `"`, `\"`) + `"`
	}
	return t
}

func contractType(u *unit, w *project.Column, col Column, selected source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContractType, Message: fmt.Sprintf("%q of %q is %s, its contract promises %s", w.Name.V, u.ID.Name, col.spelling(), w.DataType.V), At: w.DataType.At, Model: u.ID,
		Labels: contractLabels(selected, "it is "+col.spelling()), Help: "cast it in the query, or declare data_type: " + quoteType(col.spelling())}
}

func contractOrder(u *unit, w *project.Column, declared, found int) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContractOrder, Message: fmt.Sprintf("%q is column %d of %q, its contract promises it as column %d", w.Name.V, found+1, u.ID.Name, declared+1), At: w.Name.At, Model: u.ID,
		Help: "write the columns of the query in the order of the contract, or remove ordered: true"}
}

func contractUntyped(u *unit, w *project.Column, actual string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeContractUntyped, Message: fmt.Sprintf("%q of %q has no data_type, which its contract needs", w.Name.V, u.ID.Name), At: w.Name.At, Model: u.ID, Help: "add its data_type"}
	if actual != "" {
		d.Help = "add data_type: " + quoteType(actual) + ", which is what the query returns"
	}
	return d
}

func contractEmpty(u *unit, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContractUntyped, Message: fmt.Sprintf("%q has a contract and declares no columns", u.ID.Name), At: at, Model: u.ID, Help: "declare its columns in YAML, each with name and data_type"}
}

func contractEphemeral(u *unit, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContractKind, Message: fmt.Sprintf("ephemeral %q cannot have an enforced contract", u.ID.Name), At: at, Model: u.ID, Help: "make it a view, or remove the contract"}
}

func contractIgnores(u *unit, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContractKind, Message: fmt.Sprintf("incremental %q ignores a change of its columns and so cannot keep its contract", u.ID.Name), At: at, Model: u.ID,
		Help: `set "on_schema_change" "append_new_columns", "sync_all_columns" or "fail"`}
}

func contractNested(u *unit, w *project.Column) diag.Diagnostic {
	return diag.Diagnostic{Code: codeContractKind, Message: fmt.Sprintf("the parameters in %s of %q cannot be checked", w.DataType.V, w.Name.V), At: w.DataType.At, Model: u.ID, Help: "leave them out; they can be given to NUMERIC, BIGNUMERIC, STRING and BYTES outside of ARRAY and STRUCT"}
}

func contractProtected(u *unit, name string, at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeContractMissing, Message: fmt.Sprintf("%q of %q is protected and not there", name, u.ID.Name), At: at, Model: u.ID, Help: "return the column, or add a version of the model without it"}
	if near, ok := diag.Suggest(name, columnNames(u.Columns)); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func contractElsewhere(u *unit, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeConfigUnused, Message: fmt.Sprintf("\"protected\" has no effect on a %s", u.kind), At: at, Model: u.ID, Help: "remove it: contracts are those of models"}
}
