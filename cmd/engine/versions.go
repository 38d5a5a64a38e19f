package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

func (a *app) versionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "versions [selector…]",
		Short: "list the versions that are kept for a rollback",
		Long: text(`
Lists what keep_previous has kept of each node, the newest first: which run built it, which
one replaced it and how long ago, its rows and bytes, and how long it is kept. Nodes that a
rollback holds are marked.`),
		Example: `  engine versions
  engine versions orders+
  engine versions -o json`,
	}
	sel := a.selectFlags(cmd, false)
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		q, err := sel.query(args, builtKinds...)
		if err != nil {
			return err
		}
		s, chosen, err := a.chosen(ctx, q)
		if err != nil {
			return err
		}
		var wanted map[addr.Node]bool
		if chosen.Selector != "" || !q.Whole() {
			wanted = chosen.Nodes
		}
		return s.showVersions(ctx, wanted)
	}
	return cmd
}

// keptVersion is a line of engine versions.
type keptVersion struct {
	Node       addr.Node     `json:"node"`
	Relation   addr.Relation `json:"relation"`
	Kind       string        `json:"kind"`
	Version    string        `json:"version"`
	ReplacedBy string        `json:"replaced_by"`
	ReplacedAt time.Time     `json:"replaced_at"`
	Rows       int64         `json:"rows"`
	Bytes      int64         `json:"bytes"`
	Until      *time.Time    `json:"until,omitempty"`
	Kept       string        `json:"kept"` // keep_previous
	Held       bool          `json:"held,omitempty"`
}

func (s *session) showVersions(ctx context.Context, wanted map[addr.Node]bool) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	snapshot, err := engine.Snapshot(ctx, s.program, conn)
	if err != nil {
		return err
	}
	now := s.app.now()
	list := []keptVersion{}
	for _, p := range engine.KeptVersions(s.program, snapshot) {
		if wanted != nil && !wanted[p.Node] {
			continue
		}
		v := keptVersion{
			Node: p.Node, Relation: p.Relation, Kind: string(p.Kind), Version: p.Record.Version, ReplacedBy: p.Run, ReplacedAt: p.At, Kept: p.Now,
			Rows: p.Record.Rows, Bytes: -1, Held: snapshot.Holds[p.Node].Holds(snapshot.Nodes[p.Node]),
		}
		if r, there := snapshot.Relations[p.As]; there {
			v.Bytes = r.Bytes
		}
		if policy, err := project.ParseRetention(p.Now); err == nil && policy.For > 0 {
			until := p.At.Add(policy.For)
			v.Until = &until
		}
		list = append(list, v)
	}
	if wantsJSON(s.app.global.output) {
		return view.JSON(s.app.out, list)
	}
	if len(list) == 0 {
		_, err := io.WriteString(s.app.out, "no version is kept; keep_previous in engine.yml, for example keep_previous: 7d, keeps what builds replace\n")
		return err
	}
	rows := [][]string{{"relation", "kind", "built by run", "replaced by run", "age", "rows", "size", "kept"}}
	for _, v := range list {
		size, count, kept := "", "", v.Kept
		if v.Bytes >= 0 {
			size = warehouse.FormatSize(v.Bytes)
		}
		if v.Rows >= 0 && v.Kind == string(warehouse.Table) {
			count = fmt.Sprint(v.Rows)
		}
		if v.Until != nil {
			kept = "until " + v.Until.UTC().Format("2006-01-02 15:04")
		} else if kept != "" && kept != "0" {
			kept = "the last " + kept
		}
		if v.Held {
			kept += ", held"
		}
		rows = append(rows, []string{v.Relation.String(), v.Kind, v.Version, v.ReplacedBy, view.Seconds(now.Sub(v.ReplacedAt)), count, size, kept})
	}
	_, err = io.WriteString(s.app.out, aligned(rows))
	return err
}

// aligned writes rows with columns of one width.
func aligned(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-len([]rune(cell))+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
