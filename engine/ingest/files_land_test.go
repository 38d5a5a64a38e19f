package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

func value(s string) project.Value[string] { return project.Value[string]{V: s} }

// filesAt is a source of the CSV files of dir.
func filesAt(mode string, change ...func(*project.Source)) Wanted {
	s := &project.Source{SourceName: value("raw"), Table: value("t"), Ingest: &project.Ingest{
		Kind: value(project.IngestFiles), Table: value("t"), All: true,
		Files: project.Files{Path: []project.Value[string]{value("data/*.csv")}, Mode: value(mode)},
		Drift: project.Drift{NewColumn: value(project.DriftReport), RemovedColumn: value(project.DriftFail), TypeChange: value(project.DriftFail), NewTable: value(project.DriftIgnore)},
	}}
	for _, f := range change {
		f(s)
	}
	return Wanted{Node: addr.Node{Kind: addr.Source, Name: "raw.t"}, Source: s, Into: addr.Relation{Schema: "raw", Name: "t"}}
}

func openDuckDB(t *testing.T) warehouse.Conn {
	t.Helper()
	c, err := duckdb.Driver{}.Open(t.Context(), warehouse.Config{Dir: t.TempDir(), Fields: map[string]string{"path": "x.duckdb"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// landFiles ingests once.
func landFiles(ctx context.Context, conn warehouse.Conn, dir string, w Wanted, full bool) (Result, error) {
	r := Request{Name: "raw", Tables: []Wanted{w}, Target: conn, To: conn.Dialect(), Dir: dir, Work: filepath.Join(dir, "target"), Run: "r", Jobs: 1, Now: time.Now, Full: full}
	s, err := Files{}.Open(ctx, r)
	if err != nil {
		return Result{}, err
	}
	defer s.Close()
	p, found := Make(r, project.IngestFiles, s.Remote(), r.To)
	if found.HasErrors() {
		return Result{}, found[0]
	}
	if err := Prepare(ctx, r); err != nil {
		return Result{}, err
	}
	res := s.Apply(ctx, p, nil)[0]
	if res.Failed {
		return res, res.Diags[len(res.Diags)-1]
	}
	return res, nil
}

// contents are the rows of the table, as text.
func contents(t *testing.T, conn warehouse.Conn, query string) string {
	t.Helper()
	rows, err := conn.Query(context.Background(), warehouse.Statement{SQL: query})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out strings.Builder
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, values...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// errKilled is what a connection says once its process is gone.
var errKilled = errors.New("killed")

// mortal is a connection that dies when so many statements were sent: from then on nothing
// goes through, and what is not committed is lost.
type mortal struct {
	warehouse.Conn
	left *int
}

func (m mortal) dead() error {
	if *m.left--; *m.left < 0 {
		return errKilled
	}
	return nil
}

func (m mortal) Exec(ctx context.Context, s warehouse.Statement) (warehouse.JobStats, error) {
	if err := m.dead(); err != nil {
		return warehouse.JobStats{}, err
	}
	return m.Conn.Exec(ctx, s)
}

func (m mortal) Load(ctx context.Context, rel addr.Relation, columns []warehouse.Column, f warehouse.File) (warehouse.JobStats, error) {
	if err := m.dead(); err != nil {
		return warehouse.JobStats{}, err
	}
	return m.Conn.(warehouse.Loader).Load(ctx, rel, columns, f)
}

func (m mortal) Sniff(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error) {
	return m.Conn.(warehouse.Sniffer).Sniff(ctx, f, known...)
}

// transacting is one whose transactions die, too.
type transacting struct{ mortal }

func (m transacting) Begin(ctx context.Context) (warehouse.Tx, error) {
	if err := m.dead(); err != nil {
		return nil, err
	}
	tx, err := m.Conn.(warehouse.Transactor).Begin(ctx)
	return mortalTx{mortal{tx, m.left}, tx}, err
}

type mortalTx struct {
	mortal
	tx warehouse.Tx
}

func (m mortalTx) Commit(ctx context.Context) error {
	if err := m.dead(); err != nil {
		return err
	}
	return m.tx.Commit(ctx)
}
func (m mortalTx) Rollback(ctx context.Context) error { return m.tx.Rollback(ctx) }

// stepwise is one without transactions.
type stepwise struct{ mortal }

func (m stepwise) Dialect() warehouse.Dialect { return plainDialect{m.Conn.Dialect()} }

type plainDialect struct{ warehouse.Dialect }

func (d plainDialect) Caps() warehouse.Caps {
	caps := d.Dialect.Caps()
	caps.TransactionalDDL = false
	return caps
}

// TestFilesSurviveDeath kills the run at each of its statements. The run after it makes what
// one run would have made: no row is lost, and none is there twice.
func TestFilesSurviveDeath(t *testing.T) {
	for _, mode := range []string{project.FilesReplace, project.FilesAppend} {
		for _, transactions := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, transactions %v", mode, transactions), func(t *testing.T) {
				conn, dir := openDuckDB(t), t.TempDir()
				w := filesAt(mode)
				deaths := 0
				for after := 0; ; after++ {
					if after > 200 {
						t.Fatal("the run never ends")
					}
					if _, err := conn.Exec(t.Context(), warehouse.Statement{SQL: "drop schema if exists raw cascade; drop schema if exists _engine cascade"}); err != nil {
						t.Fatal(err)
					}
					if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
						t.Fatal(err)
					}
					put(t, dir, "data/a.csv", "id,v\n1,x\n2,y\n")
					put(t, dir, "data/b.csv", "id,v\n3,z\n")
					if _, err := landFiles(t.Context(), conn, dir, w, false); err != nil {
						t.Fatal(err)
					}
					put(t, dir, "data/a.csv", "id,v\n1,x2\n")
					put(t, dir, "data/c.csv", "id,v\n4,w\n")
					left := after
					var dying warehouse.Conn = transacting{mortal{conn, &left}}
					if !transactions {
						dying = stepwise{mortal{conn, &left}}
					}
					_, err := landFiles(t.Context(), dying, dir, w, false)
					if err == nil && left >= 0 {
						break // it got through
					}
					deaths++
					if transactions {
						switch got := contents(t, conn, "select id, v from raw.t order by 1, 2"); got {
						case "1 x\n2 y\n3 z\n", "1 x2\n3 z\n4 w\n":
						default:
							t.Fatalf("after %d statements readers see\n%s", after, got)
						}
					}
					// Half of the times somebody has put the files back by then.
					rows, files := "1 x2\n3 z\n4 w\n", "data/a.csv 1\ndata/b.csv 1\ndata/c.csv 1\n"
					if after%2 == 1 && mode == project.FilesReplace {
						put(t, dir, "data/a.csv", "id,v\n1,x\n2,y\n")
						if err := os.Remove(filepath.Join(dir, "data", "c.csv")); err != nil {
							t.Fatal(err)
						}
						rows, files = "1 x\n2 y\n3 z\n", "data/a.csv 2\ndata/b.csv 1\n"
					}
					if _, err := landFiles(t.Context(), conn, dir, w, false); err != nil {
						t.Fatalf("after %d statements: %v", after, err)
					}
					if diff := cmp.Diff(rows, contents(t, conn, "select id, v from raw.t order by 1, 2")); diff != "" {
						t.Fatalf("after %d statements: -want +got\n%s", after, diff)
					}
					if diff := cmp.Diff(files, contents(t, conn, "select file, rows from _engine.ingested_files order by 1")); diff != "" {
						t.Fatalf("after %d statements: records: -want +got\n%s", after, diff)
					}
					if diff := cmp.Diff("t\n", contents(t, conn, "select table_name from duckdb_tables() where schema_name = 'raw'")); diff != "" {
						t.Fatalf("after %d statements: left over: -want +got\n%s", after, diff)
					}
				}
				if deaths < 5 {
					t.Errorf("the run died %d times only", deaths)
				}
				res, err := landFiles(t.Context(), conn, dir, w, false)
				if err != nil || res.Mode != ModeNothing {
					t.Errorf("the run after it: %s, %v", res.Mode, err)
				}
			})
		}
	}
}

// TestThousandFiles: many files are one load, and are known again.
func TestThousandFiles(t *testing.T) {
	conn, dir := openDuckDB(t), t.TempDir()
	for i := range 1000 {
		put(t, dir, fmt.Sprintf("data/%04d.csv", i), fmt.Sprintf("id,v\n%d,a\n%d,b\n", 2*i, 2*i+1))
	}
	w := filesAt(project.FilesAppend)
	res, err := landFiles(t.Context(), conn, dir, w, false)
	if err != nil || res.Rows != 2000 || res.Total != 2000 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := contents(t, conn, "select count(*), count(distinct id), count(distinct _file), max(id) from raw.t"); got != "2000 2000 1000 1999\n" {
		t.Error(got)
	}
	put(t, dir, "data/0500.csv", "id,v\n1,c\n")
	if res, err = landFiles(t.Context(), conn, dir, w, false); err != nil || res.Rows != 1 || res.Total != 1999 || res.Mode != ModeNew {
		t.Fatalf("%+v, %v", res, err)
	}
	if res, err = landFiles(t.Context(), conn, dir, w, false); err != nil || res.Mode != ModeNothing {
		t.Fatalf("%+v, %v", res, err)
	}
}

// TestFilesThatDisagree: what one file has and another has not.
func TestFilesThatDisagree(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   string
		change func(*project.Source)
		b      string
		want   string // rows, or «!» and a part of the error
	}{
		{"another order and case", "", nil, "V,ID\nz,3\n", "1 x\n3 z\n"},
		{"a column is missing", "", nil, "id\n3\n", `!data/b.csv: the file has no column "v", as another file has`},
		{"a column is missing and may be", "", func(s *project.Source) { s.Ingest.Drift.RemovedColumn = value(project.DriftNull) }, "id\n3\n", "1 x\n3 <nil>\n"},
		{"a column of both is taken and no more", "", func(s *project.Source) {
			s.Ingest.All, s.Ingest.Columns = false, []project.Value[string]{value("id"), value("v")}
		}, "id,v,more\n3,z,m\n", "1 x\n3 z\n"},
		{"a column that nobody has", "", func(s *project.Source) {
			s.Ingest.All, s.Ingest.Columns = false, []project.Value[string]{value("id"), value("w")}
		}, "id,v\n3,z\n", `!has no column "w"`},
		{"text after numbers", "", nil, "id,v\nx,z\n", "1 x\nx z\n"},
		{"a column that has the name of the bookkeeping", project.FilesAppend, nil, "id,v,_file\n3,z,q\n", `!the files have a column "_file"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, dir := openDuckDB(t), t.TempDir()
			put(t, dir, "data/a.csv", "id,v\n1,x\n")
			put(t, dir, "data/b.csv", c.b)
			w := filesAt(c.mode)
			if c.change != nil {
				c.change(w.Source)
			}
			_, err := landFiles(t.Context(), conn, dir, w, false)
			if want, bad := strings.CutPrefix(c.want, "!"); bad {
				if err == nil {
					t.Fatal("it was taken")
				}
				text := err.Error()
				var d interface{ Unwrap() error }
				if errors.As(err, &d) && d.Unwrap() != nil {
					text += d.Unwrap().Error()
				}
				if !strings.Contains(text, want) {
					t.Errorf("error %q, want %q", text, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, contents(t, conn, "select id, v from raw.t order by id")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestColumnsChangeInAppend: a column that comes, goes or has another type rewrites the
// table, and the rows of files that are gone stay.
func TestColumnsChangeInAppend(t *testing.T) {
	conn, dir := openDuckDB(t), t.TempDir()
	put(t, dir, "data/a.csv", "id,v\n1,x\n")
	w := filesAt(project.FilesAppend)
	if _, err := landFiles(t.Context(), conn, dir, w, false); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "data", "a.csv")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "data/b.csv", "id,more\nn2,true\n")
	res, err := landFiles(t.Context(), conn, dir, w, false)
	if err != nil || res.Mode != ModeNew || res.Total != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	if diff := cmp.Diff("1 <nil> data/a.csv\nn2 true data/b.csv\n", contents(t, conn, "select id, more, _file from raw.t order by id")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// A transform cannot be made up for with rows whose file is gone.
	w.Source.Ingest.Transform = []project.Transform{{Column: value("id"), How: project.TransformHash}}
	if _, err = landFiles(t.Context(), conn, dir, w, false); err == nil || !strings.Contains(errors.Unwrap(err).Error(), "data/a.csv: the file is not there any more") {
		t.Errorf("got %v", err)
	}
	if res, err = landFiles(t.Context(), conn, dir, w, true); err != nil || res.Total != 1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestAppendKeepsTypes: without a lock, the rows of a new file get the types of the table.
func TestAppendKeepsTypes(t *testing.T) {
	conn, dir := openDuckDB(t), t.TempDir()
	put(t, dir, "data/a.csv", "id,v\n1,x\n")
	w := filesAt(project.FilesAppend)
	if _, err := landFiles(t.Context(), conn, dir, w, false); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "data/b.csv", "id,v\n2,1.50\n")
	if res, err := landFiles(t.Context(), conn, dir, w, false); err != nil || res.Mode != ModeNew {
		t.Fatalf("%+v, %v", res, err)
	}
	if diff := cmp.Diff("1 x\n2 1.50\n", contents(t, conn, "select id, v from raw.t order by id")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	put(t, dir, "data/c.csv", "id,v\n2.5,y\n")
	if _, err := landFiles(t.Context(), conn, dir, w, false); err == nil || !strings.Contains(err.Error(), "1 records of") {
		t.Errorf("a fraction among whole numbers: %v", err)
	}
}

// TestWarehouseRefusesRows: values of a type that only the warehouse can judge are led back
// to their file.
func TestWarehouseRefusesRows(t *testing.T) {
	conn, dir := openDuckDB(t), t.TempDir()
	put(t, dir, "data/a.csv", "id,v\n1,[1]\n2,\"x\ny\"\n")
	put(t, dir, "data/b.csv", "id,v\n\n3,\"[3, 4]\"\n4,z\n")
	w := filesAt("")
	w.Types = map[string]string{"v": "INTEGER[]"}
	res, err := landFiles(t.Context(), conn, dir, w, false)
	if err == nil || len(res.Diags) == 0 {
		t.Fatal("it was taken")
	}
	notes := strings.Join(res.Diags[0].Notes, "\n")
	for _, want := range []string{"data/a.csv:3: column \"v\": \"x\\ny\" is not of type INTEGER[]", "data/b.csv:4: column \"v\": \"z\" is not of type INTEGER[]"} {
		if !strings.Contains(notes, want) {
			t.Errorf("want %q in\n%s", want, notes)
		}
	}
	w.Source.Ingest.Files.MaxRejects = project.Value[int64]{V: 2}
	if res, err = landFiles(t.Context(), conn, dir, w, false); err != nil || res.Rows != 2 || res.Rejects != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	if diff := cmp.Diff("1 [1]\n3 [3 4]\n", contents(t, conn, "select id, v from raw.t order by id")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
