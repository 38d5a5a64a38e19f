package conformance

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/warehouse"
)

// A Target is a warehouse that cases run on.
type Target interface {
	// Name is the word of the report: «duckdb».
	Name() string
	// Open gives an empty database of its own.
	Open(context.Context) (Database, error)
}

// A Database runs statements. It is used by one goroutine at a time.
type Database interface {
	// Transpile writes a statement in the target's dialect. zone is the default time zone.
	Transpile(stmt ir.Stmt, zone string) (transpile.Result, error)
	// Exec runs a statement and gives the number of rows it changed, -1 if unknown.
	Exec(context.Context, transpile.Result) (int64, error)
	// Query runs a query. Each cell is read by the type of its column.
	Query(context.Context, transpile.Result, []ir.Output) ([][]Value, error)
	// Bind sets the value of a query parameter for the statements that follow: the
	// one cell that the query yields.
	Bind(ctx context.Context, name string, query transpile.Result) error
	// Isolated calls f with a database whose changes are undone afterwards.
	Isolated(context.Context, func(Database) error) error
	Close() error
}

// ErrorClass says what sort of an error a Database gave.
type ErrorClass string

// The classes.
const (
	// Evaluation is an error of the data: a division by zero, a text that is no number.
	Evaluation ErrorClass = "evaluation"
	// Engine is every other one: the generated SQL does not fit the target.
	Engine ErrorClass = "engine"
	// Limit is a statement that took too long or too much memory.
	Limit ErrorClass = "limit"
)

// RunError is an error of a Database.
type RunError struct {
	Class   ErrorClass
	Message string
	Err     error
}

// Error implements error.
func (e *RunError) Error() string { return e.Message }

// Unwrap gives the driver's error.
func (e *RunError) Unwrap() error { return e.Err }

// A shape is the structure of a column's type as the target names it: what is
// needed to bring the fields of a struct, which come by name, into their order.
type shape struct {
	elem   *shape
	names  []string
	fields []*shape
}

// readShape reads a type's name: STRUCT(a INTEGER, "b c" VARCHAR[])[].
func readShape(name string) *shape {
	p := &literals{s: name}
	return p.shape()
}

func (p *literals) shape() *shape {
	out := &shape{}
	p.space()
	word := p.word()
	for p.i < len(p.s) && p.s[p.i] == ' ' && word != "" {
		// TIMESTAMP WITH TIME ZONE
		save := p.i
		p.space()
		if p.word() == "" {
			p.i = save
			break
		}
	}
	if p.i < len(p.s) && p.s[p.i] == '(' {
		if !strings.EqualFold(word, "STRUCT") {
			if end := closing(p.s, p.i); end > 0 {
				p.i = end + 1
			}
		} else {
			p.i++
			for p.i < len(p.s) && !p.eat(")") {
				p.eat(",")
				p.space()
				field := ""
				if p.i < len(p.s) && p.s[p.i] == '"' {
					end := p.i + 1
					for end < len(p.s) {
						if p.s[end] == '"' {
							if end+1 < len(p.s) && p.s[end+1] == '"' {
								end += 2
								continue
							}
							break
						}
						end++
					}
					field = strings.ReplaceAll(p.s[p.i+1:min(end, len(p.s))], `""`, `"`)
					p.i = min(end+1, len(p.s))
				} else {
					field = p.word()
				}
				if field == "" && p.i < len(p.s) && p.s[p.i] != ' ' {
					return out
				}
				p.space()
				out.names = append(out.names, field)
				out.fields = append(out.fields, p.shape())
			}
		}
	}
	for p.i < len(p.s) && p.s[p.i] == '[' {
		end := closing(p.s, p.i)
		if end < 0 {
			return out
		}
		p.i = end + 1
		out = &shape{elem: out}
	}
	return out
}

// convert makes a typed value of what a warehouse's rows give (see warehouse.Rows).
func convert(v any, t *ir.Type, s *shape) (Value, error) {
	out := Value{Type: t}
	if v == nil {
		out.Null = true
		return out, nil
	}
	bad := func() (Value, error) {
		return out, fmt.Errorf("a %T (%v) came for a column of type %s", v, clip(fmt.Sprint(v)), t)
	}
	switch t.Kind {
	case ir.Bool:
		b, ok := v.(bool)
		if !ok {
			return bad()
		}
		out.Text = strconv.FormatBool(b)
	case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64:
		switch n := v.(type) {
		case int64:
			out.Text = strconv.FormatInt(n, 10)
		case string:
			i, ok := new(big.Int).SetString(n, 10)
			if !ok {
				return bad()
			}
			out.Text = i.String()
		default:
			return bad()
		}
	case ir.Float64, ir.Float32:
		switch n := v.(type) {
		case float64:
			out.Float = n
		case float32:
			out.Float = float64(n)
		default:
			return bad()
		}
	case ir.Numeric, ir.BigNumeric:
		switch n := v.(type) {
		case string:
			if _, ok := new(big.Rat).SetString(n); !ok {
				return bad()
			}
			out.Text = trimNumeric(n)
		case int64:
			out.Text = strconv.FormatInt(n, 10)
		default:
			return bad()
		}
	case ir.String, ir.JSON:
		text, ok := v.(string)
		if !ok {
			return bad()
		}
		out.Text = text
	case ir.UUID:
		text, ok := v.(string)
		if !ok {
			return bad()
		}
		out.Text = strings.ToLower(text)
	case ir.Bytes:
		switch b := v.(type) {
		case []byte:
			out.Text = string(b)
		default:
			return bad()
		}
	case ir.Date:
		d, ok := v.(time.Time)
		if !ok {
			return bad()
		}
		out.Text = d.Format("2006-01-02")
	case ir.Datetime, ir.Timestamp:
		d, ok := v.(time.Time)
		if !ok {
			return bad()
		}
		out.Text = trimFraction(d.UTC().Format("2006-01-02 15:04:05.999999999"), "")
		if t.Kind == ir.Timestamp {
			out.Text += "+00"
		}
	case ir.Time:
		switch d := v.(type) {
		case string:
			out.Text = trimFraction(d, "")
		case time.Time:
			out.Text = trimFraction(d.UTC().Format("15:04:05.999999999"), "")
		default:
			return bad()
		}
	case ir.Interval:
		text, ok := v.(string)
		if !ok {
			return bad()
		}
		i, ok := readInterval(text)
		if !ok {
			return bad()
		}
		out.Text = i
	case ir.Array:
		list, ok := v.([]any)
		if !ok || s.elem == nil {
			return bad()
		}
		for _, e := range list {
			c, err := convert(e, t.Elem, s.elem)
			if err != nil {
				return out, err
			}
			out.Elems = append(out.Elems, c)
		}
	case ir.Struct, ir.Range:
		m, ok := v.(map[string]any)
		if r, ordered := v.(warehouse.Struct); ordered {
			m, ok = map[string]any{}, true
			for i, name := range r.Names {
				m[name] = r.Values[i]
			}
		}
		if !ok {
			return bad()
		}
		fields := t.Fields
		if t.Kind == ir.Range {
			fields = []ir.Field{{Name: "start", Type: t.Elem}, {Name: "end", Type: t.Elem}}
		}
		if len(s.names) != len(fields) {
			return bad()
		}
		for i, f := range fields {
			e, ok := m[s.names[i]]
			if !ok {
				return bad()
			}
			c, err := convert(e, f.Type, s.fields[i])
			if err != nil {
				return out, err
			}
			out.Elems = append(out.Elems, c)
		}
	default:
		return bad()
	}
	return out, nil
}

var (
	intervalPart = regexp.MustCompile(`(-?\d+) (year|month|mon|day)s?`)
	intervalTime = regexp.MustCompile(`(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?`)
)

// readInterval reads an interval as DuckDB and PostgreSQL print it («1 year -2 days
// 04:05:06.5») and writes it as GoogleSQL does («1-0 -2 4:5:6.5»).
func readInterval(text string) (string, bool) {
	var months, days, seconds, fraction int64
	negative := false
	rest := text
	for _, m := range intervalPart.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return "", false
		}
		switch m[2] {
		case "year":
			months += 12 * n
		case "month", "mon":
			months += n
		case "day":
			days += n
		}
		rest = strings.Replace(rest, m[0], "", 1)
	}
	if m := intervalTime.FindStringSubmatch(rest); m != nil {
		var parts [3]int64
		for i, s := range m[2:5] {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return "", false
			}
			parts[i] = n
		}
		var err error
		if fraction, err = strconv.ParseInt((m[5] + "000000000")[:9], 10, 64); err != nil {
			return "", false
		}
		seconds = (parts[0]*60+parts[1])*60 + parts[2]
		negative = m[1] != ""
		rest = strings.Replace(rest, m[0], "", 1)
	}
	if strings.TrimSpace(rest) != "" {
		return "", false
	}
	return intervalText(months, days, negative && seconds+fraction > 0, seconds, fraction), true
}

// intervalText writes an interval as GoogleSQL does: years-months days hours:minutes:seconds.
// The time of day is in seconds and nanoseconds, which are more than 64 bits together.
func intervalText(months, days int64, negative bool, seconds, nanos int64) string {
	sign := func(negative bool) string {
		if negative {
			return "-"
		}
		return ""
	}
	m := max(months, -months)
	s := fmt.Sprintf("%s%d-%d %d %s%d:%d:%d", sign(months < 0), m/12, m%12, days, sign(negative), seconds/3600, seconds/60%60, seconds%60)
	if nanos != 0 {
		s += strings.TrimRight(fmt.Sprintf(".%09d", nanos), "0")
	}
	return s
}

var intervalForm = regexp.MustCompile(`^(-?)(\d+)-(\d+) (-?\d+) (-?)(\d+):(\d+):(\d+)(?:\.(\d{1,9}))?$`)

// sameInterval reports whether two intervals are equal to GoogleSQL: a month is 30 days, a
// day 24 hours.
func sameInterval(a, b string) bool {
	x, ok := intervalLength(a)
	if !ok {
		return a == b
	}
	y, ok := intervalLength(b)
	return ok && x.Cmp(y) == 0
}

// intervalLength is the length of an interval in nanoseconds.
func intervalLength(text string) (*big.Int, bool) {
	m := intervalForm.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	n := func(s string, unit int64) *big.Int {
		v, _ := new(big.Int).SetString(s, 10)
		return v.Mul(v, big.NewInt(unit))
	}
	const second, day = 1_000_000_000, 86_400_000_000_000
	months := n(m[2], 12)
	months.Add(months, n(m[3], 1)).Mul(months, big.NewInt(30*day))
	if m[1] != "" {
		months.Neg(months)
	}
	clock := n(m[6], 3600*second)
	clock.Add(clock, n(m[7], 60*second)).Add(clock, n(m[8], second)).Add(clock, n((m[9] + "000000000")[:9], 1))
	if m[5] != "" {
		clock.Neg(clock)
	}
	return months.Add(months, n(m[4], day)).Add(months, clock), true
}
