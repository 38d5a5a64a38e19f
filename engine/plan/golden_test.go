package plan_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/internal/golden"
)

// TestGolden plans projects on a real database. An archive holds a project; what stands
// below «after/» changes it once it is built («sql» is sent then, too). «select» has the
// selected names, «flags» words like full-refresh. An archive with «json» keeps the whole
// plan, others a line or two per action.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		in := c.Inputs()
		s := &site{t: t, dir: t.TempDir()}
		s.options = engine.Options{Dir: s.dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
		s.write(map[string][]byte{"engine.yml": []byte("name: shop\ndialect: duckdb\ntargets: {dev: {type: duckdb, schema: dev, path: shop.duckdb}}\n")})
		s.write(in)
		after := map[string][]byte{}
		for name, data := range in {
			if rest, ok := strings.CutPrefix(name, "after/"); ok {
				after[rest] = data
			}
		}
		if _, ok := in["sql"]; ok || len(after) > 0 {
			s.build()
			s.write(after)
		}
		for _, statement := range strings.Split(string(in["sql"]), ";") {
			if strings.TrimSpace(statement) != "" {
				s.exec(statement)
			}
		}
		pl, list := s.plan(strings.Fields(string(in["select"])), strings.Fields(string(in["flags"])))
		for _, a := range pl.Actions {
			a.Millis = 0 // what the clock said
		}
		roundTrip(t, pl)
		if _, ok := in["json"]; !ok {
			return map[string]string{"plan": summary(pl, list)}
		}
		text, err := pl.JSON()
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"plan.json": hashes.ReplaceAllString(string(text), `"$1": "…"`)}
	})
}

// roundTrip: a plan that was written and read is written as it was.
func roundTrip(t *testing.T, pl *plan.Plan) {
	t.Helper()
	text, err := pl.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := plan.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(text), string(again)); d != "" {
		t.Errorf("written and read (-first +second):\n%s", d)
	}
}

// hashes are not compared: TestFingerprint of compile says when they change.
var hashes = regexp.MustCompile(`"(fingerprint|definition_id|hash|shape)": "[0-9a-f]{24,32}"`)

// site is a project folder with its database.
type site struct {
	t       *testing.T
	dir     string
	options engine.Options
}

func (s *site) write(files map[string][]byte) {
	s.t.Helper()
	for name, data := range files {
		if !strings.Contains(name, "/") && name != "engine.yml" || strings.HasPrefix(name, "after/") {
			continue
		}
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) open() (*compile.Program, warehouse.Conn) {
	s.t.Helper()
	p, list := engine.Load(s.options)
	program, more := engine.Compile(context.Background(), p, s.options)
	if list = append(list, more...); list.HasErrors() {
		s.t.Fatal(list)
	}
	c, err := engine.Open(context.Background(), program, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	return program, c
}

func (s *site) plan(selected, flags []string) (*plan.Plan, diag.List) {
	s.t.Helper()
	program, c := s.open()
	defer c.Close()
	sel := plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}}
	chosen := func(n addr.Node) bool { return len(selected) == 0 || slices.Contains(selected, n.Name) }
	for _, n := range program.Order {
		sel.Nodes[n] = chosen(n)
	}
	for _, t := range program.Tests {
		sel.Tests[t.ID] = chosen(t.ID)
	}
	for _, t := range program.UnitTests {
		sel.Tests[t.ID] = chosen(t.ID)
	}
	for _, f := range flags {
		switch f {
		case "full-refresh":
			sel.FullRefresh = true
		case "force":
			sel.Force = true
		case "tests-only":
			sel.TestsOnly = true
		case "store-failures":
			sel.StoreFailures = true
		default:
			s.t.Fatalf("no flag %s", f)
		}
	}
	pl, list, err := engine.Plan(context.Background(), program, c, sel)
	if err != nil {
		s.t.Fatal(err)
	}
	return pl, list
}

func (s *site) build() {
	s.t.Helper()
	pl, list := s.plan(nil, nil)
	if list.HasErrors() {
		s.t.Fatal(list)
	}
	_, c := s.open()
	defer c.Close()
	if _, err := engine.Apply(context.Background(), pl, c, run.Options{Jobs: 1, RunID: "first", Now: time.Now, Dir: s.dir}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) exec(statement string) {
	s.t.Helper()
	_, c := s.open()
	defer c.Close()
	if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: statement}); err != nil {
		s.t.Fatal(err)
	}
}

// summary writes what happens and why.
func summary(p *plan.Plan, list diag.List) string {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "%s\n", d.Error())
	}
	for _, s := range p.Schemas {
		fmt.Fprintf(&b, "schema %s\n", s.Schema)
	}
	for _, o := range p.Orphans {
		fmt.Fprintf(&b, "remove %s\n", o.Relation)
	}
	for _, a := range p.Actions {
		fmt.Fprintf(&b, "%s %s: %s\n", a.Verb, a.Node, strings.Join(a.Reasons, "; "))
		if len(a.Deps) > 0 {
			fmt.Fprintf(&b, "  after %s\n", join(a.Deps))
		}
		for _, t := range a.UnitTests {
			fmt.Fprintf(&b, "  first %s\n", t.ID.Name)
		}
		for _, t := range a.Tests {
			fmt.Fprintf(&b, "  test %s of %s\n", t.ID.Name, join(t.Parents))
			if !t.Store.IsZero() {
				fmt.Fprintf(&b, "    stored in %s\n", t.Store)
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(p.Kept)) {
		fmt.Fprintf(&b, "kept %d %s\n", p.Kept[kind], kind)
	}
	return b.String()
}

func join(ids []addr.Node) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return strings.Join(names, ", ")
}
