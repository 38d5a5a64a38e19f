package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/atomicfile"
)

// lockCommand writes down the columns of sources.
func (a *app) lockCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "lock [selector…]",
		Short: "write down the columns of sources",
		Long: text(`
Asks the target for the columns of the selected sources and writes them to
engine.lock.json, so that models can be analyzed without a connection. Commit the file.
Columns that YAML declares with a data_type keep it.`),
		Example: text(`
  engine source lock
  engine source lock source:app --target prod
  engine source lock --check    # exit code 1 if a source has changed`),
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; fail if the file would change")
	sel := a.selectFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args, addr.Source)
		if err != nil {
			return err
		}
		s, err := a.load()
		if err != nil {
			return err
		}
		s.options.SkipAnalysis = true // what is to be found out may be what is missing
		if err := s.compile(cmd.Context()); err != nil {
			return err
		}
		chosen, err := s.choose(cmd.Context(), q)
		if err != nil {
			return err
		}
		return s.lock(cmd.Context(), chosen.Sources, check)
	}
	return cmd
}

func (s *session) lock(ctx context.Context, chosen map[addr.Node]bool, check bool) error {
	var asked []*compile.Node
	var relations []addr.Relation
	for _, id := range s.program.Order {
		// A source that the project itself builds has the columns of its builder.
		if n := s.program.Nodes[id]; chosen[id] && n.Source != nil && len(n.Parents) == 0 {
			asked = append(asked, n)
			relations = append(relations, n.Relation)
		}
	}
	if len(asked) == 0 {
		fmt.Fprintln(s.app.err, "no source to ask for")
		return nil
	}
	conn, err := s.read(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	found, err := conn.Inspect(ctx, relations)
	if err != nil {
		return fmt.Errorf("inspect the sources: %w", err)
	}
	lock := &project.Lock{Sources: map[string]*project.LockedSource{}, Remotes: s.project.Lock.Remotes}
	for name, old := range s.project.Lock.Sources {
		lock.Sources[name] = old
	}
	var missing []string
	for _, n := range asked {
		i := slices.IndexFunc(found, func(r warehouse.Relation) bool { return sameRelation(conn, r.Name, n.Relation) })
		if i < 0 {
			missing = append(missing, n.ID.Name)
			continue
		}
		entry := s.locked(found[i].Columns)
		if old := s.project.Lock.Sources[n.ID.Name]; old != nil {
			entry.Remote = old.Remote // which engine ingest writes
		}
		lock.Sources[n.ID.Name] = entry
	}
	for name := range lock.Sources {
		if s.program.Nodes[addr.Node{Kind: addr.Source, Name: name}] == nil {
			delete(lock.Sources, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return failure(sourcesMissing(missing, s.program.Target.Name))
	}
	return s.writeLock(lock, len(asked), check)
}

// sameRelation compares names as the warehouse does.
func sameRelation(conn warehouse.Conn, a, b addr.Relation) bool {
	if conn.Dialect().Caps().FoldsCase {
		return strings.EqualFold(a.Schema, b.Schema) && strings.EqualFold(a.Name, b.Name)
	}
	return a.Schema == b.Schema && a.Name == b.Name
}

func (s *session) locked(columns []warehouse.Column) *project.LockedSource {
	out := &project.LockedSource{}
	for _, c := range columns {
		col := project.LockedColumn{Name: c.Name, Native: c.Type}
		if tr := s.program.Target.Translator; tr != nil {
			if t, ok := tr.Parse(c.Type); ok {
				col.Type = t.String()
			}
		} else if t, _, err := googlesql.ParseType(c.Type); err == nil { // the target reads GoogleSQL itself
			col.Type = t.String()
		}
		out.Columns = append(out.Columns, col)
	}
	return out
}

func (s *session) writeLock(lock *project.Lock, asked int, check bool) error {
	path := filepath.Join(s.project.Dir, project.LockFile)
	text := lock.Text()
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read %s: %w", project.LockFile, err)
	}
	if bytes.Equal(old, text) {
		fmt.Fprintf(s.app.err, "%s is up to date: %d sources\n", project.LockFile, asked)
		return nil
	}
	if check {
		return failure(lockOutdated())
	}
	if err := atomicfile.Write(path, text); err != nil {
		return err
	}
	fmt.Fprintf(s.app.err, "wrote %s: %d sources\n", project.LockFile, asked)
	return nil
}
