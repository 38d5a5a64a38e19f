package duckdb

import (
	"sort"
	"strings"
	"sync"
)

// Schema is the schema of a DuckDB database that holds the macros.
const Schema = "_engine"

// Macro is one macro of the run time.
type Macro struct {
	Name string // without schema
	// SQL creates it: CREATE OR REPLACE MACRO _engine.name(…) AS …
	SQL string
	// Needs are the run-time names (see transpile.Result.Needs) it calls itself.
	Needs []string
}

// macro is a macro as a table of rules lists it. Its text calls other macros as
// _engine.name(…) and Go functions as engine_name(…); both are found in the text.
type macro struct {
	name   string
	params string // "x, y"
	body   string
}

// Failure begins the message of an error that a macro or a generated text raises
// itself: what follows up to the closing quote is the message in GoogleSQL's words.
//
// Such an error is a cast of the message to a type it is no value of. error() would
// read better, but is volatile: TRY, and with it SAFE and IFERROR, refuses it.
const Failure = "engine: "

// fail is an expression of a type, BOOLEAN, BIGINT, DOUBLE, DATE …, that always fails.
func fail(typ, message string) string {
	switch {
	case typ == "VARCHAR", typ == "BLOB", typ == "JSON", strings.HasPrefix(typ, "STRUCT"), strings.HasSuffix(typ, "[]"):
		return "CAST(CAST(NULLIF(CAST('" + Failure + "' || (" + message + ") AS BOOLEAN), TRUE) AS VARCHAR) AS " + typ + ")"
	}
	return "CAST('" + Failure + "' || (" + message + ") AS " + typ + ")"
}

// Macros lists all macros by name, each after those it needs.
func Macros() []Macro { return allMacros().ordered }

// Close gives the names and all that they need in turn, macros in the order of creation.
func Close(needs []string) []Macro {
	all := allMacros()
	want := map[string]bool{}
	var visit func(string)
	visit = func(n string) {
		m, ok := all.byName[strings.TrimPrefix(n, Schema+".")]
		if !ok || want[m.Name] {
			return
		}
		want[m.Name] = true
		for _, k := range m.Needs {
			visit(k)
		}
	}
	for _, n := range needs {
		if strings.HasPrefix(n, Schema+".") {
			visit(n)
		}
	}
	var out []Macro
	for _, m := range all.ordered {
		if want[m.Name] {
			out = append(out, m)
		}
	}
	return out
}

type macroSet struct {
	ordered []Macro
	byName  map[string]Macro
}

var allMacros = sync.OnceValue(func() macroSet {
	set := macroSet{byName: map[string]Macro{}}
	listed := map[string]macro{}
	var names []string
	for _, table := range macroTables() {
		for _, m := range table {
			if _, twice := listed[m.name]; twice {
				panic("duckdb: macro " + m.name + " is listed twice")
			}
			listed[m.name] = m
			names = append(names, m.name)
		}
	}
	sort.Strings(names)
	var add func(string)
	add = func(n string) {
		if _, done := set.byName[n]; done {
			return
		}
		m := listed[n]
		out := Macro{Name: n, SQL: "CREATE OR REPLACE MACRO " + Schema + "." + n + "(" + m.params + ") AS " + m.body, Needs: needsOf(m.body)}
		set.byName[n] = out
		for _, k := range out.Needs {
			if k, ok := strings.CutPrefix(k, Schema+"."); ok {
				if _, ok := listed[k]; !ok {
					panic("duckdb: macro " + n + " needs the unknown macro " + k)
				}
				add(k)
			}
		}
		set.ordered = append(set.ordered, out)
	}
	for _, n := range names {
		add(n)
	}
	return set
})

func macroNames() map[string]Macro { return allMacros().byName }

// needsOf finds the run-time names in a macro's text.
func needsOf(body string) []string {
	seen := map[string]bool{}
	for _, prefix := range []string{Schema + ".", "engine_"} {
		for at := 0; ; {
			i := strings.Index(body[at:], prefix)
			if i < 0 {
				break
			}
			i += at
			j := i + len(prefix)
			for j < len(body) && (body[j] == '_' || body[j] >= 'a' && body[j] <= 'z' || body[j] >= '0' && body[j] <= '9') {
				j++
			}
			at = j
			if i > 0 && (body[i-1] == '_' || body[i-1] >= 'a' && body[i-1] <= 'z') {
				continue
			}
			if j < len(body) && body[j] == '(' {
				seen[body[i:j]] = true
			}
		}
	}
	out := make([]string, 0, len(seen))
	for n := range seen {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}
