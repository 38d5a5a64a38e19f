package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Copy reads tables of a database and writes their rows into the target.
type Copy struct{}

// Name is «copy».
func (Copy) Name() string { return project.IngestCopy }

// Open begins a moment of the remote, which all tables of the source are read at.
func (Copy) Open(ctx context.Context, r Request) (Session, error) {
	if r.Connection == nil {
		return nil, fmt.Errorf("ingest %s: there is no connection", r.Name)
	}
	if r.Target != nil && !landsCopies(r.Target) {
		return nil, diag.Diagnostic{Code: codeKind, Message: fmt.Sprintf("source %q cannot be copied to %s", r.Name, r.To.Name()), Help: "copy lands rows in DuckDB and PostgreSQL; for BigQuery there are federated and files"}
	}
	conn, err := r.Connection(ctx)
	if err != nil {
		return nil, err
	}
	remote, ok := conn.(warehouse.Remote)
	if !ok {
		name := conn.Dialect().Name()
		conn.Close()
		return nil, diag.Diagnostic{Code: codeKind, Message: fmt.Sprintf("source %q cannot be copied: its connection is of %s", r.Name, name), Help: "copy reads PostgreSQL: type: postgres"}
	}
	moment, err := remote.Moment(ctx)
	if err != nil {
		conn.Close()
		return nil, diag.Diagnostic{Code: codeRead, Message: fmt.Sprintf("source %q cannot be read: %v", r.Name, err), Cause: err}
	}
	s := &copySession{request: r, conn: conn, moment: moment}
	schema := r.Tables[0].Source.Ingest.Schema.V
	if s.remote.Tables, err = moment.Tables(ctx, schema); err != nil {
		s.Close()
		return nil, diag.Diagnostic{Code: codeRead, Message: fmt.Sprintf("the tables of source %q cannot be read: %v", r.Name, err), Cause: err}
	}
	s.remote.Schema = schema
	return s, nil
}

// landsCopies reports whether a target takes rows as copy has them.
func landsCopies(c warehouse.Conn) bool {
	_, stored := c.(warehouse.StoredFiller)
	_, taker := c.(warehouse.CopyTaker)
	return stored || taker
}

type copySession struct {
	request Request
	conn    warehouse.Conn
	moment  warehouse.Moment
	remote  Remote
}

func (s *copySession) Remote() Remote { return s.remote }

// Close ends the moment, and the connection.
func (s *copySession) Close() error {
	return errors.Join(s.moment.Close(), s.conn.Close())
}

// mostTables bounds how many tables are copied at the same time: each has memory of its own.
const mostTables = 4

// Apply lands the tables side by side, and the parts of large ones.
func (s *copySession) Apply(ctx context.Context, p Plan, tell func(Event)) []Result {
	out := make([]Result, len(p.Tables))
	jobs := max(s.request.Jobs, 1)
	workers := min(jobs, len(p.Tables), mostTables)
	readers := max(jobs/max(workers, 1), 1)
	next := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range next {
				out[i] = s.table(ctx, &p.Tables[i], readers, tell)
			}
		})
	}
	for i := range p.Tables {
		next <- i
	}
	close(next)
	group.Wait()
	return out
}

// table lands one table.
func (s *copySession) table(ctx context.Context, step *Step, readers int, tell func(Event)) Result {
	r := s.request
	res := Result{Node: step.Node, Into: step.Into, Mode: ModeFull, Total: -1, Start: r.Now(), Columns: step.Columns}
	err := ctx.Err()
	if err == nil {
		err = s.land(ctx, step, readers, &res)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	res.End = r.Now()
	if err != nil {
		res.fail(copyRefused(step, err))
	}
	if tell != nil {
		tell(Event{Node: step.Node, Rows: res.Rows, Done: &res})
	}
	return res
}

func (s *copySession) land(ctx context.Context, step *Step, readers int, res *Result) error {
	r := s.request
	in := step.Source.Ingest
	res.form = copyForm(step)
	for _, c := range step.Columns {
		if reason := unfitDeclared(c, step.Wanted, r.To); reason != "" {
			return &valueError{Column: c.Name, Reason: reason}
		}
	}
	since := ""
	if in.Watermark.IsSet() && !r.Full {
		var err error
		if since, err = s.since(ctx, step); err != nil {
			return err
		}
	}
	if err := s.exact(ctx, step, since); err != nil {
		return err
	}
	staged := materialize.StagedName(step.Into, r.To.Caps())
	if err := drop(ctx, r.Target, staged); err != nil {
		return err
	}
	rows, err := s.fill(ctx, step, s.queries(step, since, readers), staged)
	if err == nil && in.Watermark.IsSet() {
		err = distinctKeys(ctx, r.Target, step, staged)
	}
	if err == nil {
		res.Rows = rows
		switch {
		case since == "":
			res.Total = rows
			var kept []string
			kept, err = publishKeeping(ctx, r, staged, step.Into, func(ctx context.Context, c warehouse.Conn) error { return Record(ctx, c, r, project.IngestCopy, *res) })
			if len(kept) > 0 && err == nil {
				res.Diags.Add(stayed(step, kept))
			}
			if err == nil {
				return nil
			}
		case rows == 0:
			res.Mode = ModeNothing
		default:
			res.Mode = ModeNew
			err = s.merge(ctx, step, staged, res)
		}
	}
	if left := drop(context.WithoutCancel(ctx), r.Target, staged); left != nil && err == nil {
		err = left
	}
	return err
}

// queries are the parts of a table, to be read side by side: all of the moment.
func (s *copySession) queries(step *Step, since string, readers int) []string {
	and := func(q string, conditions ...string) string {
		conditions = slices.DeleteFunc(conditions, func(c string) bool { return c == "" })
		if len(conditions) == 0 {
			return q
		}
		return q + " where " + strings.Join(conditions, " and ")
	}
	// Of a table that is read by its watermark an index knows the rows.
	parts := min(int64(readers), step.From.Pages/pagesApart)
	if parts < 2 || since != "" {
		return []string{and(step.Query, since)}
	}
	var out []string
	for i := range parts {
		from, to := i*step.From.Pages/parts, (i+1)*step.From.Pages/parts
		low, high := fmt.Sprintf("ctid >= '(%d,0)'::tid", from), fmt.Sprintf("ctid < '(%d,0)'::tid", to)
		if i == 0 {
			low = ""
		}
		if i == parts-1 { // the table may have grown since it was counted
			high = ""
		}
		out = append(out, and(step.Query, low, high))
	}
	return out
}

// pagesApart is how many pages a part of a table has at least: 8 MiB.
const pagesApart = 1024

// fill makes staged of the rows of queries.
func (s *copySession) fill(ctx context.Context, step *Step, queries []string, staged Relation) (int64, error) {
	r := s.request
	if taker, ok := r.Target.(warehouse.CopyTaker); ok {
		return taker.TakeCopy(ctx, staged, step.Landing(), textOf(ctx, s.moment, queries))
	}
	filler, ok := r.Target.(warehouse.StoredFiller)
	if !ok {
		return 0, fmt.Errorf("fill %s: %w", staged, warehouse.ErrUnsupported)
	}
	key := step.From.Key
	if len(step.Source.Ingest.Key) > 0 {
		key = words(step.Source.Ingest.Key)
	}
	in, err := newStream(step.Columns, key, filler.Stored)
	if err != nil {
		return 0, err
	}
	stop := in.start(ctx, s.moment, queries)
	defer stop()
	stats, err := filler.FillStored(ctx, staged, step.Landing(), nil, in.next)
	if err != nil {
		stop()
		if in.err != nil && !errors.Is(in.err, context.Canceled) {
			err = in.err // the target only passes its text on
		}
		return 0, err
	}
	if read := in.rows.Load(); stats.Rows >= 0 && stats.Rows != read {
		return 0, fmt.Errorf("%d rows were read, and %d written", read, stats.Rows)
	}
	return in.rows.Load(), nil
}

// exact makes sure that a target which rounds what it takes has nothing to round.
func (s *copySession) exact(ctx context.Context, step *Step, since string) error {
	if _, rounds := s.request.Target.(warehouse.CopyTaker); !rounds {
		return nil
	}
	for _, c := range step.Columns {
		precision, scale, decimal := bounds(strings.ToUpper(c.Type))
		base, _, _ := strings.Cut(c.Wire, "(")
		if !decimal || !strings.Contains(c.Type, "(") || strings.EqualFold(c.Wire, c.Type) || c.From == "" || !oneOf(base, "numeric", "smallint", "integer", "bigint") {
			continue
		}
		name := quoteName(c.Name)
		key := step.From.Key
		if len(step.Source.Ingest.Key) > 0 {
			key = words(step.Source.Ingest.Key)
		}
		list := []string{"'x'"}
		for _, k := range key {
			if i := slices.IndexFunc(step.Columns, func(c Taken) bool { return c.Name == k && c.Transform == "" && c.From != "" }); i >= 0 {
				list = append(list, quoteText(k+" = ")+" || left("+quoteName(k)+"::text, 40)")
			}
		}
		query := fmt.Sprintf("select %s from %s.%s where (%s <> round(%s, %d) or abs(%s) >= 1e%d)", strings.Join(list, ", "), quoteName(step.Source.Ingest.Schema.V), quoteName(step.From.Name), name, name, scale, name, precision-scale)
		if base != "numeric" {
			query = strings.ReplaceAll(query, "round("+name, "round("+name+"::numeric")
		}
		if since != "" {
			query += " and " + since
		}
		var found strings.Builder
		if _, err := s.moment.Copy(ctx, query+" limit 1", warehouse.CopyText, &found); err != nil {
			return err
		}
		if line := strings.TrimRight(found.String(), "\n"); line != "" {
			_, row, _ := strings.Cut(line, "\t")
			return &valueError{Column: c.Name, Reason: fmt.Sprintf("a number is NaN, infinite or has more digits than %s", c.Type), Row: strings.ReplaceAll(row, "\t", ", ")}
		}
	}
	return nil
}

func words(list []project.Value[string]) (out []string) {
	for _, v := range list {
		out = append(out, v.V)
	}
	return out
}

// merge has new rows take the place of their earlier versions. When all of them are there
// already, since the newest ones are read each time, nothing is recorded: the time of the
// record is when something came last.
func (s *copySession) merge(ctx context.Context, step *Step, staged Relation, res *Result) error {
	r := s.request
	names := make([]string, len(step.Columns))
	for i, c := range step.Columns {
		names[i] = c.Name
	}
	return Together(ctx, r, func(ctx context.Context, c warehouse.Conn) error {
		fresh, err := came(ctx, c, step, staged)
		if err != nil {
			return err
		}
		if err := Do(ctx, c, warehouse.MergeInto{Target: step.Into, From: staged, Key: words(step.Source.Ingest.Key), Columns: names}); err != nil {
			return err
		}
		if !fresh {
			res.Mode = ModeNothing
			return nil
		}
		return Record(ctx, c, r, project.IngestCopy, *res)
	})
}

// came reports whether staged has a row that is not there with the same watermark.
func came(ctx context.Context, c warehouse.Conn, step *Step, staged Relation) (bool, error) {
	d, in := c.Dialect(), step.Source.Ingest
	var same []string
	for _, name := range append(words(in.Key), in.Watermark.V) {
		same = append(same, fmt.Sprintf("t.%[1]s is not distinct from s.%[1]s", d.Ident(name)))
	}
	rows, err := c.Query(ctx, warehouse.Statement{SQL: fmt.Sprintf("select 1 from %s as s where not exists (select 1 from %s as t where %s) limit 1", d.Quote(staged), d.Quote(step.Into), strings.Join(same, " and "))})
	if err != nil {
		return false, err
	}
	there := rows.Next()
	return there, errors.Join(rows.Err(), rows.Close())
}

// since is the condition on the remote by which only new rows are read; empty: all are, because
// there are none yet, or because they are of another form.
func (s *copySession) since(ctx context.Context, step *Step) (string, error) {
	r, in := s.request, step.Source.Ingest
	// The lock says what somebody agreed to, not what is in this target: another one may have
	// been landed in since.
	known, err := state.ReadIngests(ctx, r.Target, r.Database, []addr.Relation{step.Into})
	if err != nil {
		return "", err
	}
	if was := known[step.Into]; was.Kind != project.IngestCopy || was.Form != copyForm(step) {
		return "", nil // what is there was taken in another way
	}
	have, err := warehouse.Probe(ctx, r.Target, step.Into)
	if err != nil || have.Kind != warehouse.Table || !sameColumns(have.Columns, step.Landing()) {
		return "", err
	}
	i := slices.IndexFunc(step.Columns, func(c Taken) bool { return c.Name == in.Watermark.V })
	if i < 0 {
		return "", nil
	}
	mark := step.Columns[i]
	base, _, _ := strings.Cut(mark.Wire, "(")
	column := r.To.Ident(mark.Name)
	newest := "select max(" + column + ") from " + r.To.Quote(step.Into)
	timed := false
	switch base {
	case "smallint", "integer", "bigint":
		if in.Overlap.IsSet() && in.Overlap.V > 0 {
			return "", diag.Diagnostic{Code: codeColumn, At: in.Overlap.At, Model: step.Node, Message: fmt.Sprintf("the watermark %q is a number, and overlap a time", mark.Name), Help: "remove overlap, or name a time as the watermark"}
		}
	case "date", "timestamp without time zone", "timestamp with time zone":
		timed = true
		w := r.To.Words()
		// A time that is infinite or years ahead by mistake is newer than all that will come.
		newest += " where " + w.Cast(column, w.Timestamp()) + " < " + r.To.Literal(r.Now().UTC().Add(ahead).Truncate(time.Second))
	default:
		return "", diag.Diagnostic{Code: codeColumn, At: in.Watermark.At, Model: step.Node, Message: fmt.Sprintf("column %q is of type %s and cannot be a watermark", mark.Name, mark.From), Help: "name a whole number, a date or a time that grows with every change of a row"}
	}
	rows, err := r.Target.Query(ctx, warehouse.Statement{SQL: newest})
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var value any
	if rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return "", err
		}
		value = values[0]
	}
	if err := rows.Err(); err != nil || value == nil {
		return "", err
	}
	name := quoteName(mark.Name)
	if !timed {
		return fmt.Sprintf("(%s >= %v or %s is null)", name, value, name), nil
	}
	at, ok := value.(time.Time)
	if !ok {
		return "", fmt.Errorf("the newest value of %s is no time", mark.Name)
	}
	overlap := project.DefaultOverlap
	if in.Overlap.IsSet() {
		overlap = in.Overlap.V
	}
	at = at.Add(-overlap).UTC()
	text := at.Format("2006-01-02 15:04:05.999999")
	switch base {
	case "date":
		text = at.Format(time.DateOnly)
	case "timestamp with time zone":
		text += "+00"
	}
	return fmt.Sprintf("(%s >= '%s'::%s or %s is null or not isfinite(%s))", name, text, base, name, name), nil
}

// copyForm is a hash of what decides which values a row lands with, and which rows count as
// new: rows of one form may stay beside rows of the same form only.
func copyForm(step *Step) string {
	in := step.Source.Ingest
	h := sha256.New()
	list := func(words ...string) {
		for _, w := range words {
			fmt.Fprintf(h, "%d:%s,", len(w), w)
		}
		fmt.Fprintln(h)
	}
	list("1", in.Connection.V, in.Schema.V, step.From.Name, in.Watermark.V)
	list(words(in.Key)...)
	for _, c := range step.Columns {
		list(c.Name, c.Expr, c.From, c.Type)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ahead is how far the remote's clock, or its time zone, may be ahead of the engine's.
const ahead = 24 * time.Hour

// sameColumns compares names and types.
func sameColumns(have, want []warehouse.Column) bool {
	return slices.EqualFunc(have, want, func(a, b warehouse.Column) bool { return a.Name == b.Name && strings.EqualFold(a.Type, b.Type) })
}

// distinctKeys refuses rows that could not replace their earlier versions.
func distinctKeys(ctx context.Context, c warehouse.Conn, step *Step, staged Relation) error {
	d := c.Dialect()
	var names, nulls []string
	for _, k := range step.Source.Ingest.Key {
		names = append(names, d.Ident(k.V))
		nulls = append(nulls, d.Ident(k.V)+" is null")
	}
	list := strings.Join(names, ", ")
	for _, q := range []struct{ sql, why string }{
		{"select 1 from " + d.Quote(staged) + " where " + strings.Join(nulls, " or ") + " limit 1", "has rows in which the key is NULL"},
		{"select 1 from " + d.Quote(staged) + " group by " + list + " having count(*) > 1 limit 1", "has several rows with the same key"},
	} {
		rows, err := c.Query(ctx, warehouse.Statement{SQL: q.sql})
		if err != nil {
			return err
		}
		there := rows.Next()
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if there {
			in := step.Source.Ingest
			return diag.Diagnostic{Code: codeColumn, At: in.Key[0].At, Model: step.Node, Message: fmt.Sprintf("table %q %s (%s)", step.From.Name, q.why, strings.Join(words(in.Key), ", ")), Help: `name in "key" the columns that tell its rows apart, or remove "watermark" so that all rows are read`}
		}
	}
	return nil
}

// unfitDeclared says why the values of a column cannot become those of the type that the
// project declares for it; empty: they can, or nothing is declared.
func unfitDeclared(c Taken, w Wanted, to warehouse.Dialect) string {
	typ := w.Types[c.Name]
	if typ == "" || c.From == "" {
		return ""
	}
	if l, ok := to.(warehouse.Lander); ok {
		if _, fits := l.Takes(c.Wire, typ); fits {
			return ""
		}
	}
	return fmt.Sprintf("values of type %s are not made %s, as its data_type says, on the way: declare it as %s, and cast it in a model", c.From, typ, to.Words().Text())
}

// copyRefused words why a table was not landed.
func copyRefused(step *Step, err error) diag.Diagnostic {
	var known diag.Diagnostic
	if errors.As(err, &known) {
		return known
	}
	d := diag.Diagnostic{Code: codeLand, At: step.Source.Table.At, Model: step.Node, Cause: err, Help: "what was there before is still there"}
	var v *valueError
	if errors.As(err, &v) {
		d.Code = codeValue
		d.Message = fmt.Sprintf("column %q of %q: %s", v.Column, step.Node.Name, v.Reason)
		d.Help = "declare another data_type for the column, such as the warehouse's type of texts, or mend the row at the remote"
		if v.Row != "" {
			d.Notes = append(d.Notes, "in the row with "+v.Row)
		}
		return d
	}
	d.Message = fmt.Sprintf("%q could not be ingested: %s", step.Node.Name, strings.ReplaceAll(err.Error(), "\n", "; "))
	return d
}
