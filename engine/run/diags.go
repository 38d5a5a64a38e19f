package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	codeTestFailed    diag.Code = "test-failed"
	codeUnitFailed    diag.Code = "unit-test-failed"
	codeNotStored     diag.Code = "failures-not-stored"
	codeSchemaChanged diag.Code = "schema-changed"
	codeHook          diag.Code = "hook-failed"
	codeState         diag.Code = "state-not-written"
	codeStumbled      diag.Code = "run-stumbled"
	codeRequirement   diag.Code = "rows-not-mergeable"
	codeNotPublished  diag.Code = "not-published"
	codeSpent         diag.Code = "budget-spent"
	codeContract      diag.Code = "contract-broken"
)

// Codes is this room's part of the catalogue.
var Codes = slices.Concat(runCodes, closureCodes, leaseCodes, togetherCodes)

var runCodes = []diag.Entry{
	{Code: codeTestFailed, Title: "a data test found rows", Explain: "The rows shown break the test. With severity error the model is not published: readers keep the previous version.", Bad: "data_tests: [not_null] # and a NULL in the column", Good: "data_tests: [{not_null: {config: {severity: warn}}}] # if the rows are expected"},
	{Code: codeUnitFailed, Title: "a unit test got other rows than expected", Explain: "Rows with a minus were expected and are missing, rows with a plus came instead. The model is not built.", Bad: "expect: {rows: [{total: 3}]} # the model gives 4", Good: "expect: {rows: [{total: 4}]}"},
	{Code: codeNotStored, Title: "failing rows that could not be stored", Explain: "store_failures asks for a table with the failing rows, and the warehouse refused to make it. The test's verdict stands.", Bad: "store_failures: true # without the right to create tables", Good: "store_failures: false"},
	{Code: codeSchemaChanged, Title: "columns changed in an incremental model", Explain: "on_schema_change: fail stops when the query's columns and the table's differ.", Bad: `{{ config "on_schema_change" "fail" }} -- and a new column`, Good: `{{ config "on_schema_change" "append_new_columns" }}`},
	{Code: codeHook, Title: "a hook that the warehouse refuses", Explain: "A statement of pre_hook, post_hook, on-run-start or on-run-end failed. A model whose hook fails is not published; after a failure in on-run-start nothing is built.", Bad: "on-run-end: [grant all on everything]", Good: "on-run-end: [\"analyze\"]"},
	{Code: codeState, Title: "the record of the run could not be written", Explain: "What was built is right; the next build may build some of it again.", Bad: "a full disk at the end of a run", Good: ""},
	{Code: codeRequirement, Title: "rows that cannot be merged", Explain: "An incremental model or a snapshot finds the row to change by its unique_key, so two new rows may not share a key and no key may be NULL. The table stays as it was.", Bad: "select id, v from {{ ref \"raw\" }} -- with id = 1 twice", Good: "select id, max(v) as v from {{ ref \"raw\" }} group by id"},
	{Code: codeNotPublished, Title: "a result that could not be published", Explain: "The query was right, and the warehouse could not begin or commit the transaction that shows its result to readers, mostly for lack of room or permission. Readers keep the previous version.", Bad: "a full disk", Good: ""},
	{Code: codeSpent, Title: "the budget of the run is used up", Explain: "The run has been billed for as many bytes as --max-bytes, --max-cost or the target's max_bytes_per_run and max_cost_per_run allow. The statement was not sent, what it belongs to is not published, and nothing else is begun. It happens where costs were not known before: --allow-unknown-cost.", Bad: "engine build --max-bytes 1GB --allow-unknown-cost # and 2 GB are read", Good: "engine build --max-bytes 3GB --allow-unknown-cost"},
	{Code: codeContract, Title: "a result that is not what the contract promises", Explain: "The columns of a model with an enforced contract that could not be checked before, because its query is not analyzed or its table is older than the query, are looked at once it is built. The model is not published: readers keep the previous version.", Bad: "columns: [{name: id, data_type: INT64}] # of a model that reads a file in which id is a text", Good: "columns: [{name: id, data_type: STRING}]"},
	{Code: codeStumbled, Title: "a mistake of the engine while building", Explain: "This should not happen whatever the input is. The node was not published. Please report it.", Bad: "", Good: ""},
}

func testFailed(a *plan.Action, t *plan.Test, out *TestResult) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeTestFailed, Message: fmt.Sprintf("%s: %d %s", t.Sentence, out.Failures, failures(out.Failures)), At: t.At, Model: t.ID}
	if t.Sentence == "" {
		d.Message = fmt.Sprintf("test %q found %d %s", t.ID.Name, out.Failures, failures(out.Failures))
	}
	if out.Status == Warned {
		d.Severity = diag.Warning
	} else if a.Verb != plan.Check {
		d.Notes = append(d.Notes, readersSee(a))
	}
	if !out.Stored.IsZero() {
		d.Notes = append(d.Notes, fmt.Sprintf("the failing rows are in %s", out.Stored))
	}
	return d
}

// readersSee says what readers see now. A view holds no rows: the old one reads what is
// below it as it is today.
func readersSee(a *plan.Action) string {
	switch {
	case a.Verb == plan.Create:
		return fmt.Sprintf("%s is not published", a.Relation)
	case a.Kind == warehouse.View:
		return fmt.Sprintf("%s is not published: readers keep the previous view", a.Relation)
	}
	return fmt.Sprintf("%s is not published: readers keep the previous version", a.Relation)
}

func failures(n int64) string {
	if n == 1 {
		return "failure"
	}
	return "failures"
}

func unitTestFailed(t *plan.UnitTest, missing, surplus int) diag.Diagnostic {
	return diag.Diagnostic{Code: codeUnitFailed, Message: fmt.Sprintf("unit test %q: expected rows missing: %d, rows that were not expected: %d", t.ID.Name, missing, surplus), At: t.At, Model: t.ID}
}

func notStored(t *plan.Test, err error) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeNotStored, Message: fmt.Sprintf("the failing rows of %q are not stored", t.ID.Name), At: t.At, Model: t.ID, Notes: []string{err.Error()}, Cause: err}
}

func schemaChanged(a *plan.Action, err *warehouse.SchemaChangeError) diag.Diagnostic {
	return diag.Diagnostic{Code: codeSchemaChanged, Message: err.Error(), At: a.Origin.At, Cause: err, Help: "rebuild with --full-refresh, or set on_schema_change to append_new_columns or sync_all_columns"}
}

func contractBroken(a *plan.Action, err *warehouse.ContractError) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeContract, Message: fmt.Sprintf("what %q returns is not what its contract promises", a.Node.Name), At: a.Origin.At, Cause: err, Notes: err.Parts(),
		Help: "correct the query or the columns in YAML; what was there before stays as it was"}
	if a.Verb == plan.Update {
		d.Help = "correct the query or the columns in YAML; rows that were there before follow with --full-refresh"
	}
	return d
}

func hookFailed(when, text string, d warehouse.Dialect, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeHook, Message: when + " hook: " + warehouse.Explain(d, err).Message, Notes: []string{text}, Cause: err}
}

func hookUnmade(err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeHook, Message: "the statements of on-run-end cannot be made from the results of this run", Notes: []string{err.Error()}, Cause: err}
}

func requirementUnmet(a *plan.Action, d warehouse.Dialect, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRequirement, Message: warehouse.Explain(d, err).Message, At: a.Origin.At, Cause: err,
		Notes: []string{fmt.Sprintf("%s stays as it was", a.Relation)}, Help: "let the query return one row per unique_key, or add columns to the key"}
}

func publishRefused(a *plan.Action, d warehouse.Dialect, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNotPublished, Message: fmt.Sprintf("%s is built, but could not be published", a.Relation), Cause: err,
		Notes: []string{warehouse.Explain(d, err).Message}, Help: "look at room and permissions of the warehouse; readers keep the previous version"}
}

func budgetSpent(limit int64) diag.Diagnostic {
	return diag.Diagnostic{Code: codeSpent, Message: fmt.Sprintf("not sent: the budget of this run, %s billed, is used up", warehouse.FormatSize(limit)), Help: "raise the budget, then engine retry does the rest"}
}

func stateNotWritten(err error) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeState, Message: "the record of this run is not written", Notes: []string{err.Error()}, Cause: err, Help: "what was built is right; the next build may build some of it again"}
}

func stumbled(a *plan.Action, what any) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Internal, Code: codeStumbled, Message: fmt.Sprintf("the engine stumbled over %s: %v", a.Node, what), At: a.Origin.At, Model: a.Node, Help: "this is a mistake of the engine; please report it"}
}

// frameLimit is the size up to which a seed file is read again to show the line at fault.
const frameLimit = 32 << 20

// seedErrors words what a loader refused, one diagnostic per record, each framed at its
// line in the file.
func seedErrors(dir, path string, err error) diag.List {
	file := source.NewFile(path, nil)
	full := filepath.Join(dir, filepath.FromSlash(path))
	if info, statErr := os.Stat(full); statErr == nil && info.Size() <= frameLimit {
		if data, readErr := os.ReadFile(full); readErr == nil {
			file = source.NewFile(path, data)
		}
	}
	return warehouse.TraceLoad(file, err)
}
