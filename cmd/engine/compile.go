package main

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/internal/atomicfile"
)

// compiledFile is one node of compile --output json.
type compiledFile struct {
	Node           addr.Node `json:"node"`
	Path           string    `json:"path"`
	Compiled       string    `json:"compiled_path,omitempty"`
	SQL            string    `json:"sql"`
	IncrementalSQL string    `json:"incremental_sql,omitempty"`
}

func (a *app) compileCommand() *cobra.Command {
	var inline string
	cmd := &cobra.Command{
		Use:   "compile [selector…]",
		Short: "write the SQL that templates become",
		Long: text(`
Compiles the project without a warehouse and writes the SQL of the selected models,
snapshots, analyses and singular tests to target/compiled/. The SQL of a single model is printed, too.`),
		Example: `  engine compile
  engine compile orders
  engine compile --inline 'select count(*) from {{ ref "orders" }}'`,
	}
	sel := a.selectFlags(cmd, false)
	cmd.Flags().StringVar(&inline, "inline", "", "compile this `template` instead, and print it")
	a.deferFlags(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		if cmd.Flags().Changed("inline") {
			if len(args)+len(sel.selects) > 0 || sel.selector != "" {
				return mistake(wrongArguments(cmd, "--inline and selectors exclude each other"))
			}
			s, n, err := a.one(ctx, "", inline, true, true)
			if err != nil {
				return err
			}
			s.warn()
			return a.showCompiled([]compiledFile{{Node: n.ID, Path: inlinePath, SQL: n.SQL}}, "")
		}
		q, err := sel.query(args, addr.Model, addr.Snapshot, addr.Test, addr.Analysis)
		if err != nil {
			return err
		}
		a.keeps = true
		s, chosen, err := a.chosen(ctx, q)
		if err != nil {
			return err
		}
		if _, err := s.deferring(ctx, chosen); err != nil {
			return err
		}
		s.warn()
		files, err := s.writeCompiled(chosen.Has)
		if err != nil {
			return err
		}
		if _, _, err := s.writeState(); err != nil {
			return failure(fileWrong("write", a.shown(filepath.Join(s.target(), artifact.StateFile)), err))
		}
		return a.showCompiled(files, filepath.Join(s.target(), "compiled"))
	}
	return cmd
}

// writeCompiled writes the SQL of the chosen nodes below target/compiled, each at the path
// of its file.
func (s *session) writeCompiled(has func(addr.Node) bool) ([]compiledFile, error) {
	var files []compiledFile
	for _, id := range s.program.Order {
		if n := s.program.Nodes[id]; has(id) && n.SQL != "" {
			files = append(files, compiledFile{Node: id, Path: n.Path, SQL: n.SQL, IncrementalSQL: n.IncrementalSQL})
		}
	}
	for _, n := range s.program.Analyses {
		if has(n.ID) && n.SQL != "" {
			files = append(files, compiledFile{Node: n.ID, Path: n.Path, SQL: n.SQL})
		}
	}
	name := func(n addr.Node) string {
		if x := s.program.Nodes[n]; x != nil {
			return s.program.Target.Dialect.Quote(x.Relation)
		}
		return n.Name
	}
	for _, t := range s.program.Tests {
		if has(t.ID) && t.SQL != "" && t.Kind == "singular" {
			text, _ := compile.Bind(t.SQL, t.Map, name)
			files = append(files, compiledFile{Node: t.ID, Path: t.Path, SQL: text})
		}
	}
	for i := range files {
		f := &files[i]
		full := filepath.Join(s.target(), "compiled", filepath.FromSlash(f.Path))
		if err := atomicfile.Write(full, []byte(strings.TrimRight(f.SQL, "\n")+"\n")); err != nil {
			return nil, failure(fileWrong("write", s.app.shown(full), err))
		}
		f.Compiled = full
		if f.IncrementalSQL != "" {
			full = strings.TrimSuffix(full, filepath.Ext(full)) + ".incremental.sql"
			if err := atomicfile.Write(full, []byte(strings.TrimRight(f.IncrementalSQL, "\n")+"\n")); err != nil {
				return nil, failure(fileWrong("write", s.app.shown(full), err))
			}
		}
	}
	return files, nil
}

func (a *app) showCompiled(files []compiledFile, dir string) error {
	if wantsJSON(a.global.output) {
		if files == nil {
			files = []compiledFile{}
		}
		return view.JSON(a.out, files)
	}
	var models []compiledFile
	for _, f := range files {
		if f.Node.Kind != addr.Test {
			models = append(models, f)
		}
	}
	if len(models) == 1 {
		_, err := io.WriteString(a.out, strings.TrimRight(models[0].SQL, "\n")+"\n")
		return err
	}
	if a.global.quiet || a.global.output == "github" {
		return nil
	}
	_, err := io.WriteString(a.out, "wrote "+view.Number(len(files), "file")+" to "+a.shown(dir)+"\n")
	return err
}
