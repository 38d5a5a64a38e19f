package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/lookml"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

const (
	codeLookMLOld  diag.Code = "lookml-outdated"
	codeLookMLFile diag.Code = "lookml-file"
)

// lookmlCodes is the part of the catalogue that belongs to engine lookml.
var lookmlCodes = []diag.Entry{
	{Code: codeLookMLOld, Title: "LookML files are not what the project says",
		Explain: "engine lookml --check compares the generated files with what the models say now, so that CI notices when they have to be written anew.",
		Bad:     "engine lookml --check",
		Good:    "engine lookml && git add looker"},
	{Code: codeLookMLFile, Title: "somebody else's file is in the way",
		Explain: "engine lookml writes over files that it has written itself, which their first line says, and over no others. Files of people belong into the folder of refinements.",
		Bad:     "looker/generated/orders.view.lkml # written by hand",
		Good:    "looker/views/orders.view.lkml"},
}

type lookmlFlags struct {
	dir                    string
	check, dry, refinement bool
}

func (a *app) lookmlCommand() *cobra.Command {
	f := &lookmlFlags{}
	cmd := &cobra.Command{
		Use:   "lookml",
		Short: "write LookML views and explores for Looker",
		Long: text(`
Writes a LookML view for each model, with dimensions by the types of its columns, its key,
and measures; and an explore with joins for each model whose meta says looker.explore: true.
Relationships come from tests and foreign keys. The files go to looker/generated, and what
people add goes into refinements (view: +orders) in files of their own, which are never
touched. lookml in engine.yml says where, which models, and of which target; see
docs/looker.md. Nothing is asked of the warehouse.

Generated files that nothing makes any more are removed. With --check nothing is written, and
the exit code is 1 if something would be.`),
		Example: `  engine lookml
  engine lookml --target prod --dir ../looker
  engine lookml --refinements       # an empty refinement for each view that has none
  engine lookml --check             # for CI`,
		Args: unexpected,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", "", "`folder` of the Looker project; default: path of lookml in engine.yml, or looker")
	flags.BoolVar(&f.check, "check", false, "write nothing; fail if files would change")
	flags.BoolVar(&f.dry, "dry-run", false, "write nothing; list what would change")
	flags.BoolVar(&f.refinement, "refinements", false, "write an empty refinement for each view that has none")
	must(cmd.MarkFlagDirname("dir"))
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.lookml(cmd.Context(), f) }
	return cmd
}

func (a *app) lookml(ctx context.Context, f *lookmlFlags) error {
	s, err := a.load()
	if err != nil {
		return err
	}
	settings := s.project.Settings.LookerOf()
	if s.options.Target == "" {
		s.options.Target = settings.Target.V
	}
	if err := s.compile(ctx); err != nil {
		return err
	}
	nodes, err := s.looked(ctx, settings)
	if err != nil {
		return err
	}
	o := lookml.Options{Nodes: nodes, Generated: settings.Generated.V, Refinements: settings.Refinements.V, Prefix: settings.Prefix.V, Timeframes: plainValues(settings.Timeframes)}
	out, found := lookml.Make(s.program, o)
	s.warnings = append(s.warnings, found...).Sorted()
	if found.HasErrors() {
		return &mistakes{s.warnings, exitMistake}
	}
	s.warn()
	dir := settings.Path.V
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.dir, filepath.FromSlash(dir))
	}
	if f.dir != "" {
		dir = a.absolute(f.dir)
	}
	there, err := readFolders(dir, settings.Generated.V, settings.Refinements.V)
	if err != nil {
		return failure(fileWrong("read", a.shown(dir), err))
	}
	changes, foreign := lookml.Compare(out, settings.Generated.V, there, f.refinement)
	if len(foreign) > 0 {
		return mistake(lookmlForeign(a.shown(filepath.Join(dir, filepath.FromSlash(foreign[0]))), len(foreign)))
	}
	if !f.check && !f.dry {
		if err := writeFolder(dir, changes); err != nil {
			return failure(fileWrong("write", a.shown(dir), err))
		}
	}
	if err := a.showLookML(dir, changes, len(out.Files), f.check || f.dry); err != nil {
		return err
	}
	if f.check && len(changes) > 0 {
		return failure(diag.Diagnostic{Code: codeLookMLOld, Message: fmt.Sprintf("%s not what the project says", areFiles(len(changes))), Help: "engine lookml writes them anew"})
	}
	return nil
}

// looked are the nodes that get a view: the selected ones, or else the models that are not
// private.
func (s *session) looked(ctx context.Context, settings project.LookML) ([]addr.Node, error) {
	q := lineage.Query{Select: plainValues(settings.Select), Exclude: plainValues(settings.Exclude), ResourceTypes: []addr.Kind{addr.Model}, Indirect: lineage.Indirects[0]}
	if len(q.Select) > 0 {
		q.ResourceTypes = builtKinds
	}
	chosen, err := s.choose(ctx, q)
	if err != nil {
		return nil, err
	}
	nodes := chosen.List()
	if len(q.Select) == 0 {
		nodes = slices.DeleteFunc(nodes, func(n addr.Node) bool { return s.program.Nodes[n].Config.Access == "private" })
	}
	return nodes, nil
}

func plainValues(list []project.Value[string]) []string {
	var out []string
	for _, v := range list {
		out = append(out, v.V)
	}
	return out
}

// readFolders reads the LookML files that stand directly in folders below dir, by their
// slash-separated path. What does not exist has none.
func readFolders(dir string, below ...string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, folder := range below {
		entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(folder)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsDir() || !strings.HasSuffix(e.Name(), ".lkml") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(folder), e.Name()))
			if err != nil {
				return nil, err
			}
			out[folder+"/"+e.Name()] = text
		}
	}
	return out, nil
}

func writeFolder(dir string, changes []lookml.Change) error {
	for _, c := range changes {
		path := filepath.Join(dir, filepath.FromSlash(c.Path))
		if c.Sort == lookml.Remove {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := atomicfile.Write(path, c.Text); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showLookML(dir string, changes []lookml.Change, files int, only bool) error {
	if wantsJSON(a.global.output) {
		if changes == nil {
			changes = []lookml.Change{}
		}
		return view.JSON(a.out, map[string]any{"folder": dir, "files": files, "written": !only, "changes": changes})
	}
	if a.global.quiet {
		return nil
	}
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "%-7s %s\n", c.Sort, a.shown(filepath.Join(dir, filepath.FromSlash(c.Path))))
	}
	verb := ""
	if only {
		verb = ", nothing was written"
	}
	fmt.Fprintf(&b, "%s, %d to change%s\n", counted(files, "LookML file"), len(changes), verb)
	_, err := io.WriteString(a.out, b.String())
	return err
}

func areFiles(n int) string {
	if n == 1 {
		return "1 LookML file is"
	}
	return fmt.Sprintf("%d LookML files are", n)
}

func lookmlForeign(path string, n int) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeLookMLFile, Message: fmt.Sprintf("%s was not written by engine lookml", path), Help: "move it into the folder of refinements, or remove it"}
	if n > 1 {
		d.Notes = append(d.Notes, fmt.Sprintf("%d more are like it", n-1))
	}
	return d
}
