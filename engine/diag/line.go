package diag

import "strconv"

// Line is the one-line form, as editors and grep read it:
// «models/a.sql:4:13: error: message [code]». A diagnostic that points nowhere has no place.
func (d Diagnostic) Line() string {
	s := d.Severity.String() + ": " + d.Message
	if d.Code != "" {
		s += " [" + string(d.Code) + "]"
	}
	if d.At.IsZero() {
		return s
	}
	p := d.At.Position()
	return d.At.File.Path + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) + ": " + s
}
