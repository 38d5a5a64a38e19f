package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// A warehouse that says when a table was modified needs no loaded_at_field.
func TestAgeByTheWarehousesAccount(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	rel := func(name string) addr.Relation { return addr.Relation{Schema: "raw", Name: name} }
	a := accounts{now: now, tables: map[addr.Relation]warehouse.Relation{
		rel("new"):   {Kind: warehouse.Table, Modified: now.Add(-time.Minute)},
		rel("older"): {Kind: warehouse.Table, Modified: now.Add(-2 * time.Hour)},
		rel("old"):   {Kind: warehouse.Table, Modified: now.Add(-72 * time.Hour)},
		rel("seen"):  {Kind: warehouse.View, Modified: now},
		rel("mute"):  {Kind: warehouse.Table},
	}}
	limits := project.Freshness{WarnAfter: project.Period{Count: 1, Unit: "hour"}, ErrorAfter: project.Period{Count: 2, Unit: "day"}}
	got := map[string]string{}
	for _, name := range []string{"new", "older", "old", "seen", "mute", "missing"} {
		r := a.age(&compile.Node{ID: addr.Node{Kind: addr.Source, Name: "raw." + name}, Relation: rel(name), Source: &project.Source{Freshness: &limits}}, 0)
		got[name] = r.Status + r.Error
	}
	want := map[string]string{
		"new": "pass", "older": "warn", "old": "error", "seen": "it is a view and has no loaded_at_field",
		"mute": "it has no loaded_at_field, and the warehouse does not say when its rows last changed", "missing": "it does not exist",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	filtered := limits
	filtered.Filter = "id > 1"
	n := &compile.Node{Relation: rel("new"), Source: &project.Source{Freshness: &filtered}}
	if r := a.age(n, 0); r.Error == "" {
		t.Errorf("a filter that cannot be obeyed is ignored: %+v", r)
	}
	a.err = errors.New("no connection")
	if r := a.age(n, 0); r.Error != "no connection" {
		t.Errorf("%+v", r)
	}
}
