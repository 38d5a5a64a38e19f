package state

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

func written(schema, table, by, loadedAt string) Source {
	return Source{Node: addr.Node{Kind: addr.Source, Name: schema + "." + table}, Relation: addr.Relation{Schema: schema, Name: table}, By: by, LoadedAt: loadedAt}
}

func TestReadOfSources(t *testing.T) {
	c := open(t)
	run := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			apply(t, c, warehouse.SQL{Text: s})
		}
	}
	run("create schema app", "create table app.orders as select 1 as id, timestamp '2024-01-01' as loaded", "create table app.items as select 1 as id, timestamp '2024-01-01' as loaded",
		"create table app.empty (loaded timestamp)", "create table app.blank as select cast(null as timestamp) as loaded", "create view app.seen as select 1 as id, timestamp '2024-01-01' as loaded")
	filtered := written("app", "orders", project.VersionLoadedAt, "loaded")
	filtered.Node.Name, filtered.Filter = "app.filtered", "loaded > timestamp '2023-06-01' -- the last months"
	nothing := filtered
	nothing.Node.Name, nothing.Filter = "app.nothing", "loaded > timestamp '2030-01-01'"
	sources := []Source{
		written("app", "orders", "", ""), written("app", "items", project.VersionAuto, "loaded"), written("app", "seen", "", ""), written("app", "missing", "", ""),
		written("app", "empty", project.VersionLoadedAt, "loaded"), written("app", "blank", project.VersionLoadedAt, "loaded"),
		written("other", "blank", project.VersionNone, ""), written("elsewhere", "lost", project.VersionLoadedAt, "loaded"), filtered, nothing,
	}
	byHand := written("app", "seen", project.VersionLoadedAt, "loaded")
	byHand.Node.Name = "app.by_hand"
	sources = append(sources, byHand)
	read := func() Snapshot {
		t.Helper()
		s, err := Read(ctx, c, mine, nil, sources...)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range sources {
			if (s.Sources[one.Node] == "") == (s.Unversioned[one.Node] == "") {
				t.Errorf("%s: %q and %q: want one of them", one.Node, s.Sources[one.Node], s.Unversioned[one.Node])
			}
		}
		return s
	}
	first := read()
	why := map[string]string{}
	for n, text := range first.Unversioned {
		why[n.Name], _, _ = strings.Cut(text, ":")
	}
	if diff := cmp.Diff(map[string]string{
		"app.seen": "it is a view", "app.missing": "it does not exist, or may not be read", "app.blank": "no row has a value of loaded", "other.blank": "version_by is none",
		"elsewhere.lost": "asking for its version failed", "app.nothing": "the filter of its freshness lets no row through",
	}, why); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(first, read()); diff != "" {
		t.Errorf("without a change: %s", diff)
	}
	for _, step := range []struct {
		sql     string
		changed []string
	}{
		{"insert into app.orders values (2, timestamp '2023-01-01')", []string{"app.orders"}},
		{"insert into app.orders values (3, timestamp '2024-02-01')", []string{"app.orders", "app.filtered"}},
		{"update app.orders set id = id + 1", []string{"app.orders"}},
		{"delete from app.orders where loaded = timestamp '2024-01-01'", []string{"app.orders", "app.filtered"}},
		{"insert into app.empty values (timestamp '2024-02-01')", []string{"app.empty"}},
		{"update app.items set loaded = loaded + interval 1 day", []string{"app.items"}},
		{"create or replace view app.seen as select 1 as id, timestamp '2024-01-02' as loaded", []string{"app.by_hand"}},
	} {
		before := read()
		run(step.sql)
		after := read()
		want := map[string]bool{}
		for _, name := range step.changed {
			want[name] = true
		}
		got := map[string]bool{}
		for n := range before.Sources {
			if before.Sources[n] != after.Sources[n] {
				got[n.Name] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s changes the tokens of (-want +got)\n%s", step.sql, diff)
		}
	}
}

// blind hides the power of a connection to tell versions.
type blind struct{ warehouse.Conn }

func TestSourcesOfAWarehouseThatCannotTell(t *testing.T) {
	s, err := Read(ctx, blind{open(t)}, mine, nil, written("app", "orders", "", ""))
	if err != nil || len(s.Sources) != 0 || len(s.Unversioned) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
