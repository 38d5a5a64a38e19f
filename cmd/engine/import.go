package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/dbt"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/internal/atomicfile"
)

func (a *app) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "make a project of another tool's",
		Long:  "Reads a project of another tool and writes it anew.",
		Example: `  engine import dbt ../shop
  engine import dbt ../shop --into shop --profiles-dir ~/.dbt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return mistake(unknownCommand(cmd, args[0]))
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(a.importDBTCommand())
	return cmd
}

// importFlags are those of engine import dbt.
type importFlags struct {
	into, profiles, dbt, then string
	force, strict, verify     bool
}

func (a *app) importDBTCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "dbt [flags] DIR",
		Short: "make a project of a dbt project",
		Long: text(`
Reads the dbt project in DIR and writes an engine project into a new folder: engine.yml from
dbt_project.yml and profiles.yml, models, tests, snapshots and macros from Jinja to Go
templates, YAML files and seeds as they are. Macros of dbt and dbt_utils come along as
templates of the project; packages that are installed become part of it.

The dbt project is not changed. What has no counterpart is listed with its place; there the
new file fails when it is rendered, with the reason, so that nothing is left out unseen.
The new project is then checked as engine check does. Passwords are not copied. --target is
the output of the profile that decides; default: the profile's own target.

--verify writes no project: it builds the dbt project with dbt and with engine, each in a
temporary copy with a DuckDB file of its own, and compares the columns and rows of all tables.
With --then, files of a folder are laid over both copies (seeds that have changed), and both
are built once more, so that incremental models and snapshots show what they do. The exit
code is 1 if anything differs.`),
		Example: `  engine import dbt ../shop
  engine import dbt ../shop --into shop
  engine import dbt . --into ../shop_engine --profiles-dir ci --target prod
  engine import dbt ../shop --strict -o json
  engine import dbt ../shop --verify --dbt venv/bin/dbt`,
	}
	fl := cmd.Flags()
	fl.StringVar(&f.into, "into", "", "`folder` to write, new or empty; default: the project's name, in the current folder")
	fl.StringVar(&f.profiles, "profiles-dir", "", "`folder` with profiles.yml; default: DBT_PROFILES_DIR, else DIR, else ~/.dbt")
	fl.BoolVar(&f.force, "force", false, "write into a folder that is not empty: files of the same names are replaced")
	fl.BoolVar(&f.strict, "strict", false, "fail if anything has no counterpart")
	fl.BoolVar(&f.verify, "verify", false, "build with dbt and with engine in DuckDB, and compare all tables")
	fl.StringVar(&f.dbt, "dbt", "dbt", "`program` of dbt for --verify")
	fl.StringVar(&f.then, "then", "", "`folder` laid over both copies before a second build of --verify")
	must(cmd.MarkFlagDirname("then"))
	must(cmd.MarkFlagFilename("dbt"))
	must(cmd.MarkFlagDirname("into"))
	must(cmd.MarkFlagDirname("profiles-dir"))
	cmd.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return mistake(wrongArguments(cmd, "import dbt takes one folder"))
		}
		return a.importDBT(cmd.Context(), args[0], f)
	}
	return cmd
}

func (a *app) importDBT(ctx context.Context, from string, f importFlags) error {
	dir := a.absolute(from)
	profiles, err := a.dbtProfiles(dir, f.profiles)
	if err != nil {
		return err
	}
	if f.verify {
		return a.verifyDBT(ctx, dir, profiles, f)
	}
	p, err := dbt.Import(os.DirFS(dir), dbt.Options{Profiles: profiles, Target: a.global.target})
	if err != nil {
		return a.unreadable(from, err)
	}
	into := f.into
	if into == "" {
		into = projectName(p.Name)
	}
	out := a.absolute(into)
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 && !f.force {
		return mistake(notEmpty(into))
	}
	if rel, err := filepath.Rel(dir, out); err == nil && filepath.IsLocal(rel) {
		return mistake(diag.Diagnostic{Code: codeImport, Message: "the new project would be inside of the dbt project", Help: "give another folder with --into"})
	}
	if err := a.writeProject(out, p); err != nil {
		return err
	}
	found := a.checkImported(ctx, out)
	return a.imported(p, into, found, f.strict)
}

// unreadable says why there is no project in a folder.
func (a *app) unreadable(from string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return mistake(diag.Diagnostic{Code: codeImport, Message: fmt.Sprintf("there is no dbt_project.yml in %s", from), Help: "name the folder of a dbt project"})
	}
	d := diag.Diagnostic{Code: codeImport, Message: err.Error(), Cause: err}
	var broken *dbt.BrokenError
	if errors.As(err, &broken) {
		d.At = broken.At
	}
	return mistake(d)
}

// writeProject writes the files of a project into a folder.
func (a *app) writeProject(out string, p *dbt.Project) error {
	written := map[string][]byte{}
	for n := 0; ; n++ {
		for _, name := range slices.Sorted(maps.Keys(p.Files)) {
			if had, ok := written[name]; ok && bytes.Equal(had, p.Files[name]) {
				continue
			}
			path := filepath.Join(out, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return failure(fileWrong("make", filepath.Dir(path), err))
			}
			if err := atomicfile.Write(path, p.Files[name]); err != nil {
				return failure(fileWrong("write", path, err))
			}
			written[name] = p.Files[name]
		}
		if _, found := project.Load(out, a.env); n == mostMends || !p.Mend(found) {
			break
		}
	}
	return nil
}

// mostMends bounds how often properties are mended by what the reader says of them: one mend can
// only uncover what stood inside of what was unreadable.
const mostMends = 8

// dbtProfiles reads profiles.yml from the first folder that has one; nil where none does.
func (a *app) dbtProfiles(dir, flag string) (*source.File, error) {
	var folders []string
	if flag != "" {
		folders = []string{a.absolute(flag)}
	} else {
		if set, ok := a.env("DBT_PROFILES_DIR"); ok && set != "" {
			folders = append(folders, set)
		}
		folders = append(folders, dir)
		if home, ok := a.env("HOME"); ok && home != "" {
			folders = append(folders, filepath.Join(home, ".dbt"))
		}
	}
	for _, folder := range folders {
		data, err := os.ReadFile(filepath.Join(folder, "profiles.yml"))
		if err == nil {
			return source.NewFile("profiles.yml", data), nil
		}
		if flag != "" || !errors.Is(err, fs.ErrNotExist) {
			return nil, mistake(fileWrong("read", filepath.Join(folder, "profiles.yml"), err))
		}
	}
	return nil, nil
}

// checkImported compiles the new project, offline: what is wrong with it.
func (a *app) checkImported(ctx context.Context, dir string) diag.List {
	before := a.global
	a.global.projectDir, a.global.target = dir, ""
	defer func() { a.global = before }()
	s, err := a.load()
	if err == nil {
		err = s.compile(ctx)
	}
	var wrong *mistakes
	switch {
	case errors.As(err, &wrong):
		return wrong.list
	case err != nil:
		return diag.List{plainError(err)}
	}
	return s.warnings
}

// importDocument is the answer of the command for programs.
type importDocument struct {
	Status    string         `json:"status"`
	Dir       string         `json:"dir"`
	Project   string         `json:"project"`
	Counts    map[string]int `json:"counts"`
	Unchanged []diag.JSON    `json:"not_converted"`
	Check     []diag.JSON    `json:"check"`
}

func (a *app) imported(p *dbt.Project, into string, found diag.List, strict bool) error {
	counts := map[string]int{"models": p.Models, "macros": p.Macros, "seeds": p.Seeds, "snapshots": p.Snapshots, "tests": p.Tests, "packages": p.Packages}
	wrong := found.HasErrors()
	status := "done"
	if len(p.Notes) > 0 || wrong {
		status = "incomplete"
	}
	if wantsJSON(a.global.output) {
		doc := importDocument{Status: status, Dir: into, Project: p.Name, Counts: counts, Unchanged: p.Notes.JSON(), Check: found.JSON()}
		if err := view.JSON(a.out, doc); err != nil {
			return err
		}
	} else {
		a.report(p.Notes, false)
		a.report(found, false)
		var parts []string
		for _, what := range []string{"models", "macros", "seeds", "snapshots", "tests", "packages"} {
			if n := counts[what]; n > 0 {
				parts = append(parts, counted(n, strings.TrimSuffix(what, "s")))
			}
		}
		if !a.global.quiet {
			_, _ = fmt.Fprintf(a.out, "made %s of %s: %s\n", into, p.Name, strings.Join(parts, ", "))
			if n := len(p.Notes); n > 0 {
				_, _ = fmt.Fprintf(a.out, "%s not converted, see above\n", counted(n, "place"))
			}
			if !wrong {
				_, _ = fmt.Fprintf(a.out, "\nnext:\n  cd %s\n  engine build\n", quoteShell(into))
			}
		}
	}
	if wrong || strict && len(p.Notes) > 0 {
		return reported(exitFailed)
	}
	return nil
}

const codeImport diag.Code = "import-dbt"

// importCodes are those of the command.
var importCodes = []diag.Entry{{
	Code: codeImport, Title: "a dbt project that cannot be imported",
	Explain: "The folder has no dbt_project.yml that can be read, or the new project has no place of its own. Nothing was written.",
	Bad:     "engine import dbt models", Good: "engine import dbt .",
}}
