package lookml_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// object is LookML as read back: every parameter is «key: value», with what sort of value.
type object struct {
	kind, name string
	params     []parameter
	objects    []*object
}

type parameter struct {
	key string
	val any // string, []string, or map[string]string; SQL and words are strings
}

// reader is a strict little reader of LookML. It takes what the language reference allows
// and nothing else: a parameter that an object does not have is an error, as is one that is
// there twice.
type reader struct {
	rest string
	line int
}

type readError struct{ what string }

func (r *reader) fail(format string, args ...any) {
	panic(readError{fmt.Sprintf("line %d: ", r.line) + fmt.Sprintf(format, args...)})
}

// readLookML is the file's objects, below a root.
func readLookML(text string) (root *object, err error) {
	r := &reader{rest: text, line: 1}
	defer func() {
		if p := recover(); p != nil {
			known, ok := p.(readError)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("%s", known.what)
		}
	}()
	root = &object{kind: "file"}
	r.body(root, false)
	return root, nil
}

func (r *reader) take(n int) string {
	out := r.rest[:n]
	r.line += strings.Count(out, "\n")
	r.rest = r.rest[n:]
	return out
}

func (r *reader) space() {
	for {
		n := len(r.rest) - len(strings.TrimLeft(r.rest, " \n"))
		r.take(n)
		if !strings.HasPrefix(r.rest, "#") {
			return
		}
		i := strings.IndexByte(r.rest, '\n')
		if i < 0 {
			i = len(r.rest) - 1
		}
		r.take(i + 1)
	}
}

var atom = regexp.MustCompile(`^[+a-zA-Z0-9_.*-]+`)

func (r *reader) atom() string {
	m := atom.FindString(r.rest)
	if m == "" {
		r.fail("want a word at %.20q", r.rest)
	}
	return r.take(len(m))
}

func (r *reader) want(s string) {
	if !strings.HasPrefix(r.rest, s) {
		r.fail("want %q at %.20q", s, r.rest)
	}
	r.take(len(s))
}

// allowed are the parameters of each object, those with SQL marked by a semicolon, those with
// a text by a quote, and objects by a brace; lists and words stand as they are.
var allowed = map[string][]string{
	"file":            {"include\"", "view{", "explore{"},
	"view":            {"label\"", "sql_table_name;", "dimension{", "dimension_group{", "measure{"},
	"explore":         {"hidden", "label\"", "group_label\"", "description\"", "join{"},
	"join":            {"from", "view_label\"", "type", "relationship", "sql_on;", "sql;"},
	"dimension":       {"primary_key", "hidden", "label\"", "group_label\"", "group_item_label\"", "description\"", "type", "value_format\"", "value_format_name", "tags[", "sql;"},
	"dimension_group": {"hidden", "label\"", "group_label\"", "description\"", "type", "timeframes[", "datatype", "convert_tz", "tags[", "sql;"},
	"measure":         {"hidden", "label\"", "group_label\"", "description\"", "type", "percentile", "filters[", "value_format\"", "value_format_name", "drill_fields[", "sql;"},
}

func (r *reader) body(o *object, closed bool) {
	seen := map[string]bool{}
	for {
		r.space()
		if r.rest == "" {
			if closed {
				r.fail("%s %s does not end", o.kind, o.name)
			}
			return
		}
		if closed && strings.HasPrefix(r.rest, "}") {
			r.take(1)
			return
		}
		key := r.atom()
		r.want(":")
		i := slices.IndexFunc(allowed[o.kind], func(s string) bool { return strings.TrimRight(s, `";[{`) == key })
		if i < 0 {
			r.fail("%s has no %s", o.kind, key)
		}
		shape := allowed[o.kind][i][len(key):]
		if seen[key] && shape != "{" && key != "include" {
			r.fail("%s of %s is there twice", key, o.name)
		}
		seen[key] = true
		r.want(" ")
		switch shape {
		case "{":
			in := &object{kind: key, name: r.atom()}
			r.want(" {")
			r.body(in, true)
			o.objects = append(o.objects, in)
		case ";":
			end := strings.Index(r.rest, ";;")
			if end < 0 {
				r.fail("the SQL of %s does not end", o.name)
			}
			sql := r.take(end)
			r.take(2)
			if !strings.HasPrefix(r.rest, "\n") || strings.TrimSpace(sql) == "" || strings.Contains(sql, "\n") {
				r.fail("the SQL of %s is odd: %q", o.name, sql)
			}
			o.params = append(o.params, parameter{key, sql})
		case `"`:
			o.params = append(o.params, parameter{key, r.text()})
		case "[":
			o.params = append(o.params, parameter{key, r.list(key)})
		default:
			o.params = append(o.params, parameter{key, r.atom()})
		}
	}
}

var quotedText = regexp.MustCompile(`^"((?:[^"\\\n]|\\["\\])*)"`)

func (r *reader) text() string {
	m := quotedText.FindStringSubmatch(r.rest)
	if m == nil {
		r.fail("want a text at %.20q", r.rest)
	}
	r.take(len(m[0]))
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[1])
}

func (r *reader) list(key string) any {
	r.want("[")
	var items []string
	pairs := map[string]string{}
	for !strings.HasPrefix(r.rest, "]") {
		if len(items)+len(pairs) > 0 {
			r.want(", ")
		}
		switch key {
		case "filters":
			name := r.atom()
			r.want(": ")
			pairs[name] = r.text()
		case "tags":
			items = append(items, r.text())
		default:
			items = append(items, r.atom())
		}
	}
	r.take(1)
	if key == "filters" {
		return pairs
	}
	return items
}

func (o *object) get(key string) string {
	for _, p := range o.params {
		if p.key == key {
			if s, ok := p.val.(string); ok {
				return s
			}
		}
	}
	return ""
}

func (o *object) list(key string) []string {
	for _, p := range o.params {
		if p.key == key {
			out, _ := p.val.([]string)
			return out
		}
	}
	return nil
}

// lookmlName is a name of a view, a join or a field.
var lookmlName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// fieldsOf are the names by which fields of a view are referred to, each once.
func fieldsOf(v *object) (map[string]bool, []string) {
	out, wrong := map[string]bool{}, []string(nil)
	claim := func(name string) {
		if out[name] || !lookmlName.MatchString(name) {
			wrong = append(wrong, fmt.Sprintf("view %s has the field %s twice, or it is no name", v.name, name))
		}
		out[name] = true
	}
	keys := 0
	for _, f := range v.objects {
		if f.get("primary_key") == "yes" {
			keys++
		}
		if f.kind != "dimension_group" {
			claim(f.name)
			continue
		}
		for _, frame := range f.list("timeframes") {
			claim(f.name + "_" + frame)
		}
	}
	if keys > 1 {
		wrong = append(wrong, fmt.Sprintf("view %s has %d primary keys", v.name, keys))
	}
	return out, wrong
}

var (
	fieldRef = regexp.MustCompile(`\$\{([^}]+)\}`)
	booleans = []string{"", "yes", "no"}
)

// complaints are what is wrong with a set of files as a whole: references that lead nowhere,
// types that do not exist, joins to views that are not included.
func complaints(files map[string]*object) []string {
	var out []string
	views, where := map[string]map[string]bool{}, map[string]string{}
	for name, root := range files {
		for _, v := range root.objects {
			if v.kind != "view" {
				continue
			}
			if views[v.name] != nil || !lookmlName.MatchString(v.name) {
				out = append(out, fmt.Sprintf("view %s is there twice, or it is no name", v.name))
			}
			fields, wrong := fieldsOf(v)
			views[v.name], where[v.name] = fields, name
			out = append(out, wrong...)
		}
	}
	for name, root := range files {
		for _, o := range root.objects {
			if o.kind == "view" {
				out = append(out, viewComplaints(o, views[o.name])...)
				continue
			}
			included := map[string]bool{}
			for _, p := range root.params {
				if file, ok := p.val.(string); ok && p.key == "include" {
					if files["generated/"+file] == nil {
						out = append(out, fmt.Sprintf("%s includes %s, which is not there", name, file))
					}
					included["generated/"+file] = true
				}
			}
			out = append(out, exploreComplaints(o, views, func(v string) bool { return included[where[v]] })...)
		}
	}
	slices.Sort(out)
	return out
}

func viewComplaints(v *object, fields map[string]bool) []string {
	var out []string
	for _, f := range v.objects {
		types := map[string][]string{
			"dimension":       {"string", "number", "yesno", "zipcode"},
			"dimension_group": {"time"},
			"measure":         {"average", "count", "count_distinct", "max", "median", "min", "number", "percentile", "sum"},
		}[f.kind]
		if !slices.Contains(types, f.get("type")) {
			out = append(out, fmt.Sprintf("%s %s.%s has the type %q", f.kind, v.name, f.name, f.get("type")))
		}
		for _, key := range []string{"hidden", "primary_key", "convert_tz"} {
			if !slices.Contains(booleans, f.get(key)) {
				out = append(out, fmt.Sprintf("%s.%s: %s is %q", v.name, f.name, key, f.get(key)))
			}
		}
		if f.kind == "dimension_group" && !slices.Contains([]string{"date", "datetime", "timestamp"}, f.get("datatype")) {
			out = append(out, fmt.Sprintf("%s.%s has the datatype %q", v.name, f.name, f.get("datatype")))
		}
		if (f.get("sql") == "") != (f.kind == "measure" && f.get("type") == "count") {
			out = append(out, fmt.Sprintf("%s.%s has SQL or has none, %q", v.name, f.name, f.get("sql")))
		}
		for _, m := range fieldRef.FindAllStringSubmatch(f.get("sql"), -1) {
			if m[1] != "TABLE" && !fields[m[1]] {
				out = append(out, fmt.Sprintf("%s.%s refers to %s", v.name, f.name, m[0]))
			}
		}
	}
	return out
}

func exploreComplaints(e *object, views map[string]map[string]bool, included func(view string) bool) []string {
	var out []string
	names := map[string]string{e.name: e.name}
	check := func(view string) {
		if views[view] == nil || !included(view) {
			out = append(out, fmt.Sprintf("explore %s takes the view %s, which it does not include", e.name, view))
		}
	}
	check(e.name)
	for _, j := range e.objects {
		view := j.name
		if from := j.get("from"); from != "" {
			view = from
		}
		check(view)
		if names[j.name] != "" || !lookmlName.MatchString(j.name) {
			out = append(out, fmt.Sprintf("explore %s has the join %s twice, or it is no name", e.name, j.name))
		}
		names[j.name] = view
		if !slices.Contains([]string{"one_to_one", "one_to_many", "many_to_one", "many_to_many"}, j.get("relationship")) {
			out = append(out, fmt.Sprintf("join %s.%s has the relationship %q", e.name, j.name, j.get("relationship")))
		}
		if (j.get("sql_on") == "") == (j.get("sql") == "") {
			out = append(out, fmt.Sprintf("join %s.%s has not exactly one of sql_on and sql", e.name, j.name))
		}
		for _, m := range fieldRef.FindAllStringSubmatch(j.get("sql_on")+j.get("sql"), -1) {
			alias, field, _ := strings.Cut(m[1], ".")
			if !views[names[alias]][field] {
				out = append(out, fmt.Sprintf("join %s.%s refers to %s", e.name, j.name, m[0]))
			}
		}
	}
	return out
}
