package main

import (
	"strings"
	"testing"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestPlanOnBigQuery and TestPlanOnPostgres: definitions go into the warehouse and come back
// as they were, whatever stands in them, and a plan in a file is applied or refused.
func TestPlanOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
	planOn(t, onBigQuery(peer, "dev"))
}

func TestPlanOnPostgres(t *testing.T) {
	server := pg.Shared(t)
	planOn(t, onPostgres(server, server.Database(t), "dev"))
}

func planOn(t *testing.T, target string) {
	f := newFolder(t)
	odd := `'it''s \ "quoted" größe'`
	odd = strings.ReplaceAll(odd, `''`, `\'`)
	odd = strings.ReplaceAll(odd, `\ `, `\\ `)
	f.write("engine.yml", "name: shop\ntargets: {dev: "+target+"}\n")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}\nselect 1 as id,\n  2 as amount,\n  "+odd+" as note")
	f.write("models/totals.sql", "{{ config \"materialized\" \"table\" }}select sum(amount) as total from {{ ref \"orders\" }}")
	f.write("models/notes.sql", "{{ config \"materialized\" \"table\" }}select note from {{ ref \"orders\" }}")
	f.ends(exitDone, "build", "--no-catalog")
	contains(t, f.ends(exitDone, "plan"), "nothing to do")

	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}\nselect 1 as id,\n  3 as amount,\n  "+odd+" as note")
	contains(t, f.ends(exitDone, "plan", "--out", "plan.json"),
		"~ table dev.orders", "values may change: amount", "-  2 as amount,\n      +  3 as amount,\n", "         "+odd+" as note", "values may change: total", "but nothing of what changes: notes")
	contains(t, f.ends(exitDone, "build", "--plan", "plan.json", "--no-catalog"), "done: 2 built")
	contains(t, f.ends(exitDone, "show", "totals"), "3")
	contains(t, f.ends(exitMistake, "build", "--plan", "plan.json", "--no-catalog"), "plan-outdated", "orders was built by run")
}
