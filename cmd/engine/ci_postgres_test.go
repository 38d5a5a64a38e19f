package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestCIOnPostgres: two targets that are schemas of one database. What is not built is read
// from the other schema, nothing is written there, and rows are compared where they are.
func TestCIOnPostgres(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var fields strings.Builder
	for name, value := range server.Fields(database) {
		fmt.Fprintf(&fields, ", %s: %q", name, value)
	}
	target := func(schema string) string { return "{type: postgres, schema: " + schema + fields.String() + "}" }
	write("engine.yml", "name: shop\ntarget: dev\ntargets:\n  dev: "+target("dev")+"\n  prod: "+target("prod")+"\n  far: {type: postgres, schema: prod, host: elsewhere, dbname: other}\n")
	write("seeds/raw.csv", "id,amount,doc\n1,10,\"{\"\"a\"\": 1}\"\n2,20,\n")
	write("models/stg.sql", "select id, amount, doc from {{ ref \"raw\" }}")
	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, amount, doc from {{ ref \"stg\" }}")
	write("models/report.sql", "select sum(amount) as total from {{ ref \"orders\" }}")
	write("models/m.yml", "version: 2\nmodels:\n  - name: orders\n    columns: [{name: id, data_tests: [unique]}]\n")
	engine := func(args ...string) (int, string) {
		t.Helper()
		a, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
		a.getwd = func() (string, error) { return dir, nil }
		a.now = time.Now
		code := a.execute(append(args, "--no-color"))
		return code, out.String() + errs.String()
	}
	ok := func(want string, args ...string) string {
		t.Helper()
		code, text := engine(args...)
		if code != exitDone || !strings.Contains(text, want) {
			t.Fatalf("engine %s: exit code %d, want %q in\n%s", strings.Join(args, " "), code, want, text)
		}
		return text
	}
	ok("done", "build", "--target", "prod", "--no-catalog")
	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, if(id = 1, amount + 1, amount) as amount, doc from {{ ref \"stg\" }}")
	if text := ok("", "ls", "-s", "state:modified+", "--state", "prod", "--resource-type", "model"); text != "orders\nreport\n" {
		t.Errorf("modified: %q", text)
	}
	ok("done: 2 built, 1 test passed", "ci", "--state", "prod", "--schema-suffix", "pr_1")
	report, err := os.ReadFile(filepath.Join(dir, "target", "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# shop: passed", "| orders | direct | values | amount expression |", "| `orders` | 1 row differs | 2 | 2 | 0 | 0 | 1 |", "| 1 | amount | 10 | 11 |", "1 read from target prod"} {
		if !strings.Contains(string(report), want) {
			t.Errorf("want %q in\n%s", want, report)
		}
	}
	ok("10", "show", "--target", "prod", "--inline", "select min(amount) as a from {{ ref \"orders\" }}")
	if err := server.Exec(context.Background(), database, "select 1 from dev_pr_1.orders"); err != nil {
		t.Error(err)
	}
	ok("done", "ci", "--state", "prod", "--schema-suffix", "pr_1", "--drop")
	if err := server.Exec(context.Background(), database, "create schema dev_pr_1"); err != nil {
		t.Errorf("the schema was not dropped: %v", err)
	}

	// A clone is a view there, or a copy.
	ok("done: 4 built", "clone", "--state", "prod")
	ok("view", "clone", "--state", "prod", "--copy", "--full-refresh")
	ok("total", "diff", "report", "--state", "prod", "-o", "json")

	code, text := engine("build", "-s", "orders", "--defer", "--defer-to", "far")
	if code == exitDone || !strings.Contains(text, "PostgreSQL reads no other database") && !strings.Contains(text, "cannot be opened") {
		t.Errorf("exit code %d: %s", code, text)
	}
}
