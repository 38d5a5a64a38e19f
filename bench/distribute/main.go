package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

type options struct {
	on, dir, jobs, engine   string
	customers, models, rows int
	naive                   int
	index, scanOnly         bool
	server                  string // folder of PostgreSQL's
}

func main() {
	var o options
	flag.StringVar(&o.on, "on", "duckdb", "duckdb or postgres")
	flag.StringVar(&o.dir, "dir", "", "folder to work in; default: a temporary one")
	flag.StringVar(&o.engine, "engine", "", "the program; default: it is built")
	flag.StringVar(&o.jobs, "jobs", "2", "workers")
	flag.IntVar(&o.customers, "customers", 1000, "customers")
	flag.IntVar(&o.models, "models", 40, "models")
	flag.IntVar(&o.rows, "rows", 5_000_000, "rows of all models together")
	flag.IntVar(&o.naive, "naive", 20, "customers that the naive script copies; its time is scaled to all")
	flag.BoolVar(&o.index, "index", false, "on PostgreSQL, the models have an index on the tenant")
	flag.BoolVar(&o.scanOnly, "scan", false, "publish nothing: only explain what is read")
	flag.Parse()
	if err := o.measure(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (o *options) measure(ctx context.Context) error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "distribute")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	fields := map[string]string{"path": "target/warehouse.duckdb"}
	var driver warehouse.Driver = duckdb.Driver{}
	if o.on == "postgres" {
		server, err := pg.Start(ctx, pg.Options{})
		if err != nil {
			return err
		}
		defer server.Stop()
		if err := server.Exec(ctx, "postgres", "create database bench"); err != nil {
			return err
		}
		fields, driver = server.Fields("bench"), postgres.Driver{}
		o.server = server.Host
	}
	if err := o.project(fields); err != nil {
		return err
	}
	bin := o.engine
	if bin == "" {
		bin = filepath.Join(o.dir, "engine")
		if out, err := exec.Command("go", "build", "-o", bin, "./cmd/engine").CombinedOutput(); err != nil {
			return fmt.Errorf("build the program: %w\n%s", err, out)
		}
	}
	open := func() (warehouse.Conn, error) {
		return driver.Open(ctx, warehouse.Config{Type: o.on, Dir: o.dir, Fields: fields})
	}
	step := func(what string, args ...string) (used, error) {
		before, err := counters(ctx, o.on, open)
		if err != nil {
			return used{}, err
		}
		serving := o.serving()
		start := time.Now()
		cmd := exec.Command(bin, append(args, "-C", o.dir, "-j", o.jobs)...)
		out, err := cmd.CombinedOutput()
		took := time.Since(start)
		if err != nil {
			return used{}, fmt.Errorf("%s: %w\n%s", what, err, tail(string(out)))
		}
		after, err := counters(ctx, o.on, open)
		if err != nil {
			return used{}, err
		}
		cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() + o.serving() - serving
		fmt.Printf("%-28s %9.2fs, CPU %.2fs", what, took.Seconds(), cpu.Seconds())
		if o.on == "postgres" {
			fmt.Printf("  %14d rows read, %8.2f GB of blocks", after.rows-before.rows, float64(after.blocks-before.blocks)*8192/1e9)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		fmt.Printf("  %s\n", lines[len(lines)-1])
		return used{took, cpu}, nil
	}
	fmt.Printf("%s: %d customers, %d models, %d rows, %s jobs; load %s\n", o.on, o.customers, o.models, o.rows, o.jobs, load())
	if _, err := step("build", "build", "--no-catalog"); err != nil {
		return err
	}
	if o.scanOnly {
		return o.scan(ctx, open)
	}
	if _, err := step("plan", "publish", "--dry-run"); err != nil {
		return err
	}
	full, err := step("publish, from nothing", "publish")
	if err != nil {
		return err
	}
	if _, err := step("publish, unchanged", "publish"); err != nil {
		return err
	}
	if err := o.tenants(1); err != nil {
		return err
	}
	one, err := step("publish, one customer", "publish")
	if err != nil {
		return err
	}
	naive, err := o.script(ctx, open)
	if err != nil {
		return err
	}
	all := naive * time.Duration(o.customers) / time.Duration(max(o.naive, 1))
	fmt.Printf("naive script: %.2fs for %d customers, so %.0fs for all; %d rows read for all\n", naive.Seconds(), o.naive, all.Seconds(), o.customers*o.rows)
	fmt.Printf("full / naive %.2f, one customer / full 1/%.0f, by CPU 1/%.0f; load %s\n", full.took.Seconds()/all.Seconds(), full.took.Seconds()/one.took.Seconds(), full.cpu.Seconds()/one.cpu.Seconds(), load())
	return o.scan(ctx, open)
}

// used is what a step took, and CPU time of the engine and the warehouse: a machine that does
// something else, too, changes that less.
type used struct{ took, cpu time.Duration }

// serving is the CPU time of a PostgreSQL server's sessions that have ended, and of its first
// process, 0 where the system does not say it.
func (o *options) serving() time.Duration {
	if o.server == "" {
		return 0
	}
	time.Sleep(200 * time.Millisecond) // sessions end after the program that had them
	pid, err := os.ReadFile(filepath.Join(o.server, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	b, err := os.ReadFile("/proc/" + first + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	var ticks int64
	for i, field := range strings.Fields(rest) {
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && i >= 11 && i <= 14 { // utime to cstime, see proc(5)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// load is that of the machine, where the system says it.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:2], " ")
}

func tail(text string) string {
	if len(text) > 3000 {
		return text[len(text)-3000:]
	}
	return text
}

// counted are PostgreSQL's own counters of a database.
type counted struct{ rows, blocks int64 }

func counters(ctx context.Context, on string, open func() (warehouse.Conn, error)) (c counted, err error) {
	if on != "postgres" {
		return c, nil
	}
	time.Sleep(1200 * time.Millisecond) // sessions write their counters once a second
	conn, err := open()
	if err != nil {
		return c, err
	}
	defer conn.Close()
	rows, err := conn.Query(ctx, warehouse.Statement{SQL: "select tup_returned, blks_read + blks_hit from pg_stat_database where datname = current_database()"})
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return c, err
		}
		c.rows, _ = v[0].(int64)
		c.blocks, _ = v[1].(int64)
	}
	return c, rows.Err()
}

// project writes models of so many rows, whose tenants are the customers' own.
func (o *options) project(fields map[string]string) error {
	target := "{type: " + o.on + ", schema: dw"
	for name, value := range fields {
		target += fmt.Sprintf(", %s: %q", name, value)
	}
	files := map[string]string{"engine.yml": "name: shop\ntarget: dev\ntargets:\n  dev: " + target + "}\n" + `distribution:
  customers: {csv: config/customers.csv}
  customer_tenants: {csv: config/tenants.csv}
`}
	var customers strings.Builder
	customers.WriteString("customer\n")
	for c := range o.customers {
		fmt.Fprintf(&customers, "c%d\n", c)
	}
	files["config/customers.csv"] = customers.String()
	each := o.rows / o.models
	if o.index {
		properties := "models:\n"
		for m := range o.models {
			properties += fmt.Sprintf("  - {name: m%02d, config: {indexes: [{columns: [tenant_id]}]}}\n", m)
		}
		files["models/models.yml"] = properties
	}
	for m := range o.models {
		files[fmt.Sprintf("models/m%02d.sql", m)] = fmt.Sprintf(`{{ config "materialized" "table" "distribute" "tenant" "across_tenants" "made up" }}
select n as id, mod(n * 7919 + %d, %d) as tenant_id, concat('name ', cast(n as string)) as name, n * 3 as amount, mod(n, 97) as kind
from unnest(generate_array(1, %d)) as n
`, m, o.customers, each)
	}
	for name, text := range files {
		path := filepath.Join(o.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return o.tenants(0)
}

// tenants gives every customer a tenant, and the first one so many more.
func (o *options) tenants(more int) error {
	var b strings.Builder
	b.WriteString("customer,tenant\n")
	for c := range o.customers {
		fmt.Fprintf(&b, "c%d,%d\n", c, c)
	}
	for i := range more {
		fmt.Fprintf(&b, "c0,%d\n", i+1)
	}
	return os.WriteFile(filepath.Join(o.dir, "config", "tenants.csv"), []byte(b.String()), 0o644)
}

// script is what people write: everything of a customer is dropped and copied anew, one
// filtered copy per model.
func (o *options) script(ctx context.Context, open func() (warehouse.Conn, error)) (time.Duration, error) {
	conn, err := open()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	start := time.Now()
	for c := range o.naive {
		var texts []string
		in := fmt.Sprintf("naive_%d", c)
		if o.on == "postgres" {
			texts = append(texts, "create schema "+in)
		} else {
			path := filepath.Join(o.dir, in+".duckdb")
			texts = append(texts, fmt.Sprintf("attach '%s' as %s", path, in))
			in += ".main"
		}
		for m := range o.models {
			texts = append(texts, fmt.Sprintf("create table %s.m%02d as select * from dw.m%02d where tenant_id in (%d)", in, m, m, c))
		}
		if o.on != "postgres" {
			texts = append(texts, fmt.Sprintf("detach naive_%d", c))
		}
		for _, text := range texts {
			if _, err := conn.Exec(ctx, warehouse.Statement{SQL: text}); err != nil {
				return 0, fmt.Errorf("%s: %w", text, err)
			}
		}
	}
	return time.Since(start), nil
}
