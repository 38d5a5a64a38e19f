package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// operationFlags are those of run-operation.
type operationFlags struct {
	args, sql     string
	dryRun, apart bool
	limit         int
}

func (a *app) operationCommand() *cobra.Command {
	o := &operationFlags{}
	cmd := &cobra.Command{
		Use:   "run-operation [MACRO]",
		Short: "run the statements of a macro",
		Long: text(`
Renders a macro with the arguments of --args, or the template of --sql, and sends what it says
to the target: one statement after the other, all in one transaction where the warehouse has
them. Statements are the target's own SQL, and may ref what the project builds. What queries
return is shown.

Nothing is built or recorded, hooks do not run, and the target is not reserved: a build may go
on beside it. A macro that says nothing needs no connection.

Exit code 1: the warehouse refused a statement, and those before it are taken back, where there
are transactions. Exit code 2: there is no such macro, or it cannot be rendered.`),
		Example: `  engine run-operation grant_all --args '{role: reporter}'
  engine run-operation grant_all --args '{role: reporter}' --dry-run
  engine run-operation --sql 'drop table if exists {{ target.schema }}.old_orders'
  engine run-operation vacuum --no-transaction`,
	}
	f := cmd.Flags()
	f.StringVar(&o.args, "args", "", "arguments of the macro, as a YAML `mapping`")
	f.StringVar(&o.sql, "sql", "", "this `template` instead of a macro")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the statements and send none")
	f.BoolVar(&o.apart, "no-transaction", false, "each statement for itself, for those that no transaction may hold")
	f.IntVar(&o.limit, "limit", 100, "`number` of rows that are shown of a query; 0: all")
	a.outputFlag(cmd, "human", "json", "csv")
	cmd.ValidArgsFunction = a.completeMacro
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		inline := cmd.Flags().Changed("sql")
		switch {
		case inline && len(args) > 0:
			return mistake(wrongArguments(cmd, "run-operation takes a macro or --sql, not both"))
		case !inline && len(args) != 1:
			return mistake(wrongArguments(cmd, "run-operation takes one macro, or --sql"))
		case inline && cmd.Flags().Changed("args"):
			return mistake(wrongArguments(cmd, "--args are the arguments of a macro, and --sql is none"))
		case o.limit < 0:
			return mistake(diag.Diagnostic{Code: codeFlag, Message: "--limit is negative", Help: "want 1 or more; 0 means all rows"})
		}
		arguments, bad := parseArguments(o.args)
		if bad != nil {
			return mistake(*bad)
		}
		s, err := a.load()
		if err != nil {
			return err
		}
		// Models are none of its business: their mistakes, and their columns, do not matter.
		s.options.SkipAnalysis, s.options.SkipTests = true, true
		if err := s.compile(cmd.Context()); err != nil && s.program == nil {
			return err
		}
		s.warnings = nil
		whole := !s.program.Target.Dialect.Caps().TransactionalDDL
		var statements []compile.Statement
		var found diag.List
		if inline {
			statements, found = s.program.Inline("--sql", o.sql, whole)
		} else {
			statements, found = s.program.Operation(args[0], arguments, whole)
		}
		if found.HasErrors() {
			return &mistakes{found, exitMistake}
		}
		return s.operate(cmd.Context(), statements, o)
	}
	return cmd
}

// parseArguments reads --args.
func parseArguments(text string) (map[string]any, *diag.Diagnostic) {
	out := map[string]any{}
	if strings.TrimSpace(text) == "" {
		return out, nil
	}
	if err := yaml.Unmarshal([]byte(text), &out); err != nil || out == nil {
		f := source.NewFile("--args", []byte(text))
		d := diag.Diagnostic{Code: codeFlag, Message: "the arguments cannot be read", At: f.Span(0, len(text)), Help: "write --args '{name: value}'", Cause: err}
		if err != nil {
			d.AtText = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		return nil, &d
	}
	for name, v := range out {
		out[name] = scalar(v)
	}
	return out, nil
}

// operated is a statement that was sent, for programs.
type operated struct {
	SQL     string          `json:"sql"`
	Seconds float64         `json:"seconds"`
	Changed *int64          `json:"rows_affected,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// operate sends the statements.
func (s *session) operate(ctx context.Context, statements []compile.Statement, o *operationFlags) error {
	a := s.app
	human := a.global.output == "human"
	if o.dryRun {
		for _, st := range statements {
			if _, err := fmt.Fprintf(a.out, "%s;\n", strings.TrimRight(st.SQL, "; \t\n")); err != nil {
				return err
			}
		}
		return nil
	}
	if len(statements) == 0 {
		if human && !a.global.quiet {
			_, err := io.WriteString(a.out, "nothing to send\n")
			return err
		}
		if a.global.output == "json" {
			return view.JSON(a.out, []operated{})
		}
		return nil
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var use warehouse.Conn = conn
	var tx warehouse.Tx
	if !o.apart && conn.Dialect().Caps().TransactionalDDL {
		if tx, err = warehouse.Begin(ctx, conn); err != nil {
			return failure(openRefused(s.program.Target.Name, err))
		}
		defer tx.Close()
		use = tx
	}
	var all []operated
	var last view.Rows
	for i, st := range statements {
		start := a.now()
		rows, changed, err := s.sendOne(ctx, use, st, o.limit)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d := warehouse.Trace(conn.Dialect(), warehouse.Statement{SQL: st.SQL, BodyEnd: len(st.SQL)}, st.Map, source.Span{}, err)
			if len(statements) > 1 {
				d.Notes = append(d.Notes, fmt.Sprintf("statement %d of %d: %s", i+1, len(statements), firstLine(st.SQL)))
			}
			if tx != nil && i > 0 {
				d.Notes = append(d.Notes, "those before it are taken back")
			}
			return failure(d)
		}
		took := a.now().Sub(start)
		switch {
		case st.Query:
			last = rows
			if human {
				if _, err := io.WriteString(a.out, a.outScreen().Result(rows)); err != nil {
					return err
				}
			}
		case human && !a.global.quiet:
			if _, err := fmt.Fprintf(a.out, "%s  %s\n", a.outScreen().Paint(view.Dim, fmt.Sprintf("%5.2f s", took.Seconds())), firstLine(st.SQL)); err != nil {
				return err
			}
		}
		line, err := operatedOf(st, rows, changed, took)
		if err != nil {
			return err
		}
		all = append(all, line)
	}
	if tx != nil {
		if err := tx.Commit(ctx); err != nil {
			return failure(warehouse.Trace(conn.Dialect(), warehouse.Statement{}, nil, source.Span{}, err))
		}
	}
	switch a.global.output {
	case "json":
		return view.JSON(a.out, all)
	case "csv":
		return last.CSV(a.out)
	}
	return nil
}

func operatedOf(st compile.Statement, rows view.Rows, changed int64, took time.Duration) (operated, error) {
	out := operated{SQL: st.SQL, Seconds: took.Seconds()}
	if !st.Query {
		if changed >= 0 {
			out.Changed = &changed
		}
		return out, nil
	}
	var b bytes.Buffer
	if err := rows.JSON(&b); err != nil {
		return out, err
	}
	out.Answer = b.Bytes()
	return out, nil
}

// sendOne sends one statement and reads what it returns. changed is -1 where nobody knows.
func (s *session) sendOne(ctx context.Context, conn warehouse.Conn, st compile.Statement, limit int) (rows view.Rows, changed int64, err error) {
	stmt := warehouse.Statement{SQL: st.SQL, BodyEnd: len(st.SQL)}
	if st.Query {
		rows, err = readRows(ctx, conn, stmt, limit)
		return rows, -1, err
	}
	stats, err := conn.Exec(ctx, stmt)
	return rows, stats.Rows, err
}

func firstLine(sql string) string {
	line, more, _ := strings.Cut(strings.TrimSpace(sql), "\n")
	if strings.TrimSpace(more) != "" {
		line = strings.TrimRight(line, " ") + " …"
	}
	return line
}
