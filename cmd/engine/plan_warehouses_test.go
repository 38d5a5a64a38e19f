package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestPlanOnBigQuery and TestPlanOnPostgres: definitions go into the warehouse and come back
// as they were, whatever stands in them, and a plan in a file is applied or refused.
func TestPlanOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
	planOn(t, fmt.Sprintf("{type: bigquery, project: %s, schema: dev, location: EU, api_endpoint: %q}", peer.Project, peer.URL))
}

func TestPlanOnPostgres(t *testing.T) {
	server := pg.Shared(t)
	var fields strings.Builder
	for name, value := range server.Fields(server.Database(t)) {
		fmt.Fprintf(&fields, ", %s: %q", name, value)
	}
	planOn(t, "{type: postgres, schema: dev"+fields.String()+"}")
}

func planOn(t *testing.T, target string) {
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
	engine := func(want int, args ...string) string {
		t.Helper()
		a, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
		a.getwd = func() (string, error) { return dir, nil }
		a.now = time.Now
		if code := a.execute(append(args, "--no-color")); code != want {
			t.Fatalf("engine %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, errs)
		}
		return out.String() + errs.String()
	}
	wants := func(text string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(text, p) {
				t.Errorf("want %q in\n%s", p, text)
			}
		}
	}
	odd := `'it''s \ "quoted" größe'`
	odd = strings.ReplaceAll(odd, `''`, `\'`)
	odd = strings.ReplaceAll(odd, `\ `, `\\ `)
	write("engine.yml", "name: shop\ntargets: {dev: "+target+"}\n")
	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}\nselect 1 as id,\n  2 as amount,\n  "+odd+" as note")
	write("models/totals.sql", "{{ config \"materialized\" \"table\" }}select sum(amount) as total from {{ ref \"orders\" }}")
	write("models/notes.sql", "{{ config \"materialized\" \"table\" }}select note from {{ ref \"orders\" }}")
	engine(exitDone, "build", "--no-catalog")
	wants(engine(exitDone, "plan"), "nothing to do")

	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}\nselect 1 as id,\n  3 as amount,\n  "+odd+" as note")
	wants(engine(exitDone, "plan", "--out", "plan.json"),
		"~ table dev.orders", "values may change: amount", "-  2 as amount,\n      +  3 as amount,\n", "         "+odd+" as note", "values may change: total", "but nothing of what changes: notes")
	wants(engine(exitDone, "build", "--plan", "plan.json", "--no-catalog"), "done: 2 built")
	wants(engine(exitDone, "show", "totals"), "3")
	wants(engine(exitMistake, "build", "--plan", "plan.json", "--no-catalog"), "plan-outdated", "orders was built by run")
}
