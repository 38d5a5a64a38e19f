package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/example"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// appDatabase is the database of the manufacturing company's app: the tables that the
// reference project has as seeds, in the types that an app has.
type appDatabase struct {
	t      *testing.T
	server *pg.Server
	name   string
	conn   warehouse.Conn
}

// kept is a Writer into memory.
type kept map[string]*bytes.Buffer

type closing struct{ *bytes.Buffer }

func (closing) Close() error { return nil }

func (k kept) Create(path string) (io.WriteCloser, error) {
	k[path] = &bytes.Buffer{}
	return closing{k[path]}, nil
}

// appTypes are the columns that an app has in another type than the seeds'.
var appTypes = map[string]string{
	"material.status": "material_status", "material.custom_fields": "jsonb", "product.custom_fields": "jsonb", "transaction.custom_fields": "jsonb",
	"account.slug": "slug", "scan.id": "integer", "machine.retired_at": "timestamptz(3)",
}

// newAppDatabase makes the database, and files of the rows that are not the app's.
func newAppDatabase(t *testing.T, dir string, materials int) *appDatabase {
	t.Helper()
	ctx := context.Background()
	files := kept{}
	if err := example.Manufacturing(ctx, files, example.Options{Materials: materials}); err != nil {
		t.Fatal(err)
	}
	server := pg.Shared(t)
	a := &appDatabase{t: t, server: server, name: server.Database(t)}
	a.conn = opened(t, postgres.Driver{}, warehouse.Config{Fields: server.Fields(a.name)})
	text, err := os.ReadFile(filepath.Join("..", "..", "models", "staging", "base", "app", "app__seeds.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var props struct {
		Seeds []struct {
			Config struct {
				Alias string
				Types map[string]string `yaml:"column_types"`
			}
		}
	}
	if err := yaml.Unmarshal(text, &props); err != nil {
		t.Fatal(err)
	}
	a.exec(`create type material_status as enum ('active', 'consumed', 'quarantined', 'sold', 'sent', 'destroyed')`)
	a.exec(`create domain slug as text check (value ~ '^[a-z0-9_]+$')`)
	native := map[string]string{"int64": "bigint", "string": "text", "bool": "boolean", "timestamp": "timestamptz", "numeric": "numeric(20,6)", "date": "date"}
	for _, s := range props.Seeds {
		table := s.Config.Alias
		data := files["seeds/app/app_"+table+".csv"]
		header, err := csv.NewReader(bytes.NewReader(data.Bytes())).Read()
		if err != nil {
			t.Fatal(err)
		}
		var columns []string
		for _, name := range header {
			typ := appTypes[table+"."+name]
			if typ == "" {
				typ = native[s.Config.Types[name]]
			}
			if name == "id" && table != "custom_field" { // whose ids are those of a tenant
				typ += " primary key"
			}
			columns = append(columns, fmt.Sprintf("%q %s", name, typ))
		}
		a.exec(fmt.Sprintf("create table %q (%s)", table, strings.Join(columns, ", ")))
		c, err := server.Dial(ctx, a.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CopyFrom(ctx, data, fmt.Sprintf("copy %q from stdin with (format csv, header)", table)); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		if err := c.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// What apps have, and seeds do not.
	a.exec(`alter table material add "externalRef" uuid, add tags text[], add "shelfLife" interval, add "order" smallint, add "Größe" numeric(6,2)`)
	a.exec(`update material set "externalRef" = md5(id::text)::uuid, tags = array['lot', kind, 'a "b", c'], "shelfLife" = make_interval(days => (id % 90)::int, hours => 3), "order" = id % 100, "Größe" = id % 7 + 0.25`)
	a.exec(`alter table "user" add password_hash text`)
	a.exec(`update "user" set password_hash = 'argon2$' || md5(email)`)
	a.exec(`create table "Billing" (id bigint primary key, card text)`)
	for path, data := range files {
		if strings.HasPrefix(path, "seeds/app/") {
			continue
		}
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, data.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// exec changes the app.
func (a *appDatabase) exec(sql string) {
	a.t.Helper()
	if err := a.server.Exec(context.Background(), a.name, sql); err != nil {
		a.t.Fatalf("%s: %v", sql, err)
	}
}

// answer is a query's rows, sorted, with numbers as numbers are: 2.50 is 2.5.
func answer(t *testing.T, c warehouse.Conn, query string) []string {
	t.Helper()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: query})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = fmt.Sprint(v)
			if v == nil {
				words[i] = "NULL"
			}
			if n, ok := new(big.Rat).SetString(words[i]); ok {
				words[i] = strings.TrimRight(strings.TrimRight(n.FloatString(6), "0"), ".")
			}
		}
		out = append(out, strings.Join(words, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	slices.Sort(out)
	return out
}

// kinship are all pairs of a lot and what it was made from, worked out by the app's server.
const kinship = `with recursive edge as (
  select i.material_id as parent, o.material_id as child from transaction_input i join transaction_output o on o.transaction_id = i.transaction_id and o.tenant_id = i.tenant_id
  union select material_id, received_material_id from transfer where received_material_id is not null
), kin as (select parent, child from edge union select kin.parent, edge.child from kin join edge on edge.parent = kin.child)
`

// appReports are the reports in figures, and the same figures as the app's own server works
// them out of the app's tables.
var appReports = map[string]struct{ report, app string }{
	"sales": {
		"select tenant_id, sum(sold_kg), sum(gross_amount), sum(discount_amount), sum(net_amount), sum(margin_amount) from reports.report_sales group by 1",
		`select l.tenant_id, sum(l.quantity) / 1000, sum(l.quantity * l.unit_price), sum(round(l.quantity * l.unit_price * l.discount, 2)),
		 sum(l.quantity * l.unit_price - round(l.quantity * l.unit_price * l.discount, 2)),
		 sum(l.quantity * l.unit_price - round(l.quantity * l.unit_price * l.discount, 2)) - sum(l.quantity * m.unit_cost)
		 from sale_item l join sale s on s.id = l.sale_id and s.tenant_id = l.tenant_id left join material m on m.id = l.material_id and m.tenant_id = l.tenant_id
		 where lower(trim(s.status)) = 'completed' group by 1`,
	},
	"machines": {
		"select tenant_id, sum(run_count), sum(aborted_count), sum(energy_kwh), sum(input_kg) from reports.report_machine_history group by 1",
		`select r.tenant_id, count(*), sum(case when r.status = 'aborted' then 1 else 0 end), sum(r.energy_kwh),
		 sum(case when t.id is not null then coalesce((select sum(quantity) from transaction_input i where i.transaction_id = t.id and i.tenant_id = t.tenant_id), 0) end) / 1000
		 from machinerun r join machine m on m.id = r.machine_id and m.tenant_id = r.tenant_id left join transaction t on t.machinerun_id = r.id and t.tenant_id = r.tenant_id group by 1`,
	},
	"production": {
		"select tenant_id, sum(lot_count), sum(produced_kg), sum(produced_units), sum(production_cost) from reports.report_production group by 1",
		`select o.tenant_id, count(*), sum(o.quantity) / 1000, sum(m.unit_count), sum(o.quantity * m.unit_cost)
		 from transaction_output o join transaction t on t.id = o.transaction_id and t.tenant_id = o.tenant_id
		 left join material m on m.id = o.material_id and m.tenant_id = o.tenant_id group by 1`,
	},
	"inventory": {
		"select tenant_id, sum(lot_count), sum(on_hand_kg), sum(inventory_value) from reports.report_inventory_valuation group by 1",
		`select tenant_id, count(*), sum(rest) / 1000, sum(rest * unit_cost) from (
		   select m.tenant_id, m.unit_cost, m.quantity
		   - coalesce((select sum(quantity) from transaction_input i where i.material_id = m.id and i.tenant_id = m.tenant_id), 0)
		   - coalesce((select sum(l.quantity) from sale_item l join sale s on s.id = l.sale_id and s.tenant_id = l.tenant_id where lower(trim(s.status)) = 'completed' and l.material_id = m.id and l.tenant_id = m.tenant_id), 0)
		   - coalesce((select sum(quantity) from transfer t where t.status <> 'rejected' and t.material_id = m.id and t.tenant_id = m.tenant_id), 0) as rest
		   from material m) as stock where rest > 0 group by 1`,
	},
	"traceability": {
		"select tenant_id, sum(lot_count), max(max_descendants) from reports.report_traceability group by 1",
		kinship + `select m.tenant_id, count(*), max((select count(*) from kin where kin.parent = m.id)) from material m group by 1`,
	},
	"recall": {
		"select recalled_tenant_id, count(*), sum(shipped_g) from reports.report_recall group by 1",
		kinship + `, reach as (select parent as lot, child as shipped from kin union all select id, id from material),
		 shipment as (select l.material_id, l.quantity from sale_item l join sale s on s.id = l.sale_id and s.tenant_id = l.tenant_id where lower(trim(s.status)) = 'completed'
		   union all select material_id, quantity from transfer where status <> 'rejected')
		 select m.tenant_id, count(*), sum(shipment.quantity) from reach join shipment on shipment.material_id = reach.shipped join material m on m.id = reach.lot group by 1`,
	},
}

// figures are the app's own of all reports.
func (a *appDatabase) figures() map[string][]string {
	a.t.Helper()
	out := map[string][]string{}
	for name, q := range appReports {
		out[name] = answer(a.t, a.conn, q.app)
	}
	return out
}

// reportFigures are the figures of all reports at a target.
func reportFigures(t *testing.T, c warehouse.Conn) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(appReports)) {
		out[name] = answer(t, c, appReports[name].report)
	}
	return out
}

func sameFigures(t *testing.T, when string, want, got map[string][]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if len(want[name]) == 0 {
			t.Errorf("%s: report %s has nothing to compare", when, name)
		}
		if d := cmp.Diff(want[name], got[name]); d != "" {
			t.Errorf("%s: report %s (-app +report):\n%.1500s", when, name, d)
		}
	}
}

// ingesting is the reference project with the app's database in the place of its seeds: the
// same models and tests on sources that are ingested.
func ingesting(t *testing.T, target, fields string, materials int) (*company, *appDatabase) {
	t.Helper()
	r := newReference(t, target, fields)
	for _, name := range []string{"seeds", "models/staging/base/app/app__seeds.yml"} {
		if err := os.RemoveAll(filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	app := newAppDatabase(t, r.dir, materials)
	r.edit("models/staging/base/app/app__sources.yml", func(text string) string {
		text = strings.Replace(text, "    loader: seeds\n", `    ingest:
      kind: copy
      connection: app
      deny_columns: ["(?i)password|token|secret"]
      drift: {new_table: report}
`, 1)
		special := map[string]string{
			"location":   `{columns: "*", drift: {removed_column: null_fill}}`,
			"machinerun": `{columns: "*", drift: {type_change: text}}`,
			"user":       `{columns: "*", transform: {full_name: {truncate: 1}}}`,
		}
		return regexp.MustCompile(`(?m)^      - name: (\w+)$`).ReplaceAllStringFunc(text, func(line string) string {
			words, ok := special[strings.TrimPrefix(line, "      - name: ")]
			if !ok {
				words = `{columns: "*"}`
			}
			return line + "\n        ingest: " + words
		})
	})
	connection := "\nconnections:\n  app:\n    type: postgres\n"
	from := app.server.Fields(app.name)
	for _, k := range slices.Sorted(maps.Keys(from)) {
		connection += fmt.Sprintf("    %s: %q\n", k, from[k])
	}
	r.edit("engine.yml", func(text string) string {
		text = strings.Replace(text, "  app:\n    +schema: raw_app\n    +tags: [raw, app]\n", "", 1)
		return text + connection + "\nschedules:\n  - {name: hourly, every: 1h, target: " + target + ", phases: [ingest, build], catchup_window: 1m, deadline: 30m}\n"
	})
	return r, app
}

// edit changes a file of the project.
func (r *company) edit(name string, change func(string) string) {
	r.t.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	old, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	text := change(string(old))
	if text == string(old) {
		r.t.Fatalf("%s stayed as it was", name)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}
