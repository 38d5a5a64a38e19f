package postgres

import (
	"sort"
	"strings"
	"sync"
)

// Schema is the schema of a database that holds the run time.
const Schema = "_engine"

// Function is a function or type of the run time.
type Function struct {
	Name string // without schema
	// SQL creates it. For a function: CREATE OR REPLACE FUNCTION …; for a type a block that
	// creates it if it does not exist.
	SQL string
	// Signature is a function with its parameters, as COMMENT ON FUNCTION names it; "" for a
	// type, whose name tells one form from another.
	Signature string
	Aggregate bool
	// Needs are the run-time names (see transpile.Result.Needs) it uses itself.
	Needs []string
}

// routine is a function as a table lists it. One name may stand for several with other
// parameters. Its text calls others as _engine.name(…).
type routine struct {
	name   string
	params string // "x bigint, y bigint"
	result string // "bigint"
	body   string // an expression, or with block a PL/pgSQL block
	block  bool
	fold   string // of an aggregate: the strict function that makes a state of a state and a value
	strict bool   // NULL for a NULL argument although it takes any type
	volat  string // "" is IMMUTABLE
	set    string // "extra_float_digits = 0"
}

func (r routine) sql() string {
	if r.fold != "" {
		return "CREATE OR REPLACE AGGREGATE " + Schema + "." + r.name + "(" + r.params + ") (STYPE = " + r.result + ", SFUNC = " + r.fold + ")"
	}
	language, body := "sql", "SELECT "+r.body
	if r.block {
		language, body = "plpgsql", r.body
	}
	volat := r.volat
	if volat == "" {
		volat = "IMMUTABLE"
	}
	// A function is NULL if an argument is. Functions in SQL must not say so, or they would
	// not be written into the query; those that take a value to stand for a type are not.
	if r.block && (!strings.Contains(r.params, "anyelement") || r.strict) {
		volat += " STRICT"
	}
	if r.set != "" {
		volat += " SET " + r.set
	}
	return "CREATE OR REPLACE FUNCTION " + Schema + "." + r.name + "(" + r.params + ") RETURNS " + r.result +
		" LANGUAGE " + language + " " + volat + " AS $engine$" + body + "$engine$"
}

// Failure begins the message of an error that the run time raises itself. Its SQLSTATE
// is 22000 (data exception), so that what catches errors of data catches it.
const Failure = "engine: "

// raise is a PL/pgSQL statement that fails with a message, an expression of type text.
func raise(message string) string {
	return "RAISE EXCEPTION USING ERRCODE = '22000', MESSAGE = '" + Failure + "' || coalesce(" + message + ", 'NULL');"
}

// Functions lists all functions by name, each after those it needs.
func Functions() []Function { return allFunctions().ordered }

// Close gives the functions and types of the names and all that they need in turn, in
// the order of creation.
func Close(needs []string) []Function {
	all := allFunctions()
	want := map[string]bool{}
	types := map[string]Function{}
	var visit func(string)
	visit = func(n string) {
		if name, _, ok := strings.Cut(n, " AS ("); ok {
			types[name] = structFunction(n)
			return
		}
		name := strings.TrimPrefix(n, Schema+".")
		if want[name] || all.needs[name] == nil {
			return
		}
		want[name] = true
		for _, k := range all.needs[name] {
			visit(k)
		}
	}
	for _, n := range needs {
		if strings.HasPrefix(n, Schema+".") {
			visit(n)
		}
	}
	var out []Function
	// A type that another one holds comes first.
	names := make([]string, 0, len(types))
	for n := range types {
		names = append(names, n)
	}
	sort.Strings(names)
	done := map[string]bool{}
	var add func(string)
	add = func(n string) {
		if done[n] {
			return
		}
		done[n] = true
		for _, m := range names {
			if m != n && strings.Contains(types[n].SQL, m) {
				add(m)
			}
		}
		out = append(out, types[n])
	}
	for _, n := range names {
		add(n)
	}
	for _, f := range all.ordered {
		if want[f.Name] {
			out = append(out, f)
		}
	}
	return out
}

// structFunction makes the type of a need (see structType) unless it exists.
func structFunction(need string) Function {
	name, _, _ := strings.Cut(need, " AS (")
	return Function{
		Name: strings.TrimPrefix(name, Schema+"."),
		SQL:  "DO $engine$BEGIN IF to_regtype('" + name + "') IS NULL THEN CREATE TYPE " + need + "; END IF; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END$engine$",
	}
}

type functionSet struct {
	ordered []Function
	needs   map[string][]string // by name, of all its variants; not nil
}

var allFunctions = sync.OnceValue(func() functionSet {
	set := functionSet{needs: map[string][]string{}}
	listed := map[string][]routine{}
	var names []string
	for _, table := range routineTables() {
		for _, r := range table {
			if listed[r.name] == nil {
				names = append(names, r.name)
			}
			listed[r.name] = append(listed[r.name], r)
		}
	}
	sort.Strings(names)
	var add func(string)
	add = func(n string) {
		if set.needs[n] != nil {
			return
		}
		set.needs[n] = []string{}
		var made []Function
		for _, r := range listed[n] {
			f := Function{Name: n, SQL: r.sql(), Signature: Schema + "." + r.name + "(" + r.params + ")", Aggregate: r.fold != "", Needs: needsOf(r.body + r.fold + "(")}
			for _, k := range f.Needs {
				k = strings.TrimPrefix(k, Schema+".")
				if listed[k] == nil {
					panic("postgres: function " + n + " needs the unknown function " + k)
				}
				add(k)
			}
			set.needs[n] = append(set.needs[n], f.Needs...)
			made = append(made, f)
		}
		set.ordered = append(set.ordered, made...)
	}
	for _, n := range names {
		add(n)
	}
	return set
})

// needsOf finds the run-time names in a function's text.
func needsOf(body string) []string {
	seen := map[string]bool{}
	for at := 0; ; {
		i := strings.Index(body[at:], Schema+".")
		if i < 0 {
			break
		}
		i += at
		j := i + len(Schema) + 1
		for j < len(body) && (body[j] == '_' || body[j] >= 'a' && body[j] <= 'z' || body[j] >= '0' && body[j] <= '9') {
			j++
		}
		at = j
		if j < len(body) && body[j] == '(' {
			seen[body[i:j]] = true
		}
	}
	out := make([]string, 0, len(seen))
	for n := range seen {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// coreRoutines are what everything may use.
func coreRoutines() []routine {
	return []routine{
		{name: "fail", params: "message text, result anyelement", result: "anyelement", block: true, volat: "VOLATILE", body: "BEGIN " + raise("message") + " END"},
		// check gives x if the condition holds.
		{name: "check_that", params: "ok boolean, message text, x anyelement", result: "anyelement", block: true, body: "BEGIN IF NOT ok THEN " + raise("message") + " END IF; RETURN x; END"},
		// try evaluates a query of one value; an error of its data gives NULL.
		{name: "try", params: "query text, result anyelement", result: "anyelement", block: true, volat: "VOLATILE", body: "BEGIN EXECUTE query INTO result; RETURN result; EXCEPTION WHEN data_exception OR cardinality_violation THEN RETURN NULL; END"},
		{name: "fails", params: "query text", result: "boolean", block: true, volat: "VOLATILE", body: "BEGIN EXECUTE query; RETURN FALSE; EXCEPTION WHEN data_exception OR cardinality_violation THEN RETURN TRUE; END"},
	}
}
