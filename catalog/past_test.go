package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/lineage"
)

// remembered is a program with four tests and a unit test, of which the state remembers
// all but one; the record of «stale» is of an older version of the test.
func remembered() In {
	b := newBuilder("past")
	m := b.add(mod("material"), "models/material.sql")
	in := In{Program: b.p, Passed: map[addr.Node]state.TestRecord{}}
	at := noon.Add(-48 * time.Hour)
	for name, failures := range map[string]int64{"passed": 0, "warned": 37, "stale": 0, "never": -1} {
		t := &compile.Test{ID: addr.Node{Kind: addr.Test, Name: name}, Kind: "singular", Node: m.ID, Parents: []addr.Node{m.ID}, Fingerprint: "f2"}
		b.p.Tests = append(b.p.Tests, t)
		record := state.TestRecord{Test: t.ID, Fingerprint: "f2", Failures: failures, At: at}
		if name == "stale" {
			record.Fingerprint, record.At = "f1", noon.Add(time.Hour)
		}
		if name != "never" {
			in.Passed[t.ID] = record
		}
	}
	u := &compile.UnitTest{ID: addr.Node{Kind: addr.UnitTest, Name: "unit"}, Node: m.ID, Fingerprint: "u"}
	b.p.UnitTests = append(b.p.UnitTests, u)
	in.Passed[u.ID] = state.TestRecord{Test: u.ID, Fingerprint: "u", At: at}
	return in
}

// words are the status and the outcome of every check on the node's page.
func words(in In) map[string]string {
	in.Graph = lineage.From(in.Program)
	out := map[string]string{}
	for _, c := range newBook(in).checkViews(mod("material"), "../") {
		out[c.Name] = strings.TrimSpace(c.Status.Class + " " + c.Status.Word + " " + c.Outcome)
	}
	return out
}

func TestStateSpeaksWhereTheRunIsSilent(t *testing.T) {
	want := map[string]string{
		"passed": "ok passed before", "warned": "warn warning before 37 failing rows",
		"stale": "calm not run", "never": "calm not run", "unit": "ok passed before",
	}
	in := remembered()
	if d := cmp.Diff(want, words(in)); d != "" {
		t.Errorf("without a run (-want +got):\n%s", d)
	}

	in.Result = &run.Result{Start: noon, End: noon.Add(time.Minute), Nodes: []*run.NodeResult{{
		Node: mod("material"), Status: run.Failed, Tests: []run.TestResult{
			{ID: addr.Node{Kind: addr.Test, Name: "passed"}, Status: run.Failed, Failures: 2},
			{ID: addr.Node{Kind: addr.Test, Name: "warned"}, Status: run.Done},
			{ID: addr.Node{Kind: addr.Test, Name: "stale"}, Status: run.Warned, Failures: 1},
		},
	}}}
	want["passed"], want["warned"], want["stale"] = "bad failed 2 failing rows", "ok passed", "warn warning 1 failing row"
	if d := cmp.Diff(want, words(in)); d != "" {
		t.Errorf("with a run (-want +got):\n%s", d)
	}
}

func TestPagesTellWhatTheStateRemembers(t *testing.T) {
	in := remembered()
	files := Build(in).files
	for page, wants := range map[string][]string{
		"model/material.html": {"passed before", "warning before", "37 failing rows", "Tested 2026-11-19 09:30"},
		"tests.html":          {"warning before", "37 failing rows", "1 warned, 2 passed, 2 not run"},
		"index.html":          {"What the target holds", "tests: 1 warned, 2 passed, 2 not run"},
	} {
		got := strings.Join(strings.Fields(parse(t, page, files[page]).text), " ")
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: missing %q in\n%s", page, want, got)
			}
		}
	}
}
