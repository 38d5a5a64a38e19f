package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Read takes the snapshot of a scope: the last record of each node and test, and what
// exists in the schemas of relations, staging leftovers included. The number of calls
// depends on the number of schemas only. Missing tables and schemas are empty, not errors.
// Sources are what others write that is read; of which nothing is known is no error.
func Read(ctx context.Context, c warehouse.Conn, s Scope, relations []addr.Relation, sources ...Source) (Snapshot, error) {
	snap := Snapshot{
		Nodes:     map[addr.Node]Record{},
		Relations: map[addr.Relation]warehouse.Relation{},
		Schemas:   map[string]bool{},
		Passed:    map[addr.Node]TestRecord{},
	}
	// Each question may take a second, so they are asked at once.
	var relationsErr, stateErr, sourcesErr error
	var wait sync.WaitGroup
	wait.Go(func() { relationsErr = readRelations(ctx, c, relations, &snap) })
	wait.Go(func() { stateErr = readState(ctx, c, s, &snap) })
	wait.Go(func() { snap.Sources, snap.Unversioned, sourcesErr = readSources(ctx, c, sources) })
	wait.Wait()
	if err := cmp.Or(relationsErr, stateErr, sourcesErr); err != nil {
		return Snapshot{}, err
	}
	return snap, nil
}

// readState fills Nodes and Passed.
func readState(ctx context.Context, c warehouse.Conn, s Scope, snap *Snapshot) error {
	have, err := Look(ctx, c, s.Database)
	if err != nil {
		return err
	}
	var buildsErr, passesErr, keptErr error
	var wait sync.WaitGroup
	if rel, ok := have[builds.name]; ok {
		wait.Go(func() { buildsErr = readBuilds(ctx, c, s, rel, snap.Nodes) })
	}
	if _, ok := have[passes.name]; ok {
		wait.Go(func() { passesErr = readPasses(ctx, c, s, snap.Passed) })
	}
	wait.Go(func() { keptErr = readKept(ctx, c, s, have, snap) })
	wait.Wait()
	return cmp.Or(buildsErr, passesErr, keptErr)
}

// readRelations fills Relations and Schemas. What Inspect says of a relation is more than
// what List does.
func readRelations(ctx context.Context, c warehouse.Conn, relations []addr.Relation, snap *Snapshot) error {
	if len(relations) == 0 {
		return nil
	}
	spell := newSpelling(c.Dialect().Caps().FoldsCase, relations)
	schemas := schemasOf(relations)
	listed := make([][]warehouse.Relation, len(schemas))
	errs := make([]error, len(schemas)+1)
	var inspected []warehouse.Relation
	var wait sync.WaitGroup
	slots := make(chan struct{}, listsAtOnce)
	wait.Go(func() {
		var err error
		if inspected, err = c.Inspect(ctx, relations); err != nil {
			errs[len(schemas)] = fmt.Errorf("inspect %d relations: %w", len(relations), err)
		}
	})
	for i, sc := range schemas {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var err error
			if listed[i], err = c.List(ctx, sc.Database, sc.Schema); err != nil {
				errs[i] = fmt.Errorf("list schema %s: %w", SchemaKey(sc), err)
			}
		})
	}
	wait.Wait()
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	for i, sc := range schemas {
		for _, r := range listed[i] {
			r.Name.Database, r.Name.Schema = sc.Database, sc.Schema
			r.Name = spell.of(r.Name)
			snap.Relations[r.Name] = r
			snap.Schemas[SchemaKey(sc)] = true
		}
	}
	for _, r := range inspected {
		r.Name = spell.of(r.Name)
		snap.Relations[r.Name] = r
	}
	return nil
}

// listsAtOnce bounds how many schemas are listed at the same time.
const listsAtOnce = 8

// SchemaKey is the key of Snapshot.Schemas for the schema of a relation.
func SchemaKey(r addr.Relation) string {
	if r.Database == "" {
		return r.Schema
	}
	return r.Database + "." + r.Schema
}

// schemasOf lists the distinct schemas, as relations without a name.
func schemasOf(relations []addr.Relation) []addr.Relation {
	seen := map[addr.Relation]bool{}
	for _, r := range relations {
		r.Name = ""
		seen[r] = true
	}
	out := make([]addr.Relation, 0, len(seen))
	for r := range seen {
		out = append(out, r)
	}
	slices.SortFunc(out, addr.Relation.Compare)
	return out
}

// spelling leads a name as the warehouse reports it back to the name as the program
// writes it: the warehouse may fold case and may fill in the database.
type spelling struct {
	fold  bool
	asked map[addr.Relation]bool
	by    map[addr.Relation]addr.Relation
}

func newSpelling(fold bool, relations []addr.Relation) *spelling {
	s := &spelling{fold: fold, asked: map[addr.Relation]bool{}, by: map[addr.Relation]addr.Relation{}}
	for _, r := range relations {
		s.asked[r] = true
		s.by[s.key(r)] = r
	}
	return s
}

func (s *spelling) key(r addr.Relation) addr.Relation {
	if s.fold {
		return addr.Relation{Database: strings.ToLower(r.Database), Schema: strings.ToLower(r.Schema), Name: strings.ToLower(r.Name)}
	}
	return r
}

func (s *spelling) of(r addr.Relation) addr.Relation {
	if s.asked[r] {
		return r
	}
	if found, ok := s.by[s.key(r)]; ok {
		return found
	}
	short := r
	short.Database = ""
	if found, ok := s.by[s.key(short)]; ok {
		return found
	}
	return r
}

// latest is the query for the newest row of each subject in a scope.
func (t table) latest(d warehouse.Dialect, s Scope, rel warehouse.Relation) string {
	return fmt.Sprintf("SELECT %s FROM (%s) AS latest WHERE engine_rank = 1", t.list(d, rel), t.ranked(d, s))
}

// list names the columns. Those that a table of an earlier engine lacks are NULL.
func (t table) list(d warehouse.Dialect, rel warehouse.Relation) string {
	var list strings.Builder
	for i, c := range t.columns {
		if i > 0 {
			list.WriteString(", ")
		}
		if slices.Contains(t.added, c) && !has(rel, c) {
			list.WriteString("NULL AS ")
		}
		list.WriteString(d.Ident(c))
	}
	return list.String()
}

// ranked numbers the rows of each subject from the newest.
func (t table) ranked(d warehouse.Dialect, s Scope) string {
	return fmt.Sprintf("SELECT *, row_number() OVER (PARTITION BY %s ORDER BY %s DESC, %s DESC) AS engine_rank FROM %s WHERE %s = %s",
		d.Ident(t.subject), d.Ident(t.at), d.Ident(t.id), d.Quote(t.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()))
}

func readBuilds(ctx context.Context, c warehouse.Conn, s Scope, rel warehouse.Relation, into map[addr.Node]Record) error {
	return query(ctx, c, builds.latest(c.Dialect(), s, rel), "read "+Schema+"."+builds.name, func(v []any) {
		if r, ok := recordOf(v); ok {
			into[r.Node] = r
		}
	})
}

// recordOf reads a row of the columns of builds. What a newer engine wrote of kinds that
// this one does not know is not ours to judge.
func recordOf(v []any) (Record, bool) {
	node, err := addr.ParseNode(text(v[1]))
	if err != nil {
		return Record{}, false
	}
	return Record{
		Node:         node,
		Relation:     addr.Relation{Database: text(v[2]), Schema: text(v[3]), Name: text(v[4])},
		Kind:         warehouse.Kind(text(v[5])),
		Materialized: text(v[6]),
		Fingerprint:  text(v[7]),
		Version:      text(v[8]),
		Inputs:       decodeInputs(text(v[9])),
		Rows:         number(v[10]),
		At:           when(v[11]),
		Millis:       number(v[12]),
		Bytes:        number(v[14]),
		Billed:       number(v[15]),
		SlotMillis:   max(number(v[16]), 0),
		Definition:   text(v[17]),
		Content:      decodeContent(text(v[18]), text(v[8])),
		Checksum:     text(v[19]),
		Tests:        max(number(v[20]), 0),
	}, true
}

func readPasses(ctx context.Context, c warehouse.Conn, s Scope, into map[addr.Node]TestRecord) error {
	return query(ctx, c, passes.latest(c.Dialect(), s, warehouse.Relation{}), "read "+Schema+"."+passes.name, func(v []any) {
		test, err := addr.ParseNode(text(v[1]))
		if err != nil {
			return
		}
		into[test] = TestRecord{Test: test, Fingerprint: text(v[2]), Inputs: decodeInputs(text(v[3])), Failures: number(v[4]), At: when(v[5])}
	})
}

// query runs sql and hands each row to f; act says what for, in errors.
func query(ctx context.Context, c warehouse.Conn, sql, act string, f func([]any)) error {
	rows, err := c.Query(ctx, warehouse.Statement{SQL: sql})
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return fmt.Errorf("%s: %w", act, err)
		}
		f(v)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

func number(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case int32:
		return int64(v)
	case float64:
		return int64(v)
	}
	return -1
}

func when(v any) time.Time {
	t, _ := v.(time.Time)
	return t.UTC()
}
