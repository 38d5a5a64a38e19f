package run_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// saidBy are the diagnostics of all nodes and tests.
func saidBy(r *run.Result) diag.List {
	out := slices.Clone(r.Diags)
	for _, n := range r.Nodes {
		out = append(out, n.Diags...)
		for _, t := range n.Tests {
			out = append(out, t.Diags...)
		}
	}
	return out
}

// TestCodes: every code of this room is said in its case, at the user's file. Those that
// have a test of their own elsewhere are hook-failed, run-stumbled, not-published, budget-spent, lease-lost and deadline-reached.
func TestCodes(t *testing.T) {
	said := map[diag.Code]diag.Diagnostic{"hook-failed": {}, "run-stumbled": {}, "not-published": {}, "run-not-published": {}, "budget-spent": {}, "lease-lost": {}, "deadline-reached": {}}
	for _, c := range []struct {
		name          string
		before, after map[string]string
		sql           string
		at            string
	}{
		{"test-failed", map[string]string{"models/m.sql": "select 1 as id union all select 1", "models/p.yml": uniqueID}, nil, "", "models/p.yml"},
		{"unit-test-failed", map[string]string{"models/m.sql": "select 1 as id", "models/p.yml": "unit_tests: [{name: u, model: m, given: [], expect: {rows: [{id: 2}]}}]"}, nil, "", "models/p.yml"},
		{"schema-changed",
			map[string]string{"models/m.sql": "{{ config \"materialized\" \"incremental\" \"on_schema_change\" \"fail\" }}select 1 as id"},
			map[string]string{"models/m.sql": "{{ config \"materialized\" \"incremental\" \"on_schema_change\" \"fail\" }}select 2 as id, 3 as more"}, "", "models/m.sql"},
		{"contract-broken",
			// What a file holds is known once it is read.
			map[string]string{"models/m.sql": "{{ config \"dialect\" \"duckdb\" \"contract\" (dict \"enforced\" true) }}select file as id from glob('*.nothing')", "models/p.yml": "models: [{name: m, columns: [{name: id, data_type: STRING}, {name: more, data_type: INT64}]}]"}, nil, "", "models/m.sql"},
		{"failures-not-stored",
			map[string]string{"models/m.sql": "select 1 as id", "models/p.yml": strings.Replace(uniqueID, "[unique]", "[{unique: {config: {store_failures: true}}}]", 1)},
			map[string]string{"models/m.sql": "select 1 as id union all select 1"}, "create view dev_test_failures.unique_m_id as select 1 as a", "models/p.yml"},
		{"rows-not-mergeable",
			map[string]string{"snapshots/s.sql": "{{ config \"unique_key\" \"id\" \"strategy\" \"check\" \"check_cols\" \"all\" }}select 1 as id union all select 1"}, nil, "", "snapshots/s.sql"},
		{"state-not-written",
			map[string]string{"models/m.sql": "select 1 as id"},
			map[string]string{"engine.yml": settings + "on-run-end: [drop table _engine.runs]\n", "models/m.sql": "select 2 as id"}, "", ""},
		{"ancestry-cycle",
			map[string]string{"models/m.sql": "{{ config \"materialized\" \"ancestry\" }}select 1 as parent, 2 as child union all select 2, 1"}, nil, "", "models/m.sql"},
		{"ancestry-edges",
			map[string]string{"models/m.sql": "{{ config \"materialized\" \"ancestry\" }}select 1 as parent, 2 as child union all select 2, 2"}, nil, "", "models/m.sql"},
		{"ancestry-too-large",
			map[string]string{"models/m.sql": "{{ config \"materialized\" \"ancestry\" \"ancestry\" (dict \"max_pairs\" 1) }}select 1 as parent, 2 as child union all select 2, 3"}, nil, "", "models/m.sql"},
		{"ancestry-failed",
			// A type that GoogleSQL has no word for is not checked offline.
			map[string]string{"models/m.sql": "{{ config \"materialized\" \"ancestry\" }}select map {1: 2} as parent, map {2: 3} as child"}, nil, "", "models/m.sql"},
		{"seed-row",
			// A number that looks right and is too large: the offline check lets it pass.
			map[string]string{"seeds/s.csv": "id\n1\n", "seeds/s.yml": "seeds: [{name: s, config: {column_types: {id: 'decimal(3,1)'}}}]"},
			map[string]string{"seeds/s.csv": "id\n1\n1234\n"}, "", "seeds/s.csv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, c.before)
			r := s.build(nil)
			if c.sql != "" {
				if _, err := s.conn.Exec(context.Background(), warehouse.Statement{SQL: c.sql}); err != nil {
					t.Fatal(err)
				}
			}
			if c.after != nil {
				s.write(c.after)
				r = s.build(nil)
			}
			for _, d := range saidBy(r) {
				if d.Code != diag.Code(c.name) {
					continue
				}
				said[d.Code] = d
				if at := d.At; c.at != "" && (at.IsZero() || at.File.Path != c.at) {
					t.Errorf("it stands at %s", d.Error())
				}
				return
			}
			t.Errorf("it is not said: %v", saidBy(r))
		})
	}
	for _, e := range run.Codes {
		if _, ok := said[e.Code]; !ok {
			t.Errorf("code %s has no case", e.Code)
		}
	}
}

// withoutTransactions cannot begin one, as a warehouse that has run out of room.
type withoutTransactions struct{ warehouse.Conn }

func (withoutTransactions) Begin(context.Context) (warehouse.Tx, error) {
	return nil, errors.New("no space left")
}

func TestNotPublished(t *testing.T) {
	s := newShop(t, map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select 1 as id"})
	s.build(nil)
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select 2 as id"})
	pl, conn := s.plan(nil), s.conn
	s.conn = withoutTransactions{conn}
	r, err := s.apply(context.Background(), pl, nil)
	s.conn = conn
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "m errored (not-published)")
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("m has %v", got)
	}
	s.noStaging()
}
