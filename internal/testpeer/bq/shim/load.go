package shim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// performLoad runs a load job from uploaded bytes; source: «Loading CSV data», «Loading JSON
// data», JobConfigurationLoad.
func (s *Server) performLoad(j *job, project string, c *bigquery.JobConfigurationLoad) *apiError {
	if len(c.SourceUris) > 0 {
		return unsupported("loads from Cloud Storage are not supplied; upload the bytes")
	}
	if c.DestinationTable == nil {
		return invalid("Required parameter is missing: destinationTable")
	}
	x := &execution{s: s, ctx: j.ctx, project: project}
	ref, _ := decorated(c.DestinationTable, project)
	schema := c.Schema
	if schema == nil {
		if t := s.table(ref); t != nil && t.res.Schema != nil {
			schema = clone(t.res.Schema)
		} else if c.Autodetect {
			return unsupported("schema autodetection is not supplied; give a schema")
		} else {
			return invalid("No schema specified on job or table.")
		}
	}
	if err := normalize(schema.Fields); err != nil {
		return err
	}
	var rows []string
	var bad int64
	var err *apiError
	switch c.SourceFormat {
	case "", "CSV":
		rows, bad, err = csvRows(string(j.media), c, schema)
	case "NEWLINE_DELIMITED_JSON":
		rows, bad, err = jsonRows(j.media, c, schema)
	default:
		return unsupported("loads of %s are not supplied", c.SourceFormat)
	}
	if err != nil {
		return err
	}
	build := x.scratchTable(project)
	if _, err := x.internal("CREATE TABLE " + quoted(build) + " (" + columnsSQL(schema) + ")"); err != nil {
		return err
	}
	defer x.discard(build)
	if err := x.insertRows(build, rows); err != nil {
		return err
	}
	w := &write{
		into: c.DestinationTable, build: build, schema: schema, create: c.CreateDisposition, disposition: c.WriteDisposition, fallback: "WRITE_APPEND",
		time: c.TimePartitioning, ranges: c.RangePartitioning, cluster: c.Clustering, updates: c.SchemaUpdateOptions, kms: c.DestinationEncryptionConfiguration, properties: c.DestinationTableProperties,
	}
	if err := x.write(w); err != nil {
		return err
	}
	_, size := s.measure(x.ctx, ref)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.res.Statistics.Load = &bigquery.JobStatistics3{
		InputFiles: 1, InputFileBytes: int64(len(j.media)), OutputRows: int64(len(rows)), OutputBytes: size, BadRecords: bad,
	}
	j.res.Statistics.Load.ForceSendFields = []string{"OutputRows", "OutputBytes", "InputFileBytes", "BadRecords"}
	return nil
}

// insertRows writes rows of literals in batches.
func (x *execution) insertRows(ref *bigquery.TableReference, rows []string) *apiError {
	const batch = 100
	for start := 0; start < len(rows); start += batch {
		end := min(start+batch, len(rows))
		if _, err := x.internal("INSERT INTO " + quoted(ref) + " VALUES " + strings.Join(rows[start:end], ", ")); err != nil {
			return err
		}
	}
	return nil
}

type csvCell struct {
	text   string
	quoted bool
}

// csvRecords splits CSV as BigQuery does: quotes are doubled to escape them; a line break
// inside quotes needs allowQuotedNewlines.
func csvRecords(data, delimiter, quote string, newlines bool) ([][]csvCell, *apiError) {
	var out [][]csvCell
	var rec []csvCell
	var b strings.Builder
	inQuotes, wasQuoted, started := false, false, false
	end := func() {
		rec = append(rec, csvCell{b.String(), wasQuoted})
		b.Reset()
		wasQuoted = false
	}
	for i := 0; i < len(data); {
		rest := data[i:]
		switch {
		case inQuotes && strings.HasPrefix(rest, quote+quote):
			b.WriteString(quote)
			i += 2 * len(quote)
		case inQuotes && strings.HasPrefix(rest, quote):
			inQuotes = false
			i += len(quote)
		case inQuotes:
			if rest[0] == '\n' && !newlines {
				return nil, invalid("Error while reading data, error message: CSV table references column position %d, but line starting at position:%d contains only %d columns. Missing close quote character (\").", len(rec), i, len(rec)+1)
			}
			b.WriteByte(rest[0])
			i++
		case quote != "" && b.Len() == 0 && !wasQuoted && strings.HasPrefix(rest, quote):
			inQuotes, wasQuoted, started = true, true, true
			i += len(quote)
		case strings.HasPrefix(rest, delimiter):
			end()
			started = true
			i += len(delimiter)
		case rest[0] == '\n' || rest[0] == '\r':
			if strings.HasPrefix(rest, "\r\n") {
				i++
			}
			i++
			if started {
				end()
				out = append(out, rec)
			}
			rec, started = nil, false
		default:
			b.WriteByte(rest[0])
			started = true
			i++
		}
	}
	if inQuotes {
		return nil, invalid("Error while reading data, error message: CSV table encountered too many errors, giving up. Missing close quote character (\").")
	}
	if started {
		end()
		out = append(out, rec)
	}
	return out, nil
}

func csvRows(data string, c *bigquery.JobConfigurationLoad, schema *bigquery.TableSchema) (rows []string, bad int64, failed *apiError) {
	delimiter, quote := c.FieldDelimiter, `"`
	switch strings.ToLower(delimiter) {
	case "":
		delimiter = ","
	case "tab", `\t`:
		delimiter = "\t"
	}
	if c.Quote != nil {
		quote = *c.Quote
	}
	records, err := csvRecords(strings.TrimPrefix(data, "\ufeff"), delimiter, quote, c.AllowQuotedNewlines)
	if err != nil {
		return nil, 0, err
	}
	records = records[min(int(c.SkipLeadingRows), len(records)):]
	var first *apiError
	for n, rec := range records {
		row, err := csvRow(rec, c, schema, n+int(c.SkipLeadingRows)+1)
		if err != nil {
			bad++
			if first == nil {
				first = err
			}
			continue
		}
		rows = append(rows, row)
	}
	return rows, bad, tooMany("CSV", bad, c.MaxBadRecords, first)
}

// tooMany applies maxBadRecords: «The default value is 0, which requires that all records
// are valid».
func tooMany(format string, bad, limit int64, first *apiError) *apiError {
	if bad <= limit {
		return nil
	}
	return invalid("Error while reading data, error message: %s processing encountered too many errors, giving up. Rows: %d; errors: %d; max bad: %d; error percent: 0; %s", format, bad, bad, limit, first.message)
}

func csvRow(rec []csvCell, c *bigquery.JobConfigurationLoad, schema *bigquery.TableSchema, line int) (string, *apiError) {
	if len(rec) > len(schema.Fields) && !c.IgnoreUnknownValues {
		return "", invalid("Too many values in line %d. Found %d column(s) while expected %d.", line, len(rec), len(schema.Fields))
	}
	if len(rec) < len(schema.Fields) && !c.AllowJaggedRows {
		return "", invalid("CSV table references column position %d, but line %d contains only %d columns.", len(rec), line, len(rec))
	}
	values := make([]string, len(schema.Fields))
	for i, f := range schema.Fields {
		if record(f) || f.Mode == "REPEATED" {
			return "", invalid("Nested or repeated field %s cannot be loaded from CSV", f.Name)
		}
		kind := scalarType(f.Type)
		textual := kind == "STRING" || kind == "BYTES"
		values[i] = "NULL"
		if i < len(rec) {
			cell := rec[i]
			// «The default value is the empty string. If you set this property to a custom value,
			// BigQuery throws an error if an empty string is present for all data types except
			// for STRING and BYTE. For STRING and BYTE columns, BigQuery interprets the empty
			// string as an empty value.» (nullMarker)
			null := !cell.quoted && cell.text == c.NullMarker || cell.text == "" && cell.quoted && !textual && c.NullMarker == ""
			if !null {
				v, err := scalar(f, cell.text)
				if err != nil {
					return "", invalid("%s for field %s (position %d) in line %d", err.message, f.Name, i, line)
				}
				values[i] = v
			}
		}
		if values[i] == "NULL" && f.Mode == "REQUIRED" {
			return "", invalid("Required column value for column index: %d is missing in line %d", i, line)
		}
	}
	return tuple(values...), nil
}

func jsonRows(data []byte, c *bigquery.JobConfigurationLoad, schema *bigquery.TableSchema) (rows []string, bad int64, failed *apiError) {
	var first *apiError
	line := 0
	for _, raw := range bytes.Split(data, []byte("\n")) {
		line++
		if len(bytes.TrimSpace(raw)) == 0 {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var obj map[string]any
		var err *apiError
		row := ""
		if e := dec.Decode(&obj); e != nil {
			err = invalid("Unable to parse JSON in line %d: %v", line, e)
		} else {
			row, err = jsonRow(obj, schema.Fields, c.IgnoreUnknownValues)
		}
		if err != nil {
			bad++
			if first == nil {
				first = err
			}
			continue
		}
		rows = append(rows, row)
	}
	return rows, bad, tooMany("JSON", bad, c.MaxBadRecords, first)
}

// jsonRow writes an object as a tuple of literals in the order of the fields.
func jsonRow(obj map[string]any, fields []*bigquery.TableFieldSchema, ignore bool) (string, *apiError) {
	left := map[string]any{}
	for k, v := range obj {
		left[strings.ToLower(k)] = v
	}
	values := make([]string, len(fields))
	for i, f := range fields {
		key := strings.ToLower(f.Name)
		v, err := jsonValue(left[key], f, ignore)
		if err != nil {
			return "", err
		}
		values[i] = v
		delete(left, key)
	}
	if len(left) > 0 && !ignore {
		return "", invalid("No such field: %s.", sortedKeys(left)[0])
	}
	return tuple(values...), nil
}

func jsonValue(v any, f *bigquery.TableFieldSchema, ignore bool) (string, *apiError) {
	if f.Mode == "REPEATED" {
		list, ok := v.([]any)
		if v != nil && !ok {
			return "", invalid("Array specified for non-repeated field or value for repeated field: %s", f.Name)
		}
		one := *f
		one.Mode = "NULLABLE"
		parts := make([]string, len(list))
		for i, e := range list {
			if e == nil {
				return "", invalid("Only optional fields can be set to NULL. Field: %s; Value: NULL", f.Name)
			}
			p, err := jsonValue(e, &one, ignore)
			if err != nil {
				return "", err
			}
			parts[i] = p
		}
		return typeSQL(f) + "[" + strings.Join(parts, ", ") + "]", nil
	}
	if v == nil {
		if f.Mode == "REQUIRED" {
			return "", invalid("Missing required field: %s.", f.Name)
		}
		return "CAST(NULL AS " + typeSQL(f) + ")", nil
	}
	if record(f) {
		obj, ok := v.(map[string]any)
		if !ok {
			return "", invalid("This field: %s is not a record.", f.Name)
		}
		row, err := jsonRow(obj, f.Fields, ignore)
		return typeSQL(f) + row, err
	}
	if scalarType(f.Type) == "JSON" {
		raw, err := json.Marshal(v)
		if err != nil {
			return "", invalid("Invalid JSON for field %s", f.Name)
		}
		return "JSON " + literal(string(raw)), nil
	}
	switch e := v.(type) {
	case string:
		out, err := scalar(f, e)
		if err != nil {
			return "", invalid("%s for field %s", err.message, f.Name)
		}
		return out, nil
	case json.Number:
		out, err := scalar(f, e.String())
		if err != nil {
			return "", invalid("%s for field %s", err.message, f.Name)
		}
		return out, nil
	case float64:
		return scalar(f, strconv.FormatFloat(e, 'g', -1, 64))
	case bool:
		return scalar(f, strconv.FormatBool(e))
	}
	return "", invalid("JSON object or array specified for scalar field: %s", f.Name)
}

var (
	dateForm  = regexp.MustCompile(`^\d{4}-\d{1,2}-\d{1,2}$`)
	clockForm = regexp.MustCompile(`^\d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,6})?$`)
	whenForm  = regexp.MustCompile(`^\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,6})?)?)?$`)
	stampForm = regexp.MustCompile(`^(\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,6})?)?)?)( ?(UTC|Z)| ?([+-]\d{1,2}(:\d{2})?))?$`)
)

// scalar writes a text of a file as a literal of the field's type.
func scalar(f *bigquery.TableFieldSchema, v string) (string, *apiError) {
	kind := scalarType(f.Type)
	bad := invalid("Could not parse '%s' as %s", v, kind)
	switch kind {
	case "STRING":
		return literal(v), nil
	case "BYTES":
		raw, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			return "", invalid("Could not decode '%s' as base64", v)
		}
		return "FROM_HEX('" + fmt.Sprintf("%x", raw) + "')", nil
	case "INT64":
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if err != nil {
			return "", bad
		}
		if n == math.MinInt64 {
			return "(-9223372036854775807 - 1)", nil
		}
		return strconv.FormatInt(n, 10), nil
	case "FLOAT64":
		n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil {
			return "", bad
		}
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return "", unsupported("the emulator has no NaN and no infinity")
		}
		return "CAST(" + literal(strconv.FormatFloat(n, 'g', -1, 64)) + " AS FLOAT64)", nil
	case "NUMERIC", "BIGNUMERIC":
		if _, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
			return "", bad
		}
		return kind + " " + literal(strings.TrimSpace(v)), nil
	case "BOOL":
		// «1 or 0, true or false, t or f, yes or no, or y or n (all case insensitive)»
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "1", "true", "t", "yes", "y":
			return "TRUE", nil
		case "0", "false", "f", "no", "n":
			return "FALSE", nil
		}
		return "", bad
	case "DATE":
		if !dateForm.MatchString(v) {
			return "", bad
		}
		return "CAST(" + literal(v) + " AS DATE)", nil
	case "TIME":
		if !clockForm.MatchString(v) {
			return "", bad
		}
		return "CAST(" + literal(v) + " AS TIME)", nil
	case "DATETIME":
		if !whenForm.MatchString(v) {
			return "", bad
		}
		return "CAST(" + literal(v) + " AS DATETIME)", nil
	case "TIMESTAMP":
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			return fmt.Sprintf("TIMESTAMP_MICROS(%d)", int64(math.Round(n*1e6))), nil // epoch seconds
		}
		g := stampForm.FindStringSubmatch(v)
		if g == nil {
			return "", bad
		}
		zone := "+00"
		if g[7] != "" {
			zone = g[7]
		}
		return "CAST(" + literal(strings.Replace(g[1], "T", " ", 1)+zone) + " AS TIMESTAMP)", nil
	case "JSON":
		if !json.Valid([]byte(v)) {
			return "", bad
		}
		return "JSON " + literal(v), nil
	}
	return "", unsupported("loading %s is not supplied", kind)
}

// hasTimestamps reports whether rows of the fields hold a TIMESTAMP somewhere.
func hasTimestamps(fields []*bigquery.TableFieldSchema) bool {
	for _, f := range fields {
		if scalarType(f.Type) == "TIMESTAMP" || hasTimestamps(f.Fields) {
			return true
		}
	}
	return false
}

// secondsRow rewrites microseconds as seconds, the API's form without useInt64Timestamp.
func secondsRow(row json.RawMessage, fields []*bigquery.TableFieldSchema) json.RawMessage {
	var v any
	if json.Unmarshal(row, &v) != nil {
		return row
	}
	out, err := json.Marshal(secondsRecord(v, fields))
	if err != nil {
		return row
	}
	return out
}

func secondsRecord(v any, fields []*bigquery.TableFieldSchema) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	cells, _ := m["f"].([]any) // a NULL record has no cells
	for i, c := range cells {
		cell, ok := c.(map[string]any)
		if !ok || i >= len(fields) {
			continue
		}
		cell["v"] = secondsValue(cell["v"], fields[i], fields[i].Mode == "REPEATED")
	}
	return m
}

func secondsValue(v any, f *bigquery.TableFieldSchema, repeated bool) any {
	if list, ok := v.([]any); ok && repeated {
		for _, e := range list {
			if cell, ok := e.(map[string]any); ok {
				cell["v"] = secondsValue(cell["v"], f, false)
			}
		}
		return list
	}
	if record(f) {
		return secondsRecord(v, f.Fields)
	}
	if text, ok := v.(string); ok && scalarType(f.Type) == "TIMESTAMP" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return strconv.FormatFloat(float64(n)/1e6, 'E', -1, 64)
		}
	}
	return v
}
