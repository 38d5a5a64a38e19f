package tmpl

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// People come from Jinja. What they write by habit is recognized and answered with what
// to write here, mechanically where that is safe.

var (
	tagPattern = regexp.MustCompile(`(?s)\{%([-+]?)\s*([a-z_]+)\b(.*?)([-+]?)%\}`)
	callIsTrue = regexp.MustCompile(`^\s*(not\s+)?is_incremental\(\s*\)\s*$`)
)

// tagHelp says what stands for a Jinja statement.
var tagHelp = map[string]string{
	"if": "write {{ if … }} … {{ end }}", "elif": "write {{ else if … }}",
	"else": "write {{ else }}", "endif": "write {{ end }}",
	"for": "write {{ range $x := … }} … {{ end }}", "endfor": "write {{ end }}",
	"set": "write {{ $x := … }}", "endset": "write {{ end }}",
	"macro":    "put the text into macros/NAME.tmpl and call it with {{ include \"NAME\" . }}",
	"endmacro": "write {{ end }}",
	"do":       "call the function alone: {{ … }}",
	"call":     "write {{ include \"NAME\" . }}", "endcall": "write {{ end }}",
	"block": "write {{ block \"NAME\" . }} … {{ end }}", "endblock": "write {{ end }}",
	"include": "write {{ include \"NAME\" . }}", "import": "macros need no import",
	"from": "macros need no import", "raw": "leave it out", "endraw": "leave it out",
	"snapshot": "a snapshot is a file in snapshots/ named after it", "endsnapshot": "leave it out",
	"test": "a generic test is a file in tests/generic named after it", "endtest": "leave it out",
	"materialization": "materializations are part of the engine",
	"docs":            "docs blocks stand in .md files", "enddocs": "docs blocks stand in .md files",
	"statement": "templates run without a warehouse: nothing can be queried",
}

// jinjaTags finds {% … %} and {# … #} outside of actions.
func jinjaTags(u *unit) diag.List {
	var ds diag.List
	data := u.file.Data
	if bytes.Contains(data, []byte("{#")) {
		ds.Add(jinjaComments(u)...)
	}
	if !bytes.Contains(data, []byte("{%")) {
		return ds
	}
	for _, m := range tagPattern.FindAllSubmatchIndex(data, -1) {
		word := string(data[m[4]:m[5]])
		help, known := tagHelp[word]
		if !known || u.insideAction(m[0]) || inLineComment(data, m[0]) || within(ds, m[0]) {
			continue
		}
		at := u.file.Span(m[0], m[1])
		d := jinja(at, fmt.Sprintf("{%% %s %%} is Jinja; templates are Go templates", word), help)
		open, shut := "{{ ", " }}"
		if m[2] < m[3] && data[m[2]] == '-' {
			open = "{{- "
		}
		if m[8] < m[9] && data[m[8]] == '-' {
			shut = " -}}"
		}
		if text, ok := tagText(word, string(data[m[6]:m[7]])); ok {
			d.Edits = []source.Edit{{At: at, New: open + text + shut}}
		}
		ds.Add(d)
	}
	return ds
}

// tagText is the inside of the action that stands for a Jinja tag.
func tagText(word, rest string) (string, bool) {
	switch word {
	case "endif", "endfor":
		return "end", true
	case "else":
		return "else", true
	case "if", "elif":
		if m := callIsTrue.FindStringSubmatch(rest); m != nil {
			text := "if is_incremental"
			if m[1] != "" {
				text = "if not is_incremental"
			}
			if word == "elif" {
				text = "else " + text
			}
			return text, true
		}
	}
	return "", false
}

func jinjaComments(u *unit) diag.List {
	var ds diag.List
	data := u.file.Data
	for pos := 0; ; {
		i := bytes.Index(data[pos:], []byte("{#"))
		if i < 0 {
			return ds
		}
		start := pos + i
		n := bytes.Index(data[start:], []byte("#}"))
		if n < 0 {
			return ds
		}
		end := start + n + 2
		pos = start + 2
		if u.insideAction(start) || inLineComment(data, start) || start > 0 && data[start-1] == '{' {
			continue
		}
		pos = end
		text := string(data[start+2 : max(end-2, start+2)])
		open, shut := "{{/*", "*/}}"
		if t, ok := strings.CutPrefix(text, "-"); ok {
			open, text = "{{- /*", t
		}
		if t, ok := strings.CutSuffix(text, "-"); ok {
			shut, text = "*/ -}}", t
		}
		at := u.file.Span(start, end)
		d := jinja(at, "{# #} is a Jinja comment; templates are Go templates", "write {{/* … */}}")
		if !strings.Contains(text, "*/") {
			d.Edits = []source.Edit{{At: at, New: open + text + shut}}
		}
		ds.Add(d)
	}
}

// withoutCommented drops what was found inside Jinja comments.
func withoutCommented(ds diag.List) diag.List {
	var comments []source.Span
	for _, d := range ds {
		if d.Code == codeJinja && strings.HasPrefix(d.Message, "{#") {
			comments = append(comments, d.At)
		}
	}
	if len(comments) == 0 {
		return ds
	}
	out := ds[:0]
	for _, d := range ds {
		inside := false
		for _, c := range comments {
			inside = inside || d.At != c && d.At.Start >= c.Start && d.At.End <= c.End
		}
		if !inside {
			out = append(out, d)
		}
	}
	return out
}

func within(ds diag.List, at int) bool {
	for _, d := range ds {
		if at >= d.At.Start && at < d.At.End {
			return true
		}
	}
	return false
}

func (u *unit) insideAction(at int) bool {
	a := u.scan.actionAt(at)
	return a != nil && at < a.end
}

// inLineComment reports whether -- stands before at on its line. What is in there does
// no harm as text.
func inLineComment(data []byte, at int) bool {
	line := data[bytes.LastIndexByte(data[:at], '\n')+1 : at]
	return bytes.Contains(line, []byte("--"))
}

// jinjaCalls finds calls with parentheses and text in single quotes in an action.
func (u *unit) jinjaCalls(a *action) diag.List {
	var ds diag.List
	toks := u.scan.toks[:a.to]
	for i := a.from; i < a.to; i++ {
		t := toks[i]
		if t.kind == kindChar {
			ds.Add(singleQuotes(u.file.Span(t.start, t.end)))
			continue
		}
		if t.kind != kindIdent || i+1 >= a.to || toks[i+1].kind != kindOpen || toks[i+1].space {
			continue
		}
		name := u.text(t)
		if !isFunc(name) {
			ds.Add(unknownFunc(name, u.file.Span(t.start, t.end)))
			i = u.closing(i+1, a.to)
			continue
		}
		end := u.closing(i+1, a.to)
		at := u.file.Span(t.start, toks[min(end, a.to-1)].end)
		c := converter{unit: u, toks: toks[:min(end+1, a.to)], i: i}
		text, ok := c.call()
		if !ok || c.i != len(c.toks) {
			ds.Add(jinja(at, fmt.Sprintf("%q is called without parentheses and commas", name), "write "+usageOf(name)))
		} else {
			help := "write {{ " + text + " }}"
			if i > a.from && operandEnd(toks[i-1].kind) && strings.Contains(text, " ") {
				text = "(" + text + ")"
				help = "write " + text
			}
			ds.Add(jinja(at, fmt.Sprintf("%q is called without parentheses and commas", name), help, source.Edit{At: at, New: text}))
		}
		i = end
	}
	return ds
}

func usageOf(name string) string {
	if s, ok := usage[name]; ok {
		return s
	}
	return fmt.Sprintf("{{ %s … }}", name)
}

// operandEnd reports whether a token of this kind can end an operand, so that what
// follows is an argument.
func operandEnd(k kind) bool {
	switch k {
	case kindKeyword, kindOpen, kindPipe, kindAssign, kindDeclare, kindPunct, kindBad:
		return false
	}
	return true
}

// closing is the index of the parenthesis that closes toks[open], or the last token's.
func (u *unit) closing(open, to int) int {
	depth := 0
	for i := open; i < to; i++ {
		switch u.scan.toks[i].kind {
		case kindOpen:
			depth++
		case kindClose:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return to - 1
}

// converter turns a Jinja expression of literals and calls into template syntax.
type converter struct {
	*unit
	toks []token
	i    int
}

func (c *converter) next(text string) bool {
	if c.i < len(c.toks) && c.text(c.toks[c.i]) == text {
		c.i++
		return true
	}
	return false
}

// call reads name(args) and gives «name args».
func (c *converter) call() (string, bool) {
	name := c.text(c.toks[c.i])
	c.i++
	if !c.next("(") {
		return name, true
	}
	args := []string{name}
	for !c.next(")") {
		if c.i+1 < len(c.toks) && c.toks[c.i].kind == kindIdent && c.toks[c.i+1].kind == kindAssign {
			switch key := c.text(c.toks[c.i]); {
			case name == "config":
				args = append(args, strconv.Quote(key))
			case key != "v" && key != "version" && key != "default":
				return "", false
			}
			c.i += 2
		}
		arg, ok := c.expr()
		if !ok {
			return "", false
		}
		args = append(args, arg)
		if !c.next(",") && (c.i >= len(c.toks) || c.text(c.toks[c.i]) != ")") {
			return "", false
		}
	}
	return strings.Join(args, " "), true
}

// expr reads one value and gives it as an operand.
func (c *converter) expr() (string, bool) {
	if c.i >= len(c.toks) {
		return "", false
	}
	t := c.toks[c.i]
	switch text := c.text(t); {
	case t.kind == kindString, t.kind == kindChar:
		c.i++
		return goString(text)
	case t.kind == kindNumber, t.kind == kindBool:
		c.i++
		return text, true
	case text == "True", text == "False":
		c.i++
		return strings.ToLower(text), true
	case text == "None", text == "none":
		c.i++
		return "nil", true
	case text == "[":
		return c.sequence("list", "[", "]", false)
	case text == "{":
		return c.sequence("dict", "{", "}", true)
	case t.kind == kindIdent && isFunc(text):
		s, ok := c.call()
		if strings.Contains(s, " ") {
			s = "(" + s + ")"
		}
		for ok && c.i < len(c.toks) && c.toks[c.i].kind == kindField && !c.toks[c.i].space {
			s += c.text(c.toks[c.i])
			c.i++
		}
		return s, ok
	}
	return "", false
}

func (c *converter) sequence(fn, open, shut string, pairs bool) (string, bool) {
	if !c.next(open) {
		return "", false
	}
	parts := []string{fn}
	for !c.next(shut) {
		v, ok := c.expr()
		if !ok {
			return "", false
		}
		parts = append(parts, v)
		if pairs {
			if !c.next(":") {
				return "", false
			}
			if v, ok = c.expr(); !ok {
				return "", false
			}
			parts = append(parts, v)
		}
		if !c.next(",") && (c.i >= len(c.toks) || c.text(c.toks[c.i]) != shut) {
			return "", false
		}
	}
	return "(" + strings.Join(parts, " ") + ")", true
}

// goString turns a quoted text of either kind into one in double quotes.
func goString(s string) (string, bool) {
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return "", false
	}
	if s[0] == '"' {
		_, ok := unquote(s)
		return s, ok
	}
	inner := strings.ReplaceAll(s[1:len(s)-1], `\'`, `'`)
	if strings.Contains(inner, `\`) {
		return "", false
	}
	return strconv.Quote(inner), true
}
