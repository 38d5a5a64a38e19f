package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// Foreign has a PostgreSQL target read the tables where they are, through foreign tables that
// have the columns which are taken and no others. All tables of a run are read at one moment
// and published in one transaction.
type Foreign struct{}

// foreignRows is how many rows are fetched at a time. The 100 of postgres_fdw are slow.
const foreignRows = 50_000

// Name is «foreign».
func (Foreign) Name() string { return project.IngestForeign }

// Open looks at the remote's catalog, and refuses targets without foreign tables.
func (Foreign) Open(ctx context.Context, r Request) (Session, error) {
	if r.Target == nil { // a dry run, and there is no target yet
		return openForeign(ctx, r)
	}
	refused := diag.Diagnostic{Code: codeKind, Message: fmt.Sprintf("source %q is of kind foreign, and the target is %s, which has no foreign tables", r.Name, r.To.Name()), Help: "copy the tables: ingest: {kind: copy}"}
	tx, err := warehouse.Begin(ctx, r.Target)
	if errors.Is(err, warehouse.ErrUnsupported) {
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	_, able := tx.(warehouse.Attacher)
	if err := tx.Close(); err != nil {
		return nil, err
	}
	if !able {
		return nil, refused
	}
	return openForeign(ctx, r)
}

func openForeign(ctx context.Context, r Request) (Session, error) {
	remote, err := catalogOf(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, w := range r.Tables {
		for _, t := range w.Source.Ingest.Transform {
			if t.How != project.TransformConstant {
				return nil, diag.Diagnostic{Code: codeKind, At: t.Column.At, Model: w.Node, Message: fmt.Sprintf("column %q of source %q has the transform %s, and values of foreign tables leave the remote as they are", t.Column.V, w.Node.Name, t.How), Help: "copy the table: ingest: {kind: copy}, or have the remote make a view with the transform"}
			}
		}
	}
	return &foreignSession{request: r, remote: remote}, nil
}

// catalogOf asks the connection of a source for its tables, and closes it again.
func catalogOf(ctx context.Context, r Request) (Remote, error) {
	s, err := Copy{}.Open(ctx, r)
	if err != nil {
		return Remote{}, err
	}
	return s.Remote(), s.Close()
}

type foreignSession struct {
	request Request
	remote  Remote
}

func (s *foreignSession) Remote() Remote { return s.remote }
func (s *foreignSession) Close() error   { return nil }

// Apply lands all tables, or none of them.
func (s *foreignSession) Apply(ctx context.Context, p Plan, tell func(Event)) []Result {
	r := s.request
	out := make([]Result, len(p.Tables))
	for i, step := range p.Tables {
		out[i] = Result{Node: step.Node, Into: step.Into, Mode: ModeFull, Total: -1, Start: r.Now(), Columns: step.Columns}
	}
	at := -1 // the table that is worked on
	err := s.apply(ctx, p, out, &at)
	for i := range out {
		res := &out[i]
		res.End = r.Now()
		switch {
		case err == nil:
		case i == at || at < 0:
			res.fail(notLanded(&p.Tables[i], r.To, err))
		default:
			res.fail(diag.Diagnostic{Code: codeLand, At: p.Tables[i].Source.Table.At, Model: res.Node, Message: fmt.Sprintf("source %q was not landed, because %s could not be: foreign tables are of one moment", res.Node.Name, out[at].Node.Name)})
		}
		if res.Failed {
			res.Rows = 0
		}
		if tell != nil {
			tell(Event{Node: res.Node, Rows: res.Rows, Done: res})
		}
	}
	return out
}

func (s *foreignSession) apply(ctx context.Context, p Plan, out []Result, at *int) error {
	if len(p.Tables) == 0 {
		return nil
	}
	r := s.request
	d := r.Target.Dialect()
	server := serverName(p.Tables[0].Into.Schema, r.Name, d.Caps())
	return Together(ctx, r, func(ctx context.Context, c warehouse.Conn) error {
		attacher, ok := c.(warehouse.Attacher)
		if !ok {
			return fmt.Errorf("attach %s: %w", r.Name, warehouse.ErrUnsupported)
		}
		// One server for all: what is read through one connection is of one moment.
		a := warehouse.Attachment{Server: server, Remote: r.Config, FetchRows: foreignRows}
		queries := make([]string, len(p.Tables))
		for i := range p.Tables {
			*at = i
			if err := refuseDeclared(&p.Tables[i], d); err != nil {
				return err
			}
			var table warehouse.AttachedTable
			table, queries[i] = attached(&p.Tables[i], d)
			a.Tables = append(a.Tables, table)
			a.Replaces = append(a.Replaces, foreignName(p.Tables[i].Into, d.Caps()))
		}
		*at = -1
		if err := attacher.Attach(ctx, a); err != nil {
			return err
		}
		var idle []addr.Relation
		for i := range p.Tables {
			*at = i
			if err := s.land(ctx, c, &p.Tables[i], queries[i], &out[i]); err != nil {
				return err
			}
			if p.Tables[i].Materialized != project.MaterializedView {
				idle = append(idle, a.Tables[i].Name)
			}
			idle = append(idle, a.Replaces[i]) // of the view before
		}
		*at = -1
		if err := attacher.Detach(ctx, server, idle); err != nil {
			return err
		}
		for i, step := range p.Tables {
			if step.Materialized != project.MaterializedView {
				continue
			}
			if _, err := c.Exec(ctx, warehouse.Statement{SQL: "alter foreign table " + d.Quote(a.Tables[i].Name) + " rename to " + d.Ident(foreignName(step.Into, d.Caps()).Name)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// refuseDeclared refuses types that the project declares and that would change values.
func refuseDeclared(step *Step, to warehouse.Dialect) error {
	for _, c := range step.Columns {
		if why := unfitDeclared(c, step.Wanted, to); why != "" {
			return diag.Diagnostic{Code: codeColumn, At: step.Source.Table.At, Model: step.Node, Message: fmt.Sprintf("column %q of source %q: %s", c.Name, step.Node.Name, why)}
		}
	}
	return nil
}

// notLanded words why a table could not be landed.
func notLanded(step *Step, to warehouse.Dialect, err error) diag.Diagnostic {
	var known diag.Diagnostic
	if errors.As(err, &known) {
		return known
	}
	var theirs *warehouse.NotOwnError
	if errors.As(err, &theirs) {
		return diag.Diagnostic{Code: codeForeign, At: step.Source.Table.At, Model: step.Node, Message: theirs.Error(), Help: theirs.Help, Cause: err}
	}
	e := warehouse.Explain(to, err)
	d := diag.Diagnostic{Code: codeLand, At: step.Source.Table.At, Model: step.Node, Message: fmt.Sprintf("source %q could not be landed: %s", step.Node.Name, e.Message), Help: e.Help, Cause: err}
	if d.Help == "" {
		d.Help = "what was there before is still there"
	}
	return d
}

// attached is the foreign table of a step, aside, and the query that reads it.
func attached(step *Step, d warehouse.Dialect) (warehouse.AttachedTable, string) {
	table := warehouse.AttachedTable{Name: materialize.StagedName(foreignName(step.Into, d.Caps()), d.Caps()), Schema: step.Source.Ingest.Schema.V, Table: step.From.Name}
	lander, _ := d.(warehouse.Lander)
	barrier := ""
	columns := make([]Taken, len(step.Columns))
	for i, col := range step.Columns {
		columns[i] = col
		columns[i].Expr = landedAs(col, d)
		from := step.From.Column(col.Name)
		if from == nil || col.Transform != "" {
			continue // a constant, which the remote is not asked for
		}
		table.Columns = append(table.Columns, warehouse.Column{Name: col.Name, Type: from.Base})
		exact := false
		if lander != nil {
			_, exact = lander.Landing(from.Base)
		}
		if !exact {
			// It may be a text here and something else there, where a condition on it would mean
			// something else, too.
			barrier = " offset 0"
		}
	}
	return table, Query(table.Name.Schema, table.Name.Name, columns) + barrier
}

// landedAs is a column's expression in its landing type. Numbers with more digits than that
// has are an error, and not rounded.
func landedAs(c Taken, d warehouse.Dialect) string {
	if strings.EqualFold(c.Type, c.Wire) {
		return c.Expr
	}
	cast := "cast(" + c.Expr + " as " + c.Type + ")"
	if !strings.HasPrefix(c.Wire, "numeric") || !strings.Contains(c.Type, "(") {
		return cast
	}
	return fmt.Sprintf("case when %[1]s is null or %[1]s = %[2]s then %[2]s else cast(%[3]s || cast(%[1]s as text) as %[4]s) end",
		c.Expr, cast, d.Literal(fmt.Sprintf("column %s holds a number that %s cannot: ", c.Name, c.Type)), c.Type)
}

// land puts what reads a foreign table into the place of what was there.
func (s *foreignSession) land(ctx context.Context, c warehouse.Conn, step *Step, query string, res *Result) error {
	r := s.request
	d := c.Dialect()
	staged := materialize.StagedName(step.Into, d.Caps())
	old, err := warehouse.Probe(ctx, c, step.Into)
	if err != nil {
		return err
	}
	if err := dropLeft(ctx, c, staged); err != nil {
		return err
	}
	swap := warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: step.Into, Old: old.Kind, Query: query}
	if step.Materialized == project.MaterializedView {
		swap.NewKind, res.Rows = warehouse.View, -1
		err = Do(ctx, c, warehouse.CreateViewAs{Target: staged, Query: query})
	} else {
		res.Rows, err = rowsOf(ctx, c, warehouse.CreateTableAs{Target: staged, Query: query})
		res.Total = res.Rows
	}
	if err == nil {
		err = Do(ctx, c, swap)
	}
	if err != nil {
		return err
	}
	return Record(ctx, c, r, project.IngestForeign, *res)
}

// dropLeft drops what a run that died has left aside.
func dropLeft(ctx context.Context, c warehouse.Conn, staged addr.Relation) error {
	left, err := warehouse.Probe(ctx, c, staged)
	if err != nil || left.Kind == warehouse.None {
		return err
	}
	return Do(ctx, c, warehouse.Drop{Relation: staged, Kind: left.Kind})
}

// rowsOf makes a table and counts its rows.
func rowsOf(ctx context.Context, c warehouse.Conn, op warehouse.CreateTableAs) (int64, error) {
	stmts, err := c.Dialect().Render(op)
	if err != nil {
		return 0, err
	}
	var rows int64 = -1
	for i, stmt := range stmts {
		stats, err := c.Exec(ctx, stmt)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", warehouse.Describe(op), err)
		}
		if i == 0 {
			rows = stats.Rows
		}
	}
	return rows, nil
}

// serverName is the name of the foreign server of a source that lands in a schema.
func serverName(schema, source string, caps warehouse.Caps) string {
	return materialize.FitName("engine_"+schema+"_"+source, caps)
}

// foreignName is where the foreign table behind a view lies.
func foreignName(into addr.Relation, caps warehouse.Caps) addr.Relation {
	into.Name = materialize.FitName(into.Name+"__foreign", caps)
	return into
}
