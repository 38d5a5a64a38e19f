package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/editor"
	"github.com/engine-build/engine/engine/lsp"
	"github.com/engine-build/engine/engine/sql/format"
	"github.com/engine-build/engine/lineage"
)

func (a *app) lspCommand() *cobra.Command {
	var log string
	cmd := &cobra.Command{
		Use:   "lsp",
		Short: "answer an editor: mistakes while typing, completion, renaming",
		Long: text(`
Speaks the Language Server Protocol on standard input and output, for editors; they start it
and end it. Each folder with an engine.yml is a project, and one server may have several.
What is typed counts before it is saved. Nothing is built, and no file of a project is changed,
except by the editor itself.

docs/editor.md says how editors are set up. --target and --vars say for which target the
project is compiled. Rows of a model are read from that target, which is opened for reading
for as long as the query takes.

--log writes what the server does, a line for each request with its time, without anything
that stands in the project. The exit code is 0 after shutdown and exit, otherwise 1.`),
		Example: `  engine lsp
  engine lsp --target dev
  engine lsp --log lsp.log`,
	}
	cmd.Flags().StringVar(&log, "log", "", "append what the server does to this `file`")
	must(cmd.MarkFlagFilename("log"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := unexpected(cmd, args); err != nil {
			return err
		}
		if _, bad := parseVars(a.global.vars); bad != nil {
			return mistake(*bad)
		}
		if a.global.jobs < 0 {
			return mistake(diag.Diagnostic{Code: codeFlag, Message: "--jobs is negative", Help: "want 1 or more; 0 means the default"})
		}
		o := a.serverOptions()
		if log != "" {
			f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				return mistake(fileWrong("open", a.shown(log), err))
			}
			defer f.Close()
			o.Log = a.logTo(f)
		}
		err := lsp.Serve(cmd.Context(), a.in, a.out, o)
		if errors.Is(err, lsp.ErrAbandoned) {
			return reported(exitFailed)
		}
		return err
	}
	return cmd
}

// logTo writes lines with their time.
func (a *app) logTo(out io.Writer) func(string) {
	var mu sync.Mutex
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(out, "%s %s\n", a.now().UTC().Format("2006-01-02T15:04:05.000Z"), line)
	}
}

// serverOptions is what a language server may do to the world.
func (a *app) serverOptions() lsp.Options {
	return lsp.Options{
		Settings: settingsFile,
		Find:     projectOf,
		Open: func(ctx context.Context, dir string, published func([]string)) (*editor.Workspace, error) {
			return editor.Open(ctx, dir, editor.Options{Options: a.edited(dir).options, Published: published})
		},
		Rows:    a.editedRows,
		Lineage: a.editedLineage,
		Format:  a.editedFormat,
		Version: versionText(),
		Now:     a.now,
		Jobs:    a.cpus,
	}
}

// projectOf is the nearest folder upward of a file that is a project.
func projectOf(file string) (string, bool) {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if hasSettings(dir) {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// edited is a session of a project that an editor has open. It has a copy of the app, so that
// sessions of several projects do not know each other.
func (a *app) edited(dir string) *session {
	of := &app{
		in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: a.env, environ: a.environ, now: a.now, abort: a.abort,
		getwd: a.getwd, size: a.size, cpus: a.cpus, drivers: a.drivers, global: a.global, dir: dir,
	}
	vars, _ := parseVars(a.global.vars) // looked at when the server began
	env := &environment{of: a.env}
	return &session{app: of, dir: dir, environment: env, options: engine.Options{
		Dir: dir, Target: a.global.target, Vars: vars, Env: env.get, Drivers: a.drivers, Jobs: a.global.jobs, Version: identity(),
	}}
}

// viewed is the session of a view: the project with the texts of open buffers.
func (a *app) viewed(dir string, v *editor.View) *session {
	s := a.edited(dir)
	s.project, s.program = v.Project, v.Program
	return s
}

// editedRows runs the query of a model as it stands in the editor. The target is closed
// before the answer is handed on, so that a build need not wait for the editor.
func (a *app) editedRows(ctx context.Context, q lsp.RowsQuery) (lsp.Rows, error) {
	s := a.viewed(q.Dir, q.View)
	n := q.Node
	if q.CTE != "" {
		part, err := s.partOf(ctx, n, q.CTE)
		if err != nil {
			return lsp.Rows{}, worded(err)
		}
		n = part
	}
	rows, err := s.rowsOnce(ctx, n, q.Limit)
	if err != nil {
		return lsp.Rows{}, worded(err)
	}
	out := lsp.Rows{Columns: []lsp.Column{}, Rows: [][]*string{}, More: rows.More}
	for _, c := range rows.Columns {
		out.Columns = append(out.Columns, lsp.Column{Name: c.Name, Type: c.Type})
	}
	for _, row := range rows.Values {
		cells := make([]*string, len(row))
		for i, v := range row {
			if v != nil {
				text := view.Text(v, out.Columns[i].Type)
				cells[i] = &text
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	return out, nil
}

// rowsOnce opens the target, reads and closes it.
func (s *session) rowsOnce(ctx context.Context, n *compile.Node, limit int) (_ view.Rows, err error) {
	conn, err := s.readWith(ctx, n.Needs)
	if err != nil {
		return view.Rows{}, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return s.query(ctx, conn, n, limit)
}

// worded is an error as one text for a person: what happened and what to do.
func worded(err error) error {
	var known *mistakes
	if !errors.As(err, &known) {
		return err
	}
	var lines []string
	for _, d := range known.list {
		line := d.Message
		if d.AtText != "" {
			line += ": " + d.AtText
		}
		for _, n := range d.Notes {
			line += "\n" + n
		}
		if d.Help != "" {
			line += "\n" + d.Help
		}
		lines = append(lines, line)
	}
	return errors.New(strings.Join(lines, "\n"))
}

// nearNodes is how many nodes a picture of a model's lineage may have; where there are more,
// only direct neighbours are drawn.
const nearNodes = 120

// editedLineage draws what a model reads and what reads it, or where a column comes from.
func (a *app) editedLineage(ctx context.Context, q lsp.LineageQuery) (lsp.Lineage, error) {
	var svg, plain bytes.Buffer
	if q.Column != "" {
		graph := lineage.ColumnsFrom(q.View.Program, columnOrigin)
		trace, ok := graph.Trace(addr.Column{Node: q.Node.ID, Name: q.Column}, nil, lineage.TraceOptions{})
		if !ok {
			names, _ := graph.Of(q.Node.ID)
			return lsp.Lineage{}, worded(mistake(unknownColumn(q.Node.ID.Name, q.Column, names)))
		}
		for _, w := range lineage.TraceWriters {
			var err error
			switch w.Name {
			case "svg":
				err = w.Write(&svg, trace)
			case "text":
				err = w.Write(&plain, trace)
			}
			if err != nil {
				return lsp.Lineage{}, fmt.Errorf("draw the lineage: %w", err)
			}
		}
		return lsp.Lineage{Title: q.Node.ID.Name + "." + q.Column, SVG: svg.String(), Text: plain.String()}, nil
	}
	graph := lineage.From(q.View.Program)
	depth := 0
	if up, down := graph.Sizes(q.Node.ID); up+down > nearNodes {
		depth = 1
	}
	ids := []addr.Node{q.Node.ID}
	up, down := graph.Ancestors(q.Node.ID, depth), graph.Descendants(q.Node.ID, depth)
	for _, h := range append(append([]lineage.Hop(nil), up...), down...) {
		ids = append(ids, h.Node)
	}
	if err := ctx.Err(); err != nil {
		return lsp.Lineage{}, err
	}
	near := graph.Pick(ids...)
	if err := near.SVG(&svg, lineage.SVGOptions{Standalone: true, Focus: q.Node.ID}); err != nil {
		return lsp.Lineage{}, fmt.Errorf("draw the lineage: %w", err)
	}
	for _, part := range []struct {
		title string
		hops  []lineage.Hop
	}{{"reads", up}, {"is read by", down}} {
		for _, h := range part.hops {
			fmt.Fprintf(&plain, "%s %s%s\n", part.title, strings.Repeat("  ", h.Hops-1), h.Node)
		}
	}
	return lsp.Lineage{Title: q.Node.ID.Name, SVG: svg.String(), Text: plain.String()}, nil
}

// editedFormat lays out the text of a buffer as engine fmt does. One with mistakes stays as it is:
// they are shown at their places, and an editor that formats what it saves would tell of them in a
// window of its own, each time. A mistake of ours is told.
func (a *app) editedFormat(_ context.Context, v *editor.View, path string) ([]byte, error) {
	file, ok := v.File(path)
	if !ok || v.Project == nil {
		return nil, nil
	}
	s := a.viewed("", v)
	for _, f := range s.sqlFiles() {
		if f.Source.Path != path {
			continue
		}
		own := *f.File
		own.Source = file
		f.File = &own
		o := s.style()
		o.Lexis = s.dialects().lexis(f)
		out, found := format.File(file, o)
		if found.HasErrors() {
			if found.Count(diag.Internal) > 0 {
				return nil, worded(formatMistakes(found))
			}
			return nil, nil
		}
		return out, nil
	}
	return nil, nil
}
