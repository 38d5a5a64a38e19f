package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/function"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// ownFunction is a function that the engine brings to DuckDB.
func ownFunction(t *testing.T, name string) func(args ...any) (any, error) {
	t.Helper()
	for _, f := range function.List() {
		if f.Name == name {
			return func(args ...any) (any, error) { return f.Guard(args) }
		}
	}
	t.Fatalf("there is no function %s", name)
	return nil
}

// The fingerprint is that of the engine's own function for texts of every length that the
// algorithm tells apart.
func TestFarmFingerprint(t *testing.T) {
	own := ownFunction(t, "farm_fingerprint")
	s := pg.Shared(t)
	c := openAs(t, s, s.Database(t), "")
	if err := c.Prepare(context.Background(), []string{"_engine.farm_fingerprint"}); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 300)
	for i := range text {
		text[i] = byte(i*i*7 + 13*i + 5)
	}
	var calls, want []string
	for n := range text {
		v, err := own(text[:n])
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(v))
		calls = append(calls, `_engine.farm_fingerprint('\x`+hex.EncodeToString(text[:n])+`')`)
	}
	got, _ := one(t, c, "SELECT array_to_string(ARRAY["+strings.Join(calls, ", ")+"], ',')").(string)
	for n, g := range strings.Split(got, ",") {
		if g != want[n] {
			t.Errorf("%d bytes: %s, want %s", n, g, want[n])
		}
	}
}

// evaluator computes translated expressions on a server.
type evaluator struct {
	t    *testing.T
	conn *conn
}

func newEvaluator(t *testing.T) evaluator {
	t.Helper()
	s := pg.Shared(t)
	c := openAs(t, s, s.Database(t), "")
	if err := c.Prepare(context.Background(), []string{"_engine.fail"}); err != nil {
		t.Fatal(err)
	}
	return evaluator{t, c}
}

// answer is what came of an expression: its text, nil for NULL, unless it is refused.
type answer struct {
	text    any
	refused bool
}

// values are those of expressions that do not fail.
func (e evaluator) values(list []ir.Expr) []answer {
	e.t.Helper()
	out := make([]answer, len(list))
	var queries []string
	var at []int
	for i, x := range list {
		col := ir.Column{ID: 1, Name: "x", Type: x.T()}
		res, err := target.Statement(&ir.Query{
			Output: []ir.Output{{Name: "x", Column: col}},
			Scan:   &ir.Project{Base: ir.Base{Columns: []ir.Column{col}}, Input: &ir.SingleRow{}, Exprs: []ir.Computed{{Column: col, Expr: x}}},
		}, transpile.Options{})
		if err != nil {
			out[i].refused = true
			continue
		}
		queries, at = append(queries, "(SELECT x::text FROM ("+res.SQL+") AS q)"), append(at, i)
	}
	e.run(queries, at, out)
	return out
}

// run computes queries at once, and in halves where one of them is refused as it runs.
func (e evaluator) run(queries []string, at []int, out []answer) {
	e.t.Helper()
	if len(queries) == 0 {
		return
	}
	rows, err := e.conn.Query(context.Background(), warehouse.Statement{SQL: "SELECT unnest(ARRAY[" + strings.Join(queries, ",\n") + "])"})
	if err == nil {
		defer rows.Close()
		n := 0
		for rows.Next() {
			v, err := rows.Values()
			if err != nil {
				e.t.Fatal(err)
			}
			out[at[n]].text = v[0]
			n++
		}
		if err = rows.Err(); err == nil && n != len(queries) {
			e.t.Fatalf("%d values of %d", n, len(queries))
		}
	}
	var pg *pgconn.PgError
	switch {
	case err == nil:
	case !errors.As(err, &pg) || pg.Code != "0A000":
		e.t.Fatal(err)
	case len(queries) == 1:
		out[at[0]].refused = true
	default:
		half := len(queries) / 2
		e.run(queries[:half], at[:half], out)
		e.run(queries[half:], at[half:], out)
	}
}

func literal(text string) ir.Expr {
	return &ir.Literal{Of: ir.Of{Type: ir.TypeOf(ir.String)}, Value: ir.Value{Type: ir.TypeOf(ir.String), Text: text}}
}

// invoke is SAFE.name(args).
func invoke(name string, result ir.Kind, args ...ir.Expr) ir.Expr {
	c := &ir.Call{Of: ir.Of{Type: ir.TypeOf(result)}, Name: name, Group: "GoogleSQL", Safe: true}
	for _, a := range args {
		c.Args = append(c.Args, ir.Arg{Expr: a})
	}
	return c
}

// A literal pattern matches where RE2's does.
func TestRegexps(t *testing.T) {
	e := newEvaluator(t)
	patterns := []string{`a`, `^a`, `a$`, `^$`, `.`, `a.c`, `(?s)a.c`, `\d+`, `[^a-z]`, `(?i)é`, `\bab\b`, `\Bb`, `(?m)^b$`, `^(a|bc)+$`, `a{2,3}`, `\w+\s\w+`, `[[:alpha:]]+\.`,
		`\x41`, `\p{Lu}`, `(a|ab)(c|bcd)`, `a*?b`, `\Aab\z`, `[\]\[]`, `\$\{`, `(?:)`, `é|ß`, `\s`, `[a\-z]`, `\.`, `x|^y`, `\t`, `A+`}
	texts := []string{"", "a", "A", "ab", "abc", "a\nc", "aXc", "b\na", "a b", "aab", "aaab", "É", "é", "éb", "ab-ab", "x ab", "1", "12ab", "a.c", "AB.", "[x]", "${a}", "y", "xy", "\t", " ", "abcd", "ß", "b", "bcbc", "a\n"}
	answers := 0
	for _, p := range patterns {
		re := regexp.MustCompile(p)
		var calls []ir.Expr
		for _, s := range texts {
			calls = append(calls, invoke("regexp_contains", ir.Bool, literal(s), literal(p)))
		}
		for i, got := range e.values(calls) {
			if got.refused {
				continue
			}
			answers++
			if want := fmt.Sprint(re.MatchString(texts[i])); got.text != want {
				t.Errorf("%q in %q: %v, want %s", p, texts[i], got.text, want)
			}
		}
	}
	if answers < len(patterns)*len(texts)*3/4 {
		t.Errorf("only %d of %d are answered", answers, len(patterns)*len(texts))
	}
}

// What a pattern matches, where it is translated, is what RE2 matches.
func TestRegexpMatches(t *testing.T) {
	e := newEvaluator(t)
	r := rand.New(rand.NewPCG(7, 11))
	atom := func() string {
		return []string{"a", "b", "c", "[ab]", ".", "[^a]", "ab", `\w`}[r.IntN(8)]
	}
	piece := func() string {
		return atom() + []string{"", "", "", "*", "+", "?", "{2}", "{1,2}"}[r.IntN(8)]
	}
	pattern := func() string {
		var b strings.Builder
		if r.IntN(4) == 0 {
			b.WriteString("^")
		}
		for range 1 + r.IntN(4) {
			switch r.IntN(6) {
			case 0:
				b.WriteString("(" + piece() + piece() + ")")
			case 1:
				b.WriteString("(" + piece() + ")")
			case 2:
				b.WriteString("(?:" + piece() + "|" + piece() + ")")
			default:
				b.WriteString(piece())
			}
		}
		if r.IntN(2) == 0 {
			b.WriteString("$")
		}
		return b.String()
	}
	texts := []string{"", "a", "b", "ab", "ba", "aab", "abb", "abab", "aabb", "bbaa", "abc", "cab", "acbcab", "aaaa", "abcabcab", "cc", "bcba"}
	answers := 0
	for range 150 {
		p := pattern()
		re := regexp.MustCompile(p)
		if re.NumSubexp() > 1 {
			continue
		}
		var calls []ir.Expr
		var want []any
		for _, s := range texts {
			calls = append(calls, invoke("regexp_extract", ir.String, literal(s), literal(p)))
			var found any
			if m := re.FindStringSubmatchIndex(s); m != nil {
				if i := len(m) - 2; m[i] >= 0 {
					found = s[m[i]:m[i+1]]
				}
			}
			want = append(want, found)
		}
		for i, got := range e.values(calls) {
			if got.refused {
				continue
			}
			answers++
			if got.text != want[i] {
				t.Errorf("%q in %q: %v, want %v", p, texts[i], got.text, want[i])
			}
		}
	}
	if answers < 800 {
		t.Errorf("only %d are answered", answers)
	}
}

// Texts of dates and times are read as by the engine's own functions: the same value, an
// error for the same texts, or no answer.
func TestParsing(t *testing.T) {
	e := newEvaluator(t)
	texts := []string{"2024-02-29", "2023-02-29", "2024-2-9", "24-1-5", "0000-01-01", "10000-01-01", "12345-01-01", "9999-12-31", " 2024-02-29 ", "2024-02-29 ", "2024 - 02-29",
		"02/29/2024", "2/9/24", "2/9/69", "2/9/1", "20240229", "2024229", "20241301", "202402290", "Feb 29 2024", "february 29, 2024", "FEB29 2024", "29-Feb-2024", "Thu Feb 29 2024", "Thursday Feb 29 2024",
		"2024-02-29 13:14:15", "2024-02-29T13:14:15.123456", "2024-02-29 13:14:15.1234567", "2024-02-29 1:2:3 PM", "2024-02-29 12:00:00 am", "2024-02-29 13:00 pm", "2024-02-29 24:00:00", "2024-02-29 23:59:60", "2024-02-29 23:60:00",
		"2024-02-29 13:14:15+05:30", "2024-02-29 13:14:15 +0530", "2024-02-29 13:14:15-05", "2024-02-29 13:14:15Z", "2024-02-29 13:14:15 UTC", "2024-02-29 13:14:15 Europe/Zurich", "2024-02-29 13:14:15 Nowhere/Else", "2024-02-29 13:14:15+15:00", "2024-02-29 13:14:15+5",
		"", " ", "n/a", "2024", "2024-", "2024-02", "2024-02-29x", "-2024-02-29", "13:14:15", "1:2:3", "131415", "2024-02-29\t13:14:15", "2024-02-29  13:14:15", "٢٠٢٤-02-29", "0001-01-01 00:00:00+10"}
	formats := []string{"%Y-%m-%d", "%F", "%m/%d/%Y", "%m/%d/%y", "%D", "%Y%m%d", "%b %d %Y", "%B %d, %Y", "%b%d %Y", "%d-%b-%Y", "%a %b %e %Y", "%A %b %d %Y", "%Y", "%Y-%m", "%%%Y", "%E4Y-%m-%d", "%Y-%m-%dx", "%d", "%y%m%d", "%n%Y %m"}
	clocks := []string{"%Y-%m-%d %H:%M:%S", "%F %T", "%FT%T", "%Y-%m-%dT%H:%M:%E*S", "%F %E3S", "%Y-%m-%d %I:%M:%S %p", "%F %H:%M %p", "%F %R", "%T", "%H%M%S", "%F %k:%M:%S", "%Y-%m-%d %l:%M:%S %p", "%X"}
	zoned := []string{"%F %T%Ez", "%F %T %z", "%F %T%z", "%FT%TZ"}
	answers, all := 0, 0
	compare := func(what string, kind ir.Kind, own string, calls []ir.Expr, values [][]any) {
		t.Helper()
		read := ownFunction(t, own)
		for i, got := range e.values(calls) {
			all++
			if got.refused {
				continue
			}
			answers++
			v, err := read(values[i]...)
			if err != nil {
				if got.text != nil {
					t.Errorf("%s %q: %v, want NULL (%v)", what, values[i], got.text, err)
				}
				continue
			}
			if want := shown(kind, v.(int64)); got.text != want {
				t.Errorf("%s %q: %v, want %s", what, values[i], got.text, want)
			}
		}
	}
	parse := func(name string, kind ir.Kind, formats []string, more ...any) {
		t.Helper()
		for _, f := range formats {
			var calls []ir.Expr
			var values [][]any
			for _, s := range texts {
				calls = append(calls, invoke(name, kind, literal(f), literal(s)))
				values = append(values, append([]any{f, s}, more...))
			}
			compare(name, kind, name, calls, values)
		}
	}
	parse("parse_date", ir.Date, formats)
	parse("parse_datetime", ir.Datetime, append(clocks, formats...))
	parse("parse_time", ir.Time, []string{"%T", "%H:%M", "%H%M%S", "%I:%M %p", "%E*S"})
	parse("parse_timestamp", ir.Timestamp, append(append(zoned, clocks...), formats[:4]...), "UTC")
	// SAFE_CAST reads the forms of literals.
	cast := func(kind ir.Kind, own string, more ...any) {
		t.Helper()
		var calls []ir.Expr
		var values [][]any
		for _, s := range texts {
			calls = append(calls, &ir.Cast{Of: ir.Of{Type: ir.TypeOf(kind)}, Arg: literal(s), Safe: true})
			values = append(values, append([]any{s}, more...))
		}
		compare("SAFE_CAST", kind, own, calls, values)
	}
	cast(ir.Date, "date_of_string")
	cast(ir.Datetime, "datetime_of_string")
	cast(ir.Timestamp, "timestamp_of_string", "UTC")
	cast(ir.Time, "time_of_string")
	if answers < all*9/10 {
		t.Errorf("only %d of %d are answered", answers, all)
	}
}

// shown is a date in days or a time in microseconds as PostgreSQL writes it.
func shown(kind ir.Kind, n int64) string {
	switch kind {
	case ir.Date:
		return time.Unix(n*86400, 0).UTC().Format("2006-01-02")
	case ir.Time:
		return time.UnixMicro(n).UTC().Format("15:04:05.999999")
	case ir.Timestamp:
		return time.UnixMicro(n).UTC().Format("2006-01-02 15:04:05.999999") + "+00"
	}
	return time.UnixMicro(n).UTC().Format("2006-01-02 15:04:05.999999")
}
