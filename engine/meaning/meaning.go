package meaning

import (
	"encoding/base64"

	"github.com/engine-build/engine/engine/ir"
)

// Names are what a caller knows of the names in a tree.
type Names struct {
	// Table is what stands for a table in the hashes; nil: the name under which it was
	// declared to the analyzer.
	Table func(declared string) string
	// Function is what is known of a function that is none of GoogleSQL's own, by the name
	// in the tree; nil, or false: nothing, and a query that calls it has no meaning.
	Function func(name string) (Function, bool)
}

// Function is one that the caller declared and whose body did not take the place of its call.
type Function struct {
	// Text stands for all that the function does.
	Text string
	// Volatile names the functions it calls whose value changes from call to call.
	Volatile []string
}

// Reading is how much of a relation is read. Which rows there are always is.
type Reading struct {
	// Columns are lower-case and sorted.
	Columns []string `json:"columns,omitempty"`
	// All columns are read, those that it may get later included.
	All bool `json:"all,omitempty"`
}

// Reads is what is read of tables, by their declared names. A table of which only the rows
// count has no columns.
type Reads map[string]Reading

// Meaning is what a query means. It is not changed once returned.
type Meaning struct {
	// Hash is of the whole: rows, and values, names and order of the columns.
	Hash string
	// Rows decides which rows there are and how often.
	Rows Facet
	// Columns are those of the output, in order.
	Columns []Column
	// Reads is what the result follows from, whatever else the query mentions. Every table
	// that it names is in it.
	Reads Reads
	// Volatile names the functions whose value changes from call to call although the data
	// stay the same, sorted.
	Volatile []string
	// Ambiguous names what may come out differently from the same rows, such as «LIMIT
	// without ORDER BY», sorted.
	Ambiguous []string
}

// Facet is a part of a query's meaning.
//
// Where the hash of Rows and that of a column are the same in two queries, and what
// both read is the same, and neither is Unstable, the column holds the same values in the same rows; and
// several such columns hold the same combinations of values.
type Facet struct {
	Hash  string
	Reads Reads
	// Unstable: something in it is volatile or ambiguous.
	Unstable bool
}

// Column is an output column. Its name is no part of its facet.
type Column struct {
	Name string
	Facet
}

// Of is the meaning of a query; for other statements, and where something in the query is
// not known well enough, it is nil and why says so.
func Of(s ir.Stmt, n Names) (m *Meaning, why string) {
	q, ok := s.(*ir.Query)
	if !ok || q == nil || q.Scan == nil {
		return nil, "not a query"
	}
	t := newTracer(q, n)
	m = t.query(q)
	if t.refused == "" && len(m.Ambiguous) > 0 && t.sorted {
		// Somebody may count on an order where the language promises none: then every
		// ORDER BY decides.
		t = newTracer(q, n)
		t.strict = true
		m = t.query(q)
	}
	if t.refused != "" {
		return nil, t.refused
	}
	return m, ""
}

// Combine is one hash for several, in order.
func Combine(hashes ...string) string {
	var t tracer
	at := t.begin("combined")
	for _, h := range hashes {
		t.text(h)
	}
	return t.end(at).String()
}

// query is the meaning of a whole statement.
func (t *tracer) query(q *ir.Query) *Meaning {
	rows := t.scan(q.Scan)
	m := &Meaning{Rows: t.facet(rows.hash(t), &rows.cone)}
	whole := rows.cone.clone()
	at := t.begin("query")
	t.sum(rows.hash(t))
	t.flag(q.ValueTable)
	t.number(len(q.Output))
	for _, o := range q.Output {
		v := t.column(o.Column)
		own := t.begin("output")
		t.sum(t.at(v))
		t.typ(o.Column.Type)
		h := t.end(own)
		t.text(o.Name)
		t.sum(h)
		m.Columns = append(m.Columns, Column{Name: o.Name, Facet: t.facet(h, v.cone)})
		whole.add(v.cone)
	}
	// What the statement holds beside these, now or some day.
	t.fields(q, &whole, "Output", "ValueTable", "Scan")
	m.Hash = t.end(at).String()
	m.Volatile, m.Ambiguous = t.named(&whole)
	m.Reads = t.reads(&whole)
	ir.Inspect(q, func(n ir.Node) bool {
		if s, ok := n.(*ir.Table); ok {
			m.Reads[s.Name] = m.Reads[s.Name] // it has to be there
		}
		return true
	})
	return m
}

func (t *tracer) facet(h sum, c *cone) Facet {
	return Facet{Hash: h.String(), Reads: t.reads(c), Unstable: c != nil && len(c.causes) > 0}
}

// sum is a hash, of which String gives 12 bytes.
type sum [16]byte

func (s sum) String() string { return base64.RawURLEncoding.EncodeToString(s[:12]) }
