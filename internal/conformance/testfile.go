package conformance

import (
	"fmt"
	"regexp"
	"strings"
)

// A Case is one statement with its expected outcome.
type Case struct {
	Suite string // «googlesql» for Google's suite, «specs» for the YAML cases
	File  string // path within the suite, slash separated
	Line  int    // one based, of the case's first line
	Name  string
	SQL   string

	Setup      []string // statements to run before, specs only
	Parameters string   // a select list that gives the query parameters: «1 AS a, 'x' b»
	Required   []string // language features, without the FEATURE_ prefix
	Forbidden  []string
	Labels     []string
	PrimaryKey bool // the first column of every table is its primary key
	Zone       string
	External   bool // BigQuery's own mode, without the internal types

	Want Want
}

// Want is the expected outcome of a case.
type Want struct {
	Text string // as written
	// Error is the canonical code of an expected error («out_of_range»), "" for a
	// result; «any» where the suite names no code. Message is the text after it.
	Error, Message string
	// Unstable says that the suite's own reference calls the result non-deterministic.
	Unstable bool
	// Rows are the expected rows of a spec, as YAML gives them; Unordered lets their order differ.
	Rows      [][]any
	Unordered bool
}

// A Preparation is a statement that a file runs before its cases: CREATE TABLE
// AS, CREATE FUNCTION or CREATE VIEW.
type Preparation struct {
	Line     int
	SQL      string
	Required []string // a table exists only for engines with these features
	Want     string   // its rows, as written
}

// File is one file of a suite.
type File struct {
	Suite    string
	Path     string
	Zone     string // IANA name of the default time zone
	Prepare  []Preparation
	Cases    []Case
	External bool
}

// defaultZone is the time zone of Google's suite where a file sets none.
const defaultZone = "America/Los_Angeles"

// ParseFile reads a file of Google's file-based test format.
//
// Lines «==» part sections. In a section a line «--» parts the statement from
// its result. Lines that begin with # before the statement are comments; then
// come options in brackets, which may span lines: [name=value], [name], and
// [default name=value], which holds from there on where a section does not set
// the option itself. A backslash at the beginning of a line keeps it from being
// read as a separator or comment.
func ParseFile(suite, path, text string) (*File, error) {
	f := &File{Suite: suite, Path: path, Zone: defaultZone}
	defaults := map[string]string{}
	line := 1
	for _, s := range split(text, "==") {
		start := line
		line += strings.Count(s, "\n") + 2 // the section and its separator
		if s == "" {
			line--
		}
		parts := split(s, "--")
		if err := f.section(start, parts, defaults); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, start, err)
		}
	}
	return f, nil
}

// split parts text at the lines that are the separator.
func split(text, separator string) []string {
	var out []string
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		if strings.TrimRight(l, " \t\r") == separator {
			out = append(out, strings.Join(lines, "\n"))
			lines = lines[:0]
			continue
		}
		lines = append(lines, l)
	}
	return append(out, strings.Join(lines, "\n"))
}

var optionStart = regexp.MustCompile(`^\[\s*(default\s+)?([A-Za-z_0-9]+)\s*(=|\])`)

// options reads the comments and options at the beginning of a statement.
func options(text string) (own, defaults map[string]string, lines int, rest string, err error) {
	own, defaults = map[string]string{}, map[string]string{}
	rest = text
	for {
		trimmed := strings.TrimLeft(rest, " \t\r\n")
		lines += strings.Count(rest[:len(rest)-len(trimmed)], "\n")
		rest = trimmed
		if strings.HasPrefix(rest, "#") {
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				return own, defaults, lines, "", nil
			}
			rest = rest[n:]
			continue
		}
		m := optionStart.FindStringSubmatch(rest)
		if m == nil {
			return own, defaults, lines, rest, nil
		}
		end := closing(rest, 0)
		if end < 0 {
			return nil, nil, 0, "", fmt.Errorf("the option %s is not closed", m[2])
		}
		value := ""
		if m[3] == "=" {
			value = strings.TrimSpace(rest[len(m[0]):end])
		}
		name := strings.ToLower(m[2])
		if m[1] != "" {
			defaults[name] = value
		} else {
			own[name] = value
		}
		lines += strings.Count(rest[:end+1], "\n")
		rest = rest[end+1:]
	}
}

// closing is the offset of the bracket that closes the one at start, or -1.
// Brackets inside quotes do not count.
func closing(s string, start int) int {
	depth := 0
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			depth--
			if depth == 0 {
				return i
			}
		case '"', '\'':
			if end := quoted(s, i); end > i {
				i = end - 1
			}
		}
	}
	return -1
}

// quoted is the end of the quoted text that starts at i; 0 if it is not closed.
func quoted(s string, i int) int {
	q := s[i]
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case q:
			return j + 1
		}
	}
	return 0
}

// comment is a line of a result that says nothing about it.
var comment = regexp.MustCompile(`(?m)^#.*$`)

var note = regexp.MustCompile(`(?m)^NOTE: Reference implementation reports non-determinism\.\s*`)

func (f *File) section(line int, parts []string, defaults map[string]string) error {
	own, later, skipped, sql, err := options(parts[0])
	if err != nil {
		return err
	}
	for name, value := range later {
		defaults[name] = value
	}
	option := func(name string) (string, bool) {
		if v, ok := own[name]; ok {
			return v, true
		}
		v, ok := defaults[name]
		return v, ok
	}
	list := func(name string) []string {
		v, _ := option(name)
		var out []string
		for _, w := range strings.Split(v, ",") {
			if w = strings.TrimSpace(w); w != "" {
				out = append(out, strings.TrimPrefix(w, "FEATURE_"))
			}
		}
		return out
	}
	if zone, ok := option("default_time_zone"); ok {
		f.Zone = zone
	}
	sql = strings.TrimSpace(unescapeLines(sql))
	if sql == "" {
		return nil
	}
	want := ""
	if len(parts) > 1 {
		want = strings.TrimSpace(unescapeLines(comment.ReplaceAllString(parts[1], "")))
	}
	if _, ok := own["prepare_database"]; ok {
		f.Prepare = append(f.Prepare, Preparation{Line: line + skipped, SQL: sql, Required: list("required_features"), Want: want})
		return nil
	}
	c := Case{
		Suite: f.Suite, File: f.Path, Line: line + skipped, SQL: sql, Zone: f.Zone,
		Required: list("required_features"), Forbidden: list("forbidden_features"),
		Labels: append(list("labels"), list("global_labels")...),
	}
	c.Name, _ = option("name")
	c.Parameters, _ = option("parameters")
	if mode, _ := option("primary_key_mode"); mode == "first_column_is_primary_key" {
		c.PrimaryKey = true
	}
	c.Want.Unstable = note.MatchString(want)
	want = strings.TrimSpace(note.ReplaceAllString(want, ""))
	c.Want.Text = want
	if rest, ok := strings.CutPrefix(want, "ERROR: "); ok {
		c.Want.Error = "any"
		if rest, ok := strings.CutPrefix(rest, "generic::"); ok {
			code, message, _ := strings.Cut(rest, ":")
			c.Want.Error, c.Want.Message = strings.TrimSpace(code), strings.TrimSpace(message)
		}
	}
	f.Cases = append(f.Cases, c)
	return nil
}

// unescapeLines removes the backslash that keeps a line from being a separator.
func unescapeLines(s string) string {
	if !strings.HasPrefix(s, `\`) && !strings.Contains(s, "\n\\") {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, `\--`) || strings.HasPrefix(l, `\==`) || strings.HasPrefix(l, `\#`) || strings.HasPrefix(l, `\[`) || strings.HasPrefix(l, `\\`) {
			lines[i] = l[1:]
		}
	}
	return strings.Join(lines, "\n")
}
