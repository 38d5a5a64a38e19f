package compile

import (
	"errors"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
)

// function is one CREATE FUNCTION of the project.
type function struct {
	text string
	m    *source.Map
	at   source.Span
	name string // lower case, the last part of a dotted one; empty if none was found
	// uses are the names of other functions of the project that the text mentions.
	uses []string
}

// readFunctions renders the files of functions and takes them apart into statements.
func (c *compiler) readFunctions() {
	for _, f := range c.project.Functions {
		if f.Broken {
			continue
		}
		t, ds := tmpl.Parse(f.Source, c.library)
		var text tmpl.Text
		if !ds.HasErrors() {
			rendered, found := t.Render(c.env(nil, c.spell(project.GoogleSQL)))
			text, ds = rendered, append(ds, found...)
		}
		c.diags.Add(ds...)
		if ds.HasErrors() {
			continue
		}
		starts := sql.GoogleSQL.Statements(text.Body)
		for i, start := range starts {
			end := len(text.Body)
			if i+1 < len(starts) {
				end = starts[i+1]
			}
			fn := function{at: f.Source.Whole()}
			fn.text, fn.m = sql.GoogleSQL.Trim(text.Body[start:end], text.Map.Slice(start, end))
			if span, ok := fn.m.At(0, 1); ok {
				fn.at = span
			}
			fn.name = functionName(fn.text)
			c.functions = append(c.functions, fn)
		}
	}
	names := make([]string, len(c.functions))
	for i, f := range c.functions {
		names[i] = f.name
	}
	for i := range c.functions {
		f := &c.functions[i]
		for name := range mentioned(f.text) {
			if name != f.name && slices.Contains(names, name) {
				f.uses = append(f.uses, name)
			}
		}
		slices.Sort(f.uses)
	}
	// A function may call those of other files: each after what it uses.
	c.functions = ordered(c.functions)
}

// functionName is the name that a CREATE FUNCTION gives.
func functionName(text string) string {
	found, name := false, ""
	for t := range sql.GoogleSQL.Tokens(text) {
		switch word := strings.ToLower(t.In(text)); {
		case t.Kind == sql.Space || t.Kind == sql.Comment:
		case !found:
			found = t.Kind == sql.Word && word == "function"
		case t.Kind == sql.Word && slices.Contains([]string{"if", "not", "exists"}, word) && name == "":
		case t.Kind == sql.Word || t.Kind == sql.Quoted:
			name = strings.Trim(word, "`")
		case word == ".":
		default:
			return name[strings.LastIndexByte(name, '.')+1:]
		}
	}
	return name
}

// mentioned are the words of a text in lower case.
func mentioned(text string) map[string]bool {
	out := map[string]bool{}
	for t := range sql.GoogleSQL.Tokens(text) {
		if t.Kind == sql.Word || t.Kind == sql.Quoted {
			out[strings.ToLower(strings.Trim(t.In(text), "`"))] = true
		}
	}
	return out
}

// ordered puts each function after those that it uses, as far as they do not go in circles.
func ordered(list []function) []function {
	var out []function
	state := map[int]bool{}
	var visit func(int)
	visit = func(i int) {
		if state[i] {
			return
		}
		state[i] = true
		for j, f := range list {
			if slices.Contains(list[i].uses, f.name) {
				visit(j)
			}
		}
		out = append(out, list[i])
	}
	for i := range list {
		visit(i)
	}
	return out
}

// functionTexts are the statements of the functions that a text calls, directly or not:
// part of what the text means.
func (c *compiler) functionTexts(text string) string {
	if len(c.functions) == 0 {
		return ""
	}
	words := mentioned(text)
	for again := true; again; {
		again = false
		for _, f := range c.functions {
			if !words[f.name] {
				continue
			}
			for _, u := range f.uses {
				again = again || !words[u]
				words[u] = true
			}
		}
	}
	var b strings.Builder
	for _, f := range c.functions {
		if words[f.name] {
			b.WriteString("\x00" + sql.GoogleSQL.Canonical(f.text))
		}
	}
	return b.String()
}

// checkFunctions declares the functions once, to find what is wrong with them.
func (c *compiler) checkFunctions() {
	if len(c.functions) == 0 || c.options.Google == nil || c.options.Google.Sessions == nil {
		return
	}
	_ = c.options.Google.Sessions.Do(func(s *googlesql.Session) error {
		c.taught.Store(s, true)
		for _, f := range c.functions {
			err := s.DeclareSQL(f.text)
			var mistakes googlesql.Errors
			switch {
			case err == nil:
			case errors.As(err, &mistakes):
				for _, e := range mistakes {
					c.diags.Add(c.mistake(query{text: f.text, m: f.m, at: f.at}, e))
				}
			default:
				c.diags.Add(functionRefused(f, err))
			}
		}
		return nil
	})
}

// teach makes the functions known to a session that has not seen them.
func (c *compiler) teach(s *googlesql.Session) {
	if len(c.functions) == 0 {
		return
	}
	if _, known := c.taught.LoadOrStore(s, true); known {
		return
	}
	for _, f := range c.functions {
		_ = s.DeclareSQL(f.text) // what is wrong has been reported
	}
}
