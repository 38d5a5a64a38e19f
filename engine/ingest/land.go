package ingest

import (
	"context"
	"fmt"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Prepare makes what landing needs: the schemas, and the tables of the engine's records.
func Prepare(ctx context.Context, r Request) error {
	ops := state.IngestSetup(r.To, r.Database)
	seen := map[addr.Relation]bool{}
	for _, w := range r.Tables {
		schema := addr.Relation{Database: w.Into.Database, Schema: w.Into.Schema}
		if !seen[schema] {
			seen[schema] = true
			ops = append(ops, warehouse.CreateSchema{Database: schema.Database, Schema: schema.Schema})
		}
	}
	if err := Do(ctx, r.Target, ops...); err != nil {
		return err
	}
	lacking, err := state.IngestLackingOps(ctx, r.Target, r.Database)
	if err != nil {
		return err
	}
	return Do(ctx, r.Target, lacking...)
}

// Own takes out of a plan the tables that would land where there is something that no
// ingestion has put there, and says so: nothing that is not the engine's is ever replaced.
func Own(ctx context.Context, r Request, p *Plan) (diag.List, error) {
	var list diag.List
	var relations []addr.Relation
	for i := range p.Tables {
		relations = append(relations, p.Tables[i].Into)
	}
	known, err := state.ReadIngests(ctx, r.Target, r.Database, relations)
	if err != nil {
		return nil, err
	}
	var own []Step
	for _, step := range p.Tables {
		have, err := warehouse.Probe(ctx, r.Target, step.Into)
		if err != nil {
			return nil, err
		}
		if _, ours := known[step.Into]; !ours && have.Kind != warehouse.None {
			list.Add(diag.Diagnostic{Code: codeForeign, At: step.Source.Table.At, Model: step.Node, Message: fmt.Sprintf("there is a %s %s already, and engine ingest has not made it", have.Kind, step.Into),
				Help: `drop or rename it if nobody needs it, or give the source another schema with "schema"`})
			continue
		}
		own = append(own, step)
	}
	p.Tables = own
	return list, nil
}

// Record notes in c, which is Publish's, that rows were landed.
func Record(ctx context.Context, c warehouse.Conn, r Request, kind string, res Result) error {
	if kind != project.IngestFiles {
		// Rows of files that were here before are gone: files that come back are to be read.
		if err := Do(ctx, c, state.IngestedFilesOps(r.To, r.Database, res.Into, nil, true)...); err != nil {
			return err
		}
	}
	return Do(ctx, c, state.IngestOps(r.To, r.Database, state.Ingest{Source: res.Node, Relation: res.Into, Kind: kind, Mode: res.Mode, Run: r.Run, At: r.Now(), Rows: res.Rows, Total: res.Total, Form: res.form})...)
}

// Publish makes staged visible as into, in place of what has that name. also is done in the
// same transaction, where the warehouse has them, and else right after it; it may be nil.
// Readers see the rows of before or those of staged.
func Publish(ctx context.Context, r Request, staged, into addr.Relation, also func(context.Context, warehouse.Conn) error) error {
	return Together(ctx, r, func(ctx context.Context, c warehouse.Conn) error {
		old, err := warehouse.Probe(ctx, c, into)
		if err != nil {
			return err
		}
		if old.Kind == warehouse.None && also != nil && !c.Dialect().Caps().TransactionalDDL {
			// Otherwise a run that dies in between would leave a table that looks like somebody's.
			if err := also(ctx, c); err != nil {
				return err
			}
		}
		if err := Do(ctx, c, warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: into, Old: old.Kind}); err != nil {
			return err
		}
		if also == nil {
			return nil
		}
		return also(ctx, c)
	})
}

// Together does something in one transaction that is committed only while the run has its
// lease, or, where there are no transactions, begins only then.
func Together(ctx context.Context, r Request, do func(context.Context, warehouse.Conn) error) error {
	fence := func(c warehouse.Conn) error {
		if r.Fence == nil {
			return nil
		}
		return r.Fence(ctx, c)
	}
	if !r.Target.Dialect().Caps().TransactionalDDL {
		if err := fence(r.Target); err != nil {
			return err
		}
		return do(ctx, r.Target)
	}
	tx, err := warehouse.Begin(ctx, r.Target)
	if err != nil {
		return err
	}
	defer tx.Close()
	if err := do(ctx, tx); err != nil {
		return err
	}
	if err := fence(tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Do does operations, one after the other.
func Do(ctx context.Context, c warehouse.Conn, ops ...warehouse.Op) error {
	for _, op := range ops {
		parts := []warehouse.Op{op}
		if late, ok := op.(warehouse.Late); ok && warehouse.NeedsExpand(op) {
			var err error
			if parts, err = late.Expand(func(rel addr.Relation) (warehouse.Relation, error) { return warehouse.Probe(ctx, c, rel) }); err != nil {
				return err
			}
		}
		for _, part := range parts {
			if err := one(ctx, c, part); err != nil {
				return fmt.Errorf("%s: %w", warehouse.Describe(part), err)
			}
		}
	}
	return nil
}

func one(ctx context.Context, c warehouse.Conn, op warehouse.Op) error {
	if p, ok := c.(warehouse.Performer); ok {
		if _, _, done, err := p.Perform(ctx, op); done || err != nil {
			return err
		}
	}
	stmts, err := c.Dialect().Render(op)
	if err != nil {
		return err
	}
	for _, stmt := range stmts {
		if _, err := c.Exec(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

// Relation is the name of a relation in the target.
type Relation = addr.Relation

// drop removes a table that an earlier run may have left, or that is no longer needed.
func drop(ctx context.Context, c warehouse.Conn, rel Relation) error {
	have, err := warehouse.Probe(ctx, c, rel)
	if err != nil || have.Kind == warehouse.None {
		return err
	}
	return Do(ctx, c, warehouse.Drop{Relation: rel, Kind: have.Kind})
}
