package googlesql

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// Table is a table or view that statements may read.
type Table struct {
	// Name is the dot-joined path: p.d.t, d.t or t. Letters count, as in
	// BigQuery; in Internal mode they do not. A name that ends in * is a
	// wildcard table.
	Name    string
	Columns []Column
	// ValueTable says that a row is one value without a column name, the only
	// column that is not pseudo.
	ValueTable bool
}

// Column is a column of a Table. A Pseudo column is not part of *. Collation is the name
// of the collation of a STRING column, "" by default.
type Column struct {
	Name      string
	Type      *ir.Type
	Pseudo    bool
	Collation string
}

// Declare makes a table known, in place of one of the same name. The table is
// not changed or copied: leave it alone. It costs nearly nothing until a
// statement names the table.
func (s *Session) Declare(t Table) error {
	if t.Name == "" || strings.HasPrefix(t.Name, ".") || strings.HasSuffix(t.Name, ".") || strings.Contains(t.Name, "..") {
		return fmt.Errorf("declare table %q: not a dotted name", t.Name)
	}
	real := 0
	seen := make(map[string]bool, len(t.Columns))
	for _, c := range t.Columns {
		if c.Type == nil {
			return fmt.Errorf("declare table %s: column %s has no type", t.Name, c.Name)
		}
		if c.Collation != "" && c.Type.Kind != ir.String {
			return fmt.Errorf("declare table %s: column %s has a collation, but is no STRING", t.Name, c.Name)
		}
		key := strings.ToLower(c.Name)
		if seen[key] && c.Name != "" && !t.ValueTable {
			return fmt.Errorf("declare table %s: two columns are named %s", t.Name, c.Name)
		}
		seen[key] = true
		if !c.Pseudo {
			real++
		}
	}
	if t.ValueTable && real != 1 {
		return fmt.Errorf("declare table %s: a value table has one column, not %d", t.Name, real)
	}
	if _, ok := s.tables[t.Name]; !ok {
		key := strings.ToLower(t.Name)
		s.folded[key] = append(s.folded[key], t.Name)
	}
	s.tables[t.Name] = &t
	s.touch(t.Name)
	return nil
}

// Only makes these the only tables known. What was declared before is as if it had never
// been, but costs nothing where it is declared again as it was: a caller that names the
// tables of every statement gets the same answers whatever the session did before.
func (s *Session) Only(tables []Table) error {
	s.tables, s.folded = make(map[string]*Table, len(tables)), make(map[string][]string, len(tables))
	if in := s.engine; in != nil && in.wild {
		in.stale = true
	}
	for _, t := range tables {
		if err := s.Declare(t); err != nil {
			return err
		}
	}
	return nil
}

// Forget takes a declared table away. An unknown name is ignored.
func (s *Session) Forget(name string) {
	if _, ok := s.tables[name]; !ok {
		return
	}
	delete(s.tables, name)
	key := strings.ToLower(name)
	s.folded[key] = slices.DeleteFunc(s.folded[key], func(n string) bool { return n == name })
	if len(s.folded[key]) == 0 {
		delete(s.folded, key)
	}
	s.touch(name)
}

// touch marks the analyzer's catalog as out of date if it holds the name.
func (s *Session) touch(name string) {
	if in := s.engine; in != nil {
		key := strings.ToLower(name)
		if t, ok := in.placed[key]; ok && !t.same(s.tables[name]) {
			in.stale = true
		}
		if !in.wild {
			return
		}
		// A wildcard's columns come from the tables it matches.
		for placed := range in.placed {
			if p, ok := strings.CutSuffix(placed, "*"); ok && strings.HasPrefix(key, p) {
				in.stale = true
			}
		}
	}
}

// same reports whether two tables are declared alike.
func (t *Table) same(u *Table) bool {
	return u != nil && t.Name == u.Name && t.ValueTable == u.ValueTable && slices.EqualFunc(t.Columns, u.Columns, func(a, b Column) bool {
		return a.Name == b.Name && a.Pseudo == b.Pseudo && a.Collation == b.Collation && (a.Type == b.Type || typeKey(a.Type) == typeKey(b.Type))
	})
}

// catalogNode is one level of names in the analyzer's catalog.
type catalogNode struct {
	h        raw.Handle
	children map[string]*catalogNode
	tables   map[string]string // lower-case last name to declared name
	funcs    map[string]bool
}

func newNode(h raw.Handle) *catalogNode {
	return &catalogNode{h: h, children: map[string]*catalogNode{}, tables: map[string]string{}, funcs: map[string]bool{}}
}

// clearCatalog starts an empty catalog of declared objects. What statements
// used before stays allocated until the instance is replaced: the binding
// cannot destroy catalogs.
func (in *instance) clearCatalog() error {
	root := in.m.NewSimpleCatalog("declared", in.factory)
	both, err := in.m.NewMultiCatalogCreate("catalog", []raw.Handle{in.corrected, in.builtin, root})
	if err != nil {
		return err
	}
	in.root, in.catalog, in.stale, in.collated, in.wild = newNode(root), both, false, false, false
	in.placed = map[string]*Table{}
	return nil
}

// child finds or makes the catalog of a name.
func (in *instance) child(n *catalogNode, name string) (*catalogNode, error) {
	key := strings.ToLower(name)
	if c := n.children[key]; c != nil {
		return c, nil
	}
	h, err := in.m.SimpleCatalog_MakeOwnedSimpleCatalog(n.h, name)
	if err != nil {
		return nil, err
	}
	c := newNode(h)
	n.children[key] = c
	return c, nil
}

// clash says that one statement reads two tables whose names differ in the
// case of letters only, which the analyzer cannot tell apart.
type clash struct{ a, b string }

// place puts a table into the analyzer's catalog under the parts of a path.
func (s *Session) place(in *instance, parts []string, t *Table) (*clash, error) {
	n := in.root
	for _, p := range parts[:len(parts)-1] {
		c, err := in.child(n, p)
		if err != nil {
			return nil, err
		}
		n = c
	}
	last := parts[len(parts)-1]
	key := strings.ToLower(last)
	if have, ok := n.tables[key]; ok {
		if have != t.Name {
			return &clash{have, t.Name}, nil
		}
		return nil, nil
	}
	h, err := in.makeTable(t)
	if err != nil {
		return nil, err
	}
	if err := in.m.SimpleCatalog_AddTable2(n.h, last, h); err != nil {
		return nil, err
	}
	n.tables[key] = t.Name
	in.placed[strings.ToLower(t.Name)] = t
	in.wild = in.wild || strings.HasSuffix(t.Name, "*")
	return nil, nil
}

func (in *instance) makeTable(t *Table) (raw.Handle, error) {
	m := in.m
	columns := make([]raw.Handle, len(t.Columns))
	for i, c := range t.Columns {
		typ, err := in.typeHandle(c.Type)
		if err != nil {
			return 0, fmt.Errorf("column %s of %s: %w", c.Name, t.Name, err)
		}
		columns[i] = m.NewSimpleColumn(t.Name, c.Name, typ, c.Pseudo, !c.Pseudo)
		if c.Collation == "" {
			continue
		}
		if err := in.annotate(columns[i], typ, c.Collation); err != nil {
			return 0, fmt.Errorf("column %s of %s: collation %s: %w", c.Name, t.Name, c.Collation, err)
		}
		in.collated = true
	}
	h := m.NewSimpleTable(t.Name, 0)
	if t.ValueTable {
		m.SimpleTable_SetIsValueTable(h, true)
		m.SimpleTable_SetAllowAnonymousColumnName(h, true)
	}
	for i, c := range t.Columns {
		if c.Name == "" {
			m.SimpleTable_SetAllowAnonymousColumnName(h, true)
		}
		if err := m.SimpleTable_AddColumn2(h, columns[i], true); err != nil {
			return 0, err
		}
	}
	m.SimpleTable_SetFullName(h, t.Name)
	return h, nil
}

// Offsets within a SimpleColumn: its type, and the annotations beside it.
const (
	simpleColumnType        = 28
	simpleColumnAnnotations = 32
)

// annotate gives a new column a collation. The constructor with annotations does not get
// them across the binding, so that they are written into the object; the engine's own
// answer must agree.
func (in *instance) annotate(column, typ raw.Handle, collation string) error {
	annotations, err := in.collationAnnotations(collation)
	if err != nil {
		return err
	}
	if in.m.Uint32(column, simpleColumnType) != uint32(typ) || in.m.Uint32(column, simpleColumnAnnotations) != 0 {
		return fmt.Errorf("the layout of columns is not known")
	}
	in.m.SetUint32(column, simpleColumnAnnotations, uint32(annotations))
	if in.m.Column_GetTypeAnnotationMap(column) != annotations {
		in.m.SetUint32(column, simpleColumnAnnotations, 0)
		return fmt.Errorf("the layout of columns is not known")
	}
	return nil
}

// collationAnnotations are the annotations of a STRING column with a collation: those the
// analyzer gives the result of COLLATE, which belong to the factory of types.
func (in *instance) collationAnnotations(name string) (raw.Handle, error) {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(name)
	out, err := in.m.AnalyzeStatement("SELECT COLLATE('', '"+quoted+"')", in.options, in.builtin, in.factory)
	if err != nil {
		return 0, err
	}
	defer in.m.AnalyzerOutput_Free(out)
	for _, c := range in.m.ResolvedQueryStmt_OutputColumnList(in.m.AnalyzerOutput_ResolvedStatement(out)) {
		return in.m.ResolvedColumn_TypeAnnotationMap(in.m.ResolvedOutputColumn_Column(c)), nil
	}
	return 0, fmt.Errorf("the analyzer knows no such collation")
}

// lookup finds the declared table that a path in the text names.
func (s *Session) lookup(parts []string) *Table {
	name := strings.Join(parts, ".")
	if t := s.find(name); t != nil {
		return t
	}
	if s.opts.Project != "" {
		if t := s.find(s.opts.Project + "." + name); t != nil {
			return t
		}
		if s.opts.Dataset != "" {
			if t := s.find(s.opts.Project + "." + s.opts.Dataset + "." + name); t != nil {
				return t
			}
		}
	}
	if s.opts.Dataset != "" {
		if t := s.find(s.opts.Dataset + "." + name); t != nil {
			return t
		}
	}
	return informationSchema(name)
}

func (s *Session) find(name string) *Table {
	if t := s.tables[name]; t != nil {
		return t
	}
	if s.opts.Internal {
		if list := s.folded[strings.ToLower(name)]; len(list) > 0 {
			return s.tables[list[0]]
		}
	}
	if prefix, ok := strings.CutSuffix(name, "*"); ok {
		return s.wildcard(name, prefix)
	}
	return nil
}

// wildcard is the table a wildcard name stands for when none was declared
// under the name itself: the columns of the last table with the prefix, as
// BigQuery does it, and _TABLE_SUFFIX.
func (s *Session) wildcard(name, prefix string) *Table {
	var last *Table
	for n, t := range s.tables {
		if strings.HasPrefix(n, prefix) && !strings.HasSuffix(n, "*") && !strings.Contains(n[len(prefix):], ".") &&
			(last == nil || n > last.Name) {
			last = t
		}
	}
	if last == nil {
		return nil
	}
	t := &Table{Name: name, ValueTable: last.ValueTable}
	for _, c := range last.Columns {
		if !strings.EqualFold(c.Name, "_TABLE_SUFFIX") {
			t.Columns = append(t.Columns, c)
		}
	}
	t.Columns = append(t.Columns, Column{Name: "_TABLE_SUFFIX", Type: ir.TypeOf(ir.String), Pseudo: true})
	return t
}

// maxParts bounds the parts of a name that can be one of the catalog.
const maxParts = 8

// prepare puts every declared object that the text can name into the
// analyzer's catalog: all beginnings of every dotted name, since
// t.array_column is one too. Functions bring what their bodies name.
func (s *Session) prepare(in *instance, list []path) (*clash, error) {
	if in.stale {
		if err := in.clearCatalog(); err != nil {
			return nil, err
		}
	}
	c, err := s.placeAll(in, list)
	if c == nil || err != nil {
		return nil, err
	}
	// What clashes may be left from another statement.
	if err := in.clearCatalog(); err != nil {
		return nil, err
	}
	return s.placeAll(in, list)
}

func (s *Session) placeAll(in *instance, list []path) (*clash, error) {
	done := map[*function]bool{}
	var visit func(list []path) (*clash, error)
	visit = func(list []path) (*clash, error) {
		for _, p := range list {
			for n := 1; n <= min(len(p.parts), maxParts); n++ {
				parts := p.parts[:n]
				if f := s.function(parts); f != nil {
					if !done[f] {
						done[f] = true
						if c, err := visit(f.paths); c != nil || err != nil {
							return c, err
						}
					}
					if err := s.placeFunction(in, parts, f); err != nil {
						return nil, err
					}
				}
				t := s.lookup(parts)
				if t == nil {
					// The analyzer does not tell letters' case apart, but names do.
					if have := in.at(parts); have != "" {
						return &clash{have, strings.Join(parts, ".")}, nil
					}
					continue
				}
				if c, err := s.place(in, parts, t); c != nil || err != nil {
					return c, err
				}
			}
		}
		return nil, nil
	}
	return visit(list)
}

// at is the name of the table the analyzer's catalog has under a path, "" if none.
func (in *instance) at(parts []string) string {
	n := in.root
	for _, p := range parts[:len(parts)-1] {
		if n = n.children[strings.ToLower(p)]; n == nil {
			return ""
		}
	}
	return n.tables[strings.ToLower(parts[len(parts)-1])]
}

// suggestTable finds a declared table whose name is close to one that was not
// found, "" if there is none.
func (s *Session) suggestTable(name string) string {
	if list := s.folded[strings.ToLower(name)]; len(list) > 0 {
		return list[0]
	}
	best, distance := "", len(name)/4+2 // exclusive
	for n := range s.tables {
		candidates := []string{n}
		if i := strings.LastIndexByte(n, '.'); i >= 0 && !strings.Contains(name, ".") {
			candidates = append(candidates, n[i+1:])
		}
		for _, c := range candidates {
			if d := editDistance(strings.ToLower(name), strings.ToLower(c), distance+1); d < distance || d == distance && best != "" && n < best {
				best, distance = n, d
			}
		}
	}
	return best
}

// suggestColumn finds a column, among those of the declared tables the text
// names, that is close to a name that was not found; "" if there is none.
func (s *Session) suggestColumn(name string, list []path) string {
	best, distance := "", len(name)/4+2
	for _, p := range list {
		for n := 1; n <= min(len(p.parts), maxParts); n++ {
			t := s.lookup(p.parts[:n])
			if t == nil {
				continue
			}
			for _, c := range t.Columns {
				if d := editDistance(strings.ToLower(name), strings.ToLower(c.Name), distance); d < distance {
					best, distance = c.Name, d
				}
			}
		}
	}
	return best
}

// editDistance is the Levenshtein distance, or limit if it is at least that.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev := row[0]
		row[0] = i
		low := i
		for j := 1; j <= len(b); j++ {
			cost := prev
			if a[i-1] != b[j-1] {
				cost = 1 + min(prev, row[j], row[j-1])
			}
			prev, row[j] = row[j], cost
			low = min(low, cost)
		}
		if low >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}

// informationSchema is a view of INFORMATION_SCHEMA, by any dataset or region,
// with the columns a model is likely to read; nil if the name is none.
func informationSchema(name string) *Table {
	upper := strings.ToUpper(name)
	i := strings.Index(upper, "INFORMATION_SCHEMA.")
	if i < 0 || i > 0 && upper[i-1] != '.' {
		return nil
	}
	spec, ok := informationViews[upper[i+len("INFORMATION_SCHEMA."):]]
	if !ok {
		return nil
	}
	t := &Table{Name: name}
	for _, f := range strings.Split(spec, ", ") {
		n, typ, _ := strings.Cut(f, " ")
		parsed, _, err := ParseType(typ)
		if err != nil {
			return nil
		}
		t.Columns = append(t.Columns, Column{Name: n, Type: parsed})
	}
	return t
}

// informationViews are views of INFORMATION_SCHEMA: columns and types, as
// BigQuery documents them.
var informationViews = map[string]string{
	"SCHEMATA": "catalog_name STRING, schema_name STRING, schema_owner STRING, creation_time TIMESTAMP, last_modified_time TIMESTAMP, location STRING, ddl STRING, default_collation_name STRING",
	"TABLES": "table_catalog STRING, table_schema STRING, table_name STRING, table_type STRING, managed_table_type STRING, is_insertable_into STRING, is_typed STRING, creation_time TIMESTAMP, " +
		"base_table_catalog STRING, base_table_schema STRING, base_table_name STRING, snapshot_time_ms TIMESTAMP, ddl STRING, default_collation_name STRING, upsert_stream_apply_watermark TIMESTAMP",
	"COLUMNS": "table_catalog STRING, table_schema STRING, table_name STRING, column_name STRING, ordinal_position INT64, is_nullable STRING, data_type STRING, is_generated STRING, " +
		"generation_expression STRING, is_stored STRING, is_hidden STRING, is_updatable STRING, is_system_defined STRING, is_partitioning_column STRING, clustering_ordinal_position INT64, " +
		"collation_name STRING, column_default STRING, rounding_mode STRING, policy_tags ARRAY<STRING>",
	"COLUMN_FIELD_PATHS": "table_catalog STRING, table_schema STRING, table_name STRING, column_name STRING, field_path STRING, data_type STRING, description STRING, collation_name STRING, rounding_mode STRING, policy_tags ARRAY<STRING>",
	"VIEWS":              "table_catalog STRING, table_schema STRING, table_name STRING, view_definition STRING, check_option STRING, use_standard_sql STRING",
	"TABLE_OPTIONS":      "table_catalog STRING, table_schema STRING, table_name STRING, option_name STRING, option_type STRING, option_value STRING",
	"SCHEMATA_OPTIONS":   "catalog_name STRING, schema_name STRING, option_name STRING, option_type STRING, option_value STRING",
	"PARTITIONS":         "table_catalog STRING, table_schema STRING, table_name STRING, partition_id STRING, total_rows INT64, total_logical_bytes INT64, total_billable_bytes INT64, last_modified_time TIMESTAMP, storage_tier STRING",
	"TABLE_CONSTRAINTS":  "constraint_catalog STRING, constraint_schema STRING, constraint_name STRING, table_catalog STRING, table_schema STRING, table_name STRING, constraint_type STRING, is_deferrable STRING, initially_deferred STRING, enforced STRING",
	"KEY_COLUMN_USAGE":   "constraint_catalog STRING, constraint_schema STRING, constraint_name STRING, table_catalog STRING, table_schema STRING, table_name STRING, column_name STRING, ordinal_position INT64, position_in_unique_constraint INT64",
	"ROUTINES": "specific_catalog STRING, specific_schema STRING, specific_name STRING, routine_catalog STRING, routine_schema STRING, routine_name STRING, routine_type STRING, data_type STRING, " +
		"routine_body STRING, routine_definition STRING, external_language STRING, is_deterministic STRING, security_type STRING, created TIMESTAMP, last_altered TIMESTAMP, ddl STRING",
	"PARAMETERS": "specific_catalog STRING, specific_schema STRING, specific_name STRING, ordinal_position INT64, parameter_mode STRING, is_result STRING, parameter_name STRING, data_type STRING, parameter_default STRING, is_aggregate STRING",
	"TABLE_STORAGE": "project_id STRING, project_number INT64, table_catalog STRING, table_schema STRING, table_name STRING, creation_time TIMESTAMP, total_rows INT64, total_partitions INT64, " +
		"total_logical_bytes INT64, active_logical_bytes INT64, long_term_logical_bytes INT64, current_physical_bytes INT64, total_physical_bytes INT64, active_physical_bytes INT64, " +
		"long_term_physical_bytes INT64, time_travel_physical_bytes INT64, storage_last_modified_time TIMESTAMP, deleted BOOL, table_type STRING, fail_safe_physical_bytes INT64",
}

// declaredNames lists the tables a statement read, sorted, each once.
func declaredNames(names map[string]bool) []string {
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	sort.Strings(list)
	return list
}
