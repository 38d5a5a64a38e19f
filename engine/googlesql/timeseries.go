package googlesql

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
)

// GAP_FILL and RANGE_SESSIONIZE are table functions whose columns depend on their
// arguments, and the analyzer knows neither. A call becomes one of a templated table
// function of the same length, whose body is written for the arguments; they are blanked,
// so that no byte of the statement moves.
//
//	FROM GAP_FILL(TABLE t, ts_column => 'x', …)  →  FROM _gf_0001(TABLE t               )
//
// The bodies follow the pages «Time series functions» and «Range functions» of
// BigQuery's documentation.

// seriesCall is one such call.
type seriesCall struct {
	name       string // as the statement has it now
	start, end int    // bytes of the name
	// bodies are what it may mean, by the types of its columns: the first one that can be
	// analyzed is right.
	bodies []string
}

// series rewrites the calls of a statement. The calls are nil if there are none.
func (s *Session) series(sql string, tokens []token) (string, []seriesCall, error) {
	var calls []seriesCall
	var text []byte
	for i, t := range tokens {
		if t.kind != wordToken || t.quoted || i+1 == len(tokens) || !sign(sql, tokens[i+1], '(') || i > 0 && sign(sql, tokens[i-1], '.') {
			continue
		}
		name := strings.ToUpper(t.name(sql))
		if name != "GAP_FILL" && name != "RANGE_SESSIONIZE" || s.function([]string{name}) != nil {
			continue
		}
		end := callEnd(sql, tokens, i)
		if end < 0 {
			return sql, nil, nil // an error of syntax
		}
		args, cut, err := seriesArguments(sql, tokens[i+2:], end-1)
		if err != nil {
			return "", nil, &Unsupported{What: name + " with " + err.Error()}
		}
		c := seriesCall{name: fmt.Sprintf("_gf_%04d", len(calls)+1), start: t.start, end: t.end}
		if name == "GAP_FILL" {
			c.bodies, err = gapFill(args)
		} else {
			c.name = fmt.Sprintf("_range_sess_%04d", len(calls)+1)
			c.bodies, err = sessionize(args)
		}
		if err != nil {
			return "", nil, &Unsupported{What: name + " with " + err.Error()}
		}
		if text == nil {
			text = []byte(sql)
		}
		copy(text[t.start:t.end], c.name)
		for k := cut; k < end-1; k++ {
			if text[k] != '\n' {
				text[k] = ' '
			}
		}
		calls = append(calls, c)
	}
	if calls == nil {
		return sql, nil, nil
	}
	return string(text), calls, nil
}

// analyzeSeries analyzes a statement with such calls.
func (s *Session) analyzeSeries(sql string, calls []seriesCall, use func(*decoder, raw.Handle, *Analysis)) (*Analysis, error) {
	choice := make([]int, len(calls))
	defer func() {
		for _, c := range calls {
			delete(s.functions, functionKey([]string{c.name}))
		}
		if s.engine != nil {
			s.engine.stale = true
		}
	}()
	var first error
	for tries := 0; tries < maxSeriesTries; tries++ {
		for i, c := range calls {
			s.declareFunction(&function{
				name: []string{c.name}, kind: tableFunction, language: "SQL", body: c.bodies[choice[i]],
				args: []argument{{name: "input", kind: raw.SignatureArgumentKindArgTypeRelation}},
			})
		}
		a, err := s.attempt(sql, paths(sql, scan(sql)), use)
		if err == nil {
			return a, nil
		}
		if first == nil {
			first = err
		}
		// The next combination.
		i := 0
		for ; i < len(calls); i++ {
			if choice[i]++; choice[i] < len(calls[i].bodies) {
				break
			}
			choice[i] = 0
		}
		if i == len(calls) {
			break
		}
	}
	if e, ok := first.(*Error); ok {
		return nil, Errors{e}
	}
	return nil, first
}

// maxSeriesTries bounds the combinations of types that are tried.
const maxSeriesTries = 200

// seriesArgument is one argument: its name in lower case, "" by position, and its tokens.
type seriesArgument struct {
	name   string
	text   string
	tokens []token
	sql    string
}

// seriesArguments splits the arguments after the first, which is a relation, up to the
// parenthesis at end; cut is where the first one ends.
func seriesArguments(sql string, tokens []token, end int) (args []seriesArgument, cut int, err error) {
	depth, from := 0, 0
	cut = -1
	add := func(to int) {
		if cut < 0 {
			cut = end
			if to < len(tokens) {
				cut = tokens[to].start
			}
			return
		}
		list := tokens[from:to]
		if len(list) == 0 {
			return
		}
		a := seriesArgument{sql: sql}
		if len(list) > 3 && list[0].kind == wordToken && sign(sql, list[1], '=') && sign(sql, list[2], '>') {
			a.name = strings.ToLower(list[0].name(sql))
			list = list[3:]
		}
		a.tokens = list
		a.text = sql[list[0].start:list[len(list)-1].end]
		args = append(args, a)
	}
	for i, t := range tokens {
		if t.start >= end {
			add(i)
			return args, cut, nil
		}
		if t.kind != signToken {
			continue
		}
		switch sql[t.start] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				add(i)
				from = i + 1
			}
		}
	}
	return nil, 0, fmt.Errorf("arguments that do not end")
}

// named finds an argument by its name, or by its position after the relation if that is
// not negative.
func named(args []seriesArgument, name string, position int) *seriesArgument {
	for i := range args {
		if args[i].name == name || args[i].name == "" && i == position {
			return &args[i]
		}
	}
	return nil
}

// plainText is the value of a string literal without escapes.
func plainText(sql string, t token) (string, error) {
	s := sql[t.start:t.end]
	if t.kind != stringToken || len(s) < 2 || s[0] != '\'' && s[0] != '"' || strings.ContainsAny(s, "\\\n`") || strings.HasPrefix(s, `'''`) || strings.HasPrefix(s, `"""`) {
		return "", fmt.Errorf("an argument that is no plain STRING literal")
	}
	return s[1 : len(s)-1], nil
}

// texts reads 'a', ['a', 'b'] or [('a', 'b'), …]: all literals, which must be apart by
// nothing but signs.
func (a *seriesArgument) texts() ([]string, error) {
	out := []string{}
	for _, t := range a.tokens {
		if t.kind == signToken && strings.IndexByte("[](),", a.sql[t.start]) >= 0 {
			continue
		}
		text, err := plainText(a.sql, t)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

func columnNames(names []string) string {
	return strings.Join(quotedAll(names), ", ")
}

// comma is a list that others follow.
func comma(list string) string {
	if list == "" {
		return ""
	}
	return list + ", "
}

// sessionize is the body of RANGE_SESSIONIZE(TABLE, range_column, partitioning_columns
// [, sessionize_option]). Ranges of a partition in the order of their starts belong
// together as long as each one begins before, or at, the latest end so far.
func sessionize(args []seriesArgument) ([]string, error) {
	column, partition := named(args, "range_column", 0), named(args, "partitioning_columns", 1)
	option := named(args, "sessionize_option", 2)
	if column == nil || partition == nil {
		return nil, fmt.Errorf("too few arguments")
	}
	name, err := column.texts()
	if err != nil || len(name) != 1 {
		return nil, fmt.Errorf("a range column that is no plain STRING literal")
	}
	keys, err := partition.texts()
	if err != nil {
		return nil, err
	}
	apart := ">"
	if option != nil {
		switch text, err := option.texts(); {
		case err != nil:
			return nil, err
		case len(text) == 1 && strings.EqualFold(text[0], "MEETS"):
		case len(text) == 1 && strings.EqualFold(text[0], "OVERLAPS"):
			apart = ">="
		default:
			return nil, fmt.Errorf("this sessionize option")
		}
	}
	r := "`" + name[0] + "`"
	by := comma(columnNames(keys)) + r + " IS NULL"
	before := "(PARTITION BY " + by + " ORDER BY RANGE_START(" + r + ") ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
	body := "SELECT * EXCEPT (_session), IF(" + r + " IS NULL, NULL, RANGE(" +
		"IF(LOGICAL_OR(RANGE_START(" + r + ") IS NULL) OVER w, NULL, MIN(RANGE_START(" + r + ")) OVER w), " +
		"IF(LOGICAL_OR(RANGE_END(" + r + ") IS NULL) OVER w, NULL, MAX(RANGE_END(" + r + ")) OVER w))) AS session_range" +
		" FROM (SELECT * EXCEPT (_begins), SUM(_begins) OVER (PARTITION BY " + by + " ORDER BY RANGE_START(" + r + ") ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS _session" +
		" FROM (SELECT *, IF(RANGE_START(" + r + ") IS NULL OR IFNULL(LOGICAL_OR(RANGE_END(" + r + ") IS NULL) OVER " + before + ", FALSE), 0, " +
		"IF(RANGE_START(" + r + ") " + apart + " MAX(RANGE_END(" + r + ")) OVER " + before + ", 1, 0)) AS _begins FROM input))" +
		" WINDOW w AS (PARTITION BY " + by + ", _session)"
	return []string{body}, nil
}

var bucketWidth = regexp.MustCompile(`(?i)^INTERVAL\s+(\d{1,9})\s+(MICROSECOND|MILLISECOND|SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)$`)

// gapFill lists the bodies of GAP_FILL by the type of the time column and of the columns
// to interpolate. Buckets begin at the first one not before the first row of a partition
// and end with the last one not after its last row.
func gapFill(args []seriesArgument) ([]string, error) {
	column, width := named(args, "ts_column", 0), named(args, "bucket_width", 1)
	if column == nil || width == nil {
		return nil, fmt.Errorf("too few arguments")
	}
	name, err := column.texts()
	if err != nil || len(name) != 1 {
		return nil, fmt.Errorf("a time column that is no plain STRING literal")
	}
	m := bucketWidth.FindStringSubmatch(width.text)
	if m == nil {
		return nil, fmt.Errorf("a bucket width that is no literal of one part")
	}
	step, unit := m[1], strings.ToUpper(m[2])
	if n, _ := strconv.Atoi(step); n == 0 {
		return nil, fmt.Errorf("a bucket width of zero")
	}
	var keys, pairs []string
	if a := named(args, "partitioning_columns", -1); a != nil {
		if keys, err = a.texts(); err != nil {
			return nil, err
		}
	}
	values := named(args, "value_columns", -1)
	if values != nil {
		if pairs, err = values.texts(); err != nil {
			return nil, err
		}
		if len(pairs)%2 != 0 {
			return nil, fmt.Errorf("value columns that are no pairs")
		}
	}
	origin := ""
	if a := named(args, "origin", -1); a != nil {
		origin = a.text
	}
	skipNull := true
	if a := named(args, "ignore_null_values", -1); a != nil {
		switch strings.ToUpper(a.text) {
		case "TRUE":
		case "FALSE":
			skipNull = false
		default:
			return nil, fmt.Errorf("ignore_null_values that is no literal")
		}
	}
	for _, a := range args {
		switch a.name {
		case "", "ts_column", "bucket_width", "partitioning_columns", "value_columns", "origin", "ignore_null_values":
		default:
			return nil, fmt.Errorf("the argument %s", a.name)
		}
	}
	linear := 0
	for i := 1; i < len(pairs); i += 2 {
		switch strings.ToLower(pairs[i]) {
		case "null", "locf":
		case "linear":
			linear++
		default:
			return nil, fmt.Errorf("the gap-filling method %s", pairs[i])
		}
	}
	if linear > 4 {
		return nil, fmt.Errorf("more than four linear columns")
	}
	var bodies []string
	for _, f := range []struct{ kind, literal, fine string }{
		{"DATE", "DATE '1950-01-01'", "DAY"}, {"TIMESTAMP", "TIMESTAMP '1950-01-01 00:00:00+00'", "MICROSECOND"}, {"DATETIME", "DATETIME '1950-01-01 00:00:00'", "MICROSECOND"},
	} {
		start := f.literal
		if origin != "" {
			start = "(" + origin + ")"
		}
		g := gapBody{
			kind: f.kind, fine: f.fine, origin: start, time: "`" + name[0] + "`", keys: keys, step: step, unit: unit, pairs: pairs, all: values == nil, skipNull: skipNull,
		}
		for floats := range 1 << linear {
			g.floats = floats
			bodies = append(bodies, g.text())
		}
	}
	return bodies, nil
}

// gapBody is what the body of a GAP_FILL is made of.
type gapBody struct {
	kind, fine, origin, time, step, unit string
	keys, pairs                          []string
	all, skipNull                        bool
	// floats has a bit for each linear column that is no INT64.
	floats int
}

func (g gapBody) text() string {
	by, ks := "", columnNames(g.keys)
	if ks != "" {
		by = "PARTITION BY " + ks + " "
	}
	group := ""
	if ks != "" {
		group = " GROUP BY " + ks
	}
	lo := g.kind + "_BUCKET(_lo, INTERVAL " + g.step + " " + g.unit + ", " + g.origin + ")"
	// Functions of one type take others, too: these three tell the types apart.
	guard := map[string]string{"DATE": "UNIX_DATE(", "TIMESTAMP": "UNIX_MICROS(", "DATETIME": "EXTRACT(HOUR FROM "}[g.kind]
	least := "MIN(IF(" + guard + g.time + ") IS NULL, NULL, " + g.time + "))"
	grid := "SELECT " + comma(ks) + "_at FROM (SELECT " + comma(ks) + "_lo, _hi, " + g.kind + "_ADD(_first, INTERVAL (_i * " + g.step + ") " + g.unit + ") AS _at" +
		" FROM (SELECT " + comma(ks) + "_lo, _hi, " + lo + " AS _first FROM (SELECT " + comma(ks) + least + " AS _lo, MAX(" + g.time + ") AS _hi FROM input" + group + "))" +
		", UNNEST(GENERATE_ARRAY(0, DIV(" + g.kind + "_DIFF(_hi, _first, " + g.unit + "), " + g.step + ") + 1)) AS _i) WHERE _at >= _lo AND _at <= _hi"
	if g.all {
		on := "_d." + g.time + " = _g._at"
		ks2 := ""
		for _, k := range g.keys {
			on += " AND _d.`" + k + "` IS NOT DISTINCT FROM _g.`" + k + "`"
			ks2 += ", _g.`" + k + "`"
		}
		except := g.time
		if ks != "" {
			except += ", " + ks
		}
		return "SELECT _g._at AS " + g.time + ks2 + ", _d.* EXCEPT (" + except + ") FROM (" + grid + ") AS _g LEFT JOIN " +
			"(SELECT * FROM input WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY " + comma(ks) + g.time + ") = 1) AS _d ON " + on
	}
	// Rows and buckets in one list, a row before the bucket at the same time; windows look
	// from each bucket back and ahead.
	var cols, nulls, windows, outs []string
	nth := 0
	for i := 0; i < len(g.pairs); i += 2 {
		c, v := "`"+g.pairs[i]+"`", strconv.Itoa(i/2+1)
		cols, nulls = append(cols, c), append(nulls, "NULL")
		known := "NOT _grid"
		if g.skipNull {
			known += " AND " + c + " IS NOT NULL"
		}
		kept := "IF(" + known + ", STRUCT(_at AS t, " + c + " AS v), NULL)"
		prev := "LAST_VALUE(" + kept + " IGNORE NULLS) OVER (" + by + "ORDER BY _at, _grid ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS _p" + v
		next := "FIRST_VALUE(" + kept + " IGNORE NULLS) OVER (" + by + "ORDER BY _at, _grid ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS _n" + v
		switch strings.ToLower(g.pairs[i+1]) {
		case "locf":
			windows = append(windows, prev)
			outs = append(outs, "_p"+v+".v AS "+c)
		case "linear":
			diff := func(a, b string) string { return g.kind + "_DIFF(" + a + ", " + b + ", " + g.fine + ")" }
			value := "_p" + v + ".v + (_n" + v + ".v - _p" + v + ".v) * " + diff("_at", "_p"+v+".t") + " / " + diff("_n"+v+".t", "_p"+v+".t")
			if g.floats>>nth&1 == 0 {
				// A column of INT64, the only number that has |, stays one.
				value = "IF(FALSE, _p" + v + ".v | 0, CAST(" + value + " AS INT64))"
			}
			nth++
			windows = append(windows, prev, next)
			outs = append(outs, "IF(_p"+v+".t = _at, _p"+v+".v, "+value+") AS "+c)
		default:
			windows = append(windows, "LAST_VALUE(IF(_grid, NULL, "+c+") IGNORE NULLS) OVER (PARTITION BY "+comma(ks)+"_at ORDER BY _grid ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS _v"+v)
			outs = append(outs, "_v"+v+" AS "+c)
		}
	}
	list := func(items []string) string { return strings.Join(items, ", ") }
	rows := "SELECT " + comma(ks) + g.time + " AS _at, FALSE AS _grid" + after(cols) + " FROM input WHERE " + g.time + " IS NOT NULL" +
		" UNION ALL SELECT " + comma(ks) + "_at, TRUE" + after(nulls) + " FROM (" + grid + ")"
	return "SELECT " + list(append([]string{"_at AS " + g.time}, append(quotedAll(g.keys), outs...)...)) +
		" FROM (SELECT " + comma(ks) + "_at, _grid" + after(windows) + " FROM (" + rows + ")) WHERE _grid"
}

// after is a list that follows others.
func after(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return ", " + strings.Join(items, ", ")
}

func quotedAll(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "`" + n + "`"
	}
	return out
}
