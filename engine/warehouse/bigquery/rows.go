package bigquery

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/warehouse"
)

// firstWait is how long the service holds its first answer back for a query to end. It is
// short, so that a query is soon known by its job and can be canceled.
const firstWait = time.Second

// Query runs a statement and gives its rows page by page, without the Storage API. Small
// results come with the first answer (jobs.query). The request has an id, so that it may
// be sent again without a second query.
func (c *conn) Query(ctx context.Context, stmt warehouse.Statement) (warehouse.Rows, error) {
	start := time.Now()
	limit := c.limitOf(ctx)
	config := &bq.JobConfiguration{Query: &bq.JobConfigurationQuery{Query: stmt.SQL}}
	c.describe(ctx, config, limit)
	request := &bq.QueryRequest{
		Query: stmt.SQL, UseLegacySql: new(bool), Location: c.location, JobCreationMode: "JOB_CREATION_OPTIONAL",
		Labels: config.Labels, MaximumBytesBilled: config.Query.MaximumBytesBilled, Reservation: config.Reservation,
		ConnectionProperties: config.Query.ConnectionProperties, JobTimeoutMs: limit.Milliseconds(),
		TimeoutMs: firstWait.Milliseconds(), FormatOptions: &bq.DataFormatOptions{UseInt64Timestamp: true},
	}
	// What only reads may run as another query; anything else only as the same one.
	word := firstWord(stmt.SQL)
	reads := ours(stmt) || word == "select" || word == "with"
	t := &trail{}
	number := c.numbers.Add(1)
	for attempt := 1; ; attempt++ {
		request.RequestId = cut(fmt.Sprintf("%s%d-%d", c.token, number, attempt), 36)
		var anew func() string
		if reads {
			anew = func() string {
				number = c.numbers.Add(1)
				return cut(fmt.Sprintf("%s%d-%d", c.token, number, attempt), 36)
			}
		}
		r, ended, err := c.ask(ctx, t, request, anew, limit, start)
		if err == nil {
			c.limit.went()
			return r, nil
		}
		var e *Error
		if !errors.As(err, &e) {
			return nil, err
		}
		if reads && ended && e.transient() && attempt <= c.retries {
			again, waited := c.again(ctx, t, e, true)
			if waited != nil {
				return nil, waited
			}
			if again {
				continue
			}
		}
		e.Retries = t.retries
		return nil, e
	}
}

// ask sends a query and waits for its first page. ended says that the query itself was
// carried out and failed.
func (c *conn) ask(ctx context.Context, t *trail, request *bq.QueryRequest, anew func() string, limit time.Duration, start time.Time) (r *rows, ended bool, err error) {
	release, err := c.limit.acquire(ctx)
	if err != nil {
		return nil, false, stopped(err)
	}
	defer release()
	within, stop := context.WithTimeout(ctx, limit+spareTime)
	defer stop()
	answer, err := c.first(within, t, request, anew)
	if err != nil {
		return nil, false, err
	}
	r = &rows{ctx: ctx, c: c, job: answer.JobReference, start: start, trail: t}
	r.stats = warehouse.JobStats{Rows: -1, Bytes: answer.TotalBytesProcessed, Billed: answer.TotalBytesBilled, SlotMillis: answer.TotalSlotMs, Project: c.billing, Location: answer.Location}
	if answer.JobReference != nil {
		r.stats.JobID, r.stats.Location = answer.JobReference.JobId, answer.JobReference.Location
	}
	if answer.JobComplete {
		r.page(answer.Schema, answer.Rows, answer.PageToken, answer.TotalRows)
		return r, false, nil
	}
	if answer.JobReference == nil {
		return nil, false, &Error{Reason: "invalidAnswer", Message: "the service's answer names no job", Err: errors.New("query without a reference")}
	}
	for complete := false; !complete; {
		got, err := c.results(within, t, r.job, "", c.pace.poll)
		if err != nil {
			if within.Err() != nil {
				c.cancel(ctx, r.job.JobId, r.job.Location)
				if ctx.Err() == nil {
					err = &Error{Reason: reasonTimeout, Message: fmt.Sprintf("the query ran longer than %v", limit), JobID: r.job.JobId, Err: err}
				}
			}
			var e *Error
			if errors.As(err, &e) && e.JobID == "" {
				e.JobID = r.job.JobId
			}
			return nil, true, err
		}
		if complete = got.JobComplete; complete {
			r.stats.Bytes = max(r.stats.Bytes, got.TotalBytesProcessed)
			r.page(got.Schema, got.Rows, got.PageToken, got.TotalRows)
		}
	}
	return r, false, nil
}

// sameID is how often a query is sent with one id: one that failed on the service's side
// may answer the same to the same id for ever.
const sameID = 3

// first sends the query. The call goes on when ctx ends, so that it becomes known which
// job to cancel. After an unclear answer it is sent again with the same id, and when that
// does not help with another one from anew, nil where the query must not run twice.
func (c *conn) first(ctx context.Context, t *trail, request *bq.QueryRequest, anew func() string) (*bq.QueryResponse, error) {
	type result struct {
		answer *bq.QueryResponse
		err    error
	}
	for sent := 1; ; sent++ {
		if err := c.limit.calm(ctx); err != nil {
			return nil, stopped(err)
		}
		results := make(chan result, 1)
		apart, stop := context.WithTimeout(context.WithoutCancel(ctx), c.pace.insert)
		c.open.Add(1)
		go func() {
			defer c.open.Done()
			defer stop()
			var r result
			r.answer, r.err = c.service.Jobs.Query(c.billing, request).Context(apart).Do()
			r.err = callError(context.WithoutCancel(ctx), r.err)
			if ctx.Err() != nil && r.err == nil && !r.answer.JobComplete && r.answer.JobReference != nil {
				c.cancel(ctx, r.answer.JobReference.JobId, r.answer.JobReference.Location)
			}
			results <- r
		}()
		var r result
		select {
		case r = <-results:
		case <-ctx.Done():
			select {
			case <-results:
			case <-time.After(graceTime):
			}
			return nil, stopped(ctx.Err())
		}
		if r.err == nil {
			t.well()
			return r.answer, nil
		}
		var e *Error
		if !errors.As(r.err, &e) || !e.transient() {
			return nil, r.err
		}
		change := anew != nil && e.HTTP >= 500 && sent%sameID == 0
		again, waited := c.again(ctx, t, e, change)
		if waited != nil {
			return nil, waited
		}
		if !again {
			return nil, e
		}
		if change {
			request.RequestId = anew()
		}
	}
}

// results reads a page, or waits for the query to end.
func (c *conn) results(ctx context.Context, t *trail, job *bq.JobReference, token string, wait time.Duration) (*bq.GetQueryResultsResponse, error) {
	var out *bq.GetQueryResultsResponse
	err := c.callWithin(ctx, t, c.pace.call+wait, func(ctx context.Context) (err error) {
		call := c.service.Jobs.GetQueryResults(job.ProjectId, job.JobId).TimeoutMs(wait.Milliseconds()).
			FormatOptionsUseInt64Timestamp(true).Context(ctx)
		if job.Location != "" {
			call = call.Location(job.Location)
		}
		if token != "" {
			call = call.PageToken(token)
		}
		out, err = call.Do()
		return err
	})
	return out, err
}

// rows turns the service's values into those of the contract:
//
//	INT64                        int64
//	FLOAT64                      float64, NaN and infinities among them
//	NUMERIC, BIGNUMERIC          string, exact; with all digits of the scale where the column has one
//	BOOL                         bool
//	STRING                       string
//	BYTES                        []byte
//	DATE, DATETIME, TIMESTAMP    time.Time in UTC, to the microsecond
//	TIME, INTERVAL, RANGE        string, as BigQuery prints them
//	JSON, GEOGRAPHY              string: JSON text, WKT
//	ARRAY                        []any
//	STRUCT                       map[string]any; a field without a name is _0, _1 … by its place
type rows struct {
	ctx   context.Context
	c     *conn
	job   *bq.JobReference
	start time.Time
	trail *trail
	stats warehouse.JobStats

	columns []warehouse.Column
	fields  []*bq.TableFieldSchema
	cells   []*bq.TableRow
	at      int // of the current row in cells, from 1
	seen    int64
	total   uint64 // as the service says, 0 if it does not
	token   string
	closed  bool
	err     error
}

func (r *rows) page(schema *bq.TableSchema, cells []*bq.TableRow, token string, total uint64) {
	if schema != nil && r.fields == nil {
		r.fields, r.columns = schema.Fields, columnsOf(schema)
	}
	r.cells, r.at, r.token = cells, 0, token
	r.seen += int64(len(cells))
	r.total = max(r.total, total)
	r.stats.Rows = max(r.seen, int64(r.total))
}

// Columns of the result; all may be NULL.
func (r *rows) Columns() []warehouse.Column { return r.columns }

// Next reads on, with a call where a page ends.
func (r *rows) Next() bool {
	for r.err == nil && r.at >= len(r.cells) {
		if r.token == "" || r.job == nil {
			if uint64(r.seen) < r.total && !r.closed {
				r.err = &Error{Reason: "invalidAnswer", Message: fmt.Sprintf("the service gave %d of %d rows", r.seen, r.total), Err: io.ErrUnexpectedEOF}
			}
			return false
		}
		got, err := r.c.results(r.ctx, r.trail, r.job, r.token, 0)
		if err != nil {
			r.err = err
			return false
		}
		if got.PageToken == r.token && len(got.Rows) == 0 {
			r.err = &Error{Reason: "invalidAnswer", Message: "the service gives the same page for ever", Err: errors.New("page token repeated")}
			return false
		}
		r.page(got.Schema, got.Rows, got.PageToken, got.TotalRows)
	}
	if r.err != nil {
		return false
	}
	r.at++
	return true
}

// Values gives the values of the current row in a slice of its own.
func (r *rows) Values() ([]any, error) {
	if r.at < 1 || r.at > len(r.cells) {
		return nil, errors.New("read row: there is no current row")
	}
	cells := r.cells[r.at-1].F
	if len(cells) != len(r.fields) {
		return nil, fmt.Errorf("read row: %d values for %d columns", len(cells), len(r.fields))
	}
	out := make([]any, len(cells))
	for i, cell := range cells {
		v, err := value(cell.V, r.fields[i])
		if err != nil {
			return nil, fmt.Errorf("read column %s: %w", r.fields[i].Name, err)
		}
		out[i] = v
	}
	return out, nil
}

func (r *rows) Err() error { return r.err }

// Close forgets the rest of the result.
func (r *rows) Close() error {
	r.cells, r.token, r.closed = nil, "", true
	return nil
}

// Stats is what the query took.
func (r *rows) Stats() warehouse.JobStats {
	s := r.stats
	s.Retries, s.Duration = r.trail.retries, time.Since(r.start)
	return s
}

// value reads one value of the service's JSON form.
func value(v any, f *bq.TableFieldSchema) (any, error) {
	if f.Mode == "REPEATED" {
		list, ok := v.([]any)
		if !ok && v != nil {
			return nil, fmt.Errorf("%T is no array", v)
		}
		out := make([]any, len(list))
		for i, item := range list {
			inner, _ := item.(map[string]any)
			one := *f
			one.Mode = ""
			x, err := value(inner["v"], &one)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	}
	if v == nil {
		return nil, nil
	}
	if record, ok := v.(map[string]any); ok {
		return structValue(record, f)
	}
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%T is no value", v)
	}
	return scalar(text, f)
}

func structValue(record map[string]any, f *bq.TableFieldSchema) (any, error) {
	cells, _ := record["f"].([]any)
	if len(cells) != len(f.Fields) {
		return nil, fmt.Errorf("%d values for %d fields", len(cells), len(f.Fields))
	}
	out := make(map[string]any, len(cells))
	for i, cell := range cells {
		inner, _ := cell.(map[string]any)
		x, err := value(inner["v"], f.Fields[i])
		if err != nil {
			return nil, err
		}
		name := f.Fields[i].Name
		if _, taken := out[name]; taken || name == "" {
			name = "_" + strconv.Itoa(i)
		}
		out[name] = x
	}
	return out, nil
}

func scalar(text string, f *bq.TableFieldSchema) (any, error) {
	switch strings.ToUpper(f.Type) {
	case "INTEGER", "INT64":
		return strconv.ParseInt(text, 10, 64)
	case "FLOAT", "FLOAT64", "DOUBLE":
		return readFloat(text)
	case "BOOLEAN", "BOOL":
		return strconv.ParseBool(strings.ToLower(text))
	case "BYTES":
		return base64.StdEncoding.DecodeString(text)
	case "NUMERIC", "BIGNUMERIC":
		return padScale(text, f.Scale), nil
	case "TIMESTAMP":
		return readTimestamp(text)
	case "DATE":
		return readTime("2006-01-02", text)
	case "DATETIME":
		return readTime("2006-01-02T15:04:05.999999999", strings.Replace(text, " ", "T", 1))
	}
	return text, nil
}

func readFloat(text string) (any, error) {
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity", "+Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return strconv.ParseFloat(text, 64)
}

// padScale writes all digits of a scale: 1.50, not 1.5.
func padScale(text string, scale int64) string {
	if scale <= 0 || strings.ContainsAny(text, "eE") {
		return text
	}
	whole, part, _ := strings.Cut(text, ".")
	if n := int(scale) - len(part); n > 0 {
		part += strings.Repeat("0", n)
	}
	return whole + "." + part
}

// readTimestamp reads microseconds since 1970. Services that do not know the option give
// seconds, with a fraction or an exponent.
func readTimestamp(text string) (any, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMicro(n).UTC(), nil
	}
	seconds, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("%q is no timestamp", text)
	}
	micros := new(big.Rat).Mul(seconds, big.NewRat(1_000_000, 1))
	whole := new(big.Int).Div(micros.Num(), micros.Denom())
	if !whole.IsInt64() {
		return nil, fmt.Errorf("%q is no timestamp", text)
	}
	return time.UnixMicro(whole.Int64()).UTC(), nil
}

func readTime(layout, text string) (any, error) {
	at, err := time.Parse(layout, text)
	if err != nil {
		return nil, fmt.Errorf("%q is not of the form %s", text, layout)
	}
	return at, nil
}
