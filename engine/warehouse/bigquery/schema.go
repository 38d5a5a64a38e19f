package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// resource is a thing of the service in its JSON form, with everything that it has: what
// is read and written back must not lose parts that are unknown here.
type resource map[string]any

func (r resource) text(key string) string { s, _ := r[key].(string); return s }

func (r resource) child(key string) resource { m, _ := r[key].(map[string]any); return m }

func (r resource) list(key string) []resource {
	items, _ := r[key].([]any)
	out := make([]resource, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// fields of a table's schema or of a record.
func (r resource) columns() []resource { return r.child("schema").list("fields") }

// maxTurns is how often a thing is read anew because somebody changed it in between.
const maxTurns = 10

// getTable reads a table with all that it has.
func (c *conn) getTable(ctx context.Context, t *trail, rel addr.Relation) (resource, error) {
	var out resource
	err := c.request(ctx, t, http.MethodGet, c.tablePath(rel), nil, "", nil, &out)
	return out, err
}

// patchTable changes a table under the condition that nobody else did meanwhile: change
// gives what to write for what was read, nothing if all is well.
func (c *conn) patchTable(ctx context.Context, t *trail, rel addr.Relation, change func(resource) (resource, error)) error {
	for turn := 1; ; turn++ {
		table, err := c.getTable(ctx, t, rel)
		if err != nil {
			return err
		}
		patch, err := change(table)
		if err != nil || len(patch) == 0 {
			return err
		}
		err = c.request(ctx, t, http.MethodPatch, c.tablePath(rel), nil, table.text("etag"), patch, nil)
		if !hasStatus(err, http.StatusPreconditionFailed) || turn == maxTurns {
			return err
		}
		if err := waitFor(ctx, c.pace.first/10, nil); err != nil {
			return stopped(err)
		}
	}
}

// describeField sets description or policy tags of the field at a path and reports whether
// that changed anything.
func describeField(fields []resource, path, key string, want any) (changed bool, err error) {
	name, rest, nested := strings.Cut(path, ".")
	for _, f := range fields {
		if !strings.EqualFold(f.text("name"), name) {
			continue
		}
		if nested {
			return describeField(f.list("fields"), rest, key, want)
		}
		if same(f[key], want) {
			return false, nil
		}
		f[key] = want
		return true, nil
	}
	return false, errors.New("no such field")
}

// same compares JSON values; what is absent is the same as what is empty.
func same(a, b any) bool {
	empty := func(v any) bool {
		switch v := v.(type) {
		case nil:
			return true
		case string:
			return v == ""
		case map[string]any:
			return len(v) == 0
		case []any:
			return len(v) == 0
		}
		return false
	}
	if empty(a) && empty(b) {
		return true
	}
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	if okX && okY {
		for k := range x {
			if !same(x[k], y[k]) {
				return false
			}
		}
		for k := range y {
			if !same(x[k], y[k]) {
				return false
			}
		}
		return true
	}
	p, okP := a.([]any)
	q, okQ := b.([]any)
	if okP && okQ {
		return slices.EqualFunc(p, q, same)
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// tagsValue is the service's form of policy tags.
func tagsValue(tags []string) any {
	names := make([]any, len(tags))
	for i, t := range tags {
		names[i] = t
	}
	return map[string]any{"names": names}
}

// fieldNames lists the names of fields, for messages.
func fieldNames(fields []resource) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.text("name")
	}
	return out
}

// parseType reads a type as SQL spells it into a field of the service's schema.
func parseType(name, sql string) (*bq.TableFieldSchema, error) {
	p := typeReader{rest: strings.TrimSpace(sql)}
	f, err := p.read()
	if err == nil && p.rest != "" {
		err = errors.New("text after the type")
	}
	if err != nil {
		return nil, fmt.Errorf("%q is no type of BigQuery: %w", sql, err)
	}
	f.Name = name
	return f, nil
}

type typeReader struct{ rest string }

func (p *typeReader) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take removes a sign and reports whether it was there.
func (p *typeReader) take(sign string) bool {
	p.space()
	if !strings.HasPrefix(p.rest, sign) {
		return false
	}
	p.rest = p.rest[len(sign):]
	p.space()
	return true
}

func (p *typeReader) word() string {
	p.space()
	n := 0
	for n < len(p.rest) && wordByte(p.rest[n]) {
		n++
	}
	w := p.rest[:n]
	p.rest = p.rest[n:]
	p.space()
	return w
}

// scalarTypes are the names of types and their synonyms, as the service's schema has them.
var scalarTypes = map[string]string{
	"INT64": "INTEGER", "INT": "INTEGER", "SMALLINT": "INTEGER", "INTEGER": "INTEGER", "BIGINT": "INTEGER", "TINYINT": "INTEGER", "BYTEINT": "INTEGER",
	"FLOAT64": "FLOAT", "FLOAT": "FLOAT", "NUMERIC": "NUMERIC", "DECIMAL": "NUMERIC", "BIGNUMERIC": "BIGNUMERIC", "BIGDECIMAL": "BIGNUMERIC",
	"BOOL": "BOOLEAN", "BOOLEAN": "BOOLEAN", "STRING": "STRING", "BYTES": "BYTES", "DATE": "DATE", "DATETIME": "DATETIME", "TIME": "TIME",
	"TIMESTAMP": "TIMESTAMP", "INTERVAL": "INTERVAL", "GEOGRAPHY": "GEOGRAPHY", "JSON": "JSON",
}

func (p *typeReader) read() (*bq.TableFieldSchema, error) {
	word := strings.ToUpper(p.word())
	switch word {
	case "":
		return nil, errors.New("a name is missing")
	case "ARRAY":
		return p.array()
	case "STRUCT":
		return p.structType()
	case "RANGE":
		if !p.take("<") {
			return nil, errors.New("RANGE needs <DATE>, <DATETIME> or <TIMESTAMP>")
		}
		of := strings.ToUpper(p.word())
		if !p.take(">") || of != "DATE" && of != "DATETIME" && of != "TIMESTAMP" {
			return nil, errors.New("RANGE needs <DATE>, <DATETIME> or <TIMESTAMP>")
		}
		return &bq.TableFieldSchema{Type: "RANGE", RangeElementType: &bq.TableFieldSchemaRangeElementType{Type: of}}, nil
	}
	typ, ok := scalarTypes[word]
	if !ok {
		return nil, fmt.Errorf("%q is unknown", word)
	}
	f := &bq.TableFieldSchema{Type: typ}
	return f, p.parameters(f)
}

func (p *typeReader) array() (*bq.TableFieldSchema, error) {
	if !p.take("<") {
		return nil, errors.New("ARRAY needs an element type: ARRAY<INT64>")
	}
	f, err := p.read()
	if err != nil {
		return nil, err
	}
	if f.Mode == "REPEATED" {
		return nil, errors.New("there are no arrays of arrays")
	}
	if !p.take(">") {
		return nil, errors.New("«>» is missing")
	}
	f.Mode = "REPEATED"
	return f, nil
}

func (p *typeReader) structType() (*bq.TableFieldSchema, error) {
	if !p.take("<") {
		return nil, errors.New("STRUCT needs fields: STRUCT<a INT64>")
	}
	f := &bq.TableFieldSchema{Type: "RECORD"}
	for !p.take(">") {
		if len(f.Fields) > 0 && !p.take(",") {
			return nil, errors.New("«,» or «>» is missing")
		}
		name := p.word()
		if name == "" && p.take("`") {
			end := strings.IndexByte(p.rest, '`')
			if end < 0 {
				return nil, errors.New("a quoted name is not closed")
			}
			name, p.rest = p.rest[:end], p.rest[end+1:]
		}
		if name == "" {
			return nil, errors.New("a field has no name")
		}
		inner, err := p.read()
		if err != nil {
			return nil, err
		}
		inner.Name = name
		f.Fields = append(f.Fields, inner)
	}
	return f, nil
}

// parameters reads «(18, 3)».
func (p *typeReader) parameters(f *bq.TableFieldSchema) error {
	if !p.take("(") {
		return nil
	}
	text, rest, ok := strings.Cut(p.rest, ")")
	if !ok {
		return errors.New("«)» is missing")
	}
	p.rest = rest
	p.space()
	var numbers []int64
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is no length", strings.TrimSpace(part))
		}
		numbers = append(numbers, n)
	}
	switch {
	case (f.Type == "STRING" || f.Type == "BYTES") && len(numbers) == 1:
		f.MaxLength = numbers[0]
	case (f.Type == "NUMERIC" || f.Type == "BIGNUMERIC") && len(numbers) <= 2:
		f.Precision = numbers[0]
		if len(numbers) == 2 {
			f.Scale = numbers[1]
		}
	default:
		return errors.New("it takes no parameters")
	}
	return nil
}

// addNested adds fields within records by a change of the schema: ALTER TABLE adds whole
// columns only.
func (c *conn) addNested(ctx context.Context, t *trail, target addr.Relation, columns []warehouse.Column) error {
	return c.patchTable(ctx, t, target, func(table resource) (resource, error) {
		schema := table.child("schema")
		changed := false
		for _, col := range columns {
			name := col.Name[strings.LastIndexByte(col.Name, '.')+1:]
			f, err := parseType(name, col.Type)
			if err != nil {
				return nil, err
			}
			added, err := addField(schema, col.Name, fieldResource(f))
			if err != nil {
				return nil, &warehouse.ColumnError{Relation: target, Column: col.Name, Have: fieldNames(schema.list("fields"))}
			}
			changed = changed || added
		}
		if !changed {
			return nil, nil
		}
		return resource{"schema": map[string]any(schema)}, nil
	})
}

// addField adds a field to the record at the path; one that is there already stays.
func addField(in resource, path string, field resource) (bool, error) {
	name, rest, nested := strings.Cut(path, ".")
	for _, f := range in.list("fields") {
		if !strings.EqualFold(f.text("name"), name) {
			continue
		}
		if !nested {
			return false, nil
		}
		return addField(f, rest, field)
	}
	if nested {
		return false, errors.New("no such field")
	}
	items, _ := in["fields"].([]any)
	in["fields"] = append(items, map[string]any(field))
	return true, nil
}

// fieldResource is a field in the service's JSON form.
func fieldResource(f *bq.TableFieldSchema) resource {
	out := resource{"name": f.Name, "type": f.Type}
	if f.Mode != "" {
		out["mode"] = f.Mode
	}
	for key, n := range map[string]int64{"maxLength": f.MaxLength, "precision": f.Precision, "scale": f.Scale} {
		if n > 0 {
			out[key] = strconv.FormatInt(n, 10)
		}
	}
	if f.RangeElementType != nil {
		out["rangeElementType"] = map[string]any{"type": f.RangeElementType.Type}
	}
	if len(f.Fields) > 0 {
		fields := make([]any, len(f.Fields))
		for i, inner := range f.Fields {
			fields[i] = map[string]any(fieldResource(inner))
		}
		out["fields"] = fields
	}
	return out
}

// reshaping is a change of a table that takes writing its rows anew.
type reshaping struct {
	drop   map[string]bool   // lower-case paths
	retype map[string]string // lower-case paths to types
}

// touches reports whether anything at or below the path changes.
func (r reshaping) touches(path string) bool {
	for p := range r.drop {
		if p == path || strings.HasPrefix(p, path+".") {
			return true
		}
	}
	for p := range r.retype {
		if p == path || strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

// expr is what a field becomes, given the expression that it is now, and its new type.
func (r reshaping) expr(d Dialect, from, path string, f *bq.TableFieldSchema, depth int) (string, *bq.TableFieldSchema, error) {
	if to, ok := r.retype[path]; ok {
		want, err := parseType(f.Name, to)
		if err != nil {
			return "", nil, err
		}
		want.Description, want.PolicyTags = f.Description, f.PolicyTags
		if f.Mode == "REQUIRED" && want.Mode == "" {
			want.Mode = f.Mode
		}
		return "cast(" + from + " as " + to + ")", want, nil
	}
	if !r.touches(path) {
		return from, f, nil
	}
	element := from
	if f.Mode == "REPEATED" {
		element = "e" + strconv.Itoa(depth)
	}
	left := *f
	left.Fields = nil
	var parts []string
	for _, inner := range f.Fields {
		below := path + "." + strings.ToLower(inner.Name)
		if r.drop[below] {
			continue
		}
		part, typ, err := r.expr(d, element+"."+d.Ident(inner.Name), below, inner, depth+1)
		if err != nil {
			return "", nil, err
		}
		parts = append(parts, part+" as "+d.Ident(inner.Name))
		left.Fields = append(left.Fields, typ)
	}
	if len(parts) == 0 {
		return "", nil, fmt.Errorf("%s would have no field left", path)
	}
	if f.Mode == "REPEATED" {
		at := "o" + strconv.Itoa(depth)
		return "array(select as struct " + strings.Join(parts, ", ") + " from unnest(" + from + ") as " + element + " with offset as " + at + " order by " + at + ")", &left, nil
	}
	return "if(" + from + " is null, null, struct(" + strings.Join(parts, ", ") + "))", &left, nil
}

// reshape writes a table anew with fields dropped or cast: one statement, so that readers
// see it before or after. Everything else about the table stays.
func (c *conn) reshape(ctx context.Context, target addr.Relation, r reshaping) (warehouse.JobStats, warehouse.Statement, error) {
	var d Dialect
	t := &trail{}
	var table *bq.Table
	err := c.call(ctx, t, func(ctx context.Context) (err error) {
		ref := c.ref(target)
		table, err = c.service.Tables.Get(ref.ProjectId, ref.DatasetId, ref.TableId).Context(ctx).Do()
		return err
	})
	if err != nil {
		return warehouse.JobStats{}, warehouse.Statement{}, fmt.Errorf("look up %s: %w", target, err)
	}
	before, err := c.getTable(ctx, t, target)
	if err != nil {
		return warehouse.JobStats{}, warehouse.Statement{}, err
	}
	stmt, err := d.reshapeStatement(target, table, r)
	if err != nil {
		return warehouse.JobStats{}, stmt, err
	}
	stats, err := c.Exec(ctx, stmt)
	if err != nil {
		return stats, stmt, err
	}
	err = c.patchTable(ctx, t, target, func(now resource) (resource, error) {
		return restore(now, before), nil
	})
	return stats, warehouse.Statement{}, err
}

// reshapeStatement writes the statement of reshape.
func (d Dialect) reshapeStatement(target addr.Relation, table *bq.Table, r reshaping) (warehouse.Statement, error) {
	if table.Schema == nil {
		return warehouse.Statement{}, fmt.Errorf("%s has no columns", target)
	}
	l := layoutOf(table)
	if l.Partition != nil && l.Partition.Column == "" {
		return warehouse.Statement{}, fmt.Errorf("%s is partitioned by the time at which rows arrive, which writing it anew would lose: build it with --full-refresh", target)
	}
	for path := range mergeKeys(r.drop, r.retype) {
		if _, ok := findField(table.Schema.Fields, path); !ok {
			return warehouse.Statement{}, &warehouse.ColumnError{Relation: target, Column: path, Have: columnNames(columnsOf(table.Schema))}
		}
	}
	var columns []warehouse.Column
	var exprs []string
	for _, f := range table.Schema.Fields {
		path := strings.ToLower(f.Name)
		if r.drop[path] {
			continue
		}
		expr, typ, err := r.expr(d, "t."+d.Ident(f.Name), path, f, 0)
		if err != nil {
			return warehouse.Statement{}, fmt.Errorf("change %s: %w", target, err)
		}
		exprs = append(exprs, expr+" as "+d.Ident(f.Name))
		columns = append(columns, warehouse.Column{Name: f.Name, Type: typeOf(typ)})
		if f.Mode == "REQUIRED" {
			l.Constraints = append(l.Constraints, warehouse.Constraint{Type: "not_null", Columns: []string{f.Name}})
		}
	}
	if len(exprs) == 0 {
		return warehouse.Statement{}, fmt.Errorf("%s would have no column left", target)
	}
	definition, err := d.definition(columns, l)
	if err != nil {
		return warehouse.Statement{}, err
	}
	storage, err := d.storage(l)
	if err != nil {
		return warehouse.Statement{}, err
	}
	options, err := d.options(target.Name, l, optionsOf{table: true})
	if err != nil {
		return warehouse.Statement{}, err
	}
	where := ""
	if l.RequirePartitionFilter && l.Partition != nil {
		col := d.column("t", *l.Partition)
		where = "\nwhere " + col + " is null or " + col + " is not null"
	}
	return warehouse.Statement{SQL: "create or replace table " + d.Quote(target) + " (\n  " + definition + "\n)" + storage + options +
		" as\nselect " + strings.Join(exprs, ", ") + "\nfrom " + d.Quote(target) + " as t" + where}, nil
}

func mergeKeys(a map[string]bool, b map[string]string) map[string]bool {
	out := map[string]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

func findField(fields []*bq.TableFieldSchema, path string) (*bq.TableFieldSchema, bool) {
	name, rest, nested := strings.Cut(path, ".")
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			if nested {
				return findField(f.Fields, rest)
			}
			return f, true
		}
	}
	return nil, false
}

// restore is the patch that gives a table what it had before it was written anew.
func restore(now, before resource) resource {
	patch := resource{}
	for _, key := range []string{"description", "friendlyName"} {
		if !same(now[key], before[key]) {
			patch[key] = before[key]
		}
	}
	if !strings.Contains(before.text("type"), "VIEW") && before["expirationTime"] != nil && !same(now["expirationTime"], before["expirationTime"]) {
		patch["expirationTime"] = before["expirationTime"]
	}
	if !same(now["tableConstraints"], before["tableConstraints"]) && before["tableConstraints"] != nil {
		patch["tableConstraints"] = before["tableConstraints"]
	}
	if carryFields(now.columns(), before.columns()) {
		patch["schema"] = now["schema"]
	}
	return patch
}

// carryFields takes descriptions and policy tags over to fields that lack them.
func carryFields(to, from []resource) (changed bool) {
	for _, f := range to {
		for _, old := range from {
			if !strings.EqualFold(f.text("name"), old.text("name")) {
				continue
			}
			for _, key := range []string{"description", "policyTags"} {
				if same(f[key], nil) && !same(old[key], nil) {
					f[key], changed = old[key], true
				}
			}
			if carryFields(f.list("fields"), old.list("fields")) {
				changed = true
			}
		}
	}
	return changed
}
