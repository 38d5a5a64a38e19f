package postgres

// Regexp writes a pattern of Go's regexp package (RE2 syntax) as one of PostgreSQL's
// operator ~ that matches the same texts. It is false for a pattern that has no sure
// counterpart.
func Regexp(pattern string) (string, bool) {
	e, ok := translate(pattern)
	return e.text, ok
}
