package postgres

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Slicer = Dialect{}

// Functions of the run time that slices use.
const (
	tryFunction       = target.Schema + ".try"
	documentFunction  = target.Schema + ".safe_text_jsonb"
	partsOfTimeFormat = target.Schema + ".safe_parse_parts"
)

// Needs are the functions that fail for no value.
func (Dialect) Needs() []string {
	return []string{documentFunction, partsOfTimeFormat, tryFunction}
}

// Field reads a value of a jsonb. PostgreSQL 15 has no cast that gives NULL: what is cast has
// been looked at before, with nested conditions, since the parts of one have no order.
func (d Dialect) Field(json, jsonType, id string, t warehouse.FieldType, formats []string) (parts []string, of func(names []string) (value, there string)) {
	if strings.IndexByte(id, 0) >= 0 { // no text, and no key, has such a character
		return nil, func([]string) (value, there string) { return "CAST(NULL AS " + d.FieldColumn(t) + ")", "false" }
	}
	json, _ = d.Document(json, jsonType)
	element := "((" + json + ") -> " + text(id) + ")"
	switch t {
	case warehouse.FieldText, warehouse.FieldList:
		return []string{element}, func(n []string) (value, there string) {
			kind, raw := "jsonb_typeof("+n[0]+")", "("+n[0]+" #>> '{}')"
			if t == warehouse.FieldText {
				return "CASE WHEN " + kind + " NOT IN ('object', 'array') THEN " + raw + " END", kind + " <> 'null'"
			}
			elements := "jsonb_array_elements(" + n[0] + ")"
			return "CASE WHEN " + kind + " = 'array' THEN CASE WHEN NOT jsonb_path_exists(" + n[0] + `, 'strict $[*] ? (@.type() == "object" || @.type() == "array")') ` +
					"THEN ARRAY(SELECT _engine_a.e #>> '{}' FROM " + elements + " WITH ORDINALITY AS _engine_a(e, i) WHERE jsonb_typeof(_engine_a.e) <> 'null' ORDER BY _engine_a.i) END END",
				"(" + kind + " <> 'null' AND btrim(" + raw + ") <> '')"
		}
	}
	return []string{"btrim((" + json + ") ->> " + text(id) + ")"}, func(n []string) (value, there string) {
		return fieldValue(n[0], t, formats), n[0] + " <> ''"
	}
}

// fieldValue reads a text, see the forms of package warehouse.
func fieldValue(s string, t warehouse.FieldType, formats []string) string {
	when := func(form, value string) string {
		return "CASE WHEN " + s + " ~ " + text("^(?:"+form+")$") + " THEN " + value + " END"
	}
	// on is a value of texts that begin with a day, of those whose month has that many days.
	on := func(form, value string) string {
		last := "extract(day FROM (substr(" + s + ", 1, 7) || '-01')::date + interval '1 month' - interval '1 day')"
		return when(form, "CASE WHEN left("+s+", 4) = '0000' THEN NULL WHEN substr("+s+", 9, 2) <= '28' THEN "+value+" WHEN substr("+s+", 9, 2)::integer <= "+last+" THEN "+value+" END")
	}
	switch t {
	case warehouse.FieldInteger:
		return when(warehouse.FieldIntegerForm, "CASE WHEN "+s+"::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN "+s+"::numeric::bigint END")
	case warehouse.FieldNumber:
		return when(warehouse.FieldNumberForm, "CASE WHEN length("+s+") <= "+strconv.Itoa(warehouse.FieldNumberLength)+" THEN CASE WHEN abs(round("+s+"::numeric, 9)) < 1e29 THEN "+s+"::numeric(38,9) END END")
	case warehouse.FieldBool:
		return "CASE WHEN lower(" + s + ") IN ('true', 'yes', '1') THEN true WHEN lower(" + s + ") IN ('false', 'no', '0') THEN false END"
	case warehouse.FieldDate, warehouse.FieldDatetime:
		read := []string{}
		day := t == warehouse.FieldDate
		if day {
			read = append(read, on(warehouse.FieldDateForm, s+"::date"))
		} else {
			read = append(read,
				on(warehouse.FieldDateForm, "("+s+" || 'T00:00:00+00')::timestamptz"),
				on(warehouse.FieldTimeForm, "("+s+" || '+00')::timestamptz"),
				on(warehouse.FieldZonedForm, "replace("+s+", 'Z', '+00')::timestamptz"))
		}
		for _, format := range formats {
			f, err := warehouse.ReadTimeFormat(format)
			if err != nil || day && f.Clock {
				continue
			}
			form, parts, ok := target.TimeParts(f.Text)
			if !ok {
				continue // an element that ReadTimeFormat lets in and TimeParts does not: none, see the test
			}
			v := partsOfTimeFormat + "(" + s + ", " + text(form) + ", " + text(parts) + ")"
			if day {
				v += "::date"
			} else {
				v = "(" + v + " AT TIME ZONE 'UTC')"
			}
			// The function takes its time to find that a text is not of the format.
			read = append(read, "CASE WHEN "+s+" ~ "+text(form)+" THEN "+v+" END")
		}
		if len(read) == 1 {
			return read[0]
		}
		return "coalesce(" + strings.Join(read, ", ") + ")"
	}
	return s
}

// FieldColumn is the type of values of a field.
func (Dialect) FieldColumn(t warehouse.FieldType) string {
	switch t {
	case warehouse.FieldNumber:
		return "numeric(38,9)"
	case warehouse.FieldInteger:
		return "bigint"
	case warehouse.FieldDate:
		return "date"
	case warehouse.FieldDatetime:
		return "timestamp with time zone"
	case warehouse.FieldBool:
		return "boolean"
	case warehouse.FieldList:
		return "text[]"
	}
	return "text"
}

// Digest is a SHA-256 of the text in UTF-8, whatever the database is in.
func (Dialect) Digest(expr string) string {
	return "encode(sha256(convert_to(CAST(" + expr + " AS text), 'UTF8')), 'hex')"
}

// SafeCast casts what surely fits at once, and the rest in a statement of its own, whose
// error is NULL.
func (d Dialect) SafeCast(expr, typ string) string {
	slow := tryFunction + "(format('SELECT CAST(%L::%s AS ' || " + text(typ) + " || ')', " + expr + ", pg_typeof(" + expr + ")), CAST(NULL AS " + typ + "))"
	fast := func(digits int) string {
		s := "CAST(" + expr + " AS text)"
		return "CASE WHEN " + s + " ~ '^-?[0-9]{1," + strconv.Itoa(digits) + "}$' THEN CAST(" + s + " AS " + typ + ") ELSE " + slow + " END"
	}
	switch strings.ToLower(typ) {
	case "text", "character varying", "varchar":
		return "CAST(" + expr + " AS " + typ + ")"
	case "bigint", "int8":
		return fast(18)
	case "integer", "int", "int4":
		return fast(9)
	}
	return slow
}

// Document makes a jsonb of what may be one.
func (Dialect) Document(expr, typ string) (json, jsonType string) {
	if strings.EqualFold(typ, "jsonb") {
		return expr, typ
	}
	return documentFunction + "(CAST(" + expr + " AS text))", "jsonb"
}

// Exact names the collation of bytes, since a column, or the database, may have one for which
// different texts are equal.
func (Dialect) Exact(expr, _ string) string { return "(CAST(" + expr + ` AS text) COLLATE "C")` }

// Fence keeps the planner from writing the expressions of a subquery into each place that
// names them.
func (Dialect) Fence() string { return " OFFSET 0" }

// Unguarded counts a view without security_barrier, and one that is not there.
func (Dialect) Unguarded(view addr.Relation) string {
	return "SELECT 1 - count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = " + text(view.Schema) +
		" AND c.relname = " + text(view.Name) + " AND c.relkind = 'v' AND coalesce(c.reloptions && ARRAY['security_barrier=true', 'security_barrier=on', 'security_barrier=1'], false)"
}
