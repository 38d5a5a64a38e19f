package duckdb

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Distributor = (*conn)(nil)

// DuckDB has no accounts, so a customer has a database file of its own. What a customer gets
// is made in a file of a folder beside it, which takes its name when all is there: who opens the
// file finds the old or the new one, and who has it open keeps what it has. What is carried over
// from the customer's file is, in a DuckDB of its own; see isolated.go.

const (
	// workshopName begins the name of the workshop as a database. It is in a folder beside the
	// target's file with workshopEnd after its name, which nobody but the engine may enter.
	workshopName = "_engine_publish"
	workshopEnd  = ".publish"
	// workshopGroup is how many rows a group of the workshop's tables has, which are sorted
	// by customer: who reads one customer's reads the groups with rows of it only.
	workshopGroup = 4096
	// nextEnd ends the name of a folder that nobody but the engine may enter, in which the new
	// file is made; fileName is what a file is called in such a folder.
	nextEnd  = ".next"
	fileName = "data.duckdb"
	logEnd   = ".wal" // DuckDB's word for what is not yet in the file
)

var customerPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Workshop attaches an empty database. For a target in memory it is in memory, too.
func (c *conn) Workshop(ctx context.Context, _, schema string) (addr.Relation, error) {
	var d Dialect
	path, err := c.ownPath(ctx)
	if err != nil {
		return addr.Relation{}, err
	}
	old, err := c.attached(ctx, "starts_with(database_name, "+d.Literal(workshopName)+")")
	if err != nil {
		return addr.Relation{}, err
	}
	for _, name := range old {
		if err := c.alone(ctx, "detach database if exists "+d.Ident(name)); err != nil {
			return addr.Relation{}, err
		}
	}
	where, options := memory, ""
	if path != "" {
		folder := path + workshopEnd
		where, options = filepath.Join(folder, fileName), fmt.Sprintf(" (row_group_size %d)", workshopGroup)
		if err := removeFolder(folder); err != nil {
			return addr.Relation{}, err
		}
		if err := makePrivate(folder); err != nil {
			return addr.Relation{}, err
		}
	}
	name, err := c.attachFile(ctx, where, workshopName, options)
	if err != nil {
		return addr.Relation{}, err
	}
	if err := c.sendOne(ctx, "create schema if not exists "+d.Ident(name)+"."+d.Ident(schema)); err != nil {
		return addr.Relation{}, err
	}
	return addr.Relation{Database: name, Schema: schema}, nil
}

// CloseWorkshop detaches the database and removes its file.
func (c *conn) CloseWorkshop(ctx context.Context, workshop addr.Relation) error {
	path, err := c.ownPath(ctx)
	if err != nil {
		return err
	}
	if err := c.alone(ctx, "detach database if exists "+Dialect{}.Ident(workshop.Database)); err != nil || path == "" {
		return err
	}
	return removeFolder(path + workshopEnd)
}

func (s session) sendOne(ctx context.Context, text string) error {
	_, err := s.Exec(ctx, warehouse.Statement{SQL: text})
	return err
}

// fileOptions are those of a file, for its errors.
func fileOptions(path string) options { return options{shown: path, path: path} }

// ownPath is the file of the target, empty for one in memory.
func (c *conn) ownPath(ctx context.Context) (string, error) {
	var path sql.NullString
	r, err := c.q.QueryContext(ctx, "select path from duckdb_databases() where database_name = current_database()")
	if err != nil {
		return "", wrap(ctx, warehouse.Statement{}, err)
	}
	defer r.Close()
	for r.Next() {
		if err := r.Scan(&path); err != nil {
			return "", wrap(ctx, warehouse.Statement{}, err)
		}
	}
	return path.String, wrap(ctx, warehouse.Statement{}, r.Err())
}

// removeDatabase removes a database file with its log, if there is one. A file that is no
// database is not removed.
func removeDatabase(path string) error {
	switch there, err := isDatabase(path); {
	case err != nil:
		return err
	case there:
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what an earlier run left: %w", err)
		}
	}
	if err := os.Remove(path + logEnd); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	return nil
}

// removeFolder removes a folder that an earlier run made for a database, with the database. What
// anybody else put there is not removed.
func removeFolder(folder string) error {
	info, err := os.Lstat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fileOptions(folder).fileError(err)
	}
	if info.Mode().IsRegular() {
		return removeDatabase(folder)
	}
	foreign := &warehouse.ForeignError{What: folder}
	if !info.IsDir() {
		return foreign
	}
	in, err := os.ReadDir(folder)
	if err != nil {
		return fileOptions(folder).fileError(err)
	}
	for _, one := range in {
		if name := one.Name(); name != spillName && name != fileName && !strings.HasPrefix(name, fileName+logEnd) {
			foreign.What = filepath.Join(folder, name)
			return foreign
		}
	}
	if err := removeDatabase(filepath.Join(folder, fileName)); err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	return nil
}

// moveAway is the help for what is in the place of a file.
const moveAway = "move it away, and the next publication makes the file; or give customers' files another folder with distribution.path"

// isOwn says whether a path is that of the target's own file. No file is opened: closing it would
// end the locks that DuckDB has on it.
func isOwn(own, path string) bool {
	if own == "" {
		return false
	}
	if filepath.Clean(own) == filepath.Clean(path) {
		return true
	}
	a, err := os.Stat(own)
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// isDatabase looks whether there is a database, or what is left of one that was never
// written. It must not be called for a file that this process has open: closing it would end
// the locks that DuckDB has on it.
func isDatabase(path string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fileOptions(path).fileError(err)
	}
	foreign := &warehouse.ForeignError{What: "the file " + path, Help: moveAway}
	if info.IsDir() {
		foreign.What = "the folder " + path
	}
	if !info.Mode().IsRegular() {
		return false, foreign
	}
	if info.Size() == 0 {
		return true, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, fileOptions(path).fileError(err)
	}
	defer f.Close()
	head := make([]byte, 20)
	if _, err := io.ReadFull(f, head); err != nil || !bytes.Equal(head[8:12], []byte("DUCK")) {
		return false, foreign
	}
	if version := binary.LittleEndian.Uint64(head[12:]); version > newestStorage {
		return false, fileOptions(path).newer(fmt.Sprint(version))
	}
	return true, nil
}

// attached lists the databases for which a condition holds.
func (c *conn) attached(ctx context.Context, condition string) ([]string, error) {
	rows, err := c.leases().Ask(ctx, "select database_name from duckdb_databases() where "+condition)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row[0]
	}
	return names, nil
}

// lingering is how long a file that is detached may stay open. DuckDB lets go of it when the
// last statement ends that looked at the catalog, which is that of all databases.
const lingering = 30 * time.Second

// attachFile attaches a database file under a name that begins as wanted and was not used
// before: a statement that looks at the catalog while one database goes and another comes would
// find two of one name, which DuckDB takes for a damage.
func (c *conn) attachFile(ctx context.Context, path, wanted, options string) (name string, err error) {
	var d Dialect
	name = fmt.Sprintf("%s_%d", wanted, c.attaches.Add(1))
	wait, start := firstWait, time.Now()
	for {
		err := c.alone(ctx, "attach "+d.Literal(path)+" as "+d.Ident(name)+options)
		if err == nil {
			return name, nil
		}
		if !strings.Contains(err.Error(), "Unique file handle conflict") || ctx.Err() != nil || time.Since(start) > lingering {
			return "", fileOptions(path).openError(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, maxWait)
	}
}

// release is a customer's file, attached for reading, and the one that will take its place.
type release struct {
	c    *conn
	spec warehouse.ReleaseSpec
	file string
	// have and next are the names of the attached databases; open and nextOpen: they are.
	have, next     string
	open, nextOpen bool
	released       warehouse.Released // by the file's own word
	published      bool
	renamed        fs.FileInfo // of the new file, when it took the customer's name
	// own and strangers are what the file has, once it was looked at (known). theirs is the
	// isolated DuckDB that looked at views, nil where there was none: it stays open, since who
	// closes a file ends all locks that this process has on it.
	own, strangers []warehouse.Relation
	known          bool
	theirs         *conn
}

// folder is where the new file is made, and made is that file.
func (r *release) folder() string { return r.file + nextEnd }
func (r *release) made() string   { return filepath.Join(r.folder(), fileName) }

// OpenRelease attaches a customer's file, if it has one, and a new one.
func (c *conn) OpenRelease(ctx context.Context, spec warehouse.ReleaseSpec) (warehouse.Release, error) {
	switch {
	case !customerPattern.MatchString(spec.Customer):
		return nil, fmt.Errorf("%q cannot be the name of a file: a customer's name has a-z, 0-9 and _ only", spec.Customer)
	case !filepath.IsAbs(spec.Dir):
		return nil, fmt.Errorf("the folder for customers' files is %q, which is not absolute", spec.Dir)
	case strings.Contains(spec.Dir, "?"):
		return nil, &warehouse.OpenError{Reason: fmt.Sprintf("the folder for customers' files, %s, has a «?»", spec.Dir), Help: "set distribution.path to a folder without it: DuckDB cannot handle such names"}
	case len(spec.Schemas) == 0:
		return nil, fmt.Errorf("customer %s has no schema", spec.Customer)
	}
	own, err := c.ownPath(ctx)
	if err != nil {
		return nil, err
	}
	if file := fileOf(spec); isOwn(own, file) {
		return nil, &warehouse.OpenError{Reason: fmt.Sprintf("the file of customer %s would be %s, which is the warehouse's own", spec.Customer, file), Help: "set distribution.path to a folder without the warehouse, or give the customer another name"}
	}
	r := &release{c: c, spec: spec, file: fileOf(spec), have: "_engine_have__" + spec.Customer, next: "_engine_next__" + spec.Customer}
	if err := r.begin(ctx); err != nil {
		return nil, errors.Join(err, r.Close(ctx))
	}
	return r, nil
}

func (r *release) begin(ctx context.Context) error {
	if names, err := r.c.attached(ctx, "path = "+Dialect{}.Literal(r.made())); err != nil {
		return err
	} else if len(names) > 0 {
		r.file = "" // the new one is another's
		return fmt.Errorf("a release of customer %s is open already", r.spec.Customer)
	}
	if err := os.MkdirAll(r.spec.Dir, 0o700); err != nil {
		return fileOptions(r.spec.Dir).fileError(err)
	}
	if err := removeFolder(r.folder()); err != nil {
		return err
	}
	if err := makePrivate(r.folder()); err != nil {
		return err
	}
	there, err := isDatabase(r.file)
	if err != nil {
		return err
	}
	if there {
		if err := r.attach(ctx); err != nil {
			return err
		}
		if err := r.owned(ctx); err != nil {
			return err
		}
		if err := r.merge(ctx); err != nil {
			return err
		}
	}
	var d Dialect
	if r.next, err = r.c.attachFile(ctx, r.made(), "_engine_next__"+r.spec.Customer, r.blocks()); err != nil {
		return err
	}
	r.nextOpen = true
	for _, schema := range append(slices.Clone(r.spec.Schemas), r.spec.Workspace) {
		if schema == "" {
			continue
		}
		if err := r.c.sendOne(ctx, "create schema if not exists "+d.Ident(r.next)+"."+d.Ident(schema)); err != nil {
			return err
		}
	}
	return nil
}

// Files of few rows have small blocks, of which a table has one for every few columns at least: a
// file of DuckDB's own blocks (256 KiB) would be ten times as long, and written as slowly. What a
// customer had before says whether it is a small one.
const (
	smallBlock = 16 << 10
	smallFile  = 64 << 20
)

// blocks are the options of a new file.
func (r *release) blocks() string {
	if info, err := os.Lstat(r.file); err == nil && info.Size() > smallFile {
		return ""
	}
	return fmt.Sprintf(" (block_size %d)", smallBlock)
}

// attach opens the customer's file for reading. As long as it is, nobody can open it for
// writing.
func (r *release) attach(ctx context.Context) error {
	name, err := r.c.attachFile(ctx, r.file, "_engine_have__"+r.spec.Customer, " (read_only)")
	if e := (*warehouse.OpenError)(nil); errors.As(err, &e) && strings.HasSuffix(e.Reason, "is damaged") {
		return r.damaged(err)
	}
	if err != nil {
		return err
	}
	r.have, r.open = name, true
	return nil
}

// damaged is about a file that has the beginning of a database, and cannot be read.
func (r *release) damaged(err error) error {
	return &warehouse.OpenError{Reason: "the file " + r.file + " is damaged", Help: "move it away, and the next publication makes it anew; what the customer itself had in it comes back from a copy only", Err: err}
}

func (r *release) detach(ctx context.Context) error {
	if !r.open {
		return nil
	}
	r.open = false
	return r.c.alone(ctx, "detach database if exists "+Dialect{}.Ident(r.have))
}

// merge writes into the file what a program that died has left in a log beside it: it would
// be taken for the log of the file that takes its place.
func (r *release) merge(ctx context.Context) error {
	if _, err := os.Lstat(r.file + logEnd); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := r.detach(ctx); err != nil {
		return err
	}
	theirs, err := r.c.isolate(ctx, isolation{files: []isolatedFile{{path: r.file, name: isolatedHave}}, use: isolatedHave, spill: r.folder()})
	if err != nil {
		return err
	}
	if err := errors.Join(theirs.sendOne(ctx, "checkpoint "+Dialect{}.Ident(isolatedHave)), theirs.Close()); err != nil {
		return err
	}
	if _, err := os.Lstat(r.file + logEnd); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s%s has changes that are not in the file: open the file with DuckDB once, and close it", r.file, logEnd)
	}
	return r.attach(ctx)
}

// owned looks for the owner's mark in the file, and reads what was released.
func (r *release) owned(ctx context.Context) error {
	foreign := &warehouse.ForeignError{What: "the file " + r.file, Help: moveAway}
	unread := func(err error) bool { kind := Classify(err); return err != nil && (kind == IO || kind == Fatal) }
	found, err := r.relations(ctx, r.c, r.have)
	if unread(err) {
		return r.damaged(err)
	}
	if err != nil {
		return err
	}
	var marks []addr.Relation
	for _, f := range found {
		if f.Name.Name == warehouse.ReleaseTable && f.Kind == warehouse.Table {
			marks = append(marks, addr.Relation{Database: r.have, Schema: f.Name.Schema, Name: f.Name.Name})
		}
	}
	if len(marks) != 1 {
		return foreign
	}
	rows, err := r.c.leases().Ask(ctx, "select owner, relations from "+Dialect{}.Quote(marks[0]))
	if unread(err) {
		return r.damaged(err)
	}
	if err != nil || len(rows) != 1 {
		return errors.Join(foreign, err)
	}
	if rows[0][0] != r.spec.Owner {
		foreign.Owner = rows[0][0]
		return foreign
	}
	r.released, err = warehouse.ReadReleased(rows[0][1])
	return err
}

// relations lists all of an attached database, in all schemas.
func (r *release) relations(ctx context.Context, c *conn, database string) ([]warehouse.Relation, error) {
	rows, err := c.catalog(ctx, "database_name = "+Dialect{}.Literal(database), false)
	if err != nil {
		return nil, err
	}
	out := make([]warehouse.Relation, len(rows))
	for i, row := range rows {
		out[i] = row.relation
		out[i].Name.Database = ""
	}
	return out, nil
}

// Have lists what the customer's file has in the customer's schemas, and in those of the last
// release.
func (r *release) Have(ctx context.Context) (own, strangers []warehouse.Relation, err error) {
	own, strangers, err = r.all(ctx)
	former := map[string]bool{}
	for name := range r.released {
		former[name.Schema] = true
	}
	elsewhere := func(f warehouse.Relation) bool {
		return !slices.Contains(r.spec.Schemas, f.Name.Schema) && !former[f.Name.Schema]
	}
	return slices.DeleteFunc(slices.Clone(own), elsewhere), slices.DeleteFunc(slices.Clone(strangers), elsewhere), err
}

// all tells apart what the file has. The release's list is in the file, so a view on it may be
// the customer's all the same: one that needs more than the file is a stranger's.
func (r *release) all(ctx context.Context) (own, strangers []warehouse.Relation, err error) {
	if !r.open {
		return nil, nil, nil
	}
	if r.known {
		return r.own, r.strangers, nil
	}
	found, err := r.relations(ctx, r.c, r.have)
	if err != nil {
		return nil, nil, err
	}
	own, strangers = r.released.Apart(found, warehouse.Kinds(found), true)
	isView := func(o warehouse.Relation) bool { return o.Kind == warehouse.View }
	if slices.ContainsFunc(own, isView) {
		if r.theirs == nil {
			if r.theirs, err = r.alone(ctx, ""); err != nil {
				return nil, nil, err
			}
		}
		own = slices.DeleteFunc(own, func(o warehouse.Relation) bool {
			if !isView(o) || r.theirs.sendOne(ctx, "prepare _engine_probe as select * from "+Dialect{}.Quote(o.Name)) == nil {
				return false
			}
			strangers = append(strangers, o)
			return true
		})
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("stopped: %w", err)
		}
	}
	slices.SortFunc(strangers, func(a, b warehouse.Relation) int { return a.Name.Compare(b.Name) })
	r.own, r.strangers, r.known = own, strangers, true
	return own, strangers, nil
}

// lookedAt ends the looking at views.
func (r *release) lookedAt() error {
	if r.theirs == nil {
		return nil
	}
	err := r.theirs.Close()
	r.theirs = nil
	return err
}

// alone opens the customer's file for reading in an isolated DuckDB, which may write into a folder.
func (r *release) alone(ctx context.Context, write string) (*conn, error) {
	return r.c.isolate(ctx, isolation{files: []isolatedFile{{path: r.file, name: isolatedHave, readOnly: true}}, use: isolatedHave, write: write, spill: r.folder()})
}

// Staged is a relation of the new file.
func (r *release) Staged(final addr.Relation) addr.Relation {
	final.Database = r.next
	return final
}

// Published is a relation of the customer's file.
func (r *release) Published(final addr.Relation) addr.Relation {
	final.Database = r.have
	return final
}

// Revoke: whoever may read the file reads all of it.
func (c *conn) Revoke(context.Context, warehouse.ReleaseSpec, []string, []string) ([]string, error) {
	return nil, nil
}

// Publish completes the new file and gives it the customer's name.
func (r *release) Publish(ctx context.Context, p warehouse.Handover) (warehouse.JobStats, error) {
	start := time.Now()
	stats := warehouse.JobStats{Rows: -1, Bytes: -1}
	switch {
	case len(p.Readers) > 0:
		return stats, fmt.Errorf("accounts in a database file (%s): %w", r.file, warehouse.ErrUnsupported)
	case len(p.RowPolicies)+len(p.Guarded) > 0:
		return stats, fmt.Errorf("row policies in a database file (%s): %w", r.file, warehouse.ErrUnsupported)
	case !r.nextOpen:
		return stats, fmt.Errorf("the release of %s is over", r.spec.Customer)
	}
	for _, v := range p.Views {
		if len(v.Reads) > 0 {
			return stats, fmt.Errorf("view %s, which reads outside of the customer's file: %w", v.Name, warehouse.ErrUnsupported)
		}
	}
	own, strangers, err := r.all(ctx)
	if err != nil {
		return stats, err
	}
	all, stay, err := p.Outcome(r.spec, own, strangers, true)
	if err != nil {
		return stats, err
	}
	names := warehouse.Kinds(all)
	if err := r.fill(ctx, p, names); err != nil {
		return stats, r.unwritten(err)
	}
	if err := r.finish(ctx, p, stay, strangers); err != nil {
		return stats, r.unwritten(err)
	}
	r.released, r.known = names, false
	stats.Duration = time.Since(start)
	return stats, nil
}

// unwritten words the error of a new file that could not be written. DuckDB lets go of a database
// whose log or checkpoint failed, and says only that afterwards.
func (r *release) unwritten(err error) error {
	switch {
	case Classify(err) == Disk:
		return &warehouse.OpenError{Reason: "the disk of " + r.spec.Dir + " is full", Help: "make room, or set distribution.path to a folder on another disk, and publish again", Err: err}
	case strings.Contains(err.Error(), "has been invalidated"):
		return &warehouse.OpenError{Reason: "the new file of customer " + r.spec.Customer + " could not be written to " + r.spec.Dir, Help: "most often the disk is full: make room, and publish again", Err: err}
	}
	return err
}

// fill leaves in the new file what was staged and shall be published, and adds ReleaseTable.
func (r *release) fill(ctx context.Context, p warehouse.Handover, names warehouse.Released) error {
	var d Dialect
	made, err := r.relations(ctx, r.c, r.next)
	if err != nil {
		return err
	}
	staged := map[addr.Relation]bool{}
	for _, name := range p.Tables {
		staged[folded(addr.Relation{Schema: name.Schema, Name: name.Name})] = true
	}
	for _, m := range made {
		if key := folded(m.Name); staged[key] && m.Kind == warehouse.Table {
			delete(staged, key)
			continue
		}
		if err := r.c.sendOne(ctx, "drop "+string(m.Kind)+" "+d.Quote(r.Staged(m.Name))); err != nil {
			return err
		}
	}
	for name := range staged {
		return fmt.Errorf("publish %s: no table was staged under that name", name)
	}
	columns, row := warehouse.ReleaseRow(d, "BIGINT", r.spec.Owner, p, names)
	mark := addr.Relation{Database: r.next, Schema: r.spec.Schemas[0], Name: warehouse.ReleaseTable}
	for _, op := range []warehouse.Op{warehouse.CreateTable{Target: mark, Columns: columns}, warehouse.InsertValues{Target: mark, Columns: columns, Rows: [][]any{row}}} {
		stmts, err := d.Render(op)
		if err != nil {
			return err
		}
		for _, s := range stmts {
			if _, err := r.c.Exec(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish lets go of the new file as the warehouse's database, completes it in an isolated
// DuckDB, and gives it the customer's name. The customer's file stays open there until then, so
// that nobody writes to it what would be lost.
func (r *release) finish(ctx context.Context, p warehouse.Handover, stay, strangers []warehouse.Relation) (err error) {
	var d Dialect
	if err := r.c.sendOne(ctx, "force checkpoint "+d.Ident(r.next)); err != nil {
		return err
	}
	if err := r.c.alone(ctx, "detach "+d.Ident(r.next)); err != nil {
		return err
	}
	r.nextOpen = false
	if len(stay)+len(strangers)+len(p.Views) == 0 {
		return r.rename(ctx)
	}
	files := []isolatedFile{{path: r.made(), name: isolatedNext}}
	if r.open {
		files = append(files, isolatedFile{path: r.file, name: isolatedHave, readOnly: true})
	}
	theirs, err := r.c.isolate(ctx, isolation{files: files, use: isolatedNext, spill: r.folder()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, theirs.Close()) }()
	load, err := r.reading(ctx, theirs, stay, strangers)
	if err != nil {
		return err
	}
	if err := r.bring(ctx, theirs, load, p); err != nil {
		return err
	}
	for _, text := range []string{"force checkpoint " + d.Ident(isolatedNext), "use memory.main", "detach " + d.Ident(isolatedNext)} {
		if err := theirs.sendOne(ctx, text); err != nil {
			return err
		}
	}
	return r.rename(ctx)
}

// cargo is what goes from the customer's file into the new one, as statements without the name
// of a database. Tables come with rows.
type cargo struct {
	schemas []string
	tables  []carried
	views   []carried // in the order in which they were made
	rest    []string  // indexes and comments
}

type carried struct {
	warehouse.Relation
	sql      string
	stranger bool
}

// reading finds the statements. What has none, or would lose something, is an error.
func (r *release) reading(ctx context.Context, theirs *conn, stay, strangers []warehouse.Relation) (cargo, error) {
	var out cargo
	if !r.open {
		return out, nil
	}
	var d Dialect
	from := d.Literal(isolatedHave)
	want, foreign := map[addr.Relation]warehouse.Relation{}, map[addr.Relation]bool{}
	for _, s := range strangers {
		foreign[s.Name] = true
	}
	for _, w := range slices.Concat(stay, strangers) {
		want[w.Name] = w
		if !slices.Contains(out.schemas, w.Name.Schema) {
			out.schemas = append(out.schemas, w.Name.Schema)
		}
	}
	ask := func(query string) ([][]string, error) { return theirs.leases().Ask(ctx, query) }
	// What is a stranger's own and cannot be carried over must not get lost.
	others, err := ask("select 'sequence', schema_name, sequence_name from duckdb_sequences() where database_name = " + from +
		" union all select 'macro', schema_name, function_name from duckdb_functions() where not internal and database_name = " + from +
		" union all select 'type', schema_name, type_name from duckdb_types() where not internal and database_name = " + from + " order by all limit 1")
	if err != nil {
		return out, err
	}
	for _, o := range others {
		return out, &warehouse.ForeignError{What: fmt.Sprintf("%s %s.%s in %s", o[0], o[1], o[2], r.file)}
	}
	described := func(kind, name, column, text string) string {
		if text == "" {
			return ""
		}
		if column != "" {
			kind, name = "column", name+"."+d.Ident(column)
		}
		return "comment on " + kind + " " + name + " is " + d.Literal(text)
	}
	rows, err := ask("select 'table', schema_name, table_name, sql, comment from duckdb_tables() where not internal and database_name = " + from +
		" union all (select 'view', schema_name, view_name, sql, comment from duckdb_views() where not internal and database_name = " + from + " order by view_oid)")
	if err != nil {
		return out, err
	}
	for _, row := range rows {
		name := addr.Relation{Schema: row[1], Name: row[2]}
		w, ok := want[name]
		if !ok {
			continue
		}
		one := carried{Relation: w, sql: row[3], stranger: foreign[name]}
		if row[0] == "view" {
			out.views = append(out.views, one)
		} else {
			out.tables = append(out.tables, one)
		}
		out.rest = append(out.rest, described(row[0], d.Quote(name), "", row[4]))
	}
	rows, err = ask("select schema_name, table_name, sql, comment, index_name from duckdb_indexes() where sql is not null and database_name = " + from)
	if err != nil {
		return out, err
	}
	for _, row := range rows {
		if _, ok := want[addr.Relation{Schema: row[0], Name: row[1]}]; ok {
			out.rest = append(out.rest, row[2], described("index", d.Quote(addr.Relation{Schema: row[0], Name: row[4]}), "", row[3]))
		}
	}
	rows, err = ask("select schema_name, table_name, column_name, comment from duckdb_columns() where comment is not null and not internal and database_name = " + from)
	if err != nil {
		return out, err
	}
	for _, row := range rows {
		name := addr.Relation{Schema: row[0], Name: row[1]}
		if _, ok := want[name]; ok {
			out.rest = append(out.rest, described("", d.Quote(name), row[2], row[3]))
		}
	}
	out.rest = slices.DeleteFunc(out.rest, func(s string) bool { return s == "" })
	return out, nil
}

// bring carries over what stays, and makes the views, in an isolated DuckDB. The release's own
// tables are made as the engine made them, from their rows.
func (r *release) bring(ctx context.Context, theirs *conn, load cargo, p warehouse.Handover) error {
	var d Dialect
	exec := func(text string) error { return theirs.sendOne(ctx, text) }
	for _, schema := range load.schemas {
		if err := exec("create schema if not exists " + d.Ident(schema)); err != nil {
			return err
		}
	}
	for _, t := range load.tables {
		from := t.Name
		from.Database = isolatedHave
		make := []string{"create table " + d.Quote(t.Name) + " as select * from " + d.Quote(from)}
		if t.stranger {
			make = []string{t.sql, "insert into " + d.Quote(t.Name) + " select * from " + d.Quote(from)}
		}
		for _, text := range make {
			if err := exec(text); err != nil {
				return fmt.Errorf("carry %s over: %w", t.Name, err)
			}
		}
	}
	// Views that stay may read those that are new, and the other way round.
	var views []carried
	for _, v := range load.views {
		if !v.stranger {
			views = append(views, v)
		}
	}
	for _, v := range p.Views {
		name := addr.Relation{Schema: v.Name.Schema, Name: v.Name.Name}
		stmts, err := d.Render(warehouse.CreateViewAs{Target: name, Query: v.Query})
		if err != nil {
			return err
		}
		for _, s := range stmts {
			views = append(views, carried{Relation: warehouse.Relation{Name: name, Kind: warehouse.View}, sql: s.SQL})
		}
	}
	for _, v := range load.views {
		if v.stranger {
			views = append(views, v)
		}
	}
	for len(views) > 0 {
		var left []carried
		var failed error
		for _, v := range views {
			if err := exec(v.sql); err != nil {
				if ctx.Err() != nil {
					return err
				}
				left = append(left, v)
				if failed == nil {
					failed = r.refused(v, p, err)
				}
			}
		}
		if len(left) == len(views) {
			return failed
		}
		views = left
	}
	for _, text := range load.rest {
		if err := exec(text); err != nil {
			return err
		}
	}
	return nil
}

// refused words that a view cannot be made any more.
func (r *release) refused(v carried, p warehouse.Handover, err error) error {
	if !v.stranger {
		return fmt.Errorf("make view %s: %w", v.Name, err)
	}
	of := v.Name
	for _, t := range p.Tables {
		if strings.Contains(strings.ToLower(v.sql), strings.ToLower(t.Name)) {
			of = addr.Relation{Schema: t.Schema, Name: t.Name}
			break
		}
	}
	return &warehouse.DependentError{Dependent: warehouse.Dependent{Of: of, Relation: v.Name, Kind: v.Kind, What: "view " + v.Name.String()},
		Reason: Dialect{}.Explain(err).Message, Help: "change or drop the view in " + r.file + ", or keep the columns that it reads; nothing was changed", Err: err}
}

// rename writes the new file to the disk as a whole and lets it take the customer's name. It
// has the rights that the old one had, and at first those of nobody but the engine.
func (r *release) rename(ctx context.Context) error {
	next := r.made()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stopped: %w", err)
	}
	if log, err := os.Lstat(next + logEnd); err == nil {
		return fmt.Errorf("DuckDB did not write all of %s: %d bytes of its log are left", next, log.Size())
	}
	switch old, err := os.Lstat(r.file); {
	case err == nil:
		err = likeOld(next, old, 0o666)
		if err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Chmod(next, 0o600); err != nil {
			return fmt.Errorf("publish %s: %w", r.file, err)
		}
	default:
		return fileOptions(r.file).fileError(err)
	}
	if err := toDisk(next); err != nil {
		return err
	}
	made, err := os.Lstat(next)
	if err != nil {
		return fmt.Errorf("publish %s: %w", r.file, err)
	}
	if err := os.Rename(next, r.file); err != nil {
		return fmt.Errorf("publish %s: %w", r.file, err)
	}
	r.published, r.renamed = true, made
	// From here on the customer has the new file, whatever happens.
	ctx = context.WithoutCancel(ctx)
	if err := toDisk(r.spec.Dir); err != nil {
		return err
	}
	r.known = false
	if err := errors.Join(r.lookedAt(), r.detach(ctx)); err != nil {
		return fmt.Errorf("%s is published; let go of the old file: %w", r.file, err)
	}
	if err := r.attach(ctx); err != nil {
		return fmt.Errorf("%s is published; read it: %w", r.file, err)
	}
	return nil
}

// toDisk makes sure that a file, or the names in a folder, outlive a loss of power.
func toDisk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("write %s to the disk: %w", path, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write %s to the disk: %w", path, err)
	}
	return nil
}

// Close lets go of both files and removes the new one if it was not published.
func (r *release) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	if r.nextOpen {
		r.nextOpen = false
		errs = append(errs, r.c.alone(ctx, "detach database if exists "+Dialect{}.Ident(r.next)))
	}
	errs = append(errs, r.lookedAt(), r.detach(ctx))
	if r.file != "" {
		errs = append(errs, removeFolder(r.folder()))
	}
	return errors.Join(errs...)
}
