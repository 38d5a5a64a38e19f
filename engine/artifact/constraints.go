package artifact

import (
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
)

// constraint is dbt's shape of a constraint of a column or, with columns, of a model.
type constraint struct {
	Type            string   `json:"type"`
	Name            *string  `json:"name"`
	Expression      *string  `json:"expression"`
	WarnUnenforced  bool     `json:"warn_unenforced"`
	WarnUnsupported bool     `json:"warn_unsupported"`
	To              *string  `json:"to"`
	ToColumns       []string `json:"to_columns"`
	Columns         []string `json:"columns,omitempty"`
}

// constraints are those as written.
func constraints(written []project.Constraint) []any {
	out := []any{}
	for _, w := range written {
		out = append(out, constraint{
			Type: w.Type.V, Name: text(w.Name.V), Expression: text(w.Expression.V), WarnUnenforced: true, WarnUnsupported: true,
			To: text(w.To.V), ToColumns: values(w.ToColumns), Columns: values(w.Columns),
		})
	}
	return out
}

func values(written []project.Value[string]) []string {
	out := []string{}
	for _, v := range written {
		out = append(out, v.V)
	}
	return out
}

// storageKeys are the keys of storage, rights and limits, as they are written.
var storageKeys = []string{
	"partition_by", "partitions", "cluster_by", "require_partition_filter", "partition_expiration_days", "hours_to_expiration", "kms_key_name",
	"labels_from_meta", "indexes", "unlogged", "grant_access_to", "maximum_bytes_billed", "job_execution_timeout_seconds", "priority", "reservation",
	"enable_refresh", "refresh_interval_minutes", "max_staleness",
}

// storageConfig adds what is configured of storage, rights and limits.
func storageConfig(out map[string]any, n *compile.Node) {
	for _, key := range storageKeys {
		if v := n.Raw[key].V; v != nil {
			out[key] = v
		}
	}
	if len(n.Config.Layout.Labels) > 0 {
		out["labels"] = n.Config.Layout.Labels
	}
	grants := map[string][]string{}
	for privilege, grantees := range n.Config.Grants {
		grants[privilege] = list(grantees)
	}
	out["grants"] = grants
	out["on_configuration_change"] = orElse(n.Config.OnConfigurationChange, "apply")
}
