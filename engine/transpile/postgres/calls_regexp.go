package postgres

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"

	"github.com/engine-build/engine/engine/ir"
)

// PostgreSQL's regular expressions are not RE2's: they prefer the longest match, not the
// first alternative, and read escapes otherwise. A literal pattern is parsed as RE2 and
// written anew as PostgreSQL's, with nothing but literals, sets, groups and greedy
// repetition. Whether there is a match at all is then the same; what matches is the same
// where at every character at most one path goes on (the expression is one-unambiguous:
// Brüggemann-Klein and Wood, 1998), for then the longest match is the preferred one.

func regexpRules() map[string]Rule {
	return map[string]Rule{
		"regexp_contains": func(c *Call) string {
			p, ok := c.pattern()
			if !ok {
				return c.Refuse("this pattern has no sure counterpart")
			}
			c.SafeDone()
			return c.Typed(0) + " ~ " + quote(p.text)
		},
		"regexp_match": func(c *Call) string {
			// REGEXP_MATCH wants the whole text to match in some dialects and a part in others.
			return c.Refuse("")
		},
		"regexp_extract": func(c *Call) string {
			p, ok := c.pattern()
			if !ok || !p.sure || c.Len() > 2 || p.groups > 1 || p.groups == 1 && !always(p.re) {
				return c.Refuse("this pattern has no sure counterpart")
			}
			c.SafeDone()
			return "(regexp_match(" + c.Typed(0) + ", " + quote(p.text) + "))[1]"
		},
		"regexp_extract_all": func(c *Call) string {
			p, ok := c.pattern()
			if !ok || !p.sure || p.groups > 1 || p.groups == 1 && !always(p.re) || p.nullable {
				return c.Refuse("this pattern has no sure counterpart")
			}
			c.SafeDone()
			v := c.g.name("_e")
			return "CASE WHEN " + c.Op(0) + " IS NOT NULL THEN ARRAY(SELECT " + v + ".m[1] FROM regexp_matches(" + c.Typed(0) + ", " + quote(p.text) + ", 'g') WITH ORDINALITY AS " + v + "(m, i) ORDER BY " + v + ".i) END"
		},
		"regexp_extract_groups": func(c *Call) string {
			p, ok := c.pattern()
			t := c.Result()
			if !ok || !p.sure || p.repeats || t.Kind != ir.Struct || p.groups != len(t.Fields) {
				return c.Refuse("this pattern has no sure counterpart")
			}
			return c.g.let("regexp_match("+c.Typed(0)+", "+quote(p.text)+")", func(v string) string {
				parts := make([]string, len(t.Fields))
				for i, f := range t.Fields {
					parts[i] = c.g.cast(v+"["+itoa(i+1)+"]", ir.TypeOf(ir.String), f.Type, false, c.Node.At())
				}
				return "CASE WHEN " + v + " IS NOT NULL THEN ROW(" + join(parts) + ")::" + c.SQLType(t) + " END"
			})
		},
		"regexp_replace": func(c *Call) string {
			p, ok := c.pattern()
			if !ok || !p.sure || p.nullable || p.repeats {
				return c.Refuse("this pattern has no sure counterpart")
			}
			rewrite, ok := c.Text(2)
			if ok {
				rewrite, ok = rewriteText(rewrite, p.groups)
			}
			if !ok {
				return c.Refuse("with this replacement")
			}
			c.SafeDone()
			return "regexp_replace(" + c.Typed(0) + ", " + quote(p.text) + ", " + quote(rewrite) + ", 'g')"
		},
	}
}

// rewriteText translates a replacement: \0 is \& there.
func rewriteText(s string, groups int) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] != '\\' {
			continue
		}
		i++
		switch {
		case i == len(s):
			return "", false
		case s[i] == '\\':
			b.WriteByte('\\')
		case s[i] == '0':
			b.WriteByte('&')
		case s[i] >= '1' && int(s[i]-'0') <= groups && s[i] <= '9':
			b.WriteByte(s[i])
		default:
			return "", false
		}
	}
	return b.String(), true
}

// expression is a pattern in PostgreSQL's syntax.
type expression struct {
	re       *syntax.Regexp
	text     string
	groups   int
	nullable bool // may match the empty text
	sure     bool // what matches is the same as in RE2
	repeats  bool // a group is repeated
}

// pattern translates the second argument, a literal.
func (c *Call) pattern() (expression, bool) {
	text, ok := c.Text(1)
	if !ok || c.bytes() {
		return expression{}, false
	}
	return translate(text)
}

func translate(text string) (expression, bool) {
	if _, err := regexp.Compile(text); err != nil {
		return expression{}, false
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return expression{}, false
	}
	w := &regexpWriter{ok: true}
	w.write(re, true)
	if !w.ok || w.size > 500 {
		return expression{}, false
	}
	e := expression{re: re, text: w.b.String(), groups: re.MaxCap(), nullable: nullable(re), repeats: w.repeats}
	e.sure = !w.lazy && (unambiguous(re) || inLine(re))
	return e, true
}

type regexpWriter struct {
	b       strings.Builder
	ok      bool
	lazy    bool
	repeats bool // a group within a repetition
	size    int
}

// write writes an expression; edge says that anchors may stand at its ends.
func (w *regexpWriter) write(re *syntax.Regexp, edge bool) {
	w.size++
	switch re.Op {
	case syntax.OpEmptyMatch:
		w.b.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && unicode.SimpleFold(r) != r {
				var set []rune
				for f := unicode.SimpleFold(r); ; f = unicode.SimpleFold(f) {
					set = append(set, f, f)
					if f == r {
						break
					}
				}
				w.set(set)
				continue
			}
			w.char(r)
		}
	case syntax.OpCharClass:
		w.set(re.Rune)
	case syntax.OpAnyCharNotNL:
		w.b.WriteString(`[^\n]`)
	case syntax.OpAnyChar:
		w.b.WriteString(".")
	case syntax.OpBeginText:
		w.ok = w.ok && edge
		w.b.WriteString(`\A`)
	case syntax.OpEndText:
		w.ok = w.ok && edge
		w.b.WriteString(`\Z`)
	case syntax.OpWordBoundary:
		// \y there knows more letters.
		w.around(`(?:(?<=` + word + `)(?!` + word + `)|(?<!` + word + `)(?=` + word + `))`)
	case syntax.OpNoWordBoundary:
		w.around(`(?:(?<=` + word + `)(?=` + word + `)|(?<!` + word + `)(?!` + word + `))`)
	case syntax.OpBeginLine:
		w.around(`(?<![^\n])`)
	case syntax.OpEndLine:
		w.around(`(?![^\n])`)
	case syntax.OpCapture:
		w.b.WriteString("(")
		w.write(re.Sub[0], false)
		w.b.WriteString(")")
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if re.Flags&syntax.NonGreedy != 0 {
			w.lazy = true
		}
		if re.Sub[0].MaxCap() > 0 && re.Op != syntax.OpQuest {
			w.repeats = true
		}
		w.group(re.Sub[0])
		switch re.Op {
		case syntax.OpStar:
			w.b.WriteString("*")
		case syntax.OpPlus:
			w.b.WriteString("+")
		case syntax.OpQuest:
			w.b.WriteString("?")
		default:
			if re.Min > 255 || re.Max > 255 {
				w.ok = false
			}
			w.size += max(re.Min, re.Max)
			switch re.Max {
			case re.Min:
				fmt.Fprintf(&w.b, "{%d}", re.Min)
			case -1:
				fmt.Fprintf(&w.b, "{%d,}", re.Min)
			default:
				fmt.Fprintf(&w.b, "{%d,%d}", re.Min, re.Max)
			}
		}
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			w.group2(sub, edge && (sub.Op == syntax.OpBeginText && i == 0 || sub.Op == syntax.OpEndText && i == len(re.Sub)-1))
		}
	case syntax.OpAlternate:
		for i, sub := range re.Sub {
			if i > 0 {
				w.b.WriteString("|")
			}
			w.write(sub, false)
		}
	default:
		w.ok = false
	}
}

// word is a set of the characters that \b looks for.
const word = `[0-9A-Za-z_]`

// around writes a condition on what stands around a place. Where one is, what matches is
// not looked into.
func (w *regexpWriter) around(text string) {
	w.lazy = true
	w.b.WriteString(text)
}

// group writes what a repetition applies to.
func (w *regexpWriter) group(re *syntax.Regexp) {
	single := re.Op == syntax.OpCharClass || re.Op == syntax.OpAnyChar || re.Op == syntax.OpAnyCharNotNL || re.Op == syntax.OpCapture ||
		re.Op == syntax.OpLiteral && len(re.Rune) == 1
	if single {
		w.write(re, false)
		return
	}
	w.b.WriteString("(?:")
	w.write(re, false)
	w.b.WriteString(")")
}

func (w *regexpWriter) group2(re *syntax.Regexp, edge bool) {
	if re.Op == syntax.OpAlternate {
		w.group(re)
		return
	}
	w.write(re, edge)
}

func (w *regexpWriter) char(r rune) {
	switch {
	case r == 0:
		w.ok = false
	case r < ' ' || r == 0x7f:
		fmt.Fprintf(&w.b, `\u%04x`, r)
	case r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' && r != '_':
		w.b.WriteByte('\\')
		w.b.WriteRune(r)
	default:
		w.b.WriteRune(r)
	}
}

// set writes a set of characters, given as ranges; the one that reaches to the last
// character is written by what it leaves out.
func (w *regexpWriter) set(ranges []rune) {
	negate := len(ranges) > 0 && ranges[len(ranges)-1] == unicode.MaxRune
	if negate {
		var out []rune
		next := rune(0)
		for i := 0; i < len(ranges); i += 2 {
			if ranges[i] > next {
				out = append(out, next, ranges[i]-1)
			}
			next = ranges[i+1] + 1
		}
		ranges = out
	}
	// There is no zero character to match, or to leave out.
	if len(ranges) > 0 && ranges[0] == 0 {
		if ranges[1] == 0 {
			ranges = ranges[2:]
		} else {
			ranges = append([]rune{1}, ranges[1:]...)
		}
	}
	if len(ranges) == 0 {
		if negate {
			w.b.WriteString(".")
			return
		}
		w.ok = false
		return
	}
	w.b.WriteString("[")
	if negate {
		w.b.WriteString("^")
	}
	one := func(r rune) {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r > 0xa0 && r < 0x10000 && unicode.IsPrint(r) {
			w.b.WriteRune(r)
			return
		}
		fmt.Fprintf(&w.b, `\U%08x`, r)
	}
	for i := 0; i < len(ranges); i += 2 {
		// A set of many characters costs PostgreSQL much.
		if ranges[i+1]-ranges[i] > 5000 && !negate {
			w.ok = false
			break
		}
		one(ranges[i])
		if ranges[i+1] > ranges[i] {
			w.b.WriteString("-")
			one(ranges[i+1])
		}
	}
	w.b.WriteString("]")
}

// inLine reports whether an expression is a line of characters and greedy repetitions of
// one character, some of them captured, where it is sure what matches. With one repetition
// at most, its longest match is the longest one of all, as every other part has a fixed
// length. With an end of the text behind it, a match goes from the first place where there
// is one to that end; PostgreSQL then gives the parts from left to right as much as it can,
// as RE2 does, if a part (what a group captures, or what stands between two of them) has one
// repetition at most.
func inLine(re *syntax.Regexp) bool {
	list := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		list = re.Sub
	}
	total, part, ended := 0, 0, false
	ok := true
	var read func(*syntax.Regexp, bool)
	read = func(e *syntax.Regexp, within bool) {
		switch e.Op {
		case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpBeginText, syntax.OpEmptyMatch:
		case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
			sub := e.Sub[0]
			single := sub.Op == syntax.OpCharClass || sub.Op == syntax.OpAnyChar || sub.Op == syntax.OpAnyCharNotNL || sub.Op == syntax.OpLiteral && len(sub.Rune) == 1
			ok = ok && single
			if e.Op != syntax.OpRepeat || e.Min != e.Max {
				total++
				part++
			}
		case syntax.OpCapture:
			ok = ok && !within && part <= 1
			part = 0
			inner := e.Sub[:1]
			if e.Sub[0].Op == syntax.OpConcat {
				inner = e.Sub[0].Sub
			}
			for _, i := range inner {
				read(i, true)
			}
			ok = ok && part <= 1
			part = 0
		default:
			ok = false
		}
	}
	for i, e := range list {
		if e.Op == syntax.OpEndText && i == len(list)-1 {
			ended = true
			continue
		}
		read(e, false)
	}
	// Parts matter where groups part them.
	return ok && (total <= 1 || ended && (part <= 1 || re.MaxCap() == 0))
}

// nullable reports whether an expression may match the empty text.
func nullable(re *syntax.Regexp) bool { return (&glushkov{}).visit(re).nullable }

// unambiguous reports whether at every character at most one path of the expression goes
// on, and no empty alternative is preferred to a longer one.
func unambiguous(re *syntax.Regexp) bool {
	g := &glushkov{ok: true}
	whole := g.visit(re)
	if !g.ok || len(g.sets) > 400 || !g.apart(whole.first) {
		return false
	}
	for _, f := range g.follow {
		if !g.apart(f) {
			return false
		}
	}
	return true
}

// glushkov is the position automaton of an expression.
type glushkov struct {
	ok     bool
	sets   [][]rune       // by position, ranges
	follow []map[int]bool // by position
}

type fragment struct {
	nullable    bool
	first, last map[int]bool
}

func (g *glushkov) position(ranges []rune) fragment {
	g.sets = append(g.sets, ranges)
	g.follow = append(g.follow, map[int]bool{})
	p := len(g.sets) - 1
	return fragment{first: map[int]bool{p: true}, last: map[int]bool{p: true}}
}

func (g *glushkov) concat(a, b fragment) fragment {
	for p := range a.last {
		for q := range b.first {
			g.follow[p][q] = true
		}
	}
	out := fragment{nullable: a.nullable && b.nullable, first: a.first, last: b.last}
	if a.nullable {
		out.first = union(a.first, b.first)
	}
	if b.nullable {
		out.last = union(a.last, b.last)
	}
	return out
}

func union(a, b map[int]bool) map[int]bool {
	out := map[int]bool{}
	for p := range a {
		out[p] = true
	}
	for p := range b {
		out[p] = true
	}
	return out
}

func (g *glushkov) loop(a fragment) {
	for p := range a.last {
		for q := range a.first {
			// A path back that is there already makes a choice no position shows.
			if g.follow[p][q] {
				g.ok = false
			}
			g.follow[p][q] = true
		}
	}
}

func (g *glushkov) visit(re *syntax.Regexp) fragment {
	empty := fragment{nullable: true, first: map[int]bool{}, last: map[int]bool{}}
	if len(g.sets) > 400 {
		g.ok = false
		return empty
	}
	switch re.Op {
	case syntax.OpLiteral:
		out := empty
		for _, r := range re.Rune {
			set := []rune{r, r}
			if re.Flags&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					set = append(set, f, f)
				}
			}
			out = g.concat(out, g.position(set))
		}
		return out
	case syntax.OpCharClass:
		return g.position(re.Rune)
	case syntax.OpAnyChar:
		return g.position([]rune{0, unicode.MaxRune})
	case syntax.OpAnyCharNotNL:
		return g.position([]rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune})
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpEmptyMatch:
		return empty
	case syntax.OpCapture:
		return g.visit(re.Sub[0])
	case syntax.OpConcat:
		out := empty
		for _, sub := range re.Sub {
			out = g.concat(out, g.visit(sub))
		}
		return out
	case syntax.OpAlternate:
		out := fragment{first: map[int]bool{}, last: map[int]bool{}}
		for i, sub := range re.Sub {
			f := g.visit(sub)
			if f.nullable && i < len(re.Sub)-1 {
				g.ok = false
			}
			out = fragment{nullable: out.nullable || f.nullable, first: union(out.first, f.first), last: union(out.last, f.last)}
		}
		return out
	case syntax.OpQuest:
		f := g.visit(re.Sub[0])
		f.nullable = true
		return f
	case syntax.OpStar, syntax.OpPlus:
		f := g.visit(re.Sub[0])
		if f.nullable {
			g.ok = false
		}
		g.loop(f)
		f.nullable = f.nullable || re.Op == syntax.OpStar
		return f
	case syntax.OpRepeat:
		out := empty
		for range re.Min {
			out = g.concat(out, g.visit(re.Sub[0]))
		}
		if re.Max < 0 {
			f := g.visit(re.Sub[0])
			if f.nullable {
				g.ok = false
			}
			g.loop(f)
			f.nullable = true
			return g.concat(out, f)
		}
		// x{0,2} is (x(x)?)?: built from the inside.
		tail := empty
		for range re.Max - re.Min {
			f := g.visit(re.Sub[0])
			if f.nullable {
				g.ok = false
			}
			tail = g.concat(f, tail)
			tail.nullable = true
		}
		return g.concat(out, tail)
	}
	g.ok = false
	return empty
}

// apart reports whether no character is in two of the positions' sets.
func (g *glushkov) apart(positions map[int]bool) bool {
	var list []int
	for p := range positions {
		list = append(list, p)
	}
	for i, p := range list {
		for _, q := range list[i+1:] {
			if overlap(g.sets[p], g.sets[q]) {
				return false
			}
		}
	}
	return true
}

func overlap(a, b []rune) bool {
	for i := 0; i < len(a); i += 2 {
		for j := 0; j < len(b); j += 2 {
			if a[i] <= b[j+1] && b[j] <= a[i+1] {
				return true
			}
		}
	}
	return false
}

// always reports whether a match is sure to pass the capturing group, if there is one.
func always(re *syntax.Regexp) bool {
	if re.MaxCap() == 0 {
		return true
	}
	switch re.Op {
	case syntax.OpCapture:
		return true
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.MaxCap() > 0 {
				return always(sub)
			}
		}
	}
	return false
}
