package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/lint"
)

// Level is what a finding of a rule means.
type Level uint8

// The levels, as engine.yml writes them in lower case.
const (
	Off Level = iota
	Warn
	Error
)

// String is the level as engine.yml writes it.
func (l Level) String() string { return [...]string{"off", "warn", "error"}[min(l, Error)] }

// OptionKind is the shape of an option's value.
type OptionKind string

// The kinds of options.
const (
	Flag     OptionKind = "true or false"
	Number   OptionKind = "a whole number, 1 or more"
	Words    OptionKind = "a list of words"
	Patterns OptionKind = "a mapping of scopes to patterns of names"
	Scopes   OptionKind = "a mapping of scopes to lists of scopes"
)

// Option is a setting of one rule.
type Option struct {
	Name    string
	Kind    OptionKind
	Default any // bool, int64, []string or map[string][]string
	Values  []string
	Help    string
	// Required: the rule says nothing without it.
	Required bool
}

// Rule is one rule. Its ID is the code of its diagnostics.
type Rule struct {
	ID      diag.Code
	Title   string
	Explain string
	Bad     string
	Good    string
	Default Level
	Options []Option
	// Fixes: some of its findings can be corrected without a person.
	Fixes bool
	find  func(*pass)
}

// Rules are all rules, by name.
func Rules() []Rule { return slices.Clone(rules) }

// Codes is the catalogue of this room.
var Codes = func() []diag.Entry {
	var out []diag.Entry
	for _, r := range rules {
		out = append(out, diag.Entry{Code: r.ID, Title: r.Title, Explain: r.Explain, Bad: r.Bad, Good: r.Good})
	}
	return append(out, ownCodes...)
}()

var published = Option{Name: "access", Kind: Words, Default: []string{"public"}, Values: []string{"private", "protected", "public"}, Help: "only models of this access; an empty list means all"}

// statement is a rule whose findings package lint makes.
func statement(id string, r Rule) Rule {
	r.ID = diag.Code(id)
	if r.find == nil {
		r.find = func(p *pass) { p.statements(id) }
	}
	return r
}

var rules = []Rule{
	statement(lint.AmbiguousColumn, Rule{Title: "a column without its table", Fixes: true,
		Explain: "The query joins several tables and names a column without saying of which. It works for as long as no other of them gets a column of that name.",
		Bad:     "select id, country from orders as o join customers as c using (customer_id)",
		Good:    "select o.id, c.country from orders as o join customers as c using (customer_id)"}),
	{ID: "boolean-naming", Title: "a boolean whose name does not say so", find: booleanNaming,
		Explain: "Names of columns of type BOOL begin with one of the prefixes. A column is reported where it first appears, not in every model behind.",
		Bad:     "select paid is not null as paid",
		Good:    "select paid is not null as is_paid",
		Options: []Option{{Name: "prefixes", Kind: Words, Default: []string{"is_", "has_"}, Help: "what such names begin with"}}},
	{ID: "column-undocumented", Title: "a column without a description", find: columnUndocumented,
		Explain: "Every column of the models that others may use is described in a properties file.",
		Bad:     "columns: [{name: id}]",
		Good:    "columns: [{name: id, description: the order's number}]",
		Options: []Option{published}},
	{ID: "column-unused", Title: "a column that nobody reads", find: columnUnused,
		Explain: "No model, test, key or exposure needs the column, as far as lineage tells. Public models, models that nothing reads, and models read by SQL that is not analyzed are left alone.",
		Bad:     "select id, note from {{ source \"app\" \"orders\" }} -- note is read nowhere",
		Good:    "select id from {{ source \"app\" \"orders\" }}"},
	statement(lint.CTEUnused, Rule{Title: "a common table expression that nothing reads", Default: Warn,
		Explain: "A WITH entry is not read, neither by the query nor by another entry.",
		Bad:     "with a as (select 1 as x), b as (select 2 as y) select x from a",
		Good:    "with a as (select 1 as x) select x from a"}),
	{ID: "distribute-leak", Title: "a model that gives away what it should not", Default: Warn, find: distributeLeak,
		Explain: "What a model may be given to is no wider than what it reads allows: a model that all tenants get reads no model that holds the rows of single ones. In a project with distribution the default is not asked: there the queries prove whose rows they return (tenants-mixed, tenants-shared).",
		Bad:     "distribute: shared -- and reads a model with distribute: tenant",
		Good:    "distribute: tenant",
		Options: []Option{{Name: "forbid", Kind: Scopes, Default: map[string][]string{"distribute:shared": {"distribute:tenant"}}, Help: "who must not read whom"}}},
	{ID: "exposure-private", Title: "an exposure of a private model", find: exposurePrivate,
		Explain: "An exposure is a use outside of the project, and a private model is for its own group only.",
		Bad:     "depends_on: [ref('int_orders')] # access: private",
		Good:    "depends_on: [ref('fct_orders')]"},
	{ID: "hard-coded-name", Title: "a table's own name instead of ref", Default: Warn, Fixes: true, find: hardCoded,
		Explain: "A query in the target's own SQL names a table that is a model, seed, snapshot or source of this project. Order and lineage do not know of it, and on another target it reads the wrong schema. (In GoogleSQL this is the error table-unknown.)",
		Bad:     "select * from dev.orders",
		Good:    "select * from {{ ref \"orders\" }}"},
	statement(lint.ImplicitCrossJoin, Rule{Title: "a comma that joins every row with every row", Default: Warn,
		Explain: "Two relations stand in FROM with a comma between them, and no condition brings them together, directly or through others. Relations of one row are fine.",
		Bad:     "from orders, customers where orders.paid",
		Good:    "from orders join customers using (customer_id) where orders.paid"}),
	statement(lint.JoinOneSided, Rule{Title: "a join condition about one side only", Default: Warn,
		Explain: "ON compares columns of one side with each other, so that each row meets all of the other side or none.",
		Bad:     "from orders as o join customers as c on o.customer_id = o.customer_id",
		Good:    "from orders as o join customers as c on o.customer_id = c.customer_id"}),
	{ID: "key-untested", Title: "a key without tests", find: keyUntested,
		Explain: "The columns of unique_key are tested: a single one for unique and not_null, several with unique_combination.",
		Bad:     "config: {unique_key: id}",
		Good:    "config: {unique_key: id}\ncolumns:\n  - name: id\n    data_tests: [unique, not_null]",
		Options: []Option{{Name: "require_key", Kind: Flag, Default: false, Help: "also report models without unique_key and without any test of uniqueness"}}},
	{ID: "layering", Title: "a layer that reads past its own", find: layering,
		Explain: "deny says which layers must not be read by which, allow which are the only ones that may be. Of the scopes that a model is in, the narrowest counts.",
		Bad:     "select * from {{ source \"app\" \"orders\" }} -- in a model of tier fct",
		Good:    "select * from {{ ref \"stg_orders\" }}",
		Options: []Option{
			{Name: "deny", Kind: Scopes, Default: map[string][]string{"tier:dim": {"kind:source"}, "tier:fct": {"kind:source"}, "tier:mart": {"kind:source"}, "tier:report": {"kind:source"}}, Help: "what a scope must not read"},
			{Name: "allow", Kind: Scopes, Default: map[string][]string{}, Help: "all that a scope may read"},
		}},
	statement(lint.LeftJoinUndone, Rule{Title: "an outer join undone by WHERE", Default: Warn,
		Explain: "LEFT JOIN keeps rows without a match, with NULL in the other side's columns; a condition in WHERE that compares such a column drops them again. Either the condition belongs into ON, or the join is an inner one.",
		Bad:     "from orders as o left join customers as c using (customer_id) where c.country = 'DE'",
		Good:    "from orders as o join customers as c using (customer_id) where c.country = 'DE'"}),
	{ID: "model-undocumented", Title: "a model without a description", find: modelUndocumented,
		Explain: "Every model that others may use is described in a properties file.",
		Bad:     "models: [{name: fct_orders}]",
		Good:    "models: [{name: fct_orders, description: one row for each order}]",
		Options: []Option{published}},
	{ID: "model-unused", Title: "a model that nobody reads", find: modelUnused,
		Explain: "No model, snapshot or exposure reads it, and it is not public.",
		Bad:     "models/int_old.sql, read by nothing",
		Good:    "the model removed, made public, or named by an exposure"},
	{ID: "naming", Title: "a name that does not follow its layer", find: naming,
		Explain: "patterns says for each layer how names look: with * for any text, as several patterns of which one has to fit, or as a regular expression between slashes. Of the scopes that a model is in, the narrowest counts.",
		Bad:     "models/staging/orders.sql # patterns: {models/staging: stg_*}",
		Good:    "models/staging/stg_orders.sql",
		Options: []Option{{Name: "patterns", Kind: Patterns, Required: true, Default: map[string][]string{}, Help: "patterns of names by scope"}}},
	statement(lint.NonDeterministic, Rule{Title: "a function of the moment in an incremental model",
		Explain: "The function gives another value on every run, so that rows added on different days do not agree, and a full rebuild gives another table than the runs before.",
		Bad:     "select id, current_date() as loaded_on from {{ ref \"stg_orders\" }}",
		Good:    "select id, day as loaded_on from {{ ref \"stg_orders\" }}",
		find:    nonDeterministic,
		Options: []Option{
			{Name: "materialized", Kind: Words, Default: []string{"incremental"}, Values: []string{"view", "table", "incremental", "ephemeral", "materialized_view"}, Help: "the kinds of models to look at"},
			{Name: "except_functions", Kind: Words, Default: []string{}, Help: "functions that are fine"},
		}}),
	statement(lint.NullComparison, Rule{Title: "a comparison with NULL", Default: Warn,
		Explain: "Comparing with NULL gives NULL, not true: NOT IN with a NULL in its list finds no row, and CASE x WHEN NULL is never taken.",
		Bad:     "where id not in (1, null)",
		Good:    "where id not in (1) and id is not null"}),
	statement(lint.OrderWithoutLimit, Rule{Title: "sorting that nothing keeps", Fixes: true,
		Explain: "Tables, views and subqueries have no order. ORDER BY without LIMIT costs time and has no effect.",
		Bad:     "select id from {{ ref \"stg_orders\" }} order by id",
		Good:    "select id from {{ ref \"stg_orders\" }}"}),
	statement(lint.OuterColumn, Rule{Title: "a subquery that means a column of the outer query", Default: Warn,
		Explain: "A column without a table's name is not in the subquery's own tables, and is taken from the query around. Often it is a slip, and the subquery is true for all rows or for none.",
		Bad:     "where customer_id in (select customer_id from days)",
		Good:    "where customer_id in (select o.customer_id from orders as o)"}),
	statement(lint.SelectStar, Rule{Title: "a published model with whatever columns", Fixes: true,
		Explain: "The outermost SELECT takes all columns of a table, so that the model's columns change with it. A star over a subquery that lists its columns is fine.",
		Bad:     "select * from {{ ref \"stg_orders\" }}",
		Good:    "select id, total from {{ ref \"stg_orders\" }}",
		find:    selectStar,
		Options: []Option{published}}),
	{ID: "source-fanout", Title: "a source with many readers", find: sourceFanout,
		Explain: "Each source is read by one staging model, which renames and casts once for all.",
		Bad:     "two models that read {{ source \"app\" \"orders\" }}",
		Good:    "two models that read {{ ref \"stg_orders\" }}",
		Options: []Option{{Name: "most", Kind: Number, Default: int64(1), Help: "how many models may read a source"}}},
	{ID: "source-twice", Title: "two sources that are one table", Default: Warn, find: sourceTwice,
		Explain: "Two sources name the same table, so that half of its readers are missing from either's lineage.",
		Bad:     "tables: [{name: orders}, {name: sales, identifier: orders}]",
		Good:    "tables: [{name: orders}]"},
	{ID: "source-unused", Title: "a source that nobody reads", find: sourceUnused,
		Explain: "No model, snapshot or exposure reads the source.",
		Bad:     "tables: [{name: orders_old}] # read by nothing",
		Good:    "tables: [{name: orders}]"},
}

const (
	codeRuleUnknown  diag.Code = "rule-unknown"
	codeRuleOption   diag.Code = "rule-option"
	codeAllowUnknown diag.Code = "allow-unknown"
	codeAllowReason  diag.Code = "allow-unreasoned"
	codeAllowUnused  diag.Code = "allow-unused"
)

// ownCodes are what is said of the settings of rules and of comments that allow something.
var ownCodes = []diag.Entry{
	{Code: codeRuleUnknown, Title: "a rule that does not exist", Explain: "engine check --list-rules shows the rules with their options.", Bad: "check: {rules: {selct-star: warn}}", Good: "check: {rules: {select-star: warn}}"},
	{Code: codeRuleOption, Title: "an option that a rule does not have, or a value that it does not take", Explain: "Every rule takes severity, only and except; the others are the rule's own, see docs/check.md.", Bad: "check: {rules: {source-fanout: {most: many}}}", Good: "check: {rules: {source-fanout: {most: 2}}}"},
	{Code: codeAllowUnknown, Title: "a comment that allows something unknown", Explain: "A comment «engine: allow RULE because …» names rules of engine check. Errors of compilation cannot be allowed.", Bad: "-- engine: allow select-stars because the app defines the columns", Good: "-- engine: allow select-star because the app defines the columns"},
	{Code: codeAllowReason, Title: "a comment that allows something without a reason", Explain: "Whoever reads it later has to know whether it still holds.", Bad: "-- engine: allow select-star", Good: "-- engine: allow select-star because the app defines the columns"},
	{Code: codeAllowUnused, Title: "a comment that allows what does not happen", Explain: "The rule finds nothing at that place, so the comment can go. Comments for rules that are off are left alone.", Bad: "-- engine: allow select-star because the app defines the columns\nselect id from {{ ref \"orders\" }}", Good: "select id from {{ ref \"orders\" }}"},
}

func lookup(id diag.Code) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

func ids() []string {
	var out []string
	for _, r := range rules {
		out = append(out, string(r.ID))
	}
	return out
}

// Markdown is the reference of the rules: a table, and a section for each.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| rule | by default | fixes | what it finds |\n|---|---|---|---|\n")
	for _, r := range rules {
		fixes := ""
		if r.Fixes {
			fixes = "yes"
		}
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", r.ID, r.ID, r.Default, fixes, r.Title)
	}
	for _, r := range rules {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\nWrong:\n\n```\n%s\n```\n\nRight:\n\n```\n%s\n```\n", r.ID, r.Explain, r.Bad, r.Good)
		if len(r.Options) > 0 {
			b.WriteString("\n| option | value | default | meaning |\n|---|---|---|---|\n")
			for _, o := range r.Options {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.Name, o.Kind, o.defaultText(), o.Help)
			}
		}
	}
	return b.String()
}

// defaultText is an option's default as YAML.
func (o Option) defaultText() string {
	switch v := o.Default.(type) {
	case []string:
		return "`[" + strings.Join(v, ", ") + "]`"
	case map[string][]string:
		if len(v) == 0 {
			return ""
		}
		var parts []string
		for _, k := range sortedKeys(v) {
			parts = append(parts, fmt.Sprintf("%q: [%s]", k, quoted(v[k])))
		}
		return "`{" + strings.Join(parts, ", ") + "}`"
	}
	return fmt.Sprintf("`%v`", o.Default)
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}
