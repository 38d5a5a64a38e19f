package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

func (a *app) cleanCommand() *cobra.Command {
	var database, yes bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "remove what the engine wrote to target/",
		Long: text(`
Removes artifacts, compiled SQL and the catalog from the target folder. Database files stay, but
for those that a killed engine ci --offline has left in its folder.
--database removes the database file of the chosen target, too, after a question.`),
		Example: `  engine clean
  engine clean --database --yes`,
		Args: unexpected,
	}
	cmd.Flags().BoolVar(&database, "database", false, "remove the embedded database file of the target, too")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settled()
		if err != nil {
			return err
		}
		file := ""
		if database {
			if file = s.databaseFile(); file == "" {
				return mistake(diag.Diagnostic{Code: codeFlag, Message: "the target has no database file", Help: "--database is for embedded warehouses"})
			}
			if ok, err := a.confirm("remove the database "+a.shown(file)+"?", yes); err != nil || !ok {
				return err
			}
		}
		if file != "" {
			if err := s.idle(cmd.Context(), file); err != nil {
				return err
			}
		}
		if why := s.precious(); why != "" {
			return mistake(diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("%s is not removed: %s", a.shown(s.target()), why), Help: "give target-path a folder of its own, or remove by hand what nobody needs"})
		}
		removed, err := s.clean(cmd.Context())
		if err != nil {
			return failure(fileWrong("remove", a.shown(s.target()), err))
		}
		if file != "" {
			n, err := removeDatabase(file)
			if err != nil {
				return failure(fileWrong("remove", a.shown(file), err))
			}
			removed += n
		}
		if a.global.quiet {
			return nil
		}
		_, err = fmt.Fprintf(a.out, "removed %s from %s\n", view.Number(removed, "file"), a.shown(s.target()))
		return err
	}
	return cmd
}

// precious says why the target folder must not be removed, nothing if it may be. A folder that
// links lead out of the project, that has sources of it, or a repository, is none of the engine's
// own, whoever has named it.
func (s *session) precious() string {
	dir := s.target()
	rel, err := filepath.Rel(s.dir, dir)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return "it is outside the project"
	}
	// The folder itself may be a link, which alone is removed then.
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "" // there is nothing to remove
	}
	project, failed := filepath.EvalSymlinks(s.dir)
	if err := errors.Join(err, failed); err != nil {
		return err.Error()
	}
	if in, err := filepath.Rel(project, parent); err != nil || !filepath.IsLocal(in) {
		return "a link leads out of the project"
	}
	path := filepath.ToSlash(rel)
	for _, part := range strings.Split(path, "/") {
		if part == ".git" {
			return "it is part of a git repository"
		}
	}
	if of := s.ownFiles(path); of != "" {
		return of + " has the project's own files"
	}
	for _, name := range []string{".git", settingsFile, "dbt_project.yml", "profiles.yml", "packages.yml", "selectors.yml"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return "it has a file " + name
		}
	}
	if !s.folderNamed() {
		return ""
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return ""
	}
	for _, x := range entries {
		if slices.Contains(leavings, x.Name()) {
			return ""
		}
	}
	return "nothing in it was written by a build"
}

// ownFiles is the folder with files of the project that a folder is, has in it, or, where the
// command line names it, is in. The path is relative to the project, with slashes.
func (s *session) ownFiles(path string) string {
	for _, of := range s.ownPaths() {
		if of == path || strings.HasPrefix(of, path+"/") || s.folderNamed() && strings.HasPrefix(path, of+"/") {
			return of
		}
	}
	return ""
}

// ownPaths are the folders that the project has its files in.
func (s *session) ownPaths() []string {
	t := s.project.Settings
	return slices.Concat(t.ModelPaths, t.SeedPaths, t.SnapshotPaths, t.TestPaths, t.MacroPaths, t.FunctionPaths, t.AnalysisPaths)
}

// leavings are files of which a build leaves at least one in its target folder.
var leavings = []string{"manifest.json", "run_results.json", artifact.StateFile, "analysis.kept", "sources.json", "catalog.json", "graph.gpickle", "partial_parse.msgpack", "compiled"}

// folderNamed reports whether the command line names the target folder: engine.yml is looked at when
// it is read, and its folder is always the engine's.
func (s *session) folderNamed() bool { return s.app.dbt != nil && s.app.dbt.text("target-path") != "" }

// clean removes everything below the target folder but databases, if it is not precious. Those that
// stood in for a target are not kept, unless a process has them open.
func (s *session) clean(ctx context.Context) (removed int, err error) {
	keep := s.databases()
	standIns := filepath.Join(s.target(), offlineFolder) + string(filepath.Separator)
	var dirs []string
	err = filepath.WalkDir(s.target(), func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, path)
			return nil
		case keep[path] || databaseName(path) && !(strings.HasPrefix(path, standIns) && unused(ctx, path)):
			return nil
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removed++
		return nil
	})
	if err != nil {
		return removed, err
	}
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir) // a folder with a database in it stays
	}
	return removed, nil
}

// databases are the files of all targets, with their logs.
func (s *session) databases() map[string]bool {
	keep := map[string]bool{}
	for _, t := range s.project.Settings.Targets {
		o := s.options
		o.Target = t.Name
		one := &session{app: s.app, dir: s.dir, options: o, project: s.project}
		if file := one.databaseFile(); file != "" {
			keep[file], keep[file+".wal"] = true, true
		}
	}
	return keep
}

func databaseName(path string) bool {
	path = strings.TrimSuffix(path, ".wal")
	return slices.Contains([]string{".duckdb", ".ddb", ".db"}, filepath.Ext(path))
}

// unused reports whether no process has a DuckDB file open, or the one that a log is of.
func unused(ctx context.Context, path string) bool {
	path = strings.TrimSuffix(path, ".wal")
	if _, err := os.Stat(path); err != nil {
		return true
	}
	conn, err := duckFile{}.Open(ctx, warehouse.Config{Dir: filepath.Dir(path), Fields: map[string]string{"path": path}})
	if err == nil {
		return conn.Close() == nil
	}
	var busy *warehouse.BusyError
	return !errors.As(err, &busy)
}

func removeDatabase(file string) (removed int, err error) {
	for _, path := range []string{file, file + ".wal"} {
		switch err := os.Remove(path); {
		case err == nil:
			removed++
		case !errors.Is(err, fs.ErrNotExist):
			return removed, err
		}
	}
	return removed, nil
}

// confirm asks a question that yes answers beforehand. Without a terminal nobody can
// answer: that is a mistake, not a no.
func (a *app) confirm(question string, yes bool) (bool, error) {
	if yes {
		return true, nil
	}
	if !a.inTTY {
		return false, mistake(diag.Diagnostic{Code: codeFlag, Message: question + " needs an answer, and there is no terminal", Help: "--yes answers it"})
	}
	_, _ = fmt.Fprint(a.err, question+" [y/N] ")
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil {
		_, _ = fmt.Fprintln(a.err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}
