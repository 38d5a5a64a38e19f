package artifact

import (
	"io"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
)

type tableMetadata struct {
	Type     string  `json:"type"`
	Schema   string  `json:"schema"`
	Name     string  `json:"name"`
	Database *string `json:"database"`
	Comment  *string `json:"comment"`
	Owner    *string `json:"owner"`
}

type columnMetadata struct {
	Type    string  `json:"type"`
	Index   int     `json:"index"`
	Name    string  `json:"name"`
	Comment *string `json:"comment"`
}

type stat struct {
	ID          string `json:"id"`
	Label       string `json:"label"`
	Value       any    `json:"value"`
	Include     bool   `json:"include"`
	Description string `json:"description"`
}

type catalogTable struct {
	Metadata tableMetadata             `json:"metadata"`
	Columns  map[string]columnMetadata `json:"columns"`
	Stats    map[string]stat           `json:"stats"`
	UniqueID string                    `json:"unique_id"`
}

// Catalog writes catalog.json (v1): what the warehouse says about the relations of a program.
// Nodes without facts do not exist in the warehouse and are left out, as dbt does.
func Catalog(out io.Writer, p *compile.Program, facts map[addr.Node]warehouse.Relation, m Meta) error {
	w := &writer{p: p, m: m, project: p.Project.Settings.Name.V}
	tables := func(kinds ...addr.Kind) func(*object) {
		return func(o *object) {
			for _, n := range w.sorted(kinds...) {
				if fact, ok := facts[n.ID]; ok {
					id := UniqueID(p, n.ID)
					o.put(id, w.table(id, n, fact))
				}
			}
		}
	}
	return file(out, func(o *object) {
		o.put("metadata", m.header("catalog/v1"))
		o.sub("nodes", tables(addr.Model, addr.Seed, addr.Snapshot))
		o.sub("sources", tables(addr.Source))
		o.put("errors", nil)
	})
}

func (w *writer) table(id string, n *compile.Node, fact warehouse.Relation) catalogTable {
	kind := "BASE TABLE"
	switch fact.Kind {
	case warehouse.View:
		kind = "VIEW"
	case warehouse.MaterializedView:
		kind = "MATERIALIZED VIEW"
	case warehouse.Table, warehouse.None:
	}
	t := catalogTable{
		Metadata: tableMetadata{
			Type: kind, Schema: n.Relation.Schema, Name: n.Relation.Name, Database: w.database(n.Relation),
			Comment: text(fact.Comment), Owner: text(n.Config.Owner),
		},
		Columns:  make(map[string]columnMetadata, len(fact.Columns)),
		Stats:    stats(fact),
		UniqueID: id,
	}
	for i, c := range fact.Columns {
		t.Columns[c.Name] = columnMetadata{Type: c.Type, Index: i + 1, Name: c.Name, Comment: text(c.Comment)}
	}
	return t
}

// stats uses the ids of dbt-bigquery, which OpenLineage and DataHub look for.
func stats(fact warehouse.Relation) map[string]stat {
	out := map[string]stat{}
	if fact.Rows >= 0 && fact.Kind != warehouse.View {
		out["num_rows"] = stat{ID: "num_rows", Label: "# Rows", Value: fact.Rows, Include: true, Description: "Approximate count of rows in this table"}
	}
	if fact.Bytes >= 0 && fact.Kind != warehouse.View {
		out["num_bytes"] = stat{ID: "num_bytes", Label: "Approximate Size", Value: fact.Bytes, Include: true, Description: "Approximate size of the table as reported by the warehouse"}
	}
	has := len(out) > 0
	out["has_stats"] = stat{ID: "has_stats", Label: "Has Stats?", Value: has, Include: false, Description: "Indicates whether there are statistics for this table"}
	return out
}
