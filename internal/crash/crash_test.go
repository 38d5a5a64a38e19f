package crash

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	// What the binary under test is made of: without these imports go test would take the
	// result of an older binary for this one's.
	_ "github.com/engine-build/engine/engine"
	_ "github.com/engine-build/engine/engine/example"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// kills is how often the build is killed; ENGINE_KILLS sets another number.
func kills(t *testing.T) int {
	if s := os.Getenv("ENGINE_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 50
}

// TestKilledBuildsAreRepaired kills a build at random moments. After the next build the
// tables must be those of an undisturbed build, with nothing left over.
func TestKilledBuildsAreRepaired(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "engine")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/engine").CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v\n%s", err, out)
	}
	calm, stormy := filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "p")
	for _, dir := range []string{calm, stormy} {
		engine(t, bin, "init", "--example", "manufacturing", "--materials", "200", dir)
	}
	start := time.Now()
	engine(t, bin, "build", "--project-dir", calm)
	whole := time.Since(start)
	want := dump(t, calm)
	if len(want) < 40 {
		t.Fatalf("the undisturbed build made %d relations only", len(want))
	}

	r := rand.New(rand.NewPCG(3, 1))
	died := 0
	for i := range kills(t) {
		// Every third round begins with no database at all, the others rebuild everything.
		if i%3 == 0 {
			if err := os.RemoveAll(filepath.Join(stormy, "target")); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(bin, "build", "--project-dir", stormy, "--full")
		cmd.Env = environ()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after := time.Duration(r.Int64N(int64(whole)))
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(after):
			_ = cmd.Process.Kill()
			if err := <-done; err != nil {
				died++
			}
		}
		engine(t, bin, "build", "--project-dir", stormy)
		if diff := cmp.Diff(want, dump(t, stormy)); diff != "" {
			t.Fatalf("killed after %v (round %d): the next build left other tables (-undisturbed +repaired):\n%s", after, i, diff)
		}
	}
	t.Logf("%d of %d builds were killed while they ran; an undisturbed build takes %v", died, kills(t), whole)
	if died == 0 {
		t.Error("no build was killed while it ran: the test tests nothing")
	}
}

func engine(t *testing.T, bin string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("engine %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// environ fixes the developer's schema.
func environ() []string { return append(os.Environ(), "USER=crash") }

// dump is a hash of the sorted rows of every relation outside the engine's own schema.
// Columns that hold the time of the build are left out.
func dump(t *testing.T, dir string) map[string]string {
	t.Helper()
	db, err := sql.Open("duckdb", filepath.Join(dir, "target", "engine.duckdb")+"?access_mode=read_only")
	if err != nil {
		t.Fatal(err)
	}
	// Views of translated models use functions of the engine's own.
	if err := duckdb.RegisterFunctions(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names := column(t, db, `select table_schema || '.' || table_name from information_schema.tables where table_schema <> '_engine' order by 1`)
	out := map[string]string{}
	for _, name := range names {
		schema, table, _ := strings.Cut(name, ".")
		from := fmt.Sprintf("%q.%q", schema, table)
		if strings.HasSuffix(table, "_snapshot") {
			// A snapshot that compares columns dates its rows by the build; whether a row is current must agree.
			from = "(select * exclude (dbt_scd_id, dbt_updated_at, dbt_valid_from, dbt_valid_to), dbt_valid_to is null from " + from + ")"
		}
		rows := column(t, db, fmt.Sprintf(`select md5(coalesce(string_agg(r, chr(10) order by r), '')) || ' ' || count(*) from (select t::varchar as r from %s as t)`, from))
		out[name] = strings.Join(rows, "")
	}
	if slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "._engine_") }) {
		t.Errorf("staging objects are left over: %v", names)
	}
	return out
}

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
