package editor

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// functionsText has a line for each function of GoogleSQL that models may call: how it is
// called, what type it has, what it does. Lines with # are the groups.
// https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
//
//go:embed signature_functions.txt
var functionsText string

// function is a function as people call it.
type function struct {
	name string // in lower case
	call string // date_diff(end, start, part)
	// result says how the type follows from the arguments: a type, $1 for that of the first
	// argument, or a word of inferResult.
	result string
	doc    string
	group  string
	// params are what stands between the commas of call, with their places in it.
	params [][2]int
}

// param is the name of parameter n (from 0); the last one repeats where it is «…».
func (f *function) param(n int) string {
	if len(f.params) == 0 {
		return ""
	}
	n = min(n, len(f.params)-1)
	if f.call[f.params[n][0]:f.params[n][1]] == "…" && n > 0 {
		n--
	}
	p := f.call[f.params[n][0]:f.params[n][1]]
	return strings.ToLower(strings.Trim(strings.Fields(p + " ")[0], "[],"))
}

// functions are those of GoogleSQL by name, and their names sorted.
var functions = sync.OnceValue(func() map[string]*function {
	out := map[string]*function{}
	group := ""
	for line := range strings.Lines(functionsText) {
		line = strings.TrimSpace(line)
		if g, ok := strings.CutPrefix(line, "# "); ok {
			group = g
			continue
		}
		part := strings.SplitN(line, "|", 3)
		// HAVING MAX|MIN has the sign itself.
		for len(part) == 3 && strings.Count(part[0], "(") > strings.Count(part[0], ")") {
			head, rest, _ := strings.Cut(part[1]+"|"+part[2], "|")
			next, last, _ := strings.Cut(rest, "|")
			part = []string{part[0] + "|" + head, next, last}
		}
		if len(part) != 3 {
			continue
		}
		f := newFunction(part[0], part[1], part[2], group)
		out[f.name] = f
	}
	return out
})

func newFunction(call, result, doc, group string) *function {
	f := &function{call: call, result: result, doc: strings.ReplaceAll(doc, `\\`, `\`), group: group}
	open := strings.IndexByte(call, '(')
	if open < 0 {
		f.name = strings.ToLower(call)
		return f
	}
	f.name = strings.ToLower(call[:open])
	depth, start := 0, open+1
	add := func(end int) {
		for start < end && strings.ContainsRune(" ,[", rune(call[start])) {
			start++
		}
		for end > start && strings.ContainsRune(" [", rune(call[end-1])) {
			end--
		}
		if end > start {
			f.params = append(f.params, [2]int{start, end})
		}
	}
	for i := open; i < len(call); i++ {
		switch call[i] {
		case '(', '<':
			depth++
		case '>':
			if call[i-1] != '-' && call[i-1] != '=' {
				depth--
			}
		case ')':
			if depth--; depth == 0 {
				add(i)
				return f
			}
		case ',':
			if depth == 1 {
				add(i)
				start = i + 1
			}
		}
	}
	return f
}

var functionNames = sync.OnceValue(func() []string {
	var out []string
	for name := range functions() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
})

// partWords are the parts of dates and times, the frequent ones first.
var partWords = []string{
	"day", "week", "month", "quarter", "year", "hour", "minute", "second", "isoweek", "isoyear", "dayofweek", "dayofyear",
	"millisecond", "microsecond", "date", "time", "datetime", "week(monday)",
}

// typeNames are the types that CAST knows.
var typeNames = []string{
	"int64", "string", "numeric", "bignumeric", "float64", "bool", "date", "datetime", "timestamp", "time", "json", "bytes", "interval", "geography",
	"array<…>", "struct<…>",
}

// nativeTypes are those of DuckDB and PostgreSQL alike.
var nativeTypes = []string{
	"bigint", "integer", "varchar", "text", "numeric", "double precision", "boolean", "date", "timestamp", "timestamptz", "time", "json", "interval", "smallint", "uuid",
}
