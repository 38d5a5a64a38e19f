package bigquery

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-json"
	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Load makes a table from a CSV or Parquet file with a load job, in constant memory.
//
// A CSV file is first checked as a whole, values included: the service would name byte
// offsets, and count some differences in the form of a file as no mistake. What is sent are
// its records as lines of JSON, because there NULL and an empty text cannot be taken for
// each other, whatever quotes and blanks a field has. The file is opened anew for every try.
func (c *conn) Load(ctx context.Context, target addr.Relation, columns []warehouse.Column, f warehouse.File) (warehouse.JobStats, error) {
	return c.load(ctx, target, columns, f, nil)
}

func (c *conn) load(ctx context.Context, target addr.Relation, columns []warehouse.Column, f warehouse.File, l *warehouse.Layout) (warehouse.JobStats, error) {
	if f.Format == "parquet" {
		return c.loadParquet(ctx, target, columns, f, l)
	}
	start := time.Now()
	found, count, err := csvColumns(ctx, columns, f)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	schema := &bq.TableSchema{}
	readers := make([]reader, len(found))
	for i, col := range found {
		field, err := parseType(col.Name, col.Type)
		if err != nil {
			return warehouse.JobStats{}, err
		}
		schema.Fields = append(schema.Fields, field)
		readers[i], _ = readerOf(field)
	}
	config, err := c.loadConfig(target, l)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	config.Schema, config.SourceFormat = schema, "NEWLINE_DELIMITED_JSON"
	media := func() (io.ReadCloser, error) { return jsonLines(ctx, f, found, readers), nil }
	_, stats, err := c.run(ctx, work{ours: true, config: &bq.JobConfiguration{Load: config}, media: media})
	stats.Duration = time.Since(start)
	if err != nil {
		return stats, fmt.Errorf("load %s: %w", target, err)
	}
	if stats.Rows > 0 && stats.Rows != count {
		return stats, fmt.Errorf("load %s: the service took %d of %d records", target, stats.Rows, count)
	}
	stats.Rows = count
	return stats, c.loaded(ctx, target, l)
}

// loadConfig is what all load jobs have. The target is new, so nothing is appended.
func (c *conn) loadConfig(target addr.Relation, l *warehouse.Layout) (*bq.JobConfigurationLoad, error) {
	config := &bq.JobConfigurationLoad{DestinationTable: c.ref(target), CreateDisposition: "CREATE_IF_NEEDED", WriteDisposition: "WRITE_EMPTY"}
	if aside(target.Name) {
		config.WriteDisposition = "WRITE_TRUNCATE" // what an attempt without an answer left
	}
	if l == nil {
		return config, nil
	}
	if p := l.Partition; p != nil {
		if err := checkPartition(*p); err != nil {
			return nil, err
		}
		if p.Type == "int64" {
			config.RangePartitioning = &bq.RangePartitioning{Field: p.Column, Range: &bq.RangePartitioningRange{Start: p.Start, End: p.End, Interval: p.Interval, ForceSendFields: []string{"Start"}}}
		} else {
			config.TimePartitioning = &bq.TimePartitioning{Type: strings.ToUpper(p.Granularity), Field: p.Column, ExpirationMs: int64(l.PartitionDays * 24 * 3600 * 1000)}
		}
	}
	if len(l.Cluster) > 0 {
		config.Clustering = &bq.Clustering{Fields: l.Cluster}
	}
	if l.KMSKey != "" {
		config.DestinationEncryptionConfiguration = &bq.EncryptionConfiguration{KmsKeyName: l.KMSKey}
	}
	return config, nil
}

// loaded gives a loaded table what a load job cannot.
func (c *conn) loaded(ctx context.Context, target addr.Relation, l *warehouse.Layout) error {
	c.begun(target, l, false)
	hours := 0.0
	labels := map[string]any{}
	filter := false
	know := details{}
	if l != nil {
		hours, filter, know.tags = l.Hours, l.RequirePartitionFilter, l.PolicyTags
		for k, v := range l.Labels {
			labels[k] = v
		}
	}
	if aside(target.Name) {
		hours, know.tags = asideHours, nil // the tags come when it is published
	}
	if hours == 0 && !filter && len(labels) == 0 && len(know.tags) == 0 {
		return nil
	}
	until := millis(time.Now().Add(time.Duration(hours * float64(time.Hour))))
	err := c.patchTable(ctx, &trail{}, target, func(table resource) (resource, error) {
		patch := resource{}
		if hours > 0 && !same(table["expirationTime"], until) {
			patch["expirationTime"] = until
		}
		if p := labelPatch(table.child("labels"), labels); len(p) > 0 {
			patch["labels"] = p
		}
		if boolOf(table["requirePartitionFilter"]) != filter {
			patch["requirePartitionFilter"] = filter
		}
		changed, err := know.applyFields(target, table)
		if changed {
			patch["schema"] = table["schema"]
		}
		return patch, err
	})
	if err != nil {
		return fmt.Errorf("describe %s: %w", target, err)
	}
	return nil
}

// loadParquet loads a file that names its own types, and casts where others are wanted.
func (c *conn) loadParquet(ctx context.Context, target addr.Relation, columns []warehouse.Column, f warehouse.File, l *warehouse.Layout) (warehouse.JobStats, error) {
	start := time.Now()
	for _, col := range columns {
		if col.Type == "" {
			continue
		}
		if _, err := parseType(col.Name, col.Type); err != nil {
			return warehouse.JobStats{}, err
		}
	}
	config, err := c.loadConfig(target, l)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	config.SourceFormat = "PARQUET"
	config.ParquetOptions = &bq.ParquetOptions{EnableListInference: true}
	_, stats, err := c.run(ctx, work{ours: true, config: &bq.JobConfiguration{Load: config}, media: f.Open})
	stats.Duration = time.Since(start)
	if err != nil {
		return stats, fmt.Errorf("load %s: %w", target, err)
	}
	made, err := c.Probe(ctx, target)
	if err == nil {
		err = c.fitParquet(ctx, target, columns, made)
	}
	if err == nil {
		err = c.loaded(ctx, target, l)
	}
	if err != nil {
		// The table is not what was asked for: nobody shall find it.
		within, stop := context.WithTimeout(context.WithoutCancel(ctx), c.pace.call)
		defer stop()
		_ = c.deleteTable(within, &trail{}, target)
	}
	stats.Duration = time.Since(start)
	return stats, err
}

// fitParquet casts the columns whose types were given.
func (c *conn) fitParquet(ctx context.Context, target addr.Relation, columns []warehouse.Column, made warehouse.Relation) error {
	if err := allThere(made.Columns, columns); err != nil {
		return err
	}
	r := reshaping{retype: map[string]string{}}
	for _, col := range columns {
		for _, have := range made.Columns {
			if strings.EqualFold(have.Name, col.Name) && col.Type != "" && !sameType(have.Type, col.Type) {
				r.retype[strings.ToLower(col.Name)] = col.Type
			}
		}
	}
	if len(r.retype) == 0 {
		return nil
	}
	_, _, err := c.reshape(ctx, target, r)
	return err
}

// sameType compares types whatever their spelling.
func sameType(a, b string) bool {
	x, errX := parseType("x", a)
	y, errY := parseType("x", b)
	return errX == nil && errY == nil && typeOf(x) == typeOf(y)
}

func fileAt(path, format string) warehouse.File {
	return warehouse.File{Path: path, Format: format, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// Sniff finds the columns of a CSV file. The types follow from every value
// (warehouse.SniffCSV), unless all of them are known: then the header is enough. The columns
// of a Parquet file only a load shows.
func (c *conn) Sniff(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error) {
	return Driver{}.Sniff(ctx, f, known...)
}

// Sniff finds the columns of a CSV file without a connection; see conn.Sniff.
func (Driver) Sniff(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error) {
	if f.Format == "parquet" {
		return nil, fmt.Errorf("columns of %s: %w", f.Path, warehouse.ErrUnsupported)
	}
	if len(known) > 0 {
		header, err := warehouse.CSVHeader(f)
		if err != nil {
			return nil, err
		}
		found := make([]warehouse.Column, len(header))
		for i, name := range header {
			found[i] = warehouse.Column{Name: name, Type: typeFor(known, name), Nullable: true}
		}
		if !slices.ContainsFunc(found, func(c warehouse.Column) bool { return c.Type == "" }) {
			return found, nil
		}
	}
	found, _, err := sniffCSV(ctx, f)
	return found, err
}

func typeFor(known []warehouse.Column, name string) string {
	for _, k := range known {
		if strings.EqualFold(k.Name, name) {
			return k.Type
		}
	}
	return ""
}

// shapeTypes: a time without a zone is one in UTC, as everywhere in the engine.
var shapeTypes = map[warehouse.Shape]string{
	warehouse.ShapeText: "STRING", warehouse.ShapeBool: "BOOL", warehouse.ShapeInt: "INT64", warehouse.ShapeFloat: "FLOAT64",
	warehouse.ShapeDate: "DATE", warehouse.ShapeTimestamp: "TIMESTAMP", warehouse.ShapeTimestampTZ: "TIMESTAMP",
}

func sniffCSV(ctx context.Context, f warehouse.File) ([]warehouse.Column, int64, error) {
	csv, shapes, err := warehouse.SniffCSV(ctx, f)
	if err != nil {
		return nil, 0, err
	}
	found := make([]warehouse.Column, len(csv.Header))
	for i, name := range csv.Header {
		found[i] = warehouse.Column{Name: name, Type: shapeTypes[shapes[i]], Nullable: true}
	}
	return found, csv.Records, nil
}

// csvColumns checks a CSV file and gives its columns in file order with the number of its
// records. Types that are not given are found by all values.
func csvColumns(ctx context.Context, columns []warehouse.Column, f warehouse.File) ([]warehouse.Column, int64, error) {
	header, err := warehouse.CSVHeader(f)
	if err != nil {
		return nil, 0, err
	}
	found := make([]warehouse.Column, len(header))
	missing := false
	for i, name := range header {
		found[i] = warehouse.Column{Name: name, Type: typeFor(columns, name), Nullable: true}
		missing = missing || found[i].Type == ""
	}
	if err := allThere(found, columns); err != nil {
		return nil, 0, err
	}
	if missing {
		sniffed, count, err := sniffCSV(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		given := false
		for i := range found {
			if found[i].Type == "" {
				found[i].Type = sniffed[i].Type
			} else {
				given = true
			}
		}
		if !given {
			return found, count, nil
		}
	}
	var failed error
	at := -1
	csv, err := warehouse.CheckCSV(ctx, f, func(string) warehouse.ValueCheck {
		at++
		field, err := parseType(found[at].Name, found[at].Type)
		if err != nil {
			failed = err
			return nil
		}
		read, err := readerOf(field)
		if err != nil {
			failed = fmt.Errorf("column %s: %w", found[at].Name, err)
			return nil
		}
		typ := found[at].Type
		return func(v []byte) string {
			if _, reason := read(nil, v); reason != "" {
				return strings.ReplaceAll(reason, typeSign, typ)
			}
			return ""
		}
	})
	if failed != nil {
		return nil, 0, failed
	}
	return found, csv.Records, err
}

// allThere makes sure that the columns whose types are given are in the file.
func allThere(found, known []warehouse.Column) error {
	bad := &warehouse.LoadError{}
	for _, k := range known {
		if !slices.ContainsFunc(found, func(f warehouse.Column) bool { return strings.EqualFold(f.Name, k.Name) }) {
			bad.Rows = append(bad.Rows, warehouse.BadRow{Line: 1, Name: k.Name, Reason: fmt.Sprintf("the header has no column %q, only %s", k.Name, strings.Join(columnNames(found), ", "))})
		}
	}
	if len(bad.Rows) > 0 {
		return bad
	}
	return nil
}

// reader appends a field of a CSV file as JSON, or says why it is not of its type.
type reader func(to []byte, v []byte) (out []byte, reason string)

// typeSign stands for the type's name in a reason.
const typeSign = "\x00"

func notOfType(v []byte) string {
	if len(v) == 0 {
		return "an empty text in quotes is not of type " + typeSign + ": leave the field empty for NULL"
	}
	return fmt.Sprintf("%q is not of type "+typeSign, v)
}

var (
	wholePattern   = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimalPattern = regexp.MustCompile(`^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$`)
	specialPattern = regexp.MustCompile(`(?i)^(?:nan|[+-]?inf(?:inity)?)$`)
	timeLayouts    = []string{"2006-1-2T15:04:05", "2006-1-2 15:04:05", "2006-1-2T15:04", "2006-1-2 15:04", "2006-1-2"}
	zoneLayouts    = []string{"Z07:00", "Z0700", "Z07", " Z07:00", " MST"}
)

// readerOf finds how fields of a type are read.
func readerOf(f *bq.TableFieldSchema) (reader, error) {
	if f.Mode == "REPEATED" || f.Type == "RECORD" || f.Type == "RANGE" || f.Type == "INTERVAL" {
		return nil, fmt.Errorf("a CSV file has no values of type %s: load the column as STRING and cast it in a model", typeOf(f))
	}
	text := func(to []byte, s string) []byte { return appendText(to, s) }
	switch f.Type {
	case "INTEGER":
		return func(to, v []byte) ([]byte, string) {
			s := strings.TrimSpace(string(v))
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || !wholePattern.MatchString(s) {
				return to, notOfType(v)
			}
			return strconv.AppendInt(to, n, 10), ""
		}, nil
	case "FLOAT":
		return func(to, v []byte) ([]byte, string) {
			s := strings.TrimSpace(string(v))
			if specialPattern.MatchString(s) {
				n, _ := strconv.ParseFloat(s, 64)
				return text(to, map[bool]string{true: "NaN", false: strings.Replace(strconv.FormatFloat(n, 'g', -1, 64), "Inf", "Infinity", 1)}[n != n]), ""
			}
			n, err := strconv.ParseFloat(s, 64)
			if err != nil || !decimalPattern.MatchString(s) {
				return to, notOfType(v)
			}
			return strconv.AppendFloat(to, n, 'g', -1, 64), ""
		}, nil
	case "NUMERIC", "BIGNUMERIC":
		return func(to, v []byte) ([]byte, string) {
			s := strings.TrimSpace(string(v))
			if !decimalPattern.MatchString(s) {
				return to, notOfType(v)
			}
			if reason := tooLong(s, f); reason != "" {
				return to, reason
			}
			return text(to, strings.TrimPrefix(s, "+")), ""
		}, nil
	case "BOOLEAN":
		return func(to, v []byte) ([]byte, string) {
			switch strings.ToLower(strings.TrimSpace(string(v))) {
			case "true", "t", "yes", "y", "1":
				return append(to, "true"...), ""
			case "false", "f", "no", "n", "0":
				return append(to, "false"...), ""
			}
			return to, notOfType(v)
		}, nil
	case "STRING":
		return func(to, v []byte) ([]byte, string) {
			if f.MaxLength > 0 && int64(utf8.RuneCount(v)) > f.MaxLength {
				return to, fmt.Sprintf("the text has more than %d characters", f.MaxLength)
			}
			return text(to, string(v)), ""
		}, nil
	case "BYTES":
		return func(to, v []byte) ([]byte, string) {
			b, err := base64.StdEncoding.DecodeString(string(v))
			if err != nil {
				return to, "the value is not in base64, as " + typeSign + " has to be"
			}
			if f.MaxLength > 0 && int64(len(b)) > f.MaxLength {
				return to, fmt.Sprintf("the value has more than %d bytes", f.MaxLength)
			}
			return text(to, string(v)), ""
		}, nil
	case "JSON":
		return func(to, v []byte) ([]byte, string) {
			if !json.Valid(v) {
				return to, notOfType(v)
			}
			return append(to, strings.Join(strings.FieldsFunc(string(v), func(r rune) bool { return r == '\n' || r == '\r' }), " ")...), ""
		}, nil
	case "DATE", "DATETIME", "TIMESTAMP", "TIME":
		return momentReader(f.Type), nil
	}
	return func(to, v []byte) ([]byte, string) { return text(to, string(v)), "" }, nil
}

// tooLong says whether a number has more whole digits than its type.
func tooLong(s string, f *bq.TableFieldSchema) string {
	if strings.ContainsAny(s, "eE") {
		return ""
	}
	whole, _, _ := strings.Cut(strings.TrimLeft(s, "+-"), ".")
	whole = strings.TrimLeft(whole, "0")
	most := 29
	switch {
	case f.Precision > 0:
		most = int(f.Precision - f.Scale)
	case f.Type == "BIGNUMERIC":
		most = 39
	}
	if len(whole) > most {
		return s + " is out of the range of " + typeSign
	}
	return ""
}

func momentReader(typ string) reader {
	return func(to, v []byte) ([]byte, string) {
		s := strings.TrimSpace(string(v))
		if _, fraction, ok := strings.Cut(s, "."); ok {
			if n := len(fraction) - len(strings.TrimLeft(fraction, "0123456789")); n > 6 {
				return to, fmt.Sprintf("%q has more than six digits of a second", v)
			}
		}
		switch typ {
		case "DATE":
			if at, err := time.Parse("2006-1-2", s); err == nil && at.Year() > 0 {
				return appendText(to, at.Format("2006-01-02")), ""
			}
		case "TIME":
			for _, layout := range []string{"15:04:05", "15:04"} {
				if at, err := time.Parse(layout, s); err == nil {
					return appendText(to, at.Format("15:04:05.999999")), ""
				}
			}
		default:
			for _, layout := range timeLayouts {
				if at, err := time.Parse(layout, s); err == nil && at.Year() > 0 {
					return appendText(to, momentText(typ, at)), ""
				}
				if typ == "DATETIME" || layout == "2006-1-2" {
					continue
				}
				for _, zone := range zoneLayouts {
					at, err := time.Parse(layout+zone, s)
					if err == nil && at.Year() > 0 && (zone != " MST" || strings.HasSuffix(s, " UTC")) {
						return appendText(to, momentText(typ, at.UTC())), ""
					}
				}
			}
		}
		return to, notOfType(v)
	}
}

func momentText(typ string, at time.Time) string {
	if typ == "TIMESTAMP" {
		return at.Format("2006-01-02T15:04:05.999999Z")
	}
	return at.Format("2006-01-02T15:04:05.999999")
}

func appendText(to []byte, s string) []byte {
	b, err := json.MarshalWithOption(s, json.DisableHTMLEscape())
	if err != nil {
		return append(to, `""`...) // a string always has a JSON form
	}
	return append(to, b...)
}

// jsonLines reads a checked CSV file as lines of JSON, a record each.
func jsonLines(ctx context.Context, f warehouse.File, columns []warehouse.Column, readers []reader) io.ReadCloser {
	names := make([][]byte, len(columns))
	for i, c := range columns {
		names[i] = append(appendText(nil, c.Name), ':')
	}
	from, to := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(to, 1<<20)
		var line []byte
		err := warehouse.ReadCSV(ctx, f, func(values [][]byte) error {
			line = append(line[:0], '{')
			for i, v := range values {
				if v == nil {
					continue // what is left out is NULL
				}
				if len(line) > 1 {
					line = append(line, ',')
				}
				line = append(line, names[i]...)
				var reason string
				if line, reason = readers[i](line, v); reason != "" {
					return fmt.Errorf("%s changed since it was checked", f.Path)
				}
			}
			line = append(line, '}', '\n')
			_, err := w.Write(line)
			return err
		})
		if err == nil {
			err = w.Flush()
		}
		to.CloseWithError(err)
	}()
	return from
}
