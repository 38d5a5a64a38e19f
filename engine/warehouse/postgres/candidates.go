package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// explained wraps an error and, where a name is not known and the server suggests none,
// looks up what there is in its place.
func (s session) explained(ctx context.Context, stmt warehouse.Statement, err error) error {
	err = wrap(ctx, stmt, err)
	e := (*Error)(nil)
	if !errors.As(err, &e) || len(e.Candidates) > 0 || e.Word == "" || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cleanupTime)
	defer cancel()
	outside := s
	outside.own = nil // the transaction at hand is aborted
	switch e.Code {
	case "42703":
		found, err := outside.Inspect(ctx, namedRelations(stmt.SQL))
		if err != nil {
			return e
		}
		seen := map[string]bool{}
		for _, r := range found {
			for _, c := range r.Columns {
				if !seen[c.Name] {
					seen[c.Name] = true
					e.Candidates = append(e.Candidates, c.Name)
				}
			}
		}
	case "42P01":
		schema, _, ok := strings.Cut(e.Word, ".")
		if !ok {
			return e
		}
		found, err := outside.List(ctx, "", schema)
		if err != nil {
			return e
		}
		for _, r := range found {
			if !strings.HasPrefix(r.Name.Name, aside) {
				e.Candidates = append(e.Candidates, schema+"."+r.Name.Name)
			}
		}
	}
	return e
}

// namedRelations are the pairs of quoted names in a text, "schema"."name", as the engine
// writes relations.
func namedRelations(sql string) []addr.Relation {
	const most = 20
	var out []addr.Relation
	for i := 0; i < len(sql) && len(out) < most; i++ {
		if sql[i] != '"' {
			continue
		}
		end := identEnd(sql, i)
		if end+1 < len(sql) && sql[end] == '.' && sql[end+1] == '"' {
			last := identEnd(sql, end+1)
			out = append(out, addr.Relation{Schema: unquoteIdent(sql[i:end]), Name: unquoteIdent(sql[end+1 : last])})
			end = last
		}
		i = end - 1
	}
	return out
}
