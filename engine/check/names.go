package check

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// naming compares names with the patterns of the narrowest scope.
func naming(p *pass) {
	for _, n := range p.nodes(addr.Model, addr.Seed, addr.Snapshot, addr.Source) {
		name := n.ID.Name
		if n.Source != nil {
			name = n.Source.Table.V
		}
		if n.Version != nil {
			name = n.Version.Model
		}
		for _, w := range p.patterns {
			if !w.has(n) {
				continue
			}
			fits := len(w.fit) == 0
			for _, re := range w.fit {
				fits = fits || re.MatchString(name)
			}
			if !fits {
				p.report(n, diag.Diagnostic{Message: fmt.Sprintf("the name %q does not look like %s", name, strings.Join(w.words, " or ")), Help: fmt.Sprintf("names in %s look like this", w.text)})
			}
			break
		}
	}
}

// booleanNaming looks at the names of booleans where they first appear.
func booleanNaming(p *pass) {
	for _, n := range p.nodes(addr.Model, addr.Snapshot) {
		for _, c := range n.Columns {
			if !isBool(c) || inherited(p.program, n, c.Name) || slices.ContainsFunc(p.words("prefixes"), func(prefix string) bool {
				return len(c.Name) >= len(prefix) && strings.EqualFold(c.Name[:len(prefix)], prefix)
			}) {
				continue
			}
			d := diag.Diagnostic{Message: fmt.Sprintf("the boolean %q does not begin with %s", c.Name, strings.Join(p.words("prefixes"), " or ")), Help: "rename it here; engine lineage --down shows its readers"}
			if c.Declared {
				d.At = c.At
			}
			p.report(n, d)
		}
	}
}

func isBool(c compile.Column) bool {
	if c.Google != nil {
		return c.Google.Kind == ir.Bool
	}
	return strings.EqualFold(c.Type, "BOOLEAN") || strings.EqualFold(c.Type, "BOOL")
}

// inherited reports whether a model read by n has a column of that name already.
func inherited(p *compile.Program, n *compile.Node, name string) bool {
	for _, id := range n.Parents {
		parent := p.Nodes[id]
		if parent != nil && id.Kind == addr.Model && slices.ContainsFunc(parent.Columns, func(c compile.Column) bool { return strings.EqualFold(c.Name, name) }) {
			return true
		}
	}
	return false
}

// hardCoded finds tables of this project named in SQL of the target's own.
func hardCoded(p *pass) {
	nodes := slices.DeleteFunc(p.nodes(addr.Model, addr.Snapshot), func(n *compile.Node) bool { return n.Dialect == project.GoogleSQL })
	if len(nodes) == 0 {
		return
	}
	known := map[string][]addr.Node{}
	for _, id := range p.program.Order {
		n := p.program.Nodes[id]
		if n.Relation.IsZero() || n.Config.Materialized == "ephemeral" {
			continue
		}
		r := n.Relation
		for _, path := range [][]string{{r.Database, r.Schema, r.Name}, {r.Schema, r.Name}, {r.Name}} {
			if path[0] != "" {
				key := strings.ToLower(strings.Join(path, "\x00"))
				known[key] = append(known[key], id)
			}
		}
	}
	// Reading the text of all models takes longest by far of all that rules do.
	found := make([]diag.List, len(nodes))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(nodes)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(nodes)); i = next.Add(1) - 1 {
				found[i] = hardCodedIn(p.program, nodes[i], known)
			}
		})
	}
	wg.Wait()
	for i, list := range found {
		for _, d := range list {
			p.report(nodes[i], d)
		}
	}
}

// hardCodedIn finds tables of this project that the text of n names; known are the nodes by
// the parts of their relations' names.
func hardCodedIn(p *compile.Program, n *compile.Node, known map[string][]addr.Node) diag.List {
	var ds diag.List
	for _, t := range tablesNamed(n.Text) {
		ids := known[strings.ToLower(strings.Join(t.path, "\x00"))]
		if len(ids) == 0 || len(ids) > 1 && len(t.path) == 1 {
			continue
		}
		at, ok := n.TextMap.At(t.start, t.end)
		if !ok || at.File != n.File || at.Text() != n.Text[t.start:t.end] {
			continue // written by a reference, or part of an ephemeral model
		}
		read := p.Nodes[ids[0]]
		if read.ID == n.ID {
			continue
		}
		call := fmt.Sprintf("{{ ref %q }}", read.ID.Name)
		if read.Version != nil {
			call = read.Version.Call()
		}
		if read.Source != nil {
			call = fmt.Sprintf("{{ source %q %q }}", read.Source.SourceName.V, read.Source.Table.V)
		}
		ds.Add(diag.Diagnostic{Message: fmt.Sprintf("%q is what %s makes", at.Text(), read.ID), At: at, Help: "write " + call, Edits: []source.Edit{{At: at, New: call}}})
	}
	return ds
}

// tableName is a path in a place where SQL names a table.
type tableName struct {
	path       []string
	start, end int
}

// tablesNamed finds the tables that the target's own SQL names, but for common table
// expressions.
func tablesNamed(text string) []tableName {
	var tokens []sql.Token
	var keywords []string // in lower case, "" for what is no word
	for t := range sql.Standard.Tokens(text) {
		if t.Kind == sql.Space || t.Kind == sql.Comment {
			continue
		}
		word := ""
		if t.Kind == sql.Word {
			word = strings.ToLower(t.In(text))
		}
		tokens, keywords = append(tokens, t), append(keywords, word)
	}
	is := func(i int, words ...string) bool {
		return i >= 0 && i < len(tokens) && keywords[i] != "" && slices.Contains(words, keywords[i])
	}
	punct := func(i int, c byte) bool {
		return i >= 0 && i < len(tokens) && tokens[i].Kind == sql.Punct && text[tokens[i].Start] == c
	}
	name := func(i int) string {
		if i < 0 || i >= len(tokens) {
			return ""
		}
		switch t := tokens[i]; t.Kind {
		case sql.Word:
			return t.In(text)
		case sql.Quoted:
			return strings.ReplaceAll(strings.Trim(t.In(text), `"`), `""`, `"`)
		}
		return ""
	}
	ctes := map[string]bool{}
	for i := range tokens {
		if is(i, "as") && (punct(i+1, '(') || is(i+1, "materialized", "not")) && name(i-1) != "" {
			ctes[strings.ToLower(name(i-1))] = true
		}
	}
	var out []tableName
	listed := []bool{false} // per open parenthesis: inside FROM
	for i := 0; i < len(tokens); i++ {
		top := len(listed) - 1
		begins := false
		switch {
		case punct(i, '('):
			begins = listed[top] && (is(i-1, "from", "join") || punct(i-1, ','))
			listed = append(listed, begins)
		case punct(i, ')') && top > 0:
			listed = listed[:top]
		case is(i, "from") && !is(i-1, "distinct") && !punct(i-1, '.'):
			begins = !insideCall(tokens, text, i)
			listed[top] = begins
		case is(i, "join"):
			begins = true
		case punct(i, ','):
			begins = listed[top]
		case is(i, "where", "group", "having", "qualify", "window", "order", "limit", "union", "intersect", "except", "select"):
			listed[top] = false
		}
		if !begins || name(i+1) == "" || is(i+1, "lateral", "unnest", "select", "values") {
			continue
		}
		t := tableName{path: []string{name(i + 1)}, start: tokens[i+1].Start, end: tokens[i+1].End}
		j := i + 2
		for punct(j, '.') && name(j+1) != "" {
			t.path, t.end = append(t.path, name(j+1)), tokens[j+1].End
			j += 2
		}
		if punct(j, '(') || len(t.path) == 1 && ctes[strings.ToLower(t.path[0])] {
			continue // a function, or a common table expression
		}
		out = append(out, t)
	}
	return out
}

// insideCall reports whether the FROM at token i belongs to extract(… from …) and its kin:
// its parenthesis opens a call.
func insideCall(tokens []sql.Token, text string, i int) bool {
	depth := 0
	for j := i - 1; j >= 0; j-- {
		if tokens[j].Kind == sql.Punct {
			switch text[tokens[j].Start] {
			case ')':
				depth++
			case '(':
				if depth--; depth < 0 {
					return j > 0 && tokens[j-1].Kind == sql.Word && (tokens[j-1].Is(text, "extract") || tokens[j-1].Is(text, "trim") || tokens[j-1].Is(text, "substring") || tokens[j-1].Is(text, "overlay"))
				}
			}
		}
		if depth == 0 && tokens[j].Is(text, "select") {
			return false
		}
	}
	return false
}
