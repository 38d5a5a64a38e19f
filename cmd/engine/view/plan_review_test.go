package view

import (
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
)

// changed is a plan with everything that a review can say.
func changed() *plan.Plan {
	exposure, test := addr.Node{Kind: addr.Exposure, Name: "board"}, check("not_null_orders_amount")
	action := func(name string, verb plan.Verb, materialized string, tests int, reasons ...string) *plan.Action {
		return &plan.Action{Node: model(name), Verb: verb, Materialized: materialized, Relation: rel(name), Reasons: reasons, Tests: make([]plan.Test, tests)}
	}
	p := &plan.Plan{
		Project: "shop", Target: "dev", Kept: map[addr.Kind]int{addr.Model: 12},
		Actions: []*plan.Action{
			action("orders", plan.Replace, "table", 2), action("stg", plan.Replace, "view", 0), action("events", plan.Update, "incremental", 0), action("keys", plan.Replace, "table", 0), action("native", plan.Replace, "table", 0),
			action("report", plan.Replace, "table", 1), action("top", plan.Replace, "table", 0), action("sales", plan.Create, "table", 0, "it does not exist yet"),
			action("daily", plan.Replace, "table", 0, "source app.raw has new rows"), {Node: model("customers"), Verb: plan.Check, Relation: rel("customers"), Reasons: []string{"its tests have not passed on what it holds now"}, Tests: make([]plan.Test, 1)},
		},
		Cost: &plan.Cost{PerTiB: 6.25, Currency: "USD", Actions: []plan.Estimate{{Node: model("orders"), Basis: plan.DryRun, Billed: 3 << 30, Amount: 0.02}}},
		Review: &plan.Review{
			Changes: []plan.Change{
				{Node: model("orders"), How: plan.Direct, Class: plan.Breaking, Path: "models/orders.sql", Rows: true, Last: &plan.Measured{Rows: 12408, Bytes: 2 << 30, Millis: 3210},
					Columns: []plan.ColumnChange{
						{Name: "amount", Verb: plan.ColumnRemoved, From: "FLOAT64", Readers: []plan.Reader{
							{Node: model("report"), Column: "total", Where: "models/report.sql", Before: true}, {Node: model("native"), Where: "models/native.sql", Whole: true},
							{Node: test, Where: "models/orders.yml:7:3"}, {Node: exposure, Where: "models/orders.yml:9:5", Whole: true}}},
						{Name: "order_id", Verb: plan.ColumnRenamed, From: "id"},
						{Name: "state", Verb: plan.ColumnRetyped, From: "STRING", To: "INT64", Readers: readers(9)},
						{Name: "net", Verb: plan.ColumnAdded, To: "NUMERIC"},
						{Name: "a", Verb: plan.ColumnExpression}, {Name: "b", Verb: plan.ColumnExpression}, {Name: "größe", Verb: plan.ColumnExpression},
					},
					Promises: []plan.SettingChange{{Key: "not_null (id)", From: "not_null (id)"}, {Key: "unique (order_id)", To: "unique (order_id)"}},
					Config:   []plan.SettingChange{{Key: "post_hook", From: "1, hash 00", To: "1, hash 01"}},
					Storage:  []plan.SettingChange{{Key: "cluster_by", From: `["id"]`, To: `["order_id"]`}, {Key: "labels", From: `{"a":"b"}`}},
					Diff:     "@@ -1,3 +1,3 @@\n select\n-\tid,\n+\tid as order_id,\n from raw\n",
				},
				{Node: model("stg"), How: plan.Direct, Class: plan.Metadata, Path: "models/stg.sql", Diff: "@@ -1 +1 @@\n-select 1\n+select 1 as one\n"},
				{Node: model("events"), How: plan.Direct, Class: plan.Forward, Path: "models/events.sql", Rows: true, Last: &plan.Measured{Rows: -1, Bytes: -1},
					Diff: "@@ -1 +1 @@\n-select 1\n+select 2\n", IncrementalDiff: "@@ -1 +1 @@\n-select 1 where 1\n+select 2 where 1\n"},
				{Node: model("keys"), How: plan.Direct, Class: plan.Breaking, Path: "models/keys.sql", Grain: [][]string{{"a", "b"}, {}}, Rows: true, Readers: readers(2)},
				{Node: model("native"), How: plan.Direct, Class: plan.Values, Path: "models/native.sql", Rows: true, Unknown: "its query is not analyzed: it is native SQL", Diff: long(90)},
				{Node: model("report"), How: plan.Indirect, Class: plan.Values, Because: []addr.Node{model("orders")}, Rows: true, Columns: []plan.ColumnChange{{Name: "total", Verb: plan.ColumnInput}, {Name: "state", Verb: plan.ColumnInput}, {Name: "c", Verb: plan.ColumnInput}}, Last: &plan.Measured{Rows: 3, Bytes: -1, Millis: 40}},
				{Node: model("top"), How: plan.Indirect, Class: plan.Breaking, Because: []addr.Node{model("orders"), model("report")}, Columns: []plan.ColumnChange{{Name: "total", Verb: plan.ColumnRetyped, From: "FLOAT64", To: "NUMERIC"}}},
				{Node: model("sales"), How: plan.Added, Renamed: model("old_sales")},
				{Node: model("daily"), How: plan.Again, Last: &plan.Measured{Rows: 7, Bytes: -1, Millis: 65000}},
			},
			Removed:  []plan.Removed{{Node: model("old_sales"), Relation: rel("old_sales"), Kind: warehouse.Table, Renamed: model("sales")}, {Node: model("gone"), Relation: rel("gone"), Kind: warehouse.View}},
			Spared:   []addr.Node{model("c1"), model("c2"), model("c3"), model("c4")},
			Behind:   []addr.Node{model("dear")},
			Forecast: &plan.Forecast{Makespan: 73.2, Critical: 70, Jobs: 4, Guessed: 2, Path: []plan.Step{{Node: model("orders"), Seconds: 3.21}, {Node: model("report"), Seconds: 0.04, Guessed: true}, {Node: model("top"), Seconds: 66.75}}},
		},
	}
	return p
}

func readers(n int) []plan.Reader {
	var out []plan.Reader
	for i := range n {
		out = append(out, plan.Reader{Node: model(fmt.Sprint("r", i)), Column: "x", Where: fmt.Sprintf("models/r%d.sql:%d", i, i+1)})
	}
	return out
}

func long(n int) string {
	return fmt.Sprintf("@@ -1,%d +1,%d @@\n", n, n) + strings.Repeat("-select 1\n+select 2\n", n/2)
}

func TestPlanReview(t *testing.T) {
	p := changed()
	again := changed()
	again.Review = &plan.Review{Changes: again.Review.Changes[8:], Forecast: &plan.Forecast{Guessed: 10}}
	again.Actions = again.Actions[8:]
	cases := map[string]string{
		"review":         Screen{Unicode: true}.Plan(p, PlanOptions{}),
		"review_no_diff": Screen{}.Plan(p, PlanOptions{NoDiff: true}),
		"review_verbose": Screen{Verbose: true, Color: true, Unicode: true}.Plan(p, PlanOptions{}),
		"review_narrow":  Screen{Width: 60, Live: true}.Plan(p, PlanOptions{}),
		"review_again":   Screen{}.Plan(again, PlanOptions{}),
	}
	for name, got := range cases {
		t.Run(name, func(t *testing.T) { golden(t, name, visible(got)) })
	}
	for _, line := range strings.Split(Screen{Width: 60}.review(p, PlanOptions{}), "\n") {
		if textWidth(line) > 60 {
			t.Errorf("%d columns on a screen of 60: %s", textWidth(line), line)
		}
	}
}
