package project

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Distribution is «distribution:» of engine.yml: who the customers are, which schemas they
// have, and how rows get there. Texts that were not written have their defaults and no place.
type Distribution struct {
	At source.Span
	// Schemas, with {customer} and {source} in them; Workshop has neither.
	CustomerSchema, LakeSchema, WorkspaceSchema, WorkshopSchema Value[string]
	// Workspace is Separate or NoWorkspace; unset: separate for customers with principals.
	Workspace Value[string]
	// Path is the folder of customers' files, relative to the project or absolute. Export is
	// ExportParquet, or unset: what is published is written as files there, too.
	Path, Export Value[string]
	TenantColumn Value[string]
	// Mode is one of Modes, ModeOf the same by tier.
	Mode   Value[string]
	ModeOf map[int64]Value[string]
	// Targets are those on which publishing is the last phase of a build.
	Targets []Value[string]
	// Split is SplitAuto, SplitAlways or SplitNever.
	Split Value[string]
	// MaxInline is the most tenants of a customer that are written into a statement;
	// MaxCustomers the most customers of a run.
	MaxInline, MaxCustomers Value[int64]
	// Markers are those of canaries that have none of their own.
	Markers []Value[string]
	// Parts are the tables of customers by name, see PartNames; those that are not configured
	// are missing.
	Parts     map[string]*Part
	Contracts []Contract // ascending
}

// Values of Distribution.
const (
	Separate    = "separate"
	NoWorkspace = "none"
	SplitAuto   = "auto"
	SplitAlways = "always"
	SplitNever  = "never"
	// ExportParquet is a file per relation, in warehouses whose releases can be exported.
	ExportParquet = "parquet"
)

// Modes are the values of mode, the default first.
var Modes = []string{"table", "view", "rows"}

// Names of parts.
const (
	Customers       = "customers"
	CustomerTenants = "customer_tenants"
	Links           = "links"
	Transfers       = "transfers"
	CustomFieldRows = "custom_fields"
	Principals      = "principals"
)

// PartNames are the parts in the order in which they are read.
var PartNames = []string{Customers, CustomerTenants, Links, Transfers, CustomFieldRows, Principals}

// PartColumn is a column of a part.
type PartColumn struct {
	Name     string
	Required bool
	Help     string
}

// PartColumns are the columns of a part, nil for a name that is none.
func PartColumns(part string) []PartColumn {
	customer := PartColumn{"customer", true, "the customer: a-z, 0-9 and _, beginning with a letter"}
	switch part {
	case Customers:
		return []PartColumn{
			customer,
			{"title", false, "its name for people"},
			{"tier", false, "1: reads through a BI account only; 2: has schemas of its own; 3: has models of its own, too. Default 2"},
			{"mode", false, "`table`, `view` or `rows`; default: that of its tier, or of `distribution`"},
			{"contract", false, "the version of the contract that it reads; default: the newest"},
			{"enabled", false, "false: it keeps what it has and gets nothing new; default true"},
			{"canary", false, "true: its rows carry markers that may turn up at nobody else's"},
			{"markers", false, "the markers of a canary, a list or separated by `;`"},
			{"principals", false, "who may read, a list or separated by `;`"},
		}
	case CustomerTenants:
		return []PartColumn{customer, {"tenant", true, "a tenant whose rows are the customer's: a whole number or a text"}}
	case Links, Transfers:
		return []PartColumn{customer, {"entity", true, "what the key is of, for example material"}, {"key", true, "a whole number or a text"}}
	case CustomFieldRows:
		return []PartColumn{
			{"customer", false, "who has the field"},
			{"tenant", false, "instead of `customer`: all customers of the tenant have it"},
			{"model", true, "the relation whose rows have it, as customers call it"},
			{"id", true, "its name in the JSON column"},
			{"name", false, "its name for people, of which the column is made; default: the id"},
			{"type", true, "`string`, `number`, `integer`, `date`, `datetime`, `boolean` or `multi-select`"},
		}
	case Principals:
		return []PartColumn{customer, {"principal", true, "a role, or a member as the warehouse writes it"}}
	}
	return nil
}

// Part is one table of the configuration: rows that stand in engine.yml or in a file, or a
// relation.
type Part struct {
	Name string
	At   source.Span
	// Ref is the node whose relation holds the rows, CSV the file, relative to the project;
	// neither: Rows stand here.
	Ref, CSV Value[string]
	// Columns are other names of columns: ours → theirs.
	Columns map[string]Value[string]
	// Header are the columns of Rows by our names. A cell that is missing is nil, and At then
	// is that of the row. Cells of a file are text.
	Header []string
	Rows   [][]Value[any]

	form *csvForm
}

// Theirs is the name that a relation has for a column of ours.
func (p *Part) Theirs(column string) string {
	if v, ok := p.Columns[column]; ok {
		return v.V
	}
	return column
}

// Contract is one entry of contracts.
type Contract struct {
	Version Value[int64]
	Sunset  Value[time.Time]
	Changes []ContractChange
	At      source.Span
}

// ContractChange is how one model differs between a contract and the next. Types are
// GoogleSQL's, or the target's.
type ContractChange struct {
	Model                     Value[string]
	Renamed, Removed, Retyped map[string]Value[string]
	// Added: this contract has no such model. Dropped: the next one has none.
	Added, Dropped bool
	At             source.Span
}

// csvForm is a file that is still to be read.
type csvForm struct{ path string }

const (
	defaultMaxInline    = 500
	defaultMaxCustomers = 20_000
	// mostCustomers bounds max_customers, and mostInline max_tenants_inline: a statement of
	// BigQuery has at most 1 MB.
	mostCustomers = 1_000_000
	mostInline    = 10_000
)

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

func (s *settings) decodeDistribution(o *object) {
	in, ok := o.child("distribution")
	if !ok {
		return
	}
	in.what = `"distribution"`
	d := &Distribution{At: o.keyAt("distribution"), Parts: map[string]*Part{}, ModeOf: map[int64]Value[string]{}}
	s.Distribution = d
	d.CustomerSchema = in.schemaName("customer_schema", "dw_{customer}", "customer")
	d.LakeSchema = in.schemaName("lake_schema", "dl_{customer}_{source}", "customer", "source")
	d.WorkspaceSchema = in.schemaName("workspace_schema", "ws_{customer}", "customer")
	d.WorkshopSchema = in.schemaName("workshop_schema", "dw__publish")
	d.Workspace = in.oneOf("workspace", Separate, NoWorkspace)
	d.Path = in.orDefault("path", "target/customers")
	d.Export = in.oneOf("export", ExportParquet)
	d.TenantColumn = in.orDefault("tenant_column", "tenant_id")
	d.Mode = in.oneOf("mode", Modes...)
	if !d.Mode.IsSet() {
		d.Mode.V = Modes[0]
	}
	in.modes(d)
	d.Targets = in.strs("targets")
	for _, t := range d.Targets {
		if !slices.Contains(s.targetNames(), t.V) {
			o.list.Add(targetUnknown(t.At, t.V, s.targetNames()))
		}
	}
	d.Split = in.oneOf("split", SplitAuto, SplitAlways, SplitNever)
	if !d.Split.IsSet() {
		d.Split.V = SplitAuto
	}
	in.distributionLimits(d)
	d.Markers = in.strs("canary_markers")
	for _, m := range d.Markers {
		if strings.TrimSpace(m.V) == "" {
			o.list.Add(valueInvalid(m.At, "a marker is empty", "give a text that turns up nowhere else"))
		}
	}
	for _, name := range PartNames {
		if p := in.part(name); p != nil {
			d.Parts[name] = p
		}
	}
	for _, name := range []string{Customers, CustomerTenants} {
		if d.Parts[name] == nil && !in.has(name) {
			o.list.Add(keyMissing(d.At, name, in.what))
		}
	}
	d.Contracts = in.contracts()
	in.finish(misplacedInDistribution, nil)
}

// misplacedInDistribution finds keys of models.
func misplacedInDistribution(key string) string {
	switch key {
	case "distribute", "partial", "across_tenants":
		return "it is configuration of models: models: {+" + key + ": …}, or config of a model"
	case "tenants":
		return `write "customer_tenants"`
	}
	return ""
}

// orDefault is a text, or what holds if there is none.
func (o *object) orDefault(name, def string) Value[string] {
	v := o.str(name)
	switch {
	case !v.IsSet():
		v.V = def
	case strings.TrimSpace(v.V) == "":
		o.list.Add(valueInvalid(v.At, o.key(name)+" is empty", "give a value, or remove the key"))
		v.V = def
	}
	return v
}

// schemaName takes the name of a schema that has each of the given words in braces.
func (o *object) schemaName(name, def string, words ...string) Value[string] {
	v := o.str(name)
	if !v.IsSet() {
		v.V = def
		return v
	}
	help := "for example " + strconv.Quote(def)
	for _, m := range placeholder.FindAllStringSubmatch(v.V, -1) {
		if !slices.Contains(words, m[1]) {
			o.list.Add(valueInvalid(v.At, fmt.Sprintf("%s has %s, which stands for nothing", o.key(name), strconv.Quote(m[0])), help))
			v.V = def
			return v
		}
	}
	for _, w := range words {
		if !strings.Contains(v.V, "{"+w+"}") {
			o.list.Add(valueInvalid(v.At, fmt.Sprintf("%s has no {%s}, so several would share one", o.key(name), w), help))
			v.V = def
			return v
		}
	}
	if bare := placeholder.ReplaceAllString(v.V, "x"); !plainWord.MatchString(bare) {
		o.list.Add(valueInvalid(v.At, fmt.Sprintf("%q cannot be a schema", v.V), "use a-z, 0-9 and _, beginning with a letter; "+help))
		v.V = def
	}
	return v
}

func (o *object) modes(d *Distribution) {
	in, ok := o.child("modes")
	if !ok {
		return
	}
	in.what = `"modes"`
	for i := range in.fields {
		f := &in.fields[i]
		f.used = true
		tier, err := strconv.ParseInt(f.name, 10, 64)
		if err != nil || tier < 1 || tier > 3 {
			o.list.Add(valueInvalid(o.span(f.key), fmt.Sprintf("%q is not a tier", f.name), "tiers are 1, 2 and 3"))
			continue
		}
		v := o.text(f.val, fmt.Sprintf("the mode of tier %d", tier))
		if v.IsSet() && !slices.Contains(Modes, v.V) {
			o.list.Add(valueUnknown(v.At, `"modes"`, v.V, Modes))
			continue
		}
		if v.IsSet() {
			d.ModeOf[tier] = v
		}
	}
	in.finish(nil, nil)
}

func (o *object) distributionLimits(d *Distribution) {
	d.MaxInline.V, d.MaxCustomers.V = defaultMaxInline, defaultMaxCustomers
	in, ok := o.child("limits")
	if !ok {
		return
	}
	in.what = `"limits"`
	if v := in.between("max_tenants_inline", 0, mostInline); v.IsSet() {
		d.MaxInline = v
	}
	if v := in.between("max_customers", 1, mostCustomers); v.IsSet() {
		d.MaxCustomers = v
	}
	in.finish(nil, nil)
}

// part takes one table of the configuration: a list of rows, {ref: …} or {csv: …}.
func (o *object) part(name string) *Part {
	n := o.get(name)
	if n == nil {
		return nil
	}
	p := &Part{Name: name, At: o.keyAt(name)}
	if resolve(n).Kind == yaml.SequenceNode {
		o.partRows(p, resolve(n).Content)
		return p
	}
	in, ok := o.object(n, o.key(name))
	if !ok {
		return nil
	}
	p.Ref, p.CSV = in.str("ref"), in.str("csv")
	known := columnNames(name)
	if cols, ok := in.child("columns"); ok {
		p.Columns = map[string]Value[string]{}
		cols.what = "columns of " + o.key(name)
		for _, column := range known {
			if v := cols.str(column); v.IsSet() {
				p.Columns[column] = v
			}
		}
		cols.finish(nil, nil)
	}
	in.finish(nil, hints{"relation": `write "ref", the name of a model, seed or snapshot`})
	switch {
	case p.Ref.V == "" && p.CSV.V == "":
		o.list.Add(keyMissing(p.At, "ref", o.key(name)))
		return nil
	case p.Ref.IsSet() && p.CSV.IsSet():
		o.list.Add(refAndCSV(p.CSV.At, name, p.Ref.At))
		return nil
	case p.CSV.IsSet():
		clean, why := inside(p.CSV.V)
		if why != "" {
			o.list.Add(valueInvalid(p.CSV.At, fmt.Sprintf("%q cannot be read: %s", p.CSV.V, why), "give a path relative to engine.yml, below it"))
			return nil
		}
		p.form = &csvForm{path: clean}
	}
	return p
}

func columnNames(part string) []string {
	var out []string
	for _, c := range PartColumns(part) {
		out = append(out, c.Name)
	}
	return out
}

// partRows takes rows as a list of mappings.
func (o *object) partRows(p *Part, items []*yaml.Node) {
	p.Header = columnNames(p.Name)
	for _, n := range items {
		in, ok := o.object(n, "an entry of "+o.key(p.Name))
		if !ok {
			continue
		}
		row := make([]Value[any], len(p.Header))
		for i, name := range p.Header {
			row[i].At = in.at
			f := in.find(name)
			if f == nil {
				continue
			}
			v := resolve(f.val)
			row[i] = Value[any]{o.written(v), o.span(v)}
			if isNull(v) {
				row[i].At = o.span(f.key)
			}
		}
		in.finish(nil, nil)
		p.Rows = append(p.Rows, row)
	}
}

// written is the value of a cell. A number that is not written as one would print it, 0476
// or 1_000, is text: as a key it is not the number that YAML makes of it.
func (o *object) written(n *yaml.Node) any {
	v := o.value(n)
	if i, ok := v.(int64); ok && strconv.FormatInt(i, 10) != n.Value {
		return n.Value
	}
	return v
}

func (o *object) contracts() []Contract {
	var out []Contract
	for _, n := range o.items("contracts") {
		in, ok := o.object(n, "a contract")
		if !ok {
			continue
		}
		c := Contract{At: in.at, Version: in.integer("version"), Sunset: in.date("sunset")}
		if !in.has("version") {
			o.list.Add(keyMissing(in.at.Sub(0, 1), "version", in.what))
		}
		in.what = fmt.Sprintf("contract %d", c.Version.V)
		for _, item := range in.items("changes") {
			if ch, ok := in.change(item); ok {
				c.Changes = append(c.Changes, ch)
			}
		}
		in.finish(nil, nil)
		if !c.Version.IsSet() {
			continue
		}
		if c.Version.V < 1 {
			o.list.Add(valueInvalid(c.Version.At, fmt.Sprintf("a contract cannot have the version %d", c.Version.V), "count from 1"))
			continue
		}
		if i := slices.IndexFunc(out, func(p Contract) bool { return p.Version.V == c.Version.V }); i >= 0 {
			o.list.Add(configTwice(c.Version.At, fmt.Sprintf("contract %d", c.Version.V), out[i].Version.At))
			continue
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Contract) int { return int(a.Version.V) - int(b.Version.V) })
	return out
}

func (o *object) change(n *yaml.Node) (ContractChange, bool) {
	in, ok := o.object(n, "a change of "+o.what)
	if !ok {
		return ContractChange{}, false
	}
	ch := ContractChange{At: in.at}
	ch.Model, ok = in.required("model")
	texts := func(name string) map[string]Value[string] {
		m, ok := in.child(name)
		if !ok {
			return nil
		}
		out := map[string]Value[string]{}
		for i := range m.fields {
			f := &m.fields[i]
			f.used = true
			if v := m.text(f.val, fmt.Sprintf("%q of %q", f.name, name)); v.IsSet() && strings.TrimSpace(v.V) != "" {
				out[f.name] = v
			} else if v.IsSet() {
				o.list.Add(valueInvalid(o.span(f.key), fmt.Sprintf("%q of %q is empty", f.name, name), "give a name for renamed, and a type for removed and retyped"))
			}
		}
		return out
	}
	ch.Renamed, ch.Removed, ch.Retyped = texts("renamed"), texts("removed"), texts("retyped")
	ch.Added, ch.Dropped = in.boolean("added").V, in.boolean("dropped").V
	in.finish(nil, nil)
	switch {
	case ch.Added && (ch.Dropped || len(ch.Renamed)+len(ch.Removed)+len(ch.Retyped) > 0):
		o.list.Add(valueInvalid(ch.At, "a model that the contract does not have has no changes", `remove "added", or the changes`))
		return ch, false
	case ch.Dropped && (len(ch.Removed) == 0 || len(ch.Renamed)+len(ch.Retyped) > 0):
		o.list.Add(valueInvalid(ch.At, "a model that is dropped has all its columns below \"removed\", and nothing else", "removed: {column: TYPE, …}"))
		return ch, false
	case !ch.Added && !ch.Dropped && len(ch.Renamed)+len(ch.Removed)+len(ch.Retyped) == 0:
		o.list.Add(valueInvalid(ch.At, "a change says nothing", `give "renamed", "removed", "retyped", "added" or "dropped"`))
		return ch, false
	}
	return ch, ok
}

// readCustomers reads the files that parts of the configuration are in.
func (s *settings) readCustomers(dir string, from *reading) {
	if s.Distribution == nil {
		return
	}
	for _, name := range PartNames {
		if p := s.Distribution.Parts[name]; p != nil && p.form != nil {
			s.reader.list.Add(p.readCSV(dir, from)...)
			p.form = nil
		}
	}
}

// leaves says whether links in a path below a project lead out of it. What is not there leads
// nowhere.
func leaves(dir, abs string) bool {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, real)
	return err != nil || !filepath.IsLocal(rel)
}

func (p *Part) readCSV(dir string, from *reading) diag.List {
	abs := filepath.Join(dir, filepath.FromSlash(p.form.path))
	if leaves(dir, abs) {
		return diag.List{valueInvalid(p.CSV.At, fmt.Sprintf("%q cannot be read: a link leads out of the project", p.CSV.V), "give a path relative to engine.yml, below it, with the file itself in the project")}
	}
	f, ok, list := from.named(dir, p.form.path)
	if !ok {
		for i := range list {
			list[i].Labels = append(list[i].Labels, diag.Label{At: p.CSV.At, Text: "asked for here"})
		}
		return list
	}
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(f.Data), "\ufeff")))
	in.ReuseRecord = true
	bom := len(f.Data) - len(strings.TrimPrefix(string(f.Data), "\ufeff"))
	place := func(line, column, size int) source.Span {
		off := f.Offset(line, 1) + column - 1
		if line == 1 {
			off += bom
		}
		if off < len(f.Data) && f.Data[off] == '"' {
			size += 2
		}
		return f.Span(min(off, len(f.Data)), min(off+size, len(f.Data)))
	}
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		list.Add(valueInvalid(f.Whole(), fmt.Sprintf("file %q is empty", p.form.path), "give it a header line with the columns "+quoted(columnNames(p.Name))))
		return list
	}
	var use []int
	if err == nil {
		use = p.csvHeader(header, in, place, &list)
	}
	for err == nil {
		var record []string
		if record, err = in.Read(); err != nil {
			break
		}
		row := make([]Value[any], len(use))
		for i, at := range use {
			line, column := in.FieldPos(at)
			row[i].At = place(line, column, len(record[at]))
			if record[at] != "" {
				row[i].V = strings.Clone(record[at])
			}
		}
		p.Rows = append(p.Rows, row)
	}
	var bad *csv.ParseError
	if err != nil && !errors.Is(err, io.EOF) && errors.As(err, &bad) {
		why, at := bad.Err.Error(), place(bad.Line, bad.Column, 1)
		if errors.Is(err, csv.ErrFieldCount) {
			why, at = fmt.Sprintf("the header has %d fields, this line has another number", in.FieldsPerRecord), place(bad.Line, 1, 1)
		}
		list.Add(valueInvalid(at, "the CSV rows cannot be read: "+why, "give every line as many fields as the header, and quote fields with commas"))
		p.Rows = nil
	}
	return list
}

// csvHeader says which fields are which of our columns.
func (p *Part) csvHeader(header []string, in *csv.Reader, place func(line, column, size int) source.Span, list *diag.List) (use []int) {
	ours := map[string]string{}
	for _, c := range columnNames(p.Name) {
		ours[p.Theirs(c)] = c
	}
	for i, name := range header {
		line, column := in.FieldPos(i)
		at := place(line, column, len(name))
		c, known := ours[strings.TrimSpace(name)]
		switch {
		case !known:
			list.Add(keyUnknown(at, name, fmt.Sprintf("the header of %q", p.form.path), slices.Sorted(maps.Keys(ours))))
		case slices.Contains(p.Header, c):
			list.Add(valueInvalid(at, fmt.Sprintf("column %q is there twice", name), "remove one of them"))
		default:
			p.Header = append(p.Header, c)
			use = append(use, i)
		}
	}
	for _, c := range PartColumns(p.Name) {
		if c.Required && !slices.Contains(p.Header, c.Name) {
			list.Add(keyMissing(place(1, 1, 1), p.Theirs(c.Name), fmt.Sprintf("the header of %q", p.form.path)))
		}
	}
	return use
}
