package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/serve"
)

// TestPhasesAreCommands: what a schedule may do is what the program can, with the flags that
// serve gives it.
func TestPhasesAreCommands(t *testing.T) {
	for _, phase := range project.Phases {
		a, _, _ := world(t, nil)
		root := a.rootCommand()
		s := &session{app: a, dir: "."}
		args := s.phaseArgs(serve.Task{Phase: phase, Left: time.Minute, Job: &serve.Job{Target: "dev", Phases: project.Phases, Select: []string{"a"}, Exclude: []string{"b"}}})
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("phase %s is no command: %v", phase, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("phase %s: %v", phase, err)
		}
		if left := cmd.Flags().Args(); len(left) > 0 {
			t.Errorf("phase %s: arguments %q", phase, left)
		}
	}
}

// TestSourcesOf: however a schedule chooses models, what they read is ingested.
func TestSourcesOf(t *testing.T) {
	for _, c := range []struct {
		selectors []string
		want      []string
	}{
		{[]string{"orders"}, []string{"+orders"}},
		{[]string{"orders+"}, []string{"+orders+"}},
		{[]string{"orders+2", "customers"}, []string{"+orders+2", "+customers"}},
		{[]string{"tag:a,tag:b"}, []string{"+tag:a,+tag:b"}},
		{[]string{"a  b"}, []string{"+a +b"}},
		{[]string{"a,+b @c 2+d 3d"}, []string{"+a,+b @c 2+d +3d"}},
		{[]string{"*"}, []string{"+*"}},
	} {
		for phase, want := range map[string][]string{project.PhaseIngest: c.want, project.PhaseBuild: c.selectors} {
			args := (&session{app: &app{}, dir: "."}).phaseArgs(serve.Task{Phase: phase, Job: &serve.Job{Target: "dev", Phases: project.Phases, Select: c.selectors}})
			var got []string
			for i, a := range args {
				if a == "--select" {
					got = append(got, args[i+1])
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", phase, d)
			}
		}
	}
}

func TestReadPhase(t *testing.T) {
	task := serve.Task{Phase: "build"}
	for _, c := range []struct {
		name    string
		code    int
		printed string
		last    string
		want    serve.Outcome
	}{
		{"done", 0, `{"status": "done"}`, "done: 1 built\n", serve.Outcome{OK: true}},
		{"a test", 1, `{"status":"failed","nodes":[{"node":"model.a","status":"done"},{"node":"model.b","status":"failed","tests":[{"test":"test.t","status":"failed","sentence":"2 rows have no id"}]},{"node":"model.c","status":"skipped","because":"model.b"}]}`, "",
			serve.Outcome{Message: "1 failure", Failures: []serve.Failure{{Node: "model.b", Message: "2 rows have no id"}}}},
		{"a customer", 1, `{"status":"failed","customers":[{"customer":"acme","status":"done"},{"customer":"bmw","status":"failed","diagnostics":[{"severity":"error","message":"a proof failed"}]}]}`, "",
			serve.Outcome{Message: "1 failure", Failures: []serve.Failure{{Customer: "bmw", Message: "a proof failed"}}}},
		{"customers of a build", 1, `{"status":"done","nodes":[],"distribution":{"customers":[{"customer":"bmw","status":"failed"}]}}`, "", serve.Outcome{Message: "1 failure", Failures: []serve.Failure{{Customer: "bmw"}}}},
		{"warnings of customers and nodes", 1, `{"status":"failed","nodes":[{"node":"model.a","status":"failed","diagnostics":[{"severity":"warning","message":"odd"},{"severity":"internal error","message":"stumbled"}]},{"node":"model.b","status":"done","diagnostics":[{"severity":"warning","message":"odd"}]}],"customers":[{"customer":"acme","status":"published","diagnostics":[{"severity":"warning","message":"2 values do not fit"}]},{"customer":"bmw","status":"failed","diagnostics":[{"severity":"warning","message":"3 values do not fit"},{"severity":"error","message":"a proof failed"}]},{"customer":"cascade","status":"published","diagnostics":[{"severity":"note","message":"hm"},{"severity":"error","message":"reads too much"}]}]}`, "",
			serve.Outcome{Message: "3 failures", Failures: []serve.Failure{{Node: "model.a", Message: "stumbled"}, {Customer: "bmw", Message: "a proof failed"}, {Customer: "cascade", Message: "reads too much"}}}},
		{"a mistake", 2, `{"status":"invalid","diagnostics":[{"severity":"warning","message":"odd"},{"severity":"error","message":"there is no model x"}]}`, "", serve.Outcome{Final: true, Message: "there is no model x"}},
		{"words", 1, "", "one\nerror: cannot connect\n", serve.Outcome{Message: "error: cannot connect"}},
		{"nothing", 1, "", "", serve.Outcome{Message: "engine build ended with exit code 1"}},
		{"killed", -1, "{", "working\n", serve.Outcome{Message: "engine build was killed"}},
	} {
		if d := cmp.Diff(c.want, readPhase(task, c.code, []byte(c.printed), c.last)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}
