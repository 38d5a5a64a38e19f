package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// outlet is a target with a folder of customers' files.
type outlet struct {
	*testing.T
	c    *conn
	spec warehouse.ReleaseSpec
}

func newOutlet(t *testing.T, fields map[string]string) *outlet {
	t.Helper()
	c, err := Driver{}.Open(context.Background(), warehouse.Config{Dir: t.TempDir(), Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	o := &outlet{T: t, c: c.(*conn)}
	at, err := o.c.Workshop(context.Background(), "shop", "dw__publish")
	if err != nil {
		t.Fatal(err)
	}
	o.spec = warehouse.ReleaseSpec{Owner: "shop", Customer: "acme", Schemas: []string{"dw_acme", "dw_acme_v2"}, Workshop: at, Dir: filepath.Join(t.TempDir(), "customers")}
	return o
}

func (o *outlet) do(c *conn, sql string) {
	o.Helper()
	if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: sql, BodyEnd: len(sql)}); err != nil {
		o.Fatalf("%s: %v", sql, err)
	}
}

func (o *outlet) rows(c *conn, sql string) string {
	o.Helper()
	rows, err := c.leases().Ask(context.Background(), sql)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(rows)
}

func (o *outlet) release(n int, p warehouse.Handover, made ...string) error {
	o.Helper()
	ctx := context.Background()
	r, err := o.c.OpenRelease(ctx, o.spec)
	if err != nil {
		return err
	}
	for _, name := range made {
		final := addr.Relation{Schema: "dw_acme", Name: name}
		o.do(o.c, fmt.Sprintf("create table %s as select %d as n", Dialect{}.Quote(r.Staged(final)), n))
		p.Tables = append(p.Tables, final)
	}
	p.Run, p.At = fmt.Sprint("r", n), time.Unix(0, 0)
	_, err = r.Publish(ctx, p)
	return errors.Join(err, r.Close(ctx))
}

func (o *outlet) must(n int, p warehouse.Handover, made ...string) {
	o.Helper()
	if err := o.release(n, p, made...); err != nil {
		o.Fatal(err)
	}
}

func (o *outlet) file() string { return filepath.Join(o.spec.Dir, o.spec.Customer+".duckdb") }

// files lists the customers' folder.
func (o *outlet) files() []string {
	o.Helper()
	found, err := os.ReadDir(o.spec.Dir)
	if err != nil {
		o.Fatal(err)
	}
	var out []string
	for _, f := range found {
		out = append(out, f.Name())
	}
	return out
}

func (o *outlet) equal(what, want, got string) {
	o.Helper()
	if d := cmp.Diff(want, got); d != "" {
		o.Errorf("%s:\n%s", what, d)
	}
}

// TestReleaseFile: the file alone has all, whatever it is called and whatever the warehouse
// has under the same names.
func TestReleaseFile(t *testing.T) {
	for name, fields := range map[string]map[string]string{"file": nil, "memory": {"path": memory}} {
		t.Run(name, func(t *testing.T) {
			o := newOutlet(t, fields)
			o.do(o.c, "create schema dw_acme; create table dw_acme.t as select 'the warehouse' as n; create table dw_acme.u as select 'the warehouse' as n")
			r, err := o.c.OpenRelease(context.Background(), o.spec)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.rows(o.c, "select n from "+Dialect{}.Quote(r.Published(addr.Relation{Schema: "dw_acme", Name: "t"}))); strings.Contains(got, "the warehouse") {
				t.Errorf("before the first release %s is published", got)
			}
			if err := r.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			view := warehouse.SliceView{Name: addr.Relation{Schema: "dw_acme_v2", Name: "t"}, Query: "select n as old from dw_acme.t where n is not null"}
			o.must(1, warehouse.Handover{Views: []warehouse.SliceView{view}}, "t", "u")
			o.must(2, warehouse.Handover{}, "u")
			if d := cmp.Diff([]string{"acme.duckdb"}, o.files()); d != "" {
				t.Errorf("files:\n%s", d)
			}
			moved := filepath.Join(o.spec.Dir, "elsewhere.duckdb")
			if err := os.Rename(o.file(), moved); err != nil {
				t.Fatal(err)
			}
			c := customer(t, o.spec.Dir, "elsewhere", false).(*conn)
			defer c.Close()
			o.equal("view", "[[1]]", o.rows(c, "select old from dw_acme_v2.t"))
			o.equal("table", "[[2]]", o.rows(c, "select n from dw_acme.u"))
			o.equal("the connection", "[[the warehouse]]", o.rows(o.c, "select n from dw_acme.t"))
		})
	}
}

// TestReleaseCarries: what stays has its keys, indexes, comments, defaults and order; what is
// a stranger's and would be lost stops the release.
func TestReleaseCarries(t *testing.T) {
	o := newOutlet(t, nil)
	o.must(1, warehouse.Handover{}, "t")
	theirs := customer(t, o.spec.Dir, "acme", true).(*conn)
	o.do(theirs, `create schema mine; create table mine."odd ""name" (i integer primary key, s varchar not null default 'x', check (i > 0));
create index by_s on mine."odd ""name" (s); comment on table mine."odd ""name" is 'it''s'; comment on column mine."odd ""name".s is 'word';
insert into mine."odd ""name" (i) values (3), (1), (2); create view mine.a as select n from dw_acme.t; create view mine.b as select n + 1 as n from mine.a; comment on view mine.b is 'theirs'`)
	const shape = `select string_agg(x, '; ' order by x) from (select sql || coalesce(comment, '') as x from duckdb_tables() where schema_name = 'mine' and database_name = current_database()
union all select sql from duckdb_indexes() where database_name = current_database() union all select comment from duckdb_columns() where comment is not null and database_name = current_database()
union all select sql || coalesce(comment, '') from duckdb_views() where not internal and database_name = current_database())`
	before := o.rows(theirs, shape)
	if !strings.Contains(before, "PRIMARY KEY") || !strings.Contains(before, "it's") || !strings.Contains(before, "word") || !strings.Contains(before, "by_s") {
		t.Fatalf("the file has %s", before)
	}
	theirs.Close()
	o.must(2, warehouse.Handover{}, "t")
	theirs = customer(t, o.spec.Dir, "acme", true).(*conn)
	o.equal("shape", before, o.rows(theirs, shape))
	o.equal("rows", "[[3 x] [1 x] [2 x]]", o.rows(theirs, `select i, s from mine."odd ""name"`))
	o.equal("views", "[[3]]", o.rows(theirs, "select n from mine.b"))
	o.do(theirs, "create macro mine.twice(x) as 2 * x")
	theirs.Close()
	var foreign *warehouse.ForeignError
	if err := o.release(3, warehouse.Handover{}, "t"); !errors.As(err, &foreign) || !strings.Contains(foreign.What, "macro mine.twice") {
		t.Errorf("a macro gives %v", err)
	}
	theirs = customer(t, o.spec.Dir, "acme", true).(*conn)
	o.equal("unchanged", "[[2]]", o.rows(theirs, "select n from dw_acme.t"))
	o.do(theirs, "drop macro mine.twice")
	theirs.Close()
	// A stranger's view that reads what goes.
	var dependent *warehouse.DependentError
	err := o.release(4, warehouse.Handover{Drop: []warehouse.Relation{{Name: addr.Relation{Schema: "dw_acme", Name: "t"}, Kind: warehouse.Table}}}, "u")
	if !errors.As(err, &dependent) || dependent.Dependent.Relation.Schema != "mine" {
		t.Errorf("a view without its table gives %v", err)
	}
}

// TestReleaseForeignFile: a file that is not the engine's is left as it is.
func TestReleaseForeignFile(t *testing.T) {
	o := newOutlet(t, nil)
	if err := os.MkdirAll(o.spec.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var foreign *warehouse.ForeignError
	refused := func(what string) {
		t.Helper()
		before, err := os.ReadFile(o.file())
		if err != nil {
			t.Fatal(err)
		}
		if err := o.release(1, warehouse.Handover{}, "t"); !errors.As(err, &foreign) || !strings.Contains(foreign.What, o.file()) {
			t.Errorf("%s gives %v", what, err)
		}
		after, err := os.ReadFile(o.file())
		if err != nil || !slices.Equal(before, after) {
			t.Errorf("%s: the file was changed, %v", what, err)
		}
	}
	if err := os.WriteFile(o.file(), []byte("SQLite format 3\x00 and more of that"), 0o666); err != nil {
		t.Fatal(err)
	}
	refused("another program's file")
	if err := os.Remove(o.file()); err != nil {
		t.Fatal(err)
	}
	theirs := customer(t, o.spec.Dir, "acme", true).(*conn)
	o.do(theirs, "create schema dw_acme; create table dw_acme.t as select 1 as n")
	theirs.Close()
	refused("a database without a release")
	for _, name := range []string{"", "Acme", "../acme", "a.b", "a'b", "1a"} {
		spec := o.spec
		spec.Customer = name
		if _, err := o.c.OpenRelease(context.Background(), spec); err == nil {
			t.Errorf("customer %q has a file", name)
		}
	}
	for _, p := range []warehouse.Handover{{Readers: []string{"bi"}}, {RowPolicies: []warehouse.RowPolicy{{}}}, {Views: []warehouse.SliceView{{Reads: []addr.Relation{{}}}}}} {
		spec := o.spec
		spec.Customer = "other"
		r, err := o.c.OpenRelease(context.Background(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Publish(context.Background(), p); !errors.Is(err, warehouse.ErrUnsupported) {
			t.Errorf("%+v gives %v", p, err)
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// TestReleaseBusy: who has the file open for reading keeps what it has, and who writes it
// keeps releases away.
func TestReleaseBusy(t *testing.T) {
	o := newOutlet(t, nil)
	o.must(1, warehouse.Handover{}, "t")
	reader := customer(t, o.spec.Dir, "acme", false).(*conn)
	defer reader.Close()
	o.must(2, warehouse.Handover{}, "t")
	o.equal("an open file", "[[1]]", o.rows(reader, "select n from dw_acme.t"))
	r, err := o.c.OpenRelease(context.Background(), o.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	o.equal("published", "[[2]]", o.rows(o.c, "select n from "+Dialect{}.Quote(r.Published(addr.Relation{Schema: "dw_acme", Name: "t"}))))
	if _, err := o.c.OpenRelease(context.Background(), o.spec); err == nil {
		t.Error("two releases of one customer are open")
	}
}

// TestReleaseKilled: a process that dies at any moment leaves the old or the new file, and what
// it leaves beside is removed by the next release.
func TestReleaseKilled(t *testing.T) {
	if dir := os.Getenv("ENGINE_TEST_RELEASE"); dir != "" {
		o := &outlet{T: t}
		c, err := Driver{}.Open(context.Background(), warehouse.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		o.c = c.(*conn)
		o.spec = warehouse.ReleaseSpec{Owner: "shop", Customer: "acme", Schemas: []string{"dw_acme"}, Dir: filepath.Join(dir, "customers")}
		fmt.Println("ready")
		for n := 1; ; n++ {
			o.must(n, warehouse.Handover{}, "t", "u")
		}
	}
	o := newOutlet(t, nil)
	dir := t.TempDir()
	o.spec.Dir = filepath.Join(dir, "customers")
	o.must(0, warehouse.Handover{}, "t", "u", "stays")
	left := 0
	for i := range 12 {
		child := exec.Command(os.Args[0], "-test.run=^TestReleaseKilled$")
		child.Env = append(os.Environ(), "ENGINE_TEST_RELEASE="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		word := make([]byte, len("ready"))
		if _, err := out.Read(word); err != nil || string(word) != "ready" {
			t.Fatalf("the child says %q, %v", word, err)
		}
		time.Sleep(time.Duration(20+13*i) * time.Millisecond)
		_ = child.Process.Kill()
		_ = child.Wait()
		if len(o.files()) > 1 {
			left++
		}
		c := customer(t, o.spec.Dir, "acme", false).(*conn)
		got := o.rows(c, "select t.n = u.n and r.run_id = 'r' || t.n and s.n = 0 from dw_acme.t, dw_acme.u, dw_acme.stays as s, dw_acme._engine_release as r")
		c.Close()
		o.equal(fmt.Sprintf("kill %d", i), "[[true]]", got)
	}
	if left == 0 {
		t.Error("no release was interrupted")
	}
	o.must(1000, warehouse.Handover{}, "t")
	if d := cmp.Diff([]string{"acme.duckdb"}, o.files()); d != "" {
		t.Errorf("files:\n%s", d)
	}
}

// TestReleaseLog: what a program that died has left in the file's log is not lost, and is not
// taken for the log of the next file.
func TestReleaseLog(t *testing.T) {
	if dir := os.Getenv("ENGINE_TEST_RELEASE_LOG"); dir != "" {
		o := &outlet{T: t}
		o.do(customer(t, dir, "acme", true).(*conn), "create schema mine; create table mine.late as select 5 as n")
		fmt.Println("ready")
		time.Sleep(time.Minute)
		return
	}
	o := newOutlet(t, nil)
	o.must(1, warehouse.Handover{}, "t", "u")
	child := exec.Command(os.Args[0], "-test.run=^TestReleaseLog$")
	child.Env = append(os.Environ(), "ENGINE_TEST_RELEASE_LOG="+o.spec.Dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, len("ready"))
	if _, err := out.Read(word); err != nil || string(word) != "ready" {
		t.Fatalf("the child says %q, %v", word, err)
	}
	var busy *warehouse.BusyError
	if err := o.release(2, warehouse.Handover{}, "t"); !errors.As(err, &busy) {
		t.Errorf("a file that is written gives %v", err)
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	if d := cmp.Diff([]string{"acme.duckdb", "acme.duckdb.wal"}, o.files()); d != "" {
		t.Fatalf("files:\n%s", d)
	}
	o.must(3, warehouse.Handover{}, "t")
	if d := cmp.Diff([]string{"acme.duckdb"}, o.files()); d != "" {
		t.Errorf("files:\n%s", d)
	}
	c := customer(t, o.spec.Dir, "acme", false).(*conn)
	defer c.Close()
	o.equal("rows", "[[3 1 5]]", o.rows(c, "select t.n, u.n, l.n from dw_acme.t, dw_acme.u, mine.late as l"))
}

// TestReleaseExport: the folder has all files of one release, views included, and takes the
// place of the last one at once.
func TestReleaseExport(t *testing.T) {
	o := newOutlet(t, nil)
	ctx := context.Background()
	folder := filepath.Join(o.spec.Dir, "acme.parquet")
	o.do(o.c, "create schema dw_acme; create table dw_acme.t as select 'the warehouse' as n")
	view := warehouse.SliceView{Name: addr.Relation{Schema: "dw_acme_v2", Name: "t"}, Query: "select n as old from dw_acme.t"}
	for n := range 4 {
		o.must(n, warehouse.Handover{Views: []warehouse.SliceView{view}}, "t", "u/..")
		r, err := o.c.OpenRelease(ctx, o.spec)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.(warehouse.Exporter).Export(ctx, folder); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(ctx); err != nil {
			t.Fatal(err)
		}
		o.equal("rows", fmt.Sprintf("[[%[1]d %[1]d %[1]d r%[1]d]]", n), o.rows(o.c, fmt.Sprintf("select t.n, u.n, v.old, r.run_id from '%[1]s/dw_acme/t.parquet' as t, '%[1]s/dw_acme/u%%2F...parquet' as u, '%[1]s/dw_acme_v2/t.parquet' as v, '%[1]s/dw_acme/_engine_release.parquet' as r", folder)))
	}
	if d := cmp.Diff([]string{"acme.duckdb", "acme.parquet", "acme.parquet.b"}, o.files()); d != "" {
		t.Errorf("files:\n%s", d)
	}
	var foreign *warehouse.ForeignError
	r, err := o.c.OpenRelease(ctx, o.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(ctx)
	if err := r.(warehouse.Exporter).Export(ctx, o.file()); !errors.As(err, &foreign) {
		t.Errorf("an export over a file gives %v", err)
	}
	if err := os.MkdirAll(filepath.Join(o.spec.Dir, "other.parquet.a", "theirs"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := r.(warehouse.Exporter).Export(ctx, filepath.Join(o.spec.Dir, "other.parquet")); !errors.As(err, &foreign) {
		t.Errorf("an export over a folder gives %v", err)
	}
	if err := r.(warehouse.Exporter).Export(ctx, "here"); err == nil {
		t.Error("an export has no place")
	}
	for _, name := range []string{"acme.parquet", "other.parquet", "acme.duckdb", "nothing"} {
		if err := r.(warehouse.Exporter).Unexport(filepath.Join(o.spec.Dir, name)); err != nil {
			t.Errorf("remove the export %s: %v", name, err)
		}
	}
	left := slices.DeleteFunc(o.files(), func(name string) bool { return strings.HasPrefix(name, "acme.duckdb.") })
	if d := cmp.Diff([]string{"acme.duckdb", "other.parquet.a"}, left); d != "" {
		t.Errorf("files without the export:\n%s", d)
	}
}

// TestReleaseMany: customers are published side by side.
func TestReleaseMany(t *testing.T) {
	o := newOutlet(t, nil)
	ctx := context.Background()
	o.do(o.c, "create table "+o.spec.Workshop.Database+".dw__publish.all_rows as select i // 100 as c, i from range(0, 800) as r(i)")
	var wait sync.WaitGroup
	for c := range 8 {
		wait.Go(func() {
			spec := o.spec
			spec.Customer = fmt.Sprint("c", c)
			for n := range 3 {
				r, err := o.c.OpenRelease(ctx, spec)
				if err != nil {
					t.Error(err)
					return
				}
				p := warehouse.Handover{Run: fmt.Sprint("r", n), At: time.Unix(0, 0)}
				for m := range 5 {
					final := addr.Relation{Schema: "dw_acme", Name: fmt.Sprint("t", m)}
					p.Tables = append(p.Tables, final)
					text := fmt.Sprintf("create table %s as select %d as n, i from %s.dw__publish.all_rows where c = %d", Dialect{}.Quote(r.Staged(final)), n, spec.Workshop.Database, c)
					if _, err := o.c.Exec(ctx, warehouse.Statement{SQL: text}); err != nil {
						t.Error(err)
					}
				}
				if _, _, err := r.Have(ctx); err != nil {
					t.Error(err)
				}
				if _, err := r.Publish(ctx, p); err != nil {
					t.Error(err)
				}
				if err := r.Close(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	for c := range 8 {
		db := customer(t, o.spec.Dir, fmt.Sprint("c", c), false).(*conn)
		o.equal("rows", fmt.Sprintf("[[100 %d %d 2]]", c*100, c*100+99), o.rows(db, "select count(*), min(i), max(i), max(n) from dw_acme.t4"))
		db.Close()
	}
	if err := o.c.CloseWorkshop(ctx, o.spec.Workshop); err != nil {
		t.Fatal(err)
	}
	path, err := o.c.ownPath(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path + workshopEnd); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the workshop's file is left: %v", err)
	}
}

// TestReleaseInTheWay: what is in the place of a customer's file is named for what it is, at once,
// and left alone.
func TestReleaseInTheWay(t *testing.T) {
	o := newOutlet(t, nil)
	var opened *warehouse.OpenError
	var foreign *warehouse.ForeignError
	o.must(1, warehouse.Handover{}, "t")
	o.do(o.c, "create table big as select i, md5(i::varchar) as s from range(200000) x(i)")
	r, err := o.c.OpenRelease(context.Background(), o.spec)
	if err != nil {
		t.Fatal(err)
	}
	big := addr.Relation{Schema: "dw_acme", Name: "big"}
	o.do(o.c, "create table "+Dialect{}.Quote(r.Staged(big))+" as from big")
	if _, err := r.Publish(context.Background(), warehouse.Handover{Tables: []addr.Relation{big}, Run: "r", At: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{20_000, 100_000, 300_000, 1_000_000} {
		whole, err := os.ReadFile(o.file())
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(whole)) <= size {
			t.Fatalf("the file has %d bytes only", len(whole))
		}
		damaged := filepath.Join(t.TempDir(), "acme.duckdb")
		if err := os.WriteFile(damaged, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		spec := o.spec
		spec.Dir = filepath.Dir(damaged)
		if _, err := o.c.OpenRelease(context.Background(), spec); !errors.As(err, &opened) || !strings.Contains(err.Error(), damaged+" is damaged") || !strings.Contains(opened.Help, "move it away") {
			t.Errorf("cut at %d: %v", size, err)
		}
	}
	spec := o.spec
	spec.Customer = "folder"
	if err := os.Mkdir(fileOf(spec), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := o.c.OpenRelease(context.Background(), spec); !errors.As(err, &foreign) || foreign.Help != moveAway || !strings.Contains(foreign.What, "the folder ") {
		t.Errorf("a folder: %v", err)
	}
}

// TestReleaseOwnFile: a customer's file is never the warehouse's.
func TestReleaseOwnFile(t *testing.T) {
	dir := t.TempDir()
	target, err := Driver{}.Open(context.Background(), warehouse.Config{Dir: dir, Fields: map[string]string{"path": "engine.duckdb"}})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	c := target.(*conn)
	spec := warehouse.ReleaseSpec{Owner: "p/dev", Customer: "engine", Schemas: []string{"dw_engine"}, Dir: dir}
	var opened *warehouse.OpenError
	if _, err := c.OpenRelease(context.Background(), spec); !errors.As(err, &opened) || !strings.Contains(err.Error(), "the warehouse's own") {
		t.Errorf("%v", err)
	}
	if stock, err := c.Stock(context.Background(), []warehouse.ReleaseSpec{spec}); err != nil || len(stock) != 0 {
		t.Errorf("%v, %v", stock, err)
	}
}

// TestUnwritable: a target that can be read and not written says so in words of its own.
func TestUnwritable(t *testing.T) {
	for text, want := range map[string]string{
		`TransactionContext Error: Failed to commit: Could not write file "/d/engine.duckdb.wal": No space left on device`: "the disk of /d/engine.duckdb is full",
		`IO Error: Cannot open file "/d/engine.duckdb.wal": Permission denied`:                                             "the folder of /d/engine.duckdb may not be written",
		`IO Error: Cannot open file "/d/engine.duckdb.wal": Read-only file system`:                                         "/d/engine.duckdb is on a disk that is mounted read-only",
		`IO Error: Could not write all bytes to file: No space left on device`:                                             "the disk of the target's file is full",
	} {
		var e *warehouse.OpenError
		if err := unwritable(wrap(context.Background(), warehouse.Statement{}, errors.New(text))); !errors.As(err, &e) || e.Reason != want || e.Help == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
	r := &release{spec: warehouse.ReleaseSpec{Customer: "cola", Dir: "/d/customers"}}
	for text, want := range map[string]string{
		`IO Error: Could not write all bytes to file "/d/customers/x": No space left on device`:                                       "the disk of /d/customers is full",
		`IO Error: Checkpoint failed for database "_engine_next__cola_10". The database has been invalidated, and has to be reopened`: "the new file of customer cola could not be written to /d/customers",
	} {
		var e *warehouse.OpenError
		if err := r.unwritten(wrap(context.Background(), warehouse.Statement{}, errors.New(text))); !errors.As(err, &e) || e.Reason != want || e.Help == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
	if other := errors.New("another error"); r.unwritten(other) != other {
		t.Error("another error was reworded")
	}
	held := &warehouse.HeldError{}
	if err := unwritable(held); err != error(held) {
		t.Errorf("%v", err)
	}
}
