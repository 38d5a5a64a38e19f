package bigquery

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Slicer = Dialect{}

// Field reads a value of a JSON by a path, in whose quotes the key stands, or by a subscript if
// the key has signs of which quotes, or paths, might make something else.
func (d Dialect) Field(json, jsonType, id string, t warehouse.FieldType, formats []string) (parts []string, of func(names []string) (value, there string)) {
	json, _ = d.Document(json, jsonType)
	args := json + ", " + d.Literal(`$."`+id+`"`)
	if id == "" || strings.ContainsAny(id, "\"\\$*[]@?") {
		args = "(" + json + ")[" + d.Literal(id) + "], '$'"
	}
	raw, element := "JSON_VALUE("+args+")", "JSON_QUERY("+args+")"
	kind := "IF(" + element + " IS NULL, NULL, JSON_TYPE(" + element + "))"
	switch t {
	case warehouse.FieldText:
		return []string{raw, kind}, func(n []string) (value, there string) { return n[0], "IFNULL(" + n[1] + " <> 'null', FALSE)" }
	case warehouse.FieldList:
		return []string{"JSON_VALUE_ARRAY(" + args + ")", kind, raw}, func(n []string) (value, there string) {
			// An array with anything but texts, numbers and truth values has no JSON_VALUE_ARRAY.
			value = "IF(" + n[1] + " = 'array', ARRAY(SELECT _engine_e FROM UNNEST(" + n[0] + ") AS _engine_e WITH OFFSET AS _engine_i WHERE _engine_e IS NOT NULL ORDER BY _engine_i), NULL)"
			return value, "IFNULL(" + n[1] + " <> 'null' AND IFNULL(TRIM(" + n[2] + ", ' '), '-') <> '' AND (" + n[1] + " <> 'array' OR " + n[0] + " IS NULL), FALSE)"
		}
	}
	return []string{"TRIM(" + raw + ", ' ')", kind}, func(n []string) (value, there string) {
		return fieldValue(d, n[0], t, formats), "(IFNULL(" + n[0] + " <> '', FALSE) OR IFNULL(" + n[1] + " IN ('object', 'array'), FALSE))"
	}
}

// fieldValue reads a text, see the forms of package warehouse.
func fieldValue(d Dialect, s string, t warehouse.FieldType, formats []string) string {
	when := func(form, value string) string {
		return "IF(REGEXP_CONTAINS(" + s + ", " + d.Literal("^(?:"+form+")$") + "), " + value + ", NULL)"
	}
	switch t {
	case warehouse.FieldInteger:
		return when(warehouse.FieldIntegerForm, "SAFE_CAST(REGEXP_REPLACE("+s+", '[.]0*$', '') AS INT64)")
	case warehouse.FieldNumber:
		return when(warehouse.FieldNumberForm, "IF(LENGTH("+s+") <= "+strconv.Itoa(warehouse.FieldNumberLength)+", SAFE_CAST("+s+" AS NUMERIC), NULL)")
	case warehouse.FieldBool:
		return "CASE WHEN LOWER(" + s + ") IN ('true', 'yes', '1') THEN TRUE WHEN LOWER(" + s + ") IN ('false', 'no', '0') THEN FALSE END"
	case warehouse.FieldDate, warehouse.FieldDatetime:
		read := []string{}
		day := t == warehouse.FieldDate
		if day {
			read = append(read, when(warehouse.FieldDateForm, "SAFE_CAST("+s+" AS DATE)"))
		} else {
			// BigQuery wants seconds, and a colon between hours and minutes of an offset.
			full := "REGEXP_REPLACE(" + s + `, '^(.{16})(Z|[+-]|$)', '\\1:00\\2')`
			read = append(read,
				when(warehouse.FieldDateForm, "SAFE_CAST(CONCAT("+s+", 'T00:00:00Z') AS TIMESTAMP)"),
				when(warehouse.FieldTimeForm, "SAFE_CAST(CONCAT("+full+", 'Z') AS TIMESTAMP)"),
				when(warehouse.FieldZonedForm, "SAFE_CAST(REGEXP_REPLACE("+full+`, '([+-][0-9]{2})([0-9]{2})$', '\\1:\\2') AS TIMESTAMP)`))
		}
		for _, format := range formats {
			f, err := warehouse.ReadTimeFormat(format)
			switch {
			case err != nil || day && f.Clock:
			case day:
				read = append(read, "SAFE.PARSE_DATE("+d.Literal(f.Text)+", "+s+")")
			default:
				read = append(read, "SAFE.PARSE_TIMESTAMP("+d.Literal(f.Text)+", "+s+")")
			}
		}
		if len(read) == 1 {
			return read[0]
		}
		return "COALESCE(" + strings.Join(read, ", ") + ")"
	}
	return s
}

// FieldColumn is the type of values of a field.
func (Dialect) FieldColumn(t warehouse.FieldType) string {
	switch t {
	case warehouse.FieldNumber:
		return "NUMERIC"
	case warehouse.FieldInteger:
		return "INT64"
	case warehouse.FieldDate:
		return "DATE"
	case warehouse.FieldDatetime:
		return "TIMESTAMP"
	case warehouse.FieldBool:
		return "BOOL"
	case warehouse.FieldList:
		return "ARRAY<STRING>"
	}
	return "STRING"
}

// Digest is a SHA-256.
func (Dialect) Digest(expr string) string { return "TO_HEX(SHA256(CAST(" + expr + " AS STRING)))" }

// SafeCast is SAFE_CAST.
func (Dialect) SafeCast(expr, typ string) string { return "SAFE_CAST(" + expr + " AS " + typ + ")" }

// Document reads a text that may be JSON. Numbers that no JSON of BigQuery holds exactly are
// rounded, as a failure would lose the other fields, too.
func (Dialect) Document(expr, typ string) (json, jsonType string) {
	if strings.EqualFold(typ, "JSON") {
		return expr, typ
	}
	return "SAFE.PARSE_JSON(" + expr + ", wide_number_mode => 'round')", "JSON"
}

// Exact takes a collation off. Arrays are empty where they are NULL, and have, as structs and
// JSON, no text form but that of JSON.
func (Dialect) Exact(expr, typ string) string {
	kind, _, _ := strings.Cut(strings.ToUpper(typ), "<")
	kind, _, _ = strings.Cut(kind, "(")
	switch kind {
	case "ARRAY":
		return "IF(ARRAY_LENGTH(" + expr + ") > 0, TO_JSON_STRING(" + expr + "), NULL)"
	case "STRUCT", "RECORD", "JSON", "RANGE":
		return "IF(" + expr + " IS NULL, NULL, TO_JSON_STRING(" + expr + "))"
	case "BYTES":
		return "TO_HEX(" + expr + ")"
	case "GEOGRAPHY":
		return "ST_ASTEXT(" + expr + ")"
	case "STRING":
		return "COLLATE(" + expr + ", '')"
	}
	return "CAST(" + expr + " AS STRING)"
}

// Fence is nothing.
func (Dialect) Fence() string { return "" }

// Unguarded is nothing: who reads a view of an authorized dataset has no right to what it reads.
func (Dialect) Unguarded(addr.Relation) string { return "" }

// Needs is nothing.
func (Dialect) Needs() []string { return nil }
