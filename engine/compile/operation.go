package compile

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

// Statement is one statement of an operation, in the target's own language. Map leads back from
// its text to the template.
type Statement struct {
	SQL string
	Map *source.Map
	// Query: it returns rows.
	Query bool
}

// Operation renders the macro of a name with arguments, as «engine run-operation» does, and
// splits what it says into statements. whole keeps it in one piece, for warehouses that run
// scripts. No statement at all is no mistake.
func (p *Program) Operation(macro string, arguments map[string]any, whole bool) ([]Statement, diag.List) {
	text := "{{ include " + strconv.Quote(macro) + " . }}"
	return p.operation(source.NewFile("run-operation", []byte(text)), arguments, whole)
}

// Inline is Operation of a template's own text.
func (p *Program) Inline(name, text string, whole bool) ([]Statement, diag.List) {
	return p.operation(source.NewFile(name, []byte(text)), map[string]any{}, whole)
}

func (p *Program) operation(f *source.File, arguments map[string]any, whole bool) ([]Statement, diag.List) {
	text, ds := p.render(f, arguments)
	if ds.HasErrors() {
		return nil, ds
	}
	l := lexis(p.Target.Dialect.Name())
	starts := l.Statements(text.Body)
	if whole && len(starts) > 1 {
		starts = starts[:1]
	}
	var out []Statement
	for i, at := range starts {
		end := len(text.Body)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		s := Statement{SQL: text.Body[at:end], Map: text.Map.Slice(at, end)}
		if !whole || i == 0 && len(l.Statements(text.Body)) == 1 {
			s.SQL, s.Map = l.Trim(s.SQL, s.Map)
			s.Query = returnsRows(s.SQL)
		}
		out = append(out, s)
	}
	return out, nil
}

// querying are the first words of statements that return rows.
var querying = []string{"describe", "explain", "from", "pragma", "select", "show", "summarize", "table", "values", "with"}

func returnsRows(text string) bool {
	word := strings.TrimLeft(text, "( \t\r\n")
	if end := strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }); end >= 0 {
		word = word[:end]
	}
	return slices.Contains(querying, strings.ToLower(word))
}

// renderer renders a text that belongs to no node and may ask for what every node may.
func (c *compiler) renderer() func(f *source.File, data map[string]any) (tmpl.Text, diag.List) {
	again := &compiler{project: c.project, target: c.target, library: c.library, names: c.names, sources: c.sources, options: c.options, values: c.values}
	return func(f *source.File, data map[string]any) (tmpl.Text, diag.List) {
		t, ds := tmpl.Parse(f, again.library)
		if ds.HasErrors() {
			return tmpl.Text{}, ds
		}
		env := again.env(nil, again.target.Dialect)
		env.This, env.Data = nil, data
		return t.Render(env)
	}
}
