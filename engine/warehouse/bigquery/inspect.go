package bigquery

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// fewNames is up to how many names a query of a dataset's catalogue names them: beyond, the
// text would be longer than the answer is shorter.
const fewNames = 500

// Inspect reads the catalogue of every dataset with one query, whatever it holds.
func (c *conn) Inspect(ctx context.Context, rels []addr.Relation) ([]warehouse.Relation, error) {
	type dataset struct{ database, schema string }
	asked := map[dataset][]addr.Relation{}
	for _, r := range rels {
		asked[dataset{r.Database, r.Schema}] = append(asked[dataset{r.Database, r.Schema}], r)
	}
	keys := slices.SortedFunc(maps.Keys(asked), func(a, b dataset) int {
		return strings.Compare(a.database+"\x00"+a.schema, b.database+"\x00"+b.schema)
	})
	var out []warehouse.Relation
	for _, k := range keys {
		names := map[string]bool{}
		for _, r := range asked[k] {
			names[r.Name] = true
		}
		found, err := c.catalogue(ctx, k.database, k.schema, slices.Sorted(maps.Keys(names)), true)
		if err != nil {
			return nil, fmt.Errorf("inspect %s: %w", Dialect{}.schema(k.database, k.schema), err)
		}
		for _, r := range found {
			if names[r.Name.Name] {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// List reports all relations of a dataset with one query.
func (c *conn) List(ctx context.Context, database, schema string) ([]warehouse.Relation, error) {
	out, err := c.catalogue(ctx, database, schema, nil, false)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", Dialect{}.schema(database, schema), err)
	}
	return out, nil
}

// Probe looks one relation up with one call.
func (c *conn) Probe(ctx context.Context, rel addr.Relation) (warehouse.Relation, error) {
	missing := warehouse.Relation{Name: rel, Rows: -1, Bytes: -1}
	if !possible(rel) {
		return missing, nil
	}
	var table *bq.Table
	err := c.call(ctx, &trail{}, func(ctx context.Context) (err error) {
		ref := c.ref(rel)
		table, err = c.service.Tables.Get(ref.ProjectId, ref.DatasetId, ref.TableId).Context(ctx).Do()
		return err
	})
	if notFound(err) {
		return missing, nil
	}
	if err != nil {
		return missing, fmt.Errorf("look up %s: %w", rel, err)
	}
	out := warehouse.Relation{
		Name: rel, Kind: kindOf(table.Type), Columns: columnsOf(table.Schema), Rows: -1, Bytes: -1,
		Comment: table.Description, Layout: layoutOf(table),
	}
	if out.Kind == warehouse.Table && table.ExternalDataConfiguration == nil {
		out.Rows, out.Bytes = int64(table.NumRows), table.NumBytes
	}
	if table.LastModifiedTime > 0 {
		out.Modified = time.UnixMilli(int64(table.LastModifiedTime)).UTC()
	}
	return out, nil
}

// possible reports whether BigQuery can have a relation of this name at all.
func possible(r addr.Relation) bool {
	return datasetPattern.MatchString(r.Schema) && r.Name != "" && len(r.Name) <= maxName && !strings.ContainsAny(r.Name, "/\x00")
}

func kindOf(typ string) warehouse.Kind {
	switch strings.ToUpper(typ) {
	case "VIEW":
		return warehouse.View
	case "MATERIALIZED_VIEW", "MATERIALIZED VIEW":
		return warehouse.MaterializedView
	}
	// Snapshots, clones and external tables are read as tables are.
	return warehouse.Table
}

// layoutOf is what tables.get says of how rows are kept.
func layoutOf(t *bq.Table) *warehouse.Layout {
	l := &warehouse.Layout{RequirePartitionFilter: t.RequirePartitionFilter, Labels: t.Labels}
	if p := t.TimePartitioning; p != nil {
		l.Partition = &warehouse.Partition{Column: p.Field, Type: "timestamp", Granularity: strings.ToLower(p.Type)}
		if p.Field == "" {
			l.Partition.Type = "timestamp"
		} else if t.Schema != nil {
			for _, f := range t.Schema.Fields {
				if strings.EqualFold(f.Name, p.Field) {
					l.Partition.Type = strings.ToLower(f.Type)
				}
			}
		}
		l.PartitionDays = float64(p.ExpirationMs) / (24 * 3600 * 1000)
		l.RequirePartitionFilter = l.RequirePartitionFilter || p.RequirePartitionFilter
	}
	if p := t.RangePartitioning; p != nil && p.Range != nil {
		l.Partition = &warehouse.Partition{Column: p.Field, Type: "int64", Start: p.Range.Start, End: p.Range.End, Interval: p.Range.Interval}
	}
	if t.Clustering != nil {
		l.Cluster = t.Clustering.Fields
	}
	if e := t.EncryptionConfiguration; e != nil {
		l.KMSKey = e.KmsKeyName
	}
	return l
}

// catalogue reads what a dataset holds. An empty answer means that the dataset is empty or
// does not exist, never that the service could not tell.
func (c *conn) catalogue(ctx context.Context, database, schema string, names []string, columns bool) ([]warehouse.Relation, error) {
	if !datasetPattern.MatchString(schema) || columns && len(names) == 0 {
		return nil, nil
	}
	r, err := c.Query(ctx, warehouse.Statement{SQL: c.catalogueSQL(database, schema, names, columns)})
	if notFound(err) {
		return nil, c.missingDataset(ctx, database, schema, err)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []warehouse.Relation
	for r.Next() {
		row, err := r.Values()
		if err != nil {
			return nil, err
		}
		rel, err := readCatalogue(row, columns)
		if err != nil {
			return nil, err
		}
		rel.Name.Database, rel.Name.Schema = database, schema
		out = append(out, rel)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b warehouse.Relation) int { return a.Name.Compare(b.Name) })
	return out, nil
}

// missingDataset makes sure that a dataset which a query did not find is not there: a job
// finds only datasets of its own location.
func (c *conn) missingDataset(ctx context.Context, database, schema string, cause error) error {
	found, err := c.dataset(ctx, &trail{}, database, schema)
	switch {
	case notFound(err):
		return nil
	case err != nil:
		return err
	case !strings.EqualFold(found.Location, c.location) && found.Location != "":
		return c.elsewhere(schema, found.Location)
	}
	return cause
}

func (c *conn) elsewhere(schema, location string) error {
	return &Error{
		Reason:  reasonInvalid,
		Message: fmt.Sprintf("dataset %s is in location %s and the target in %s: set location of the target to %s, or use another dataset", schema, location, c.location, location),
		Err:     fmt.Errorf("dataset in %s", location),
	}
}

// catalogueSQL writes the query. Its aliases are no names that a dataset is likely to have. __TABLES__ has the sizes, COLUMN_FIELD_PATHS the comments of
// columns, and the definition in TABLES how the rows are divided.
func (c *conn) catalogueSQL(database, schema string, names []string, columns bool) string {
	d := Dialect{}
	at := d.schema(firstOf(database, c.project), schema)
	view := func(name string) string { return at + ".INFORMATION_SCHEMA." + name }
	only := func(column string) string {
		if len(names) == 0 || len(names) > fewNames {
			return ""
		}
		list := make([]string, len(names))
		for i, n := range names {
			list[i] = d.Literal(n)
		}
		return "\n  where " + column + " in (" + strings.Join(list, ", ") + ")"
	}
	if !columns {
		return "select _t.table_name, _t.table_type, _s.row_count, _s.size_bytes, _s.last_modified_time\n" +
			"from " + view("TABLES") + " as _t\nleft join " + at + ".__TABLES__ as _s on _s.table_id = _t.table_name"
	}
	return "select _t.table_name, _t.table_type, _s.row_count, _s.size_bytes, _s.last_modified_time, _t.ddl,\n" +
		"  _o.description, _c.columns\n" +
		"from (\n  select table_name, table_type, ddl from " + view("TABLES") + only("table_name") + "\n) as _t\n" +
		"left join (\n  select table_id, row_count, size_bytes, last_modified_time from " + at + ".__TABLES__" + only("table_id") + "\n) as _s on _s.table_id = _t.table_name\n" +
		"left join (\n  select table_name, option_value as description from " + view("TABLE_OPTIONS") + only("table_name") + optionWord(only("table_name")) + " option_name = 'description'\n) as _o on _o.table_name = _t.table_name\n" +
		"left join (\n  select _p.table_name, array_agg(struct(_p.column_name, _p.data_type, _p.description, _c.is_nullable) order by _c.ordinal_position) as columns\n" +
		"  from (\n  select table_name, column_name, data_type, description from " + view("COLUMN_FIELD_PATHS") + only("table_name") + optionWord(only("table_name")) + " field_path = column_name\n  ) as _p\n" +
		"  join (\n  select table_name, column_name, is_nullable, ordinal_position from " + view("COLUMNS") + only("table_name") + "\n  ) as _c on _c.table_name = _p.table_name and _c.column_name = _p.column_name\n" +
		"  group by _p.table_name\n) as _c on _c.table_name = _t.table_name"
}

// optionWord is what comes before one more condition.
func optionWord(before string) string {
	if before == "" {
		return "\n  where"
	}
	return " and"
}

func readCatalogue(row []any, columns bool) (warehouse.Relation, error) {
	word := func(i int) string { s, _ := row[i].(string); return s }
	number := func(i int) int64 {
		if n, ok := row[i].(int64); ok {
			return n
		}
		return -1
	}
	rel := warehouse.Relation{Name: addr.Relation{Name: word(0)}, Kind: kindOf(word(1)), Rows: number(2), Bytes: number(3)}
	if ms := number(4); ms > 0 {
		rel.Modified = time.UnixMilli(ms).UTC()
	}
	if rel.Kind != warehouse.Table || word(1) == "EXTERNAL" {
		rel.Rows, rel.Bytes = -1, -1
	}
	if !columns {
		return rel, nil
	}
	comment, err := readLiteral(word(6))
	if err != nil {
		return rel, fmt.Errorf("description of %s: %w", rel.Name.Name, err)
	}
	rel.Comment = comment
	list, _ := row[7].([]any)
	for _, item := range list {
		f, _ := item.(map[string]any)
		text := func(key string) string { s, _ := f[key].(string); return s }
		rel.Columns = append(rel.Columns, warehouse.Column{Name: text("column_name"), Type: text("data_type"), Comment: text("description"), Nullable: text("is_nullable") != "NO"})
	}
	// Without its definition nothing is known of how a table is kept.
	if rel.Kind != warehouse.View && word(5) != "" {
		rel.Layout, err = readDefinition(word(5), rel.Columns)
	}
	return rel, err
}

var (
	partitionLine = regexp.MustCompile(`(?mi)^PARTITION BY (.+)$`)
	clusterLine   = regexp.MustCompile(`(?mi)^CLUSTER BY (.+)$`)
	labelsLine    = regexp.MustCompile(`(?m)^ *labels=\[(.*)\],?$`)
	filterLine    = regexp.MustCompile(`(?m)^ *require_partition_filter=true,?$`)
	daysLine      = regexp.MustCompile(`(?m)^ *partition_expiration_days=([0-9.]+),?$`)
	keyLine       = regexp.MustCompile(`(?m)^ *kms_key_name=("(?:[^"\\]|\\.)*"),?$`)
	truncPattern  = regexp.MustCompile(`(?i)^(DATE|TIMESTAMP|DATETIME)_TRUNC\(\s*(.+?)\s*,\s*(HOUR|DAY|MONTH|YEAR)\s*\)$`)
	datePattern   = regexp.MustCompile(`(?i)^DATE\(\s*(.+?)\s*\)$`)
	bucketPattern = regexp.MustCompile(`(?i)^RANGE_BUCKET\(\s*(.+?)\s*,\s*GENERATE_ARRAY\(\s*(-?\d+)\s*,\s*(-?\d+)\s*(?:,\s*(\d+)\s*)?\)\s*\)$`)
	pairPattern   = regexp.MustCompile(`(?:STRUCT)?\(("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")\)`)
)

// readDefinition reads how rows are kept from the DDL that the service writes for a table:
// clauses stand at the beginning of a line, one option to a line, and no quoted text goes
// over several.
func readDefinition(ddl string, columns []warehouse.Column) (*warehouse.Layout, error) {
	l := &warehouse.Layout{}
	if m := partitionLine.FindStringSubmatch(ddl); m != nil {
		p, err := readPartition(strings.TrimSuffix(strings.TrimSpace(m[1]), ";"), columns)
		if err != nil {
			return nil, err
		}
		l.Partition = &p
	}
	if m := clusterLine.FindStringSubmatch(ddl); m != nil {
		for _, name := range strings.Split(strings.TrimSuffix(strings.TrimSpace(m[1]), ";"), ",") {
			l.Cluster = append(l.Cluster, strings.Trim(strings.TrimSpace(name), "`"))
		}
	}
	if m := labelsLine.FindStringSubmatch(ddl); m != nil {
		l.Labels = map[string]string{}
		for _, pair := range pairPattern.FindAllStringSubmatch(m[1], -1) {
			k, err := readLiteral(pair[1])
			if err != nil {
				return nil, err
			}
			if l.Labels[k], err = readLiteral(pair[2]); err != nil {
				return nil, err
			}
		}
	}
	l.RequirePartitionFilter = filterLine.MatchString(ddl)
	if m := daysLine.FindStringSubmatch(ddl); m != nil {
		l.PartitionDays, _ = strconv.ParseFloat(m[1], 64)
	}
	if m := keyLine.FindStringSubmatch(ddl); m != nil {
		var err error
		if l.KMSKey, err = readLiteral(m[1]); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func readPartition(expr string, columns []warehouse.Column) (warehouse.Partition, error) {
	typeOf := func(name, otherwise string) string {
		for _, c := range columns {
			if strings.EqualFold(c.Name, name) {
				return strings.ToLower(c.Type)
			}
		}
		return otherwise
	}
	bare := func(s string) string { return strings.Trim(strings.TrimSpace(s), "`") }
	if m := bucketPattern.FindStringSubmatch(expr); m != nil {
		p := warehouse.Partition{Column: bare(m[1]), Type: "int64", Interval: 1}
		p.Start, _ = strconv.ParseInt(m[2], 10, 64)
		p.End, _ = strconv.ParseInt(m[3], 10, 64)
		if m[4] != "" {
			p.Interval, _ = strconv.ParseInt(m[4], 10, 64)
		}
		return p, nil
	}
	if m := truncPattern.FindStringSubmatch(expr); m != nil {
		name := bare(m[2])
		if strings.EqualFold(name, "_PARTITIONTIME") {
			name = ""
		}
		return warehouse.Partition{Column: name, Type: typeOf(name, strings.ToLower(m[1])), Granularity: strings.ToLower(m[3])}, nil
	}
	name := expr
	if m := datePattern.FindStringSubmatch(expr); m != nil {
		name = m[1]
	}
	name = bare(name)
	if strings.EqualFold(name, "_PARTITIONDATE") || strings.EqualFold(name, "_PARTITIONTIME") {
		return warehouse.Partition{Type: "timestamp", Granularity: warehouse.Day}, nil
	}
	if strings.ContainsAny(name, "( ") {
		return warehouse.Partition{}, fmt.Errorf("the partition expression %q is unknown", expr)
	}
	return warehouse.Partition{Column: name, Type: typeOf(name, "date"), Granularity: warehouse.Day}, nil
}

// readLiteral reads a string literal as the service writes it into options: in double
// quotes, with escapes. An empty text is an empty one; without quotes it is taken as it is.
func readLiteral(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] {
		return s, nil
	}
	body := s[1 : len(s)-1]
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			b.WriteByte(body[i])
			continue
		}
		if i++; i == len(body) {
			return "", fmt.Errorf("%s ends with an escape", s)
		}
		digits, base := 0, 16
		switch c := body[i]; c {
		case 'n', 'r', 't', 'a', 'b', 'f', 'v':
			b.WriteByte(map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'a': '\a', 'b': '\b', 'f': '\f', 'v': '\v'}[c])
			continue
		case 'x', 'X':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		case '0', '1', '2', '3':
			digits, base = 3, 8
			i--
		default:
			b.WriteByte(c)
			continue
		}
		if i+digits >= len(body) {
			return "", fmt.Errorf("%s has a cut escape", s)
		}
		n, err := strconv.ParseInt(body[i+1:i+1+digits], base, 32)
		if err != nil {
			return "", fmt.Errorf("%s has a bad escape", s)
		}
		b.WriteRune(rune(n))
		i += digits
	}
	return b.String(), nil
}
