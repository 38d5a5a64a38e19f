package materialize

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeKindUnknown   diag.Code = "materialization-unknown"
	codeKeyExpression diag.Code = "unique-key-expression"
	codeColumn        diag.Code = "config-column-unknown"
	codeMergeMissing  diag.Code = "merge-unsupported"
	codeNoKey         diag.Code = "strategy-without-key"
	codeMergeColumns  diag.Code = "merge-columns-twice"
	codeOnlyMerge     diag.Code = "strategy-ignores-key"
	codeSeedUnread    diag.Code = "seed-types-unread"
	codeColumnTaken   diag.Code = "snapshot-column-taken"
	codeNotSnapshot   diag.Code = "snapshot-foreign-table"
	codeColumnType    diag.Code = "config-column-type"
	codeColumnAgain   diag.Code = "config-column-twice"
	codePrimaryKey    diag.Code = "primary-key-twice"
	codeOverwrite     diag.Code = "overwrite-without-partition"
	codePartition     diag.Code = "partition-invalid"
	codeMaterialized  diag.Code = "materialized-view-unsupported"
	codeConfigChange  diag.Code = "configuration-changed"
	codeLayoutLater   diag.Code = "storage-unchanged"
)

const codeAncestryUnread diag.Code = "ancestry-unanalyzed"

func ancestryUnanalyzed(n *compile.Node) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeAncestryUnread, Message: fmt.Sprintf("the edges of %q are not known", n.ID.Name), At: keyAt(n, "materialized", compile.Ancestry), Model: n.ID, Help: "write its query so that it can be analyzed: only then it is known which columns are parent and child"}
	if n.Unanalyzed != "" {
		d.Notes = []string{n.Unanalyzed}
	}
	return d
}

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeKindUnknown, Title: "a materialization that does not exist", Explain: "materialized says how a model becomes real: view, table, incremental or ephemeral.", Bad: `{{ config "materialized" "tabel" }}`, Good: `{{ config "materialized" "table" }}`},
	{Code: codeKeyExpression, Title: "a unique_key that is an expression", Explain: "Rows are matched column by column. A key of several columns is written as a list; a computed key becomes a column of the query.", Bad: `{{ config "unique_key" "tenant_id || '-' || id" }}`, Good: `{{ config "unique_key" (list "tenant_id" "id") }}`},
	{Code: codeColumn, Title: "configuration that names a column which the query does not return", Explain: "merge_update_columns, merge_exclude_columns, updated_at and check_cols name columns of the model's own result.", Bad: `{{ config "updated_at" "updatd_at" }}`, Good: `{{ config "updated_at" "updated_at" }}`},
	{Code: codeMergeMissing, Title: "merge on a warehouse without MERGE", Explain: "The strategy needs a MERGE statement. delete+insert gives the same rows.", Bad: `{{ config "incremental_strategy" "merge" }}`, Good: `{{ config "incremental_strategy" "delete+insert" }}`},
	{Code: codeNoKey, Title: "a strategy that needs a unique_key has none", Explain: "Without a key the new rows cannot be matched with earlier ones, so they are appended.", Bad: `{{ config "materialized" "incremental" "incremental_strategy" "merge" }}`, Good: `{{ config "materialized" "incremental" "incremental_strategy" "merge" "unique_key" "id" }}`},
	{Code: codeMergeColumns, Title: "merge_update_columns and merge_exclude_columns together", Explain: "One lists the columns to update, the other those to leave; only one of them can be meant.", Bad: "merge_update_columns: [a]\nmerge_exclude_columns: [b]", Good: "merge_update_columns: [a]"},
	{Code: codeOnlyMerge, Title: "configuration that the strategy does not use", Explain: "merge_update_columns and merge_exclude_columns are for merge; incremental_predicates are for merge and delete+insert.", Bad: "incremental_strategy: append\nmerge_update_columns: [a]", Good: "incremental_strategy: merge\nmerge_update_columns: [a]"},
	{Code: codeAncestryUnread, Title: "an ancestry whose edges are not known", Explain: "The columns of the edges decide the columns of the pairs, so the query of an ancestry has to be one that the engine can analyze.", Bad: `{{ config "materialized" "ancestry" }} select * from ml.predict(…)`, Good: `{{ config "materialized" "ancestry" }} select input as parent, output as child from …`},
	{Code: codeSeedUnread, Title: "column_types of a seed whose header was not read", Explain: "Types are given by column name, so the file's header has to be read before it is loaded.", Bad: "column_types: {zip: varchar} # with analysis turned off", Good: "column_types: {zip: varchar}"},
	{Code: codeColumnTaken, Title: "a snapshot's query returns a column that the snapshot adds", Explain: "dbt_scd_id, dbt_updated_at, dbt_valid_from, dbt_valid_to and dbt_is_deleted are the snapshot's own columns.", Bad: "select id, now() as dbt_valid_from from app", Good: "select id, now() as seen_at from app"},
	{Code: codeNotSnapshot, Title: "a table that is not a snapshot has the snapshot's name", Explain: "The engine adds to a snapshot and never replaces it, so it does not touch a table that it did not make.", Bad: "a table «orders_history» made by hand, and snapshots/orders_history.sql", Good: `{{ config "alias" "orders_history_v2" }}`},
	{Code: codeColumnType, Title: "a column of a type that a table is not stored by", Explain: "Tables are divided by a column of type DATE, TIMESTAMP, DATETIME or INT64, and clustered by columns that have an order; data_type has to be the column's own type. All targets check this, those without partitions too.", Bad: `{{ config "partition_by" (dict "field" "name") }}`, Good: `{{ config "partition_by" (dict "field" "created_on" "data_type" "date") }}`},
	{Code: codeColumnAgain, Title: "a column is listed twice", Explain: "Rows are kept together by each column once.", Bad: `{{ config "cluster_by" (list "id" "id") }}`, Good: `{{ config "cluster_by" (list "id") }}`},
	{Code: codePrimaryKey, Title: "a relation with two primary keys", Explain: "A primary key of several columns is one constraint that lists them, beside columns.", Bad: "columns: [{name: a, constraints: [{type: primary_key}]}, {name: b, constraints: [{type: primary_key}]}]", Good: "constraints: [{type: primary_key, columns: [a, b]}]"},
	{Code: codeOverwrite, Title: "insert_overwrite without partitions", Explain: "The strategy replaces whole partitions, those of a column, so it needs partition_by. On warehouses without partitions they are ranges of the column's values.", Bad: `{{ config "incremental_strategy" "insert_overwrite" }}`, Good: `{{ config "incremental_strategy" "insert_overwrite" "partition_by" (dict "field" "day" "data_type" "date") }}`},
	{Code: codePartition, Title: "an entry of partitions that is no partition", Explain: "Each entry is the begin of one partition: a value, not an expression.", Bad: `{{ config "partitions" (list "current_date()") }}`, Good: `{{ config "partitions" (list "2024-01-31") }}`},
	{Code: codeMaterialized, Title: "a materialized view on a warehouse that has none", Explain: "A table has the same rows after every build.", Bad: `{{ config "materialized" "materialized_view" }}`, Good: `{{ config "materialized" "table" }}`},
	{Code: codeLayoutLater, Title: "changed indexes or constraints of a table that stays", Explain: "Indexes, constraints and unlogged are made with a table. An incremental model or a snapshot keeps the table it has, so the change holds from the next time it is built from nothing.", Bad: "a new entry of indexes: of an incremental model that exists", Good: "engine build --full-refresh --select orders"},
	{Code: codeConfigChange, Title: "the configuration of a materialized view changed", Explain: "on_configuration_change says what happens then: apply makes the view anew, continue leaves it as it is and warns, fail stops. A changed query is always made anew.", Bad: `{{ config "on_configuration_change" "fail" "cluster_by" "another_column" }}`, Good: `{{ config "on_configuration_change" "apply" "cluster_by" "another_column" }}`},
}

// keyAt is the place of a configuration key, or of name inside its value.
func keyAt(n *compile.Node, key, name string) source.Span {
	at := n.Raw[key].At
	if at.IsZero() {
		if n.File != nil {
			return n.File.Whole()
		}
		return source.Span{}
	}
	if i := strings.Index(at.Text(), name); name != "" && i >= 0 {
		return at.Sub(i, i+len(name))
	}
	return at
}

func kindUnknown(n *compile.Node) diag.Diagnostic {
	name := kindName(n)
	var names []string
	for _, k := range Kinds {
		if k.Name != "seed" && k.Name != "snapshot" {
			names = append(names, k.Name)
		}
	}
	d := diag.Diagnostic{Code: codeKindUnknown, Message: fmt.Sprintf("no materialization %q", name), At: keyAt(n, "materialized", name), Model: n.ID, Help: "known are " + strings.Join(names, ", ")}
	if near, ok := diag.Suggest(name, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func keyExpression(n *compile.Node, key string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeKeyExpression, Message: fmt.Sprintf("unique_key %q is an expression", key), At: keyAt(n, "unique_key", key), Model: n.ID,
		Help: "list the columns, or add the expression to the query as a column of its own"}
}

func columnUnknown(n *compile.Node, key, name string) diag.Diagnostic {
	names := make([]string, len(n.Columns))
	for i, c := range n.Columns {
		names[i] = c.Name
	}
	d := diag.Diagnostic{Code: codeColumn, Message: fmt.Sprintf("%s %q is not a column of %q", key, name, n.ID.Name), At: keyAt(n, key, name), Model: n.ID,
		Help: "its columns are " + strings.Join(diag.Nearest(name, names, 6), ", ")}
	if near, ok := diag.Suggest(name, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func mergeUnsupported(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{Code: codeMergeMissing, Message: "the target has no MERGE statement", At: keyAt(n, "incremental_strategy", strategyMerge), Model: n.ID,
		Help: `use "delete+insert"`}
}

func strategyWithoutKey(n *compile.Node, way string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeNoKey, Message: fmt.Sprintf("strategy %q has no unique_key, so rows are appended", way), At: keyAt(n, "incremental_strategy", way), Model: n.ID,
		Help: `set "unique_key", or say "append" if that is meant`}
}

func mergeColumnsTwice(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{Code: codeMergeColumns, Message: "merge_update_columns and merge_exclude_columns exclude each other", At: keyAt(n, "merge_exclude_columns", ""), Model: n.ID,
		Labels: []diag.Label{{At: keyAt(n, "merge_update_columns", ""), Text: "the columns to update are listed here"}}, Help: "keep one of them"}
}

func onlyFor(n *compile.Node, key, way, wanted string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeOnlyMerge, Message: fmt.Sprintf("%s has no effect with strategy %q", key, way), At: keyAt(n, key, ""), Model: n.ID,
		Help: fmt.Sprintf(`remove it, or set "incremental_strategy" %q`, wanted)}
}

func seedUnread(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{Code: codeSeedUnread, Message: fmt.Sprintf("the types of seed %q cannot be given to its columns", n.ID.Name), At: keyAt(n, "column_types", ""), Model: n.ID,
		Notes: []string{"its header is not known: " + n.Unanalyzed}, Help: "run with analysis on, or remove column_types"}
}

func snapshotColumnTaken(n *compile.Node, name string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumnTaken, Message: fmt.Sprintf("the query of snapshot %q returns %q", n.ID.Name, name), At: keyAt(n, "", ""), Model: n.ID,
		Help: "rename the column: the snapshot adds one of this name"}
}

func notASnapshot(n *compile.Node, column string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNotSnapshot, Message: fmt.Sprintf("%s is a table that no snapshot made", n.Relation), At: keyAt(n, "", ""), Model: n.ID,
		Notes: []string{fmt.Sprintf("it has no column %q", column)}, Help: "rename or drop the table, or give the snapshot another alias"}
}

func columnUnfit(n *compile.Node, key, name string, t *ir.Type, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumnType, Message: fmt.Sprintf("%s %q of %q is %s: %s", key, name, n.ID.Name, t, why), At: keyAt(n, key, name), Model: n.ID, Help: help}
}

func columnTwice(n *compile.Node, key, name string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumnAgain, Message: fmt.Sprintf("%s lists %q twice", key, name), At: keyAt(n, key, name), Model: n.ID, Help: "list it once"}
}

func primaryKeyTwice(n *compile.Node) diag.Diagnostic {
	d := diag.Diagnostic{Code: codePrimaryKey, Message: fmt.Sprintf("%q has more than one primary key", n.ID.Name), At: keyAt(n, "", ""), Model: n.ID,
		Help: "a key of several columns is one constraint, beside columns: {type: primary_key, columns: [a, b]}"}
	if n.Props == nil {
		return d
	}
	var places []source.Span
	for _, c := range n.Props.Constraints {
		if c.Type.V == "primary_key" {
			places = append(places, c.At)
		}
	}
	for _, col := range n.Props.Columns {
		for _, c := range col.Constraints {
			if c.Type.V == "primary_key" {
				places = append(places, c.At)
			}
		}
	}
	if len(places) > 1 {
		d.At, d.Labels = places[1], []diag.Label{{At: places[0], Text: "the first one"}}
	}
	return d
}

func overwriteNothing(n *compile.Node, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeOverwrite, Message: fmt.Sprintf("%q cannot replace partitions: %s", n.ID.Name, why), At: keyAt(n, "incremental_strategy", strategyOverwrite), Model: n.ID, Help: help}
}

func partitionLiteral(n *compile.Node, written, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePartition, Message: fmt.Sprintf("%q is no partition of %q: %s", written, n.ID.Name, why), At: keyAt(n, "partitions", written), Model: n.ID, Help: help}
}

func batchesUnfit(n *compile.Node, key, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePartition, Message: fmt.Sprintf("%q cannot be built in batches: %s", n.ID.Name, why), At: keyAt(n, key, ""), Model: n.ID, Help: help}
}

func materializedViewUnsupported(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{Code: codeMaterialized, Message: "the target has no materialized views", At: keyAt(n, "materialized", "materialized_view"), Model: n.ID, Help: `use "materialized" "table": it has the same rows after every build`}
}

func configurationKept(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeConfigChange, Message: fmt.Sprintf("the configuration of materialized view %q changed, and is not applied", n.ID.Name), At: keyAt(n, "on_configuration_change", "continue"), Model: n.ID,
		Help: "apply it with --full-refresh"}
}

func configurationChanged(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{Code: codeConfigChange, Message: fmt.Sprintf("the configuration of materialized view %q changed", n.ID.Name), At: keyAt(n, "on_configuration_change", "fail"), Model: n.ID,
		Help: "apply it with --full-refresh"}
}

func layoutLater(n *compile.Node) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Warning, Code: codeLayoutLater, Message: fmt.Sprintf("indexes, constraints or unlogged of %q changed, and the table that exists stays as it is", n.ID.Name), At: keyAt(n, "indexes", ""), Model: n.ID,
		Help: "--full-refresh builds it from nothing with them"}
	if n.ID.Kind == addr.Snapshot {
		d.Help = "history is never made again: change the table itself"
	}
	return d
}
