package profile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Scan is a relation to be read. Columns are those that may be read, with the warehouse's
// types; sensitive ones are not among them.
type Scan struct {
	Node     addr.Node
	Relation addr.Relation
	Kind     warehouse.Kind
	Columns  []warehouse.Column
	// Rows of the relation, -1 where that is not known.
	Rows int64
	// MaxBytes is the most that the scan may be billed for, 0 leaves it to the connection.
	MaxBytes int64
}

const (
	// topValues is how many of the most frequent values are kept, and topAsked how many are
	// asked for: NULL may be among them.
	topValues, topAsked = 5, 6
	// longest is how many characters of a value are kept.
	longest = 80
	// maxCells is how many values a scan of rows that have to be put aside reads at most.
	maxCells = 20_000_000
	// fewest is the smallest sample.
	fewest = 1_000
)

// sampleRows is how many rows of a scan are read: at most limit, and less of wide relations.
func (s *Scan) sampleRows(limit int64) int64 {
	if n := int64(len(s.Columns)); n > 0 {
		limit = min(limit, max(maxCells/n, fewest))
	}
	return limit
}

// statement is the query that summarizes a relation: a row for each column, with its number,
// the rows, those that are not NULL, about how many values, least and greatest as text, and the
// most frequent ones as JSON. sampled says that not all rows are read; it is not known before
// where the number of rows is not.
func statement(d warehouse.Dialect, w warehouse.Summary, s *Scan, limit int64) (sql string, sampled bool) {
	limit = s.sampleRows(limit)
	from := d.Quote(s.Relation)
	bound := ""
	switch {
	case s.Rows >= 0 && s.Rows <= limit:
	case s.Rows > limit && s.Kind != warehouse.View:
		percent := 100 * float64(limit) / float64(s.Rows)
		from = fill(w.Sample, "table", from, "percent", strconv.FormatFloat(max(percent, 0.0001), 'f', 4, 64))
		sampled = true
		bound = fmt.Sprintf(" LIMIT %d", 2*limit) // blocks differ in size
	default:
		bound = fmt.Sprintf(" LIMIT %d", limit)
	}
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = d.Ident(c.Name)
	}
	rows := "SELECT " + strings.Join(names, ", ") + " FROM " + from + bound
	text := d.Words().Text()
	var sums, lines, values []string
	for i, c := range s.Columns {
		f := summarize(d, w, c)
		at := strconv.Itoa(i)
		line := []string{at, "engine_all"}
		for k, value := range []string{f.filled, f.distinct, f.least, f.greatest, f.top} {
			switch {
			case k == 4 && !w.Once: // comes from engine_tops
			case value == "" && k < 2:
				line = append(line, "-1")
			case value == "":
				line = append(line, "CAST(NULL AS "+text+")")
			default:
				name := fmt.Sprintf("c%d_%d", i, k)
				sums, line = append(sums, value+" AS "+name), append(line, name)
			}
		}
		lines = append(lines, "("+strings.Join(line, ", ")+")")
		if f.word != "" {
			values = append(values, "("+at+", "+f.word+")")
		}
	}
	all := "engine_sums AS (SELECT count(*) AS engine_all, " + strings.Join(sums, ", ") + " FROM engine_rows)"
	if w.Once {
		return "WITH engine_rows AS (" + rows + "), " + all + "\nSELECT s.* FROM engine_sums, UNNEST(" + w.Array + "[" + strings.Join(lines, ",\n") + "]) AS s", sampled
	}
	sql = "WITH engine_rows AS MATERIALIZED (" + rows + "), " + all
	each := "engine_sums CROSS JOIN LATERAL (VALUES " + strings.Join(lines, ",\n") + ") AS s(n, r, f, d, lo, hi)"
	if len(values) == 0 {
		return sql + "\nSELECT s.n, s.r, s.f, s.d, s.lo, s.hi, CAST(NULL AS " + text + ") AS top FROM " + each, sampled
	}
	// The values of all columns are counted together: a query for each would be read for each.
	return sql + ",\nengine_values AS (SELECT x.n, x.v, count(*) AS c FROM engine_rows CROSS JOIN LATERAL (VALUES " + strings.Join(values, ",\n") + ") AS x(n, v) WHERE x.v IS NOT NULL GROUP BY x.n, x.v),\n" +
		"engine_ranks AS (SELECT n, v, c, row_number() OVER (PARTITION BY n ORDER BY c DESC, v) AS k FROM engine_values),\n" +
		"engine_tops AS (SELECT n, " + w.Top + " AS top FROM engine_ranks WHERE k <= " + strconv.Itoa(topAsked) + " GROUP BY n)\n" +
		"SELECT s.n, s.r, s.f, s.d, s.lo, s.hi, engine_tops.top FROM " + each + " LEFT JOIN engine_tops ON engine_tops.n = s.n", sampled
}

// summary is what is asked of a column, as expressions; empty is what is not asked.
type summary struct {
	filled, distinct, least, greatest, top string
	// word is the value as short text.
	word string
}

func summarize(d warehouse.Dialect, w warehouse.Summary, c warehouse.Column) summary {
	text, name := d.Words().Text(), d.Ident(c.Name)
	short := func(of string) string {
		return fill(w.Prefix, "text", "CAST("+of+" AS "+text+")", "length", strconv.Itoa(longest))
	}
	out := summary{filled: "count(" + name + ")"}
	class := classOf(c.Type, w)
	if class == opaque {
		return out
	}
	out.distinct, out.word = fill(w.Distinct, "column", name), short(name)
	if class == ordered {
		out.least, out.greatest = short("min("+name+")"), short("max("+name+")")
	}
	if w.Once {
		out.top = fill(w.Top, "text", out.word, "top", strconv.Itoa(topAsked))
	}
	return out
}

// fill puts words into the places of a pattern.
func fill(pattern string, words ...string) string {
	pairs := slices.Clone(words)
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(pattern)
}

// class is how much can be said of the values of a type.
type class int

const (
	opaque  class = iota // how many are NULL
	equal                // which are the same
	ordered              // which is the least
)

// scalars are the beginnings of the names of types whose values can be compared, in upper case.
var scalars = []string{
	"BOOL", "TINYINT", "SMALLINT", "INT", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM", "NUMERIC", "DECIMAL",
	"BIGNUMERIC", "FLOAT", "DOUBLE", "REAL", "VARCHAR", "CHARACTER", "CHAR", "BPCHAR", "TEXT", "STRING", "DATE", "TIME", "UUID", "ENUM", "MONEY",
}

// classOf judges a type by its name; what is not known is opaque.
func classOf(typ string, w warehouse.Summary) class {
	t := strings.ToUpper(strings.TrimSpace(typ))
	if strings.HasSuffix(t, "]") || strings.HasPrefix(t, "INTERVAL") {
		return opaque // a list
	}
	head := t
	if i := strings.IndexAny(t, " (<"); i >= 0 {
		head = t[:i]
	}
	if !slices.ContainsFunc(scalars, func(s string) bool { return strings.HasPrefix(head, s) }) || strings.Contains(head, "RANGE") {
		return opaque
	}
	if slices.Contains(w.Unordered, head) {
		return equal
	}
	return ordered
}
