package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/sql/format"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/internal/atomicfile"
)

// fmtFlags are the flags of engine fmt.
type fmtFlags struct {
	check, diff, stdin bool
	name               string
}

func (a *app) fmtCommand() *cobra.Command {
	var f fmtFlags
	cmd := &cobra.Command{
		Use:   "fmt [path…]",
		Short: "lay SQL files out in one style",
		Long: text(`
Formats the project's SQL files: models, snapshots and tests; all of them, or those that are
named or lie below a named folder. Template actions and comments stay as they are. After
each change the result is compared with the original, token by token, so that no file ever
means something else; a file whose template or quotes are broken is reported and left alone.

engine.yml sets the style: format: {line_length: 100, indent: 4, keywords: lower, commas:
trailing}. Exit code 2 if a file cannot be formatted or, with --check, if one should be.`),
		Example: `  engine fmt
  engine fmt models/staging
  engine fmt --check                  for CI: change nothing, fail if something would change
  engine fmt --diff models/orders.sql
  engine fmt --stdin --stdin-filename models/orders.sql < orders.sql`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"sql"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "write nothing; exit code 2 if a file is not formatted")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "write nothing; print what would change")
	cmd.Flags().BoolVar(&f.stdin, "stdin", false, "format the standard input to the standard output")
	cmd.Flags().StringVar(&f.name, "stdin-filename", "", "`file` that the standard input stands for: its dialect, and the name in messages")
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case f.stdin && (len(args) > 0 || f.check || f.diff):
			return mistake(wrongArguments(cmd, "--stdin excludes paths, --check and --diff"))
		case !f.stdin && f.name != "":
			return mistake(wrongArguments(cmd, "--stdin-filename needs --stdin"))
		}
		s, err := a.settled()
		if err != nil {
			return err
		}
		if f.stdin {
			return s.formatInput(f.name)
		}
		return s.formatFiles(cmd.Context(), args, f)
	}
	return cmd
}

// sqlFile is a file of the project with what decides how it is read.
type sqlFile struct {
	*project.File
	kind  addr.Kind
	roots []string // the configured folders of its kind
}

// sqlFiles are the models, snapshots and tests, sorted by path.
func (s *session) sqlFiles() []sqlFile {
	var out []sqlFile
	p := s.project
	for _, group := range []struct {
		kind  addr.Kind
		roots []string
		files []*project.File
	}{
		{addr.Model, p.Settings.ModelPaths, p.Models},
		{addr.Snapshot, p.Settings.SnapshotPaths, p.Snapshots},
		{addr.Test, p.Settings.TestPaths, p.Tests},
		{addr.Test, p.Settings.TestPaths, p.Generics},
	} {
		for _, f := range group.files {
			out = append(out, sqlFile{f, group.kind, group.roots})
		}
	}
	slices.SortStableFunc(out, func(a, b sqlFile) int { return strings.Compare(a.Source.Path, b.Source.Path) })
	return out
}

// style is the project's format: with the defaults filled in.
func (s *session) style() format.Options {
	o, set := format.Defaults(), s.project.Settings.Format
	if set.LineLength.IsSet() {
		o.LineLength = int(set.LineLength.V)
	}
	if set.Indent.IsSet() {
		o.Indent = int(set.Indent.V)
	}
	if set.Keywords.IsSet() {
		o.Keywords = format.Case(set.Keywords.V)
	}
	if set.Commas.IsSet() {
		o.Commas = format.Commas(set.Commas.V)
	}
	return o
}

// dialects finds the dialect that a file is written in, as compiling does: the project's,
// its folders', its properties', its own config; later wins.
type dialects struct {
	settings project.Settings
	props    map[addr.Node]string
}

func (s *session) dialects() dialects {
	d := dialects{settings: s.project.Settings, props: map[addr.Node]string{}}
	for _, list := range [][]*project.Props{s.project.Props, s.project.TestProps} {
		for _, p := range list {
			if v, ok := p.Config["dialect"].V.(string); ok {
				d.props[addr.Node{Kind: p.Kind, Name: p.Name.V}] = v
			}
		}
	}
	return d
}

func (d dialects) lexis(f sqlFile) sql.Lexis {
	dialect := d.settings.Dialect.V
	take := func(v any) {
		if text, ok := v.(string); ok {
			dialect = text
		}
	}
	below := f.Source.Path
	for _, root := range f.roots {
		if rest, ok := strings.CutPrefix(f.Source.Path, root+"/"); ok {
			below = rest
		}
	}
	if folder := d.settings.Folders[f.kind]; folder != nil {
		take(folder.Config["dialect"].V)
		for _, name := range strings.Split(path.Dir(below), "/") {
			if folder = folder.Folders[name]; folder == nil {
				break
			}
			take(folder.Config["dialect"].V)
		}
	}
	if v, ok := d.props[addr.Node{Kind: f.kind, Name: f.Name}]; ok {
		dialect = v
	}
	if strings.Contains(string(f.Source.Data), `"dialect"`) {
		t, _ := tmpl.Parse(f.Source, nil)
		for _, c := range t.Calls() {
			if c.Fn != "config" {
				continue
			}
			for i := 0; i+1 < len(c.Args); i += 2 {
				if c.Args[i].Value == "dialect" {
					take(c.Args[i+1].Value)
				}
			}
		}
	}
	if dialect == "duckdb" || dialect == "postgres" {
		return sql.Standard
	}
	return sql.GoogleSQL
}

// formatInput formats the standard input.
func (s *session) formatInput(name string) error {
	data, err := io.ReadAll(s.app.in)
	if err != nil {
		return failure(fileWrong("read", "standard input", err))
	}
	file := sqlFile{File: &project.File{Source: source.NewFile("<stdin>", data)}, kind: addr.Model}
	if name != "" {
		rel, err := s.inProject(name)
		if err != nil {
			return err
		}
		file.Source = source.NewFile(rel, data)
		file.Name = strings.TrimSuffix(path.Base(rel), path.Ext(rel))
		for _, known := range s.sqlFiles() {
			if known.Source.Path == rel {
				file.kind, file.roots = known.kind, known.roots
			}
		}
	}
	o := s.style()
	o.Lexis = s.dialects().lexis(file)
	out, found := format.File(file.Source, o)
	if found.HasErrors() {
		return formatMistakes(found)
	}
	_, err = s.app.out.Write(out)
	return err
}

// inProject is a path of the command line relative to the project.
func (s *session) inProject(name string) (string, error) {
	full := name
	if !filepath.IsAbs(full) {
		wd, err := s.app.getwd()
		if err != nil {
			return "", failure(fileWrong("find the current folder", ".", err))
		}
		full = filepath.Join(wd, name)
	}
	rel, err := filepath.Rel(s.dir, full)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", mistake(diag.Diagnostic{Code: codeFile, Message: fmt.Sprintf("%q is not in the project", name), Help: "the project is " + s.dir})
	}
	return filepath.ToSlash(rel), nil
}

// chosenFiles are the files at or below the paths, all without paths.
func (s *session) chosenFiles(paths []string) ([]sqlFile, error) {
	all := s.sqlFiles()
	if len(paths) == 0 {
		return all, nil
	}
	take := make([]bool, len(all))
	for _, p := range paths {
		rel, err := s.inProject(p)
		if err != nil {
			return nil, err
		}
		any := false
		for i, f := range all {
			if rel == "." || f.Source.Path == rel || strings.HasPrefix(f.Source.Path, rel+"/") {
				take[i], any = true, true
			}
		}
		if !any {
			return nil, mistake(diag.Diagnostic{Code: codeFile, Message: fmt.Sprintf("no model, snapshot or test is at or below %q", p), Help: "engine fmt formats the .sql files of the project's folders"})
		}
	}
	var out []sqlFile
	for i, f := range all {
		if take[i] {
			out = append(out, f)
		}
	}
	return out, nil
}

// formatted is what became of a file.
type formatted struct {
	data  []byte // nil: as it was
	found diag.List
}

func (s *session) formatFiles(ctx context.Context, paths []string, flags fmtFlags) error {
	files, err := s.chosenFiles(paths)
	if err != nil {
		return err
	}
	results := s.formatAll(ctx, files)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a := s.app
	answer := formatAnswer{Status: "done", Checked: len(files), Changed: []string{}, Diagnostics: []diag.JSON{}}
	var found diag.List
	var changes []byte
	for i, r := range results {
		f := files[i].Source
		if files[i].Broken {
			for _, d := range s.warnings {
				if d.At.File != nil && d.At.File.Path == f.Path {
					found.Add(d)
				}
			}
		}
		found.Add(r.found...)
		if r.data == nil {
			continue
		}
		answer.Changed = append(answer.Changed, f.Path)
		if flags.diff {
			changes = append(changes, diff.Diff("a/"+f.Path, f.Data, "b/"+f.Path, r.data)...)
		}
		if flags.diff || flags.check {
			continue
		}
		if err := rewrite(filepath.Join(s.dir, filepath.FromSlash(f.Path)), r.data); err != nil {
			return failure(fileWrong("write", f.Path, err))
		}
	}
	var outcome error
	if flags.check && len(answer.Changed) > 0 {
		answer.Status, outcome = "unformatted", reported(exitMistake)
	}
	if found.HasErrors() {
		answer.Status, outcome = "invalid", reported(codeOf(found))
	}
	if wantsJSON(a.global.output) {
		answer.Diagnostics = append(answer.Diagnostics, found.JSON()...)
		answer.Diff = string(changes)
		if err := view.JSON(a.out, answer); err != nil {
			return err
		}
		return outcome
	}
	a.report(found, true)
	if err := s.tellFormatted(answer, changes, flags); err != nil {
		return err
	}
	return outcome
}

// formatAnswer is the answer of fmt for programs.
type formatAnswer struct {
	Status      string      `json:"status"` // done, unformatted, invalid
	Checked     int         `json:"checked"`
	Changed     []string    `json:"changed"` // with --check or --diff: what would change
	Diff        string      `json:"diff,omitempty"`
	Diagnostics []diag.JSON `json:"diagnostics"`
}

func (s *session) tellFormatted(answer formatAnswer, changes []byte, flags fmtFlags) error {
	var b strings.Builder
	if flags.diff {
		b.Write(changes)
	} else {
		for _, p := range answer.Changed {
			b.WriteString(s.app.shown(filepath.Join(s.dir, filepath.FromSlash(p))) + "\n")
		}
	}
	if !s.app.global.quiet && s.app.global.output == "human" && !flags.diff {
		verb := "formatted"
		if flags.check {
			verb = "not formatted:"
		}
		fmt.Fprintf(&b, "%s %d of %s\n", verb, len(answer.Changed), view.Number(answer.Checked, "file"))
	}
	_, err := io.WriteString(s.app.out, b.String())
	return err
}

// formatAll formats the files on all workers; the results are in their order.
func (s *session) formatAll(ctx context.Context, files []sqlFile) []formatted {
	style, dialects := s.style(), s.dialects()
	out := make([]formatted, len(files))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(s.jobs(), len(files)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				if files[i].Broken {
					continue
				}
				o := style
				o.Lexis = dialects.lexis(files[i])
				data, found := format.File(files[i].Source, o)
				out[i].found = found
				if data != nil && string(data) != string(files[i].Source.Data) {
					out[i].data = data
				}
			}
		})
	}
	wg.Wait()
	return out
}

// rewrite replaces the content of a file; a link stays a link to it.
func rewrite(name string, data []byte) error {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(real, data); err != nil {
		return err
	}
	return os.Chmod(real, info.Mode().Perm())
}

// formatMistakes are diagnostics with the exit code they stand for.
func formatMistakes(l diag.List) error { return &mistakes{l, codeOf(l)} }

func codeOf(l diag.List) int {
	if l.Count(diag.Internal) > 0 {
		return exitInternal
	}
	return exitMistake
}
