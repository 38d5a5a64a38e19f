package shim

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// systemView is one INFORMATION_SCHEMA view: its columns as GoogleSQL and its rows as
// GoogleSQL literals.
type systemView struct {
	columns string
	rows    func(s *Server, ctx context.Context, project string, sets []string) ([]string, *apiError)
}

var systemViews = map[string]systemView{
	"SCHEMATA":           {"catalog_name STRING, schema_name STRING, schema_owner STRING, creation_time TIMESTAMP, last_modified_time TIMESTAMP, location STRING", (*Server).schemataRows},
	"TABLES":             {"table_catalog STRING, table_schema STRING, table_name STRING, table_type STRING, is_insertable_into STRING, is_typed STRING, creation_time TIMESTAMP, base_table_catalog STRING, base_table_schema STRING, base_table_name STRING, ddl STRING", (*Server).tablesRows},
	"VIEWS":              {"table_catalog STRING, table_schema STRING, table_name STRING, view_definition STRING, check_option STRING, use_standard_sql STRING", (*Server).viewsRows},
	"COLUMNS":            {"table_catalog STRING, table_schema STRING, table_name STRING, column_name STRING, ordinal_position INT64, is_nullable STRING, data_type STRING, is_generated STRING, is_hidden STRING, is_system_defined STRING, is_partitioning_column STRING, clustering_ordinal_position INT64, collation_name STRING, column_default STRING, rounding_mode STRING", (*Server).columnsRows},
	"COLUMN_FIELD_PATHS": {"table_catalog STRING, table_schema STRING, table_name STRING, column_name STRING, field_path STRING, data_type STRING, description STRING, collation_name STRING, rounding_mode STRING", (*Server).fieldPathRows},
	"TABLE_OPTIONS":      {"table_catalog STRING, table_schema STRING, table_name STRING, option_name STRING, option_type STRING, option_value STRING", (*Server).optionRows},
	"TABLE_STORAGE":      {"project_id STRING, table_catalog STRING, table_schema STRING, table_name STRING, creation_time TIMESTAMP, total_rows INT64, total_partitions INT64, total_logical_bytes INT64, active_logical_bytes INT64, long_term_logical_bytes INT64, storage_last_modified_time TIMESTAMP, deleted BOOL, table_type STRING", (*Server).storageRows},
	"PARTITIONS":         {"table_catalog STRING, table_schema STRING, table_name STRING, partition_id STRING, total_rows INT64, total_logical_bytes INT64, last_modified_time TIMESTAMP, storage_tier STRING", (*Server).partitionRows},
	"__TABLES__":         {"project_id STRING, dataset_id STRING, table_id STRING, creation_time INT64, last_modified_time INT64, row_count INT64, size_bytes INT64, type INT64", (*Server).metaRows},
}

// systemRows writes the rows of an INFORMATION_SCHEMA view or __TABLES__ as an array: the
// catalog is the shim's.
func (s *Server) systemRows(ctx context.Context, path []string, project, dataset string) (string, *apiError) {
	view, scope := systemPath(path)
	def, ok := systemViews[view]
	if !ok {
		return "", unsupported("INFORMATION_SCHEMA.%s is not supplied", view)
	}
	owner, sets, err := s.systemScope(scope, view, project, dataset)
	if err != nil {
		return "", err
	}
	rows, err := def.rows(s, ctx, owner, sets)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("UNNEST(ARRAY<STRUCT<%s>>[%s])", def.columns, strings.Join(rows, ", ")), nil
}

var reservedAfterTable = map[string]bool{
	"WHERE": true, "GROUP": true, "ORDER": true, "LIMIT": true, "JOIN": true, "LEFT": true, "RIGHT": true, "FULL": true, "INNER": true, "CROSS": true,
	"ON": true, "USING": true, "UNION": true, "INTERSECT": true, "EXCEPT": true, "HAVING": true, "QUALIFY": true, "WINDOW": true, "FOR": true, "TABLESAMPLE": true, "PIVOT": true, "UNPIVOT": true,
}

// systemPath splits [project.][dataset.|region.]INFORMATION_SCHEMA.view and dataset.__TABLES__.
func systemPath(path []string) (view string, scope []string) {
	n := len(path)
	if n >= 2 && path[n-1] == "__TABLES__" {
		return "__TABLES__", path[:n-1]
	}
	if n >= 2 && strings.EqualFold(path[n-2], "INFORMATION_SCHEMA") {
		return strings.ToUpper(path[n-1]), path[:n-2]
	}
	return "", nil
}

var region = regexp.MustCompile(`(?i)^region-[a-z0-9-]+$`)

// systemScope returns the project and the datasets that a view covers.
func (s *Server) systemScope(scope []string, view, project, dataset string) (string, []string, *apiError) {
	name := dataset
	switch len(scope) {
	case 0:
	case 1:
		name = scope[0]
	case 2:
		project, name = scope[0], scope[1]
	default:
		return "", nil, invalidQuery("Invalid INFORMATION_SCHEMA path: %s", strings.Join(scope, "."))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[project]
	if p == nil {
		return "", nil, notFound("Not found: Project %s", project)
	}
	if view == "SCHEMATA" || region.MatchString(name) {
		return project, sortedKeys(p.datasets), nil
	}
	if name == "" {
		return "", nil, invalidQuery("INFORMATION_SCHEMA.%s must be qualified with a dataset or a region", view)
	}
	if p.datasets[name] == nil {
		return "", nil, notFound("Not found: Dataset %s:%s was not found in location %s", project, name, s.location)
	}
	return project, []string{name}, nil
}

func timestampSQL(ms int64) string {
	if ms == 0 {
		return "NULL"
	}
	return fmt.Sprintf("TIMESTAMP_MILLIS(%d)", ms)
}

func nullable(v string) string {
	if v == "" {
		return "NULL"
	}
	return literal(v)
}

// tuple writes one row.
func tuple(values ...string) string { return "(" + strings.Join(values, ", ") + ")" }

// eachTable calls fn for the tables of the datasets, by name, on copies.
func (s *Server) eachTable(project string, sets []string, fn func(t *bigquery.Table)) {
	for _, id := range sets {
		s.mu.Lock()
		d := s.datasetLocked(project, id)
		var all []*bigquery.Table
		if d != nil {
			for _, name := range sortedKeys(d.tables) {
				all = append(all, clone(d.tables[name].res))
			}
		}
		s.mu.Unlock()
		for _, t := range all {
			fn(t)
		}
	}
}

func head(t *bigquery.Table) (string, string, string) {
	r := t.TableReference
	return literal(r.ProjectId), literal(r.DatasetId), literal(r.TableId)
}

func (s *Server) schemataRows(_ context.Context, project string, sets []string) ([]string, *apiError) {
	var out []string
	for _, id := range sets {
		s.mu.Lock()
		if d := s.datasetLocked(project, id); d != nil {
			out = append(out, tuple(literal(project), literal(id), "NULL", timestampSQL(d.res.CreationTime), timestampSQL(d.res.LastModifiedTime), literal(d.res.Location)))
		}
		s.mu.Unlock()
	}
	return out, nil
}

// tableType is the table_type of INFORMATION_SCHEMA.TABLES.
func tableType(t *bigquery.Table) string {
	switch {
	case t.Type == "MATERIALIZED_VIEW":
		return "MATERIALIZED VIEW"
	case t.CloneDefinition != nil:
		return "CLONE"
	case t.Type == "TABLE":
		return "BASE TABLE"
	}
	return t.Type
}

func (s *Server) tablesRows(_ context.Context, project string, sets []string) (out []string, _ *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		a, b, c := head(t)
		insertable := "NO"
		if t.Type == "TABLE" {
			insertable = "YES"
		}
		base := []string{"NULL", "NULL", "NULL"}
		if d := t.CloneDefinition; d != nil {
			base = []string{literal(d.BaseTableReference.ProjectId), literal(d.BaseTableReference.DatasetId), literal(d.BaseTableReference.TableId)}
		}
		if d := t.SnapshotDefinition; d != nil {
			base = []string{literal(d.BaseTableReference.ProjectId), literal(d.BaseTableReference.DatasetId), literal(d.BaseTableReference.TableId)}
		}
		out = append(out, tuple(a, b, c, literal(tableType(t)), literal(insertable), "'NO'", timestampSQL(t.CreationTime), base[0], base[1], base[2], literal(definition(t))))
	})
	return out, nil
}

// definition writes the ddl of INFORMATION_SCHEMA.TABLES: «The DDL statement that can be used
// to recreate the table», a clause and an option to a line.
func definition(t *bigquery.Table) string {
	ref := t.TableReference
	name := "`" + ref.ProjectId + "." + ref.DatasetId + "." + ref.TableId + "`"
	kind := map[string]string{"TABLE": "TABLE", "VIEW": "VIEW", "MATERIALIZED_VIEW": "MATERIALIZED VIEW", "SNAPSHOT": "SNAPSHOT TABLE"}[t.Type]
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE %s %s", kind, name)
	if viewQuery(t) == "" && t.Schema != nil {
		b.WriteString("\n(\n")
		for i, f := range t.Schema.Fields {
			if i > 0 {
				b.WriteString(",\n")
			}
			fmt.Fprintf(&b, "  %s %s", f.Name, typeText(f))
			if f.DefaultValueExpression != "" {
				b.WriteString(" DEFAULT " + f.DefaultValueExpression)
			}
			if f.Mode == "REQUIRED" {
				b.WriteString(" NOT NULL")
			}
			if f.Description != "" {
				b.WriteString(" OPTIONS(description=" + quotedText(f.Description) + ")")
			}
		}
		b.WriteString("\n)")
	}
	if p := t.TimePartitioning; p != nil {
		expr := p.Field
		col := findField(t.Schema, p.Field)
		switch {
		case p.Field == "" && p.Type == "DAY":
			expr = "_PARTITIONDATE"
		case p.Field == "":
			expr = "TIMESTAMP_TRUNC(_PARTITIONTIME, " + p.Type + ")"
		case col == nil:
		case scalarType(col.Type) == "DATE" && p.Type == "DAY":
		case p.Type == "DAY":
			expr = "DATE(" + p.Field + ")"
		default:
			expr = scalarType(col.Type) + "_TRUNC(" + p.Field + ", " + p.Type + ")"
		}
		b.WriteString("\nPARTITION BY " + expr)
	}
	if p := t.RangePartitioning; p != nil {
		fmt.Fprintf(&b, "\nPARTITION BY RANGE_BUCKET(%s, GENERATE_ARRAY(%d, %d, %d))", p.Field, p.Range.Start, p.Range.End, p.Range.Interval)
	}
	if t.Clustering != nil && len(t.Clustering.Fields) > 0 {
		b.WriteString("\nCLUSTER BY " + strings.Join(t.Clustering.Fields, ", "))
	}
	var options []string
	for _, o := range tableOptionValues(t) {
		if o.name == "labels" {
			o.value = strings.ReplaceAll(o.value, "STRUCT(", "(")
		}
		options = append(options, "  "+o.name+"="+o.value)
	}
	if len(options) > 0 {
		b.WriteString("\nOPTIONS(\n" + strings.Join(options, ",\n") + "\n)")
	}
	if q := viewQuery(t); q != "" {
		b.WriteString("\nAS " + q)
	}
	b.WriteString(";")
	return b.String()
}

func (s *Server) viewsRows(_ context.Context, project string, sets []string) (out []string, _ *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		if t.View != nil {
			a, b, c := head(t)
			out = append(out, tuple(a, b, c, literal(t.View.Query), "NULL", "'YES'"))
		}
	})
	return out, nil
}

func (s *Server) columnsRows(_ context.Context, project string, sets []string) (out []string, _ *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		if t.Schema == nil {
			return
		}
		a, b, c := head(t)
		for i, f := range t.Schema.Fields {
			null, part, cluster := "YES", "NO", "NULL"
			if f.Mode == "REQUIRED" {
				null = "NO"
			}
			if f.Mode == "REPEATED" {
				null = "NO"
			}
			if strings.EqualFold(partitionField(t), f.Name) {
				part = "YES"
			}
			if t.Clustering != nil {
				if k := slices.IndexFunc(t.Clustering.Fields, func(n string) bool { return strings.EqualFold(n, f.Name) }); k >= 0 {
					cluster = fmt.Sprint(k + 1)
				}
			}
			collation, fallback := "'NULL'", "'NULL'" // documented as the string NULL
			if f.Collation != "" {
				collation = literal(f.Collation)
			}
			if f.DefaultValueExpression != "" {
				fallback = literal(f.DefaultValueExpression)
			}
			out = append(out, tuple(a, b, c, literal(f.Name), fmt.Sprint(i+1), literal(null), literal(typeText(f)), "'NEVER'", "'NO'", "'NO'", literal(part), cluster, collation, fallback, nullable(f.RoundingMode)))
		}
	})
	return out, nil
}

func (s *Server) fieldPathRows(_ context.Context, project string, sets []string) (out []string, _ *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		a, b, c := head(t)
		var walk func(column, prefix string, fields []*bigquery.TableFieldSchema)
		walk = func(column, prefix string, fields []*bigquery.TableFieldSchema) {
			for _, f := range fields {
				col := column
				if col == "" {
					col = f.Name
				}
				out = append(out, tuple(a, b, c, literal(col), literal(prefix+f.Name), literal(typeText(f)), nullable(f.Description), "'NULL'", nullable(f.RoundingMode)))
				walk(col, prefix+f.Name+".", f.Fields)
			}
		}
		if t.Schema != nil {
			walk("", "", t.Schema.Fields)
		}
	})
	return out, nil
}

func quotedText(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(v) + `"`
}

// optionValue is one row of TABLE_OPTIONS.
type optionValue struct{ name, typ, value string }

func tableOptionValues(t *bigquery.Table) []optionValue {
	var out []optionValue
	add := func(name, typ, value string) { out = append(out, optionValue{name, typ, value}) }
	if t.Description != "" {
		add("description", "STRING", quotedText(t.Description))
	}
	if m := t.MaterializedView; m != nil {
		add("enable_refresh", "BOOL", fmt.Sprint(m.EnableRefresh))
		if m.RefreshIntervalMs > 0 {
			add("refresh_interval_minutes", "FLOAT64", fmt.Sprintf("%.1f", float64(m.RefreshIntervalMs)/60000))
		}
	}
	if t.ExpirationTime != 0 {
		add("expiration_timestamp", "TIMESTAMP", `TIMESTAMP "`+timeText(t.ExpirationTime)+`"`)
	}
	if t.FriendlyName != "" {
		add("friendly_name", "STRING", quotedText(t.FriendlyName))
	}
	if t.EncryptionConfiguration != nil {
		add("kms_key_name", "STRING", quotedText(t.EncryptionConfiguration.KmsKeyName))
	}
	if len(t.Labels) > 0 {
		parts := []string{}
		for _, k := range sortedKeys(t.Labels) {
			parts = append(parts, "STRUCT("+quotedText(k)+", "+quotedText(t.Labels[k])+")")
		}
		add("labels", "ARRAY<STRUCT<STRING, STRING>>", "["+strings.Join(parts, ", ")+"]")
	}
	if t.TimePartitioning != nil && t.TimePartitioning.ExpirationMs != 0 {
		add("partition_expiration_days", "FLOAT64", fmt.Sprintf("%.1f", float64(t.TimePartitioning.ExpirationMs)/86400000))
	}
	if t.RequirePartitionFilter {
		add("require_partition_filter", "BOOL", "true")
	}
	return out
}

func (s *Server) optionRows(_ context.Context, project string, sets []string) (out []string, _ *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		a, b, c := head(t)
		for _, o := range tableOptionValues(t) {
			out = append(out, tuple(a, b, c, literal(o.name), literal(o.typ), literal(o.value)))
		}
	})
	return out, nil
}

func (s *Server) storageRows(ctx context.Context, project string, sets []string) (out []string, _ *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		if viewQuery(t) != "" {
			return
		}
		rows, bytes := s.measure(ctx, t.TableReference)
		a, b, c := head(t)
		out = append(out, tuple(a, a, b, c, timestampSQL(t.CreationTime), fmt.Sprint(rows), "NULL", fmt.Sprint(bytes), fmt.Sprint(bytes), "0", timestampSQL(int64(t.LastModifiedTime)), "FALSE", literal(tableType(t))))
	})
	return out, nil
}

func (s *Server) metaRows(ctx context.Context, project string, sets []string) (out []string, _ *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		rows, bytes := s.measure(ctx, t.TableReference)
		kind := "1" // «1: table, 2: view»
		if viewQuery(t) != "" {
			kind = "2"
		}
		a, b, c := head(t)
		out = append(out, tuple(a, b, c, fmt.Sprint(t.CreationTime), fmt.Sprint(t.LastModifiedTime), fmt.Sprint(rows), fmt.Sprint(bytes), kind))
	})
	return out, nil
}

// partitionExpr writes the partition id of a row; source: «INFORMATION_SCHEMA.PARTITIONS»
// and «Partition decorators»: yyyymmddhh, yyyymmdd, yyyymm, yyyy, or the range's start.
func partitionExpr(t *bigquery.Table) string {
	col := "`" + partitionField(t) + "`"
	switch {
	case t.TimePartitioning != nil && t.TimePartitioning.Field != "":
		format := map[string]string{"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}[t.TimePartitioning.Type]
		fn := "FORMAT_" + scalarType(findField(t.Schema, t.TimePartitioning.Field).Type)
		return "IFNULL(" + fn + "('" + format + "', " + col + "), '__NULL__')"
	case t.RangePartitioning != nil:
		r := t.RangePartitioning.Range
		return fmt.Sprintf("CASE WHEN %[1]s IS NULL THEN '__NULL__' WHEN %[1]s < %[2]d OR %[1]s >= %[3]d THEN '__UNPARTITIONED__' ELSE CAST(%[2]d + DIV(%[1]s - %[2]d, %[4]d) * %[4]d AS STRING) END", col, r.Start, r.End, r.Interval)
	}
	return ""
}

func (s *Server) partitionRows(ctx context.Context, project string, sets []string) (out []string, err *apiError) {
	s.eachTable(project, sets, func(t *bigquery.Table) {
		if err != nil || viewQuery(t) != "" {
			return
		}
		a, b, c := head(t)
		expr := partitionExpr(t)
		if expr == "" {
			rows, bytes := s.measure(ctx, t.TableReference)
			out = append(out, tuple(a, b, c, "NULL", fmt.Sprint(rows), fmt.Sprint(bytes), timestampSQL(int64(t.LastModifiedTime)), "'ACTIVE'"))
			return
		}
		sizes := make([]string, len(t.Schema.Fields))
		for i, f := range t.Schema.Fields {
			sizes[i] = sizeSQL(f)
		}
		res, failed := s.emu.read(ctx, project, "", "SELECT id, COUNT(*), SUM(z) FROM (SELECT "+expr+" AS id, "+strings.Join(sizes, " + ")+" AS z FROM "+quoted(t.TableReference)+") GROUP BY id ORDER BY id", nil, "")
		if failed != nil {
			err = internalError(failed)
			return
		}
		for _, row := range res.Rows {
			out = append(out, tuple(a, b, c, literal(cell(row, 0)), cell(row, 1), cell(row, 2), timestampSQL(int64(t.LastModifiedTime)), "'ACTIVE'"))
		}
	})
	return out, err
}
