package duckdb

import (
	"sort"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// generator writes one statement.
type generator struct {
	opt      transpile.Options
	w        *transpile.Writer
	needs    map[string]bool
	refusals transpile.Refusals
	err      error
	names    int               // of lambda parameters
	args     map[string]string // of a function being written, by lower-case name
	flat     []string          // the elements that FLATTEN paths read
}

func (g *generator) zone() string {
	if g.opt.Zone == "" {
		return "UTC"
	}
	return g.opt.Zone
}

// refuse notes a refusal and gives a text that keeps the rest well formed.
func (g *generator) refuse(what, why string, at ir.Span) string {
	g.refusals = append(g.refusals, &transpile.Refusal{Target: "duckdb", What: what, Why: why, At: at})
	return "NULL"
}

func (g *generator) macro(name string, args ...string) string {
	g.needs[Schema+"."+name] = true
	return Schema + "." + name + "(" + strings.Join(args, ", ") + ")"
}

func (g *generator) function(name string, args ...string) string {
	g.needs["engine_"+name] = true
	return "engine_" + name + "(" + strings.Join(args, ", ") + ")"
}

// needed are all run-time names, those of macros' macros included.
func (g *generator) needed() []string {
	all := map[string]bool{}
	var direct []string
	for n := range g.needs {
		all[n] = true
		direct = append(direct, n)
	}
	for _, m := range Close(direct) {
		all[Schema+"."+m.Name] = true
		for _, n := range m.Needs {
			all[n] = true
		}
	}
	out := make([]string, 0, len(all))
	for n := range all {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// repeatable is the longest text that let repeats rather than names.
const repeatable = 40

// let computes a text once for a body that uses it several times. A short text
// without a subquery or a volatile function is repeated; another one becomes the
// parameter of a lambda over a list of one, except where it holds a subquery,
// which DuckDB does not allow there: that is repeated too, for it has no side effects.
func (g *generator) let(text string, body func(string) string) string {
	plain := transpile.Plain(text)
	if simple(plain) || strings.Contains(plain, "SELECT") && !volatile(plain) {
		return body(transpile.Operand(text))
	}
	g.names++
	v := "_v" + strconv.Itoa(g.names)
	inner := body(v)
	if strings.Contains(inner, "SELECT") {
		return body(transpile.Operand(text))
	}
	return "list_transform([" + text + "], lambda " + v + ": " + inner + ")[1]"
}

func simple(plain string) bool {
	return len(plain) <= repeatable && !strings.Contains(plain, "(") && !strings.Contains(plain, "[")
}

func volatile(plain string) bool {
	return random(plain) || strings.Contains(plain, "error(")
}

// random reports whether a text may differ from one evaluation to the next.
func random(plain string) bool {
	for _, f := range []string{"random()", "uuid()", "engine_keys_new_keyset(", "engine_keys_rotate_keyset(", "engine_keys_add_key_from_raw_bytes(", "engine_aead_encrypt("} {
		if strings.Contains(plain, f) {
			return true
		}
	}
	return false
}

func itoa(i int) string { return strconv.Itoa(i) }
