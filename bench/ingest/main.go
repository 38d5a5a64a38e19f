package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

type options struct {
	rows, rounds int
	engine, jobs string
	dir          string
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the table, of 10 columns")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each is measured; the median counts")
	flag.StringVar(&o.engine, "engine", "", "the program; default: it is built")
	flag.StringVar(&o.jobs, "jobs", "2", "workers")
	flag.Parse()
	if err := o.measure(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// table and csvColumns are the columns, there and in DuckDB.
const table = `create table wide (id bigint primary key, tenant_id integer not null, sku text not null, name varchar(60), quantity numeric(12,3), price double precision,
  active boolean, made_on date, updated_at timestamptz not null, note text)`

const filling = `insert into wide select i, (i %% 500)::int, 'SKU-' || (i * 7919 %% 100000), 'material number ' || i, (i * 31 %% 1000000)::numeric / 1000, i * 0.37, i %% 3 = 0,
  date '2020-01-01' + (i %% 2000)::int, timestamptz '2024-01-01 00:00:00+00' + i * interval '1 second', case when i %% 10 = 0 then null else 'note "' || md5(i::text) || '"' end
  from generate_series(1, %d::bigint) as i`

const csvColumns = `{'id': 'BIGINT', 'tenant_id': 'INTEGER', 'sku': 'VARCHAR', 'name': 'VARCHAR', 'quantity': 'DECIMAL(12,3)', 'price': 'DOUBLE', 'active': 'BOOLEAN', 'made_on': 'DATE', 'updated_at': 'TIMESTAMPTZ', 'note': 'VARCHAR'}`

// run is one measurement.
type run struct {
	took time.Duration
	rss  int64 // bytes at the peak; 0: not measured
}

func (o *options) measure(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "ingest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.dir = dir
	psql, err := exec.LookPath("psql")
	if err != nil {
		return errors.New("needs psql")
	}
	server, err := pg.Start(ctx, pg.Options{Settings: []string{"shared_buffers='256MB'"}})
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := server.Exec(ctx, "postgres", "create database bench"); err != nil {
		return err
	}
	for _, sql := range []string{table, fmt.Sprintf(filling, o.rows), "vacuum analyze wide"} {
		if err := server.Exec(ctx, "bench", sql); err != nil {
			return err
		}
	}
	fields := server.Fields("bench")
	if o.engine == "" {
		o.engine = filepath.Join(dir, "engine")
		if out, err := exec.Command("go", "build", "-o", o.engine, "./cmd/engine").CombinedOutput(); err != nil {
			return fmt.Errorf("build the program: %w\n%s", err, out)
		}
	}
	var connection strings.Builder
	for name, value := range fields {
		fmt.Fprintf(&connection, ", %s: %q", name, value)
	}
	for name, text := range map[string]string{
		"engine.yml":         "name: bench\ntargets:\n  dev: {type: duckdb, path: target/w.duckdb, schema: main}\nconnections:\n  app: {type: postgres" + connection.String() + "}\n",
		"models/sources.yml": "sources:\n  - name: app\n    schema: raw_app\n    ingest: {kind: copy, connection: app}\n    tables:\n      - {name: wide, ingest: {columns: \"*\"}}\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	var ours, theirs []run
	for range o.rounds {
		a, err := o.byHand(ctx, psql, fields)
		if err != nil {
			return err
		}
		b, err := o.ingest(ctx)
		if err != nil {
			return err
		}
		theirs, ours = append(theirs, a), append(ours, b)
		fmt.Printf("psql COPY and read_csv %6.2f s    engine ingest %6.2f s, %d MB at the peak\n", a.took.Seconds(), b.took.Seconds(), b.rss>>20)
	}
	a, b := median(theirs), median(ours)
	peak := int64(0)
	for _, r := range ours {
		peak = max(peak, r.rss)
	}
	fmt.Printf("%d rows: median %.2f s by hand, %.2f s by engine ingest: %.2f×, %d MB at the peak\n", o.rows, a.Seconds(), b.Seconds(), b.Seconds()/a.Seconds(), peak>>20)
	return o.same(ctx, server)
}

func median(runs []run) time.Duration {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b run) int { return int(a.took - b.took) })
	return runs[len(runs)/2].took
}

// byHand copies through a file.
func (o *options) byHand(ctx context.Context, psql string, fields map[string]string) (run, error) {
	file, path := filepath.Join(o.dir, "wide.csv"), filepath.Join(o.dir, "hand.duckdb")
	_ = os.Remove(path)
	start := time.Now()
	cmd := exec.CommandContext(ctx, psql, "-h", fields["host"], "-p", fields["port"], "-U", fields["user"], "-d", fields["dbname"], "-q", "-c", `\copy wide to '`+file+`' (format csv, header)`)
	cmd.Env = append(os.Environ(), "PGTZ=UTC")
	if out, err := cmd.CombinedOutput(); err != nil {
		return run{}, fmt.Errorf("psql: %w\n%s", err, out)
	}
	c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: o.dir, Fields: map[string]string{"path": path}})
	if err != nil {
		return run{}, err
	}
	_, err = c.Exec(ctx, warehouse.Statement{SQL: "create table wide as select * from read_csv('" + file + "', header = true, columns = " + csvColumns + ")"})
	if err = errors.Join(err, c.Close()); err != nil {
		return run{}, err
	}
	took := time.Since(start)
	return run{took: took}, errors.Join(os.Remove(file))
}

// ingest runs the program from nothing, start and lock included.
func (o *options) ingest(ctx context.Context) (run, error) {
	_ = os.RemoveAll(filepath.Join(o.dir, "target"))
	_ = os.Remove(filepath.Join(o.dir, "engine.lock.json"))
	start := time.Now()
	cmd := exec.CommandContext(ctx, o.engine, "ingest", "--project-dir", o.dir, "--jobs", o.jobs, "--quiet")
	if out, err := cmd.CombinedOutput(); err != nil {
		return run{}, fmt.Errorf("engine ingest: %w\n%s", err, out)
	}
	out := run{took: time.Since(start)}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		out.rss = usage.Maxrss << 10 // Linux counts kilobytes
	}
	return out, nil
}

// same makes sure that both have the same rows.
func (o *options) same(ctx context.Context, _ *pg.Server) error {
	c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: o.dir, Fields: map[string]string{"path": filepath.Join(o.dir, "target", "w.duckdb")}})
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "attach '" + filepath.Join(o.dir, "hand.duckdb") + "' as hand (read_only)"}); err != nil {
		return err
	}
	rows, err := c.Query(ctx, warehouse.Statement{SQL: "select count(*) from (from hand.main.wide except all from raw_app.wide) union all select count(*) from (from raw_app.wide except all from hand.main.wide)"})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		if fmt.Sprint(values[0]) != "0" {
			return fmt.Errorf("%v rows are not the same", values[0])
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	fmt.Println("both have the same rows")
	return nil
}
