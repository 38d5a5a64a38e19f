package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// TUMBLE and HOP give each row of a table the windows of time that its timestamp is in.

func timeWindowMacros() []macro {
	width := func(name, of string) macro {
		text := func(message string) string { return fail("BIGINT", "'"+message+"'") }
		return macro{name, "i", `CASE WHEN i IS NULL THEN ` + text(of+" cannot be null.") +
			` WHEN _engine.interval_months(i) <> 0 THEN ` + text(of+" cannot have a MONTH or YEAR part.") +
			` WHEN day(i) < 0 OR _engine.interval_micros(i) < 0 THEN ` + text(of+" cannot be negative.") +
			` WHEN day(i) = 0 AND _engine.interval_micros(i) = 0 THEN ` + text(of+" cannot be zero.") +
			` ELSE day(i) * 86400000000 + _engine.interval_micros(i) END`}
	}
	return []macro{
		width("window_size", "Window size"),
		width("step_size", "Step size"),
		{"window_step", "step, size", `CASE WHEN step <= size THEN step ELSE ` + fail("BIGINT", "'Window size must be greater than or equal to step size.'") + ` END`},
		{"window_origin", "t", `CASE WHEN t IS NULL THEN ` + fail("BIGINT", "'Origin cannot be null.'") + ` ELSE epoch_us(t) END`},
		// The bound of a window, in microseconds; t is the row's.
		{"window_bound", "us, t", `CASE WHEN us BETWEEN -62135596800000000 AND 253402300799999999 THEN make_timestamptz(us) WHEN us IS NOT NULL THEN ` + fail("TIMESTAMPTZ", "'Bucket for ' || CAST(t AS VARCHAR) || ' is outside of timestamp range'") + ` END`},
		// The start of the last bucket of a width that begins at or before t.
		{"window_starts", "t, size, step, origin", `CASE WHEN t IS NULL THEN [NULL::BIGINT] ELSE list_transform([_engine.window_start(t, step, origin)], lambda last: CASE WHEN last - size < -62135596800000000 THEN ` + fail("BIGINT[]", "'Bucket for ' || CAST(t AS VARCHAR) || ' is outside of timestamp range'") + ` ELSE range(last, epoch_us(t) - size, -step) END)[1] END`},
		{"window_start", "t, width, origin", `epoch_us(t) - ((epoch_us(t) - origin) % width + width) % width`},
	}
}

// timeWindows writes TUMBLE(TABLE t, column, size, origin) or HOP(TABLE t, column, size,
// step, origin); false if the function is neither.
func (g *generator) timeWindows(t *ir.TVF) (string, []string, bool) {
	hop := t.Name == "hop"
	count := 4
	if hop {
		count = 5
	}
	if t.Name != "tumble" && !hop || len(t.Args) != count || t.Args[0].Scan == nil {
		return "", nil, false
	}
	for _, a := range t.Args[1:] {
		if a.Expr == nil {
			return "", nil, false
		}
	}
	name, ok := t.Args[1].Expr.(*ir.Literal)
	if !ok || name.Value.Null {
		return "(SELECT " + g.refuse(strings.ToUpper(t.Name)+" with a computed column name", "", t.At()) + ")", t.Names, true
	}
	from := g.w.Derived(t.Args[0].Scan)
	ts := g.timeColumn(t.Args[0].Columns, strings.Split(name.Value.Text, "."))
	var items, names []string
	taken := map[string]bool{"window_start": true, "window_end": true}
	for _, c := range t.Args[0].Columns {
		text, _ := g.w.Text(c.ID)
		lower := strings.ToLower(c.Name)
		if lower == "window_start" || lower == "window_end" {
			continue // the function's own take their place
		}
		column := c.Name
		if column == "" || taken[lower] {
			column = "column_" + itoa(len(names)+1)
		}
		taken[strings.ToLower(column)] = true
		items = append(items, text+" AS "+ident(column))
		names = append(names, column)
	}
	if ts == "" {
		return "(SELECT " + g.refuse(strings.ToUpper(t.Name), "its column is no TIMESTAMP", t.At()) + ")", t.Names, true
	}
	// The arguments are computed once.
	alias := ident(g.w.Alias("window"))
	size := g.macro("window_size", g.Expr(t.Args[2].Expr))
	origin := g.macro("window_origin", g.Expr(t.Args[count-1].Expr))
	once := "(SELECT " + size + " AS size, " + origin + " AS origin) AS " + alias
	start := g.macro("window_start", ts, alias+".size", alias+".origin")
	if hop {
		once = "(SELECT size, " + g.macro("window_step", "step", "size") + " AS step, origin FROM (SELECT " + size + " AS size, " +
			g.macro("step_size", g.Expr(t.Args[3].Expr)) + " AS step, " + origin + " AS origin)) AS " + alias
	}
	body := from + "\nCROSS JOIN " + once
	if hop {
		// The windows that hold the row start at the last step before it and the steps before
		// that as far back as a window reaches. A row without a time keeps its place.
		bound := ident(g.w.Alias("start"))
		body += "\nCROSS JOIN UNNEST(" + g.macro("window_starts", ts, alias+".size", alias+".step", alias+".origin") + ") AS " + bound + "(us)"
		start = bound + ".us"
	}
	items = append(items,
		g.macro("window_bound", start, ts)+" AS window_start",
		g.macro("window_bound", operand(start, transpile.PrecAdd)+" + "+alias+".size", ts)+" AS window_end")
	names = append(names, "window_start", "window_end")
	return "(\n" + transpile.Indent("SELECT "+strings.Join(items, ", ")+"\nFROM "+body) + "\n)", names, true
}

// timeColumn is the text of the TIMESTAMP that a path of names leads to, "" if none does.
func (g *generator) timeColumn(cols []ir.Column, path []string) string {
	for _, c := range cols {
		if strings.EqualFold(c.Name, path[0]) {
			text, _ := g.w.Text(c.ID)
			return timeField(text, c.Type, path[1:])
		}
	}
	return ""
}

func timeField(text string, t *ir.Type, path []string) string {
	for _, p := range path {
		if t.Kind != ir.Struct {
			return ""
		}
		found := -1
		for i, f := range t.Fields {
			if strings.EqualFold(f.Name, p) {
				if found >= 0 {
					return ""
				}
				found = i
			}
		}
		if found < 0 {
			return ""
		}
		text = "struct_extract(" + text + ", " + quote(fieldNames(t)[found]) + ")"
		t = t.Fields[found].Type
	}
	if t.Kind != ir.Timestamp {
		return ""
	}
	return text
}
