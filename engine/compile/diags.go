package compile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

const (
	codeRefUnknown       diag.Code = "ref-unknown"
	codeRefDisabled      diag.Code = "ref-disabled"
	codeRefVersion       diag.Code = "ref-version"
	codeRefPrivate       diag.Code = "ref-private"
	codeRefPackage       diag.Code = "ref-package"
	codeRefDynamic       diag.Code = "ref-dynamic"
	codeRefCycle         diag.Code = "ref-cycle"
	codeRefText          diag.Code = "ref-text"
	codeSourceUnknown    diag.Code = "source-unknown"
	codeVarUnknown       diag.Code = "var-unknown"
	codeEnvUnknown       diag.Code = "env-unknown"
	codeConfigUnused     diag.Code = "config-without-effect"
	codeSnapshotConfig   diag.Code = "snapshot-config"
	codeRelationTwice    diag.Code = "relation-twice"
	codeBatches          diag.Code = "microbatch-invalid"
	codeNameTooLong      diag.Code = "name-too-long"
	codeModelEmpty       diag.Code = "model-empty"
	codeModelStatements  diag.Code = "model-statements"
	codeModelNotQuery    diag.Code = "model-not-query"
	codeColumnUnknown    diag.Code = "column-unknown"
	codeColumnsUnknown   diag.Code = "columns-unknown"
	codePart             diag.Code = "cte-unknown"
	codeKeyUnknown       diag.Code = "unique-key-unknown"
	codeAncestryColumn   diag.Code = "ancestry-column"
	codeAncestryKey      diag.Code = "ancestry-key-type"
	codeAncestryThings   diag.Code = "ancestry-things"
	codeSeedColumn       diag.Code = "seed-column-unknown"
	codeTestEmpty        diag.Code = "test-empty"
	codeTestReadsNothing diag.Code = "test-reads-nothing"
	codeTestTwice        diag.Code = "test-twice"
	codeTestThreshold    diag.Code = "test-threshold"
	codeTestSQL          diag.Code = "test-sql"
	codeUnitGiven        diag.Code = "unit-test-given"
	codeUnitCell         diag.Code = "unit-test-column"
	codeUnitExpect       diag.Code = "unit-test-expect"
	codeUnitSQL          diag.Code = "unit-test-sql"
	codeConstraintRef    diag.Code = "constraint-reference"
	codeConstraintColumn diag.Code = "constraint-column"
	codeLabelInvalid     diag.Code = "label-invalid"
	codeInternal         diag.Code = "internal"
)

// Codes is this room's part of the catalogue.
var Codes = slices.Concat(projectCodes, googleCodes, contractCodes, tenantCodes)

// projectCodes are what is said of references, configuration and tests.
var projectCodes = []diag.Entry{
	{Code: codeRefUnknown, Title: "a reference to a model that does not exist", Explain: "ref names a model, seed or snapshot by the name of its file, without folder and extension.", Bad: `select * from {{ ref "stg_order" }}`, Good: `select * from {{ ref "stg_orders" }}`},
	{Code: codeRefVersion, Title: "a reference to a version that does not exist", Explain: "The model has versions, listed in YAML, and the one that ref asks for is not among them. Without a version, ref reads the latest one.", Bad: "# orders: versions: [{v: 1}, {v: 2}]\nselect * from {{ ref \"orders\" 3 }}", Good: "select * from {{ ref \"orders\" 2 }}"},
	{Code: codeRefDisabled, Title: "a reference to a disabled model", Explain: "The model exists, but its configuration says enabled: false, so nothing builds it.", Bad: `{{ ref "old_orders" }} -- old_orders has enabled: false`, Good: `{{ ref "orders" }}`},
	{Code: codeRefPrivate, Title: "a reference to another group's private model", Explain: "A model with access: private may be read only by models of its own group.", Bad: "# finance_raw: access: private, group: finance\nselect * from {{ ref \"finance_raw\" }} -- in a model of group sales", Good: "select * from {{ ref \"finance_public\" }}"},
	{Code: codeRefPackage, Title: "a reference into another package", Explain: "A ref with two names gives the project first. There are no packages: only this project's own name is possible.", Bad: `{{ ref "other_project" "orders" }}`, Good: `{{ ref "orders" }}`},
	{Code: codeRefDynamic, Title: "a reference that cannot be known before the run", Explain: "The order of models is found without running templates. A computed name is accepted when rendering reaches it; here it stands in a branch that was not taken.", Bad: `{{ if false }}{{ ref $name }}{{ end }}`, Good: `{{ ref "orders" }}`},
	{Code: codeRefCycle, Title: "models that read each other in a circle", Explain: "Every model must be built before those that read it, which a circle makes impossible. The chain is shown with the place of each reference.", Bad: "-- a.sql\nselect * from {{ ref \"b\" }}\n-- b.sql\nselect * from {{ ref \"a\" }}", Good: "-- b.sql\nselect * from {{ ref \"stg_a\" }}"},
	{Code: codeRefText, Title: "a reference in YAML that cannot be read", Explain: "In YAML a reference is written ref('name') or source('source', 'table').", Bad: "depends_on: [orders]", Good: "depends_on: [ref('orders')]"},
	{Code: codeSourceUnknown, Title: "a source that is not declared", Explain: "source names a source and one of its tables as declared under sources: in a YAML file.", Bad: `{{ source "app" "ordrs" }}`, Good: `{{ source "app" "orders" }}`},
	{Code: codeVarUnknown, Title: "a variable without a value", Explain: "The variable is neither in vars: of engine.yml, nor in the target, nor given by --vars, and the call has no default.", Bad: `{{ var "start_date" }}`, Good: `{{ var "start_date" "2024-01-01" }}`},
	{Code: codeEnvUnknown, Title: "an environment variable that is not set", Explain: "env_var without a default needs the variable in the environment of the engine.", Bad: `{{ env_var "REGION" }}`, Good: `{{ env_var "REGION" "eu" }}`},
	{Code: codeConfigUnused, Title: "configuration that has no effect here", Explain: "The key means something elsewhere: for incremental models, or for tests that stand at a model. A limit in tag_limits of a target is for a tag that some node has.", Bad: `{{ config "materialized" "table" "incremental_strategy" "merge" }}`, Good: `{{ config "materialized" "incremental" "incremental_strategy" "merge" }}`},
	{Code: codeSnapshotConfig, Title: "a snapshot without what it needs", Explain: "A snapshot needs a unique_key and a strategy: timestamp with updated_at, or check with check_cols.", Bad: `{{ config "strategy" "timestamp" }}`, Good: `{{ config "unique_key" "id" "strategy" "timestamp" "updated_at" "updated_at" }}`},
	{Code: codeBatches, Title: "a model in batches lacks what batches are made by", Explain: "microbatch builds a model in batches of time: event_time is the column with the time, of the model and of what it reads; begin and batch_size say which batches there are. Its inputs are filtered by their event_time, so it asks for neither is_incremental nor this.", Bad: `{{ config "materialized" "incremental" "incremental_strategy" "microbatch" "batch_size" "day" "begin" "2024-01-01" }}`, Good: `{{ config "materialized" "incremental" "incremental_strategy" "microbatch" "event_time" "ordered_at" "batch_size" "day" "begin" "2024-01-01" }}`},
	{Code: codeRelationTwice, Title: "two models for one relation", Explain: "Schema and alias make the relation; two nodes would overwrite each other.", Bad: `{{ config "alias" "orders" }} -- in another model`, Good: `{{ config "alias" "orders_old" }}`},
	{Code: codeNameTooLong, Title: "a name longer than the warehouse allows", Explain: "Set an alias that fits.", Bad: "a file name of 80 letters on PostgreSQL", Good: `{{ config "alias" "short_name" }}`},
	{Code: codeModelEmpty, Title: "a model without SQL", Explain: "A model's text is one query; this one renders to nothing.", Bad: `{{ config "materialized" "table" }}`, Good: "select 1 as id"},
	{Code: codeModelNotQuery, Title: "a model that is a statement", Explain: "A model is the query that returns its rows. The engine writes create, insert and merge around it.", Bad: "create table orders as select 1 as id", Good: "select 1 as id"},
	{Code: codeModelStatements, Title: "more than one statement in a model", Explain: "A model is exactly one query. Statements before or after it belong into pre_hook and post_hook.", Bad: "select 1; select 2", Good: "select 1"},
	{Code: codeColumnsUnknown, Title: "columns that are not known before the run", Explain: "A template asks for the columns of what it reads. They are those that the analysis finds: a source has the ones that are declared with a data_type, and an ephemeral model cannot ask, since its text becomes part of others first.", Bad: `select {{ range columns (source "app" "users") }}{{ .name }}, {{ end }}1 as x`, Good: "sources: [{name: app, tables: [{name: users, columns: [{name: id, data_type: INT64}]}]}]"},
	{Code: codePart, Title: "a common table expression that cannot be shown", Explain: "engine show MODEL --cte NAME shows the rows of a common table expression of the WITH at the beginning of the model's query, or, as OUTER.NAME, of one at the beginning of such a common table expression. One in a subquery may read what only that subquery knows.", Bad: "engine show orders --cte piad", Good: "engine show orders --cte paid"},
	{Code: codeColumnUnknown, Title: "a column that the model does not have", Explain: "YAML describes or tests a column which the model's query does not return.", Bad: "columns: [{name: order_idd, data_tests: [unique]}]", Good: "columns: [{name: order_id, data_tests: [unique]}]"},
	{Code: codeAncestryColumn, Title: "a column of an ancestry's edges that is not there", Explain: "The query of an ancestry model returns edges; ancestry says which of its columns are the parent, the child, the partition and the quantity.", Bad: `{{ config "materialized" "ancestry" "ancestry" (dict "parent" "made_from") }} select lot as child, input as source_lot`, Good: `{{ config "materialized" "ancestry" }} select lot as child_id, input as parent_id`},
	{Code: codeAncestryThings, Title: "an ancestry by things that asks for what pairs have", Explain: "With result: things an ancestry has a row for each thing. Paths and shares belong to a pair of two things, so paths, quantity, total and ratio have nothing to say there.", Bad: `{{ config "materialized" "ancestry" "ancestry" (dict "result" "things" "paths" true) }}`, Good: `{{ config "materialized" "ancestry" "ancestry" (dict "result" "things") }}`},
	{Code: codeAncestryKey, Title: "keys of an ancestry that are not comparable", Explain: "Parent and child name the same things, by a whole number or by a text.", Bad: "select cast(a as string) as parent, b as child", Good: "select a as parent, b as child"},
	{Code: codeKeyUnknown, Title: "a unique_key that the model does not return", Explain: "Incremental models and snapshots find their rows by this column.", Bad: `{{ config "unique_key" "idd" }}`, Good: `{{ config "unique_key" "id" }}`},
	{Code: codeSeedColumn, Title: "column_types for a column that the seed lacks", Explain: "The key must be a name of the file's header.", Bad: "column_types: {zipp: varchar}", Good: "column_types: {zip: varchar}"},
	{Code: codeTestEmpty, Title: "a test without SQL", Explain: "A singular or generic test is a query for the rows that are wrong.", Bad: "-- nothing", Good: "select * from {{ ref \"orders\" }} where amount < 0"},
	{Code: codeTestReadsNothing, Title: "a test that reads no model", Explain: "Without a ref or source the test cannot be bound to a node; it is run last.", Bad: "select 1 where false", Good: "select * from {{ ref \"orders\" }} where amount < 0"},
	{Code: codeTestTwice, Title: "the same test twice", Explain: "Two tests do exactly the same; the second one is left out.", Bad: "data_tests: [unique, unique]", Good: "data_tests: [unique]"},
	{Code: codeTestThreshold, Title: "a threshold that cannot be read", Explain: "warn_if and error_if compare the number of failures: an operator and a whole number.", Bad: `error_if: "many"`, Good: `error_if: "> 10"`},
	{Code: codeTestSQL, Title: "a test whose SQL does not bind", Explain: "The test reads a column or function that does not exist.", Bad: "expression: \"amuont > 0\"", Good: "expression: \"amount > 0\""},
	{Code: codeUnitGiven, Title: "the inputs of a unit test do not fit the model", Explain: "given lists rows for what the model reads; an input may be left out when its columns are known, it is empty then.", Bad: "given: [{input: ref('other'), rows: []}]", Good: "given: [{input: ref('stg_orders'), rows: [{id: 1}]}]"},
	{Code: codeUnitCell, Title: "a column in a unit test that does not exist", Explain: "Rows name columns of the input, or of the model for expect.", Bad: "rows: [{idd: 1}]", Good: "rows: [{id: 1}]"},
	{Code: codeUnitExpect, Title: "a unit test without columns to compare", Explain: "expect with no rows compares all columns, which needs a model whose columns are known.", Bad: "expect: {rows: []} # of a model that is not analyzed", Good: "expect: {rows: [{id: 1}]}"},
	{Code: codeUnitSQL, Title: "a unit test whose SQL does not bind", Explain: "The model's query over the given rows is refused, mostly because of what overrides: put into it.", Bad: "overrides: {vars: {column: amuont}}", Good: "overrides: {vars: {column: amount}}"},
	{Code: codeConstraintRef, Title: "a foreign key to something that cannot have one", Explain: "A foreign key refers to a table: a model, seed or snapshot that is one, or a source.", Bad: "constraints: [{type: foreign_key, columns: [customer_id], to: ref('customer_view'), to_columns: [id]}]", Good: "constraints: [{type: foreign_key, columns: [customer_id], to: ref('customers'), to_columns: [id]}]"},
	{Code: codeConstraintColumn, Title: "a constraint on a column that does not exist", Explain: "Constraints name columns of the model's own result, and to_columns those of what a foreign key refers to.", Bad: "constraints: [{type: primary_key, columns: [idd]}]", Good: "constraints: [{type: primary_key, columns: [id]}]"},
	{Code: codeLabelInvalid, Title: "an entry of meta that cannot be a label", Explain: "With labels_from_meta every entry of meta is a label too: a short text in small letters.", Bad: "meta: {Owner: Ann Lee}\nlabels_from_meta: true", Good: "meta: {owner: ann_lee}\nlabels_from_meta: true"},
	{Code: codeInternal, Title: "a mistake of the engine", Explain: "This should not happen whatever the input is. Please report it with the text that follows.", Bad: "", Good: ""},
}

func refUnknown(name string, at source.Span, candidates []string, units map[string]*unit, n int) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeRefUnknown, Message: fmt.Sprintf("no model named %q", name), At: at, AtText: fmt.Sprintf("not found among %d models, seeds and snapshots", n)}
	if near, ok := diag.Suggest(name, candidates); ok {
		d.Help = fmt.Sprintf("did you mean %q? (%s)", near, units[near].Path)
		if strings.Contains(at.Text(), name) {
			start := strings.Index(at.Text(), name)
			d.Edits = []source.Edit{{At: at.Sub(start, start+len(name)), New: near}}
		}
	} else {
		d.Help = "a model is named after its file: models/.../" + path.Base(name) + ".sql"
	}
	return d
}

func refDisabled(to *unit, at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeRefDisabled, Message: fmt.Sprintf("model %q is disabled", to.ID.Name), At: at, Help: "set enabled: true, or read another model"}
	if where := to.Raw["enabled"].At; !where.IsZero() {
		d.Labels = []diag.Label{{At: where, Text: "disabled here"}}
	}
	return d
}

func refPrivate(to *unit, at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeRefPrivate, Message: fmt.Sprintf("model %q is private to group %q", to.ID.Name, to.Config.Group), At: at,
		Help: fmt.Sprintf("read a public model of the group, or set access: protected in the properties of %q", to.ID.Name)}
	if to.Config.Group == "" {
		d.Message = fmt.Sprintf("model %q is private and belongs to no group", to.ID.Name)
		d.Help = fmt.Sprintf("give %q a group, or set access: protected", to.ID.Name)
	}
	return d
}

func refPackage(name, own string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRefPackage, Message: fmt.Sprintf("no project named %q", name), At: at, Help: fmt.Sprintf("leave the project out, or write %q", own)}
}

func columnsUnknown(to *unit) diag.Diagnostic {
	help := "declare its columns, with their data_type"
	if to.kind != addr.Source {
		help = "declare the columns of the sources below it, with their data_type"
	}
	return diag.Diagnostic{Code: codeColumnsUnknown, Message: fmt.Sprintf("the columns of %s are not known before the run", to.ID.Name), Notes: []string{to.Unanalyzed}, Help: help}
}

func columnsEphemeral(u *unit) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumnsUnknown, Message: fmt.Sprintf("the ephemeral model %s asks for columns", u.ID.Name), At: u.at, Help: "make it a view or a table", Model: u.ID}
}

func refDynamic(call tmpl.Call) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRefDynamic, Message: "the name in this " + call.Fn + " is not known before the run", At: call.Span, Help: "write the name as text, or move the call out of the branch that is not taken"}
}

func refCycle(cycle []addr.Node, at func(from, to addr.Node) source.Span) diag.Diagnostic {
	names := make([]string, 0, len(cycle)+1)
	for _, n := range cycle {
		names = append(names, n.Name)
	}
	names = append(names, cycle[0].Name)
	// cycle follows the data; a ref stands in the reader and names what is read.
	slices.Reverse(names)
	d := diag.Diagnostic{Code: codeRefCycle, Message: "models read each other in a circle: " + strings.Join(names, " → "), Model: cycle[0],
		Help: "break the circle: move what both need into a model of its own"}
	for i := len(cycle) - 1; i >= 0; i-- {
		from, to := cycle[i], cycle[(i+1)%len(cycle)]
		span := at(from, to)
		if d.At.IsZero() {
			d.At, d.AtText = span, fmt.Sprintf("%s reads %s", to.Name, from.Name)
			continue
		}
		d.Labels = append(d.Labels, diag.Label{At: span, Text: fmt.Sprintf("%s reads %s", to.Name, from.Name)})
	}
	return d
}

func badReference(v project.Value[string]) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRefText, Message: fmt.Sprintf("%q is not a reference", v.V), At: v.At, Help: "write ref('model') or source('source', 'table')"}
}

func (c *compiler) sourceUnknown(name, table string, at source.Span) diag.Diagnostic {
	names, tables := c.sourceTables()
	d := diag.Diagnostic{Code: codeSourceUnknown, At: at}
	if known, ok := tables[name]; ok {
		d.Message = fmt.Sprintf("source %q has no table %q", name, table)
		if near, ok := diag.Suggest(table, known); ok {
			d.Help = fmt.Sprintf("did you mean %q?", near)
		} else {
			d.Help = "its tables are " + strings.Join(diag.Nearest(table, known, 8), ", ")
		}
		return d
	}
	d.Message = fmt.Sprintf("no source named %q", name)
	if near, ok := diag.Suggest(name, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	} else {
		d.Help = "declare it under sources: in a YAML file beside the models"
	}
	return d
}

func varUnknown(name string, vars map[string]any) diag.Diagnostic {
	known := make([]string, 0, len(vars))
	for k := range vars {
		known = append(known, k)
	}
	slices.Sort(known)
	d := diag.Diagnostic{Code: codeVarUnknown, Message: fmt.Sprintf("variable %q has no value", name), Help: fmt.Sprintf("add it to vars: in engine.yml, pass --vars '%s: …', or give a default: var %q \"…\"", name, name)}
	if near, ok := diag.Suggest(name, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func envUnknown(name string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeEnvUnknown, Message: fmt.Sprintf("environment variable %q is not set", name), Help: fmt.Sprintf("set it, or give a default: env_var %q \"…\"", name)}
}

func configWithoutIncremental(key, materialized string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeConfigUnused, Message: fmt.Sprintf("%q has no effect on a %s", key, materialized), At: at, Help: `remove it, or set "materialized" "incremental"`}
}

func versionOfOwn(id, builder addr.Node, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeConfigUnused, Message: fmt.Sprintf("\"version_by\" has no effect on %s: %s builds it", id, builder), At: at, Help: "remove it: what this project builds it knows the content of"}
}

func whereOnSingular(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeConfigUnused, Message: `"where" has no effect on a test of its own file`, At: at, Help: "write the condition into the test's SQL"}
}

func snapshotNeeds(key, help string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeSnapshotConfig, Message: fmt.Sprintf("the snapshot has no %q", key), At: at, Help: help}
}

func relationTwice(u, other *unit) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRelationTwice, Message: fmt.Sprintf("%s %q and %s %q are both %s", u.kind, u.ID.Name, other.kind, other.ID.Name, u.Relation), At: u.at, Model: u.ID,
		Labels: []diag.Label{{At: other.at, Text: "the other one"}}, Help: "give one of them another alias or schema"}
}

func failuresTwice(t *Test, rel addr.Relation, other string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRelationTwice, Message: fmt.Sprintf("failing rows of test %q would be kept in %s, which is %s", t.ID.Name, rel, other), At: t.At, Model: t.ID,
		Help: "give the test another alias or schema"}
}

func nameTooLong(u *unit, limit int, warehouse string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNameTooLong, Message: fmt.Sprintf("the name has %d bytes, %s allows %d", len(u.Relation.Name), warehouse, limit), At: u.at, Model: u.ID, Help: `set a shorter one: {{ config "alias" "…" }}`}
}

func modelEmpty(u *unit) diag.Diagnostic {
	return diag.Diagnostic{Code: codeModelEmpty, Message: fmt.Sprintf("%s %q has no SQL", u.kind, u.ID.Name), At: u.at, Help: "write one query"}
}

func modelNotQuery(u *unit, verb string, at source.Span) diag.Diagnostic {
	if at.IsZero() {
		at = u.at
	}
	return diag.Diagnostic{Code: codeModelNotQuery, Message: fmt.Sprintf("%s %q is a statement, not a query", u.kind, u.ID.Name), At: at, AtText: "it begins with " + strings.ToUpper(verb),
		Help: "write the query that returns the rows; the engine writes the statements around it, and others go into pre_hook or post_hook"}
}

func modelStatements(u *unit, at source.Span) diag.Diagnostic {
	if at.IsZero() {
		at = u.at
	}
	return diag.Diagnostic{Code: codeModelStatements, Message: fmt.Sprintf("%s %q has more than one statement", u.kind, u.ID.Name), At: at, AtText: "the second one begins here", Help: "keep one query; put other statements into pre_hook or post_hook"}
}

func columnUnknown(u *unit, d Column, columns []Column) diag.Diagnostic {
	names := columnNames(columns)
	out := diag.Diagnostic{Severity: diag.Warning, Code: codeColumnUnknown, Message: fmt.Sprintf("%q is not a column of %q", d.Name, u.ID.Name), At: d.At, Help: "its columns are " + strings.Join(diag.Nearest(d.Name, names, 6), ", ")}
	if near, ok := diag.Suggest(d.Name, names); ok {
		out.Help = fmt.Sprintf("did you mean %q?", near)
	}
	if u.relied(d.Name) {
		out.Severity = diag.Error
	}
	return out
}

// relied reports whether YAML has tests, policy tags or constraints below the column.
func (u *unit) relied(column string) bool {
	var columns []*project.Column
	if u.Props != nil {
		columns = u.Props.Columns
	} else if u.Source != nil {
		columns = u.Source.Columns
	}
	return slices.ContainsFunc(columns, func(c *project.Column) bool {
		return c.Name.V == column && len(c.Tests)+len(c.PolicyTags)+len(c.Constraints) > 0
	})
}

func columnNames(columns []Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

func keyUnknown(u *unit, key string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeKeyUnknown, Message: fmt.Sprintf("unique_key %q is not a column of %q", key, u.ID.Name), At: u.Raw["unique_key"].At, Model: u.ID, Help: "its columns are " + strings.Join(diag.Nearest(key, columnNames(u.Columns), 6), ", ")}
	if near, ok := diag.Suggest(key, columnNames(u.Columns)); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func seedColumnUnknown(u *unit, name string, names []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeSeedColumn, Message: fmt.Sprintf("seed %q has no column %q", u.ID.Name, name), At: u.Raw["column_types"].At, Model: u.ID, Help: "its header has " + strings.Join(names, ", ")}
	if near, ok := diag.Suggest(name, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func testEmpty(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeTestEmpty, Message: "the test has no SQL", At: at, Help: "write a query for the rows that are wrong"}
}

func testReadsNothing(t *Test) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeTestReadsNothing, Message: fmt.Sprintf("test %q reads no model", t.ID.Name), At: t.At, Help: `read what it tests with {{ ref "…" }}`}
}

func testTwice(t, first *Test) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeTestTwice, Message: "the same test is written twice", At: t.At, Labels: []diag.Label{{At: first.At, Text: "first here"}}, Help: "remove one of them"}
}

func badThreshold(key, text string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeTestThreshold, Message: fmt.Sprintf("%s %q is not a comparison", key, text), At: at, Help: `write an operator and a number: "> 10"`}
}

func givenNotRead(u, to *unit, at source.Span) diag.Diagnostic {
	var reads []string
	for _, p := range u.Parents {
		reads = append(reads, p.Name)
	}
	return diag.Diagnostic{Code: codeUnitGiven, Message: fmt.Sprintf("%q does not read %q", u.ID.Name, to.ID.Name), At: at, Help: "it reads " + strings.Join(reads, ", ")}
}

func givenMissing(to *unit, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUnitGiven, Message: fmt.Sprintf("no rows are given for %q", to.ID.Name), At: at, Notes: []string{fmt.Sprintf("its columns are not known (%s), so it cannot be left out", to.Unanalyzed)}, Help: "add it under given: with at least one row"}
}

func givenThisMissing(u *unit, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUnitGiven, Message: fmt.Sprintf("%q reads itself, but no rows are given for this", u.ID.Name), At: at, Help: "add {input: this, rows: [...]} under given:"}
}

func cellUnknown(name, of string, at source.Span, columns []Column) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeUnitCell, Message: fmt.Sprintf("%q is not a column of %s", name, of), At: at, Help: "its columns are " + strings.Join(diag.Nearest(name, columnNames(columns), 6), ", ")}
	if near, ok := diag.Suggest(name, columnNames(columns)); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func expectNothing(w *project.UnitTest) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUnitExpect, Message: fmt.Sprintf("unit test %q has no columns to compare", w.Name.V), At: w.Name.At, Help: "write at least one row under expect:"}
}

func unitTestBroken(w *project.UnitTest, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUnitSQL, Message: fmt.Sprintf("unit test %q does not bind", w.Name.V), At: w.Name.At, Notes: []string{firstLine(err.Error())}, Cause: err, Help: "look at overrides: and at the types of the given and expected values"}
}

func firstLine(s string) string { s, _, _ = strings.Cut(s, "\n"); return s }

func internal(at source.Span, stage, what string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Internal, Code: codeInternal, Message: "the engine stumbled in " + stage + ": " + what, At: at, Help: "this is a mistake of the engine; please report it"}
}
