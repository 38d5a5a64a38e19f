package state

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Schema holds the engine's own tables in every database that it builds in.
const Schema = "_engine"

// Scope says whose records: one project in one target schema. Projects and developers
// that share a database share the tables, and their records do not mix.
type Scope struct {
	Database string // empty: the connection's own
	Project  string
	Schema   string // the target's schema
}

// String is the value of the column scope.
func (s Scope) String() string { return s.Project + "/" + s.Schema }

// Run is one run of the engine, for the record.
type Run struct {
	ID         string
	Start, End time.Time
	Verdict    string // one word: done, failed, canceled
	Engine     string // version of the engine
	Target     string
}

// table describes one of the state tables: which columns, what a record is about and
// what orders the records of one thing.
type table struct {
	name    string
	columns []string
	added   []string // those of columns that tables of an earlier engine may lack
	subject string   // column that names what a row is about
	at      string   // column that orders the rows of one subject
	id      string   // column that tells the rows of one subject apart
}

var (
	builds = table{
		name: "node_builds",
		columns: []string{"scope", "node", "relation_database", "relation_schema", "relation_name", "kind", "materialized",
			"fingerprint", "version", "inputs", "rows", "built_at", "millis", "run_id", "bytes", "billed", "slot_millis", "definition", "content", "checksum", "tests"},
		added:   []string{"bytes", "billed", "slot_millis", "definition", "content", "checksum", "tests"},
		subject: "node", at: "built_at", id: "run_id",
	}
	passes = table{
		name:    "test_outcomes",
		columns: []string{"scope", "test", "fingerprint", "inputs", "failures", "at", "run_id"},
		subject: "test", at: "at", id: "run_id",
	}
	runs = table{
		name:    "runs",
		columns: []string{"scope", "run_id", "started_at", "ended_at", "verdict", "engine_version", "target", "project"},
		subject: "scope", at: "started_at", id: "run_id",
	}
	tables = []table{builds, passes, runs, definitions, outcomes}
)

func (t table) relation(database string) addr.Relation {
	return addr.Relation{Database: database, Schema: Schema, Name: t.name}
}

// typed gives the columns in d's own types.
func (t table) typed(d warehouse.Dialect) []warehouse.Column {
	out := make([]warehouse.Column, len(t.columns))
	for i, name := range t.columns {
		typ := d.Words().Text()
		switch name {
		case "rows", "millis", "failures", "bytes", "billed", "slot_millis", "tests":
			typ = "BIGINT"
		case "built_at", "at", "started_at", "ended_at":
			typ = d.Words().Timestamp()
		}
		out[i] = warehouse.Column{Name: name, Type: typ, Nullable: true}
	}
	return out
}

// Setup makes the schema and the tables unless they exist.
func Setup(d warehouse.Dialect, database string) []warehouse.Op {
	ops := []warehouse.Op{warehouse.CreateSchema{Database: database, Schema: Schema}}
	for _, t := range tables {
		ops = append(ops, warehouse.CreateTable{Target: t.relation(database), Columns: t.typed(d), IfNotExists: true})
	}
	return ops
}

// Tables are those of the state tables that a database has, by name, with their columns.
type Tables map[string]warehouse.Relation

// Look finds the state tables of a database.
func Look(ctx context.Context, c warehouse.Conn, database string) (Tables, error) {
	var asked []addr.Relation
	for _, t := range slices.Concat(tables, extra, []table{profiles}) {
		asked = append(asked, t.relation(database))
	}
	found, err := c.Inspect(ctx, asked)
	if err != nil {
		return nil, fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	out := make(Tables, len(found))
	for _, r := range found {
		out[strings.ToLower(r.Name.Name)] = r
	}
	return out, nil
}

// Missing lists what Setup would do that is not done yet: on a warehouse where every
// statement is a job of its own, four needless ones are worth sparing. Columns that a
// table of an earlier engine lacks are added.
func (have Tables) Missing(d warehouse.Dialect, database string) []warehouse.Op {
	if len(have) == 0 {
		return Setup(d, database)
	}
	var ops []warehouse.Op
	for _, t := range tables {
		rel, ok := have[t.name]
		if !ok {
			ops = append(ops, warehouse.CreateTable{Target: t.relation(database), Columns: t.typed(d), IfNotExists: true})
			continue
		}
		var lacks []warehouse.Column
		for _, col := range t.typed(d) {
			if slices.Contains(t.added, col.Name) && !has(rel, col.Name) {
				lacks = append(lacks, col)
			}
		}
		if len(lacks) > 0 {
			ops = append(ops, warehouse.AddColumns{Target: t.relation(database), Columns: lacks})
		}
	}
	return ops
}

func has(r warehouse.Relation, column string) bool {
	return slices.ContainsFunc(r.Columns, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, column) })
}

// BuiltOp records that nodes were published in a run. It belongs into the transaction
// that publishes, where the warehouse has transactions.
func BuiltOp(d warehouse.Dialect, s Scope, runID string, records ...Record) warehouse.Op {
	rows := make([][]any, len(records))
	for i, r := range records {
		rows[i] = []any{s.String(), r.Node.String(), r.Relation.Database, r.Relation.Schema, r.Relation.Name, string(r.Kind),
			r.Materialized, r.Fingerprint, r.Version, encodeInputs(r.Inputs), r.Rows, stamp(r.At), r.Millis, runID, r.Bytes, r.Billed, r.SlotMillis, r.Definition,
			encodeContent(r.Content), r.Checksum, r.Tests}
	}
	return warehouse.InsertValues{Target: builds.relation(s.Database), Columns: builds.typed(d), Rows: rows}
}

// PassedOps records the tests that let their nodes pass in a run, those of severity warn
// with what they found; no records, no operation.
func PassedOps(d warehouse.Dialect, s Scope, runID string, records []TestRecord) []warehouse.Op {
	if len(records) == 0 {
		return nil
	}
	rows := make([][]any, len(records))
	for i, r := range records {
		rows[i] = []any{s.String(), r.Test.String(), r.Fingerprint, encodeInputs(r.Inputs), r.Failures, stamp(r.At), runID}
	}
	return []warehouse.Op{warehouse.InsertValues{Target: passes.relation(s.Database), Columns: passes.typed(d), Rows: rows}}
}

// RunOp records a finished run.
func RunOp(d warehouse.Dialect, s Scope, r Run) warehouse.Op {
	return warehouse.InsertValues{Target: runs.relation(s.Database), Columns: runs.typed(d), Rows: [][]any{
		{s.String(), r.ID, stamp(r.Start), stamp(r.End), r.Verdict, r.Engine, r.Target, s.Project},
	}}
}

// stamp cuts a time to what every warehouse stores.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// encodeInputs gives one text per map: json sorts the keys.
func encodeInputs(in map[addr.Node]string) string {
	if len(in) == 0 {
		return "{}"
	}
	b, err := json.Marshal(in)
	if err != nil {
		panic(fmt.Sprintf("state: strings do not marshal: %v", err))
	}
	return string(b)
}

// decodeInputs reads what encodeInputs wrote. Text that is not ours counts as no inputs,
// so that the node is built again.
func decodeInputs(text string) map[addr.Node]string {
	out := map[addr.Node]string{}
	if json.Unmarshal([]byte(text), &out) != nil {
		return map[addr.Node]string{}
	}
	return out
}
