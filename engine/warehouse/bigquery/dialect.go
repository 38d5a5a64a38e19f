package bigquery

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/google"
)

// Dialect writes GoogleSQL for BigQuery. The zero value is ready to use.
type Dialect struct{ google.Spelling }

var (
	_ warehouse.Dialect   = Dialect{}
	_ warehouse.Explainer = Dialect{}
)

// Name is «bigquery».
func (Dialect) Name() string { return "bigquery" }

// maxName is the longest name of a table in bytes of UTF-8.
const maxName = 1024

// Caps of BigQuery: a copy job replaces a table at once, no DDL can be rolled back. Names
// of datasets and tables are case-sensitive.
func (Dialect) Caps() warehouse.Caps {
	return warehouse.Caps{
		Merge: true, Clone: true, DryRun: true,
		Partitions: true, Clusters: true, Constraints: true, Expiration: true, Labels: true,
		MaterializedViews: true, Grants: true, Authorize: true, CopyPartitions: true, ArrivalTime: true,
		MaxIdentifier: maxName,
	}
}

// ErrorAt finds where BigQuery saw the mistake.
func (Dialect) ErrorAt(stmt warehouse.Statement, err error) (offset, length int, ok bool) {
	var e *Error
	if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
		return 0, 0, false
	}
	offset, ok = offsetOf(stmt.SQL, e.Line, e.Column)
	if !ok {
		return 0, 0, false
	}
	// A text that stops too early is noticed at what the engine wrote behind it.
	if end := stmt.BodyEnd; end > 0 && offset > end && offset <= len(stmt.SQL) && strings.TrimSpace(stmt.SQL[end:offset]) == "" {
		return end, 0, true
	}
	return offset, tokenLength(stmt.SQL, offset), true
}

// Explain takes an error apart.
func (Dialect) Explain(err error) warehouse.Explanation {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{}
		e.read(err.Error())
	}
	return warehouse.Explanation{Class: e.Reason, Message: e.Message, Detail: e.Detail, Word: e.Word, Candidates: e.Candidates, Help: reasonHelp(e)}
}

// reasonHelp is what to do about errors that are not the query's.
func reasonHelp(e *Error) string {
	switch e.Reason {
	case "quotaExceeded":
		return "wait until the quota is renewed, or have it raised: what was published before is untouched"
	case "accessDenied":
		return "give the account that runs the build the roles that docs/bigquery.md lists"
	case "bytesBilledLimitExceeded":
		return "raise maximum_bytes_billed, or let the query read fewer partitions and columns"
	case "resourcesExceeded":
		return "let the query sort, group or join less at once"
	case "rateLimitExceeded", "jobRateLimitExceeded":
		return "lower max_concurrent_jobs of the target, or raise job_retry_deadline"
	case "billingNotEnabled":
		return "enable billing for the project: without it tables cannot be changed"
	}
	return ""
}

// tokenLength is the length of the name, dotted name, number, text or sign at i.
func tokenLength(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	end := i
	for end < len(s) {
		next := partEnd(s, end)
		if next == end {
			break
		}
		end = next
		if end+1 < len(s) && s[end] == '.' && partEnd(s, end+1) > end+1 {
			end++
			continue
		}
		break
	}
	if end > i {
		return end - i
	}
	if s[i] == '\'' || s[i] == '"' {
		if n := quotedEnd(s, i); n > i {
			return n - i
		}
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}

// partEnd is the end of the word or backquoted name at i.
func partEnd(s string, i int) int {
	if s[i] == '`' {
		return quotedEnd(s, i)
	}
	for i < len(s) && wordByte(s[i]) {
		i++
	}
	return i
}

// quotedEnd is the end of the quoted text that starts at i, i if it is not closed on its line.
func quotedEnd(s string, i int) int {
	for j := i + 1; j < len(s) && s[j] != '\n'; j++ {
		switch s[j] {
		case '\\':
			j++
		case s[i]:
			return j + 1
		}
	}
	return i
}

func wordByte(b byte) bool {
	return b == '_' || b >= utf8.RuneSelf || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// firstWord is the first word of a statement in lower case, comments left out.
func firstWord(s string) string {
	s = strings.TrimLeft(uncommented(s), "( \t\r\n")
	for rest := uncommented(s); rest != s; rest = uncommented(s) {
		s = strings.TrimLeft(rest, "( \t\r\n")
	}
	end := 0
	for end < len(s) && wordByte(s[end]) {
		end++
	}
	return strings.ToLower(s[:end])
}

// blank recognizes a statement of nothing but space and comments.
func blank(s string) bool { return uncommented(s) == "" }

// uncommented is the text from where space and comments at its beginning end.
func uncommented(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		switch {
		case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "#"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.HasPrefix(s, "/*"):
			var closed bool
			if _, s, closed = strings.Cut(s[2:], "*/"); !closed {
				return "/*" // a mistake for the service to name
			}
		default:
			return s
		}
	}
}
