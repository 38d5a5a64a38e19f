package editor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/project"
)

var testList = regexp.MustCompile(`\.(data_tests|tests)\[\]$`)

var testBody = regexp.MustCompile(`\.(?:data_tests|tests)\[\]\.([^.\[\]]+)(\.config|\.arguments)?((?:\.[^.\[\]]+)?(?:\[\])?)$`)

// testsAt completes data tests: their names, arguments and configuration.
func (c *completer) testsAt(s spot) bool {
	if testList.MatchString(s.path) {
		column := strings.Contains(s.path, "columns[]")
		c.testNames(s, column)
		return true
	}
	m := testBody.FindStringSubmatch(s.path)
	if m == nil {
		return false
	}
	name, block, rest := m[1], m[2], strings.Trim(m[3], ".[]")
	if rest == "config" && block == "" {
		block, rest = ".config", ""
	}
	if rest == "" && s.key || strings.HasSuffix(s.path, name) && s.key || strings.HasSuffix(s.path, block) && block != "" && s.key {
		if block != ".config" {
			for i, a := range testArgs(name) {
				detail := "argument"
				if a.Required {
					detail = "argument, required"
				}
				c.key(s, a.Name, detail, a.Help, argShape(a), i)
			}
		}
		if block == "" {
			c.key(s, "config", "mapping", "severity, where, limit and other configuration", aMapping, 50)
			c.key(s, "name", "text", "name of the test", aScalar, 51)
			c.key(s, "description", "text", "what it is for", aScalar, 52)
		}
		if block == ".config" {
			for i, k := range project.TestConfigKeys {
				c.configKey(s, k, "", i)
			}
		}
		return true
	}
	key := rest
	if key == "" {
		key = s.last()
	}
	if k, ok := project.LookupKey(key, addr.Test); ok && block == ".config" {
		c.configValueOf(k)
		return true
	}
	switch key {
	case "to", "compare_model", "model":
		c.references(false, nil)
	case "field":
		if n := c.referred("to"); n != nil {
			for i, col := range c.book.columnsOf(n) {
				c.value(col.name, CompleteColumn, col.typ, columnDoc(col), i)
			}
		}
	case "values":
	default:
		if strings.Contains(key, "column") || key == "columns" || key == "group_by" || key == "contain" || key == "datepart" {
			if n := c.nodeOf(s); n != nil {
				for i, col := range c.book.columnsOf(n) {
					c.value(col.name, CompleteColumn, col.typ, columnDoc(col), i)
				}
			}
		}
		for _, a := range testArgs(name) {
			if a.Name == key && a.Type == datatest.Bool {
				c.words("true or false")
			}
		}
	}
	return true
}

// referred is the node that a key next to the place names.
func (c *completer) referred(key string) *compile.Node {
	lines := strings.Split(c.text[:c.at], "\n")
	for i := len(lines) - 1; i >= max(0, len(lines)-6); i-- {
		if _, v, ok := strings.Cut(lines[i], key+":"); ok {
			if n, called := c.calledBy(strings.TrimSpace(v)); called {
				return n
			}
		}
	}
	return nil
}

// calledBy is the node that ref('x') or source('a', 'b') at the beginning of a value names, nil
// where there is none; called says whether it is such a call.
func (c *completer) calledBy(value string) (n *compile.Node, called bool) {
	if i := strings.IndexByte(value, ')'); i >= 0 {
		value = value[:i+1]
	}
	fn, args, err := datatest.ParseRef(strings.Trim(value, `"'`))
	switch {
	case err != nil:
	case fn == "source" && len(args) > 1:
		return c.book.source(args[0], args[1]), true
	case fn == "ref":
		return c.book.ref(args), true
	}
	return nil, false
}

func argShape(a datatest.Arg) keyShape {
	if a.Type == datatest.List || a.Type == datatest.Names {
		return aList
	}
	return aScalar
}

// testArgs are the arguments of a test by its name or an alias.
func testArgs(name string) []datatest.Arg {
	k, ok := datatest.Lookup(name)
	if !ok {
		return nil
	}
	out := k.Args
	for _, a := range k.Aliases {
		if a.Name != name {
			continue
		}
		out = slices.Clone(out)
		for i := range out {
			for from, to := range a.Rename {
				if to == out[i].Name {
					out[i].Name = from
				}
			}
		}
		out = append(out, a.Args...)
	}
	return out
}

// testNames completes the names of tests, with the arguments that they need.
func (c *completer) testNames(s spot, column bool) {
	for i, k := range datatest.Kinds {
		if column && k.Level == datatest.OnRelation {
			continue
		}
		rank := i
		if !column && k.Level == datatest.OnColumn {
			rank += rankOuter
		}
		o := Completion{Label: k.Name, Kind: CompleteTest, Doc: testDoc(k), rank: rank}
		var needed []datatest.Arg
		for _, a := range k.Args {
			if a.Required {
				needed = append(needed, a)
			}
		}
		if len(needed) > 0 && !s.colon && !s.flow {
			var b strings.Builder
			b.WriteString(k.Name + ":")
			for n, a := range needed {
				fmt.Fprintf(&b, "\n%s%s: ", strings.Repeat(" ", s.extra+4), a.Name)
				if argShape(a) == aList {
					fmt.Fprintf(&b, "[${%d}]", n+1)
				} else {
					fmt.Fprintf(&b, "${%d}", n+1)
				}
			}
			o.Insert, o.Snippet = b.String(), true
			var names []string
			for _, a := range needed {
				names = append(names, a.Name)
			}
			o.Detail = strings.Join(names, ", ")
		}
		c.add(o)
	}
	for i, g := range c.book.project.Generics {
		c.add(Completion{Label: g.Name, Kind: CompleteTest, Detail: "of this project", Doc: genericDoc(g), rank: i - 1000})
	}
}

func testDoc(k datatest.Kind) string {
	out := k.Help
	for _, a := range k.Args {
		out += "\n\n`" + a.Name + "`"
		if a.Required {
			out += " (required)"
		}
		out += ": " + a.Help
	}
	return out
}

func genericDoc(g *project.File) string {
	if g.Source == nil {
		return ""
	}
	out := map[string]*macro{}
	readMacros(out, g.Source.Path, g.Name, string(g.Source.Data))
	if m := out[g.Name]; m != nil {
		return macroDoc(m)
	}
	return "`" + g.Source.Path + "`"
}

// unitTestAt completes the rows of unit tests.
func (c *completer) unitTestAt(s spot) bool {
	if !strings.HasPrefix(s.path, "unit_tests[]") {
		return false
	}
	model := c.book.byName()[c.nearText("model")]
	switch {
	case s.path == "unit_tests[].given[]" && s.key:
		for i, k := range []string{"input", "rows", "format", "fixture"} {
			sh := aScalar
			if k == "rows" {
				sh = aList
			}
			c.key(s, k, "", "", sh, i)
		}
	case s.path == "unit_tests[].expect" && s.key:
		for i, k := range []string{"rows", "format", "fixture"} {
			sh := aScalar
			if k == "rows" {
				sh = aList
			}
			c.key(s, k, "", "", sh, i)
		}
	case s.path == "unit_tests[].given[].rows[]" && s.key:
		n := model
		if in := c.nearText("input"); in != "this" {
			n = c.referred("input")
			if n == nil {
				n = c.referredUp("input")
			}
		}
		if n != nil {
			for i, col := range c.book.columnsOf(n) {
				c.key(s, col.name, col.typ, columnDoc(col), aScalar, i)
			}
		}
	case s.path == "unit_tests[].expect.rows[]" && s.key:
		if model != nil {
			for i, col := range c.book.columnsOf(model) {
				c.key(s, col.name, col.typ, columnDoc(col), aScalar, i)
			}
		}
	case strings.HasSuffix(s.path, ".input"):
		c.references(true, model)
	case strings.HasSuffix(s.path, ".format"):
		c.words("`dict`, `csv`, `sql`")
	case strings.HasSuffix(s.path, ".fixture"):
		for i, f := range c.book.project.Fixtures {
			c.value(f.Name, CompleteFile, f.Source.Path, "", i)
		}
	case s.path == "unit_tests[].overrides" && s.key:
		for i, k := range []string{"vars", "macros", "env_vars"} {
			c.key(s, k, "mapping", "", aMapping, i)
		}
	case s.path == "unit_tests[].overrides.vars" && s.key:
		for i, k := range namesOf(c.book.vars()) {
			c.key(s, k, short(fmt.Sprint(c.book.vars()[k])), "", aScalar, i)
		}
	default:
		return false
	}
	return true
}

// nearText is the value of the last «key:» in front of the place.
func (c *completer) nearText(key string) string {
	i := strings.LastIndex(c.text[:c.at], key+":")
	if i < 0 {
		return ""
	}
	v, _, _ := yamlScalar(c.text, i+len(key)+1, i+len(lineOf(c.text, i)))
	return strings.TrimRight(v, ",} ")
}

// referredUp is referred for a key that is further above.
func (c *completer) referredUp(key string) *compile.Node {
	n, _ := c.calledBy(c.nearText(key))
	return n
}
