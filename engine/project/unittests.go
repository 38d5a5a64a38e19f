package project

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

func readUnitTest(r *reader, n *yaml.Node) *UnitTest {
	o, name, ok := r.named(n, "unit test")
	if o == nil {
		return nil
	}
	u := &UnitTest{Name: name, At: o.at}
	o.description(&u.Description)
	model, hasModel := o.required("model")
	u.Model = model
	for _, g := range o.items("given") {
		if given, ok := readGiven(o, g); ok {
			u.Given = append(u.Given, given)
		}
	}
	u.ExpectAt = o.keyAt("expect")
	if !o.has("expect") {
		o.list.Add(keyMissing(o.at.Sub(0, 1), "expect", o.what))
	} else if in, ok := o.child("expect"); ok {
		in.what = "expect of " + o.what
		u.ExpectAt = in.at
		u.Expect, u.ExpectAs = readRows(in)
		in.finish(nil, nil)
	}
	u.Overrides = readOverrides(o)
	if in, ok := o.child("versions"); ok {
		in.what = "versions of " + o.what
		u.include, u.exclude = in.strs("include"), in.strs("exclude")
		if len(u.include) > 0 && len(u.exclude) > 0 {
			o.list.Add(valueInvalid(o.keyAt("versions"), fmt.Sprintf("%s have both include and exclude", in.what), "keep one of them"))
		}
		in.finish(nil, nil)
	}
	u.Meta, u.Tags, u.Enabled = readCommon(o, addr.UnitTest)
	o.finish(func(key string) string {
		switch key {
		case "rows", "format":
			return `put it under "expect", or into an item of "given"`
		case "input":
			return `put it into an item of "given"`
		case "vars", "env_vars", "macros":
			return `put it under "overrides"`
		}
		return besideConfig(key, addr.UnitTest)
	}, nil)
	if !ok || !hasModel {
		return nil
	}
	return u
}

func readGiven(parent *object, n *yaml.Node) (Given, bool) {
	o, ok := parent.object(n, "an input of "+parent.what)
	if !ok {
		return Given{}, false
	}
	g := Given{At: o.at}
	g.Input, ok = o.required("input")
	if ok {
		o.what = fmt.Sprintf("input %q of %s", g.Input.V, parent.what)
	}
	g.Rows, g.As = readRows(o)
	o.finish(nil, nil)
	return g, ok
}

// formats are how rows of unit tests can be written.
var formats = []string{"dict", "csv", "sql"}

// readRows reads rows in the given format: a list of mappings, CSV text, a query, or the name
// of a file with one of the last two.
func readRows(o *object) ([]Row, Stated) {
	format := o.str("format")
	as := Stated{Format: cmp.Or(format.V, "dict"), Fixture: o.str("fixture")}
	n := o.get("rows")
	switch {
	case format.V != "" && !slices.Contains(formats, format.V):
		o.list.Add(valueUnknown(format.At, o.key("format"), format.V, formats))
	case as.Fixture.IsSet() && o.has("rows"):
		o.list.Add(valueInvalid(as.Fixture.At, fmt.Sprintf("%s has both \"rows\" and a \"fixture\"", o.what), "keep one of them"))
	case as.Fixture.IsSet() && as.Format == "dict":
		o.list.Add(valueInvalid(as.Fixture.At, fmt.Sprintf("%s has a fixture, and no format", o.what), `say what the file is: "format: csv" or "format: sql"`))
	case as.Fixture.IsSet():
		// the file is found when all files are known
	case !o.has("rows"):
		o.list.Add(keyMissing(o.at.Sub(0, 1), "rows", o.what))
	case n == nil && as.Format == "sql":
		o.list.Add(valueInvalid(o.keyAt("rows"), fmt.Sprintf("%s has no query", o.what), "write one: rows: select 1 as id"))
	case n == nil:
	case as.Format == "sql":
		as.SQL = o.text(n, o.key("rows"))
	case as.Format == "csv":
		return o.csvRows(n), as
	case n.Kind == yaml.ScalarNode:
		d := wrongType(o.span(n), o.key("rows"), "a list", n)
		d.Help = `give a list of mappings, or add "format: csv"`
		o.list.Add(d)
	default:
		var out []Row
		for _, item := range o.items("rows") {
			if row, ok := o.dictRow(item); ok {
				out = append(out, row)
			}
		}
		return out, as
	}
	return nil, as
}

// isFixture reports whether a file below a folder of tests holds rows of unit tests.
func isFixture(below string) bool {
	first, _, inside := strings.Cut(below, "/")
	return inside && first == "fixtures"
}

// fillFixtures reads the rows of unit tests that stand in files of their own.
func fillFixtures(p *Project) diag.List {
	var list diag.List
	files := map[string]*File{}
	var names []string
	for _, f := range p.Fixtures {
		key := f.Name + "." + extension(f.Source.Path)
		if first := files[key]; first != nil {
			list.Add(nameDuplicate(f.Source.Whole(), "fixture", f.Name, first.Source.Whole(), "fixture", "rename one of the files"))
			continue
		}
		files[key], names = f, append(names, f.Name)
	}
	fill := func(rows *[]Row, as *Stated) {
		if !as.Fixture.IsSet() || as.Format == "dict" {
			return
		}
		f := files[as.Fixture.V+"."+as.Format]
		if f == nil {
			help := fmt.Sprintf("write tests/fixtures/%s.%s", as.Fixture.V, as.Format)
			if near, ok := diag.Suggest(as.Fixture.V, names); ok && near != as.Fixture.V {
				help = fmt.Sprintf("did you mean %q?", near)
			}
			list.Add(valueInvalid(as.Fixture.At, fmt.Sprintf("there is no fixture %q of format %s", as.Fixture.V, as.Format), help))
			return
		}
		text := Value[string]{string(f.Source.Data), f.Source.Whole()}
		if as.Format == "sql" {
			as.SQL = text
			return
		}
		*rows = csvCells(&list, text, func(line, col, size int) source.Span {
			off := f.Source.Offset(line, 1) + col - 1
			return f.Source.Span(off, min(off+size, len(f.Source.Data)))
		})
	}
	for _, u := range p.UnitTests {
		for i := range u.Given {
			fill(&u.Given[i].Rows, &u.Given[i].As)
		}
		fill(&u.Expect, &u.ExpectAs)
	}
	return list
}

func (o *object) dictRow(n *yaml.Node) (Row, bool) {
	in, ok := o.object(n, "a row of "+o.what)
	if !ok {
		return Row{}, false
	}
	row := Row{At: in.at, Cells: map[string]Value[any]{}}
	for _, f := range in.fields {
		at := o.span(resolve(f.val))
		if at.Start == at.End {
			at = o.span(f.key) // an empty value: the key is what can be pointed at
		}
		row.Cells[f.name] = Value[any]{o.value(f.val), at}
		row.Order = append(row.Order, f.name)
	}
	return row, true
}

// csvRows reads CSV text with a header. An empty field is NULL, everything else is text.
func (o *object) csvRows(n *yaml.Node) []Row {
	text := o.text(n, o.key("rows"))
	if !text.IsSet() {
		return nil
	}
	return csvCells(&o.list, text, csvPlace(o.doc, n, text))
}

// csvCells reads a CSV text; place finds a field of it by its line and column, from 1.
func csvCells(list *diag.List, text Value[string], place func(line, col, size int) source.Span) []Row {
	in := csv.NewReader(strings.NewReader(text.V))
	in.TrimLeadingSpace = true
	header, err := in.Read()
	var out []Row
	for err == nil {
		var record []string
		if record, err = in.Read(); err != nil {
			break
		}
		row := Row{Cells: map[string]Value[any]{}, Order: header, At: text.At}
		for i, cell := range record {
			line, col := in.FieldPos(i)
			v := Value[any]{any(cell), place(line, col, len(cell))}
			if cell == "" {
				v.V = nil
			}
			if i == 0 {
				row.At = v.At
			}
			if _, twice := row.Cells[header[i]]; twice && len(out) == 0 {
				list.Add(nameDuplicate(place(1, 1, len(header[i])), "column", header[i], text.At, "column", "remove one of the columns"))
			}
			row.Cells[header[i]] = v
		}
		out = append(out, row)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		at := text.At
		var bad *csv.ParseError
		why := err.Error()
		if errors.As(err, &bad) {
			at, why = place(bad.Line, bad.Column, 1), bad.Err.Error()
			if errors.Is(err, csv.ErrFieldCount) {
				at = place(bad.Line, 1, 1)
				why = fmt.Sprintf("the header has %d fields, this line has another number", len(header))
			}
		}
		list.Add(valueInvalid(at, "the CSV rows cannot be read: "+why, "give every line as many fields as the header, and quote fields with commas"))
		return nil
	}
	return out
}

// csvPlace finds fields in the file. Only a literal block scalar has the text as it is
// written; in other scalars all fields are at the whole text.
func csvPlace(d *document, n *yaml.Node, text Value[string]) func(line, col, size int) source.Span {
	if n.Style&yaml.LiteralStyle == 0 {
		return func(int, int, int) source.Span { return text.At }
	}
	first := d.file.Position(text.At.Start).Line
	return func(line, col, size int) source.Span {
		raw := d.file.Line(first + line)
		indent := 0
		want, _, _ := strings.Cut(nthLine(text.V, line), "\r")
		if i := strings.Index(raw, want); i >= 0 {
			indent = i
		}
		off := d.file.Offset(first+line, 1) + indent + col - 1
		if off < len(d.file.Data) && d.file.Data[off] == '"' {
			size += 2 // the quotes
		}
		return d.file.Span(off, off+size)
	}
}

// nthLine is a line of s, counted from 1.
func nthLine(s string, n int) string {
	for ; n > 1; n-- {
		_, s, _ = strings.Cut(s, "\n")
	}
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func readOverrides(o *object) Overrides {
	in, ok := o.child("overrides")
	if !ok {
		return Overrides{}
	}
	in.what = "overrides of " + o.what
	out := Overrides{Vars: in.dict("vars"), EnvVars: in.dict("env_vars")}
	if m, ok := in.child("macros"); ok {
		m.what = "macros of " + in.what
		if v := m.boolean("is_incremental"); v.IsSet() {
			out.IsIncremental = &v.V
		}
		m.finish(nil, nil)
	}
	in.finish(func(key string) string {
		if key == "is_incremental" {
			return `put it under "macros"`
		}
		return ""
	}, nil)
	return out
}
