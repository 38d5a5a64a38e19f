package shim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// apiError is an error as the API reports it: HTTP status, reason and message. The pairs
// are those of «Error messages» (BigQuery documentation).
type apiError struct {
	code    int
	reason  string
	message string
}

func (e *apiError) Error() string { return e.reason + ": " + e.message }

func (e *apiError) proto() *bigquery.ErrorProto {
	p := &bigquery.ErrorProto{Reason: e.reason, Message: e.message}
	if e.reason == "invalidQuery" {
		p.Location = "query"
	}
	return p
}

func fail(code int, reason, format string, args ...any) *apiError {
	return &apiError{code, reason, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "invalid", format, args...)
}

func invalidQuery(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "invalidQuery", format, args...)
}

func notFound(format string, args ...any) *apiError {
	return fail(http.StatusNotFound, "notFound", format, args...)
}

func duplicate(format string, args ...any) *apiError {
	return fail(http.StatusConflict, "duplicate", format, args...)
}

func internalError(err error) *apiError {
	return fail(http.StatusInternalServerError, "internalError", "test double: %v", err)
}

// unsupported refuses what the double does not supply. 501 is retried by no client.
func unsupported(format string, args ...any) *apiError {
	return fail(http.StatusNotImplemented, "notImplemented", "test double: "+format, args...)
}

// write answers a request with the error.
func (e *apiError) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(e.code)
	body := map[string]any{"error": map[string]any{
		"code":    e.code,
		"message": e.message,
		"errors":  []map[string]any{{"message": e.message, "domain": "global", "reason": e.reason}},
		"status":  statusName(e.code),
	}}
	_ = json.NewEncoder(w).Encode(body) // the caller hung up: nobody to tell
}

func statusName(code int) string {
	switch code {
	case http.StatusBadRequest:
		return "INVALID_ARGUMENT"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "ALREADY_EXISTS"
	case http.StatusPreconditionFailed:
		return "FAILED_PRECONDITION"
	case http.StatusNotImplemented:
		return "UNIMPLEMENTED"
	}
	return "INTERNAL"
}

var (
	missing   = regexp.MustCompile("(?s)^Table not found: ([^;]+?)(?:; Did you mean ([^?]*)\\?)?( at \\[\\d+:\\d+\\])?$")
	stages    = []string{"failed to analyze: ", "failed to parse statements: ", "failed to parse statement: ", "failed to scan rows: ", "failed to scan row: ", "failed to execute query: ", "INVALID_ARGUMENT: ", "OUT_OF_RANGE: "}
	sqliteErr = regexp.MustCompile(`sqlite3: |no such column|no such table|^failed to (query|exec|get|convert)|ResolvedProjectScan|not supported|unsupported|unimplemented`)
	notNull   = regexp.MustCompile("NOT NULL constraint failed: \\S+\\.(\\w+)")
)

// translate turns an error text of the emulator into the documented form: the position is
// written «at [line:column]» and the reason is invalidQuery or notFound. What is a limit of
// the emulator rather than a mistake in the query says so.
func (s *Server) translate(text string, project, dataset string, e edited) *apiError {
	for changed := true; changed; {
		changed = false
		for _, stage := range stages {
			if rest, ok := strings.CutPrefix(text, stage); ok {
				text, changed = rest, true
			}
		}
	}
	text = e.relocate(text)
	if g := missing.FindStringSubmatch(text); g != nil {
		ref, err := s.resolve(splitPath(strings.ReplaceAll(g[1], "`", "")), project, dataset)
		if err != nil {
			return invalidQuery("%s%s", err.message, g[3])
		}
		if t := s.table(ref); t != nil && t.broken != nil {
			return t.broken
		}
		if s.dataset(ref.ProjectId, ref.DatasetId) == nil {
			return notFound("Not found: Dataset %s:%s was not found in location %s%s", ref.ProjectId, ref.DatasetId, s.location, g[3])
		}
		return notFound("Not found: Table %s was not found in location %s%s", refText(ref), s.location, g[3])
	}
	if g := notNull.FindStringSubmatch(text); g != nil {
		return invalidQuery("Required field %s cannot be null", g[1])
	}
	if sqliteErr.MatchString(text) && !strings.Contains(text, " at [") {
		return invalidQuery("test double: the emulator cannot run this statement: %s", text)
	}
	return invalidQuery("%s", text)
}
