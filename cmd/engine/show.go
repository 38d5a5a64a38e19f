package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

func (a *app) showCommand() *cobra.Command {
	var (
		inline, cte string
		limit       int
		part        limitFlags
	)
	cmd := &cobra.Command{
		Use:   "show [MODEL | MODEL.CTE]",
		Short: "query a model, a part of it, or a template",
		Long: text(`
Runs the query of a model, or of --inline, against what is published, and shows the first
rows, in the query's order where it has one. Nothing is built; seeds, snapshots and ancestries
are shown as they were built.

With --cte, or as MODEL.CTE, it is the rows of a common table expression of the model's WITH.
One in a common table expression has both names, totals.paid; one in a subquery cannot be
shown, for it may read what only stands there.`),
		Example: `  engine show orders
  engine show orders --cte paid
  engine show orders.paid --limit 20
  engine show orders --sample "3 days"
  engine show --inline 'select count(*) from {{ ref "orders" }}'
  engine show orders --limit 0 --output csv > orders.csv`,
	}
	cmd.Flags().StringVar(&inline, "inline", "", "query this `template`")
	cmd.Flags().StringVar(&cte, "cte", "", "show this common table `expression` of the model")
	part.register(cmd, true)
	must(cmd.Flags().MarkHidden("empty"))
	cmd.Flags().IntVar(&limit, "limit", 10, "`number` of rows; 0: all")
	a.stateFlag(cmd)
	a.deferFlags(cmd)
	a.outputFlag(cmd, "human", "table", "json", "csv", "github")
	cmd.ValidArgsFunction = a.completeShown
	must(cmd.RegisterFlagCompletionFunc("cte", a.completeCTE))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		isInline := cmd.Flags().Changed("inline")
		switch {
		case limit < 0:
			return mistake(diag.Diagnostic{Code: codeFlag, Message: "--limit is negative", Help: "want 1 or more; 0 means all rows"})
		case isInline && len(args) > 0:
			return mistake(wrongArguments(cmd, "show takes a model or --inline, not both"))
		case !isInline && len(args) != 1:
			return mistake(wrongArguments(cmd, "show takes one model, or --inline"))
		case isInline && cte != "":
			return mistake(wrongArguments(cmd, "--cte is of a model; with --inline, select from it"))
		case cte == "" && cmd.Flags().Changed("cte"):
			return mistake(unnamedPart("--cte is empty", "leave --cte out for all of the model"))
		}
		if err := a.limiting(part); err != nil {
			return err
		}
		name := ""
		if !isInline {
			name = args[0]
		}
		ctx := cmd.Context()
		s, node, err := a.shownNode(ctx, name, cte, inline, isInline)
		if err != nil {
			return err
		}
		if _, err := s.deferring(ctx, lineage.Selected{Nodes: map[addr.Node]bool{node.ID: true}}); err != nil {
			return err
		}
		node = s.program.Nodes[node.ID]
		s.warn()
		conn, err := s.readWith(ctx, node.Needs)
		if err != nil {
			return err
		}
		defer conn.Close()
		rows, err := s.query(ctx, conn, node, limit)
		if err != nil {
			return err
		}
		return a.showRows(rows)
	}
	return cmd
}

// shownNode compiles the project and gives the node whose rows are shown; where they are those of
// a common table expression, its query is that.
func (a *app) shownNode(ctx context.Context, name, cte, inline string, isInline bool) (*session, *compile.Node, error) {
	if !isInline && cte == "" {
		whole := name
		if name, cte = a.cutCTE(whole); name != whole && cte == "" {
			return nil, nil, mistake(unnamedPart(fmt.Sprintf("%q names no common table expression behind the dot", whole), "write "+name+" for all of the model"))
		}
	}
	s, node, err := a.one(ctx, name, inline, isInline, false)
	if err != nil || cte == "" {
		return s, node, err
	}
	n, err := s.partOf(ctx, node, cte)
	return s, n, err
}

func unnamedPart(what, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFlag, Message: what, Help: help + ", or the name of a common table expression of its WITH"}
}

// cutCTE takes a common table expression off the name of a model, by the names of the files: a
// model, and a version of one, may have dots in its name itself.
func (a *app) cutCTE(name string) (model, cte string) {
	model, cte, ok := strings.Cut(name, ".")
	if !ok {
		return name, ""
	}
	s, err := a.load()
	if err != nil {
		return name, ""
	}
	p := s.project
	known := map[string]bool{}
	for _, f := range slices.Concat(p.Models, p.Snapshots) {
		known[f.Name] = true
		if f.Version != nil {
			known[f.Version.FlatName()], known[f.Version.Model] = true, true
		}
	}
	for _, x := range p.Seeds {
		known[x.Name] = true
	}
	best := ""
	for at, c := range name {
		if c == '.' && known[name[:at]] {
			best = name[:at]
		}
	}
	switch {
	case known[name]:
		return name, ""
	case best == "":
		return name, ""
	}
	return best, name[len(best)+1:]
}

// partOf compiles the project anew with a common table expression of n in the place of n's query.
// What depends on n, and what is said of its columns, does not fit it then, and is not asked for.
func (s *session) partOf(ctx context.Context, n *compile.Node, cte string) (*compile.Node, error) {
	if n.ID.Kind != addr.Model && n.ID.Kind != addr.Snapshot {
		return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%s is a %s and has no common table expressions", n.ID.Name, n.ID.Kind), Help: "name a model"})
	}
	kept := s.warnings
	s.options.Part, s.options.SkipTests = &compile.Part{Node: n.ID, CTE: cte}, true
	s.warnings = nil
	err := s.compile(ctx)
	found := s.warnings
	s.warnings = kept
	if ctx.Err() != nil || s.program == nil {
		return nil, err
	}
	part := s.program.Nodes[n.ID]
	if part != nil && part.SQL != "" {
		return part, nil
	}
	var own diag.List
	for _, d := range found {
		if d.Model == n.ID && severe(d) {
			own.Add(d)
		}
	}
	if len(own) == 0 {
		return nil, err
	}
	return nil, &mistakes{own, exitMistake}
}

func (a *app) showRows(rows view.Rows) error {
	switch a.global.output {
	case "json":
		return rows.JSON(a.out)
	case "csv":
		return rows.CSV(a.out)
	}
	_, err := io.WriteString(a.out, a.outScreen().Result(rows))
	return err
}

// query runs the query of a node and reads up to limit rows.
func (s *session) query(ctx context.Context, conn warehouse.Conn, n *compile.Node, limit int) (view.Rows, error) {
	body, lead := n.SQL, n.Map
	// The query of an ancestry gives edges, that of a snapshot only today's rows: what they
	// are stands in their tables.
	if n.ID.Kind == addr.Seed || n.ID.Kind == addr.Snapshot && s.options.Part == nil || n.Config.Materialized == compile.Ancestry || body == "" {
		body, lead = "select * from "+conn.Dialect().Quote(n.Relation), nil
	}
	stmt := limited(compile.Lexis(conn.Dialect().Name()), body, limit)
	out, err := readRows(ctx, conn, stmt, limit)
	if err != nil {
		return out, s.queryRefused(ctx, conn, n, lead, stmt, err)
	}
	return out, nil
}

// limited asks the warehouse for one row more than is shown, so that it can stop early
// and the answer can say that there are more. A query that orders its rows is not put into
// another one, which would not have to keep their order.
func limited(l sql.Lexis, body string, limit int) warehouse.Statement {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(body, " \t\r\n(")), " ")
	switch strings.TrimSpace(word) {
	case "select", "with", "from", "values":
	default: // describe, show …: no query that can stand in parentheses everywhere
		return warehouse.Statement{SQL: body, BodyEnd: len(body)}
	}
	if limit == 0 {
		return warehouse.Statement{SQL: body, BodyEnd: len(body)}
	}
	if ordered, bounded := l.Ordered(body); ordered {
		query, _ := l.Trim(body, nil)
		stmt := warehouse.Statement{SQL: body, BodyEnd: len(body)}
		if !bounded {
			start := strings.Index(body, query)
			stmt = warehouse.Statement{SQL: body[:start] + query + "\nlimit " + strconv.Itoa(limit+1), BodyEnd: start + len(query)}
		}
		return stmt
	}
	head := "select * from (\n"
	return warehouse.Statement{SQL: head + body + "\n) as q limit " + strconv.Itoa(limit+1), BodyStart: len(head), BodyEnd: len(head) + len(body)}
}

func readRows(ctx context.Context, conn warehouse.Conn, stmt warehouse.Statement, limit int) (view.Rows, error) {
	rows, err := conn.Query(ctx, stmt)
	if err != nil {
		return view.Rows{}, err
	}
	defer rows.Close()
	out := view.Rows{Columns: rows.Columns()}
	for rows.Next() {
		if limit > 0 && len(out.Values) == limit {
			out.More = true
			return out, nil
		}
		values, err := rows.Values()
		if err != nil {
			return view.Rows{}, err
		}
		out.Values = append(out.Values, values)
	}
	return out, rows.Err()
}

// queryRefused words a refusal: what the query reads is not there yet, or the warehouse's
// own words at the place in the user's text.
func (s *session) queryRefused(ctx context.Context, conn warehouse.Conn, n *compile.Node, lead *source.Map, stmt warehouse.Statement, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if missing := s.unbuilt(ctx, conn, n); len(missing) > 0 {
		return failure(notBuilt(missing))
	}
	var at source.Span
	if n.File != nil {
		at = n.File.Whole()
	}
	d := warehouse.Trace(conn.Dialect(), stmt, lead, at, err)
	d.Model = n.ID
	return failure(d)
}

// unbuilt names what n reads, through ephemeral models too, and is not in the warehouse.
func (s *session) unbuilt(ctx context.Context, conn warehouse.Conn, n *compile.Node) []string {
	facts, err := s.inspect(ctx, conn, nil)
	if err != nil {
		return nil
	}
	var missing []string
	seen := map[addr.Node]bool{}
	var visit func(id addr.Node)
	visit = func(id addr.Node) {
		if seen[id] {
			return
		}
		seen[id] = true
		x := s.program.Nodes[id]
		if x.Config.Materialized == "ephemeral" {
			for _, p := range x.Parents {
				visit(p)
			}
			return
		}
		if _, ok := facts[id]; !ok {
			missing = append(missing, id.Name)
		}
	}
	if n.ID.Kind == addr.Seed {
		visit(n.ID)
	}
	for _, p := range n.Parents {
		visit(p)
	}
	return missing
}
