package project

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/timetable"
)

// Ingest says how the rows of a source's table come into the warehouse: the table's own
// words over those of its source. Texts that were not written have their defaults and no place.
type Ingest struct {
	// Kind is one of IngestKinds.
	Kind Value[string]
	// Connection is the entry of connections: that is read; not set for files.
	Connection Value[string]
	// Resource is the connection resource of BigQuery through which federated queries go.
	Resource Value[string]
	// Schema is the remote's, «public» by default, and Table the name there.
	Schema, Table Value[string]
	// All takes every column that is not in Except or denied; otherwise Columns are taken.
	All     bool
	Columns []Value[string]
	Except  []Value[string]
	Deny    []Deny
	// Transform has one entry for a column, in the order in which they are written.
	Transform []Transform
	// Watermark is the column by which only new rows are read, those that are not older than
	// the newest that is there less Overlap; not set: all rows are read every time. Key are
	// the columns by which a row replaces its earlier version.
	Watermark Value[string]
	Overlap   Value[time.Duration]
	Key       []Value[string]
	// Materialized is MaterializedTable or MaterializedView.
	Materialized Value[string]
	Drift        Drift
	Files        Files
	At           source.Span // of the mapping; of the table where that has none of its own
}

// Deny is a pattern of names of columns that never leave. It holds over every list.
type Deny struct {
	Text    Value[string]
	Pattern *regexp.Regexp
}

// Transform is what becomes of the values of a column before they leave.
type Transform struct {
	Column Value[string]
	// How is TransformHash, TransformTruncate or TransformConstant.
	How string
	// Length is how many characters are left by TransformTruncate.
	Length int64
	// Constant is what stands in the place of every value, NULL too.
	Constant string
}

// Words is the transform as it is written down in the lock.
func (t Transform) Words() string {
	switch t.How {
	case TransformTruncate:
		return t.How + ":" + strconv.FormatInt(t.Length, 10)
	case TransformConstant:
		return t.How + ":" + t.Constant
	}
	return t.How
}

// Drift says what a change of the remote leads to.
type Drift struct {
	NewTable      Value[string] // DriftIgnore, DriftReport, DriftFail
	NewColumn     Value[string] // DriftIgnore, DriftReport, DriftFail
	RemovedColumn Value[string] // DriftNull, DriftFail
	TypeChange    Value[string] // DriftFail, DriftText
}

// Files are the keys of kind files.
type Files struct {
	// Path are files, folders and patterns, with {table} for the name of the table.
	Path []Value[string]
	// Format is csv, ndjson or parquet; empty: what the names of the files say.
	Format    Value[string]
	Delimiter Value[string] // one character; not set: a comma
	Header    Value[bool]   // not set: true
	// Names are those of the fields of files without a header; without them they are column1,
	// column2 and so on.
	Names    []Value[string]
	Null     []Value[string] // texts that stand for NULL besides the empty field
	Encoding Value[string]   // not set: utf-8
	// MaxRejects is how many records may be left out because they cannot be read.
	MaxRejects Value[int64]
	Mode       Value[string] // FilesReplace or FilesAppend
}

// Values of kind.
const (
	IngestCopy      = "copy"
	IngestFiles     = "files"
	IngestForeign   = "foreign"
	IngestFederated = "federated"
)

// IngestKinds are the values of kind.
var IngestKinds = []string{IngestCopy, IngestFiles, IngestForeign, IngestFederated}

// Values of Transform.How.
const (
	TransformHash     = "sha256"
	TransformTruncate = "truncate"
	TransformConstant = "constant"
)

// Values of Materialized, of Drift and of Files.Mode.
const (
	MaterializedTable = "table"
	MaterializedView  = "view"

	DriftIgnore = "ignore"
	DriftReport = "report"
	DriftFail   = "fail"
	DriftNull   = "null_fill"
	DriftText   = "text"

	FilesReplace = "replace"
	FilesAppend  = "append"
)

// DefaultOverlap is how far back rows are read again by their watermark, if that is a time:
// a transaction may have written an earlier time than one that was seen before it.
const DefaultOverlap = time.Hour

// EncodingsOfFiles are the values of encoding.
var EncodingsOfFiles = []string{"utf-8", "utf-16", "latin1", "windows-1252"}

// FormatsOfFiles are the values of format.
var FormatsOfFiles = []string{"csv", "ndjson", "parquet"}

// ofKind says which kinds a key belongs to; a key that is not here belongs to all.
var ofKind = map[string][]string{
	"connection": {IngestCopy, IngestForeign, IngestFederated}, "resource": {IngestFederated},
	"schema": {IngestCopy, IngestForeign, IngestFederated}, "table": {IngestCopy, IngestForeign, IngestFederated},
	"watermark": {IngestCopy}, "overlap": {IngestCopy}, "key": {IngestCopy},
	"materialized": {IngestForeign, IngestFederated},
	"path":         {IngestFiles}, "format": {IngestFiles}, "delimiter": {IngestFiles}, "header": {IngestFiles}, "null": {IngestFiles},
	"encoding": {IngestFiles}, "max_rejects": {IngestFiles}, "mode": {IngestFiles},
	"new_table": {IngestCopy, IngestForeign, IngestFederated}, // of drift: files have no list of tables
}

// readIngest reads ingest of a source: nil if there is none, and without a kind if it could
// not be read, which has been reported.
func readIngest(parent *object) *Ingest {
	if !parent.has("ingest") {
		return nil
	}
	o, ok := parent.child("ingest")
	if !ok {
		if parent.get("ingest") == nil {
			parent.list.Add(valueInvalid(parent.keyAt("ingest"), fmt.Sprintf("ingest of %s is empty", parent.what), "say at least its kind: "+quoted(IngestKinds)))
		}
		return &Ingest{}
	}
	o.what = "ingest of " + parent.what
	in := &Ingest{At: o.at}
	if _, there := o.required("kind"); there {
		in.Kind = o.oneOf("kind", IngestKinds...)
	}
	in.Connection, in.Resource, in.Schema = o.str("connection"), o.str("resource"), o.str("schema")
	o.ingestCommon(in)
	o.ingestDrift(in, true)
	o.fits(in.Kind.V)
	o.finish(func(key string) string {
		switch key {
		case "table", "columns", "except", "transform", "watermark", "overlap", "key":
			return `put it below ingest of an entry of "tables"`
		}
		return misplacedInIngest(key)
	}, nil)
	if !in.Kind.IsSet() {
		return &Ingest{}
	}
	if in.Kind.V == IngestFederated && !in.Resource.IsSet() {
		o.list.Add(keyMissing(in.At.Sub(0, 1), "resource", o.what))
	}
	if slices.Contains(ofKind["connection"], in.Kind.V) && !in.Connection.IsSet() {
		o.list.Add(keyMissing(in.At.Sub(0, 1), "connection", o.what))
	}
	if in.Schema.V == "" {
		in.Schema.V = "public"
	}
	return in
}

// misplacedInIngest says where keys belong that people look for below ingest.
func misplacedInIngest(key string) string {
	switch key {
	case "host", "port", "user", "password", "dbname", "url":
		return `put it into an entry of "connections" in engine.yml, and name that with "connection"`
	case "tables":
		return `tables stand beside "ingest"`
	case "identifier":
		return `the name in the warehouse stands beside "ingest"; the remote's name is "table"`
	case "new_table", "new_column", "removed_column", "type_change":
		return `put it below "drift"`
	case "deny":
		return `write "deny_columns"`
	case "allow":
		return `write "columns"`
	case "unique_key", "primary_key":
		return `write "key"`
	}
	return ""
}

// readTableIngest lays the words of a table over those of its source; nil if the source is
// not ingested.
// declared are the columns that the table declares: for files they are the list of what is
// taken, where there is no other.
func readTableIngest(o *object, of *Ingest, table Value[string], declared []*Column) *Ingest {
	if of == nil {
		if o.has("ingest") {
			o.list.Add(keyMisplaced(o.keyAt("ingest"), "ingest", o.what, `say the kind of ingestion for the whole source first: ingest: {kind: copy, …} beside "tables"`))
		}
		return nil
	}
	if !of.Kind.IsSet() {
		o.find("ingest")
		return nil
	}
	in := *of
	in.Deny = slices.Clip(in.Deny)
	declares := in.Kind.V == IngestFiles && len(declared) > 0
	child, ok := o.child("ingest")
	switch {
	case ok:
		in.At = child.at
	case o.get("ingest") != nil:
		return nil // which has been reported
	case !declares:
		o.list.Add(columnsMissing(table.At, o.what))
		return nil
	default:
		child, in.At = &object{reader: o.reader, what: o.what, at: o.at}, o.at
	}
	child.what = "ingest of " + o.what
	in.Table = child.str("table")
	if in.Table.V == "" {
		in.Table.V = table.V
	}
	if declares && child.get("columns") == nil {
		child.asked = append(child.asked, "columns", "except")
		in.All, in.Except, in.Columns = false, nil, nil
		for _, c := range declared {
			in.Columns = append(in.Columns, c.Name)
		}
	} else {
		child.ingestColumns(&in)
	}
	child.ingestTransforms(&in)
	in.Watermark, in.Key = child.str("watermark"), child.strs("key")
	in.Overlap = child.interval("overlap", 0, timetable.ParseSpan, "for example 10m or 1h; 0 for none")
	child.ingestCommon(&in)
	child.ingestDrift(&in, false)
	child.fits(in.Kind.V)
	child.finish(func(key string) string {
		switch key {
		case "kind", "connection", "resource", "schema":
			return `it holds for the whole source: put it below ingest beside "tables"`
		}
		return misplacedInIngest(key)
	}, nil)
	in.check(&o.list, child.what)
	if in.Kind.V == IngestFiles {
		in.checkFiles(&o.list, child.what, table.V)
	}
	return &in
}

func columnsMissing(at source.Span, what string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeKeyMissing, At: at, Message: fmt.Sprintf("ingest of %s does not say which columns are taken", what),
		Help: `nothing leaves that is not named: add ingest: {columns: [id, …]}, or columns: "*" for all that are not denied`}
}

// ingestCommon reads the keys that a source and a table can have.
func (o *object) ingestCommon(in *Ingest) {
	for _, text := range o.strs("deny_columns") {
		pattern, err := regexp.Compile(text.V)
		if err != nil {
			o.list.Add(valueInvalid(text.At, "this is no pattern: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), `patterns are regular expressions of RE2, for example "(?i)password|token"`))
			continue
		}
		in.Deny = append(in.Deny, Deny{text, pattern})
	}
	if v := o.oneOf("materialized", MaterializedTable, MaterializedView); v.IsSet() || in.Materialized.V == "" {
		in.Materialized = Value[string]{cmp.Or(v.V, MaterializedTable), v.At}
	}
	f := &in.Files
	if list := o.strs("path"); len(list) > 0 {
		f.Path = list
	}
	over(&f.Format, o.oneOf("format", FormatsOfFiles...))
	over(&f.Delimiter, o.str("delimiter"))
	o.ingestHeader(f)
	if list := o.strs("null"); len(list) > 0 {
		f.Null = list
	}
	over(&f.Encoding, o.oneOf("encoding", EncodingsOfFiles...))
	if v := o.integer("max_rejects"); v.IsSet() {
		if v.V < 0 {
			o.list.Add(valueInvalid(v.At, "max_rejects is negative", "give 0 or more"))
		}
		f.MaxRejects = v
	}
	over(&f.Mode, o.oneOf("mode", FilesReplace, FilesAppend))
	if f.Mode.V == "" {
		f.Mode.V = FilesReplace
	}
	if v := f.Delimiter; v.IsSet() && (utf8.RuneCountInString(v.V) != 1 || len(v.V) != 1 || strings.ContainsAny(v.V, "\"\r\n")) {
		o.list.Add(valueInvalid(v.At, fmt.Sprintf("%q cannot be a delimiter", v.V), `give one character of ASCII, for example ";" or "\t"`))
	}
}

// ingestHeader reads header: whether there is a header line, or the names that stand for it.
func (o *object) ingestHeader(f *Files) {
	n := o.get("header")
	if n == nil || resolve(n).Kind != yaml.SequenceNode {
		if v := o.boolean("header"); v.IsSet() {
			f.Header, f.Names = v, nil
		}
		return
	}
	names := o.strs("header")
	seen := map[string]bool{}
	for _, v := range names {
		switch {
		case strings.TrimSpace(v.V) == "":
			o.list.Add(valueInvalid(v.At, "a field has no name", "name all fields, in their order, also those that are not taken"))
		case seen[strings.ToLower(v.V)]:
			o.list.Add(valueInvalid(v.At, fmt.Sprintf("header names %q twice", v.V), "name every field another way"))
		}
		seen[strings.ToLower(v.V)] = true
	}
	if len(names) > 0 {
		f.Header, f.Names = Value[bool]{V: false, At: names[0].At}, names
	}
}

// over replaces a value by one that was written.
func over[T any](into *Value[T], by Value[T]) {
	if by.IsSet() {
		*into = by
	}
}

// ingestDrift reads drift. What becomes of new tables is said for a whole source.
func (o *object) ingestDrift(in *Ingest, whole bool) {
	if d, ok := o.child("drift"); ok {
		d.what = "drift of " + o.what
		if whole {
			over(&in.Drift.NewTable, d.oneOf("new_table", DriftIgnore, DriftReport, DriftFail))
		}
		over(&in.Drift.NewColumn, d.oneOf("new_column", DriftIgnore, DriftReport, DriftFail))
		over(&in.Drift.RemovedColumn, d.oneOf("removed_column", DriftNull, DriftFail))
		over(&in.Drift.TypeChange, d.oneOf("type_change", DriftFail, DriftText))
		d.fits(in.Kind.V)
		d.finish(func(key string) string {
			if key == "new_table" {
				return `it holds for the whole source: put it below ingest beside "tables"`
			}
			return ""
		}, nil)
	}
	in.Drift.NewTable.V = cmp.Or(in.Drift.NewTable.V, DriftIgnore)
	in.Drift.NewColumn.V = cmp.Or(in.Drift.NewColumn.V, DriftReport)
	in.Drift.RemovedColumn.V = cmp.Or(in.Drift.RemovedColumn.V, DriftFail)
	in.Drift.TypeChange.V = cmp.Or(in.Drift.TypeChange.V, DriftFail)
}

// fits reports keys that are there and have no meaning for the kind.
func (o *object) fits(kind string) {
	if kind == "" {
		return
	}
	for i := range o.fields {
		f := &o.fields[i]
		kinds, some := ofKind[f.name]
		if !some || slices.Contains(kinds, kind) || !f.used {
			continue
		}
		o.list.Add(keyMisplaced(o.span(f.key), f.name, o.what, fmt.Sprintf("it is of kind %s, and this is of kind %s: remove it", strings.Join(kinds, " and "), kind)))
	}
}

// ingestColumns reads which columns are taken.
func (o *object) ingestColumns(in *Ingest) {
	in.Columns, in.All = o.strs("columns"), false
	in.Except = o.strs("except")
	if len(in.Columns) == 0 {
		if n := o.get("columns"); n == nil || n.Kind == yaml.SequenceNode {
			o.list.Add(columnsMissing(o.keyAt("columns"), strings.TrimPrefix(o.what, "ingest of ")))
		}
		return
	}
	if i := slices.IndexFunc(in.Columns, func(v Value[string]) bool { return v.V == "*" }); i >= 0 {
		if len(in.Columns) > 1 {
			o.list.Add(valueInvalid(in.Columns[i].At, `"*" stands beside names of columns`, `write columns: "*", or only names`))
		}
		in.All, in.Columns = true, nil
	}
	if len(in.Except) > 0 && !in.All {
		o.list.Add(keyMisplaced(o.keyAt("except"), "except", o.what, `it goes with columns: "*"; remove the column from "columns"`))
		in.Except = nil
	}
	for _, list := range [][]Value[string]{in.Columns, in.Except} {
		for i, v := range list {
			if strings.TrimSpace(v.V) == "" {
				o.list.Add(valueInvalid(v.At, "a column has no name", "remove it"))
			}
			if slices.ContainsFunc(list[:i], func(w Value[string]) bool { return w.V == v.V }) {
				o.list.Add(valueInvalid(v.At, fmt.Sprintf("column %q is there twice", v.V), "remove one of them"))
			}
		}
	}
}

// ingestTransforms reads transform: column → sha256, {truncate: n} or {constant: text}.
func (o *object) ingestTransforms(in *Ingest) {
	in.Transform = nil
	child, ok := o.child("transform")
	if !ok {
		return
	}
	hows := []string{TransformHash, TransformTruncate, TransformConstant}
	for i := range child.fields {
		f := &child.fields[i]
		f.used = true
		t := Transform{Column: Value[string]{f.name, child.span(f.key)}}
		what := "transform of column " + strconv.Quote(f.name)
		n := resolve(f.val)
		if n.Kind == yaml.ScalarNode {
			switch {
			case isNull(n):
				o.list.Add(valueInvalid(t.Column.At, what+" is empty", `write sha256, {truncate: 4} or {constant: "x"}`))
				continue
			case n.Value == TransformHash:
				t.How = n.Value
			case slices.Contains(hows, n.Value):
				o.list.Add(valueInvalid(o.span(n), fmt.Sprintf("%s needs a value", n.Value), `write {truncate: 4} or {constant: "x"}`))
				continue
			default:
				o.list.Add(valueUnknown(o.span(n), what, n.Value, hows))
				continue
			}
			in.Transform = append(in.Transform, t)
			continue
		}
		m, ok := child.object(n, what)
		if !ok {
			continue
		}
		length, constant := m.integer(TransformTruncate), m.str(TransformConstant)
		m.finish(func(key string) string {
			if key == TransformHash {
				return "write it without braces: " + f.name + ": sha256"
			}
			return ""
		}, nil)
		switch {
		case length.IsSet() && constant.IsSet():
			o.list.Add(valueInvalid(constant.At, what+" does two things", "keep one of them"))
			continue
		case length.IsSet():
			if length.V < 1 {
				o.list.Add(valueInvalid(length.At, fmt.Sprintf("%d characters are none", length.V), `give 1 or more, or write {constant: ""}`))
			}
			t.How, t.Length = TransformTruncate, length.V
		case constant.IsSet():
			t.How, t.Constant = TransformConstant, constant.V
			if strings.ContainsRune(constant.V, 0) {
				o.list.Add(valueInvalid(constant.At, "a text has a zero byte", "remove it"))
			}
		default:
			continue // an unknown key, which has been reported
		}
		in.Transform = append(in.Transform, t)
	}
	child.finish(nil, nil)
}

// Denied is the pattern that denies a column of the remote; nil if none does.
func (in *Ingest) Denied(column string) *Deny {
	for i := range in.Deny {
		if in.Deny[i].Pattern.MatchString(column) {
			return &in.Deny[i]
		}
	}
	return nil
}

// TransformOf is the transform of a column; nil if it leaves as it is.
func (in *Ingest) TransformOf(column string) *Transform {
	for i := range in.Transform {
		if in.Transform[i].Column.V == column {
			return &in.Transform[i]
		}
	}
	return nil
}

// Takes reports whether the words of the table name a column of the remote, be it by «*».
func (in *Ingest) Takes(column string) bool {
	same := func(v Value[string]) bool { return v.V == column }
	if in.Denied(column) != nil {
		return false
	}
	if in.All {
		return !slices.ContainsFunc(in.Except, same)
	}
	return slices.ContainsFunc(in.Columns, same)
}

// check holds the keys of a table against each other.
func (in *Ingest) check(list *diag.List, what string) {
	for _, c := range in.Columns {
		if d := in.Denied(c.V); d != nil {
			list.Add(valueInvalid(c.At, fmt.Sprintf("column %q is denied by %q", c.V, d.Text.V), `remove it, or make the pattern of "deny_columns" narrower: it holds over every list`))
		}
	}
	named := len(in.Columns) > 0 || in.All
	needs := func(v Value[string], key string) bool {
		if !named || in.Takes(v.V) {
			return true
		}
		if d := in.Denied(v.V); d != nil {
			list.Add(valueInvalid(v.At, fmt.Sprintf("%s of %s is column %q, which is denied by %q", key, what, v.V, d.Text.V), "name a column that is taken"))
			return false
		}
		list.Add(valueInvalid(v.At, fmt.Sprintf("%s of %s is column %q, which is not taken", key, what, v.V), `add it to "columns", or name another`))
		return false
	}
	for _, t := range in.Transform {
		needs(t.Column, "transform")
	}
	for i, k := range in.Key {
		if !needs(k, "key") {
			continue
		}
		if t := in.TransformOf(k.V); t != nil && t.How != TransformHash {
			list.Add(valueInvalid(k.At, fmt.Sprintf("column %q is the key, and its transform makes different values the same", k.V), "keep the column as it is, or use sha256"))
		}
		if slices.ContainsFunc(in.Key[:i], func(v Value[string]) bool { return v.V == k.V }) {
			list.Add(valueInvalid(k.At, fmt.Sprintf("column %q is there twice", k.V), "remove one of them"))
		}
	}
	switch w := in.Watermark; {
	case !w.IsSet() && in.Overlap.IsSet():
		list.Add(valueInvalid(in.Overlap.At, "overlap goes with a watermark", `add "watermark", or remove it`))
	case !w.IsSet():
	case needs(w, "watermark"):
		if in.TransformOf(w.V) != nil {
			list.Add(valueInvalid(w.At, fmt.Sprintf("column %q is the watermark and has a transform", w.V), "keep the column as it is, or name another"))
		}
		if len(in.Key) == 0 {
			list.Add(diag.Diagnostic{Code: codeKeyMissing, At: w.At, Message: fmt.Sprintf("%s has a watermark and no key", what), Help: `name the columns that tell rows apart: key: [id]; a row that is read again replaces its earlier version by them`})
		}
	}
}

// checkFiles checks what only files have.
func (in *Ingest) checkFiles(list *diag.List, what, table string) {
	f := &in.Files
	if len(f.Path) == 0 {
		list.Add(keyMissing(in.At.Sub(0, 1), "path", what))
	}
	f.Path = slices.Clone(f.Path)
	for i := range f.Path {
		if strings.TrimSpace(f.Path[i].V) == "" {
			list.Add(valueInvalid(f.Path[i].At, "the path is empty", "give a file, a folder or a pattern, relative to engine.yml"))
		}
		f.Path[i].V = strings.ReplaceAll(f.Path[i].V, "{table}", table)
	}
}

// Connection is one entry of connections: in engine.yml: a database that sources are
// ingested from. Its Fields are as written until Settings.Connection replaces ${ENV}.
type Connection struct {
	Name   Value[string]
	Type   Value[string]
	Fields map[string]Value[string]
	At     source.Span
}

func (s *settings) decodeConnections(o *object) {
	in, ok := o.child("connections")
	if !ok {
		return
	}
	in.what = "connections"
	for _, f := range in.fields {
		c, ok := o.object(f.val, "connection "+strconv.Quote(f.name))
		if !ok {
			continue
		}
		out := &Connection{Name: Value[string]{f.name, o.span(f.key)}, At: o.span(f.key), Fields: map[string]Value[string]{}}
		out.Type, _ = c.required("type")
		for _, key := range []string{"schema", "custom_schema", "threads"} {
			if c.field(key) != nil {
				c.list.Add(keyMisplaced(c.keyAt(key), key, c.what, map[bool]string{true: `the remote schema is said by each source: ingest: {schema: …}`, false: "it is of targets; remove it"}[key == "schema"]))
			}
		}
		for i := range c.fields {
			f := &c.fields[i]
			if f.used || isNull(resolve(f.val)) {
				continue
			}
			n := resolve(f.val)
			if n.Kind != yaml.ScalarNode {
				c.wrong(n, fmt.Sprintf("%q of %s", f.name, c.what), "text")
				continue
			}
			out.Fields[f.name] = Value[string]{n.Value, c.span(n)}
		}
		s.Connections = append(s.Connections, out)
	}
}

// Connection is the connection of that name, with ${ENV} replaced. A variable that is not
// set is a mistake here, and only here.
func (s Settings) Connection(name Value[string], env func(string) (string, bool)) (*Connection, diag.List) {
	i := slices.IndexFunc(s.Connections, func(c *Connection) bool { return c.Name.V == name.V })
	if i < 0 {
		return nil, diag.List{connectionUnknown(name, s.Connections)}
	}
	var list diag.List
	out := *s.Connections[i]
	out.Type.V = interpolate(out.Type.V, out.Type.At, env, &list)
	out.Fields = make(map[string]Value[string], len(out.Fields))
	for key, v := range s.Connections[i].Fields {
		v.V = interpolate(v.V, v.At, env, &list)
		out.Fields[key] = v
	}
	return &out, list.Sorted()
}

func connectionUnknown(name Value[string], have []*Connection) diag.Diagnostic {
	var names []string
	for _, c := range have {
		names = append(names, c.Name.V)
	}
	d := diag.Diagnostic{Code: codeValueUnknown, At: name.At, Message: fmt.Sprintf("there is no connection %q", name.V), Help: didYouMean(name.V, names, "connections are ")}
	if len(names) == 0 {
		d.Help = fmt.Sprintf("add it to engine.yml: connections: {%s: {type: postgres, host: …}}", name.V)
	}
	return d
}

// checkConnections reports sources whose connection does not exist.
func checkConnections(p *Project) diag.List {
	var list diag.List
	seen := map[source.Span]bool{}
	for _, s := range p.Sources {
		if s.Ingest == nil || !s.Ingest.Connection.IsSet() || seen[s.Ingest.Connection.At] {
			continue
		}
		seen[s.Ingest.Connection.At] = true
		if !slices.ContainsFunc(p.Settings.Connections, func(c *Connection) bool { return c.Name.V == s.Ingest.Connection.V }) {
			list.Add(connectionUnknown(s.Ingest.Connection, p.Settings.Connections))
		}
	}
	return list
}
