package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestShareHasTheDeadlineOfTheBuild: the deadline of a build also ends what it publishes to
// customers, who keep what they have. The clock of the test goes on by an hour each time that
// it is looked at, so that the deadline passes after the build, and the build takes no time.
func TestShareHasTheDeadlineOfTheBuild(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"engine.yml":       "name: shop\ntargets:\n  dev: {type: duckdb, path: dev.duckdb, schema: dw}\ndistribution:\n  targets: [dev]\n  customers: [{customer: acme}]\n  customer_tenants: [{customer: acme, tenant: 1}]\n",
		"models/units.sql": "{{ config \"materialized\" \"table\" \"distribute\" \"shared\" }}\nselect 1 as id\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := func(want int, deadline, says string) {
		t.Helper()
		a, out, errs := world(t, nil)
		a.getwd = func() (string, error) { return dir, nil }
		begin, looks := time.Now(), atomic.Int64{}
		a.now = func() time.Time { return begin.Add(time.Duration(looks.Add(1)) * time.Hour) }
		got := a.execute([]string{"build", "--no-catalog", "--no-color", "--jobs", "1", "--deadline", deadline})
		if text := out.String() + errs.String(); got != want || !strings.Contains(text, says) {
			t.Fatalf("exit code %d, want %d and %q in\n%s", got, want, says, text)
		}
	}
	build(exitFailed, "1m", "the run was stopped after 1m0s, its deadline")
	if _, err := os.Stat(filepath.Join(dir, "target", "customers", "acme.duckdb")); !os.IsNotExist(err) {
		t.Errorf("acme was published: %v", err)
	}
	build(exitDone, "9000h", "1 customer published")
}
