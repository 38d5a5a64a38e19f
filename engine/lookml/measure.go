package lookml

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// measure adds the view's measures: the number of rows, those of columns, those of the model.
func (m *maker) measure(v *view) {
	rows := &block{kind: "measure", name: m.free(v, "count")}
	rows.word("type", "count")
	v.measures = append(v.measures, rows)
	type asked struct {
		measure
		of *field
	}
	var all []asked
	add := func(x measure, of *field) {
		if m.claimMeasure(v, &x, of) {
			all = append(all, asked{x, of})
		}
	}
	for _, f := range v.fields {
		if f.meta == nil {
			continue
		}
		for _, x := range f.meta.measures {
			if x.has("column") {
				x.fail("column", "is said by where it stands", "remove it, or put the measure into the meta of the model")
				continue
			}
			add(x, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.columns)) {
		if says := v.columns[name]; len(says.measures) > 0 && !slices.ContainsFunc(v.fields, func(f *field) bool { return f.meta == says }) {
			says.fail("measures", "has no effect: the column has no dimension", "put the measures into the meta of the model, with sql")
		}
	}
	for _, x := range v.asked {
		if x.column == "" {
			add(x, nil)
			continue
		}
		i := slices.IndexFunc(v.fields, func(f *field) bool { return strings.EqualFold(f.column, x.column) })
		if i < 0 {
			var known []string
			for _, f := range v.fields {
				known = append(known, f.column)
			}
			x.fail("column", fmt.Sprintf("is %q, which has no dimension", x.column), oneOf(x.column, known))
			continue
		}
		add(x, v.fields[i])
	}
	// Measures refer to each other, so all have their names by now.
	for _, x := range all {
		m.fit(v, x.measure, x.of)
	}
}

// claimMeasure gives a measure the name that it has, or one of its type and column.
func (m *maker) claimMeasure(v *view, x *measure, of *field) bool {
	if x.name == "" {
		if of == nil || x.kind == "count" {
			x.fail("name", "is missing", "name the measure: {type: "+x.kind+", name: …}")
			return false
		}
		x.name = x.kind + "_" + of.name
	}
	if other := v.taken[x.name]; other != "" {
		x.fail("name", fmt.Sprintf("is %q, as is a field of %q", x.name, other), "give it another name")
		return false
	}
	v.taken[x.name] = x.name
	return true
}

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// fit writes a measure of a view, over a field where there is one.
func (m *maker) fit(v *view, x measure, of *field) {
	sql := x.sql
	switch {
	case x.kind == "count":
		if sql != "" {
			x.fail("sql", "has no effect: a count is of rows", "remove it, or use count_distinct")
			return
		}
	case sql == "" && x.has("sql"):
		return // what is wrong with it has been said
	case x.kind == "number" && sql == "":
		x.fail("sql", "is missing", "a measure of type number is made of others: sql: ${sum_amount} / ${count}")
		return
	case sql == "" && of == nil:
		x.fail("sql", "is missing", "say what is measured: column or sql")
		return
	case sql == "" && slices.Contains(numericMeasures, x.kind) && !of.number:
		x.fail("type", fmt.Sprintf("is %q, and column %q is no number", x.kind, of.column), `use count or count_distinct, or give "sql"`)
		return
	case sql == "":
		sql = "${" + v.refs[strings.ToLower(of.column)] + "}"
	}
	for _, ref := range reference.FindAllStringSubmatch(x.sql, -1) {
		if !m.known(v, ref[1]) {
			x.fail("sql", fmt.Sprintf("has %s, and the view has no such field", ref[0]), oneOf(ref[1], v.known()))
			return
		}
	}
	b := &block{kind: "measure", name: x.name}
	if h := x.truth("hidden"); h != nil && *h {
		b.word("hidden", "yes")
	}
	b.text("label", x.text("label"))
	b.text("group_label", x.text("group_label"))
	b.text("description", x.text("description"))
	b.word("type", x.kind)
	if n := x.text("percentile"); n != "" {
		if x.kind != "percentile" || !regexp.MustCompile(`^[1-9][0-9]?$`).MatchString(n) {
			x.fail("percentile", "is no whole number from 1 to 99 of a measure of type percentile", "for example {type: percentile, percentile: 90}")
			return
		}
		b.word("percentile", n)
	} else if x.kind == "percentile" {
		x.fail("percentile", "is missing", "for example {type: percentile, percentile: 90}")
		return
	}
	if !m.filters(v, x, b) {
		return
	}
	b.exact("value_format", x.text("value_format"))
	b.word("value_format_name", x.atom("value_format_name"))
	drill := x.texts("drill_fields")
	for _, name := range drill {
		if !m.known(v, strings.TrimSuffix(name, "*")) {
			x.fail("drill_fields", fmt.Sprintf("has %q, and the view has no such field", name), oneOf(name, v.known()))
			return
		}
	}
	b.words("drill_fields", drill)
	b.code("sql", sql)
	v.measures = append(v.measures, b)
}

// filters writes a measure's filters: field → expression of Looker's.
func (m *maker) filters(v *view, x measure, b *block) bool {
	if !x.has("filters") {
		return true
	}
	vals, ok := x.vals["filters"].(map[string]any)
	if !ok || len(vals) == 0 {
		x.fail("filters", "is no mapping", `for example filters: {status: "complete"}`)
		return false
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(vals)) {
		if !m.known(v, name) {
			x.fail("filters", fmt.Sprintf("has %q, and the view has no such field", name), oneOf(name, v.known()))
			return false
		}
		text := fmt.Sprint(vals[name])
		if yes, isBool := vals[name].(bool); isBool {
			if text = "no"; yes {
				text = "yes"
			}
		}
		list = append(list, name+": "+exact(text))
	}
	b.words("filters", list)
	return true
}

// known reports whether a name may be referred to from a view: one of its fields, ${TABLE},
// or a field of another view, which is not looked at.
func (m *maker) known(v *view, name string) bool {
	return name == "TABLE" || strings.Contains(name, ".") || v.taken[name] != "" && !v.groups[name]
}

func (v *view) known() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(v.taken)), func(name string) bool { return v.groups[name] })
}
