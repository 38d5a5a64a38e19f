package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

// graphForm is the form of the graph of nodes where none is asked for.
const graphForm = "dot"

func (a *app) lineageCommand() *cobra.Command {
	var format, file string
	var o lineage.TraceOptions
	var up bool
	var names []string
	for _, w := range lineage.TraceWriters {
		names = append(names, w.Name)
	}
	cmd := &cobra.Command{
		Use:   "lineage [selector… | model.column]",
		Short: "draw what reads what",
		Long: text(`
Writes the graph of the selected nodes: sources, seeds, models, snapshots and exposures.
Nodes between selected ones that are left out are bridged by nothing: select them, too.

With --up or --down the argument is one column, and the graph is that of columns: what
gives its value, or who reads it, with the SQL on the way. A field of a struct is
model.column.field. What reads a column only to filter, join, group or order stands in
brackets; it is not followed unless --indirect is given.`),
		Example: `  engine lineage +orders+ --format svg --output orders.svg
  engine lineage --format mermaid
  engine lineage tag:finance --format dot | dot -Tpng > finance.png
  engine lineage order_totals.total --up
  engine lineage orders_stg.amount --down --format json`,
	}
	sel := a.selectFlags(cmd, true)
	cmd.ValidArgsFunction = a.completeLineage
	f := cmd.Flags()
	f.Var(newChoice(&format, "", names...), "format", "`form` of the graph: "+strings.Join(names, ", ")+"; default: dot, of columns text")
	complete(cmd, "format", names...)
	f.StringVarP(&file, "output", "o", "", "`file` to write; default: print")
	f.BoolVar(&up, "up", false, "of a column: what gives its value")
	f.BoolVar(&o.Down, "down", false, "of a column: who reads it")
	f.IntVar(&o.Depth, "depth", 0, "of a column: `number` of hops to follow; 0: all")
	f.BoolVar(&o.Indirect, "indirect", false, "of a column: follow filters, joins, groups and orders, too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if up || o.Down {
			if err := columnArguments(cmd, args, up, o); err != nil {
				return err
			}
			return a.traceColumn(cmd, args[0], o, cmp.Or(format, lineage.TraceWriters[0].Name), file)
		}
		if err := graphArguments(cmd, format); err != nil {
			return err
		}
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
		chosen, err := s.choose(cmd.Context(), q)
		if err != nil {
			return err
		}
		s.warn()
		return a.draw(lineage.From(s.program).Sub(chosen.Has), cmp.Or(format, graphForm), file)
	}
	return cmd
}

// graphFlags are the flags that choose nodes, which a column does not take.
var graphFlags = []string{"select", "exclude", "resource-type", "indirect-selection"}

func columnArguments(cmd *cobra.Command, args []string, up bool, o lineage.TraceOptions) error {
	switch {
	case up && o.Down:
		return mistake(wrongArguments(cmd, "--up and --down are two questions"))
	case len(args) != 1:
		return mistake(wrongArguments(cmd, "--up and --down take one column, as in orders.total"))
	case o.Depth < 0:
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--depth is negative", Help: "want 1 or more; 0 means all"})
	}
	for _, name := range graphFlags {
		if cmd.Flags().Changed(name) {
			return mistake(diag.Diagnostic{Code: codeFlag, Message: "--" + name + " chooses nodes, and --up and --down are about a column", Help: "name the column: " + cmd.CommandPath() + " orders.total --up"})
		}
	}
	return nil
}

func graphArguments(cmd *cobra.Command, format string) error {
	for _, name := range []string{"depth", "indirect"} {
		if cmd.Flags().Changed(name) {
			return mistake(diag.Diagnostic{Code: codeFlag, Message: "--" + name + " needs --up or --down", Help: "name a column: " + cmd.CommandPath() + " orders.total --up"})
		}
	}
	if format == "" || slices.ContainsFunc(lineage.Writers, func(w lineage.Writer) bool { return w.Name == format }) {
		return nil
	}
	var forms []string
	for _, w := range lineage.Writers {
		forms = append(forms, w.Name)
	}
	return mistake(diag.Diagnostic{
		Code: codeFlag, Message: fmt.Sprintf("--format %s is for the lineage of a column", format),
		Help: "want one of " + strings.Join(forms, ", ") + ", or a column with --up or --down",
	})
}

// traceColumn answers where one column comes from or who reads it.
func (a *app) traceColumn(cmd *cobra.Command, word string, o lineage.TraceOptions, format, file string) error {
	s, err := a.compiled(cmd.Context())
	if err != nil {
		return err
	}
	graph := lineage.ColumnsFrom(s.program, columnOrigin)
	col, field, bad := findColumn(s.program, graph, word)
	if bad != nil {
		return mistake(*bad)
	}
	s.warn()
	trace, _ := graph.Trace(col, field, o)
	return a.write(file, func(w io.Writer) error {
		for _, t := range lineage.TraceWriters {
			if t.Name == format {
				return t.Write(w, trace)
			}
		}
		return nil
	})
}

// findColumn reads «model.column.field». Names of sources have a dot, so the longest
// beginning that names a node is meant; a kind may stand in front.
func findColumn(p *compile.Program, graph *lineage.Columns, word string) (col addr.Column, field []string, bad *diag.Diagnostic) {
	parts := strings.Split(word, ".")
	for n := len(parts); n > 0; n-- {
		id, ok := nodeNamed(p, strings.Join(parts[:n], "."))
		if !ok {
			continue
		}
		names, _ := graph.Of(id)
		if n == len(parts) {
			d := columnMissing(id.Name, names)
			return col, nil, &d
		}
		for _, name := range names {
			if strings.EqualFold(name, parts[n]) {
				return addr.Column{Node: id, Name: name}, parts[n+1:], nil
			}
		}
		d := unknownColumn(id.Name, parts[n], names)
		return col, nil, &d
	}
	var names []string
	for _, id := range p.Order {
		names = append(names, id.Name)
	}
	name, _, _ := strings.Cut(word, ".")
	d := unknownNode(name, names)
	return col, nil, &d
}

// nodeNamed finds a node by its name, with or without its kind.
func nodeNamed(p *compile.Program, name string) (addr.Node, bool) {
	for _, k := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot, addr.Source} {
		if id := (addr.Node{Kind: k, Name: name}); p.Nodes[id] != nil {
			return id, true
		}
	}
	if n := p.Version(name); n != nil {
		return n.ID, true
	}
	id, err := addr.ParseNode(name)
	return id, err == nil && p.Nodes[id] != nil
}

// columnOrigin is where the columns of a node come from, in its full and its incremental
// text, or why that is not known.
func columnOrigin(n *compile.Node) (full, incremental *origin.Lineage, why string) {
	if l := n.Lineage.Get(); l != nil {
		return l, n.IncrementalLineage.Get(), ""
	}
	if n.Unanalyzed == "" && n.Dialect != project.GoogleSQL {
		return nil, nil, "its SQL is " + cmp.Or(n.Dialect, "not GoogleSQL") + ", and only GoogleSQL is followed by column"
	}
	return nil, nil, cmp.Or(n.Unanalyzed, "nothing is known of its columns")
}

// columnGraph is the graph of columns for the catalog, nil where nothing is known of any.
func columnGraph(p *compile.Program) *lineage.Columns {
	for _, n := range p.Nodes {
		if l, _, _ := columnOrigin(n); l != nil {
			return lineage.ColumnsFrom(p, columnOrigin)
		}
	}
	return nil
}

func (a *app) draw(g *lineage.Graph, format, file string) error {
	return a.write(file, func(w io.Writer) error {
		for _, x := range lineage.Writers {
			if x.Name == format {
				return x.Write(w, g)
			}
		}
		return nil
	})
}

// write prints what f writes, or puts it into a file.
func (a *app) write(file string, f func(io.Writer) error) error {
	var b bytes.Buffer
	if err := f(&b); err != nil {
		return err
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
