package main

import (
	"context"
	"strings"
	"testing"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestCIOnPostgres: two targets that are schemas of one database. What is not built is read
// from the other schema, nothing is written there, and rows are compared where they are.
func TestCIOnPostgres(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	f := newFolder(t)
	f.write("engine.yml", "name: shop\ntarget: dev\ntargets:\n  dev: "+onPostgres(server, database, "dev")+"\n  prod: "+onPostgres(server, database, "prod")+"\n  far: {type: postgres, schema: prod, host: elsewhere, dbname: other}\n")
	f.write("seeds/raw.csv", "id,amount,doc\n1,10,\"{\"\"a\"\": 1}\"\n2,20,\n")
	f.write("models/stg.sql", "select id, amount, doc from {{ ref \"raw\" }}")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, amount, doc from {{ ref \"stg\" }}")
	f.write("models/report.sql", "select sum(amount) as total from {{ ref \"orders\" }}")
	f.write("models/m.yml", "version: 2\nmodels:\n  - name: orders\n    columns: [{name: id, data_tests: [unique]}]\n")
	f.done("done", "build", "--target", "prod", "--no-catalog")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, if(id = 1, amount + 1, amount) as amount, doc from {{ ref \"stg\" }}")
	if text := f.done("", "ls", "-s", "state:modified+", "--state", "prod", "--resource-type", "model"); text != "orders\nreport\n" {
		t.Errorf("modified: %q", text)
	}
	f.done("done: 2 built, 1 test passed", "ci", "--state", "prod", "--schema-suffix", "pr_1")
	contains(t, f.read("target/report.md"),
		"# shop: passed", "| orders | direct | values | amount expression |", "| `orders` | 1 row differs | 2 | 2 | 0 | 0 | 1 |", "| 1 | amount | 10 | 11 |", "1 read from target prod")
	f.done("10", "show", "--target", "prod", "--inline", "select min(amount) as a from {{ ref \"orders\" }}")
	if err := server.Exec(context.Background(), database, "select 1 from dev_pr_1.orders"); err != nil {
		t.Error(err)
	}
	f.done("done", "ci", "--state", "prod", "--schema-suffix", "pr_1", "--drop")
	if err := server.Exec(context.Background(), database, "create schema dev_pr_1"); err != nil {
		t.Errorf("the schema was not dropped: %v", err)
	}

	// A clone is a view there, or a copy.
	f.done("done: 4 built", "clone", "--state", "prod")
	f.done("view", "clone", "--state", "prod", "--copy", "--full-refresh")
	f.done("total", "diff", "report", "--state", "prod", "-o", "json")

	code, text := f.engine("build", "-s", "orders", "--defer", "--defer-to", "far")
	if code == exitDone || !strings.Contains(text, "PostgreSQL reads no other database") && !strings.Contains(text, "cannot be opened") {
		t.Errorf("exit code %d: %s", code, text)
	}
}
