package shim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

var standardTypes = map[string]string{"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

// scalarType returns GoogleSQL's name of a type of the REST API.
func scalarType(t string) string {
	t = strings.ToUpper(t)
	if std, ok := standardTypes[t]; ok {
		return std
	}
	return t
}

// typeSQL writes a field's type for the emulator, without parameters: it does not know them.
func typeSQL(f *bigquery.TableFieldSchema) string {
	var out string
	if record(f) {
		parts := make([]string, len(f.Fields))
		for i, sub := range f.Fields {
			parts[i] = "`" + sub.Name + "` " + typeSQL(sub)
		}
		out = "STRUCT<" + strings.Join(parts, ", ") + ">"
	} else {
		out = scalarType(f.Type)
	}
	if f.Mode == "REPEATED" {
		return "ARRAY<" + out + ">"
	}
	return out
}

// typeText writes a field's type as INFORMATION_SCHEMA does, with parameters.
func typeText(f *bigquery.TableFieldSchema) string {
	var out string
	switch {
	case record(f):
		parts := make([]string, len(f.Fields))
		for i, sub := range f.Fields {
			parts[i] = sub.Name + " " + typeText(sub)
		}
		out = "STRUCT<" + strings.Join(parts, ", ") + ">"
	default:
		out = scalarType(f.Type)
		switch {
		case f.MaxLength > 0:
			out += fmt.Sprintf("(%d)", f.MaxLength)
		case f.Scale > 0:
			out += fmt.Sprintf("(%d, %d)", f.Precision, f.Scale)
		case f.Precision > 0:
			out += fmt.Sprintf("(%d)", f.Precision)
		}
	}
	if f.Mode == "REPEATED" {
		return "ARRAY<" + out + ">"
	}
	return out
}

func record(f *bigquery.TableFieldSchema) bool {
	return strings.EqualFold(f.Type, "RECORD") || strings.EqualFold(f.Type, "STRUCT")
}

// columnsSQL writes the column list of CREATE TABLE.
func columnsSQL(schema *bigquery.TableSchema) string {
	parts := make([]string, len(schema.Fields))
	for i, f := range schema.Fields {
		parts[i] = "`" + f.Name + "` " + typeSQL(f)
		if f.Mode == "REQUIRED" {
			parts[i] += " NOT NULL"
		}
	}
	return strings.Join(parts, ", ")
}

// normalize brings a schema from a request into the form that tables.get returns.
func normalize(fields []*bigquery.TableFieldSchema) *apiError {
	seen := map[string]bool{}
	for _, f := range fields {
		if f.Name == "" {
			return invalid("Field name must not be empty")
		}
		if seen[strings.ToLower(f.Name)] {
			return invalid("Field %s already exists in schema", f.Name)
		}
		seen[strings.ToLower(f.Name)] = true
		up := strings.ToUpper(f.Type)
		switch {
		case up == "STRUCT" || up == "RECORD":
			f.Type = "RECORD"
			if len(f.Fields) == 0 {
				return invalid("Field %s is type RECORD but has no schema", f.Name)
			}
			if err := normalize(f.Fields); err != nil {
				return err
			}
		case legacyTypes[up] != "":
			f.Type = legacyTypes[up]
		default:
			return invalid("Invalid value for type: %s is not a valid value", f.Type)
		}
		f.Mode = strings.ToUpper(f.Mode)
		if f.Mode == "" {
			f.Mode = "NULLABLE"
		}
		if !slices.Contains([]string{"NULLABLE", "REQUIRED", "REPEATED"}, f.Mode) {
			return invalid("Invalid value for mode: %s is not a valid value", f.Mode)
		}
	}
	return nil
}

// overlay copies what the emulator does not keep (mode, description, parameters, default,
// policy tags) from declared columns onto the schema it reports.
func overlay(schema *bigquery.TableSchema, declared []*bigquery.TableFieldSchema) {
	if schema == nil {
		return
	}
	for _, f := range schema.Fields {
		for _, d := range declared {
			if !strings.EqualFold(f.Name, d.Name) {
				continue
			}
			f.Description, f.DefaultValueExpression, f.PolicyTags = d.Description, d.DefaultValueExpression, d.PolicyTags
			f.Precision, f.Scale, f.MaxLength, f.Collation, f.RoundingMode = d.Precision, d.Scale, d.MaxLength, d.Collation, d.RoundingMode
			if d.Mode == "REQUIRED" && f.Mode != "REPEATED" {
				f.Mode = "REQUIRED"
			}
			overlay(&bigquery.TableSchema{Fields: f.Fields}, d.Fields)
		}
	}
}

func findField(schema *bigquery.TableSchema, name string) *bigquery.TableFieldSchema {
	if schema == nil {
		return nil
	}
	for _, f := range schema.Fields {
		if strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// findPath finds a nested field by its dotted path.
func findPath(schema *bigquery.TableSchema, path string) *bigquery.TableFieldSchema {
	var f *bigquery.TableFieldSchema
	for _, part := range strings.Split(path, ".") {
		if f = findField(schema, part); f == nil {
			return nil
		}
		schema = &bigquery.TableSchema{Fields: f.Fields}
	}
	return f
}

// convert writes the expression that turns a value of type old into type neu, where neu may
// have more nested fields. depth keeps aliases apart.
func convert(expr string, old, neu *bigquery.TableFieldSchema, depth int) string {
	if typeSQL(old) == typeSQL(neu) {
		return expr
	}
	if !record(neu) || !record(old) {
		return "CAST(" + expr + " AS " + typeSQL(neu) + ")"
	}
	inner := expr
	alias := fmt.Sprintf("e%d", depth)
	if neu.Mode == "REPEATED" {
		inner = alias
	}
	parts := make([]string, len(neu.Fields))
	for i, f := range neu.Fields {
		if o := findField(&bigquery.TableSchema{Fields: old.Fields}, f.Name); o != nil {
			parts[i] = convert(inner+".`"+o.Name+"`", o, f, depth+1) + " AS `" + f.Name + "`"
		} else {
			parts[i] = "CAST(NULL AS " + typeSQL(f) + ") AS `" + f.Name + "`"
		}
	}
	if neu.Mode == "REPEATED" {
		return "ARRAY(SELECT AS STRUCT " + strings.Join(parts, ", ") + " FROM UNNEST(" + expr + ") AS " + alias + ")"
	}
	return "IF(" + expr + " IS NULL, NULL, STRUCT(" + strings.Join(parts, ", ") + "))"
}

// sizeSQL writes the expression for the logical bytes of a column; source: «BigQuery
// pricing», data type sizes. Nested and repeated values are measured by their JSON.
func sizeSQL(f *bigquery.TableFieldSchema) string {
	col := "`" + f.Name + "`"
	if f.Mode == "REPEATED" || record(f) {
		return "BYTE_LENGTH(TO_JSON_STRING(" + col + "))"
	}
	size := "8"
	switch scalarType(f.Type) {
	case "BOOL":
		size = "1"
	case "NUMERIC", "INTERVAL":
		size = "16"
	case "BIGNUMERIC":
		size = "32"
	case "STRING", "BYTES":
		size = "2 + BYTE_LENGTH(" + col + ")"
	case "JSON":
		size = "BYTE_LENGTH(TO_JSON_STRING(" + col + "))"
	case "GEOGRAPHY":
		size = "16"
	}
	return "IF(" + col + " IS NULL, 0, " + size + ")"
}

// partitionSpec reads PARTITION BY; source: «CREATE TABLE statement», partition_expression.
func partitionSpec(src string, toks []token) (*bigquery.TimePartitioning, *bigquery.RangePartitioning, *apiError) {
	bad := func() (*bigquery.TimePartitioning, *bigquery.RangePartitioning, *apiError) {
		return nil, nil, invalidQuery("PARTITION BY expression must be DATE(<timestamp_column>), DATE(<datetime_column>), DATETIME_TRUNC(<datetime_column>, DAY/HOUR/MONTH/YEAR), a DATE column, TIMESTAMP_TRUNC(<timestamp_column>, DAY/HOUR/MONTH/YEAR), DATE_TRUNC(<date_column>, MONTH/YEAR), or RANGE_BUCKET(<int64_column>, GENERATE_ARRAY(<int64_value>, <int64_value>[, <int64_value>]))")
	}
	column := func(t token) string {
		if up := strings.ToUpper(t.text); up == "_PARTITIONTIME" || up == "_PARTITIONDATE" {
			return ""
		}
		return t.text
	}
	switch {
	case len(toks) == 1 && toks[0].name():
		return &bigquery.TimePartitioning{Type: "DAY", Field: column(toks[0])}, nil, nil
	case len(toks) < 4 || !toks[1].is("(") || !toks[len(toks)-1].is(")") || !toks[2].name():
		return bad()
	case toks[0].is("DATE") && len(toks) == 4:
		return &bigquery.TimePartitioning{Type: "DAY", Field: column(toks[2])}, nil, nil
	case toks[0].is("TIMESTAMP_TRUNC") || toks[0].is("DATETIME_TRUNC") || toks[0].is("DATE_TRUNC"):
		if len(toks) != 6 || !toks[3].is(",") {
			return bad()
		}
		unit := strings.ToUpper(toks[4].text)
		if !slices.Contains([]string{"HOUR", "DAY", "MONTH", "YEAR"}, unit) {
			return bad()
		}
		return &bigquery.TimePartitioning{Type: unit, Field: column(toks[2])}, nil, nil
	case toks[0].is("RANGE_BUCKET"):
		if len(toks) < 10 || !toks[4].is("GENERATE_ARRAY") || !toks[5].is("(") {
			return bad()
		}
		var nums []int64
		for _, part := range splitTop(toks[6:len(toks)-2], ",", false) {
			n, err := strconv.ParseInt(strings.ReplaceAll(text(src, part), " ", ""), 10, 64)
			if err != nil {
				return bad()
			}
			nums = append(nums, n)
		}
		if len(nums) == 2 {
			nums = append(nums, 1)
		}
		if len(nums) != 3 || nums[2] <= 0 || nums[1] <= nums[0] {
			return bad()
		}
		r := &bigquery.RangePartitioning{Field: toks[2].text, Range: &bigquery.RangePartitioningRange{Start: nums[0], End: nums[1], Interval: nums[2]}}
		r.Range.ForceSendFields = []string{"Start"}
		return nil, r, nil
	}
	return bad()
}

// checkSpec verifies that the columns of partitioning and clustering exist and have a type
// that BigQuery accepts; source: «Introduction to partitioned tables», «clustered tables».
func checkSpec(t *bigquery.Table) *apiError {
	if f := partitionField(t); f != "" {
		col := findField(t.Schema, f)
		if col == nil {
			return invalidQuery("Unrecognized name: %s", f)
		}
		if col.Mode == "REPEATED" || record(col) {
			return invalidQuery("The field specified for partitioning cannot be repeated or nested: %s", f)
		}
		kind := scalarType(col.Type)
		switch {
		case t.RangePartitioning != nil && kind != "INT64":
			return invalidQuery("RANGE_BUCKET can only be used for partitioning with an INT64 column; %s is %s", f, kind)
		case t.TimePartitioning != nil && kind != "DATE" && kind != "TIMESTAMP" && kind != "DATETIME":
			return invalidQuery("The field specified for time partitioning must be DATE, TIMESTAMP or DATETIME; %s is %s", f, kind)
		case t.TimePartitioning != nil && kind == "DATE" && t.TimePartitioning.Type == "HOUR":
			return invalidQuery("The field %s of type DATE cannot be partitioned by HOUR", f)
		}
	}
	if t.Clustering == nil {
		return nil
	}
	if len(t.Clustering.Fields) > 4 {
		return invalidQuery("Too many clustering columns: %d; at most 4 are allowed", len(t.Clustering.Fields))
	}
	for _, name := range t.Clustering.Fields {
		col := findPath(t.Schema, name)
		if col == nil {
			return invalidQuery("Unrecognized name: %s", name)
		}
		switch kind := scalarType(col.Type); kind {
		case "FLOAT64", "BYTES", "JSON", "TIME", "INTERVAL", "RECORD":
			return invalidQuery("Clustering by expressions of type %s is not supported: %s", kind, name)
		}
		if col.Mode == "REPEATED" {
			return invalidQuery("Clustering by expressions of type ARRAY is not supported: %s", name)
		}
	}
	return nil
}
