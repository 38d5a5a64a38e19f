package bigquery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/auth"
	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"

	"github.com/engine-build/engine/engine/warehouse"
)

// Error is an error of BigQuery taken apart. All methods of connections return what the
// service said as *Error.
type Error struct {
	Reason     string // the service's word: «invalidQuery»
	Message    string // one line, without the place
	Detail     string // what else was said
	Word       string // the name at fault, if given
	Candidates []string
	// Line and Column are where the service saw the mistake, from 1; 0 if it did not say.
	// Columns are code points, and a tab leads to the next multiple of eight.
	Line, Column int
	HTTP         int    // status of the answer, 0 for the end of a job
	JobID        string // empty for a call that belongs to no job
	Retries      []warehouse.Retry
	Err          error

	after time.Duration // what the service asked to wait
}

func (e *Error) Error() string {
	text := e.Message
	if e.Reason != "" {
		text = e.Reason + ": " + text
	}
	if e.Line > 0 {
		text += fmt.Sprintf(" at [%d:%d]", e.Line, e.Column)
	}
	if e.JobID != "" {
		text += " (job " + e.JobID + ")"
	}
	if n := len(e.Retries); n == 1 {
		text += ", after one retry"
	} else if n > 1 {
		text += fmt.Sprintf(", after %d retries", n)
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Resent are the times that the statement was sent again; see warehouse.RetriesOf.
func (e *Error) Resent() []warehouse.Retry { return e.Retries }

// Conflict reports whether the statement lost against another one that changed the same
// table, so that nothing of it is there and it may be sent again.
func (e *Error) Conflict() bool {
	m := strings.ToLower(e.Message)
	return strings.Contains(m, "could not serialize access") || strings.Contains(m, "due to concurrent update")
}

// Reasons as the service spells them.
const (
	reasonNotFound  = "notFound"
	reasonDuplicate = "duplicate"
	reasonInvalid   = "invalid"
	reasonQuery     = "invalidQuery"
	reasonStopped   = "stopped"
	reasonNetwork   = "network" // ours: no answer came
	reasonTimeout   = "timeout"
)

// transient are the reasons after which the same call, or the same statement as a new job,
// may go well. Quotas of a day, missing rights and mistakes do not pass by themselves.
var transient = map[string]bool{
	"backendError": true, "internalError": true, "rateLimitExceeded": true, "badGateway": true,
	"jobBackendError": true, "jobInternalError": true, "jobRateLimitExceeded": true,
	reasonNetwork: true,
}

// permanent are reasons that stay true however the answer's status reads.
var permanent = map[string]bool{
	"quotaExceeded": true, "accessDenied": true, reasonQuery: true, "resourcesExceeded": true, "bytesBilledLimitExceeded": true,
	"billingTierLimitExceeded": true, "billingNotEnabled": true, "responseTooLarge": true, "blocked": true, reasonNotFound: true, reasonInvalid: true,
	reasonDuplicate: true, reasonStopped: true,
}

// transient reports whether to send the call, or the statement, again.
func (e *Error) transient() bool {
	if transient[e.Reason] {
		return true
	}
	if permanent[e.Reason] {
		return false
	}
	switch e.HTTP {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// limited reports whether the service asked for less at once.
func (e *Error) limited() bool {
	return e.Reason == "rateLimitExceeded" || e.Reason == "jobRateLimitExceeded" || e.HTTP == http.StatusTooManyRequests
}

func isReason(err error, reason string) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == reason
}

// notFound reports whether the thing asked for does not exist.
func notFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.HTTP == http.StatusNotFound || e.Reason == reasonNotFound)
}

func hasStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.HTTP == status
}

// callError words what a call came back with. A call that ended because ctx did is that.
func callError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("stopped: %w", ended)
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	var refused *auth.Error
	if errors.As(err, &refused) && !refused.Temporary() {
		return &Error{Reason: "authError", Message: "Google does not accept the credentials", HTTP: http.StatusUnauthorized, Err: err}
	}
	var api *googleapi.Error
	if !errors.As(err, &api) {
		if lost(err) {
			return &Error{Reason: reasonNetwork, Message: oneLine(plainNetwork(err)), Err: err}
		}
		return &Error{Message: oneLine(err.Error()), Err: err}
	}
	e := &Error{HTTP: api.Code, Err: err, after: retryAfter(api.Header)}
	text := api.Message
	for _, item := range api.Errors {
		if e.Reason == "" {
			e.Reason = item.Reason
		}
		if text == "" {
			text = item.Message
		}
	}
	if e.Reason == "" && api.Code == http.StatusNotFound {
		e.Reason = reasonNotFound
	}
	if text == "" {
		text = fmt.Sprintf("the service answered with status %d", api.Code)
	}
	e.read(text)
	return e
}

// jobError words the end of a job.
func jobError(id string, p *bq.ErrorProto) *Error {
	e := &Error{Reason: p.Reason, JobID: id, Err: errors.New(p.Reason)}
	e.read(p.Message)
	return e
}

// lost recognizes calls that got no answer: it is not known whether they were carried out.
func lost(err error) bool {
	var distrusted *tls.CertificateVerificationError
	if errors.As(err, &distrusted) {
		return false // who answers is somebody else, and stays it
	}
	var netErr net.Error
	if errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	text := err.Error()
	for _, sign := range []string{"connection reset", "connection refused", "broken pipe", "use of closed network connection", "http2:", "EOF", "transport connection broken", "server closed"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// plainNetwork leaves out the address that was called: it is long and says nothing.
func plainNetwork(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, `": `); i >= 0 {
		text = text[i+3:]
	}
	return "no answer came: " + text
}

func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

var (
	placePattern  = regexp.MustCompile(`(?:;)?\s*(?:;\s*)?at \[(\d+):(\d+)\]`)
	colonPattern  = regexp.MustCompile(`^(?:Unrecognized name|Function not found|Table not found|Type not found|Table-valued function not found): ` + "`?" + `([^\s;` + "`" + `]+)`)
	insidePattern = regexp.MustCompile(`^(?:Name|Column) ` + "`?" + `([^\s;` + "`" + `]+?)` + "`?" + ` (?:not found inside|is not present in|is ambiguous)`)
	meantPattern  = regexp.MustCompile(`[;.]? ?Did you mean ([^\s?]+)\?`)
	jobURLPattern = regexp.MustCompile(`\s*Job ID: \S+`)
)

// read takes a message apart: place, name, proposals, and what follows on later lines.
func (e *Error) read(text string) {
	text = jobURLPattern.ReplaceAllString(strings.TrimSpace(text), "")
	first, rest, _ := strings.Cut(text, "\n")
	// An error inside the definition of a view counts in that definition.
	foreign := strings.Contains(first, "Invalid view") || strings.Contains(first, "view definition")
	if m := placePattern.FindStringSubmatchIndex(first); m != nil {
		if !foreign {
			e.Line, _ = strconv.Atoi(first[m[2]:m[3]])
			e.Column, _ = strconv.Atoi(first[m[4]:m[5]])
		}
		first = first[:m[0]] + first[m[1]:]
	}
	if m := meantPattern.FindStringSubmatchIndex(first); m != nil {
		e.Candidates = append(e.Candidates, strings.Trim(first[m[2]:m[3]], "`"))
		first = first[:m[0]] + first[m[1]:]
	}
	for _, p := range []*regexp.Regexp{colonPattern, insidePattern} {
		if m := p.FindStringSubmatch(first); m != nil {
			e.Word = m[1]
			break
		}
	}
	e.Message = strings.TrimRight(strings.TrimSpace(first), ".! ")
	if e.Message == "" {
		e.Message = "the service gave no reason"
	}
	e.Detail = strings.TrimSpace(rest)
}

func oneLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimRight(s, ".! ")
}

// offsetOf is the byte at a line and column of an error message: both count from 1,
// columns in code points, and a tab leads to the next multiple of eight (ZetaSQL's
// ParseLocationTranslator). A line ends with \n, \r or \r\n.
func offsetOf(sql string, line, column int) (int, bool) {
	i := 0
	for l := 1; l < line; l++ {
		n := strings.IndexAny(sql[i:], "\r\n")
		if n < 0 {
			return 0, false
		}
		i += n + 1
		if sql[i-1] == '\r' && i < len(sql) && sql[i] == '\n' {
			i++
		}
	}
	for at := 1; at < column; at++ {
		if i >= len(sql) {
			return i, at == column
		}
		if sql[i] == '\n' || sql[i] == '\r' {
			return i, true
		}
		if sql[i] == '\t' {
			at = (at-1)/8*8 + 8
		}
		_, n := utf8.DecodeRuneInString(sql[i:])
		i += n
	}
	return i, true
}
