package state

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/definition"
	"github.com/engine-build/engine/engine/warehouse"
)

// projects keeps the definitions of a project as it was last built on a target, so that
// others can be compared with it: the file form, compressed, in parts that fit into one
// statement each. It is made when it is first written to.
var projects = table{
	name:    "project_definitions",
	columns: []string{"scope", "run_id", "hash", "part", "parts", "definitions", "at"},
	subject: "scope", at: "at", id: "run_id",
}

// partSize is the most text in one row. BigQuery takes statements of one megabyte.
const partSize = 600_000

// projectColumns are typed: part and parts are numbers.
func projectColumns(d warehouse.Dialect) []warehouse.Column {
	out := projects.typed(d)
	for i := range out {
		if out[i].Name == "part" || out[i].Name == "parts" {
			out[i].Type = "BIGINT"
		}
	}
	return out
}

// ReadProject reads the definitions that were last written to a scope, and their hash. nil:
// there are none.
func ReadProject(ctx context.Context, c warehouse.Conn, s Scope) (*definition.Set, string, error) {
	d := c.Dialect()
	run, hash, err := newestProject(ctx, c, s)
	if err != nil || run == "" {
		return nil, "", err
	}
	sql := fmt.Sprintf("SELECT %s, %s, %s FROM %s WHERE %s = %s AND %s = %s ORDER BY %s", d.Ident("part"), d.Ident("parts"), d.Ident("definitions"),
		d.Quote(projects.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()), d.Ident("run_id"), d.Literal(run), d.Ident("part"))
	var joined strings.Builder
	next, want := int64(0), int64(-1)
	whole := true
	err = query(ctx, c, sql, "read "+Schema+"."+projects.name, func(v []any) {
		whole = whole && number(v[0]) == next
		next, want = next+1, number(v[1])
		joined.WriteString(text(v[2]))
	})
	if err != nil {
		return nil, "", err
	}
	if !whole || next != want {
		return nil, "", nil // a run that died while it wrote
	}
	set, err := unpack(joined.String())
	if err != nil {
		return nil, "", fmt.Errorf("read %s.%s: %w", Schema, projects.name, err)
	}
	return set, hash, nil
}

// ProjectHash is the hash of the definitions that were last written to a scope, empty if
// there are none.
func ProjectHash(ctx context.Context, c warehouse.Conn, s Scope) (string, error) {
	_, hash, err := newestProject(ctx, c, s)
	return hash, err
}

func newestProject(ctx context.Context, c warehouse.Conn, s Scope) (run, hash string, err error) {
	found, err := c.Inspect(ctx, []addr.Relation{projects.relation(s.Database)})
	if err != nil {
		return "", "", fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	if len(found) == 0 {
		return "", "", nil
	}
	d := c.Dialect()
	// The part is written last whose number is that of the parts: without it the run died.
	sql := fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s = %s AND %s + 1 = %s ORDER BY %s DESC, %s DESC LIMIT 1", d.Ident("run_id"), d.Ident("hash"),
		d.Quote(projects.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()), d.Ident("part"), d.Ident("parts"), d.Ident("at"), d.Ident("run_id"))
	err = query(ctx, c, sql, "read "+Schema+"."+projects.name, func(v []any) { run, hash = text(v[0]), text(v[1]) })
	return run, hash, err
}

// WriteProject writes the definitions of a scope as a run leaves them, and removes earlier
// ones. What is there with the hash unless stays.
func WriteProject(ctx context.Context, c warehouse.Conn, s Scope, runID string, at time.Time, set *definition.Set, unless string) error {
	packed, hash, err := pack(set)
	if err != nil || hash == unless {
		return err
	}
	d := c.Dialect()
	target := projects.relation(s.Database)
	columns := projectColumns(d)
	ops := []warehouse.Op{
		warehouse.CreateSchema{Database: s.Database, Schema: Schema},
		warehouse.CreateTable{Target: target, Columns: columns, IfNotExists: true},
	}
	parts := (len(packed) + partSize - 1) / partSize
	for i := range parts {
		piece := packed[i*partSize : min(len(packed), (i+1)*partSize)]
		ops = append(ops, warehouse.InsertValues{Target: target, Columns: columns, Rows: [][]any{{s.String(), runID, hash, int64(i), int64(parts), piece, stamp(at)}}})
	}
	for _, op := range ops {
		statements, err := d.Render(op)
		if err != nil {
			return fmt.Errorf("write %s.%s: %w", Schema, projects.name, err)
		}
		for _, stmt := range statements {
			if _, err := c.Exec(ctx, stmt); err != nil {
				return fmt.Errorf("write %s.%s: %w", Schema, projects.name, err)
			}
		}
	}
	gone := fmt.Sprintf("DELETE FROM %s WHERE %s = %s AND %s <> %s", d.Quote(target), d.Ident("scope"), d.Literal(s.String()), d.Ident("run_id"), d.Literal(runID))
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: gone}); err != nil {
		return fmt.Errorf("remove earlier rows of %s.%s: %w", Schema, projects.name, err)
	}
	return nil
}

// pack is the text of a set, and its hash.
func pack(set *definition.Set) (packed, hash string, err error) {
	data, hash, err := set.Encode()
	if err != nil {
		return "", "", err
	}
	var out bytes.Buffer
	enc := base64.NewEncoder(base64.StdEncoding, &out)
	z := gzip.NewWriter(enc)
	if _, err := z.Write(data); err == nil {
		err = z.Close()
	}
	if err == nil {
		err = enc.Close()
	}
	if err != nil {
		return "", "", fmt.Errorf("compress definitions: %w", err)
	}
	return out.String(), hash, nil
}

// unpacked is the most that a set may take, in bytes: what is read is not trusted.
const unpacked = 4 << 30

func unpack(packed string) (*definition.Set, error) {
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(z, unpacked))
	if err != nil {
		return nil, err
	}
	return definition.Decode(data)
}

// ForgetScope removes all records of a scope: its relations are gone.
func ForgetScope(ctx context.Context, c warehouse.Conn, s Scope) error {
	var asked []addr.Relation
	for _, t := range slices.Concat(tables, extra, []table{projects, shown, profiles}) {
		asked = append(asked, t.relation(s.Database))
	}
	found, err := c.Inspect(ctx, asked)
	if err != nil {
		return fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	d := c.Dialect()
	for _, r := range found {
		sql := fmt.Sprintf("DELETE FROM %s WHERE %s = %s", d.Quote(r.Name), d.Ident("scope"), d.Literal(s.String()))
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: sql}); err != nil {
			return fmt.Errorf("forget %s in %s.%s: %w", s, Schema, r.Name.Name, err)
		}
	}
	return nil
}
