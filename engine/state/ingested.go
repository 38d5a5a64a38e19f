package state

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Ingest is the last time that rows of a source were landed in a relation. Whose project and
// target it was does not matter: it is about the relation.
type Ingest struct {
	Source   addr.Node
	Relation addr.Relation
	Kind     string // of ingestion
	Mode     string // what was read
	Run      string
	At       time.Time
	Rows     int64 // that were read
	Total    int64 // that were there afterwards, -1 where nobody counted
	// Form is the hash of what decides how rows are read; empty where nobody asks for it.
	Form string
}

// IngestedFile is a file whose rows are in a relation.
type IngestedFile struct {
	File string
	Hash string // of its bytes
	// Form is the hash of what decides how the file is read.
	Form string
	// Rows are those that landed, Rejects those that were left out, Size its bytes.
	Rows, Rejects, Size int64
	Run                 string
	At                  time.Time
}

// The tables below are made when they are first written to. Their rows are about relations,
// which several projects may read, so they have no scope.
var (
	ingests = table{
		name:    "ingests",
		columns: []string{"relation", "source", "kind", "mode", "run_id", "at", "rows", "total", "form"},
		added:   []string{"form"},
	}
	ingestedFiles = table{
		name:    "ingested_files",
		columns: []string{"relation", "file", "hash", "form", "rows", "rejects", "bytes", "run_id", "at"},
	}
)

func ingestColumns(t table, d warehouse.Dialect) []warehouse.Column {
	out := t.typed(d)
	for i := range out {
		if out[i].Name == "total" || out[i].Name == "rejects" {
			out[i].Type = "BIGINT"
		}
	}
	return out
}

// relationKey is the same for names that are the same to the warehouse.
func relationKey(d warehouse.Dialect, rel addr.Relation) string {
	key := rel.String()
	if d.Caps().FoldsCase {
		key = strings.ToLower(key)
	}
	return key
}

// IngestSetup makes the tables that the operations below write to, unless they exist. It does
// not belong into a transaction.
func IngestSetup(d warehouse.Dialect, database string) []warehouse.Op {
	ops := []warehouse.Op{warehouse.CreateSchema{Database: database, Schema: Schema}}
	for _, t := range []table{ingests, ingestedFiles} {
		ops = append(ops, warehouse.CreateTable{Target: t.relation(database), Columns: ingestColumns(t, d), IfNotExists: true})
	}
	return ops
}

// IngestLackingOps add the columns that the tables of an earlier engine lack. Like IngestSetup
// they do not belong into a transaction; before it they find nothing.
func IngestLackingOps(ctx context.Context, c warehouse.Conn, database string) ([]warehouse.Op, error) {
	found, err := c.Inspect(ctx, []addr.Relation{ingests.relation(database)})
	if err != nil {
		return nil, fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	var lacks []warehouse.Column
	for _, rel := range found {
		for _, col := range ingestColumns(ingests, c.Dialect()) {
			if slices.Contains(ingests.added, col.Name) && !has(rel, col.Name) {
				lacks = append(lacks, col)
			}
		}
	}
	if len(lacks) == 0 {
		return nil, nil
	}
	return []warehouse.Op{warehouse.AddColumns{Target: ingests.relation(database), Columns: lacks}}, nil
}

// IngestOps records that rows were landed in a relation. They belong into the transaction
// that publishes the rows, where the warehouse has transactions.
func IngestOps(d warehouse.Dialect, database string, r Ingest) []warehouse.Op {
	target, key := ingests.relation(database), relationKey(d, r.Relation)
	return []warehouse.Op{
		deleteRows(d, target, key, ""),
		warehouse.InsertValues{Target: target, Columns: ingestColumns(ingests, d), Rows: [][]any{
			{key, r.Source.Name, r.Kind, r.Mode, r.Run, stamp(r.At), r.Rows, r.Total, r.Form},
		}},
	}
}

// filesAtOnce is how many files are recorded by one statement. BigQuery takes statements of
// one megabyte.
const filesAtOnce = 500

// IngestedFilesOps records the files whose rows are in a relation. With all they are the only
// ones; otherwise they are added to those that are recorded, or take the place of what is
// recorded of the same files.
func IngestedFilesOps(d warehouse.Dialect, database string, rel addr.Relation, files []IngestedFile, all bool) []warehouse.Op {
	target, key := ingestedFiles.relation(database), relationKey(d, rel)
	var ops []warehouse.Op
	if all {
		ops = append(ops, deleteRows(d, target, key, ""))
	}
	for len(files) > 0 {
		part := files[:min(len(files), filesAtOnce)]
		files = files[len(part):]
		rows := make([][]any, len(part))
		names := make([]string, len(part))
		for i, f := range part {
			names[i] = d.Literal(f.File)
			rows[i] = []any{key, f.File, f.Hash, f.Form, f.Rows, f.Rejects, f.Size, f.Run, stamp(f.At)}
		}
		if !all {
			ops = append(ops, deleteRows(d, target, key, " AND "+d.Ident("file")+" IN ("+strings.Join(names, ", ")+")"))
		}
		ops = append(ops, warehouse.InsertValues{Target: target, Columns: ingestColumns(ingestedFiles, d), Rows: rows})
	}
	return ops
}

func deleteRows(d warehouse.Dialect, target addr.Relation, key, more string) warehouse.Op {
	return warehouse.SQL{Text: fmt.Sprintf("DELETE FROM %s WHERE %s = %s%s", d.Quote(target), d.Ident("relation"), d.Literal(key), more)}
}

// ReadIngests reads when the relations were last landed in. What is not recorded is not in
// the answer.
func ReadIngests(ctx context.Context, c warehouse.Conn, database string, relations []addr.Relation) (map[addr.Relation]Ingest, error) {
	out := map[addr.Relation]Ingest{}
	d := c.Dialect()
	found, err := c.Inspect(ctx, []addr.Relation{ingests.relation(database)})
	if err != nil {
		return out, fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	if len(found) == 0 || len(relations) == 0 {
		return out, nil
	}
	// An earlier engine's table lacks columns; they are last, and nothing is known of them.
	columns := slices.DeleteFunc(slices.Clone(ingests.columns), func(name string) bool { return slices.Contains(ingests.added, name) && !has(found[0], name) })
	asked := map[string][]addr.Relation{}
	for _, rel := range relations {
		key := relationKey(d, rel)
		asked[key] = append(asked[key], rel)
	}
	sql := "SELECT " + listOf(d, columns) + " FROM " + d.Quote(ingests.relation(database))
	err = query(ctx, c, sql, "read "+Schema+"."+ingests.name, func(v []any) {
		for _, rel := range asked[text(v[0])] {
			in := Ingest{Source: addr.Node{Kind: addr.Source, Name: text(v[1])}, Relation: rel, Kind: text(v[2]), Mode: text(v[3]), Run: text(v[4]), Rows: number(v[6]), Total: number(v[7])}
			in.At, _ = v[5].(time.Time)
			if len(v) > 8 {
				in.Form = text(v[8])
			}
			out[rel] = in
		}
	})
	return out, err
}

// ReadIngestedFiles reads which files have rows in a relation, by name.
func ReadIngestedFiles(ctx context.Context, c warehouse.Conn, database string, rel addr.Relation) ([]IngestedFile, error) {
	d := c.Dialect()
	there, err := hasTable(ctx, c, ingestedFiles.relation(database))
	if err != nil || !there {
		return nil, err
	}
	var out []IngestedFile
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s = %s ORDER BY %s", listOf(d, ingestedFiles.columns[1:]), d.Quote(ingestedFiles.relation(database)),
		d.Ident("relation"), d.Literal(relationKey(d, rel)), d.Ident("file"))
	err = query(ctx, c, sql, "read "+Schema+"."+ingestedFiles.name, func(v []any) {
		f := IngestedFile{File: text(v[0]), Hash: text(v[1]), Form: text(v[2]), Rows: number(v[3]), Rejects: number(v[4]), Size: number(v[5]), Run: text(v[6])}
		f.At, _ = v[7].(time.Time)
		out = append(out, f)
	})
	return out, err
}

func hasTable(ctx context.Context, c warehouse.Conn, rel addr.Relation) (bool, error) {
	found, err := c.Inspect(ctx, []addr.Relation{rel})
	if err != nil {
		return false, fmt.Errorf("inspect schema %s: %w", rel.Schema, err)
	}
	return len(found) > 0, nil
}

func listOf(d warehouse.Dialect, names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = d.Ident(n)
	}
	return strings.Join(quoted, ", ")
}
