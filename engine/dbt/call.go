package dbt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/python"
	"github.com/engine-build/engine/engine/source"
)

// silent is an output that writes nothing: config, log, a method that changes a value.
func (w *writer) silent(x jinja.Expr) ([]string, bool) {
	call, ok := x.(*jinja.Call)
	if !ok {
		return nil, false
	}
	switch fn := call.Fn.(type) {
	case *jinja.Name:
		switch fn.Name {
		case "config":
			return []string{w.config(call)}, true
		case "log", "print", "debug":
			return nil, true
		case "return":
			return []string{w.returned(call)}, true
		}
	case *jinja.Attr:
		if n, ok := fn.X.(*jinja.Name); ok {
			switch {
			case n.Name == "exceptions" && (fn.Name.Name == "raise_compiler_error" || fn.Name.Name == "raise_fail_fast_error"):
				return []string{"fail " + w.message(call)}, true
			case n.Name == "exceptions" && fn.Name.Name == "warn":
				return nil, true
			}
			if v := w.scope.find(n.Name); v != nil && w.scope.mutated[n.Name] {
				for _, m := range changing {
					if m == fn.Name.Name && m != "pop" && m != "setdefault" {
						return []string{"$_ := " + w.expr(x).text}, true
					}
				}
			}
		}
	}
	return nil, false
}

func (w *writer) message(call *jinja.Call) string {
	if len(call.Args) == 0 {
		return `"the model refuses to be compiled"`
	}
	v := w.expr(call.Args[0])
	if v.typ == str {
		return v.operand()
	}
	return "(py_str " + v.operand() + ")"
}

// do is {% do %}.
func (w *writer) do(x jinja.Expr) []string {
	if actions, ok := w.silent(x); ok {
		return actions
	}
	v := w.expr(x)
	if strings.HasPrefix(v.text, "fail ") {
		return []string{v.text}
	}
	return []string{"$_ := " + v.text}
}

func (w *writer) returned(call *jinja.Call) string {
	if w.inMacro == nil {
		return w.refuse(call.At, "return belongs into a macro")
	}
	if len(call.Args) != 1 {
		return "return (py_none)"
	}
	return "return " + w.mutable(call.Args[0]).operand()
}

// config writes config("key" "value" …). Values are those of Go, which configuration reads.
func (w *writer) config(call *jinja.Call) string {
	out := []string{"config"}
	var meta []string // entries of meta
	add := func(key string, value jinja.Expr) {
		if _, none := value.(*jinja.None); none {
			return
		}
		if w.snapshot {
			switch key {
			case "target_schema":
				own, absolute, ok := ownSchema(value)
				if ok {
					if own == nil {
						return
					}
					value = own
				}
				if !absolute {
					key = "schema"
				}
				out = append(out, quoted(key), w.setting(value).operand())
				return
			case "target_database":
				key = "database"
			case "invalidate_hard_deletes":
				if b, ok := value.(*jinja.Bool); ok {
					if b.Value {
						out = append(out, `"hard_deletes"`, `"invalidate"`)
					}
					return
				}
			}
		}
		switch key {
		case "store_failures_as":
			if s, ok := value.(*jinja.String); ok && s.Value == "view" { // here a view would show what is published
				out = append(out, quoted(key), quoted("table"))
				return
			}
		case "pre_hook", "post_hook", "pre-hook", "post-hook":
			hooks := []string{"list"}
			list := w.elements(value)
			if list == nil {
				list = []jinja.Expr{value}
			}
			for _, h := range list {
				hooks = append(hooks, w.hook(h).operand())
			}
			if len(hooks) > 1 {
				between := " "
				if len(hooks) > 2 {
					between = "\n        "
				}
				out = append(out, quoted(strings.ReplaceAll(key, "-", "_")), "("+strings.Join(hooks, between)+")")
			}
			return
		}
		if d, ok := value.(*jinja.Dict); ok && key == "meta" && w.Kind != "" {
			meta = append(meta, strings.TrimPrefix(strings.TrimPrefix(w.setting(d).text, "dict"), " "))
			return
		}
		switch keyFor(key, w.Kind) {
		case keyDropped:
			return
		case keyForeign:
			help, _ := project.ForeignConfig(key)
			w.note(value.Span(), "%s", noted(key, help))
			return
		case keyCustom:
			meta = append(meta, quoted(key)+" "+w.setting(value).operand())
			return
		}
		out = append(out, quoted(key), w.setting(value).operand())
	}
	if call.Star != nil || call.Stars != nil {
		return w.refuse(call.At, "keys of config are computed: write them one by one")
	}
	if len(call.Args) == 1 {
		d, ok := call.Args[0].(*jinja.Dict)
		if !ok {
			return w.refuse(call.At, "config is given what is no dictionary")
		}
		for _, p := range d.Items {
			key, ok := p.Key.(*jinja.String)
			if !ok {
				return w.refuse(p.Key.Span(), "a key of config is computed")
			}
			add(key.Value, p.Value)
		}
	}
	for _, k := range call.Keywords {
		add(k.Name.Name, k.Value)
	}
	if len(meta) > 0 {
		out = append(out, `"meta"`, "("+strings.TrimSpace("dict "+strings.Join(meta, " "))+")")
	}
	if len(out) == 1 {
		return ""
	}
	if len(out) > 3 && strings.Contains(w.raw(call.At.Start, call.At.End), "\n") {
		// One key a line, as it was.
		var b strings.Builder
		b.WriteString("config\n")
		for i := 1; i+1 < len(out); i += 2 {
			b.WriteString("    " + out[i] + " " + out[i+1] + "\n")
		}
		return b.String()
	}
	return strings.Join(out, " ")
}

// ownSchema reads a target_schema: the target's own schema, what stands behind it, or what
// generate_schema_name makes of a name. Nothing else is known to be something else than a
// schema as it is.
func ownSchema(x jinja.Expr) (own jinja.Expr, absolute, ok bool) {
	isTarget := func(x jinja.Expr) bool {
		a, ok := x.(*jinja.Attr)
		if !ok || a.Name.Name != "schema" {
			return false
		}
		n, ok := a.X.(*jinja.Name)
		return ok && n.Name == "target"
	}
	var parts []jinja.Expr
	switch x := x.(type) {
	case *jinja.Attr:
		if isTarget(x) {
			return nil, false, true
		}
	case *jinja.Call:
		if n, ok := x.Fn.(*jinja.Name); ok && n.Name == "generate_schema_name" && len(x.Args) > 0 {
			return x.Args[0], false, true
		}
	case *jinja.Concat:
		parts = x.Parts
	case *jinja.Binary:
		if x.Op == "+" {
			parts = []jinja.Expr{x.X, x.Y}
		}
	}
	if len(parts) == 2 && isTarget(parts[0]) {
		if s, ok := parts[1].(*jinja.String); ok && strings.HasPrefix(s.Value, "_") {
			own := *s
			own.Value = s.Value[1:]
			return &own, false, true
		}
	}
	return x, true, false
}

// hookWords are dbt's functions around a hook that say when it runs.
var hookWords = []string{"before_begin", "in_transaction", "after_commit"}

// hook is one statement of pre_hook or post_hook, whose text is a template of its own.
func (w *writer) hook(x jinja.Expr) val {
	if d, ok := x.(*jinja.Dict); ok { // {"sql": …, "transaction": …}
		var sql val
		outside := false
		for _, p := range d.Items {
			k, ok := p.Key.(*jinja.String)
			switch {
			case ok && k.Value == "sql":
				sql = w.hook(p.Value)
			case ok && k.Value == "transaction":
				b, ok := p.Value.(*jinja.Bool)
				outside = ok && !b.Value
			}
		}
		return hookOf(sql, outside)
	}
	if call, ok := x.(*jinja.Call); ok && len(call.Args) == 1 { // whether a hook is part of a transaction
		if n, ok := call.Fn.(*jinja.Name); ok && slices.Contains(hookWords, n.Name) {
			return hookOf(w.hook(call.Args[0]), n.Name != "in_transaction")
		}
	}
	s, ok := x.(*jinja.String)
	if !ok || !strings.Contains(s.Value, "{{") && !strings.Contains(s.Value, "{%") {
		return w.setting(x)
	}
	t, list := jinja.Parse(source.NewFile(w.file.Path, []byte(s.Value)))
	if list != nil {
		return val{text: w.refuse(x.Span(), "%s", list[0].Message), typ: str}
	}
	text, notes := w.Template(t)
	for _, d := range notes {
		w.refuse(x.Span(), "%s", d.Message)
	}
	return val{text: quoted(text), typ: str, atom: true}
}

// hookOf is a hook's statement, which runs outside of the transaction where dbt has it so.
func hookOf(sql val, outside bool) val {
	if !outside || sql.text == "" {
		return sql
	}
	return val{text: `dict "sql" ` + sql.operand() + ` "transaction" false`}
}

// setting is a value of configuration.
func (w *writer) setting(x jinja.Expr) val {
	switch x := x.(type) {
	case *jinja.List, *jinja.Tuple:
		list := w.elements(x)
		out := []string{"list"}
		for _, i := range list {
			out = append(out, w.setting(i).operand())
		}
		return val{text: strings.Join(out, " "), atom: len(out) == 1}
	case *jinja.Dict:
		out := []string{"dict"}
		for _, p := range x.Items {
			out = append(out, w.expr(p.Key).operand(), w.setting(p.Value).operand())
		}
		return val{text: strings.Join(out, " "), atom: len(out) == 1}
	case *jinja.Cond:
		no := val{text: `""`, atom: true}
		if x.Else != nil {
			no = w.setting(x.Else)
		}
		return val{text: "ternary " + w.setting(x.Then).operand() + " " + no.operand() + " " + w.bool(x.When)}
	}
	return w.expr(x)
}

func (w *writer) elements(x jinja.Expr) []jinja.Expr {
	switch x := x.(type) {
	case *jinja.List:
		return x.Items
	case *jinja.Tuple:
		return x.Items
	}
	return nil
}

// outside are functions that ask the warehouse, or dbt itself, while a template is compiled.
var outside = map[string]string{
	"run_query": "the warehouse is asked while models are compiled", "statement": "the warehouse is asked while models are compiled",
	"load_result": "the warehouse is asked while models are compiled", "load_relation": "the warehouse is asked while models are compiled",
	"fromyaml": "fromyaml is not there: write a list or a dictionary", "toyaml": "toyaml is not there", "caller": "there is no call block around",
	"render": "render is not there", "submit_python_job": "Python models are not there", "diff_of_two_dicts": "dbt's own", "metric": "metrics are not there",
	"doc": "doc belongs into descriptions", "super": "templates do not inherit",
}

func (w *writer) call(x *jinja.Call) val {
	switch fn := x.Fn.(type) {
	case *jinja.Name:
		if w.scope.find(fn.Name) == nil {
			return w.function(x, fn.Name)
		}
		if fn.Name == "caller" && w.inMacro != nil {
			if len(x.Args)+len(x.Keywords) > 0 {
				return w.refused(x, "caller with arguments: make the text a macro of its own")
			}
			return val{text: "$caller", atom: true}
		}
	case *jinja.Attr:
		if v, ok := w.module(x, fn); ok {
			return v
		}
		if n, ok := fn.X.(*jinja.Name); ok && w.scope.find(n.Name) == nil {
			if v, ok := w.member(x, n.Name, fn.Name.Name); ok {
				return v
			}
		}
		args, ok := w.arguments(x.Arguments)
		if !ok {
			return w.refused(x, "*args and **kwargs of a method")
		}
		v := w.mutable(fn.X)
		t := unknown
		if v.typ == str || isText(fn.X) {
			switch fn.Name.Name {
			case "upper", "lower", "strip", "lstrip", "rstrip", "replace", "title", "capitalize", "join", "format", "zfill":
				t = str
			}
			switch {
			case fn.Name.Name == "upper" && args == "", fn.Name.Name == "lower" && args == "":
				return val{text: fn.Name.Name + " " + v.operand(), typ: str}
			case fn.Name.Name == "strip" && args == "":
				return val{text: "trim " + v.operand(), typ: str}
			}
		}
		return val{text: "py_call " + v.operand() + " " + quoted(fn.Name.Name) + args, typ: t}
	case *jinja.Call: // adapter.dispatch('name', 'package')(…)
		if name, _, ok := dispatched(fn); ok {
			if m, ok := w.dispatch(x); ok {
				return w.include(x, m)
			}
			return w.refused(x, "there is no macro %s for %s", name, w.Adapter)
		}
	}
	return w.refused(x, "what is called here is not known")
}

// dispatch finds the macro of adapter.dispatch('name')(…).
func (w *writer) dispatch(x *jinja.Call) (Macro, bool) {
	fn, ok := x.Fn.(*jinja.Call)
	if !ok {
		return Macro{}, false
	}
	name, pkg, ok := dispatched(fn)
	if !ok {
		return Macro{}, false
	}
	for _, prefix := range []string{w.Adapter + "__", "default__", ""} {
		if m, ok := w.Context.Macro(pkg, prefix+name); ok {
			return m, true
		}
	}
	return Macro{}, false
}

func isText(x jinja.Expr) bool { _, ok := x.(*jinja.String); return ok }

// dispatched reads adapter.dispatch('name', macro_namespace='package').
func dispatched(x *jinja.Call) (name, pkg string, ok bool) {
	attr, ok := x.Fn.(*jinja.Attr)
	if !ok || attr.Name.Name != "dispatch" {
		return "", "", false
	}
	text := func(x jinja.Expr) string {
		if s, ok := x.(*jinja.String); ok {
			return s.Value
		}
		return ""
	}
	if len(x.Args) > 0 {
		name = text(x.Args[0])
	}
	if len(x.Args) > 1 {
		pkg = text(x.Args[1])
	}
	for _, k := range x.Keywords {
		switch k.Name.Name {
		case "macro_name":
			name = text(k.Value)
		case "macro_namespace":
			pkg = text(k.Value)
		}
	}
	return name, pkg, name != ""
}

// function is a call of a name.
func (w *writer) function(x *jinja.Call, name string) val {
	if m, ok := w.Context.Macro("", name); ok { // an own macro hides dbt's
		return w.include(x, m)
	}
	operands := func() []string {
		var out []string
		for _, a := range x.Args {
			out = append(out, w.expr(a).operand())
		}
		return out
	}
	switch name {
	case "ref":
		args := operands()
		if len(args) == 2 { // the package goes: everything is one project
			args = args[1:]
		}
		for _, k := range x.Keywords {
			if k.Name.Name == "v" || k.Name.Name == "version" {
				args = append(args, `"v"`, w.expr(k.Value).operand())
			}
		}
		if len(args) == 0 {
			return w.refused(x, "ref names no model")
		}
		return val{text: "ref " + strings.Join(args, " "), typ: str}
	case "source":
		if len(x.Args) != 2 {
			return w.refused(x, "source wants the name of a source and of a table")
		}
		return val{text: "source " + strings.Join(operands(), " "), typ: str}
	case "var":
		return w.variable(x)
	case "env_var":
		if len(x.Args) == 0 {
			return w.refused(x, "env_var names no variable")
		}
		return val{text: "env_var " + strings.Join(operands(), " "), typ: str}
	case "is_incremental":
		return val{text: "is_incremental", typ: boolean, atom: true}
	case "range":
		return w.rangeCall(x)
	case "namespace", "dict":
		out := "dict"
		if name == "dict" {
			out = "py_dict"
		}
		for _, k := range x.Keywords {
			out += " " + quoted(k.Name.Name) + " " + w.mutable(k.Value).operand()
		}
		if len(x.Args) > 0 {
			return w.refused(x, "%s of a value", name)
		}
		if name == "namespace" {
			return val{text: out, typ: space}
		}
		return val{text: out}
	case "set", "set_strict", "zip", "zip_strict", "fromjson", "tojson", "local_md5":
		args, ok := w.arguments(x.Arguments)
		if !ok {
			return w.refused(x, "*args and **kwargs of %s", name)
		}
		out := val{text: "py_func " + quoted(name) + args}
		if name == "local_md5" || name == "tojson" && len(x.Args) == 1 {
			out.typ = str
		}
		return out
	case "config", "log", "print", "debug":
		return val{text: `""`, typ: str, atom: true}
	case "return":
		return val{text: w.returned(x), typ: str}
	case "should_full_refresh":
		return val{text: "not is_incremental", typ: boolean}
	}
	if why := outside[name]; why != "" {
		return w.refused(x, "%s: %s", name, why)
	}
	return w.refused(x, "there is no macro %s", name)
}

// variable is var('x', default). What is printed of it depends on what it holds.
func (w *writer) variable(x *jinja.Call) val {
	if len(x.Args) == 0 {
		return w.refused(x, "var names no variable")
	}
	name := w.expr(x.Args[0])
	out := val{text: "var " + name.operand()}
	kind := func(v any) typ {
		switch v := v.(type) {
		case string:
			return str
		case int, int64:
			return whole
		case bool:
			return boolean
		case []any:
			all := texts
			for _, i := range v {
				if _, ok := i.(string); !ok {
					all = items
				}
			}
			return all
		}
		return unknown
	}
	have, known := any(nil), false
	if s, ok := x.Args[0].(*jinja.String); ok {
		if have, known = w.Vars[s.Value]; known {
			if inner, ok := relationOf(have); ok { // dbt renders it where it is asked for
				return w.expr(inner)
			}
		}
	}
	other := x.Args[1:]
	for _, k := range x.Keywords {
		if k.Name.Name == "default" {
			other = []jinja.Expr{k.Value}
		}
	}
	if known {
		out.typ = kind(have)
	}
	if len(other) > 0 {
		d := w.setting(other[0])
		if _, none := other[0].(*jinja.None); none {
			d = val{text: "py_none"}
		}
		out.text += " " + d.operand()
		switch {
		case !known:
			out.typ = d.typ
		case out.typ != d.typ:
			out.typ = unknown
		}
		if out.typ == boolean || out.typ == whole || out.typ == texts || out.typ == ints || out.typ == items {
			if !known { // whoever sets it may give something else
				out.typ = unknown
			}
		}
	}
	switch out.typ {
	case texts:
		out.elem = str
	}
	return out
}

// relationOf is the expression that a variable's text is, where it is one output that names a
// relation: packages hand over tables in this way.
func relationOf(v any) (jinja.Expr, bool) {
	s, ok := v.(string)
	if !ok || !strings.Contains(s, "{{") {
		return nil, false
	}
	t, list := jinja.Parse(source.NewFile(projectFile, []byte(strings.TrimSpace(s))))
	if list != nil || len(t.Body) != 1 {
		return nil, false
	}
	out, ok := t.Body[0].(*jinja.Output)
	if !ok {
		return nil, false
	}
	call, ok := out.X.(*jinja.Call)
	if !ok {
		return nil, false
	}
	name, ok := call.Fn.(*jinja.Name)
	return out.X, ok && (name.Name == "ref" || name.Name == "source")
}

// member is a call of a function of dbt's, of a package or of a module.
func (w *writer) member(x *jinja.Call, owner, name string) (val, bool) {
	switch owner {
	case "adapter":
		switch name {
		case "quote":
			if len(x.Args) == 1 {
				mark := w.quote()
				v := w.expr(x.Args[0])
				if v.typ == str {
					return val{text: "printf " + quoted(mark+"%v"+mark) + " " + v.operand(), typ: str}, true
				}
				return val{text: "py_concat " + quoted(mark) + " " + v.operand() + " " + quoted(mark), typ: str}, true
			}
		case "get_columns_in_relation":
			if len(x.Args) == 1 {
				return val{text: "columns " + w.expr(x.Args[0]).operand(), typ: items}, true
			}
		case "dispatch":
			return w.refused(x, "what dispatch finds is not called"), true
		}
		return w.refused(x, "adapter.%s asks the warehouse while models are compiled", name), true
	case "builtins":
		return w.function(x, name), true
	case "exceptions":
		return val{text: "fail " + w.message(x), typ: str}, true
	case "config":
		if (name == "get" || name == "require") && len(x.Args) > 0 && w.own != nil {
			if key, ok := x.Args[0].(*jinja.String); ok {
				if v := w.own[key.Value]; v != nil && pure(v) {
					return w.expr(v), true
				}
			}
		}
		return w.refused(x, "config.%s: templates read no configuration that stands elsewhere; use a var", name), true
	case "loop":
		if name == "cycle" && len(w.loops) > 0 && len(x.Args) > 0 && len(x.Keywords) == 0 {
			return val{text: fmt.Sprintf("py_item %s (mod %s %d)", w.list(x.Args).operand(), w.loops[len(w.loops)-1].index, len(x.Args))}, true
		}
	case "modules", "api", "graph", "model", "flags", "context", "this", "target":
		return w.refused(x, "templates have no %s.%s", owner, name), true
	}
	if m, ok := w.Context.Macro(owner, name); ok {
		return w.include(x, m), true
	}
	if owner == w.Project {
		return w.function(x, name), true
	}
	return w.refused(x, "there is no macro %s.%s: its package is not installed, or it has no counterpart", owner, name), true
}

// dotted is a chain of attributes of a name: modules.re.match.
func (w *writer) dotted(x jinja.Expr) string {
	switch x := x.(type) {
	case *jinja.Name:
		v := w.scope.find(x.Name)
		if v == nil {
			return x.Name
		}
		return v.path
	case *jinja.Attr:
		if before := w.dotted(x.X); before != "" {
			return before + "." + x.Name.Name
		}
	}
	return ""
}

// clocks are functions of datetime that say what it is now.
var clocks = []string{"now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp"}

// columnTypes are what api.Column.translate_type makes of names, by the adapter.
var columnTypes = map[string]map[string]string{
	"duckdb":   {"STRING": "TEXT", "TIMESTAMP": "TIMESTAMP", "FLOAT": "FLOAT", "INTEGER": "INT", "BOOLEAN": "BOOLEAN"},
	"postgres": {"STRING": "TEXT", "TIMESTAMP": "TIMESTAMP", "FLOAT": "FLOAT", "INTEGER": "INT", "BOOLEAN": "BOOLEAN"},
	"bigquery": {"TEXT": "STRING", "FLOAT": "FLOAT64", "INTEGER": "INT64"},
}

// module is a call of a function of modules or of api.
func (w *writer) module(x *jinja.Call, fn *jinja.Attr) (val, bool) {
	path := w.dotted(fn)
	if name, ok := strings.CutPrefix(path, "modules."); ok {
		if slices.Contains(clocks, fn.Name.Name) {
			return w.refused(x, "%s is another one in every run; use current_timestamp in SQL, or a var", path), true
		}
		if !slices.Contains(python.Functions(), name) || !strings.Contains(name, ".") {
			return w.refused(x, "templates have no %s", path), true
		}
		args, ok := w.arguments(x.Arguments)
		if !ok {
			return w.refused(x, "*args and **kwargs of %s", path), true
		}
		return val{text: "py_func " + quoted(name) + args}, true
	}
	switch path {
	case "api.Relation.create":
		parts := map[string]string{}
		for _, k := range x.Keywords {
			parts[k.Name.Name] = w.expr(k.Value).operand()
		}
		if len(x.Args) > 0 || parts["identifier"] == "" || x.Star != nil || x.Stars != nil {
			return w.refused(x, "a relation without an identifier"), true
		}
		out := "py_relation " + quoted(w.quote())
		for _, name := range []string{"database", "schema", "identifier"} {
			if parts[name] != "" {
				out += " " + parts[name]
			}
		}
		return val{text: out, typ: str}, true
	case "api.Column.translate_type":
		if s, ok := first(x.Args).(*jinja.String); ok && len(x.Args) == 1 && columnTypes[w.Adapter] != nil {
			name := s.Value
			if to := columnTypes[w.Adapter][strings.ToUpper(name)]; to != "" {
				name = to
			}
			return val{text: quoted(name), typ: str, atom: true}, true
		}
	}
	return val{}, false
}

func first(list []jinja.Expr) jinja.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// quote is the mark around names of the target.
func (w *writer) quote() string {
	if w.Adapter == "bigquery" || w.Adapter == "databricks" || w.Adapter == "spark" {
		return "`"
	}
	return `"`
}

// include is a call of a macro, its arguments by name.
func (w *writer) include(x *jinja.Call, m Macro) val {
	caller := w.caller
	w.caller = ""
	if w.inMacro != nil && w.calls == m.Name {
		return w.refused(x, "the macro %s calls itself", m.Name)
	}
	known := func(k jinja.Keyword) bool { return slices.Contains(m.Params, k.Name.Name) }
	if x.Star != nil || x.Stars != nil || m.Open && (len(x.Args) > len(m.Params) || !all(x.Keywords, known)) {
		return w.openly(x, m, caller)
	}
	if len(x.Args) > len(m.Params) {
		return w.refused(x, "the macro %s takes %d arguments, not %d", m.Name, len(m.Params), len(x.Args))
	}
	out := "include " + quoted(m.Name)
	var args []string
	given := map[string]typ{}
	arg := func(name string, x jinja.Expr) {
		v := w.expr
		if !m.Unchanged[name] {
			v = w.mutable
		}
		a := v(x)
		given[name] = a.typ
		args = append(args, quoted(name)+" "+a.operand())
	}
	for i, a := range x.Args {
		arg(m.Params[i], a)
	}
	for _, k := range x.Keywords {
		arg(k.Name.Name, k.Value)
	}
	if w.Called != nil {
		w.Called(m.Name, given)
	}
	if caller != "" {
		args = append(args, `"caller" (`+caller+")")
	}
	if len(args) > 0 {
		out += " (dict " + strings.Join(args, " ") + ")"
	}
	if m.Value {
		return val{text: out}
	}
	return val{text: out, typ: str}
}

func all[T any](list []T, f func(T) bool) bool {
	return !slices.ContainsFunc(list, func(x T) bool { return !f(x) })
}

// openly calls a macro with arguments whose number or names are not known here, or that it has no
// parameters for.
func (w *writer) openly(x *jinja.Call, m Macro, caller string) val {
	if w.Called != nil {
		w.Called(m.Name, nil)
	}
	out := "include " + quoted(m.Name) + " (py_args (list"
	for _, p := range m.Params {
		out += " " + quoted(p)
	}
	out += ")"
	if len(x.Args) > 0 {
		out += " (py_list"
		for _, a := range x.Args {
			out += " " + w.mutable(a).operand()
		}
		out += ")"
	}
	if x.Star != nil {
		out += " " + w.expr(x.Star).operand()
	}
	if len(x.Keywords) > 0 || caller != "" {
		out += " (py_dict"
		for _, k := range x.Keywords {
			out += " " + quoted(k.Name.Name) + " " + w.mutable(k.Value).operand()
		}
		if caller != "" {
			out += ` "caller" (` + caller + ")"
		}
		out += ")"
	}
	if x.Stars != nil {
		out += " " + w.expr(x.Stars).operand()
	}
	out += ")"
	if m.Value {
		return val{text: out}
	}
	return val{text: out, typ: str}
}
