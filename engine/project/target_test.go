package project

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTarget(t *testing.T) {
	p := loadOK(t, `
-- engine.yml --
name: shop
targets:
  dev:
    type: ${TYPE:-duckdb}
    path: "${DIR}/${NAME:-x}.db"
    literal: "$${HOME} costs 5$ $$x"
    threads: ${THREADS:-4}
    vars: {a: ["${DIR}", 1], b: {c: "${NAME:-}"}}
  prod:
    type: postgres
    schema: live
    custom_schema: replace
    password: ${PASSWORD}
    threads: ${THREADS}
`)
	env := envOf("USER", "Ann.Lee", "DIR", "/d", "NAME", "", "THREADS", "8")
	got, list := p.Settings.Target("", env)
	if len(list) > 0 {
		t.Fatal(messages(list))
	}
	flat := map[string]any{
		"name": got.Name, "type": got.Type.V, "schema": got.Schema.V, "custom": got.CustomSchema.V, "threads": got.Threads.V,
		"path": got.Fields["path"].V, "literal": got.Fields["literal"].V, "a": got.Vars["a"].V, "b": got.Vars["b"].V,
	}
	want := map[string]any{
		"name": "dev", "type": "duckdb", "schema": "dev_ann_lee", "custom": "append", "threads": int64(8),
		"path": "/d/x.db", "literal": "${HOME} costs 5$ $$x", "a": []any{"/d", int64(1)}, "b": map[string]any{"c": ""},
	}
	if diff := cmp.Diff(want, flat); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	if v := p.Settings.Targets[0].Fields["path"].V; v != "${DIR}/${NAME:-x}.db" {
		t.Errorf("Target changed the settings: path = %q", v)
	}

	tests := []struct {
		name string
		env  []string
		want []string
	}{
		{"prod", nil, []string{
			`engine.yml:13:15: error: environment variable "PASSWORD" is not set [env-unset]`,
			`engine.yml:14:14: error: environment variable "THREADS" is not set [env-unset]`}},
		{"prod", []string{"PASSWORD", "p", "THREADS", "0"}, []string{
			`engine.yml:14:14: error: "0" is not a number of threads [value-invalid]`}},
		{"prodd", nil, []string{`error: there is no target "prodd" [target-unknown]`}},
	}
	for _, tt := range tests {
		_, list := p.Settings.Target(tt.name, envOf(tt.env...))
		if diff := cmp.Diff(tt.want, messages(list)); diff != "" {
			t.Errorf("Target(%s):\n%s", tt.name, diff)
		}
	}
	if _, list := p.Settings.Target("prodd", envOf()); list[0].Help != `did you mean "prod"?` {
		t.Errorf("help = %q", list[0].Help)
	}
}

func TestTargetBudgets(t *testing.T) {
	p := loadOK(t, `
-- engine.yml --
name: shop
targets:
  dev: {type: bigquery, max_bytes_per_run: "${MOST:-1.5TiB}", max_cost_per_run: 12.50, deadline: 2h30m}
`)
	got, list := p.Settings.Target("", envOf())
	if len(list) > 0 || got.MaxBytesPerRun.V != 3<<39 || got.MaxCostPerRun.V != 12.5 || got.Deadline.V != 150*time.Minute {
		t.Errorf("%v: %+v", messages(list), got)
	}
	if got, list = p.Settings.Target("", envOf("MOST", "500000000")); len(list) > 0 || got.MaxBytesPerRun.V != 500000000 {
		t.Errorf("%v: %+v", messages(list), got)
	}
	_, list = p.Settings.Target("", envOf("MOST", "0"))
	if diff := cmp.Diff([]string{`engine.yml:3:44: error: a budget of nothing lets nothing run [value-invalid]`}, messages(list)); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"max_bytes_per_run: 10 apples": `engine.yml:3:44: error: "10 apples" is no size: write bytes or a unit, for example 500MB or 1.5TiB [value-invalid]`,
		"max_cost_per_run: -1":         `engine.yml:3:43: error: "-1" is not an amount of money [value-invalid]`,
		"deadline: soon":               `engine.yml:3:35: error: "soon" is not a time that a run may take [value-invalid]`,
		"deadline: 0s":                 `engine.yml:3:35: error: "0s" is not a time that a run may take [value-invalid]`,
		"max_cost_per_run: NaN":        `engine.yml:3:43: error: "NaN" is not an amount of money [value-invalid]`,
	} {
		_, list := load(t, "-- engine.yml --\nname: shop\ntargets:\n  dev: {type: bigquery, "+text+"}\n")
		if diff := cmp.Diff([]string{want}, messages(list)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTargetDefaults(t *testing.T) {
	tests := []struct {
		settings string
		env      []string
		want     string
	}{
		{"name: x", nil, "dev duckdb dev"},
		{"name: x", []string{"USER", "", "LOGNAME", "Jörg"}, "dev duckdb dev_j_rg"},
		{"name: x", []string{"USERNAME", "..."}, "dev duckdb dev"},
		{"name: x\ntargets: {only: {type: t, schema: s}}", nil, "only t s"},
		{"name: x\ntarget: two\ntargets: {one: {type: a}, two: {type: b}}", nil, "two b dev"},
		{"name: x\ndefault_target: ${T:-one}\ntargets: {one: {type: a}, two: {type: b}}", nil, "one a dev"},
		{"name: x\ndefault_target: ${T:-one}\ntargets: {one: {type: a}, two: {type: b}}", []string{"T", "two"}, "two b dev"},
		{"name: x\ntargets: {prod: {type: a}, dev: {type: b}}", nil, "dev b dev"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		writeFile(t, dir, "engine.yml", tt.settings)
		p, list := Load(dir, envOf(tt.env...))
		target, more := p.Settings.Target("", envOf(tt.env...))
		if len(list)+len(more) > 0 {
			t.Errorf("%q: %v", tt.settings, messages(append(list, more...)))
			continue
		}
		if got := target.Name + " " + target.Type.V + " " + target.Schema.V; got != tt.want {
			t.Errorf("%q with %v: %q, want %q", tt.settings, tt.env, got, tt.want)
		}
	}
}
