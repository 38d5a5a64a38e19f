package materialize

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
)

func snapshotOf(cfg compile.Config, query string) *compile.Node {
	cfg.Materialized = "snapshot"
	n := model(cfg)
	n.SQL = query
	return n
}

var timeOfBuild = regexp.MustCompile(`20(2[5-9]|[3-9]\d)-\S+ \S+`)

// history is the snapshot's content with the times of builds named n1, n2 … in their order;
// times that came from the data (of January 2024) are written as days.
func (w *world) history(columns, order string) string {
	text := w.rows(fmt.Sprintf("select %s, cast(dbt_valid_from as varchar), cast(dbt_valid_to as varchar) from s.x order by %s, dbt_valid_from", columns, order))
	times := timeOfBuild.FindAllString(text, -1)
	slices.Sort(times)
	for i, at := range slices.Compact(times) {
		text = strings.ReplaceAll(text, at, fmt.Sprintf("n%d", i+1))
	}
	return regexp.MustCompile(`2024-01-(\d\d) 00:00:00`).ReplaceAllString(text, "$1")
}

func TestSnapshotByTime(t *testing.T) {
	steps := []string{
		"(1, 'a', '01'), (2, 'b', '01')",
		"(1, 'A', '05'), (2, 'unseen', '01'), (3, 'c', '04')", // change, insert, change without a new time
		"(1, 'a', '09'), (3, 'c', '04')",                      // revert, delete
		"(1, 'a', '09'), (2, 'b', '01'), (3, 'c', '04')",      // insert again, with the old time
		"(1, 'x', null), (2, 'b', '01'), (3, 'c', '02')",      // a time that is gone, a time that went back
		"(1, 'y', '10'), (2, 'b', '01'), (3, 'c', '02')",
	}
	for _, c := range []struct{ deletes, columns, want string }{
		{"ignore", "id, v", `
1 a 01 05
1 A 05 09
1 a 09 10
1 y 10 -
2 b 01 -
3 c 04 -
`},
		{"invalidate", "id, v", `
1 a 01 05
1 A 05 09
1 a 09 10
1 y 10 -
2 b 01 n1
2 b n2 -
3 c 04 -
`},
		{"new_record", "id, v, dbt_is_deleted", `
1 a False 01 05
1 A False 05 09
1 a False 09 10
1 y False 10 -
2 b False 01 n1
2 b True n1 n2
2 b False n2 -
3 c False 04 -
`},
	} {
		t.Run(c.deletes, func(t *testing.T) {
			bothWays(t, func(t *testing.T, w *world) {
				for i, rows := range steps {
					n := snapshotOf(compile.Config{UniqueKey: []string{"id"}, Strategy: "timestamp", UpdatedAt: "ts", HardDeletes: c.deletes},
						"select id, v, cast('2024-01-' || d as date) as ts from (values "+rows+") as r(id, v, d) -- end")
					w.must(w.build(n, false))
					if i%2 == 0 {
						w.must(w.build(n, true)) // a second build changes nothing, nor does a full refresh
					}
				}
				if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), w.history(c.columns, "id")); d != "" {
					t.Error(d)
				}
				w.want("select count(*) - count(distinct dbt_scd_id) from s.x", "0\n")
			})
		})
	}
}

func TestSnapshotByCheck(t *testing.T) {
	steps := []string{
		"select * from (values (1, 'a', 'p'), (2, null, 'p')) as r(id, v, w)",
		"select * from (values (1, null, 'p'), (2, null, 'p')) as r(id, v, w)", // a value becomes NULL
		"select * from (values (1, null, 'q'), (2, 'b', 'p')) as r(id, v, w)",  // NULL becomes a value
		"select * from (values (1, 'a', 'q'), (2, 'b', 'p')) as r(id, v, w)",   // back to the first value
		"select id, extra, v, w from (values (1, 'a', 'q', null), (2, 'b', 'p', 5)) as r(id, v, w, extra)",
		"select id, extra, v from (values (1, 'z', null), (2, 'b', 5)) as r(id, v, extra)", // a column is gone
	}
	for _, c := range []struct {
		columns []string
		want    string
	}{
		{[]string{"V"}, `
1 a p - n1 n2
1 - p - n2 n4
1 a q - n4 n5
1 z - - n5 -
2 - p - n1 n3
2 b p - n3 -
`},
		{[]string{"all"}, `
1 a p - n1 n2
1 - p - n2 n3
1 - q - n3 n4
1 a q - n4 n6
1 z - - n6 -
2 - p - n1 n3
2 b p - n3 n5
2 b p 5 n5 -
`},
	} {
		t.Run(c.columns[0], func(t *testing.T) {
			bothWays(t, func(t *testing.T, w *world) {
				for i, query := range steps {
					n := snapshotOf(compile.Config{UniqueKey: []string{"id"}, Strategy: "check", CheckCols: c.columns}, query)
					w.must(w.build(n, false))
					if i%2 == 1 {
						w.must(w.build(n, false))
					}
				}
				if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), w.history("id, v, w, extra", "id")); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func TestSnapshotChangesItsWays(t *testing.T) {
	w := newWorld(t, warehouse.Caps{TransactionalDDL: true, Merge: true})
	cfg := compile.Config{UniqueKey: []string{`odd "key`, "k2"}, Strategy: "check", CheckCols: []string{"v"}, HardDeletes: "ignore"}
	query := func(rows string) string {
		return `select a as "odd ""key", k2, v from (values ` + rows + `) as r(a, k2, v)`
	}
	step := func(deletes, rows string) {
		cfg.HardDeletes = deletes
		w.must(w.build(snapshotOf(cfg, query(rows)), false))
	}
	step("ignore", "(1, 'x', 1), (1, 'y', 1)")
	step("ignore", "(1, 'x', 1), (1, 'y', 2)")
	step("new_record", "(1, 'x', 1)")          // y is deleted, and the column for that is new
	step("ignore", "(1, 'x', 1), (1, 'y', 2)") // y is back as it was
	step("invalidate", "(1, 'y', 2)")          // x is deleted
	step("invalidate", "(1, 'x', 1), (1, 'y', 2)")
	want := `
1 x 1 - n1 n5
1 x 1 False n6 -
1 y 1 - n1 n2
1 y 2 - n2 n3
1 y 2 True n3 n4
1 y 2 False n4 -
`
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), w.history(`"odd ""key", k2, v, dbt_is_deleted`, "k2")); d != "" {
		t.Error(d)
	}
}

func TestSnapshotRefuses(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world) {
		cfg := compile.Config{UniqueKey: []string{"id", "k"}, Strategy: "check", CheckCols: []string{"v"}}
		good := "select 1 as id, 'x' as k, 1 as v"
		refused := func(query, message string) {
			t.Helper()
			_, err := w.build(snapshotOf(cfg, query), false)
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("got %v, want %q", err, message)
			}
			w.clean()
		}
		twice := "select * from (values (1, 'x', 1), (1, 'x', 2)) as r(id, k, v)"
		null := "select * from (values (1, null, 1), (1, 'x', 2)) as r(id, k, v)"
		refused(twice, "snapshot x got 2 rows with id = 1, k = x")
		w.must(w.build(snapshotOf(cfg, good), false))
		refused(twice, "snapshot x got 2 rows with id = 1, k = x")
		refused(null, "snapshot x got 1 rows in which unique_key (id, k) is NULL")
		refused("select 1 as id, 'x' as k", `no column "v"`)
		w.want("select id, k, v, dbt_valid_to from s.x", "1 x 1 -\n")

		w.exec("create table s.mine as select 1 as id, 'x' as k, 1 as v")
		foreign := snapshotOf(cfg, good)
		foreign.Relation.Name = "mine"
		existing, _ := w.inspect(w.conn, foreign.Relation)
		if _, ds := Plan(In{Node: foreign, Existing: existing, Caps: w.caps, Words: w.conn.Dialect().Words(), Dialect: w.conn.Dialect()}); len(ds) != 1 || ds[0].Code != codeNotSnapshot {
			t.Errorf("a foreign table gave %v", ds)
		}
	})
}

// TestHistoryTellsThePast builds snapshots of random changes and asks the history, for the
// time after every build, what the data were then.
func TestHistoryTellsThePast(t *testing.T) {
	for _, deletes := range []string{"invalidate", "new_record"} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprint(deletes, seed), func(t *testing.T) {
				w := newWorld(t, warehouse.Caps{TransactionalDDL: true, Merge: true})
				r := rand.New(rand.NewPCG(seed, 1))
				cfg := compile.Config{UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}, HardDeletes: deletes}
				n := snapshotOf(cfg, "select id, v from src.a")
				w.exec("create table src.a (id integer, v varchar)")
				type moment struct{ at, rows string }
				var past []moment
				for range 9 {
					w.exec(randomRows(r)...)
					w.must(w.build(n, false))
					at := strings.TrimSpace(w.rows("select cast(" + w.conn.Dialect().Words().Now() + " as varchar)"))
					past = append(past, moment{at, w.rows("select id, v from src.a order by id")})
				}
				alive := ""
				if deletes == "new_record" {
					alive = " and dbt_is_deleted = 'False'"
				}
				for i, m := range past {
					got := w.rows("select id, v from s.x where dbt_valid_from <= timestamp '" + m.at + "' and (dbt_valid_to is null or dbt_valid_to > timestamp '" + m.at + "')" + alive + " order by id")
					if d := cmp.Diff(m.rows, got); d != "" {
						t.Errorf("after build %d:\n%s", i+1, d)
					}
				}
				w.want("select count(*) from s.x as a join s.x as b on a.id = b.id and a.dbt_scd_id < b.dbt_scd_id and a.dbt_valid_from < coalesce(b.dbt_valid_to, 'infinity') and b.dbt_valid_from < coalesce(a.dbt_valid_to, 'infinity')", "0\n")
				w.want("select count(*) - count(distinct dbt_scd_id), count(*) > 9, count_if(dbt_valid_to <= dbt_valid_from) from s.x", "0 true 0\n")
			})
		}
	}
}

// randomRows replaces the rows of src.a: about half of ten ids, values of few letters or NULL.
func randomRows(r *rand.Rand) []string {
	var values []string
	for id := 1; id <= 10; id++ {
		if r.IntN(2) == 0 {
			continue
		}
		v := "null"
		if r.IntN(4) > 0 {
			v = fmt.Sprintf("'%c'", 'a'+r.IntN(3))
		}
		values = append(values, fmt.Sprintf("(%d, %s)", id, v))
	}
	return []string{"delete from src.a", "insert into src.a select * from (values (0, 'a'), " + strings.Join(append(values, "(-1, null)"), ", ") + ") as r(id, v) where id > 0"}
}

// TestIncrementalEqualsFullRefresh: random batches of changes, after each of which the
// incremental model has the rows that a build from nothing would have.
func TestIncrementalEqualsFullRefresh(t *testing.T) {
	const full = "select * from src.log qualify row_number() over (partition by id, part order by rev desc) = 1"
	for _, strategy := range []string{"merge", "delete+insert", "append"} {
		bothWays(t, func(t *testing.T, w *world) {
			r := rand.New(rand.NewPCG(7, uint64(len(strategy))))
			w.exec("create table src.log (id integer, part varchar, v integer, rev integer)")
			n := model(compile.Config{Materialized: "incremental", IncrementalStrategy: strategy, UniqueKey: []string{"id", "part"}})
			n.SQL = full
			n.IncrementalSQL = "select * from src.log where rev > (select coalesce(max(rev), -1) from s.x) qualify row_number() over (partition by id, part order by rev desc) = 1"
			if strategy == "append" {
				n.SQL, n.IncrementalSQL = "select * from src.log", "select * from src.log where rev > (select coalesce(max(rev), -1) from s.x)"
			}
			rev := 0
			for range 8 {
				values := []string{"(null, null, null, null)"}
				for range r.IntN(20) {
					v := "null"
					if r.IntN(5) > 0 {
						v = fmt.Sprint(r.IntN(100))
					}
					values = append(values, fmt.Sprintf("(%d, '%c', %s, %d)", r.IntN(8), 'a'+r.IntN(2), v, rev))
					rev++
				}
				w.exec("insert into src.log select * from (values " + strings.Join(values, ", ") + ") as r(id, part, v, rev) where id is not null")
				w.must(w.build(n, false))
				if d := cmp.Diff(sortedLines(w.rows(n.SQL)), sortedLines(w.rows("select * from s.x"))); d != "" {
					t.Fatalf("%s:\n%s", strategy, d)
				}
			}
		})
	}
}
