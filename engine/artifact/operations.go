package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"path"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
)

type operationNode struct {
	common
	code
	Index int `json:"index"` // from 1, within on-run-start or on-run-end
}

type operation struct {
	id   string
	node operationNode
}

// operationList are the statements of on-run-start and on-run-end as nodes, which they are to dbt.
func (w *writer) operationList() []operation {
	var out []operation
	add := func(when string, hooks []project.Value[string], rendered []string) {
		for i, h := range hooks {
			id := HookID(w.project, when, i)
			name := id[len("operation."+w.project+"."):]
			sum := sha256.Sum256([]byte(h.V))
			c := w.blankCode()
			if i < len(rendered) {
				c.Compiled, c.CompiledCode = true, text(rendered[i])
			}
			n := operationNode{Index: i + 1, code: c}
			n.common = common{
				Database: w.database(addr.Relation{}), Schema: w.p.Target.Schema, Name: name, ResourceType: "operation", PackageName: w.project,
				Path: path.Join("hooks", name+".sql"), OriginalFilePath: "./" + fileOf(h.At.File), UniqueID: id, FQN: []string{w.project, "hooks", name}, Alias: name,
				Checksum: checksum{Name: "sha256", Checksum: hex.EncodeToString(sum[:])},
				Config:   nodeConfig(&compile.Node{ID: addr.Node{Kind: "operation", Name: name}, Config: compile.Config{Enabled: true, Materialized: "view"}}),
				Tags:     []string{when}, Columns: map[string]column{}, Meta: map[string]any{}, Docs: docsConfig{Show: true},
				UnrenderedConfig: map[string]any{}, CreatedAt: w.m.epoch(), RawCode: h.V, DocBlocks: []string{},
			}
			out = append(out, operation{id, n})
		}
	}
	add(run.OnRunStart, w.p.Project.Settings.OnRunStart, w.p.OnRunStart)
	add(run.OnRunEnd, w.p.Project.Settings.OnRunEnd, w.p.OnRunEnd)
	return out
}

func (w *writer) operations(o *object) {
	for _, op := range w.operationList() {
		o.put(op.id, op.node)
	}
}
