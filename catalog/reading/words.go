package reading

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

// readMacros lists the macros and the functions of the project. Users are filled in later.
func (r *reader) readMacros() {
	var files []*source.File
	for _, f := range r.p.Project.Macros {
		if f.Source != nil && !f.Broken {
			files = append(files, f.Source)
		}
	}
	library, _ := tmpl.Macros(files)
	places := map[string][]int{} // by file: where the text of each macro begins
	for _, name := range library.Names() {
		if at, _ := library.Place(name); at.File != nil {
			places[at.File.Path] = append(places[at.File.Path], macroStart(string(at.File.Data), at.Start))
		}
	}
	for _, name := range library.Names() {
		at, _ := library.Place(name)
		if at.File == nil {
			continue
		}
		m := &content.Macro{Name: name, File: at.File.Path, Line: at.Position().Line, Text: validText(at.File.Data)}
		m.Description = commentBefore(m.Text, at.Start)
		// Of a file with several, each shows its own part; the first one also what the file begins with.
		own, starts := macroStart(string(at.File.Data), at.Start), places[at.File.Path]
		from, to := 0, len(at.File.Data)
		for _, s := range starts {
			if s > own {
				to = min(to, s)
			}
		}
		if slices.Min(starts) < own {
			from = own
		}
		m.Text = validText(at.File.Data[from:to])
		r.c.Macros = append(r.c.Macros, m)
	}
	taken := map[string]bool{}
	for _, m := range r.c.Macros {
		taken[m.Name] = true
	}
	for _, f := range r.p.Project.Functions {
		if f.Source == nil || f.Broken || taken[f.Name] {
			continue
		}
		text := validText(f.Source.Data)
		r.c.Macros = append(r.c.Macros, &content.Macro{Name: f.Name, File: f.Source.Path, Line: 1, Text: text, Description: commentBefore(text, 0)})
	}
	slices.SortStableFunc(r.c.Macros, func(a, b *content.Macro) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File)) })
	for i, m := range r.c.Macros {
		if _, had := r.macros[m.Name]; !had {
			r.macros[m.Name] = i
		}
	}
}

// macroStart is where the text of a macro begins whose definition is at a place: at the comment right
// before it, if there is one.
func macroStart(text string, at int) int {
	define := strings.LastIndex(text[:min(at, len(text))], "{{")
	if define < 0 {
		return 0
	}
	before := strings.TrimRight(text[:define], " \t\r\n")
	if open := strings.LastIndex(before, "{{"); open >= 0 && strings.HasSuffix(before, "}}") && templateComment.MatchString(before[open:]) {
		return open
	}
	return define
}

func validText(data []byte) string {
	return strings.TrimRight(strings.ToValidUTF8(strings.TrimPrefix(string(data), "\uFEFF"), "\uFFFD"), " \t\r\n")
}

var (
	templateComment = regexp.MustCompile(`^\{\{-?\s*/\*((?s:.*?))\*/\s*-?\}\}`)
	sqlComments     = regexp.MustCompile(`^(?:[ \t]*--[^\n]*\n?)+`)
)

// commentBefore is the comment that a file begins with, or, for what is defined later in it,
// the comment that stands right before.
func commentBefore(text string, at int) string {
	head := strings.TrimLeft(text, " \t\r\n")
	if at > 0 && at <= len(text) {
		line := strings.LastIndex(text[:at], "{{")
		if line < 0 {
			return ""
		}
		before := strings.TrimRight(text[:line], " \t\r\n")
		if !strings.HasSuffix(before, "}}") {
			return ""
		}
		open := strings.LastIndex(before, "{{")
		head = before[max(open, 0):]
	}
	if m := templateComment.FindStringSubmatch(head); m != nil {
		return tidyComment(m[1])
	}
	if m := sqlComments.FindString(head); m != "" && at == 0 {
		return tidyComment(m)
	}
	return ""
}

func tidyComment(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(l), "-*#"))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// glossary reports whether the docs blocks of a file are terms: it lies in a folder of that
// name, or is called glossary.md or terms.md.
func glossary(file string) bool {
	base := strings.ToLower(path.Base(file))
	if base == "glossary.md" || base == "terms.md" {
		return true
	}
	return slices.Contains(strings.Split(strings.ToLower(path.Dir(file)), "/"), "glossary")
}

// readTerms takes the docs blocks that are terms, with the nodes whose descriptions have them:
// as the word, or as the text that a {{ doc }} has put there.
func (r *reader) readTerms() {
	for _, d := range r.p.Project.Docs {
		if d.At.File != nil && glossary(d.At.File.Path) {
			r.c.Terms = append(r.c.Terms, &content.Term{Name: strings.ReplaceAll(d.Name, "_", " "), Text: d.Text, File: d.At.File.Path})
		}
	}
	if len(r.c.Terms) == 0 {
		return
	}
	slices.SortStableFunc(r.c.Terms, func(a, b *content.Term) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File)) })
	// What begins with a word is looked at where the word is: each text is read once.
	byName, byText := map[string][]int{}, map[string][]int{}
	for i, t := range r.c.Terms {
		if w := firstWord(t.Name); w != "" {
			byName[w] = append(byName[w], i)
		}
		if w := firstWord(t.Text); w != "" {
			byText[w] = append(byText[w], i)
		}
	}
	for i, n := range r.c.Nodes {
		found := map[int]bool{}
		look := func(text string) {
			for at, word := range wordsOf(text) {
				for _, t := range byText[word] {
					if body := r.c.Terms[t].Text; strings.HasPrefix(text[at:], body[wordStart(body):]) {
						found[t] = true
					}
				}
				for _, t := range byName[strings.TrimSuffix(word, "s")] {
					found[t] = found[t] || saysTerm(text[at:], r.c.Terms[t].Name)
				}
				for _, t := range byName[word] {
					found[t] = found[t] || saysTerm(text[at:], r.c.Terms[t].Name)
				}
			}
		}
		look(n.Description)
		for _, c := range n.Columns {
			look(c.Description)
		}
		for t, yes := range found {
			if yes {
				r.c.Terms[t].UsedBy = append(r.c.Terms[t].UsedBy, i)
			}
		}
	}
}

// saysTerm reports whether a text begins with the name of a term, or its plural, as a word.
func saysTerm(text, name string) bool {
	if len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
		return false
	}
	rest := text[len(name):]
	if len(rest) > 0 && (rest[0] == 's' || rest[0] == 'S') {
		rest = rest[1:]
	}
	next, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || !inWord(next)
}

func inWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' }

// wordsOf gives the words of a text in lower case with where they begin.
func wordsOf(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		start := -1
		for i, c := range text {
			switch in := inWord(c); {
			case in && start < 0:
				start = i
			case !in && start >= 0:
				if !yield(start, strings.ToLower(text[start:i])) {
					return
				}
				start = -1
			}
		}
		if start >= 0 {
			yield(start, strings.ToLower(text[start:]))
		}
	}
}

func firstWord(text string) string {
	for _, w := range wordsOf(text) {
		return w
	}
	return ""
}

func wordStart(text string) int {
	for at := range wordsOf(text) {
		return at
	}
	return 0
}
