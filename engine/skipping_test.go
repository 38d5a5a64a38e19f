package engine_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// sequencesOfEdits is how many random projects TestSkippingIsFullBuilding edits;
// ENGINE_LAWS says another number.
const sequencesOfEdits = 40

// editsOfASequence is how often each of them is edited and built.
const editsOfASequence = 3

// made is a model that is written down anew after every edit.
type made struct {
	name, kind string // kind: view, table, ephemeral, incremental
	native     bool   // in DuckDB's own SQL
	form       string // how it reads its parents, see text
	parents    []string
	columns    []col // besides id and grp
	filter     int   // rows that are kept; 0: all
	mod        int
	comment    string
	breaks     bool // another layout of the text
	cte        string
}

// col is a column over those of the first parent.
type col struct {
	name string
	of   string // column of the first parent
	plus int
}

// workshop is a random project with the rows of its source.
type workshop struct {
	r       *rand.Rand
	models  []*made
	seeds   map[string][][3]int // id, group, val
	source  [][3]int
	grows   bool // it has incremental models: what they hold follows from their history
	next    int
	history []func() // each brings back an earlier state
}

func newWorkshop(r *rand.Rand, grows bool) *workshop {
	w := &workshop{r: r, seeds: map[string][][3]int{}, grows: grows}
	rows := func(n int) (out [][3]int) {
		for i := range n {
			out = append(out, [3]int{i + 1, r.IntN(4), r.IntN(20)})
		}
		return out
	}
	w.seeds["raw"], w.seeds["more"], w.source = rows(4+r.IntN(12)), rows(2+r.IntN(6)), rows(3+r.IntN(8))
	for range 4 + r.IntN(5) {
		w.add()
	}
	return w
}

func (w *workshop) fresh(prefix string) string {
	w.next++
	return fmt.Sprintf("%s%02d", prefix, w.next)
}

// columnsOf are the columns that one can read of a node, id and grp aside.
func (w *workshop) columnsOf(name string) []string {
	if m := w.model(name); m != nil {
		var out []string
		for _, c := range m.columns {
			out = append(out, c.name)
		}
		return out
	}
	return []string{"val"}
}

func (w *workshop) model(name string) *made {
	for _, m := range w.models {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (w *workshop) pick(names []string) string { return names[w.r.IntN(len(names))] }

func (w *workshop) add() {
	r := w.r
	native := r.IntN(7) == 0
	names := []string{"raw", "more", "events"}
	for _, m := range w.models {
		if !native || m.kind != "ephemeral" { // an ephemeral model is in the language of its readers
			names = append(names, m.name, m.name) // rather long chains than many leaves
		}
	}
	m := &made{name: w.fresh("m"), kind: w.pick([]string{"view", "table", "table", "table", "ephemeral"}), native: native, mod: 2 + r.IntN(4), breaks: r.IntN(2) == 0, cte: "base"}
	if native && m.kind == "ephemeral" {
		m.kind = "view"
	}
	m.form = w.pick([]string{"plain", "plain", "filter", "join", "semi", "group", "union", "window", "distinct"})
	if w.grows && r.IntN(4) == 0 {
		m.kind, m.form = "incremental", "keyed"
	}
	m.parents = []string{w.pick(names), w.pick(names)}
	if m.form == "filter" {
		m.filter = 1
	}
	from := w.columnsOf(m.parents[0])
	m.columns = []col{{"val", w.pick(from), r.IntN(5)}}
	for range r.IntN(3) {
		m.columns = append(m.columns, col{w.fresh("x"), w.pick(from), r.IntN(5)})
	}
	w.models = append(w.models, m)
}

// read reports whether a column of a model is read by any other.
func (w *workshop) read(of *made, column string) bool {
	for _, m := range w.models {
		if slices.Contains(m.parents, of.name) && (column == "val" || m.parents[0] == of.name && slices.ContainsFunc(m.columns, func(c col) bool { return c.of == column })) {
			return true
		}
	}
	return false
}

func ref(name string) string {
	if name == "events" {
		return `{{ source "ext" "events" }}`
	}
	return fmt.Sprintf("{{ ref %q }}", name)
}

// text writes a model down.
func (w *workshop) text(m *made) string {
	p, q := ref(m.parents[0]), ref(m.parents[1])
	nl := " "
	if m.breaks {
		nl = "\n  "
	}
	list := func(prefix string) string {
		var out []string
		for _, c := range m.columns {
			out = append(out, fmt.Sprintf("%s%s + %d AS %s", prefix, c.of, c.plus, c.name))
		}
		return strings.Join(out, ","+nl)
	}
	over := func(format string) string {
		var out []string
		for _, c := range m.columns {
			out = append(out, fmt.Sprintf(format, c.of, c.plus, c.name))
		}
		return strings.Join(out, ","+nl)
	}
	config := fmt.Sprintf(`{{ config "materialized" %q }}`, m.kind)
	if m.native {
		config = fmt.Sprintf(`{{ config "materialized" %q "dialect" "duckdb" }}`, m.kind)
	}
	if m.kind == "incremental" {
		config = strings.Replace(config, " }}", ` "unique_key" "id" "incremental_strategy" "merge" }}`, 1)
	}
	where := ""
	if m.filter > 0 {
		where = fmt.Sprintf("%sWHERE %s <> %d", nl, mod(m.native, "id", m.mod), m.filter%m.mod)
	}
	with := fmt.Sprintf("WITH %s AS (SELECT * FROM %s)%s", m.cte, p, nl)
	sum := "SUM(%s)"
	if m.native {
		sum = "SUM(%s)::BIGINT"
	}
	var body string
	switch m.form {
	case "join":
		body = with + fmt.Sprintf("SELECT %s.id, %s.grp, %s, COALESCE(b.val, 0) AS other%sFROM %s%sLEFT JOIN (SELECT id, MAX(val) AS val FROM %s GROUP BY id) AS b ON b.id = %s.id", m.cte, m.cte, list(m.cte+"."), nl, m.cte, nl, q, m.cte)
	case "semi":
		body = with + fmt.Sprintf("SELECT id, grp, %s%sFROM %s%sWHERE id IN (SELECT id FROM %s)", list(""), nl, m.cte, nl, q)
	case "group":
		body = with + fmt.Sprintf("SELECT MIN(id) AS id, grp, %s%sFROM %s%s%sGROUP BY grp", over(sum+" + %d AS %s"), nl, m.cte, where, nl)
	case "union":
		body = with + fmt.Sprintf("SELECT id, grp, %s FROM %s%sUNION ALL%sSELECT id, grp, %s FROM %s", list(""), m.cte, nl, nl, strings.Join(slices.Repeat([]string{"val"}, len(m.columns)), ", "), q)
	case "window":
		body = with + fmt.Sprintf("SELECT id, grp, %s, ROW_NUMBER() OVER (PARTITION BY grp ORDER BY id, %s) AS nth%sFROM %s", list(""), strings.Join(uses(m), ", "), nl, m.cte)
	case "distinct":
		body = with + fmt.Sprintf("SELECT DISTINCT id, grp, %s%sFROM %s%s", list(""), nl, m.cte, where)
	case "keyed":
		body = fmt.Sprintf("SELECT id, MAX(grp) AS grp, %s%sFROM %s%s%sGROUP BY id", over("MAX(%s) + %d AS %s"), nl, p, where, nl)
	default:
		body = with + fmt.Sprintf("SELECT id, grp, %s%sFROM %s%s", list(""), nl, m.cte, where)
	}
	return config + "\n" + m.comment + body + "\n"
}

// uses are the columns that a model reads of its first parent.
func uses(m *made) []string {
	out := []string{"grp"}
	for _, c := range m.columns {
		out = append(out, c.of)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func mod(native bool, x string, n int) string {
	if native {
		return fmt.Sprintf("%s %% %d", x, n)
	}
	return fmt.Sprintf("MOD(%s, %d)", x, n)
}

// files is the project as it stands.
func (w *workshop) files() files {
	f := files{
		"engine.yml":         "name: laws\ntargets: {dev: {type: duckdb, schema: dev, path: ':memory:'}}\n",
		"models/sources.yml": "sources:\n  - name: ext\n    schema: ext\n    tables:\n      - name: events\n        columns: [{name: id, data_type: INT64}, {name: grp, data_type: STRING}, {name: val, data_type: INT64}]\n",
	}
	for name, rows := range w.seeds {
		f["seeds/"+name+".csv"] = csvOf(rows)
	}
	var yml strings.Builder
	yml.WriteString("models:\n")
	for i, m := range w.models {
		f["models/"+m.name+".sql"] = w.text(m)
		fmt.Fprintf(&yml, "  - name: %s\n    columns:\n      - name: id\n        data_tests: [{not_null: {name: n_%s, config: {severity: warn}}}, {unique: {name: u_%s, config: {severity: warn}}}]\n", m.name, m.name, m.name)
		if i%3 == 0 {
			f["tests/t_"+m.name+".sql"] = fmt.Sprintf("{{ config \"severity\" \"warn\" }}\nSELECT a.id FROM %s AS a JOIN %s AS b ON a.id = b.id WHERE a.val > b.val", ref(m.name), ref(m.parents[0]))
		}
	}
	f["models/props.yml"] = yml.String()
	return f
}

func csvOf(rows [][3]int) string {
	var b strings.Builder
	b.WriteString("id,grp,val\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%d,%c,%d\n", r[0], 'a'+rune(r[1]), r[2])
	}
	return b.String()
}

// keep remembers how things are, so that an edit can be taken back.
func (w *workshop) keep() {
	models := make([]made, len(w.models))
	for i, m := range w.models {
		models[i] = *m
		models[i].columns, models[i].parents = slices.Clone(m.columns), slices.Clone(m.parents)
	}
	seeds := map[string][][3]int{}
	for name, rows := range w.seeds {
		seeds[name] = slices.Clone(rows)
	}
	w.history = append(w.history, func() {
		w.models = nil
		for _, m := range models {
			m.columns, m.parents = slices.Clone(m.columns), slices.Clone(m.parents)
			w.models = append(w.models, &m)
		}
		w.seeds = map[string][][3]int{}
		for name, rows := range seeds {
			w.seeds[name] = slices.Clone(rows)
		}
	})
}

// edit changes something and says what.
func (w *workshop) edit() string {
	before := len(w.history)
	w.keep()
	r := w.r
	for {
		m := w.models[r.IntN(len(w.models))]
		switch r.IntN(15) {
		case 0:
			m.comment = fmt.Sprintf("-- note %d\n", r.IntN(1000))
			return "comment in " + m.name
		case 1:
			m.breaks = !m.breaks
			return "layout of " + m.name
		case 2:
			m.cte = w.fresh("cte")
			return "name of a CTE in " + m.name
		case 3, 4: // a column that nobody reads
			for i, c := range m.columns {
				if c.name != "val" && !w.read(m, c.name) {
					m.columns[i].plus++
					return "unread column " + c.name + " of " + m.name
				}
			}
		case 5:
			m.columns[0].plus += 1 + r.IntN(3)
			return "column val of " + m.name
		case 6:
			if m.form == "filter" || m.form == "group" || m.form == "distinct" || m.form == "plain" {
				m.filter = 1 + (m.filter+r.IntN(2))%m.mod
				return "filter of " + m.name
			}
		case 7:
			if m.kind != "incremental" {
				m.columns = append(m.columns, col{w.fresh("x"), w.pick(w.columnsOf(m.parents[0])), r.IntN(5)})
				return "new column of " + m.name
			}
		case 8:
			for i, c := range m.columns {
				if c.name != "val" && !w.read(m, c.name) && m.kind != "incremental" {
					m.columns = slices.Delete(m.columns, i, i+1)
					return "column " + c.name + " of " + m.name + " removed"
				}
			}
		case 9:
			if m.kind != "incremental" {
				was := m.kind
				m.kind = w.pick([]string{"view", "table", "ephemeral"})
				if m.kind == "ephemeral" && (m.native || slices.ContainsFunc(w.models, func(o *made) bool { return o.native && slices.Contains(o.parents, m.name) })) {
					m.kind = "table"
				}
				return m.name + " from " + was + " to " + m.kind
			}
		case 10:
			name := w.pick([]string{"raw", "more"})
			w.seeds[name] = w.change(w.seeds[name])
			return "rows of seed " + name
		case 11:
			w.source = w.change(w.source)
			return "rows of the source"
		case 12:
			if before > 0 && !w.grows {
				w.history[r.IntN(before)]()
				return "an earlier state"
			}
		case 13:
			if m.kind != "incremental" {
				name := w.fresh("m")
				for _, other := range w.models {
					for i, p := range other.parents {
						if p == m.name {
							other.parents[i] = name
						}
					}
				}
				was := m.name
				m.name = name
				return was + " renamed to " + name
			}
		case 14:
			if len(m.columns) > 1 && m.kind != "incremental" {
				m.columns[0], m.columns[1] = m.columns[1], m.columns[0]
				return "order of columns of " + m.name
			}
		}
	}
}

func (w *workshop) change(rows [][3]int) [][3]int {
	rows = slices.Clone(rows)
	switch w.r.IntN(3) {
	case 0:
		rows = append(rows, [3]int{len(rows) + 1 + w.r.IntN(3), w.r.IntN(4), w.r.IntN(20)})
	case 1:
		rows[w.r.IntN(len(rows))][1+w.r.IntN(2)] += 1
	case 2:
		if len(rows) > 1 {
			rows = slices.Delete(rows, 0, 1)
		}
	}
	return rows
}

// place is a database in which a workshop's project is built.
type place struct {
	t    *testing.T
	conn warehouse.Conn
	runs *int
	name string
}

func newPlace(t *testing.T, name string, runs *int) *place {
	t.Helper()
	c, err := duckdb.Driver{}.Open(context.Background(), warehouse.Config{Type: "duckdb", Dir: t.TempDir(), Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	return &place{t: t, conn: c, runs: runs, name: name}
}

func (p *place) exec(sql string) {
	p.t.Helper()
	if _, err := p.conn.Exec(context.Background(), warehouse.Statement{SQL: sql}); err != nil {
		p.t.Fatalf("%v\n%s", err, sql)
	}
}

// fill writes the rows of the source, behind the engine's back.
func (p *place) fill(rows [][3]int) {
	p.t.Helper()
	p.exec(`create schema if not exists ext`)
	p.exec(`create table if not exists ext.events (id bigint, grp varchar, val bigint)`)
	var values []string
	for _, r := range rows {
		values = append(values, fmt.Sprintf("(%d, '%c', %d)", r[0], 'a'+rune(r[1]), r[2]))
	}
	p.exec(`begin; delete from ext.events; insert into ext.events values ` + strings.Join(values, ", ") + `; commit`)
}

func (p *place) plan(program *compile.Program, force bool) *plan.Plan {
	p.t.Helper()
	sel := everything(program)
	sel.Force = force
	pl, ds, err := engine.Plan(context.Background(), program, p.conn, sel)
	if err != nil {
		p.t.Fatal(err)
	}
	if ds.HasErrors() {
		p.t.Fatalf("%s: %v", p.name, ds)
	}
	return pl
}

// build brings the database up to date, through the plan's JSON form now and then.
func (p *place) build(program *compile.Program, dir string, force bool, jobs int) (*plan.Plan, *run.Result) {
	p.t.Helper()
	pl := p.plan(program, force)
	*p.runs++
	if *p.runs%5 == 0 {
		text, err := pl.JSON()
		if err != nil {
			p.t.Fatal(err)
		}
		if pl, err = plan.Parse(text); err != nil {
			p.t.Fatal(err)
		}
	}
	result, err := engine.Apply(context.Background(), pl, p.conn, run.Options{Jobs: jobs, RunID: p.name + strconv.Itoa(*p.runs), Now: time.Now, Dir: dir})
	if err != nil {
		p.t.Fatal(err)
	}
	if !result.OK() {
		for _, n := range result.Nodes {
			for _, d := range n.Diags {
				p.t.Errorf("%s: %s: %s %v", p.name, n.Node, d.Message, d.Notes)
			}
		}
		for _, id := range program.Order {
			p.t.Logf("%s: %s\n%s", id, program.Nodes[id].Config.Materialized, program.Nodes[id].SQL)
		}
		p.t.Fatalf("%s: the build failed: %v", p.name, result.Diags)
	}
	return pl, result
}

// findings are the failures of the tests as recorded.
func findings(program *compile.Program, s state.Snapshot) map[string]int64 {
	out := map[string]int64{}
	for _, t := range program.Tests {
		if passed, ok := s.Passed[t.ID]; ok {
			out[t.ID.Name] = passed.Failures
		} else {
			out[t.ID.Name] = -1
		}
	}
	return out
}

// found are the failures of the tests of a run.
func found(r *run.Result) map[string]int64 {
	out := map[string]int64{}
	for _, n := range r.Nodes {
		for _, t := range n.Tests {
			out[t.ID.Name] = t.Failures
		}
	}
	return out
}

// TestSkippingIsFullBuilding: whatever is edited, a build that leaves out what it thinks is up
// to date leaves the same tables as one that leaves out nothing. Projects without
// incremental models are compared with a build from nothing, the others with a database
// in which every build does everything.
func TestSkippingIsFullBuilding(t *testing.T) {
	sequences := sequencesOfEdits
	if text := os.Getenv("ENGINE_LAWS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("ENGINE_LAWS: %v", err)
		}
		sequences = n
	}
	var built, left, softly atomic.Int64
	t.Run("of", func(t *testing.T) {
		for seed := range sequences {
			t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(uint64(seed), 11))
				w := newWorkshop(r, seed%2 == 1)
				dir, runs := t.TempDir(), 0
				opts := engine.Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1, Version: "laws"}
				compiled := func() *compile.Program {
					t.Helper()
					if err := os.RemoveAll(filepath.Join(dir, "models")); err != nil {
						t.Fatal(err)
					}
					if err := os.RemoveAll(filepath.Join(dir, "tests")); err != nil {
						t.Fatal(err)
					}
					f := w.files()
					f.write(t, dir)
					p, ds := engine.Load(opts)
					program, more := engine.Compile(context.Background(), p, opts)
					if ds = append(ds, more...); ds.HasErrors() {
						for _, name := range slices.Sorted(maps.Keys(f)) {
							t.Logf("%s:\n%s", name, f[name])
						}
						t.Fatal(ds)
					}
					return program
				}
				skipping := newPlace(t, "skipping", &runs)
				defer skipping.conn.Close()
				var twin *place
				if w.grows {
					twin = newPlace(t, "twin", &runs)
					defer twin.conn.Close()
				}
				var log []string
				for step := range editsOfASequence + 1 {
					if step > 0 {
						log = append(log, w.edit())
					}
					program := compiled()
					skipping.fill(w.source)
					pl, skipped := skipping.build(program, dir, false, 1+r.IntN(3))
					if step > 0 {
						built.Add(int64(len(pl.Actions)))
						for _, n := range pl.Kept {
							left.Add(int64(n))
						}
						for _, a := range pl.Actions {
							if len(a.Unless) > 0 {
								softly.Add(1)
							}
						}
					}
					var other *place
					if twin != nil {
						other = twin
					} else {
						other = newPlace(t, "fresh", &runs)
					}
					other.fill(w.source)
					_, result := other.build(program, dir, true, 2)
					want, got := dump(t, other.conn, program), dump(t, skipping.conn, program)
					after, err := engine.Snapshot(context.Background(), program, skipping.conn)
					if err != nil {
						t.Fatal(err)
					}
					if twin == nil {
						other.conn.Close()
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Logf("after %s", strings.Join(log, "; "))
						for _, m := range w.models {
							t.Logf("%s:\n%s", m.name, w.text(m))
						}
						t.Fatalf("skipping gave other tables than building all (-all +skipping):\n%s", diff)
					}
					if diff := cmp.Diff(found(result), findings(program, after)); diff != "" {
						for _, a := range pl.Actions {
							t.Logf("%s %v unless %v, gates %v compare %q", a.Node, a.Reasons, a.Unless, a.Gates, a.Compare)
						}
						t.Logf("%v", timeless(skipped))
						for _, m := range w.models {
							t.Logf("%s:\n%s", m.name, w.text(m))
						}
						t.Fatalf("after %s: tests that were skipped would say something else (-all +skipping):\n%s", strings.Join(log, "; "), diff)
					}
					again, _ := plan.Make(program, after, everything(program))
					if len(again.Actions) > 0 {
						for _, m := range w.models {
							t.Logf("%s:\n%s", m.name, w.text(m))
						}
						for _, a := range pl.Actions {
							t.Logf("%s %v unless %v, compare %q", a.Node, a.Reasons, a.Unless, a.Compare)
						}
						for _, id := range program.Order {
							t.Logf("%s %v", id, after.Nodes[id])
						}
					}
					for _, a := range again.Actions {
						t.Errorf("after %s: %s would be built again: %v (%d tests)", strings.Join(log, "; "), a.Node, a.Reasons, len(a.Tests))
					}
				}
			})
		}
	})
	t.Logf("%d sequences of %d edits: %d actions planned, %d nodes and tests left out, %d actions depending on what their inputs came out as", sequences, editsOfASequence, built.Load(), left.Load(), softly.Load())
	if !t.Failed() && left.Load() == 0 {
		t.Error("nothing was ever skipped")
	}
	if !t.Failed() && softly.Load() == 0 {
		t.Error("no action ever waited for what its inputs come out as")
	}
}

// TestReadersFollowAnAncestry: whatever becomes of the edges, the pairs that are brought up to
// date, and what reads them, are those of a build from nothing.
func TestReadersFollowAnAncestry(t *testing.T) {
	updated := 0
	for seed := range 3 {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		edges := map[[2]int]bool{}
		edit := func(n int) {
			for range n {
				parent := r.IntN(9)
				e := [2]int{parent, parent + 1 + r.IntN(10-parent)}
				if edges[e] {
					delete(edges, e)
				} else {
					edges[e] = true
				}
			}
			edges[[2]int{0, 1}] = true
		}
		text := func() files {
			rows := "parent,child\n"
			for _, e := range slices.SortedFunc(maps.Keys(edges), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) }) {
				rows += fmt.Sprintf("%d,%d\n", e[0], e[1])
			}
			return files{
				"engine.yml":       "name: laws\n",
				"seeds/edge.csv":   rows,
				"models/pairs.sql": `{{ config "materialized" "ancestry" }} select parent, child from {{ ref "edge" }}`,
				"models/far.sql":   `{{ config "materialized" "table" }} select ancestor_id, count(*) as n from {{ ref "pairs" }} where min_depth > 1 group by ancestor_id`,
				"models/below.sql": `{{ config "materialized" "table" }} select descendant_id from {{ ref "pairs" }} where ancestor_id = 0`,
				"models/seen.sql":  `select ancestor_id, descendant_id from {{ ref "pairs" }}`,
				"models/sum.sql":   `{{ config "materialized" "table" }} select sum(ancestor_id * 100 + descendant_id) as total from {{ ref "seen" }}`,
			}
		}
		edit(12)
		followed := newBench(t, text())
		followed.build(2, nil)
		for step := range 3 {
			edit(1 + r.IntN(2))
			f := text()
			f.write(t, followed.dir)
			for _, n := range followed.build(2, nil).Nodes {
				if n.Node.Name == "pairs" && n.Verb == plan.Update {
					updated++
				}
			}
			fresh := newBench(t, f)
			fresh.build(2, nil)
			if diff := cmp.Diff(fresh.dump(), followed.dump()); diff != "" {
				t.Fatalf("seed %d, step %d: other tables than of a build from nothing (-nothing +followed):\n%s\n%s", seed, step, diff, f["seeds/edge.csv"])
			}
		}
	}
	if updated == 0 {
		t.Error("no ancestry was brought up to date: the law was not tested")
	}
}
