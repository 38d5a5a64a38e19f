package crash

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// givers are the customers of the project that is published and killed.
var givers = []string{"acme", "bmw", "cascade", "dunlop", "eagle"}

// given are the relations that each of them has and that change; steady is one that never does,
// so that every publication keeps something.
var given = []string{"material", "movement", "unit"}

const steady = "colour"

// writeShop writes a project whose rows all carry one version, and customers who differ in
// what they get of them.
func writeShop(t *testing.T, dir, targets string, version int) {
	t.Helper()
	var raw, customers, tenants strings.Builder
	raw.WriteString("id,tenant_id,version\n")
	customers.WriteString("customer,contract\n")
	tenants.WriteString("customer,tenant\n")
	for i, c := range givers {
		fmt.Fprintf(&customers, "%s,%d\n", c, 1+i%2)
		fmt.Fprintf(&tenants, "%s,%d\n%s,%d\n", c, i, c, i+1)
	}
	for id := range 60 {
		fmt.Fprintf(&raw, "%d,%d,%d\n", id, id%7, version)
	}
	for name, text := range map[string]string{
		"engine.yml": "name: shop\ntarget: dev\n" + targets + `
seeds: {+distribute: never}
distribution:
  customers: {csv: config/customers.csv}
  customer_tenants: {csv: config/customer_tenants.csv}
  links: [{customer: acme, entity: material, key: 5}]
  transfers: [{customer: bmw, entity: material, key: 6}]
  contracts:
    - {version: 1, changes: [{model: material, renamed: {release: version}}]}
    - {version: 2}
`,
		"config/customers.csv":        customers.String(),
		"config/customer_tenants.csv": tenants.String(),
		"seeds/raw.csv":               raw.String(),
		"models/material.sql":         `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, version from {{ ref "raw" }}`,
		"models/movement.sql":         `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, version, n from {{ ref "raw" }} cross join unnest(generate_array(1, 20)) as n`,
		"models/unit.sql":             fmt.Sprintf(`{{ config "materialized" "table" "distribute" "shared" }}select 'g' as unit, %d as version`, version),
		"models/colour.sql":           `{{ config "materialized" "table" "distribute" "shared" }}select 'red' as colour`,
		"models/m.yml":                "version: 2\nmodels:\n  - name: material\n    config: {links: {material: id}, partial: {via: {material: id}, visible: [id, tenant_id, version]}}\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// versionsOf is a query of all versions that a customer's relations have, with how many rows.
func versionsOf(customer string, old bool) string {
	var parts []string
	for _, name := range given {
		column := "version"
		if old && name == "material" {
			column = "release" // contract 1
		}
		parts = append(parts, fmt.Sprintf("select '%s ' || count(*) || ' of ' || %s as line from dw_%s.%s group by %s", name, column, customer, name, column))
	}
	parts = append(parts, fmt.Sprintf("select 'steady ' || count(*) || ' ' || %s from dw_%s.%s group by %s", steady, customer, steady, steady))
	return strings.Join(parts, " union all ") + " order by 1"
}

// killPublications builds version after version, kills their publication at a random moment,
// and looks at what each customer has: all of the version before, or all of the new one. The
// next publication repairs the rest.
func killPublications(t *testing.T, dir, targets string, seed uint64, read func(t *testing.T, customer, query string) []string) {
	r := rand.New(rand.NewPCG(7, seed))
	publish := []string{"publish", "--project-dir", dir, "--jobs", "3"}
	build := func(version int) {
		writeShop(t, dir, targets, version)
		engine(t, "build", "--project-dir", dir, "--no-catalog")
	}
	look := func() map[string]string {
		out := map[string]string{}
		for i, c := range givers {
			out[c] = strings.Join(read(t, c, versionsOf(c, i%2 == 0)), "\n")
		}
		return out
	}
	build(0)
	start := time.Now()
	engine(t, publish...)
	took := time.Since(start)
	before := look()
	for c, text := range before {
		if strings.Count(text, "\n") != len(given) || !strings.Contains(text, "steady 1 red") || strings.Count(text, "of 0") != len(given) {
			t.Fatalf("the first publication gave %s:\n%s", c, text)
		}
	}
	n := kills(t, 12)
	died, old, fresh, mixed := 0, 0, 0, 0
	for i := range n {
		version := i + 1
		build(version)
		// In its first third a publication reads the project, and does nothing yet.
		after := took/3 + time.Duration(r.Int64N(int64(took*2/3)))
		if killAfter(t, after, publish...) {
			died++
			took += took / 50
		} else {
			took = max(took*9/10, 100*time.Millisecond)
		}
		when := fmt.Sprintf("round %d, killed after %v", i, after)
		found := look()
		olds, news := 0, 0
		for c, text := range found {
			switch want := strings.ReplaceAll(before[c], fmt.Sprintf("of %d", i), fmt.Sprintf("of %d", version)); text {
			case before[c]:
				olds++
			case want:
				news++
			default:
				t.Fatalf("%s: %s has neither all of version %d nor all of %d:\n%s", when, c, i, version, text)
			}
		}
		switch {
		case olds == len(givers):
			old++
		case news == len(givers):
			fresh++
		default:
			mixed++
		}
		out := engine(t, publish...)
		repaired := look()
		for c, text := range repaired {
			if want := strings.ReplaceAll(before[c], fmt.Sprintf("of %d", i), fmt.Sprintf("of %d", version)); text != want {
				t.Fatalf("%s: the next publication left %s\n%s\n%s", when, c, text, out)
			}
		}
		if out := engine(t, publish...); !strings.Contains(out, "nothing to publish") {
			t.Fatalf("%s: after the repair something is due:\n%s", when, out)
		}
		before = repaired
	}
	t.Logf("%d of %d publications were killed while they ran: %d times nobody had anything new, %d times some had, %d times all had", died, n, old, mixed, fresh)
	if died < n/3 || old+mixed == 0 || n >= 50 && mixed == 0 {
		t.Errorf("of %d publications %d were killed while they ran, %d times some customers had the new version: the test tests too little", n, died, mixed)
	}
}

// TestKilledPublication kills publications to customers' files.
func TestKilledPublication(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killPublications(t, dir, duckTargets, 1, func(t *testing.T, customer, query string) []string {
		t.Helper()
		path := filepath.Join(dir, "target", "customers", customer+".duckdb")
		if log, err := os.Stat(path + ".wal"); err == nil && log.Size() > 0 {
			t.Fatalf("%s has a log of %d bytes: whoever copies the file gets half of it", path, log.Size())
		}
		db, err := sql.Open("duckdb", path+"?access_mode=read_only")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return column(t, db, query)
	})
}

// TestKilledPublicationOnPostgres kills publications to schemas of one database.
func TestKilledPublicationOnPostgres(t *testing.T) {
	t.Parallel()
	server := pg.Shared(t)
	database := server.Database(t)
	ask := newAsker(t, server, database)
	killPublications(t, t.TempDir(), pgTargets(server, database, nil), 2, func(t *testing.T, _, query string) []string {
		t.Helper()
		// The server ends what the dead process had sent.
		for range 200 {
			if slices.Equal(ask.must("select count(*)::text from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"), []string{"0"}) {
				break
			}
			time.Sleep(25 * time.Millisecond)
		}
		return ask.must(query)
	})
}
