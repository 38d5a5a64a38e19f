package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

const shopSecret = "a row of every tenant"

// forged is a shop whose customer has put a view into its file in place of a table of ours,
// and into the file's own list.
func forged(t *testing.T, view ...string) *outlet {
	t.Helper()
	o := newOutlet(t, map[string]string{"path": "wh.duckdb"})
	o.do(o.c, "create schema core; create table core.secret as select '"+shopSecret+"' as s; create table main.secret as select '"+shopSecret+"' as s")
	o.must(0, warehouse.Handover{}, "t", "u")
	theirs := customer(t, o.spec.Dir, "acme", true).(*conn)
	// Where they make the view there are tables of these names, too.
	o.do(theirs, "attach ':memory:' as elsewhere; create schema elsewhere.core; create table elsewhere.core.secret (s varchar)")
	o.do(theirs, "drop table dw_acme.u")
	for _, text := range view {
		o.do(theirs, text)
	}
	o.do(theirs, `update dw_acme._engine_release set relations = replace(relations, '"dw_acme.u":"table"', '"dw_acme.u":"view"')`)
	o.equal("the list", "[[true]]", o.rows(theirs, `select contains(relations, '"dw_acme.u":"view"') from dw_acme._engine_release`))
	theirs.Close()
	return o
}

// locked says whether another program can write the customer's file.
func locked(o *outlet) string {
	child := exec.Command(os.Args[0], "-test.run=^TestReleaseForgedView$")
	child.Env = append(os.Environ(), "ENGINE_TEST_RELEASE_WRITE="+o.file())
	out, err := child.Output()
	if err != nil {
		return err.Error()
	}
	word, _, _ := strings.Cut(string(out), "\n")
	return word
}

// TestReleaseForgedView: a view that a customer writes into its file, and into the file's list,
// reads nothing of the warehouse: neither what is carried over nor an export runs it there.
func TestReleaseForgedView(t *testing.T) {
	if file := os.Getenv("ENGINE_TEST_RELEASE_WRITE"); file != "" {
		db, err := sql.Open("duckdb", "")
		if err == nil {
			_, err = db.Exec("attach " + Dialect{}.Literal(file) + " as theirs")
		}
		switch {
		case err == nil:
			fmt.Println("open")
		case strings.Contains(err.Error(), "Could not set lock"):
			fmt.Println("busy")
		default:
			fmt.Println(err)
		}
		return
	}
	u := addr.Relation{Schema: "dw_acme", Name: "u"}
	exported := func(t *testing.T, o *outlet) string {
		t.Helper()
		r, err := o.c.OpenRelease(context.Background(), o.spec)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close(context.Background())
		folder := filepath.Join(o.spec.Dir, "acme.parquet")
		if err := r.(warehouse.Exporter).Export(context.Background(), folder); err != nil {
			return err.Error()
		}
		return o.rows(o.c, "select * from '"+folder+"/dw_acme/u.parquet'")
	}
	for name, text := range map[string]string{
		"database":  "create view dw_acme.u as select * from elsewhere.core.secret",
		"catalog":   "create view dw_acme.u as select 'sees ' || count(*) as s from duckdb_databases() where database_name = 'wh'",
		"their own": "create view dw_acme.u as select n + 1 as n from dw_acme.t",
	} {
		t.Run(name, func(t *testing.T) {
			o := forged(t, text)
			if name == "database" {
				// The engine has a database of that name, as it has the warehouse's.
				o.do(o.c, "attach ':memory:' as elsewhere; create schema elsewhere.core; create table elsewhere.core.secret as select '"+shopSecret+"' as s")
			}
			r, err := o.c.OpenRelease(context.Background(), o.spec)
			if err != nil {
				t.Fatal(err)
			}
			own, strangers, err := r.Have(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if got := locked(o); got != "busy" {
				t.Errorf("a release is open, and the file is %s for another program", got)
			}
			if err := r.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := exported(t, o); strings.Contains(got, shopSecret) || strings.Contains(got, "sees 1") {
				t.Errorf("exported: %s", got)
			}
			err = o.release(1, warehouse.Handover{}, "t")
			if name != "database" {
				if err != nil {
					t.Errorf("a view that needs the file only: %v", err)
				}
				return
			}
			if len(own) != 1 || len(strangers) != 1 || strangers[0].Name != u {
				t.Errorf("own %v, strangers %v", own, strangers)
			}
			var dependent *warehouse.DependentError
			if !errors.As(err, &dependent) || dependent.Dependent.Relation != u {
				t.Errorf("the release gives %v", err)
			}
			var foreign *warehouse.ForeignError
			if err := o.release(1, warehouse.Handover{}, "t", "u"); !errors.As(err, &foreign) {
				t.Errorf("a table in its place gives %v", err)
			}
		})
	}
	// Names that mean something in the file, and something else where the warehouse is.
	o := forged(t, "create schema wh; create table wh.secret as select 'their own' as s; create view dw_acme.u as select * from wh.secret")
	o.must(1, warehouse.Handover{}, "t")
	o.equal("exported", "[[their own]]", exported(t, o))
	r, err := o.c.OpenRelease(context.Background(), o.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	if got := o.rows(o.c, "select * from "+Dialect{}.Quote(r.Published(u))); strings.Contains(got, shopSecret) {
		t.Errorf("read where the warehouse is: %s", got)
	}
}

// TestReleaseForgedStranger: what a customer made beside our relations is carried over without
// the warehouse and without the disk, or stops the customer's releases.
func TestReleaseForgedStranger(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("s\n"+shopSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"create view dw_acme.theirs as select * from elsewhere.core.secret",
		"create view dw_acme.theirs as select * from read_csv('" + secret + "')",
	} {
		o := newOutlet(t, nil)
		o.must(0, warehouse.Handover{}, "t")
		o.do(o.c, "attach ':memory:' as elsewhere; create schema elsewhere.core; create table elsewhere.core.secret as select '"+shopSecret+"' as s")
		theirs := customer(t, o.spec.Dir, "acme", true).(*conn)
		o.do(theirs, "attach ':memory:' as elsewhere; create schema elsewhere.core; create table elsewhere.core.secret (s varchar)")
		o.do(theirs, text)
		theirs.Close()
		var dependent *warehouse.DependentError
		if err := o.release(1, warehouse.Handover{}, "t"); !errors.As(err, &dependent) || strings.Contains(err.Error(), shopSecret) {
			t.Errorf("%s: the release gives %v", text, err)
		}
		theirs = customer(t, o.spec.Dir, "acme", false).(*conn)
		o.equal("unchanged", "[[0]]", o.rows(theirs, "select n from dw_acme.t"))
		theirs.Close()
	}
}

// TestReleaseRights: nobody but the engine's account may read what is made, until somebody
// says otherwise for what is there, which then holds for what takes its place.
func TestReleaseRights(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs leave to set modes of files as Unix has them")
	}
	ctx := context.Background()
	o := newOutlet(t, nil)
	mode := func(what string, want os.FileMode, path string) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: %s has %v, not %v", what, path, got, want)
		}
	}
	target, err := o.c.ownPath(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mode("the workshop", 0o700, target+workshopEnd)
	o.must(1, warehouse.Handover{}, "t", "u")
	mode("first", 0o700, o.spec.Dir)
	mode("first", 0o600, o.file())
	folder := filepath.Join(o.spec.Dir, "acme.parquet")
	export := func() {
		t.Helper()
		r, err := o.c.OpenRelease(ctx, o.spec)
		if err != nil {
			t.Fatal(err)
		}
		mode("staged", 0o700, o.file()+nextEnd)
		if err := errors.Join(r.(warehouse.Exporter).Export(ctx, folder), r.Close(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	export()
	mode("first", 0o700, folder)
	mode("first", 0o700, filepath.Join(folder, "dw_acme"))
	mode("first", 0o600, filepath.Join(folder, "dw_acme", "t.parquet"))
	for _, c := range []struct {
		path string
		mode os.FileMode
	}{{o.spec.Dir, 0o750}, {o.file(), 0o640}, {folder, 0o750}} {
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 {
		o.must(2+n, warehouse.Handover{}, "t")
		export()
		mode("next", 0o750, o.spec.Dir)
		mode("next", 0o640, o.file())
		mode("next", 0o750, folder)
		mode("next", 0o750, filepath.Join(folder, "dw_acme"))
		mode("next", 0o640, filepath.Join(folder, "dw_acme", "t.parquet"))
	}
	if info, err := os.Lstat(o.file()); err != nil || !sameHands(o.file(), info) {
		t.Errorf("a file has not its own group, %v", err)
	}
}
