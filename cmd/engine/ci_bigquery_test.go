package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// TestCIOnBigQuery: the state of a dataset, what is deferred to it, and the comparison of
// rows, by the client of the real service.
func TestCIOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
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
	target := func(schema string) string {
		return fmt.Sprintf("{type: bigquery, project: %s, schema: %s, location: EU, api_endpoint: %q}", peer.Project, schema, peer.URL)
	}
	write("engine.yml", "name: shop\ntarget: dev\ntargets:\n  dev: "+target("dev")+"\n  prod: "+target("core")+"\n")
	write("seeds/raw.csv", "id,amount\n1,10\n2,20\n")
	write("models/stg.sql", "{{ config \"materialized\" \"table\" }}select id, amount, [amount] as list from {{ ref \"raw\" }}")
	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, amount, list from {{ ref \"stg\" }}")
	write("models/m.yml", "version: 2\nmodels:\n  - name: orders\n    columns: [{name: id, data_tests: [unique]}]\n")
	run := func(args ...string) (int, string) {
		t.Helper()
		a, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
		a.getwd = func() (string, error) { return dir, nil }
		a.now = time.Now
		code := a.execute(append(args, "--no-color"))
		return code, out.String() + errs.String()
	}
	ok := func(want string, args ...string) {
		t.Helper()
		if code, text := run(args...); code != exitDone || !strings.Contains(text, want) {
			t.Fatalf("engine %s: exit code %d, want %q in\n%s", strings.Join(args, " "), code, want, text)
		}
	}
	ok("done", "build", "--target", "prod", "--no-catalog")
	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, if(id = 1, 11, amount) as amount, list from {{ ref \"stg\" }}")
	ok("orders\n", "ls", "-s", "state:modified", "--state", "prod", "--resource-type", "model")
	ok("`"+peer.Project+"`.`core`.`stg`", "compile", "orders", "--defer", "--state", "prod")
	ok("done: 1 built, 1 test passed", "build", "-s", "orders", "--defer", "--state", "prod", "--no-catalog")
	ok("1 row differs", "diff", "orders", "--state", "prod")
	ok("rows by list", "diff", "orders", "--state", "prod", "--key", "list")
}
