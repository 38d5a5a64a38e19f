package check

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// allowance is one rule that a comment allows: on one line, or in a whole file.
type allowance struct {
	rule diag.Code
	at   source.Span // the rule's name
	line int         // 0: the whole file
	used bool
}

// allowed are the allowances by file.
type allowed map[*source.File][]*allowance

// mark begins what a comment allows. A file without it is not looked at.
var mark = []byte("engine: allow")

var allowance1 = regexp.MustCompile(`engine: allow[ \t]+([^\s,]+(?:[ \t]*,[ \t]*[^\s,]+)*)([^\n]*)`)

// comment is a comment of a file: the bytes [start, end).
type comment struct{ start, end int }

// allowances reads the comments of all files, or those in the file of one node.
func allowances(p *compile.Program, own addr.Node) (allowed, diag.List) {
	out := allowed{}
	var ds diag.List
	seen := map[*source.File]bool{}
	look := func(f *source.File, lexis sql.Lexis) {
		if f == nil || seen[f] {
			return
		}
		seen[f] = true
		if !bytes.Contains(f.Data, mark) {
			return
		}
		list, more := allowancesIn(f, lexis)
		out[f] = list
		ds.Add(more...)
	}
	order := p.Order
	if !own.IsZero() {
		order = []addr.Node{own}
	}
	for _, id := range order {
		n := p.Nodes[id]
		lexis := sql.Standard
		if n.Dialect == project.GoogleSQL || n.Dialect == "bigquery" {
			lexis = sql.GoogleSQL
		}
		if n.Seed == nil {
			look(n.File, lexis)
		}
		if !own.IsZero() {
			return out, ds
		}
		if n.Props != nil {
			look(n.Props.At.File, lexis)
		}
		if n.Source != nil {
			look(n.Source.At.File, lexis)
		}
	}
	for _, f := range p.Project.Macros {
		look(f.Source, sql.GoogleSQL)
	}
	for _, e := range p.Project.Exposures {
		look(e.At.File, sql.Standard)
	}
	return out, ds
}

// allowancesIn reads the comments of one file.
func allowancesIn(f *source.File, lexis sql.Lexis) ([]*allowance, diag.List) {
	text := string(f.Data)
	var comments []comment
	if strings.HasSuffix(f.Path, ".yml") || strings.HasSuffix(f.Path, ".yaml") {
		comments = yamlComments(text)
	} else {
		comments = sqlComments(text, lexis)
	}
	// What is left without the comments tells which lines have code.
	code := []byte(text)
	for _, c := range comments {
		blank(code, c.start, c.end)
	}
	if !strings.HasSuffix(f.Path, ".yml") && !strings.HasSuffix(f.Path, ".yaml") {
		for _, c := range actions(string(code)) {
			blank(code, c.start, c.end) // a configuration in front is no code
		}
	}
	first := len(code) - len(bytes.TrimLeft(bytes.TrimPrefix(code, []byte("\uFEFF")), " \t\r\n"))
	var out []*allowance
	var ds diag.List
	for _, c := range comments {
		body := text[c.start:c.end]
		m := allowance1.FindStringSubmatchIndex(body)
		if m == nil {
			continue
		}
		line := f.Position(c.start).Line
		switch begin := f.Offset(line, 1); {
		case c.start < first:
			line = 0
		case len(bytes.TrimSpace(code[begin:c.start])) == 0:
			line = nextCode(f, code, c.end)
		}
		if !reasoned(body[m[4]:m[5]]) {
			ds.Add(allowWithoutReason(f.Span(c.start+m[0], c.start+m[3])))
		}
		for at := m[2]; at < m[3]; {
			n := strings.IndexByte(body[at:m[3]], ',')
			if n < 0 {
				n = m[3] - at
			}
			name := strings.TrimSpace(body[at : at+n])
			begin := c.start + at + strings.Index(body[at:at+n], name)
			span := f.Span(begin, begin+len(name))
			if _, ok := lookup(diag.Code(name)); ok {
				out = append(out, &allowance{rule: diag.Code(name), at: span, line: line})
			} else {
				ds.Add(allowUnknown(name, span))
			}
			at += n + 1
		}
	}
	return out, ds
}

// reasoned reports whether what follows the rules gives a reason.
func reasoned(rest string) bool {
	rest = strings.TrimSpace(strings.TrimSuffix(strings.TrimRight(strings.TrimSpace(rest), "-}"), "*/"))
	word, why, _ := strings.Cut(rest, " ")
	return strings.EqualFold(word, "because") && strings.TrimSpace(why) != ""
}

// nextCode is the line of the first code behind an offset.
func nextCode(f *source.File, code []byte, from int) int {
	rest := code[from:]
	return f.Position(from + len(rest) - len(bytes.TrimLeft(rest, " \t\r\n"))).Line
}

func blank(b []byte, start, end int) {
	for i := start; i < end; i++ {
		if b[i] != '\n' {
			b[i] = ' '
		}
	}
}

// yamlComments are the comments of a YAML file, as far as a line tells.
func yamlComments(text string) []comment {
	var out []comment
	at := 0
	for line := range strings.Lines(text) {
		for i := range len(line) {
			if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') && strings.HasPrefix(strings.TrimLeft(line[i:], "# \t"), string(mark)) {
				out = append(out, comment{at + i, at + len(strings.TrimRight(line, "\r\n"))})
				break
			}
		}
		if trimmed := strings.TrimLeft(line, " \t"); strings.HasPrefix(trimmed, "#") && (len(out) == 0 || out[len(out)-1].start < at) {
			out = append(out, comment{at + len(line) - len(trimmed), at + len(strings.TrimRight(line, "\r\n"))})
		}
		at += len(line)
	}
	return out
}

// sqlComments are the comments of a template, its own and those of SQL, in order.
func sqlComments(text string, lexis sql.Lexis) []comment {
	var out []comment
	masked := []byte(text)
	for _, a := range actions(text) {
		blank(masked, a.start, a.end)
		if inner := strings.TrimLeft(strings.TrimPrefix(text[a.start:a.end], "{{"), "- \t\r\n"); strings.HasPrefix(inner, "/*") {
			out = append(out, a)
		}
	}
	for t := range lexis.Tokens(string(masked)) {
		if t.Kind == sql.Comment {
			out = append(out, comment{t.Start, t.End})
		}
	}
	slices.SortFunc(out, func(a, b comment) int { return a.start - b.start })
	return out
}

// actions are the template's actions and comments.
func actions(text string) []comment {
	var out []comment
	for at := 0; ; {
		i := strings.Index(text[at:], "{{")
		if i < 0 {
			return out
		}
		start := at + i
		end := start + 2
		if inner := strings.TrimLeft(text[end:], "- \t\r\n"); strings.HasPrefix(inner, "/*") {
			if n := strings.Index(text[end:], "*/"); n >= 0 {
				end += n + 2
			}
		} else {
			end = skipStrings(text, end)
		}
		n := strings.Index(text[end:], "}}")
		if n < 0 {
			return append(out, comment{start, len(text)})
		}
		at = end + n + 2
		out = append(out, comment{start, at})
	}
}

// skipStrings leads from the inside of an action to its end, past braces in strings.
func skipStrings(text string, at int) int {
	for at < len(text) {
		switch c := text[at]; {
		case strings.HasPrefix(text[at:], "}}"):
			return at
		case c == '`':
			n := strings.IndexByte(text[at+1:], '`')
			if n < 0 {
				return at
			}
			at += n + 2
		case c == '"' || c == '\'':
			for at++; at < len(text) && text[at] != c && text[at] != '\n'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
			at++
		default:
			at++
		}
	}
	return min(at, len(text))
}

// take reports whether a finding is allowed, and notes that the comment has its use.
func (a allowed) take(d diag.Diagnostic) bool {
	found := false
	if d.At.File == nil {
		return false
	}
	line := 0
	for _, w := range a[d.At.File] {
		if w.rule != d.Code {
			continue
		}
		if line == 0 {
			line = d.At.Position().Line
		}
		if w.line == 0 || w.line == line {
			w.used, found = true, true
		}
	}
	return found
}

// unused are the comments that allow nothing that happens, of the rules that ran.
func (a allowed) unused(ran map[diag.Code]bool) diag.List {
	var ds diag.List
	for _, list := range a {
		for _, w := range list {
			if !w.used && ran[w.rule] {
				ds.Add(allowUnused(w))
			}
		}
	}
	return ds
}

func allowUnknown(name string, at source.Span) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Warning, Code: codeAllowUnknown, Message: fmt.Sprintf("no rule is called %q", name), At: at, Help: "engine check --list-rules shows them; errors of compilation cannot be allowed"}
	if near, ok := diag.Suggest(name, ids()); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func allowWithoutReason(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeAllowReason, Message: "the comment gives no reason", At: at, Help: "write «because …» behind it"}
}

func allowUnused(w *allowance) diag.Diagnostic {
	where := "on the line it is for"
	if w.line == 0 {
		where = "in the file"
	}
	return diag.Diagnostic{Severity: diag.Warning, Code: codeAllowUnused, Message: fmt.Sprintf("%q finds nothing %s", w.rule, where), At: w.at, Help: "remove the comment"}
}
