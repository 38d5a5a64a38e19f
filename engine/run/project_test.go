package run_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

const settings = "name: shop\ndialect: duckdb\ntargets: {dev: {type: duckdb, schema: dev, path: shop.duckdb}}\n"

// shop is a project folder with its database.
type shop struct {
	t       *testing.T
	dir     string
	options engine.Options
	conn    warehouse.Conn
	runs    int
}

func newShop(t *testing.T, files map[string]string) *shop {
	t.Helper()
	s := &shop{t: t, dir: t.TempDir()}
	s.options = engine.Options{Dir: s.dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
	s.write(map[string]string{"engine.yml": settings})
	s.write(files)
	conn, err := engine.Open(context.Background(), s.compile(), s.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s.conn = conn
	return s
}

func (s *shop) write(files map[string]string) {
	s.t.Helper()
	for name, text := range files {
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *shop) compile() *compile.Program {
	s.t.Helper()
	p, list := engine.Load(s.options)
	program, more := engine.Compile(context.Background(), p, s.options)
	if list = append(list, more...); list.HasErrors() {
		var out bytes.Buffer
		if err := diag.Render(&out, list, diag.RenderOptions{}); err != nil {
			s.t.Fatal(err)
		}
		s.t.Fatalf("unexpected mistakes:\n%s", out.String())
	}
	return program
}

// plan is for everything, changed by change.
func (s *shop) plan(change func(*plan.Selection)) *plan.Plan {
	s.t.Helper()
	p := s.compile()
	sel := plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}}
	for _, n := range p.Order {
		sel.Nodes[n] = true
	}
	for _, t := range p.Tests {
		sel.Tests[t.ID] = true
	}
	for _, t := range p.UnitTests {
		sel.Tests[t.ID] = true
	}
	if change != nil {
		change(&sel)
	}
	pl, list, err := engine.Plan(context.Background(), p, s.conn, sel)
	if err != nil || list.HasErrors() {
		s.t.Fatal(err, list)
	}
	return pl
}

func (s *shop) apply(ctx context.Context, pl *plan.Plan, change func(*run.Options)) (*run.Result, error) {
	s.t.Helper()
	s.runs++
	o := run.Options{Jobs: 2, RunID: fmt.Sprintf("run%d", s.runs), Now: time.Now, Dir: s.dir}
	if change != nil {
		change(&o)
	}
	return run.Apply(ctx, pl, s.conn, o)
}

// build plans and applies everything, and leaves no staging object whatever happens.
func (s *shop) build(change func(*run.Options)) *run.Result {
	s.t.Helper()
	r, err := s.apply(context.Background(), s.plan(nil), change)
	if err != nil {
		s.t.Fatal(err)
	}
	s.noStaging()
	return r
}

func (s *shop) noStaging() {
	s.t.Helper()
	if left := s.rows("select table_name from information_schema.tables where table_name like '\\_engine\\_%' escape '\\' and table_schema <> '_engine'"); len(left) > 0 {
		s.t.Errorf("left behind: %v", left)
	}
}

// rows are the rows of a query as text, sorted; a relation that is not there is «missing».
func (s *shop) rows(query string) []string {
	s.t.Helper()
	rows, err := s.conn.Query(context.Background(), warehouse.Statement{SQL: query})
	if err != nil {
		if strings.Contains(err.Error(), "does not exist") {
			return []string{"missing"}
		}
		s.t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, strings.TrimSuffix(fmt.Sprintln(v...), "\n"))
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// outcome writes what became of nodes and tests: «m failed», «  unique_m_id failed 1», and
// who is to blame.
func outcome(r *run.Result) []string {
	var out []string
	for _, n := range r.Nodes {
		line := n.Node.Name + " " + string(n.Status)
		if !n.Because.IsZero() {
			line += " because of " + n.Because.Name
		}
		if n.Message != "" {
			line += ": " + n.Message
		}
		for _, d := range n.Diags {
			line += " (" + string(d.Code) + ")"
		}
		out = append(out, line)
		for _, t := range n.Tests {
			line := "  " + t.ID.Name + " " + string(t.Status)
			if t.Failures > 0 {
				line += fmt.Sprintf(" %d", t.Failures)
			}
			if !t.Because.IsZero() {
				line += " because of " + t.Because.Name
			}
			out = append(out, line)
		}
	}
	return out
}
