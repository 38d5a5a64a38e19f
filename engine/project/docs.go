package project

import (
	"regexp"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

var (
	docsTagForm = regexp.MustCompile(`\{%[-+]?\s*(docs\b[^%]*?|enddocs)\s*[-+]?%\}`)
	docsName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	docCall     = regexp.MustCompile(`\{\{-?\s*doc\b\s*(.*?)\s*-?\}\}`)
	docArg      = regexp.MustCompile(`^\(?\s*(?:"([^"]*)"|'([^']*)')\s*\)?$`)
)

// readDocs takes the docs blocks out of a Markdown file. Text outside of them is for
// other readers.
func readDocs(f *source.File) ([]*Doc, diag.List) {
	var out []*Doc
	var list diag.List
	var open *Doc // the block we are in
	from := 0     // where its text starts
	for _, m := range docsTagForm.FindAllSubmatchIndex(f.Data, -1) {
		tag, word := f.Span(m[0], m[1]), string(f.Data[m[2]:m[3]])
		if word == "enddocs" {
			if open == nil {
				list.Add(docsTag(tag, "enddocs without docs", "remove it, or begin the block with {% docs name %}"))
				continue
			}
			open.Text = strings.TrimSpace(string(f.Data[from:m[0]]))
			if open.Name != "" {
				out = append(out, open)
			}
			open = nil
			continue
		}
		if open != nil {
			list.Add(docsUnclosed(open))
		}
		open, from = &Doc{At: tag}, m[1]
		name := strings.TrimSpace(strings.TrimPrefix(word, "docs"))
		if docsName.MatchString(name) {
			open.Name = name
			open.At = f.Span(m[2]+strings.LastIndex(word, name), m[2]+strings.LastIndex(word, name)+len(name))
			continue
		}
		list.Add(docsTag(tag, "a docs block needs a name of letters, digits and underscores", "write {% docs name %}"))
	}
	if open != nil {
		list.Add(docsUnclosed(open))
	}
	return out, list
}

func docsUnclosed(d *Doc) diag.Diagnostic {
	return docsTag(d.At, "the docs block is never closed", "end it with {% enddocs %}")
}

// fillDocs replaces {{ doc "name" }} in descriptions by the text of the docs block.
func fillDocs(uses []docUse, docs []*Doc) diag.List {
	var list diag.List
	texts := make(map[string]string, len(docs))
	var names []string
	for _, d := range docs {
		texts[d.Name] = d.Text
		names = append(names, d.Name)
	}
	for _, use := range uses {
		*use.text = docCall.ReplaceAllStringFunc(*use.text, func(call string) string {
			arg := docArg.FindStringSubmatch(docCall.FindStringSubmatch(call)[1])
			if arg == nil {
				list.Add(docsTag(within(use.at, call), "doc takes the name of one docs block", `write {{ doc "name" }}`))
				return call
			}
			name := arg[1] + arg[2]
			text, ok := texts[name]
			if !ok {
				list.Add(docsUnknown(within(within(use.at, call), name), name, names))
				return call
			}
			return text
		})
	}
	return list
}

// within is the span of part inside at, or at itself where escapes or folding changed the text.
func within(at source.Span, part string) source.Span {
	if i := strings.Index(at.Text(), part); i >= 0 && part != "" {
		return at.Sub(i, i+len(part))
	}
	return at
}
