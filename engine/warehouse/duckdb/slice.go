package duckdb

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Slicer = Dialect{}

// Field reads a value by a JSON pointer, which names any key, one of digits by a path, since
// a pointer of digits reads elements of arrays, too.
func (d Dialect) Field(json, jsonType, id string, t warehouse.FieldType, formats []string) (parts []string, of func(names []string) (value, there string)) {
	json, _ = d.Document(json, jsonType)
	path := "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(id)
	if id != "" && strings.Trim(id, "0123456789") == "" {
		path = `$."` + id + `"`
	}
	args := "(" + json + ", " + text(path) + ")"
	switch t {
	case warehouse.FieldText:
		return []string{"json_type" + args, "json_extract_string" + args}, func(n []string) (value, there string) {
			return "CASE WHEN " + n[0] + " NOT IN ('OBJECT', 'ARRAY') THEN " + n[1] + " END", n[0] + " <> 'NULL'"
		}
	case warehouse.FieldList:
		return []string{"json_extract" + args}, func(n []string) (value, there string) {
			value = "CASE WHEN json_type(" + n[0] + ") = 'ARRAY' THEN CASE WHEN len(list_filter(TRY_CAST(" + n[0] + " AS JSON[]), lambda e: json_type(e) IN ('OBJECT', 'ARRAY'))) = 0 " +
				"THEN list_filter(TRY_CAST(" + n[0] + " AS VARCHAR[]), lambda e: e IS NOT NULL) END END"
			return value, "(json_type(" + n[0] + ") <> 'NULL' AND trim(json_extract_string(" + n[0] + ", '$')) <> '')"
		}
	}
	return []string{"trim(json_extract_string" + args + ")"}, func(n []string) (value, there string) {
		return fieldValue(n[0], t, formats), n[0] + " <> ''"
	}
}

// fieldValue reads a text. The forms are the same for all warehouses: only what one of them
// takes is cast, so that none reads more than another.
func fieldValue(s string, t warehouse.FieldType, formats []string) string {
	when := func(form, value string) string {
		return "CASE WHEN regexp_full_match(" + s + ", " + text(form) + ") THEN " + value + " END"
	}
	// on is a value of texts that begin with a day.
	on := func(form, value string) string {
		return when(form, "CASE WHEN left("+s+", 4) <> '0000' THEN "+value+" END")
	}
	switch t {
	case warehouse.FieldInteger:
		return when(warehouse.FieldIntegerForm, "TRY_CAST(regexp_replace("+s+`, '\.0*$', '') AS BIGINT)`)
	case warehouse.FieldNumber:
		// DuckDB reads a decimal of 38 digits a thousand times more slowly than one of 18, which
		// hold most numbers: the first small ones, rounded alike, the second larger ones exactly.
		as := func(typ string) string { return "TRY_CAST(" + s + " AS " + typ + ")" }
		value := "coalesce(CAST(" + as("DECIMAL(18, 9)") + " AS DECIMAL(38, 9)), CASE WHEN regexp_full_match(" + s + `, '[+-]?[0-9]{1,14}([.][0-9]{0,4})?') THEN CAST(` + as("DECIMAL(18, 4)") + " AS DECIMAL(38, 9)) ELSE " + as("DECIMAL(38, 9)") + " END)"
		return when(warehouse.FieldNumberForm, "CASE WHEN length("+s+") <= "+strconv.Itoa(warehouse.FieldNumberLength)+" THEN "+value+" END")
	case warehouse.FieldBool:
		return "CASE WHEN lower(" + s + ") IN ('true', 'yes', '1') THEN true WHEN lower(" + s + ") IN ('false', 'no', '0') THEN false END"
	case warehouse.FieldDate, warehouse.FieldDatetime:
		read := []string{}
		day := t == warehouse.FieldDate
		if day {
			read = append(read, on(warehouse.FieldDateForm, "TRY_CAST("+s+" AS DATE)"))
		} else {
			// DuckDB wants seconds, and a colon between hours and minutes of an offset.
			full := "regexp_replace(" + s + `, '^(.{16})(Z|[+-]|$)', '\1:00\2')`
			read = append(read,
				on(warehouse.FieldDateForm, "TRY_CAST("+s+" || 'T00:00:00+00' AS TIMESTAMPTZ)"),
				on(warehouse.FieldTimeForm, "TRY_CAST("+full+" || '+00' AS TIMESTAMPTZ)"),
				on(warehouse.FieldZonedForm, "TRY_CAST(regexp_replace(replace("+full+`, 'Z', '+00'), '([+-][0-9]{2})([0-9]{2})$', '\1:\2') AS TIMESTAMPTZ)`))
		}
		for _, format := range formats {
			f, err := warehouse.ReadTimeFormat(format)
			if err != nil || day && f.Clock {
				continue
			}
			v := "try_strptime(" + s + ", " + text(f.Text) + ")"
			switch {
			case day:
				v = "CAST(" + v + " AS DATE)"
			case !f.Zone:
				v = "make_timestamptz(epoch_us(" + v + "))"
			}
			read = append(read, v)
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
		return "DECIMAL(38,9)"
	case warehouse.FieldInteger:
		return "BIGINT"
	case warehouse.FieldDate:
		return "DATE"
	case warehouse.FieldDatetime:
		return "TIMESTAMP WITH TIME ZONE"
	case warehouse.FieldBool:
		return "BOOLEAN"
	case warehouse.FieldList:
		return "VARCHAR[]"
	}
	return "VARCHAR"
}

// Digest is a SHA-256.
func (Dialect) Digest(expr string) string { return "sha256(CAST(" + expr + " AS VARCHAR))" }

// SafeCast is TRY_CAST.
func (Dialect) SafeCast(expr, typ string) string { return "TRY_CAST(" + expr + " AS " + typ + ")" }

// Document reads a text that may be JSON.
func (Dialect) Document(expr, typ string) (json, jsonType string) {
	if strings.EqualFold(typ, "JSON") {
		return expr, typ
	}
	return "TRY_CAST(" + expr + " AS JSON)", "JSON"
}

// Exact names the collation of bytes, since a column may have another.
func (Dialect) Exact(expr, _ string) string { return "(CAST(" + expr + " AS VARCHAR) COLLATE C)" }

// Fence is nothing: DuckDB computes a column of a subquery once.
func (Dialect) Fence() string { return "" }

// Unguarded is nothing: whoever opens a file reads all that is in it.
func (Dialect) Unguarded(addr.Relation) string { return "" }

// Needs is nothing.
func (Dialect) Needs() []string { return nil }
