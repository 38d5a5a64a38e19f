package transpile

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

func aliasOf(base *ir.Base, fallback string) string {
	name := ""
	for _, c := range base.Columns {
		if c.Table == "" || strings.HasPrefix(c.Table, "$") || name != "" && name != c.Table {
			return strings.Trim(fallback, `"`)
		}
		name = c.Table
	}
	if name == "" {
		return strings.Trim(fallback, `"`)
	}
	return name
}

// wide is the longest list that stays on one line.
const wide = 88

// Indent shifts every line of a text, except within string literals that span lines.
func Indent(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/8)
	b.WriteString("  ")
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		}
		b.WriteByte(c)
		if c == '\n' && quote == 0 {
			b.WriteString("  ")
		}
	}
	return b.String()
}

// list writes a clause: its word and the items, on one line if they fit.
func list(word string, items []string, sep string) string {
	one := word + " " + strings.Join(items, sep+" ")
	if len(Plain(one)) <= wide && !strings.Contains(one, "\n") {
		return one
	}
	lines := make([]string, len(items))
	for i, it := range items {
		lines[i] = Indent(it)
	}
	return word + "\n" + strings.Join(lines, sep+"\n")
}

func conditions(word string, items []string) string {
	texts := make([]string, len(items))
	for i, it := range items {
		if len(items) > 1 && Precedence(it) <= PrecOr {
			it = "(" + it + ")"
		}
		texts[i] = it
	}
	one := word + " " + strings.Join(texts, " AND ")
	if len(Plain(one)) <= wide && !strings.Contains(one, "\n") {
		return one
	}
	return word + " " + strings.Join(texts, "\n  AND ")
}

// render writes a block as a query whose columns are those given.
func (w *Writer) render(b *block, outs []out) string {
	var text string
	if b.op != "" {
		text = w.renderSet(b, outs)
	} else {
		text = w.renderSelect(b, outs)
	}
	if len(b.with) > 0 {
		head := "WITH "
		if b.withRec {
			head = "WITH RECURSIVE "
		}
		text = head + strings.Join(b.with, ",\n") + "\n" + text
	}
	return text
}

func (w *Writer) renderSet(b *block, outs []out) string {
	// Columns may be left out or repeated only where no row depends on them.
	if b.op != "UNION ALL" {
		same := len(outs) == len(b.columns)
		if same {
			seen := map[ir.ColumnID]bool{}
			for _, o := range outs {
				seen[o.column.ID] = true
			}
			same = len(seen) == len(b.columns)
		}
		if !same {
			all := w.outs(b.columns)
			inner := w.renderSet(b, all)
			alias := w.Alias("q")
			next := &block{from: "(\n" + Indent(inner) + "\n) AS " + w.d.Ident(alias), sole: true}
			for _, o := range all {
				w.define(next, o.column, nil, w.d.Ident(alias)+"."+w.d.Ident(o.name), reference)
			}
			return w.renderSelect(next, outs)
		}
	}
	var texts []string
	for _, p := range b.parts {
		list := make([]out, len(outs))
		for i, o := range outs {
			for j, c := range b.columns {
				if c.ID == o.column.ID {
					list[i] = out{p.columns[j], o.name, o.exact}
				}
			}
		}
		if len(list) == 0 {
			list = []out{}
		}
		text := w.render(p.block, list)
		if p.block.op != "" || len(p.block.order) > 0 || p.block.limit != "" || p.block.offset != "" || len(p.block.with) > 0 {
			text = "(\n" + Indent(text) + "\n)"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\n"+b.op+"\n")
}

func (w *Writer) renderSelect(b *block, outs []out) string {
	var items []string
	byText := map[string]string{}
	aggregates := false
	for _, o := range outs {
		text := "NULL"
		if d := w.defs[o.column.ID]; d != nil {
			text = d.text
			aggregates = aggregates || d.class == aggregate
		} else {
			text = w.d.Refuse("column "+o.column.Name, "its scan is not written", ir.Span{})
		}
		name := w.d.Ident(o.name)
		byText[text] = name
		if t, ok := w.d.(Typer); ok && o.exact {
			text = t.Typed(text, o.column.Type)
		}
		plain := Plain(text)
		if i := strings.LastIndexByte(plain, '.'); i < 0 || plain[i+1:] != name || !Atomic(plain) || strings.ContainsAny(plain, "([") {
			text += " AS " + name
		}
		items = append(items, text)
	}
	if len(items) == 0 {
		items = []string{"1"}
	}
	distinct := w.distinct(b, outs)
	word := "SELECT"
	if distinct {
		word = "SELECT DISTINCT"
	}
	lines := []string{list(word, items, ",")}
	if b.from != "" {
		lines = append(lines, "FROM "+b.from)
	}
	if len(b.where) > 0 {
		lines = append(lines, conditions("WHERE", b.where))
	}
	switch {
	case !b.grouped || distinct:
	case b.sets != nil:
		lines = append(lines, list("GROUP BY GROUPING SETS", []string{"(" + strings.Join(b.sets, ", ") + ")"}, ","))
	case len(b.keys) > 0:
		lines = append(lines, list("GROUP BY", b.keys, ","))
	case !aggregates:
		lines = append(lines, "GROUP BY ()")
	}
	if len(b.having) > 0 {
		lines = append(lines, conditions("HAVING", b.having))
	}
	if len(b.qualify) > 0 {
		lines = append(lines, conditions("QUALIFY", b.qualify))
	}
	if len(b.order) > 0 {
		var keys []string
		for _, o := range b.order {
			text := o.text
			if name, ok := byText[text]; ok && !w.limits.NoNamesInOrder && strings.ContainsAny(Plain(text), " (") && w.named(o.item) {
				text = name
			}
			keys = append(keys, w.d.SortKeys(text, o.item)...)
		}
		lines = append(lines, list("ORDER BY", keys, ","))
	}
	if b.limit != "" {
		lines = append(lines, "LIMIT "+b.limit)
	}
	if b.offset != "" {
		lines = append(lines, "OFFSET "+b.offset)
	}
	return strings.Join(lines, "\n")
}

// named reports whether a sort key is what it is read from alone, so that the name of an
// output column may stand for it. Within an expression, such a name may mean a column of a
// table instead.
func (w *Writer) named(item ir.OrderItem) bool {
	const name = "k"
	for _, key := range w.d.SortKeys(name, item) {
		if key != name && !strings.HasPrefix(key, name+" ") {
			return false
		}
	}
	return true
}

// distinct reports whether a grouping without aggregates can read SELECT DISTINCT:
// the columns are the keys, all of them, and nothing else is read.
func (w *Writer) distinct(b *block, outs []out) bool {
	if !b.grouped || b.sets != nil || len(b.keys) == 0 || len(b.having) > 0 || b.stage == stWindow || b.stage == stQualify || len(b.order) > 0 {
		return false
	}
	keys := map[ir.ColumnID]bool{}
	for _, id := range b.keyIDs {
		keys[id] = true
	}
	seen := map[ir.ColumnID]bool{}
	for _, o := range outs {
		if !keys[o.column.ID] {
			return false
		}
		seen[o.column.ID] = true
	}
	return len(seen) == len(keys)
}

// The precedence of the loosest operator outside of brackets, from loose to tight.
const (
	PrecOr = iota
	PrecAnd
	PrecNot
	PrecCompare
	PrecOther // ||, bit operators, ->
	PrecAdd
	PrecMultiply
	PrecUnary
	PrecCast
	PrecAtom
)

// Precedence finds the loosest operator of a text outside of brackets and CASE.
func Precedence(text string) int {
	s := Plain(text)
	p := PrecAtom
	low := func(q int) { p = min(p, q) }
	depth, cases := 0, 0
	operand := false // an operand was read, so that a sign is a binary operator
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\'' || c == '"':
			j := closing(s, i)
			if j < 0 {
				return PrecOr
			}
			i, operand = j, true
			continue
		case c == '(' || c == '[' || c == '{':
			depth++
			continue
		case c == ')' || c == ']' || c == '}':
			depth--
			operand = true
			continue
		}
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
		if letter || c >= '0' && c <= '9' {
			j := i
			for j < len(s) && (s[j] >= 'a' && s[j] <= 'z' || s[j] >= 'A' && s[j] <= 'Z' || s[j] == '_' || s[j] >= 0x80 || s[j] >= '0' && s[j] <= '9' || s[j] == '.') {
				// The sign of an exponent belongs to the number.
				if !letter && s[j] == 'e' && j+1 < len(s) && (s[j+1] == '-' || s[j+1] == '+') {
					j++
				}
				j++
			}
			word := s[i:j]
			i = j - 1
			operand = true
			if depth > 0 {
				continue
			}
			switch word {
			case "CASE":
				cases++
			case "END":
				cases--
			}
			if cases > 0 {
				continue
			}
			switch word {
			case "OR":
				low(PrecOr)
			case "AND":
				low(PrecAnd)
			case "NOT":
				low(PrecNot)
			case "IS", "LIKE", "ILIKE", "IN", "BETWEEN", "GLOB", "SIMILAR", "ESCAPE":
				low(PrecCompare)
			case "SELECT", "OVER", "FILTER", "AT", "COLLATE":
				low(PrecOther)
			case "lambda":
				return PrecOr
			default:
				continue
			}
			operand = false
			continue
		}
		if depth > 0 || cases > 0 || c == ' ' || c == '\n' {
			continue
		}
		switch c {
		case '=', '<', '>', '!':
			low(PrecCompare)
			operand = false
		case '+', '-':
			if c == '-' && i+1 < len(s) && s[i+1] == '>' {
				low(PrecOther)
			} else if operand {
				low(PrecAdd)
			} else {
				low(PrecUnary)
			}
			operand = false
		case '*', '/', '%':
			low(PrecMultiply)
			operand = false
		case ':':
			low(PrecCast)
			if i+1 < len(s) && s[i+1] == ':' {
				i++
			}
		case '.', ',':
		default:
			low(PrecOther)
			operand = false
		}
	}
	return p
}
