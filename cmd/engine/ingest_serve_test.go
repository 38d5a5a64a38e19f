package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/serve"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// stepped is a clock that a test moves.
type stepped struct {
	mu      sync.Mutex
	now     time.Time
	waiting []alarm
}

type alarm struct {
	at   time.Time
	ring chan time.Time
}

func (c *stepped) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepped) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ring := make(chan time.Time, 1)
	if d <= 0 {
		ring <- c.now
	} else {
		c.waiting = append(c.waiting, alarm{c.now.Add(d), ring})
	}
	return ring
}

func (c *stepped) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waiting = slices.DeleteFunc(c.waiting, func(a alarm) bool {
		if a.at.After(c.now) {
			return false
		}
		a.ring <- c.now
		return true
	})
}

// plant is a company whose reports are built every hour from its app's database.
type plant struct {
	*company
	app    *appDatabase
	clock  *stepped
	server *serve.Server
	store  serve.Store

	mu   sync.Mutex
	said map[string]string // of the last run, by phase
}

// hourly starts engine serve on a clock that the test moves.
func hourly(t *testing.T, r *company, app *appDatabase) *plant {
	t.Helper()
	p := &plant{company: r, app: app, clock: &stepped{now: time.Date(2026, 7, 1, 5, 0, 10, 0, time.UTC)}, said: map[string]string{}}
	a, _, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd, a.now = func() (string, error) { return r.dir, nil }, time.Now
	a.environ = func() []string { return nil }
	s, err := a.settled()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	o, err := s.serving(&serveFlags{keep: 100})
	if err != nil {
		t.Fatal(err)
	}
	o.Clock = p.clock
	o.Claims = &serve.Leases{Open: s.openTarget, Holder: o.Holder, Dead: a.gone, Clock: p.clock}
	o.Say = func(string) {}
	// A phase is the same command in this process.
	o.Phase = func(_ context.Context, task serve.Task, log io.Writer) serve.Outcome {
		b, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
		b.getwd, b.now = a.getwd, time.Now
		code := b.execute(s.phaseArgs(task))
		p.mu.Lock()
		p.said[task.Phase] = out.String() + errs.String()
		p.mu.Unlock()
		return readPhase(task, code, out.Bytes(), errs.String())
	}
	p.store = o.Store
	if p.server, err = serve.New(o); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// hour passes; what is due is done.
func (p *plant) hour(when string) *serve.Run {
	p.t.Helper()
	before, err := p.store.List(0)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	clear(p.said)
	p.mu.Unlock()
	began := time.Now()
	p.clock.move(time.Hour)
	for time.Since(began) < 2*time.Minute {
		runs, err := p.store.List(0)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(runs) == len(before)+1 && runs[0].Status.Over() {
			p.t.Logf("%s: %s %s", when, runs[0].Status, time.Since(began).Round(time.Millisecond))
			return runs[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("%s: no run came to its end", when)
	return nil
}

// fine is an hour after which every report says what the app's own server does.
func (p *plant) fine(when string, want ...string) {
	p.t.Helper()
	r := p.hour(when)
	if r.Status != serve.Done {
		p.t.Fatalf("%s: %s: %s\n%+v", when, r.Status, r.Why, r.Steps)
	}
	for _, w := range want {
		if !strings.Contains(p.said["ingest"], w) {
			p.t.Errorf("%s: want %q in\n%.4000s", when, w, p.said["ingest"])
		}
	}
	sameFigures(p.t, when, p.app.figures(), p.figures())
}

// ask is a query on what was built.
func (p *plant) ask(query string) []string {
	p.t.Helper()
	c := p.open("")
	defer c.Close()
	return answer(p.t, c, query)
}

func (p *plant) figures() map[string][]string {
	c := p.open("")
	defer c.Close()
	return reportFigures(p.t, c)
}

// blocked is an hour that ends in a phase with words that name what is wrong, and leaves the
// reports as they were.
func (p *plant) blocked(when, phase string, had map[string][]string, want ...string) {
	p.t.Helper()
	r := p.hour(when)
	last := r.Steps[len(r.Steps)-1]
	if r.Status != serve.Failed || last.Phase != phase {
		p.t.Fatalf("%s: %s in %s: %s\n%.6000s", when, r.Status, last.Phase, r.Why, p.said[last.Phase])
	}
	for _, w := range want {
		if said, err := json.Marshal(w); err != nil || !strings.Contains(p.said[phase], strings.Trim(string(said), `"`)) {
			p.t.Errorf("%s: want %q in\n%.6000s", when, w, p.said[phase])
		}
	}
	if last.Message == "" {
		p.t.Errorf("%s: the record of the run does not say why", when)
	}
	sameFigures(p.t, when, had, p.figures())
}

// drift is what the last ingestion said of one change.
func (p *plant) drift(kind, column string) driftEntry {
	p.t.Helper()
	var doc struct{ Drift []driftEntry }
	if err := json.NewDecoder(strings.NewReader(p.said["ingest"])).Decode(&doc); err != nil {
		p.t.Fatalf("%v\n%.2000s", err, p.said["ingest"])
	}
	for _, e := range doc.Drift {
		if string(e.Kind) == kind && e.Column == column {
			return e
		}
	}
	p.t.Errorf("no %s of %q in %+v", kind, column, doc.Drift)
	return driftEntry{}
}

// TestAppDatabase ingests a real database every hour and builds the reference project on it
// while the app goes on: rows, columns and types change under it.
func TestAppDatabase(t *testing.T) {
	t.Run("duckdb", func(t *testing.T) {
		r, app := ingesting(t, "prod", "", 300)
		r.open = func(string) warehouse.Conn {
			return opened(t, duckdb.Driver{}, warehouse.Config{Dir: r.dir, Fields: map[string]string{"path": "target/prod.duckdb", "read_only": "true"}})
		}
		adapted(t, year(t, r, app))
		data, err := os.ReadFile(filepath.Join(r.dir, "target", "prod.duckdb"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("argon2$")) {
			t.Error("the file of the warehouse holds hashes of passwords")
		}
	})
	t.Run("postgres", func(t *testing.T) {
		server := pg.Shared(t)
		fields := server.Fields(server.Database(t))
		// A view that loses a column and one that no longer reads it go together.
		target := "  server:\n    type: postgres\n    schema: analytics\n    custom_schema: replace\n    publish: run\n"
		for _, k := range slices.Sorted(maps.Keys(fields)) {
			target += fmt.Sprintf("    %s: %q\n", k, fields[k])
		}
		r, app := ingesting(t, "server", target, 300)
		r.open = func(string) warehouse.Conn {
			return opened(t, postgres.Driver{}, warehouse.Config{Dir: r.dir, Fields: fields})
		}
		adapted(t, year(t, r, app))
	})
}

// year is what happens to an app, an hour at a time.
func year(t *testing.T, r *company, app *appDatabase) *plant {
	t.Helper()
	p := hourly(t, r, app)
	p.fine("the first hour")
	c := p.open("")
	for what, q := range map[string][2]string{
		"strange columns": {
			`select id, cast("externalRef" as varchar), cast(tags as varchar), cast("shelfLife" as varchar), "order", "Größe", cast(status as varchar) from raw_app.material`,
			`select id, "externalRef"::text, tags::text, "shelfLife"::text, "order", "Größe", status::text from material`,
		},
		"JSON":           {`select id, length(cast(custom_fields as varchar)) from raw_app.material`, `select id, length(custom_fields::text) from material`},
		"truncated":      {`select id, full_name, email from raw_app."user"`, `select id, left(full_name, 1), email from "user"`},
		"denied columns": {`select count(*) from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema') and lower(column_name) like '%password%'`, "select 0"},
		"other tables":   {`select count(*) from information_schema.tables where lower(table_name) like '%billing%'`, "select 0"},
	} {
		if d := cmp.Diff(answer(t, app.conn, q[1]), answer(t, c, q[0])); d != "" {
			t.Errorf("%s (-app +landed):\n%.1500s", what, d)
		}
	}
	c.Close()

	// Rows change; a column, a table and a longer type come. Nobody has agreed to them.
	app.exec(`update sale_item set unit_price = unit_price * 1.1; delete from scan where id % 5 = 0`)
	app.exec(`update machinerun set status = 'aborted', energy_kwh = coalesce(energy_kwh, 0) + 1, updated_at = '2026-07-01' where id % 4 = 0`)
	app.exec(`alter table sale_item add coupon text default 'X'; create table "Refund" (id int); alter table partner alter kind type varchar(90)`)
	p.fine("new things", `column \"coupon\" (text) is new`, `table \"Refund\" is new`)
	if e := p.drift("new_column", "coupon"); e.Level != "warning" || len(e.Models) > 0 {
		t.Errorf("a new column: %+v", e)
	}
	if e := p.drift("type_change", "kind"); e.Level != "note" {
		t.Errorf("a longer type: %+v", e)
	}
	if n := len(p.ask(`select 1 from information_schema.columns where column_name = 'coupon'`)); n > 0 {
		t.Error("the new column was taken")
	}

	// A column goes that may go: it is NULL from now on.
	app.exec(`update sale_item set unit_price = unit_price * 1.1; alter table location drop area_m2`)
	p.fine("a column that is filled", `column \"area_m2\" (numeric(20,6)) is gone`)
	if e := p.drift("removed_column", "area_m2"); e.Level != "warning" || !slices.Contains(e.Models, "dim_location") {
		t.Errorf("a filled column: %+v", e)
	}
	if d := cmp.Diff([]string{"0"}, p.ask("select count(area_m2) from core.dim_location")); d != "" {
		t.Error(d)
	}
	had := p.app.figures()

	// One goes that may not: nothing of the source is ingested, and nothing is built.
	app.exec(`create table spare as select id, discount from sale_item; alter table sale_item drop discount; update sale_item set unit_price = unit_price * 2`)
	p.blocked("a column that is missed", "ingest", had, `source app.sale_item: column "discount" (numeric(20,6)) is gone`)
	e := p.drift("removed_column", "discount")
	for what, list := range map[string][]string{"bb_sale_item fct_sales report_sales": e.Models, "fct_sales report_sales": e.Shared} {
		for _, name := range strings.Fields(what) {
			if !slices.Contains(list, name) {
				t.Errorf("%s is not in %v", name, list)
			}
		}
	}
	if len(e.Exposures) == 0 || slices.Contains(e.Models, "report_machine_history") {
		t.Errorf("a missed column: %+v", e)
	}
	app.exec(`alter table sale_item add discount numeric(20,6); update sale_item set discount = spare.discount from spare where spare.id = sale_item.id; drop table spare`)

	// A type changes: the column lands as a text, which models that sum it up do not take.
	app.exec(`alter table machinerun alter energy_kwh type text using energy_kwh::text || ' kWh'`)
	p.blocked("a type that models do not take", "build", had, "no matching signature for aggregate function SUM", "energy_kwh")
	if e := p.drift("type_change", "energy_kwh"); e.Level != "warning" || !slices.Contains(e.Models, "report_machine_history") || slices.Contains(e.Models, "report_sales") {
		t.Errorf("a type: %+v", e)
	}
	app.exec(`alter table machinerun alter energy_kwh type numeric(20,6) using replace(energy_kwh, ' kWh', '')::numeric`)

	// A column gets another name.
	app.exec(`alter table sale rename number to "saleNumber"`)
	p.blocked("a new name", "ingest", had, `column "number" (text) is gone, maybe renamed to "saleNumber"`)
	return p
}

// adapted is the project after somebody has adapted it to a column that has another name and
// one that is gone, and has agreed to both.
func adapted(t *testing.T, p *plant) {
	t.Helper()
	r := p.company
	p.edit("models/staging/sale_stg.sql", func(text string) string {
		return strings.Replace(text, "sale.number as", "sale.saleNumber as", 1)
	})
	p.engine([]string{"ingest", "--accept-drift"}, "19 tables ingested", "wrote engine.lock.json")
	p.edit("models/staging/base/app/app__sources.yml", func(text string) string { // the area is nobody's any more
		return strings.Replace(text, "drift: {removed_column: null_fill}", "drift: {removed_column: fail}", 1)
	})
	p.edit("models/staging/location_stg.sql", func(text string) string {
		return strings.Replace(text, "location.area_m2", "cast(null as numeric) as area_m2", 1)
	})
	p.fine("an adapted project")
	p.fine("another hour") // when no view reads what is gone any more
	if strings.Contains(p.said["ingest"], "ingest-drift") || strings.Contains(p.said["ingest"], "views read it") {
		t.Errorf("there is drift after it was accepted:\n%.2000s", p.said["ingest"])
	}
	if d := cmp.Diff([]string{}, p.ask(`select table_name from information_schema.columns where table_schema = 'raw_app' and table_name in ('sale', 'location') and column_name in ('number', 'area_m2')`)); d != "" {
		t.Error(d)
	}

	// The lock is enough to check the project: with the app gone nothing changes.
	p.edit("engine.yml", func(text string) string {
		return strings.Replace(text, "connections:\n  app:\n    type: postgres\n", "connections:\n  app:\n    type: postgres\n    url: ${APP_URL}\n", 1)
	})
	p.engine([]string{"check"}, "")
	p.edit("models/staging/sale_stg.sql", func(text string) string {
		return strings.Replace(text, "sale.saleNumber as", "sale.number as", 1)
	})
	a, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd, a.now = func() (string, error) { return r.dir, nil }, time.Now
	if code := a.execute([]string{"check", "--target", r.target, "--no-color"}); code == exitDone || !strings.Contains(out.String()+errs.String(), "number") {
		t.Errorf("a column that the lock does not have: exit code %d\n%.2000s%.2000s", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(r.dir, project.LockFile)); err != nil {
		t.Error(err)
	}
}
