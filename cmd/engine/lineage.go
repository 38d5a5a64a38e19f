package main

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

func (a *app) lineageCommand() *cobra.Command {
	var format, file string
	var names []string
	for _, w := range lineage.Writers {
		names = append(names, w.Name)
	}
	cmd := &cobra.Command{
		Use:   "lineage [selector…]",
		Short: "draw what reads what",
		Long: text(`
Writes the graph of the selected nodes: sources, seeds, models, snapshots and exposures.
Nodes between selected ones that are left out are bridged by nothing: select them, too.`),
		Example: `  engine lineage +orders+ --format svg --output orders.svg
  engine lineage --format mermaid
  engine lineage tag:finance --format dot | dot -Tpng > finance.png`,
	}
	sel := a.selectFlags(cmd, true)
	cmd.Flags().Var(newChoice(&format, "dot", names...), "format", "`form` of the graph: "+strings.Join(names, ", "))
	complete(cmd, "format", names...)
	cmd.Flags().StringVarP(&file, "output", "o", "", "`file` to write; default: print")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args)
		if err != nil {
			return err
		}
		s, err := a.load()
		if err != nil {
			return err
		}
		s.options.SkipAnalysis = true
		if err := s.compile(cmd.Context()); err != nil {
			return err
		}
		chosen, err := s.choose(q)
		if err != nil {
			return err
		}
		s.warn()
		return a.draw(lineage.From(s.program).Sub(chosen.Has), format, file)
	}
	return cmd
}

func (a *app) draw(g *lineage.Graph, format, file string) error {
	var b bytes.Buffer
	for _, w := range lineage.Writers {
		if w.Name == format {
			if err := w.Write(&b, g); err != nil {
				return err
			}
		}
	}
	if file == "" || file == "-" {
		_, err := a.out.Write(b.Bytes())
		return err
	}
	if err := atomicfile.Write(file, b.Bytes()); err != nil {
		return failure(fileWrong("write", file, err))
	}
	return nil
}
