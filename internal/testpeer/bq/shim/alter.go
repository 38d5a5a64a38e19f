package shim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	bigquery "google.golang.org/api/bigquery/v2"
)

func timeText(ms int64) string {
	if ms == 0 {
		return time.Now().UTC().Format(time.RFC3339Nano)
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
}

// tableOptions applies OPTIONS(…) to a table's resource; source: «table_option_list»,
// «view_option_list».
func (x *execution) tableOptions(src string, t *bigquery.Table, opts []option) *apiError {
	for _, o := range opts {
		null := len(o.value) == 1 && o.value[0].is("NULL")
		value := ""
		if len(o.value) == 1 && o.value[0].kind == tokString {
			value = unquote(o.value[0].text)
		} else if len(o.value) == 1 {
			value = o.value[0].text
		}
		switch o.name {
		case "description":
			t.Description = ""
			if !null {
				t.Description = value
			}
		case "friendly_name":
			t.FriendlyName = ""
			if !null {
				t.FriendlyName = value
			}
		case "labels":
			labels, err := x.labelList(src, o)
			if err != nil {
				return err
			}
			t.Labels = labels
		case "expiration_timestamp":
			t.ExpirationTime = 0
			if !null {
				res, err := x.internal("SELECT UNIX_MILLIS(" + text(src, o.value) + ")")
				if err != nil {
					return invalidQuery("Invalid value for option expiration_timestamp: %s", text(src, o.value))
				}
				t.ExpirationTime = firstInt(res)
			}
		case "partition_expiration_days":
			if t.TimePartitioning == nil {
				return invalidQuery("partition_expiration_days is only allowed on time-partitioned tables")
			}
			t.TimePartitioning.ExpirationMs = 0
			if !null {
				days, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return invalidQuery("Invalid value for option partition_expiration_days: %s", text(src, o.value))
				}
				t.TimePartitioning.ExpirationMs = int64(days * 24 * float64(time.Hour/time.Millisecond))
			}
		case "require_partition_filter":
			on := strings.EqualFold(value, "true")
			if on && t.TimePartitioning == nil && t.RangePartitioning == nil {
				return invalidQuery("require_partition_filter is only allowed on partitioned tables")
			}
			t.RequirePartitionFilter = on
		case "kms_key_name":
			t.EncryptionConfiguration = nil
			if !null {
				t.EncryptionConfiguration = &bigquery.EncryptionConfiguration{KmsKeyName: value}
			}
		case "default_rounding_mode":
			t.DefaultRoundingMode = value
		case "max_staleness":
			t.MaxStaleness = text(src, o.value)
		case "tags":
			tags, err := x.labelList(src, o)
			if err != nil {
				return err
			}
			t.ResourceTags = tags
		case "enable_refresh", "refresh_interval_minutes", "allow_non_incremental_definition":
			if t.MaterializedView == nil {
				return invalidQuery("Option %s is only allowed on materialized views", o.name)
			}
			switch o.name {
			case "enable_refresh":
				t.MaterializedView.EnableRefresh = strings.EqualFold(value, "true")
				t.MaterializedView.ForceSendFields = []string{"EnableRefresh"}
			case "refresh_interval_minutes":
				minutes, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return invalidQuery("Invalid value for option refresh_interval_minutes: %s", text(src, o.value))
				}
				t.MaterializedView.RefreshIntervalMs = int64(minutes * 60000)
			default:
				t.MaterializedView.AllowNonIncrementalDefinition = strings.EqualFold(value, "true")
			}
		default:
			return invalidQuery("Unknown option: %s", o.name)
		}
	}
	return nil
}

// labelList reads [("key", "value"), …]; STRUCT(…) is the other documented form.
func (x *execution) labelList(src string, o option) (map[string]string, *apiError) {
	if len(o.value) == 1 && o.value[0].is("NULL") {
		return nil, nil
	}
	bad := invalidQuery("Invalid value for option %s: %s", o.name, text(src, o.value))
	if len(o.value) < 2 || !o.value[0].is("[") || !o.value[len(o.value)-1].is("]") {
		return nil, bad
	}
	out := map[string]string{}
	for _, item := range splitTop(o.value[1:len(o.value)-1], ",", false) {
		if len(item) > 0 && item[0].is("STRUCT") {
			item = item[1:]
		}
		if len(item) != 5 || item[1].kind != tokString || !item[2].is(",") || item[3].kind != tokString {
			return nil, bad
		}
		key, value := unquote(item[1].text), unquote(item[3].text)
		if o.name == "labels" {
			if err := checkLabel(key, value); err != nil {
				return nil, err
			}
		}
		out[key] = value
	}
	return out, nil
}

// checkLabel applies «Requirements for labels»: at most 63 characters of lowercase letters,
// digits, underscores and dashes; keys start with a letter.
func checkLabel(key, value string) *apiError {
	ok := func(s string) bool {
		if len([]rune(s)) > 63 {
			return false
		}
		for _, r := range s {
			if r >= 'A' && r <= 'Z' || !(r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127) {
				return false
			}
		}
		return true
	}
	if key == "" || !ok(key) || key[0] >= '0' && key[0] <= '9' || key[0] == '-' || key[0] == '_' {
		return invalid("Label key \"%s\" has invalid characters.", key)
	}
	if !ok(value) {
		return invalid("Label value \"%s\" has invalid characters.", value)
	}
	return nil
}

func (x *execution) alterTable(st *statement) *apiError {
	ref, err := x.s.resolve(st.path, x.project, x.dataset)
	if err != nil {
		return err
	}
	x.out.target, x.out.operation = ref, "ALTER"
	old := x.s.table(ref)
	if old == nil {
		if st.ifExists {
			x.out.operation = "SKIP"
			return nil
		}
		return notFound("Not found: Table %s was not found in location %s", refText(ref), x.s.location)
	}
	want := map[string]string{"ALTER_TABLE": "TABLE", "ALTER_VIEW": "VIEW", "ALTER_MATERIALIZED_VIEW": "MATERIALIZED_VIEW"}[st.kind]
	if old.res.Type != want {
		return invalidQuery("%s is not allowed for this operation because it is currently a %s.", refText(ref), old.res.Type)
	}
	neu := clone(old.res)
	sources := map[string]string{} // new column → old column, for renames
	rename := ""
	for _, a := range st.actions {
		if err := x.alterOne(st, neu, a, sources, &rename); err != nil {
			return err
		}
	}
	if err := checkSpec(neu); want == "TABLE" && err != nil {
		return err
	}
	if x.dry {
		return nil
	}
	if want == "TABLE" && !old.logical && columnsSQL(neu.Schema) != columnsSQL(old.res.Schema) {
		if err := x.rebuild(ref, old.res.Schema, neu.Schema, sources); err != nil {
			return err
		}
	}
	if rename != "" {
		to := &bigquery.TableReference{ProjectId: ref.ProjectId, DatasetId: ref.DatasetId, TableId: rename}
		if _, err := x.internal("CREATE TABLE " + quoted(to) + " (" + columnsSQL(neu.Schema) + ") AS SELECT * FROM " + quoted(ref)); err != nil {
			return err
		}
		if err := x.s.dropPhysical(x.ctx, ref); err != nil {
			return err
		}
		neu.TableReference = to
		x.s.put(neu, false)
		x.s.refreshViews(x.ctx, to)
		return nil
	}
	x.s.change(ref, func(t *tableState) {
		neu.LastModifiedTime, neu.CreationTime = t.res.LastModifiedTime, t.res.CreationTime
		t.res, t.stale = neu, true
	})
	if want == "TABLE" {
		x.s.refreshViews(x.ctx, ref)
	}
	return nil
}

func (x *execution) alterOne(st *statement, t *bigquery.Table, a alterAction, sources map[string]string, rename *string) *apiError {
	find := func() (*bigquery.TableFieldSchema, *apiError) {
		f := findPath(t.Schema, a.column)
		if f == nil && !a.guarded {
			return nil, invalidQuery("Column not found: %s", a.column)
		}
		return f, nil
	}
	index := func() int {
		return slices.IndexFunc(t.Schema.Fields, func(f *bigquery.TableFieldSchema) bool { return strings.EqualFold(f.Name, a.column) })
	}
	switch a.verb {
	case "SET OPTIONS":
		return x.tableOptions(st.src, t, a.options)
	case "ADD COLUMN":
		f := a.def.field
		if findField(t.Schema, f.Name) != nil {
			if a.guarded {
				return nil
			}
			return invalidQuery("Column already exists: %s", f.Name)
		}
		if f.Mode == "REQUIRED" {
			return invalidQuery("Cannot add required columns to an existing schema: %s", f.Name)
		}
		t.Schema.Fields = append(t.Schema.Fields, f)
	case "DROP COLUMN":
		i := index()
		if i < 0 {
			if a.guarded {
				return nil
			}
			return invalidQuery("Column not found: %s", a.column)
		}
		if strings.EqualFold(partitionField(t), a.column) {
			return invalidQuery("Cannot drop partitioning column %s", a.column)
		}
		if t.Clustering != nil && slices.Contains(t.Clustering.Fields, a.column) {
			return invalidQuery("Cannot drop clustering column %s", a.column)
		}
		if len(t.Schema.Fields) == 1 {
			return invalidQuery("Cannot drop the last column of a table: %s", a.column)
		}
		t.Schema.Fields = slices.Delete(t.Schema.Fields, i, i+1)
	case "RENAME COLUMN":
		i := index()
		if i < 0 {
			if a.guarded {
				return nil
			}
			return invalidQuery("Column not found: %s", a.column)
		}
		if strings.EqualFold(partitionField(t), a.column) || t.Clustering != nil && slices.Contains(t.Clustering.Fields, a.column) {
			return invalidQuery("Cannot rename partitioning or clustering column %s", a.column)
		}
		if findField(t.Schema, a.path[0]) != nil {
			return invalidQuery("Column already exists: %s", a.path[0])
		}
		sources[a.path[0]] = t.Schema.Fields[i].Name
		t.Schema.Fields[i].Name = a.path[0]
	case "RENAME TO":
		if len(a.path) != 1 {
			return invalidQuery("RENAME TO takes a table name without a dataset: %s", strings.Join(a.path, "."))
		}
		to := &bigquery.TableReference{ProjectId: t.TableReference.ProjectId, DatasetId: t.TableReference.DatasetId, TableId: a.path[0]}
		if x.s.table(to) != nil {
			return duplicate("Already Exists: Table %s", refText(to))
		}
		if t.View != nil || t.MaterializedView != nil {
			return invalidQuery("Views cannot be renamed: %s", refText(t.TableReference))
		}
		*rename = a.path[0]
	case "ALTER COLUMN OPTIONS":
		f, err := find()
		if err != nil || f == nil {
			return err
		}
		return applyColumnOptions(f, a.options)
	case "DROP NOT NULL":
		f, err := find()
		if err != nil || f == nil {
			return err
		}
		f.Mode = "NULLABLE"
	case "SET DEFAULT", "DROP DEFAULT":
		f, err := find()
		if err != nil || f == nil {
			return err
		}
		f.DefaultValueExpression = a.expr
	case "SET DATA TYPE":
		f, err := find()
		if err != nil || f == nil {
			return err
		}
		if !widens(f, a.def.field) {
			return invalidQuery("ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type (%s) is assignable to the new type (%s)", typeText(f), typeText(a.def.field))
		}
		mode := f.Mode
		desc := f.Description
		name := f.Name
		*f = *a.def.field
		f.Name, f.Description = name, desc
		if f.Mode != "REPEATED" {
			f.Mode = mode
		}
	case "CONSTRAINT":
		if t.TableConstraints == nil {
			t.TableConstraints = st.constraints
		} else if st.constraints != nil {
			if st.constraints.PrimaryKey != nil {
				t.TableConstraints.PrimaryKey = st.constraints.PrimaryKey
			}
			t.TableConstraints.ForeignKeys = append(t.TableConstraints.ForeignKeys, st.constraints.ForeignKeys...)
		}
	case "DROP PRIMARY KEY":
		if t.TableConstraints != nil {
			t.TableConstraints.PrimaryKey = nil
		}
	case "DROP CONSTRAINT":
		if t.TableConstraints != nil {
			t.TableConstraints.ForeignKeys = slices.DeleteFunc(t.TableConstraints.ForeignKeys, func(f *bigquery.TableConstraintsForeignKeys) bool { return f.Name == a.column })
		}
	default:
		return unsupported("%s is not supplied", a.verb)
	}
	return nil
}

// widens reports whether SET DATA TYPE may change a column's type; source: «ALTER COLUMN SET
// DATA TYPE statement»: a coercion of INT64 → NUMERIC → BIGNUMERIC → FLOAT64, larger
// parameters, or the same type. Nested fields may be added as tables.patch does.
func widens(old, neu *bigquery.TableFieldSchema) bool {
	if (old.Mode == "REPEATED") != (neu.Mode == "REPEATED") {
		return false
	}
	if record(old) && record(neu) {
		for _, f := range old.Fields {
			n := findField(&bigquery.TableSchema{Fields: neu.Fields}, f.Name)
			if n == nil || !widens(f, n) {
				return false
			}
		}
		return true
	}
	rank := map[string]int{"INT64": 1, "NUMERIC": 2, "BIGNUMERIC": 3, "FLOAT64": 4}
	o, n := scalarType(old.Type), scalarType(neu.Type)
	if o == n {
		fits := func(a, b int64) bool { return b == 0 || a != 0 && a <= b }
		return fits(old.MaxLength, neu.MaxLength) && fits(old.Precision, neu.Precision)
	}
	return old.Mode != "REPEATED" && rank[o] > 0 && rank[n] > rank[o]
}

// rebuild rewrites a table's rows for a new column list; renamed maps new names to old.
func (x *execution) rebuild(ref *bigquery.TableReference, old, neu *bigquery.TableSchema, renamed map[string]string) *apiError {
	parts := make([]string, len(neu.Fields))
	for i, f := range neu.Fields {
		name := f.Name
		for from, ok := renamed[name]; ok; from, ok = renamed[name] {
			name = from
		}
		if o := findField(old, name); o != nil {
			parts[i] = convert("`"+o.Name+"`", o, f, 0) + " AS `" + f.Name + "`"
		} else {
			parts[i] = "CAST(NULL AS " + typeSQL(f) + ") AS `" + f.Name + "`"
		}
	}
	tmp := x.scratchTable(ref.ProjectId)
	if _, err := x.internal("CREATE TABLE " + quoted(tmp) + " (" + columnsSQL(neu) + ") AS SELECT " + strings.Join(parts, ", ") + " FROM " + quoted(ref)); err != nil {
		return err
	}
	return x.swap(tmp, ref, neu)
}
