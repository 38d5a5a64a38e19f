package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// BenchmarkPostgres is plan and apply of trivial tables on a PostgreSQL server, and the
// same tables made by hand with the bare client in the same run: «ratio» is the one by the
// other, «µs/model» what the engine takes for each. The first build makes the tables, the
// second replaces them.
func BenchmarkPostgres(b *testing.B) {
	const jobs = 4
	for _, models := range []int{200, 1000} {
		b.Run(fmt.Sprintf("models=%d", models), func(b *testing.B) {
			server := pg.Shared(b)
			dir := b.TempDir()
			database := server.Database(b)
			o := trivial(b, dir, models, server.Fields(database))
			p, ds := engine.Load(o)
			if ds.HasErrors() {
				b.Fatal(ds[0])
			}
			program, ds := engine.Compile(context.Background(), p, o)
			if ds.HasErrors() {
				b.Fatal(ds[0])
			}
			selection := plan.Selection{Nodes: map[addr.Node]bool{}, Force: true}
			for _, id := range program.Order {
				selection.Nodes[id] = true
			}
			var first, again, bareFirst, bareAgain time.Duration
			rounds := 0
			for b.Loop() {
				reset(b, server, database)
				first += timed(func() { build(b, program, o, selection, jobs) })
				again += timed(func() { build(b, program, o, selection, jobs) })
				bareFirst += timed(func() { byHand(b, server, database, models, jobs, false) })
				bareAgain += timed(func() { byHand(b, server, database, models, jobs, true) })
				rounds++
			}
			b.ReportMetric(first.Seconds()/bareFirst.Seconds(), "ratio-create")
			b.ReportMetric(again.Seconds()/bareAgain.Seconds(), "ratio-replace")
			n := float64(rounds * models)
			b.ReportMetric(float64(first.Microseconds())/n, "µs/model-create")
			b.ReportMetric(float64(again.Microseconds())/n, "µs/model-replace")
			b.ReportMetric(float64(bareAgain.Microseconds())/n, "µs/model-bare-replace")
		})
	}
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// trivial writes a project of tables of one row.
func trivial(b *testing.B, dir string, models int, fields map[string]string) engine.Options {
	b.Helper()
	text := "name: trivial\ndialect: postgres\ntargets:\n  dev:\n    type: postgres\n    schema: made\n"
	for _, k := range []string{"host", "port", "user", "dbname", "sslmode"} {
		text += fmt.Sprintf("    %s: %q\n", k, fields[k])
	}
	files := map[string]string{"engine.yml": text + "models:\n  +materialized: table\n"}
	for i := range models {
		files[fmt.Sprintf("models/m%04d.sql", i)] = fmt.Sprintf("select %d as id, 'x' as name\n", i)
	}
	if err := os.MkdirAll(filepath.Join(dir, "models"), 0o777); err != nil {
		b.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	return engine.Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{postgres.Driver{}}, SkipAnalysis: true}
}

func reset(b *testing.B, server *pg.Server, database string) {
	b.Helper()
	// One schema at a time: a transaction has room for some thousand locks.
	for _, schema := range []string{"made", "hand"} {
		if err := server.Exec(context.Background(), database, "drop schema if exists "+schema+" cascade"); err != nil {
			b.Fatal(err)
		}
	}
	if err := server.Exec(context.Background(), database, "create schema hand"); err != nil {
		b.Fatal(err)
	}
}

// byHand makes the same tables aside and renames them, each in a transaction of its own.
func byHand(b *testing.B, server *pg.Server, database string, models, jobs int, replace bool) {
	b.Helper()
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, fmt.Sprintf("host=%s user=%s dbname=%s sslmode=disable pool_max_conns=%d", server.Host, pg.User, database, jobs))
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	next := make(chan int)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for i := range next {
				if err := oneByHand(ctx, pool, i, replace); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range models {
		next <- i
	}
	close(next)
	wg.Wait()
}

func oneByHand(ctx context.Context, pool *pgxpool.Pool, i int, replace bool) error {
	if _, err := pool.Exec(ctx, fmt.Sprintf("create table hand.new%04d as select %d as id, 'x' as name", i, i)); err != nil {
		return err
	}
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	if replace {
		if _, err := tx.Exec(ctx, fmt.Sprintf("drop table hand.m%04d", i)); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("alter table hand.new%04d rename to m%04d", i, i)); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
