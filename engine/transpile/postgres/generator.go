package postgres

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
	names    int               // of inner FROM items and placeholders
	args     map[string]string // of a function being written, by lower-case name
	flat     []string          // the elements that FLATTEN paths read
	// grouped are the texts of aggregate and window calls written so far: they must not
	// move into a subquery, whose rows they would then count.
	grouped []string
}

func (g *generator) zone() string {
	if g.opt.Zone == "" {
		return "UTC"
	}
	return g.opt.Zone
}

// refuse notes a refusal and gives a text that keeps the rest well formed.
func (g *generator) refuse(what, why string, at ir.Span) string {
	g.refusals = append(g.refusals, &transpile.Refusal{Target: "postgres", What: what, Why: why, At: at})
	return "NULL"
}

// function calls a function of the run time.
func (g *generator) function(name string, args ...string) string {
	g.needs[Schema+"."+name] = true
	return Schema + "." + name + "(" + strings.Join(args, ", ") + ")"
}

// needed are all run-time names, those that functions call included.
func (g *generator) needed() []string {
	all := map[string]bool{}
	var direct []string
	for n := range g.needs {
		all[n] = true
		direct = append(direct, n)
	}
	for _, f := range Close(direct) {
		for _, n := range f.Needs {
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

// let computes a text once for a body that uses it several times. A short text is
// repeated, as is one that holds an aggregate or window call; another one becomes the
// column of a subquery.
func (g *generator) let(text string, body func(string) string) string {
	plain := transpile.Plain(text)
	if simple(plain) || g.holdsGroup(plain) {
		if random(plain) {
			g.refuse("a random value within an aggregate", "it cannot be computed once there", ir.Span{})
		}
		return body(transpile.Operand(text))
	}
	v := g.name("_v")
	return "(SELECT " + body(v+".v") + " FROM (SELECT " + text + " AS v) AS " + v + ")"
}

// name makes a name no other FROM item has.
func (g *generator) name(prefix string) string {
	g.names++
	return prefix + strconv.Itoa(g.names)
}

// holdsGroup reports whether a text holds an aggregate or window call of its own query.
func (g *generator) holdsGroup(plain string) bool {
	for _, t := range g.grouped {
		if strings.Contains(plain, t) {
			return true
		}
	}
	return false
}

func simple(plain string) bool {
	return len(plain) <= repeatable && !strings.Contains(plain, "(") && !strings.Contains(plain, "[")
}

// random reports whether a text may differ from one evaluation to the next.
func random(plain string) bool {
	return strings.Contains(plain, "random()") || strings.Contains(plain, "gen_random_uuid()")
}

func itoa(i int) string { return strconv.Itoa(i) }
