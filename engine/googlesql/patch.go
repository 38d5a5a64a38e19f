package googlesql

import (
	"sort"
	"strconv"
	"strings"
)

// maxErrors bounds the mistakes that are looked for in one statement.
const maxErrors = 8

// aboutName reports whether a message says that a name does not exist.
func aboutName(message string) bool {
	for _, p := range []string{"Unrecognized name: ", "Function not found: ", "Name ", "Field name "} {
		if rest, ok := strings.CutPrefix(message, p); ok {
			return p != "Name " && p != "Field name " || strings.Contains(rest, "not found inside") || strings.Contains(rest, "does not exist")
		}
	}
	return false
}

// patcher replaces mistaken parts of a statement by parameters.
type patcher struct {
	sql        string
	edits      []edit
	positional bool // the statement has positional parameters
}

type edit struct{ start, end int }

// patchName is the name of parameters that stand for patched text. Each gets a
// number of its own, since each has its own type.
const patchName = "@_patched_"

func (p *patcher) replacement(i int) string {
	if p.positional {
		return "?"
	}
	return patchName + strconv.Itoa(i)
}

// patch plans the replacement of what an error is about: a name wherever it
// stands in the statement, or a call with its arguments.
func (p *patcher) patch(e *Error, tokens []token) bool {
	if e.Offset < 0 {
		return false
	}
	i := sort.Search(len(tokens), func(i int) bool { return tokens[i].start >= e.Offset })
	if i == len(tokens) || tokens[i].start != e.Offset {
		return false
	}
	switch {
	case strings.HasPrefix(e.Message, "Function not found: "), strings.HasPrefix(e.Message, "No matching signature for "):
		end := callEnd(p.sql, tokens, i)
		if end < 0 {
			return false
		}
		return p.add(edit{e.Offset, end})
	case strings.HasPrefix(e.Message, "Name "), strings.HasPrefix(e.Message, "Field name "):
		// The place is that of the missing part; the names before it go too.
		for i >= 2 && sign(p.sql, tokens[i-1], '.') && tokens[i-2].kind == wordToken {
			i -= 2
		}
	case !strings.HasPrefix(e.Message, "Unrecognized name: "):
		return false
	}
	if tokens[i].kind != wordToken {
		return false
	}
	whole := chain(p.sql, tokens, i)
	some := false
	for j := range tokens {
		if tokens[j].kind != wordToken || j > 0 && sign(p.sql, tokens[j-1], '.') {
			continue
		}
		if other := chain(p.sql, tokens, j); sameName(p.sql, tokens[i:i+whole], tokens[j:j+other]) &&
			!(j+other < len(tokens) && sign(p.sql, tokens[j+other], '(')) && !alias(p.sql, tokens, j) {
			some = p.add(edit{tokens[j].start, tokens[j+other-1].end}) || some
		}
	}
	return some
}

// apart reports whether an error cannot be a consequence of the patches: it is about a
// call that holds none of them, in a statement of one SELECT, where no column of another
// SELECT can have got its type from one.
func (p *patcher) apart(e *Error, tokens []token) bool {
	if !strings.HasPrefix(e.Message, "No matching signature for function ") {
		return false
	}
	selects, at := 0, -1
	for i, t := range tokens {
		if t.kind == wordToken && !t.quoted && strings.EqualFold(t.name(p.sql), "select") {
			selects++
		}
		if sign(p.sql, t, '|') && i+1 < len(tokens) && sign(p.sql, tokens[i+1], '>') {
			return false
		}
		if t.start == e.Offset {
			at = i
		}
	}
	if selects != 1 || at < 0 {
		return false
	}
	end := callEnd(p.sql, tokens, at)
	for _, d := range p.edits {
		if d.start < end && e.Offset < d.end {
			return false
		}
	}
	return end >= 0
}

// alias reports whether the word at i is the name an AS gives.
func alias(sql string, tokens []token, i int) bool {
	return i > 0 && tokens[i-1].kind == wordToken && !tokens[i-1].quoted && strings.EqualFold(tokens[i-1].name(sql), "as")
}

// chain is the number of tokens of the dotted name that begins at i.
func chain(sql string, tokens []token, i int) int {
	n := 1
	for i+n+1 < len(tokens) && sign(sql, tokens[i+n], '.') && tokens[i+n+1].kind == wordToken {
		n += 2
	}
	return n
}

func sameName(sql string, a, b []token) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !strings.EqualFold(a[i].name(sql), b[i].name(sql)) {
			return false
		}
	}
	return true
}

// callEnd is where the call whose name begins at token i ends, -1 if it is none.
func callEnd(sql string, tokens []token, i int) int {
	if tokens[i].kind != wordToken {
		return -1
	}
	i += chain(sql, tokens, i)
	depth := 0
	for ; i < len(tokens); i++ {
		switch {
		case sign(sql, tokens[i], '('):
			depth++
		case sign(sql, tokens[i], ')'):
			depth--
			if depth == 0 {
				return tokens[i].end
			}
		case depth == 0:
			return -1
		}
	}
	return -1
}

// add plans a replacement. One inside another is swallowed by it.
func (p *patcher) add(e edit) bool {
	kept := p.edits[:0]
	for _, o := range p.edits {
		if o.start <= e.start && e.end <= o.end {
			return false
		}
		if !(e.start <= o.start && o.end <= e.end) {
			kept = append(kept, o)
		}
	}
	p.edits = append(kept, e)
	sort.Slice(p.edits, func(i, j int) bool { return p.edits[i].start < p.edits[j].start })
	return true
}

// text is the statement with the replacements.
func (p *patcher) text() string {
	var b strings.Builder
	at := 0
	for i, e := range p.edits {
		b.WriteString(p.sql[at:e.start])
		b.WriteString(p.replacement(i))
		at = e.end
	}
	b.WriteString(p.sql[at:])
	return b.String()
}

// original maps a byte of text to one of the statement, -1 for one in a patch.
func (p *patcher) original(offset int) int {
	shift := 0 // text offset minus statement offset
	for i, e := range p.edits {
		start, n := e.start+shift, len(p.replacement(i))
		if offset < start {
			break
		}
		if offset < start+n {
			return -1
		}
		shift += n - (e.end - e.start)
	}
	return offset - shift
}
