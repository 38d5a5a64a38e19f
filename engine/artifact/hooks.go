package artifact

import (
	"fmt"
	"slices"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// HookID is the unique id of a statement of on-run-start or on-run-end, and HookName what logs
// call it: «operation.shop.shop-on-run-start-0», «shop.on-run-start.0».
func HookID(project, when string, index int) string {
	return fmt.Sprintf("operation.%s.%s-%s-%d", project, project, when, index)
}

// HookName see HookID.
func HookName(project, when string, index int) string {
	return fmt.Sprintf("%s.%s.%d", project, when, index)
}

// hookResults are the rows of the statements of one kind.
func hookResults(p *compile.Program, hooks []run.HookResult, when string) []result {
	var out []result
	name := p.Project.Settings.Name.V
	for _, h := range hooks {
		if h.When != when {
			continue
		}
		ran, failures := h.Status != run.Skipped, int64(0)
		row := result{
			Status: "success", Timing: timings(h.Start, h.End), ThreadID: "main", ExecutionTime: seconds(h.Start, h.End), AdapterResponse: map[string]any{},
			UniqueID: HookID(name, when, h.Index), Compiled: &ran, Failures: &failures,
		}
		said := HookName(name, when, h.Index)
		switch h.Status {
		case run.Errored:
			row.Status, failures, said = "error", 1, said+" failed, error:\n "+h.Message
		case run.Skipped, run.Canceled:
			row.Status, failures, said = "skipped", 1, said+" skipped"
		default:
			said += " passed"
			if h.Rows >= 0 {
				row.AdapterResponse["rows_affected"] = h.Rows
			}
		}
		row.Message = text(said)
		if ran {
			row.CompiledCode = text(h.SQL)
		}
		usage(row.AdapterResponse, h.Usage, "")
		out = append(out, row)
	}
	return out
}

// resultRows are the rows of run_results.json: hooks before the run, nodes and their tests in
// the order of the plan, hooks after it.
func resultRows(r *run.Result, p *compile.Program) []result {
	rows := hookResults(p, r.Hooks, run.OnRunStart)
	for _, n := range r.Nodes {
		if n == nil {
			continue
		}
		if n.Verb != plan.Check || n.Status == run.Errored {
			rows = append(rows, nodeResult(p, n))
		}
		for _, t := range n.Tests {
			rows = append(rows, testResult(p, t, n.Worker))
		}
	}
	return append(rows, hookResults(p, r.Hooks, run.OnRunEnd)...)
}

// Outcomes is what templates of on-run-end read of a run: a mapping for each row of
// run_results.json but for hooks that went well, with the row's keys, and under «node» what
// dbt's templates read of the node. schemas are those of what was built, each once.
func Outcomes(r *run.Result, p *compile.Program) (results []map[string]any, schemas []compile.Schema, err error) {
	nodes := map[string]addr.Node{}
	for _, n := range r.Nodes {
		if n == nil {
			continue
		}
		nodes[UniqueID(p, n.Node)] = n.Node
		for _, t := range n.Tests {
			nodes[UniqueID(p, t.ID)] = t.ID
		}
		if n.Built() && !n.Relation.IsZero() {
			s := compile.Schema{Database: n.Relation.Database, Schema: n.Relation.Schema}
			if s.Database == "" {
				s.Database = p.Target.Database
			}
			if !slices.Contains(schemas, s) {
				schemas = append(schemas, s)
			}
		}
	}
	for _, row := range resultRows(r, p) {
		if row.ThreadID == "main" && row.Status != "error" {
			continue
		}
		text, err := json.Marshal(row)
		if err != nil {
			return nil, nil, fmt.Errorf("write the result of %s: %w", row.UniqueID, err)
		}
		entry := map[string]any{}
		if err := json.Unmarshal(text, &entry); err != nil {
			return nil, nil, fmt.Errorf("read the result of %s: %w", row.UniqueID, err)
		}
		// Numbers of JSON are fractions to templates; these are counts.
		if row.Failures != nil {
			entry["failures"] = *row.Failures
		}
		if n, ok := row.AdapterResponse["rows_affected"]; ok {
			entry["adapter_response"].(map[string]any)["rows_affected"] = n
		}
		entry["node"] = outcomeNode(p, nodes[row.UniqueID], row.UniqueID)
		results = append(results, entry)
	}
	return results, schemas, nil
}

// outcomeNode is what templates ask of the node of a result.
func outcomeNode(p *compile.Program, n addr.Node, id string) map[string]any {
	out := map[string]any{
		"unique_id": id, "name": n.Name, "resource_type": string(n.Kind), "package_name": p.Project.Settings.Name.V,
		"database": p.Target.Database, "schema": p.Target.Schema, "alias": n.Name, "relation_name": "", "original_file_path": "", "description": "",
		"tags": []any{}, "meta": map[string]any{}, "fqn": []any{}, "config": map[string]any{}, "depends_on": map[string]any{"nodes": []any{}},
	}
	if n.IsZero() {
		out["resource_type"] = "operation"
		return out
	}
	if t := testOf(p, n); t != nil {
		parents := []any{}
		for _, parent := range t.Parents {
			parents = append(parents, UniqueID(p, parent))
		}
		out["depends_on"] = map[string]any{"nodes": parents}
		out["config"] = map[string]any{"materialized": "test", "severity": t.Config.Severity, "tags": anyTexts(t.Config.Tags), "meta": plainMap(t.Config.Meta)}
		return out
	}
	node := p.Nodes[n]
	if node == nil {
		return out
	}
	out["database"], out["schema"], out["alias"] = orElse(node.Relation.Database, p.Target.Database), node.Relation.Schema, node.Relation.Name
	out["relation_name"], out["original_file_path"], out["description"] = p.Target.Dialect.Quote(node.Relation), node.Path, node.Description
	out["tags"], out["meta"], out["fqn"] = anyTexts(node.Config.Tags), plainMap(node.Config.Meta), anyTexts(node.FQN)
	out["config"] = map[string]any{
		"materialized": materialized(node), "tags": anyTexts(node.Config.Tags), "meta": plainMap(node.Config.Meta), "group": node.Config.Group,
		"schema": node.Config.Schema, "alias": node.Config.Alias, "database": node.Config.Database,
	}
	parents := []any{}
	for _, parent := range node.Parents {
		parents = append(parents, UniqueID(p, parent))
	}
	out["depends_on"] = map[string]any{"nodes": parents}
	return out
}

func anyTexts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
