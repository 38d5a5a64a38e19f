package ingest

import (
	"context"
	"fmt"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// Federated has the target ask the remote itself, through a connection that the target
// knows. The catalog is read directly. Each table is of a moment of its own, since the target
// asks for one after the other.
type Federated struct{}

// Name is «federated».
func (Federated) Name() string { return project.IngestFederated }

// Open looks at the remote's catalog, and refuses targets that ask nobody.
func (Federated) Open(ctx context.Context, r Request) (Session, error) {
	asks, ok := r.To.(warehouse.Federator)
	if !ok {
		return nil, diag.Diagnostic{Code: codeKind, Message: fmt.Sprintf("source %q is of kind federated, and the target is %s, which has no federated queries", r.Name, r.To.Name()), Help: "copy the tables: ingest: {kind: copy}"}
	}
	remote, err := catalogOf(ctx, r)
	if err != nil {
		return nil, err
	}
	return &federatedSession{request: r, remote: remote, asks: asks}, nil
}

type federatedSession struct {
	request Request
	remote  Remote
	asks    warehouse.Federator
}

func (s *federatedSession) Remote() Remote { return s.remote }
func (s *federatedSession) Close() error   { return nil }

// Apply lands one table after the other.
func (s *federatedSession) Apply(ctx context.Context, p Plan, tell func(Event)) []Result {
	out := make([]Result, len(p.Tables))
	for i := range p.Tables {
		step, res := &p.Tables[i], &out[i]
		*res = Result{Node: step.Node, Into: step.Into, Mode: ModeFull, Rows: -1, Total: -1, Start: s.request.Now(), Columns: step.Columns}
		if err := s.land(ctx, step, res); err != nil {
			res.fail(notLanded(step, s.request.To, err))
			res.Rows = 0
		}
		res.End = s.request.Now()
		if tell != nil {
			tell(Event{Node: step.Node, Rows: res.Rows, Done: res})
		}
	}
	return out
}

// FederatedQuery is what the target runs for a step: its columns, out of the remote's query.
func FederatedQuery(step *Step, d warehouse.Dialect, asks warehouse.Federator) (string, error) {
	rows, err := asks.Federated(step.Source.Ingest.Resource.V, step.Query)
	if err != nil {
		return "", err
	}
	list := ""
	for i, c := range step.Columns {
		if i > 0 {
			list += ", "
		}
		name := d.Ident(c.Name)
		if c.Wire == "text" && c.Type != d.Words().Text() { // a NULL in the place of what is gone
			name = "CAST(" + name + " AS " + c.Type + ") AS " + name
		}
		list += name
	}
	return "SELECT " + list + " FROM " + rows, nil
}

func (s *federatedSession) land(ctx context.Context, step *Step, res *Result) error {
	r := s.request
	d := r.To
	if err := refuseDeclared(step, d); err != nil {
		return err
	}
	query, err := FederatedQuery(step, d, s.asks)
	if err != nil {
		return err
	}
	staged := materialize.StagedName(step.Into, d.Caps())
	old, err := warehouse.Probe(ctx, r.Target, step.Into)
	if err != nil {
		return err
	}
	swap := warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: step.Into, Old: old.Kind, Query: query}
	if err := dropLeft(ctx, r.Target, staged); err != nil {
		return err
	}
	if step.Materialized == project.MaterializedView {
		swap.NewKind = warehouse.View
		err = Do(ctx, r.Target, warehouse.CreateViewAs{Target: staged, Query: query})
	} else {
		res.Rows, err = rowsOf(ctx, r.Target, warehouse.CreateTableAs{Target: staged, Query: query})
		res.Total = res.Rows
	}
	if err != nil {
		return err
	}
	return Together(ctx, r, func(ctx context.Context, c warehouse.Conn) error {
		if old.Kind == warehouse.None && !d.Caps().TransactionalDDL {
			// Otherwise a run that dies in between would leave a table that looks like somebody's.
			if err := Record(ctx, c, r, project.IngestFederated, *res); err != nil {
				return err
			}
		}
		if err := Do(ctx, c, swap); err != nil {
			return err
		}
		return Record(ctx, c, r, project.IngestFederated, *res)
	})
}
