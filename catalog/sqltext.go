package catalog

import (
	"html/template"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

// mark is a piece of a text that leads to a node.
type mark struct {
	start, end int
	to         addr.Node
}

// templateText is the model as written; what its refs name leads to those pages.
func (b *book) templateText(n *compile.Node, base string) template.HTML {
	if n.File == nil {
		return ""
	}
	var marks []mark
	for _, r := range n.Refs {
		if r.Span.File == n.File {
			marks = append(marks, mark{r.Span.Start, r.Span.End, r.To})
		}
	}
	return b.linked(string(n.File.Data), marks, base)
}

// compiledText is the SQL that runs; names that refs wrote lead to their pages.
func (b *book) compiledText(n *compile.Node, base string) template.HTML {
	var marks []mark
	for _, s := range n.Map.Segments() {
		if s.Verbatim || s.End > len(n.SQL) {
			continue
		}
		for _, r := range n.Refs {
			if r.Span.File == s.Src.File && r.Span.Start >= s.Src.Start && r.Span.End <= s.Src.End {
				marks = append(marks, mark{s.Start, s.End, r.To})
				break
			}
		}
	}
	return b.linked(n.SQL, marks, base)
}

// linked writes text with its marks as links. Marks that overlap or lead nowhere are left out.
func (b *book) linked(text string, marks []mark, base string) template.HTML {
	slices.SortStableFunc(marks, func(x, y mark) int { return x.start - y.start })
	end := len(strings.TrimRight(text, " \t\r\n"))
	var out strings.Builder
	at := 0
	for _, m := range marks {
		if _, known := b.number[m.to]; !known || m.start < at || m.end > end || m.start >= m.end {
			continue
		}
		template.HTMLEscape(&out, []byte(text[at:m.start]))
		out.WriteString(`<a href="` + template.HTMLEscapeString(base+nodePath(m.to)) + `">`)
		template.HTMLEscape(&out, []byte(text[m.start:m.end]))
		out.WriteString("</a>")
		at = m.end
	}
	template.HTMLEscape(&out, []byte(text[at:end]))
	return template.HTML(strings.ToValidUTF8(out.String(), "\uFFFD"))
}
