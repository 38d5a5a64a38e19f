package duckdb

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Versioner = session{}
	_ warehouse.Summer    = Dialect{}
)

// mostCells bounds how much Versions reads in one call, in cells (rows times columns):
// a million cells of a table of ten columns take about 3 ms on two cores, so this is a
// fraction of a second where numbers prevail, and some seconds with long texts.
const mostCells = 50_000_000

// sumsAtOnce is how many relations one query sums up.
const sumsAtOnce = 64

// Versions sums tables up. DuckDB keeps no account of changes: the ids of blocks in
// pragma_storage_info come back once blocks are free again, and nothing counts writes.
// Reading costs nothing but time, so the version of a table is its checksum, as long as
// the tables asked for have no more than mostCells cells together, by DuckDB's estimate; the
// smallest come first, those beyond are unknown. Views are unknown: what they read may lie
// in files.
func (s session) Versions(ctx context.Context, relations []addr.Relation) (map[addr.Relation]warehouse.Version, error) {
	return s.versions(ctx, relations, mostCells)
}

func (s session) versions(ctx context.Context, relations []addr.Relation, most int64) (map[addr.Relation]warehouse.Version, error) {
	found, err := s.Inspect(ctx, relations)
	if err != nil {
		return nil, err
	}
	out := make(map[addr.Relation]warehouse.Version, len(found))
	cells := func(r warehouse.Relation) int64 { return max(r.Rows, 0) * int64(len(r.Columns)) }
	slices.SortFunc(found, func(a, b warehouse.Relation) int {
		return cmp.Or(cmp.Compare(cells(a), cells(b)), a.Name.Compare(b.Name))
	})
	type sum struct {
		relation addr.Relation
		query    string
	}
	var sums []sum
	for _, r := range found {
		if r.Kind != warehouse.Table {
			out[r.Name] = warehouse.Version{Unknown: "it is a " + r.Kind.String()}
			continue
		}
		query, ok := Dialect{}.Checksum(r.Name, r.Columns)
		if !ok {
			out[r.Name] = warehouse.Version{Unknown: inexact(r.Columns)}
			continue
		}
		if most -= cells(r); most < 0 {
			out[r.Name] = warehouse.Version{Unknown: fmt.Sprintf("it has about %d rows, too many to read them for that", r.Rows)}
			continue
		}
		sums = append(sums, sum{r.Name, query})
	}
	for list := range slices.Chunk(sums, sumsAtOnce) {
		parts := make([]string, len(list))
		for i, one := range list {
			parts[i] = fmt.Sprintf("select %d as n, (%s) as token", i, one.query)
		}
		r, err := s.q.QueryContext(ctx, strings.Join(parts, "\nunion all\n"))
		if err != nil {
			return nil, wrap(ctx, warehouse.Statement{}, err)
		}
		for r.Next() {
			var i int
			var token string
			if err := r.Scan(&i, &token); err != nil {
				r.Close()
				return nil, fmt.Errorf("read a checksum: %w", err)
			}
			out[list[i].relation] = warehouse.Version{Token: token}
		}
		err = r.Err()
		r.Close()
		if err != nil {
			return nil, wrap(ctx, warehouse.Statement{}, err)
		}
	}
	return out, nil
}

func inexact(columns []warehouse.Column) string {
	for _, c := range columns {
		if _, ok := exactCell("", c.Type); !ok {
			return fmt.Sprintf("column %s has type %s, whose values cannot be summed up", c.Name, c.Type)
		}
	}
	return "it has no columns"
}

// Checksum adds DuckDB's 64-bit hashes of all rows up, as they are and hashed once more,
// beside the number of rows. hash() may change from one version of DuckDB to the next, so
// the version is part of the text.
func (d Dialect) Checksum(rel addr.Relation, columns []warehouse.Column) (string, bool) {
	if len(columns) == 0 {
		return "", false
	}
	shape := sha256.New()
	cells := make([]string, len(columns))
	for i, c := range columns {
		cell, ok := exactCell(d.Ident(c.Name), c.Type)
		if !ok {
			return "", false
		}
		cells[i] = cell
		fmt.Fprintf(shape, "%d %s %d %s ", len(c.Name), c.Name, len(c.Type), c.Type)
	}
	return "select 'duckdb ' || version() || ' " + hex.EncodeToString(shape.Sum(nil)[:12]) + " ' || count(*)" +
		" || ' ' || coalesce(sum(engine_hash), 0) || ' ' || coalesce(sum(hash(engine_hash, 1)), 0)" +
		" from (select hash(" + strings.Join(cells, ", ") + ") as engine_hash from " + d.Quote(rel) + ")", true
}

// hashed are the types whose values differ for hash() whenever they differ. It takes the two
// zeros of floats for one, interval '1 month' for 30 days, and a list of nothing for NULL.
var hashed = []string{"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
	"DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "UUID", "BIT"}

// printed are the types that have one text for each value, also within lists and structs.
// What is not known better (GEOMETRY, VARIANT, types of extensions) is not among them, nor
// is UNION, whose text lacks the member.
var printed = append(slices.Clone(hashed), "FLOAT", "DOUBLE", "INTERVAL", "TIME WITH TIME ZONE", "BIGNUM")

// exactCell writes what to hash of a column.
func exactCell(ident, typ string) (string, bool) {
	typ = strings.TrimSpace(typ)
	name, _, _ := strings.Cut(typ, "(")
	switch {
	case nestedType(typ):
		return "cast(" + ident + " as varchar)", hasText(typ)
	case slices.Contains(hashed, name), typ == "TIMESTAMP WITH TIME ZONE", typ == "JSON":
		return ident, true
	case typ == "FLOAT", typ == "DOUBLE":
		return ident + ", signbit(" + ident + ")", true
	case slices.Contains(printed, name), name == "ENUM":
		return "cast(" + ident + " as varchar)", true
	}
	return "", false
}

func nestedType(typ string) bool {
	return strings.HasSuffix(typ, "]") || strings.HasPrefix(typ, "STRUCT(") || strings.HasPrefix(typ, "MAP(")
}

// hasText reports whether values of a type, and all within them, differ in their texts. A
// TIMESTAMP WITH TIME ZONE within another value is printed in the session's zone.
func hasText(typ string) bool {
	typ = strings.TrimSpace(typ)
	if strings.HasSuffix(typ, "]") {
		i := strings.LastIndexByte(typ, '[')
		return i > 0 && hasText(typ[:i])
	}
	name, rest, ok := strings.Cut(typ, "(")
	if (name == "STRUCT" || name == "MAP") && ok && strings.HasSuffix(rest, ")") {
		for _, part := range splitTop(rest[:len(rest)-1]) {
			part = strings.TrimSpace(part)
			if name == "STRUCT" {
				part = afterName(part)
			}
			if !hasText(part) {
				return false
			}
		}
		return true
	}
	return slices.Contains(printed, name)
}

// afterName is a field of a STRUCT without its name.
func afterName(field string) string {
	if strings.HasPrefix(field, `"`) {
		return field[identEnd(field, 0):]
	}
	_, typ, ok := strings.Cut(field, " ")
	if !ok {
		return field // a field without a name
	}
	return typ
}
