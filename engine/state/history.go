package state

import (
	"context"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// History gives the newest records of nodes, at most most of each, the newest first. Nodes
// without a record, and all of them where there are no tables, are absent.
func History(ctx context.Context, c warehouse.Conn, s Scope, nodes []addr.Node, most int) (map[addr.Node][]Record, error) {
	out := map[addr.Node][]Record{}
	have, err := Look(ctx, c, s.Database)
	if err != nil {
		return nil, err
	}
	rel, ok := have[builds.name]
	if !ok || len(nodes) == 0 {
		return out, nil
	}
	d := c.Dialect()
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = d.Literal(n.String())
	}
	sql := fmt.Sprintf("SELECT %s FROM (%s) AS history WHERE engine_rank <= %d AND %s IN (%s) ORDER BY %s, engine_rank",
		builds.list(d, rel), builds.ranked(d, s), most, d.Ident(builds.subject), strings.Join(names, ", "), d.Ident(builds.subject))
	err = query(ctx, c, sql, "read the history of "+Schema+"."+builds.name, func(v []any) {
		if r, ok := recordOf(v); ok {
			out[r.Node] = append(out[r.Node], r)
		}
	})
	return out, err
}
