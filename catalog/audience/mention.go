package audience

import (
	"cmp"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
)

// gone stands where a hidden name was.
const gone = "…"

// place is where a text stands.
type place struct {
	node addr.Node
	part string
	// columns are the new names of columns of the node, by the old ones in small letters; an
	// empty one is hidden.
	columns map[string]string
}

// inline is a link with its text in Markdown, defined a link whose address stands elsewhere,
// definition such an address.
var (
	inline     = regexp.MustCompile(`!?\[([^\[\]]*)\]\(\s*<?([^()\s<>]*)>?[^()]*\)`)
	defined    = regexp.MustCompile(`!?\[([^\[\]]*)\]\[([^\[\]]*)\]`)
	definition = regexp.MustCompile(`(?m)^ {0,3}\[([^\[\]]+)\]:[ \t]*<?(\S*?)>?([ \t].*)?$`)
)

// prose is Markdown without what the audience must not read: links to what is hidden go with
// their text, names that can mean nothing else are left out. Of the rest there are warnings.
func (v *view) prose(text string, at place) string {
	if text == "" {
		return ""
	}
	text = spelled(text)
	if strings.Contains(text, "](") || strings.Contains(text, "][") || strings.Contains(text, "]:") {
		text = v.links(text, at)
	}
	out, _ := v.words(text, at, false)
	return out
}

// reference is a character by its number or name in HTML, as Markdown has it.
var reference = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// spelled is Markdown in which names stand as readers see them: stg\_orders and stg&#95;orders are
// shown as stg_orders, and characters without width are not shown at all. What only looks like a
// name in Markdown's own signs stays as it is.
func spelled(text string) string {
	if strings.Contains(text, "&") {
		text = reference.ReplaceAllStringFunc(text, func(m string) string {
			if r, n := utf8.DecodeRuneInString(html.UnescapeString(m)); n > 0 && n < len(m) && (letter(r) || joint(r) || unsized(r)) {
				return string(r)
			}
			return m
		})
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || unsized(r) }) {
		return text
	}
	var b strings.Builder
	code := codeIn(text)
	for i, r := range text {
		if unsized(r) {
			continue
		}
		if r == '\\' && i+1 < len(text) {
			before, _ := utf8.DecodeLastRuneInString(text[:i])
			after, _ := utf8.DecodeRuneInString(text[i+2:])
			next := rune(text[i+1])
			// Between letters a sign means nothing else, with the stroke or without it.
			// Code has strokes of its own, but no name has one.
			if (next == '_' || joint(next) && !within(code, span{i, i + 2})) && letter(before) && letter(after) {
				continue
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unsized reports whether a character has no width: soft hyphens, joiners and the like, which
// names do not have.
func unsized(r rune) bool {
	return r == '\u00ad' || r == '\u200b' || r == '\u2060' || r == '\ufeff'
}

// plain is text that is no Markdown, without hidden names, sure or not.
func (v *view) plain(text string, at place) string {
	out, _ := v.words(text, at, true)
	return out
}

// clean reports whether nothing in a text names what is hidden. It warns otherwise.
func (v *view) clean(text string, at place) bool {
	_, hidden := v.words(text, at, true)
	return !hidden
}

// links takes out links to hidden nodes.
func (v *view) links(text string, at place) string {
	hidden := func(address string) bool {
		ref, is := strings.CutPrefix(address, "ref:")
		if !is && strings.Contains(address, ":") {
			return false
		}
		for _, name := range []string{ref, strings.TrimSuffix(ref, ref[max(0, strings.LastIndexByte(ref, '.')):])} {
			if n, known := v.s.names[strings.ToLower(name)]; known {
				return !v.visible(n)
			}
		}
		return false
	}
	labels := map[string]bool{}
	text = definition.ReplaceAllStringFunc(text, func(m string) string {
		part := definition.FindStringSubmatch(m)
		if !hidden(part[2]) {
			return m
		}
		labels[strings.ToLower(part[1])] = true
		v.warn(at, strings.TrimPrefix(part[2], "ref:"), false)
		return ""
	})
	text = inline.ReplaceAllStringFunc(text, func(m string) string {
		part := inline.FindStringSubmatch(m)
		if !hidden(part[2]) {
			return m
		}
		v.warn(at, strings.TrimPrefix(part[2], "ref:"), false)
		return gone
	})
	if len(labels) == 0 {
		return text
	}
	text = defined.ReplaceAllStringFunc(text, func(m string) string {
		part := defined.FindStringSubmatch(m)
		if labels[strings.ToLower(cmp.Or(part[2], part[1]))] {
			return gone
		}
		return m
	})
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		text = replaceFold(text, "["+label+"]", gone)
	}
	return text
}

// words leaves out hidden names, and puts the audience's own ones in the place of others. With
// all, words that may be plain ones go, too. It reports whether there was a hidden name.
func (v *view) words(text string, at place, all bool) (string, bool) {
	found := false
	low := strings.ToLower(text)
	for _, name := range v.s.odd {
		if strings.Contains(low, name) && !v.visible(v.s.names[name]) {
			v.warn(at, name, false)
			text, found = replaceFold(text, name, gone), true
		}
	}
	var b strings.Builder
	done := 0
	put := func(s span, with string) {
		b.WriteString(text[done:s.from])
		b.WriteString(with)
		done = s.to
	}
	var code []span
	coded := false
	for _, w := range wordsOf(text) {
		if w.from < done {
			continue
		}
		if s, name, ok := v.phrase(text, w); ok {
			v.warn(at, name, false)
			put(s, gone)
			found = true
			continue
		}
		for _, s := range partsOf(text, w) {
			if s.from < done {
				continue
			}
			word := s.text(text)
			key := strings.ToLower(word)
			if !coded {
				code, coded = codeIn(text), true
			}
			if to, mine := at.columns[key]; mine && (all || strings.Contains(key, "_") || within(code, s)) {
				switch {
				case to == "":
					put(s, gone)
					found = true
				case !strings.EqualFold(to, word):
					put(s, to)
				default:
					done = upTo(&b, text, done, s)
				}
				continue
			}
			n, known := v.s.names[key]
			if !known {
				continue
			}
			if to, ok := v.called(n, key); ok {
				if to != "" && !strings.EqualFold(to, word) {
					put(s, to)
				} else {
					done = upTo(&b, text, done, s)
				}
				continue
			}
			if v.own[key] {
				continue // the word stands in the site anyhow
			}
			if all || n.strong || len(n.others) > 0 || within(code, s) {
				v.warn(at, word, false)
				put(s, gone)
				found = true
			} else {
				v.warn(at, word, true)
			}
		}
	}
	if done == 0 {
		return text, found
	}
	b.WriteString(text[done:])
	return b.String(), found
}

// upTo writes a text up to the end of a word that stays.
func upTo(b *strings.Builder, text string, done int, s span) int {
	b.WriteString(text[done:s.to])
	return s.to
}

// phrase is a hidden name of several words that begins at a word.
func (v *view) phrase(text string, w span) (span, string, bool) {
	first := strings.ToLower(partsOf(text, w)[0].text(text))
	for _, name := range v.s.phrases[first] {
		end := w.from + len(name)
		if end <= len(text) && strings.EqualFold(text[w.from:end], name) && !v.visible(v.s.names[name]) {
			return span{w.from, end}, name, true
		}
	}
	return span{}, "", false
}

func within(list []span, s span) bool {
	for _, x := range list {
		if x.from <= s.from && s.to <= x.to {
			return true
		}
	}
	return false
}

// visible reports whether a name is that of something that is shown.
func (v *view) visible(n named) bool {
	_, ok := v.called(n, "")
	return ok
}

// called reports whether a name means something that is shown, and what the audience calls
// that: empty, if just so.
func (v *view) called(n named, key string) (string, bool) {
	for _, i := range n.nodes {
		if to, ok := v.number(int(i)); ok {
			if key == "" || !v.renames {
				return "", true
			}
			old, name := v.s.c.Nodes[i], v.out.Nodes[to].ID.Name
			if old.ID.Name == name {
				return "", true
			}
			if strings.EqualFold(key, old.ID.Name) || old.Version != nil && strings.EqualFold(key, old.Version.Model) {
				return name, true
			}
			if strings.EqualFold(key, old.ID.String()) {
				return v.out.Nodes[to].ID.String(), true
			}
			if _, table, ok := strings.Cut(name, "."); ok && old.Source != nil && !strings.Contains(key, ".") {
				return table, true
			}
			if rel := v.out.Nodes[to].Relation; strings.EqualFold(key, old.Relation) {
				return rel, rel != ""
			}
			return name, true
		}
	}
	for _, i := range n.others {
		if v.shows(Customers) || int(i) == v.customer {
			return "", true
		}
	}
	return "", false
}

func (v *view) warn(at place, name string, left bool) {
	v.warnings = append(v.warnings, Warning{Node: at.node, Part: at.part, Name: name, Left: left})
}

// replaceFold replaces a text wherever it stands, in large letters or small.
func replaceFold(text, old, with string) string {
	re, err := regexp.Compile(`(?i)` + regexp.QuoteMeta(old))
	if err != nil {
		return text
	}
	return re.ReplaceAllLiteralString(text, with)
}
