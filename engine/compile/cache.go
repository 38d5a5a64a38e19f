package compile

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/lint"
	"github.com/engine-build/engine/engine/transpile"
)

// Cache keeps what analysis found, by content: a key stands for the text, the columns of
// everything it reads, and the target. Values are bound to the version of the engine that
// wrote them. Safe for concurrent use. What is kept may be lost at any time.
type Cache interface {
	Get(key string) ([]byte, bool)
	Put(key string, value []byte)
}

// cacheKey is a hash of all that an answer depends on: what is asked, what is known of the
// relations, and how the target spells them. A text may be a model's and a test's, which
// read other relations and need other columns.
func cacheKey(target string, q query, functions string, tables []table, spelled map[string]string, given []string) string {
	d := &digest{}
	put(d, target, q.text+functions, strconv.FormatBool(q.loose), strconv.FormatBool(q.stored))
	for _, t := range tables {
		put(d, t.Name, q.stands(t.of), spelled[t.Name], strconv.Itoa(len(t.Columns)), strconv.Itoa(len(t.foreign)))
		for i, col := range t.Columns {
			put(d, col.Name, col.Type.String(), t.native[i])
		}
		for _, col := range t.foreign {
			put(d, col.Name)
		}
	}
	if given != nil {
		put(d, given...)
	}
	sum := sha256.Sum256(d.text)
	return string(sum[:16])
}

// keep stores an answer. Places are kept as offsets of the text, since the template may
// have moved around it.
func (c *compiler) keep(key string, a answer) {
	w := writer{}
	w.number(len(a.Columns))
	for _, col := range a.Columns {
		w.text(col.Name)
		w.text(col.Google.String())
		w.text(col.Type)
	}
	w.text(a.SQL)
	w.number(len(a.places))
	for _, r := range a.places {
		w.number(r.Start)
		w.number(r.End)
		w.number(r.Source.Start)
		w.number(r.Source.End)
	}
	w.number(len(a.Needs))
	for _, n := range a.Needs {
		w.text(n)
	}
	lineage, err := json.Marshal(a.Lineage.Get())
	if err != nil {
		return
	}
	w.text(string(lineage))
	w.text(string(a.record))
	w.verdict(a.verdict)
	w.number(len(a.findings))
	for _, f := range a.findings {
		w.finding(f)
	}
	c.options.Google.Cache.Put(key, w)
}

// recall finds an answer that was kept.
func (c *compiler) recall(key string, q query, tables []table) (answer, bool) {
	value, ok := c.options.Google.Cache.Get(key)
	if !ok {
		return answer{}, false
	}
	r := reader{rest: value}
	a := answer{}
	for range r.count() {
		col := Column{Name: r.text()}
		typ := r.text()
		col.Google = c.typeNamed(typ)
		col.Type = r.text()
		if col.Google == nil {
			return answer{}, false
		}
		a.Columns = append(a.Columns, col)
	}
	a.SQL = r.text()
	for range r.count() {
		a.places = append(a.places, transpile.Range{Start: r.number(), End: r.number(), Source: ir.Span{Start: r.number(), End: r.number()}})
	}
	for range r.count() {
		a.Needs = append(a.Needs, r.text())
	}
	a.Lineage = &Lineage{kept: []byte(r.text())}
	meant, ok := understood(r.text(), q, tables)
	if !ok {
		return answer{}, false
	}
	a.meant = meant
	a.verdict = r.verdict()
	for range r.count() {
		a.findings = append(a.findings, r.finding())
	}
	if r.bad {
		return answer{}, false
	}
	c.placed(&a, q)
	return a, true
}

// typeNamed parses a type that was printed; the same few hold for nearly all columns.
func (c *compiler) typeNamed(name string) *ir.Type {
	if t, ok := c.types.Load(name); ok {
		return t.(*ir.Type)
	}
	t, _, err := googlesql.ParseType(name)
	if err != nil {
		return nil
	}
	c.types.Store(strings.Clone(name), t)
	return t
}

// writer builds a record of numbers and texts.
type writer []byte

func (w *writer) number(n int) { *w = binary.AppendUvarint(*w, uint64(n)) }

func (w *writer) text(s string) {
	w.number(len(s))
	*w = append(*w, s...)
}

func (w *writer) span(s ir.Span) {
	w.number(s.Start)
	w.number(s.End)
}

func (w *writer) finding(f lint.Finding) {
	w.text(f.Rule)
	w.span(f.At)
	w.text(f.Message)
	w.text(f.Help)
	w.number(len(f.Edits))
	for _, e := range f.Edits {
		w.span(e.At)
		w.text(e.New)
	}
}

// reader takes a record apart; bad is set when it is none.
type reader struct {
	rest  []byte
	bad   bool
	whole string // what ends with rest, if texts may be parts of it
}

func (r *reader) number() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > 1<<40 {
		r.rest, r.bad = nil, true
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

// count is a number of things that follow, of at least one byte each.
func (r *reader) count() int {
	n := r.number()
	if n > len(r.rest) {
		r.rest, r.bad = nil, true
		return 0
	}
	return n
}

func (r *reader) text() string {
	n := r.number()
	if n > len(r.rest) {
		r.rest, r.bad = nil, true
		return ""
	}
	rest := r.rest
	r.rest = rest[n:]
	if r.whole != "" {
		at := len(r.whole) - len(rest)
		return r.whole[at : at+n]
	}
	return string(rest[:n])
}

func (r *reader) span() ir.Span { return ir.Span{Start: r.number(), End: r.number()} }

func (r *reader) finding() lint.Finding {
	f := lint.Finding{Rule: r.text(), At: r.span(), Message: r.text(), Help: r.text()}
	for range r.count() {
		f.Edits = append(f.Edits, lint.Edit{At: r.span(), New: r.text()})
	}
	return f
}
