package warehouse

// Forms of the texts that a custom field's value is read from, as regular expressions for a
// whole text that PostgreSQL and RE2 read alike. What else a warehouse would cast (hexadecimal
// digits, «today», a zone's name) is no value, so that a customer's rows do not depend on the
// warehouse. Numbers that are too large and days that are in no calendar fit the forms; a
// Slicer gives NULL for them.
const (
	FieldIntegerForm = `[+-]?[0-9]{1,19}([.]0*)?`
	// FieldNumberForm has at most FieldNumberLength characters.
	FieldNumberForm   = `[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})?`
	FieldNumberLength = 80
	// FieldDateForm is a day. The year 0000, which fits it, is in no calendar of ours.
	FieldDateForm = `[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`
	// FieldTimeForm is a day and a time, which is in UTC, FieldZonedForm one with an offset.
	FieldTimeForm  = FieldDateForm + `[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?`
	FieldZonedForm = FieldTimeForm + `(Z|[+-](0[0-9]|1[0-3]):?[0-5][0-9]|[+-](0[0-9]|1[0-3]))`
)
