package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Release says what one customer was given, see package distribute. Records are appended: one
// before anything is published (Begun), in which what is published anew, or goes, has no
// fingerprint, and one after. So what a run that died may have published counts as unknown, and
// what the customer read before is still known by its columns.
type Release struct {
	Customer string
	Run      string
	At       time.Time
	// Begun: the run has not said yet that it ended.
	Begun    bool
	Contract int
	Mode     string
	// Pairs are the models that the customer has, by node.
	Pairs map[addr.Node]ReleasedPair
	// Views are those of the older contract that the customer reads, by name; none where it
	// reads the newest.
	Views map[string]ReleasedPair
	// Published is the run that published last, so the one that the customer's own
	// warehouse.ReleaseTable names.
	Published string
	// Stamp is by what a warehouse.Stocktaker knows that all of it is still there as it was
	// published; empty: it looks.
	Stamp string
	// PublishedAt is when a publication ended last; zero: never.
	PublishedAt time.Time
	// Fields are the columns that custom fields got first, by model and ID of the field.
	Fields map[string]map[string]string
	// Members are the customers whose rows are in the relations, sorted, where several share them.
	// Those of a run that has begun, too.
	Members []string
	// Granted are the principals that got access, sorted. Those of a run that has begun, too.
	Granted []string
	// Markers is a hash over the canaries' markers that were looked for.
	Markers string
	Rows    int64 // of all relations
	Bytes   int64 // read for it, -1 unknown
	Millis  int64
}

// Next is the time of a record that follows r: now, or just after r where another computer's
// clock was ahead. The newest record is the one that counts.
func (r Release) Next(now time.Time) time.Time {
	if soonest := stamp(r.At).Add(time.Microsecond); r.Run != "" && now.Before(soonest) {
		return soonest
	}
	return now
}

// ReleasedPair is one model at one customer's.
type ReleasedPair struct {
	// Fingerprint is empty where a run may have published something else.
	Fingerprint string `json:"f"`
	// Shape is the hash of the columns that it has, without custom fields (see Shapes).
	Shape string `json:"s,omitempty"`
	Rows  int64  `json:"r"` // -1 for a view
}

// Shapes are columns by their hash.
type Shapes map[string][]warehouse.Column

// ShapeOf is the hash of columns: their names, types and order.
func ShapeOf(columns []warehouse.Column) string {
	h := sha256.New()
	for _, c := range columns {
		fmt.Fprintf(h, "%q %q\n", c.Name, c.Type)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

var (
	releases = table{
		name: "customer_releases",
		columns: []string{"scope", "customer", "id", "run_id", "status", "at", "contract", "mode", "pairs", "fields",
			"granted", "markers", "rows", "bytes", "millis", "views", "published", "members", "stamp", "published_at"},
		added:   []string{"views", "published", "members", "stamp", "published_at"},
		subject: "customer", at: "at", id: "id",
	}
	shapes = table{
		name:    "customer_shapes",
		columns: []string{"scope", "hash", "columns", "at"},
		subject: "hash", at: "at", id: "hash",
	}
)

const (
	statusBegun = "begun"
	statusDone  = "done" // after begun in the order of words: it wins at the same time
)

// ReleaseTables makes the tables of releases unless they exist.
func ReleaseTables(d warehouse.Dialect, database string) []warehouse.Op {
	ops := []warehouse.Op{warehouse.CreateSchema{Database: database, Schema: Schema}}
	for _, t := range []table{releases, shapes} {
		ops = append(ops, warehouse.CreateTable{Target: t.relation(database), Columns: t.typed(d), IfNotExists: true})
	}
	return ops
}

// LackingOps add the columns that tables of an earlier engine lack.
func LackingOps(ctx context.Context, c warehouse.Conn, database string) ([]warehouse.Op, error) {
	found, err := c.Inspect(ctx, []addr.Relation{releases.relation(database)})
	if err != nil {
		return nil, fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	var lacks []warehouse.Column
	for _, rel := range found {
		for _, col := range releases.typed(c.Dialect()) {
			if slices.Contains(releases.added, col.Name) && !has(rel, col.Name) {
				lacks = append(lacks, col)
			}
		}
	}
	if len(lacks) == 0 {
		return nil, nil
	}
	return []warehouse.Op{warehouse.AddColumns{Target: releases.relation(database), Columns: lacks}}, nil
}

// ReleaseOp records releases.
func ReleaseOp(d warehouse.Dialect, s Scope, list ...Release) warehouse.Op {
	rows := make([][]any, len(list))
	for i, r := range list {
		status := statusDone
		if r.Begun {
			status = statusBegun
		}
		rows[i] = []any{s.String(), r.Customer, r.Run + " " + status, r.Run, status, stamp(r.At), fmt.Sprint(r.Contract), r.Mode,
			marshaled(r.Pairs), marshaled(r.Fields), marshaled(r.Granted), r.Markers, r.Rows, r.Bytes, r.Millis, marshaled(r.Views), r.Published, marshaled(r.Members), r.Stamp, published(r.PublishedAt)}
	}
	return warehouse.InsertValues{Target: releases.relation(s.Database), Columns: releases.typed(d), Rows: rows}
}

// ShapesOp records columns; no columns, no operation.
func ShapesOp(d warehouse.Dialect, s Scope, at time.Time, list Shapes) []warehouse.Op {
	if len(list) == 0 {
		return nil
	}
	var rows [][]any
	for _, hash := range slices.Sorted(maps.Keys(list)) {
		rows = append(rows, []any{s.String(), hash, marshaled(list[hash]), stamp(at)})
	}
	return []warehouse.Op{warehouse.InsertValues{Target: shapes.relation(s.Database), Columns: shapes.typed(d), Rows: rows}}
}

// ReadReleases are the last releases of a scope's customers, by name, and the columns that
// were ever recorded. There are none where nothing was published yet.
func ReadReleases(ctx context.Context, c warehouse.Conn, s Scope) (map[string]Release, Shapes, error) {
	out, known := map[string]Release{}, Shapes{}
	found, err := c.Inspect(ctx, []addr.Relation{releases.relation(s.Database), shapes.relation(s.Database)})
	if err != nil {
		return nil, nil, fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	d := c.Dialect()
	for _, rel := range found {
		switch t := rel.Name.Name; t {
		case releases.name:
			err = query(ctx, c, releases.latest(d, s, rel), "read "+Schema+"."+t, func(v []any) {
				r := releaseOf(v)
				out[r.Customer] = r
			})
		case shapes.name:
			sql := fmt.Sprintf("SELECT DISTINCT %s, %s FROM %s WHERE %s = %s", d.Ident("hash"), d.Ident("columns"), d.Quote(shapes.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()))
			err = query(ctx, c, sql, "read "+Schema+"."+t, func(v []any) {
				var columns []warehouse.Column
				if json.Unmarshal([]byte(text(v[1])), &columns) == nil {
					known[text(v[0])] = columns
				}
			})
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return out, known, nil
}

// releaseOf reads a row of the columns of releases. What cannot be read counts as unknown:
// its models are published again.
func releaseOf(v []any) Release {
	r := Release{
		Customer: text(v[1]), Run: text(v[3]), Begun: text(v[4]) != statusDone, At: when(v[5]), Mode: text(v[7]), Markers: text(v[11]),
		Rows: number(v[12]), Bytes: number(v[13]), Millis: number(v[14]),
	}
	_, _ = fmt.Sscan(text(v[6]), &r.Contract)
	unmarshal(v[8], &r.Pairs)
	unmarshal(v[9], &r.Fields)
	unmarshal(v[10], &r.Granted)
	unmarshal(v[15], &r.Views)
	r.Published = text(v[16])
	unmarshal(v[17], &r.Members)
	r.Stamp = text(v[18])
	if at, err := time.Parse(time.RFC3339Nano, text(v[19])); err == nil {
		r.PublishedAt = at
	} else if !r.Begun {
		r.PublishedAt = r.At // of an earlier engine
	}
	return r
}

func published(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return stamp(at).Format(time.RFC3339Nano)
}

// CompactReleases removes old records of releases, if there are many: the newest of each
// customer stay. It gives how many are left.
func CompactReleases(ctx context.Context, c warehouse.Conn, s Scope, keep int, above int64) (int64, error) {
	n, err := releases.count(ctx, c, s)
	if err != nil || n <= above {
		return n, err
	}
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: releases.forget(c.Dialect(), s, max(keep, 1))}); err != nil {
		return n, fmt.Errorf("compact %s.%s: %w", Schema, releases.name, err)
	}
	return releases.count(ctx, c, s)
}

func marshaled(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("state: texts and numbers do not marshal: %v", err))
	}
	return string(b)
}

func unmarshal[T any](v any, into *T) {
	var out T
	if json.Unmarshal([]byte(text(v)), &out) == nil {
		*into = out
	}
}
